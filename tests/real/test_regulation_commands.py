"""``khue regulation`` against a centre: from a folder of files to a version in force, and back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from centre_world import world
from click.testing import CliRunner, Result

from khue.cli.regulation import regulation


async def test_a_version_goes_from_files_to_force_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as city:
        admin = await city.client()
        token = (await admin.post("/api/v1/tokens", json={"name": "commands", "expires_days": 1})).json()["token"]
        monkeypatch.setenv("KHUE_URL", city.centre.url)
        monkeypatch.setenv("KHUE_TOKEN", token)

        async def run(*arguments: str) -> Result:
            return await asyncio.to_thread(CliRunner().invoke, regulation, list(arguments))

        folder = tmp_path / "hanoi-2027.1"
        assert (await run("show", "--out", str(folder))).exit_code == 0  # the one in force
        for name, before, after in (
            ("regulation.toml", 'id = "hanoi-2026.1"', 'id = "hanoi-2027.1"'),
            ("break_glass.toml", "minutes = 60", "minutes = 30"),
            ("rights.toml", '["broadcaster"]\nrights = ["live"]', '["broadcaster"]\nrights = ["live", "ptz"]'),
        ):
            text = (folder / name).read_text(encoding="utf-8")
            (folder / name).write_text(text.replace(before, after, 1), encoding="utf-8")
        assert (await run("load", str(folder))).exit_code == 0
        assert "loaded before" in str((await run("load", str(folder))).exception)
        told = json.loads((await run("diff", "hanoi-2026.1", "hanoi-2027.1", "--json")).stdout)
        assert [(rule["kind"], rule["right"], rule["posts"]) for rule in told["rules"]] == [("broadcaster", "ptz", 0)]
        assert [setting["key"] for setting in told["settings"]] == ["break_glass.minutes"]
        assert (await run("test", "hanoi-2027.1")).output.startswith("24 of 24")
        past = await run("activate", "hanoi-2027.1", "--from", "2020-01-01", "--reason", "r")
        assert past.exit_code == 1 and "from now on or from later" in str(past.exception)
        later = await run("activate", "hanoi-2027.1", "--from", "2099-01-01", "--reason", "r")
        assert later.exit_code == 0 and "2099-01-01T00:00:00+07:00" in later.output  # midnight in the city
        assert (await run("withdraw", "hanoi-2027.1", "--reason", "r")).exit_code == 0
        assert (await run("activate", str(folder), "--reason", "thay thế")).exit_code == 0  # loaded already
        states = {item["id"]: item["state"] for item in json.loads((await run("versions", "--json")).stdout)["items"]}
        assert states == {"hanoi-2027.1": "in_force", "hanoi-2026.1": "past"}
        assert json.loads((await run("show", "--json")).stdout)["break_glass"]["minutes"] == 30
        assert (await run("activate", "hanoi-2026.1", "--reason", "quay lại")).exit_code == 0
        assert json.loads((await run("show", "--json")).stdout)["id"] == "hanoi-2026.1"
        assert "no such version" in str((await run("activate", "nowhere", "--reason", "r")).exception)
