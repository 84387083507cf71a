"""``khue request`` as several people use it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from requests_world import City, Person, city

from khue.cli.request import request
from khue.model.errors import KhueError


async def _run(here: City, who: Person, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    token = (await who.ask("POST", "/tokens", {"name": "cli", "expires_days": 1}, expect=201))["token"]
    monkeypatch.setenv("KHUE_URL", here.world.centre.url)
    monkeypatch.setenv("KHUE_TOKEN", token)
    monkeypatch.delenv("KHUE_DATA", raising=False)
    return await asyncio.to_thread(CliRunner().invoke, request, list(words))


async def test_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    async with city() as here:
        asker, owner, colleague = here["asker"], here["owner"], here["colleague"]

        async def run(who: Person, *words: str) -> Any:
            result = await _run(here, who, monkeypatch, *words, "--json")
            assert result.exit_code == 0, (result.output, result.exception)
            return json.loads(result.stdout)

        about = ("--right", "live", "--camera", here.traffic, "--reason", "đám đông")
        made = await run(asker, "ask", *about, "--purpose", "situation", "--until", "8h")
        assert made["items"][0]["state"] == "open"
        listed = await run(owner, "list")
        assert [one["id"] for one in listed["items"]] == [made["id"]]
        plain = await _run(here, owner, monkeypatch, "list")
        assert made["id"][:5] in plain.output and "Asker" in plain.output
        approved = await run(owner, "approve", made["id"], "--basis", "CV 1", "--until", "1h", "--hours", "00:00-23:59")
        assert approved["state"] == "narrowed"
        again = await _run(here, owner, monkeypatch, "refuse", made["id"], "--reason", "muộn")
        assert isinstance(again.exception, KhueError) and "decided already" in str(again.exception)
        made = await run(asker, "ask", *about, "--purpose", "situation", "--until", "30m")
        assert (await run(owner, "refuse", made["id"], "--reason", "không"))["decision"] == "không"
        made = await run(asker, "ask", *about, "--purpose", "situation", "--until", "30m")
        assert (await run(asker, "withdraw", made["id"]))["state"] == "withdrawn"
        wrong = await _run(here, asker, monkeypatch, "ask", *about, "--purpose", "situation", "--until", "soon")
        assert wrong.exit_code == 2 and "neither a period" in wrong.output

        opened = await run(asker, "emergency", *about)
        assert opened["state"] == "waiting"
        assert (await run(colleague, "confirm", opened["id"]))["state"] == "in_force"
        assert (await run(owner, "emergencies", "--state", "in_force"))["items"][0]["id"] == opened["id"]
        assert (await run(asker, "end", opened["id"], "--reason", "xong"))["state"] == "ended"
        reviewed = await run(here["inspector"], "review", opened["id"], "justified", "--text", "đúng")
        assert reviewed["verdict"] == "justified"
        plain = await _run(here, here["inspector"], monkeypatch, "notices", "--read")
        assert "Khẩn cấp" in plain.output and "Emergency" in plain.output
        assert (await run(here["inspector"], "notices"))["unread"] == 0
