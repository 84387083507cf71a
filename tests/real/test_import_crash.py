"""A centre killed with -9 while it applies an import: nothing is half done, and the import can be applied again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from import_world import csv, line
from product import until

from khue.cli.api import Api


@contextlib.contextmanager
def _centre(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Api]]:
    command = [sys.executable, "-m", "khue.run", "centre", "--data", str(folder), "--port", "0"]
    with subprocess.Popen(
        [*command, "--json", "--own-token", "--die-with-parent"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = msgspec.json.decode(process.stdout.readline())
            with Api(told["url"], told["token"]) as api:
                yield process, api
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def _ended(api: Api, import_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] = api.call("GET", f"/imports/{import_id}")
    return None if found["state"] in ("planning", "applying", "undoing") else found


def _applying(api: Api, import_id: str) -> dict[str, Any] | None:
    """Some of its cameras are written, but nobody sees them yet."""
    found: dict[str, Any] = api.call("GET", f"/imports/{import_id}")
    assert found["state"] == "applying", "it was over before it could be killed; give it more rows"
    return found if found["progress"] > 0 else None


def test_a_centre_killed_while_applying_leaves_nothing_half_done(tmp_path: Path) -> None:
    folder = tmp_path / "centre"
    sheet = tmp_path / "a.csv"
    sheet.write_bytes(csv([line(number) for number in range(1, 8_001)]))
    with _centre(folder) as (process, api):
        import_id = api.call("POST", "/imports", {"name": "killed"})["id"]
        api.upload(f"/imports/{import_id}/files/a.csv", sheet)
        api.call("POST", f"/imports/{import_id}/plan")
        planned = until(lambda: _ended(api, import_id), 60)
        assert planned["counts"]["created"] == 8_000, planned
        api.call("POST", f"/imports/{import_id}/apply")
        until(lambda: _applying(api, import_id), 60)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
    with _centre(folder) as (_, api):
        assert api.call("GET", "/inventory/index")["total"] == 0
        # Its lease was the dead one's: until it is over, somebody else might still be at work.
        found = until(lambda: _ended(api, import_id), 60)
        assert (found["state"], found["counts"]["created"]) == ("planned", 8_000)
        assert "interrupted" in found["error"]
        api.call("POST", f"/imports/{import_id}/apply")
        applied = until(lambda: _ended(api, import_id), 90)
        assert applied["state"] == "applied", applied
        assert api.call("GET", "/inventory/index")["total"] == 8_000
