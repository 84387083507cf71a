"""``python -m khue.sim``: a city as a process of its own, with its control interface."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from sim_peer import SMALLER, numbers, playing, small_camera, until


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def config(tmp_path):
    cameras = [small_camera(name, onvif=True, sub=SMALLER, label="process") for name in ("a", "b")]
    path = tmp_path / "city.json"
    path.write_bytes(msgspec.json.encode({"cameras": cameras}))
    return path


@asynccontextmanager
async def started(*arguments):
    """The process and the JSON line it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "khue.sim", *arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield process, json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _get(url):
    def fetch():
        with urllib.request.urlopen(url, timeout=10) as reply:
            return json.load(reply)

    return await asyncio.to_thread(fetch)


async def _post(url, body):
    def send():
        request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return await asyncio.to_thread(send)


async def test_cards_control_and_a_clean_end(config):
    async with started("--config", str(config)) as (process, told):
        control = told["control"]
        a = told["cameras"][0]
        assert (a["name"], a["username"], a["password"]) == ("a", "admin", "Khue-2026")
        assert a["main"].startswith("rtsp://127.0.0.1:")
        assert a["onvif"].endswith("/onvif/device_service")
        assert await _get(f"{control}/cameras") == told["cameras"]
        async with playing(a["main"]) as peer:
            await until(lambda: peer.pictures() >= 12)
            sessions = (await _get(f"{control}/sent?camera=a&stream=main"))["sessions"]
            assert sessions[0]["loop"] == 20
            assert sessions[0]["ended"] is None
            sent = [index % 20 for index in sessions[0]["index"]]
            got = numbers(peer.track())
            assert got[: len(sent)] == sent[: len(got)]
            assert await _post(f"{control}/fault", {"camera": "a", "fault": "slow-link", "bytes_per_s": 9000}) == (
                200,
                {},
            )
            assert (await _get(f"{control}/stats"))["troubles"] == {"a": ["slow-link"]}
            assert await _post(f"{control}/clear", {"camera": "a"}) == (200, {})
            await _post(f"{control}/fault", {"camera": "a", "fault": "reset"})
            await until(lambda: peer.closed)
        stats = await _get(f"{control}/stats")
        assert (stats["cameras"], stats["playing"]) == (2, 0)
        assert stats["frames_sent"] >= 12
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_control_says_what_is_wrong(config):
    async with started("--config", str(config)) as (_, told):
        control = told["control"]
        for path, body, status in (
            ("fault", {"camera": "nobody", "fault": "dead"}, 404),
            ("fault", {"camera": "a", "fault": "sleepy"}, 400),
            ("fault", {"camera": "a", "fault": "loss", "percent": "much"}, 400),
            ("fault", ["a"], 400),
            ("nowhere", {}, 404),
        ):
            got, answer = await _post(f"{control}/{path}", body)
            assert (got, bool(answer["error"])) == (status, True)


async def test_it_dies_with_its_parent(config):
    """The parent is killed outright; nothing may be left."""
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'khue.sim', '--config', {str(config)!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(100)\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 60))
    parent.kill()
    await parent.wait()
    await until(lambda: _gone(pid))


def _gone(pid):
    """No such process, or one that only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_bench_city(number):
    async with started("--cameras", "2", "--kbps", "300", "--fps", "2") as (process, told):
        names = [camera["name"] for camera in told["cameras"]]
        assert names == ["bench-0000", "bench-0001"]
        assert all(not camera["sub"] and not camera["onvif"] for camera in told["cameras"])
        os.kill(process.pid, number)
        assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.mark.parametrize("text", ["{}", '{"cameras": [{"name": "a", "colour": "red"}]}',
                                  '{"cameras": [{"name": "a", "family": "nikon"}]}'])  # fmt: skip
def test_a_wrong_configuration_is_told(tmp_path, text):
    path = tmp_path / "city.json"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "khue.sim", "--config", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
