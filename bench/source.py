"""The one source of a run: a simulated city as a process of its own, asked afterwards which pictures it really sent."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Literal, NamedTuple

import blake3
import msgspec

from khue.sim.demo import BENCH_SCENES, bench_city
from khue.sim.encode import load_scene
from khue.sim.ledger import SentSession

PROJECT = Path(__file__).resolve().parent.parent
START_LIMIT_S = 600.0  # the first city of a kind encodes its scenes; afterwards they are in the cache
Codec = Literal["h264", "h265"]


class Camera(NamedTuple):
    """What an engine is told."""

    name: str
    url: str  # without credentials
    username: str
    password: str

    @property
    def url_with_credentials(self) -> str:
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{self.username}:{self.password}@{rest}"


class City(NamedTuple):
    """What is asked of the source."""

    cameras: int
    kbps: int
    codec: Codec = "h264"
    fps: float = 15.0


class _Sent(msgspec.Struct):
    sessions: list[SentSession]


class Source:
    """A context: the city runs inside it."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.cameras: list[Camera] = []
        self._scenes: dict[int, dict[bytes, int]] = {}

    def __enter__(self) -> Source:
        city = self.city
        command = [sys.executable, "-m", "khue.sim", "--cameras", str(city.cameras), "--kbps", str(city.kbps)]
        command += ["--codec", city.codec, "--fps", str(city.fps)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0)
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_LIMIT_S)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            self.__exit__()
            raise RuntimeError("the simulated city did not start: run `python -m khue.sim --cameras 2` to see why")
        told = json.loads(line)
        self._control = told["control"]
        self.cameras = [Camera(c["name"], c["main"], c["username"], c["password"]) for c in told["cameras"]]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def playing(self) -> int:
        """Sessions that play now."""
        with urllib.request.urlopen(f"{self._control}/stats", timeout=30) as reply:
            return int(json.load(reply)["playing"])

    def wait_until_idle(self, limit_s: float = 15.0) -> None:
        """Until the sessions of the engine before are gone."""
        deadline = time.monotonic() + limit_s
        while self.playing() and time.monotonic() < deadline:
            time.sleep(0.1)

    def sent(self, camera: Camera, since: float) -> list[SentSession]:
        """The sessions of a camera that began after ``since`` (seconds since 1970)."""
        query = urllib.parse.urlencode({"camera": camera.name, "stream": "main"})
        with urllib.request.urlopen(f"{self._control}/sent?{query}", timeout=30) as reply:
            sessions = msgspec.json.decode(reply.read(), type=_Sent).sessions
        return [session for session in sessions if session.started >= since * 1_000_000]

    def scene(self, number: int) -> dict[bytes, int]:
        """Digest of each picture's slices -> its place in the loop, for the scene that camera ``number`` shows."""
        city, which = self.city, number % BENCH_SCENES
        if which not in self._scenes:
            camera = bench_city(which + 1, city.kbps, city.codec, city.fps)[which]
            frames = load_scene(camera.scene_spec("main")).frames
            self._scenes[which] = {picture_digest(slices): place for place, slices in enumerate(frames)}
        return self._scenes[which]


def picture_digest(slices: tuple[bytes, ...] | list[bytes]) -> bytes:
    """Identity of a coded picture: its slices, parameter sets and SEI apart.

    Zero bytes behind a slice are padding and no part of it (ITU-T H.265 annex B.2); ffmpeg leaves one.
    """
    return bytes(blake3.blake3(b"".join(one.rstrip(b"\0") for one in slices)).digest(16))
