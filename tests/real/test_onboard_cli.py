"""``khue probe``, ``khue discover`` and ``khue camera rotate-password`` against a running centre."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result
from onboard_world import PASSWORD, RTSP, WEB, Scene, camera, scene

from khue.cli.onboard import discover, probe_command, rotate_password
from khue.model.errors import KhueError

Run = Callable[..., "asyncio.Future[Result]"]


async def _runner(it: Scene, monkeypatch: pytest.MonkeyPatch) -> Run:
    token = (await it.client.post("/api/v1/tokens", json={"name": "cli", "expires_days": 1})).json()["token"]
    monkeypatch.setenv("KHUE_URL", it.world.centre.url)
    monkeypatch.setenv("KHUE_TOKEN", token)
    monkeypatch.delenv("KHUE_DATA", raising=False)

    def run(command: object, *words: str) -> asyncio.Future[Result]:
        return asyncio.ensure_future(asyncio.to_thread(CliRunner().invoke, command, list(words)))

    return run


async def test_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(camera("a", 3, shows_itself=True, serial="SN-3"), camera("b", 4)) as it:
        record = await it.register("a", host=f"127.8.0.3:{WEB}", serial="OTHER")
        await it.adopt(record, "a")
        run = await _runner(it, monkeypatch)
        ports = ("--port", str(RTSP), "--port", str(WEB))
        result = await run(discover, "--node", "n1", "--range", "127.8.0.0/29", *ports, "--json")
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert [one["address"] for one in sorted(told["found"], key=lambda one: one["address"])] == [
            "127.8.0.3",
            "127.8.0.4",
        ]
        assert told["state"] == "done" and told["total"] == 6
        result = await run(discover, "--node", "n1", "--range", "127.8.0.0/29", *ports)
        assert "6 addresses asked, 2 devices found" in result.output and record[:4] in result.output
        result = await run(discover, "--node", "n1", "--range", "127.9.0.0/29")
        assert isinstance(result.exception, KhueError) and "outside" in str(result.exception)

        result = await run(probe_command, "--camera", record, "--json")
        assert result.exit_code == 0 and json.loads(result.stdout)["resolved_by"] == "onvif"
        result = await run(probe_command, "--camera", record)
        assert "the registry says serial OTHER, the camera SN-3" in result.output
        result = await run(probe_command, it.city.url("b"), "--user", "admin", "--password", PASSWORD, "--json")
        assert result.exit_code == 0 and json.loads(result.stdout)["resolved_by"] == "given"
        assert PASSWORD not in result.output

        result = await run(rotate_password, record, "--json")
        assert result.exit_code == 0 and json.loads(result.stdout)["changed"] is True
        assert it.city.password("a") != PASSWORD and it.city.password("a") not in result.output
        result = await run(rotate_password, record, "--password", "Chon-lay-2027")
        assert "proved by signing in" in result.output and it.city.password("a") == "Chon-lay-2027"
        result = await run(rotate_password, "nope")
        assert isinstance(result.exception, KhueError) and "no such camera" in str(result.exception)
