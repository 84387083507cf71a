"""The engines that are compared: how each is started, how one knows that it records, and what it wrote."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import process
from bench.frames import mp4_pictures, unwrap, whole_pictures
from bench.source import PROJECT, Camera, Source
from bench.spread import spread
from khue.model.camera import StreamName
from khue.sim.ledger import SentSession
from khue.video.index import Index
from khue.video.reading import LogReader

STOP_LIMIT_S = 30.0
_DEBIAN_PYTHON = "/usr/bin/python3"
_FOREVER = 2**62


class Engine:
    """One engine recording some cameras into a folder. `start` once, `stop` once, then ask what was `written`."""

    name = ""
    what = ""

    def __init__(self, source: Source, cameras: Sequence[Camera], folder: Path) -> None:
        self.source, self.cameras, self.folder = source, cameras, folder
        self.notes: dict[str, Any] = {}
        self._processes: list[subprocess.Popen[bytes]] = []

    @staticmethod
    def missing() -> str:
        """Why it cannot run on this machine; empty when it can."""
        return ""

    def start(self) -> None:
        raise NotImplementedError

    def advance(self) -> None:
        """Called while it comes up; engines that must not start everything at once go on here."""

    def recording(self) -> int:
        """Cameras of which something is recorded."""
        raise NotImplementedError

    def parts(self) -> dict[str, set[int]]:
        """Its living processes by role."""
        return {"engine": process.tree(p.pid for p in self._processes)}

    def written(self, number: int, sent: Sequence[SentSession]) -> set[int]:
        """Which pictures of camera ``number`` are wholly on disk, as indexes or RTP timestamps (see ``named_by``)."""
        raise NotImplementedError

    named_by = "timestamp"

    def stop(self) -> None:
        """Let everything end in order."""
        for running in self._processes:
            if running.poll() is None:
                running.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_LIMIT_S
        for running in self._processes:
            try:
                running.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()

    def _program(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program that reads the cameras; what it prints goes to ``program.out``."""
        with (self.folder / "program.out").open("wb") as out, (self.folder / "program.err").open("wb") as err:
            started = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=out, stderr=err, cwd=PROJECT, process_group=0
            )
        assert started.stdin is not None
        started.stdin.write(json.dumps(self.cameras).encode())
        started.stdin.close()
        self._processes.append(started)
        return started

    def _told(self) -> dict[str, Any]:
        """The last whole line the program printed."""
        lines = (self.folder / "program.out").read_bytes().rpartition(b"\n")[0].splitlines()
        return json.loads(lines[-1]) if lines else {"recording": 0}


class Khue(Engine):
    name = "khue"
    what = "khue node: one worker; hash chain, loss accounting, index"

    def start(self) -> None:
        self._program(sys.executable, "-m", "bench.programs.khue_node", str(self.folder / "node"))

    def recording(self) -> int:
        return int(self._told()["recording"])

    def parts(self) -> dict[str, set[int]]:
        workers = process.tree(self._told().get("workers", ()))
        return {"worker": workers, "main": process.tree(p.pid for p in self._processes) - workers}

    def stop(self) -> None:
        super().stop()
        told = self._told()
        self.notes["packets_lost"] = told.get("packets_lost")
        self.notes["started_s"] = told.get("started_s")
        self.notes["recording_after_s"] = spread(list(told.get("after", {}).values()))

    def written(self, number: int, sent: Sequence[SentSession]) -> set[int]:
        index = Index(self.folder / "node" / "index.sqlite")
        reader = LogReader(self.folder / "node", index)
        try:
            stream = index.find_stream(self.cameras[number].name, StreamName.MAIN)
            rows = index.blocks(stream, 0, _FOREVER) if stream is not None else []
            return whole_pictures(b"".join(reader.read(row).payload for row in rows))
        finally:
            reader.close()
            index.close()


class FloorA(Engine):
    name = "floor_a"
    what = "floor A: receive and write as it comes, a file per camera"

    def start(self) -> None:
        self._program(sys.executable, "-m", "bench.programs.floor", "a", str(self.folder))

    def recording(self) -> int:
        return int(self._told()["recording"])

    def written(self, number: int, sent: Sequence[SentSession]) -> set[int]:
        return whole_pictures((self.folder / f"{number}.rtp").read_bytes())


class FloorB(FloorA):
    name = "floor_b"
    what = "floor B: receive at a 20 ms pace, 512 KB O_DIRECT writes to one file"

    def start(self) -> None:
        self._chunks: list[list[tuple[int, int]]] = []
        self._program(sys.executable, "-m", "bench.programs.floor", "b", str(self.folder))

    def written(self, number: int, sent: Sequence[SentSession]) -> set[int]:
        if not self._chunks:
            self._chunks = [[] for _ in self.cameras]
            offset = 0
            for whose, length in json.loads((self.folder / "chunks.json").read_text()):
                self._chunks[whose].append((offset, length))
                offset += length + -length % 4096
        parts = []
        with (self.folder / "all.rtp").open("rb") as file:
            for offset, length in self._chunks[number]:
                file.seek(offset)
                parts.append(file.read(length))
        return whole_pictures(b"".join(parts))


class _Mp4Engine(Engine):
    """Writes MP4 files whose names begin with the camera's number."""

    named_by = "index"
    pattern = "{number}.mp4"

    def recording(self) -> int:
        return sum(1 for number in range(len(self.cameras)) if self._has_begun(number))

    def _has_begun(self, number: int) -> bool:
        files = self._files(number)
        return bool(files) and files[0].stat().st_size > 0

    def _files(self, number: int) -> list[Path]:
        path = self.folder / self.pattern.format(number=number)
        return [path] if path.exists() else []

    def written(self, number: int, sent: Sequence[SentSession]) -> set[int]:
        if not sent or not sent[0].index:
            return set()
        scene = self.source.scene(number)
        places = list(mp4_pictures(self._files(number), self.source.city.codec, scene))
        foreign = places.count(-1)
        if foreign:
            self.notes["samples_not_as_sent"] = self.notes.get("samples_not_as_sent", 0) + foreign
        return unwrap(places, sent[0].index[0], sent[0].loop)


class Pyav(_Mp4Engine):
    name = "pyav"
    what = "PyAV: a thread per camera, remux to fragmented MP4"

    def start(self) -> None:
        self._program(sys.executable, "-m", "bench.programs.pyav_threads", str(self.folder))


class Gstreamer(_Mp4Engine):
    name = "gstreamer"
    what = "Debian's GStreamer: a pipeline per camera in one process, fragmented MP4"

    @staticmethod
    def missing() -> str:
        check = "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst"
        if (
            not Path(_DEBIAN_PYTHON).exists()
            or subprocess.run([_DEBIAN_PYTHON, "-c", check], capture_output=True).returncode
        ):
            return "install Debian's python3-gi and gir1.2-gstreamer-1.0"
        return ""

    def start(self) -> None:
        program = PROJECT / "bench" / "programs" / "gstreamer.py"
        self._program(_DEBIAN_PYTHON, str(program), str(self.folder), self.source.city.codec)


class Ffmpeg(_Mp4Engine):
    name = "ffmpeg"
    what = "Debian's ffmpeg: a process per camera, -c copy to 10 s segments of fragmented MP4"
    starts = 24  # probing a stream costs more than recording it: not all at once

    @staticmethod
    def missing() -> str:
        return "" if shutil.which("ffmpeg") else "install ffmpeg"

    def start(self) -> None:
        self._waiting = deque(range(len(self.cameras)))
        self._starting: set[int] = set()

    def advance(self) -> None:
        self._starting = {n for n in self._starting if not self._has_begun(n) and self._processes[n].poll() is None}
        while self._waiting and len(self._starting) < self.starts:
            number = self._waiting.popleft()
            self._launch(number)
            self._starting.add(number)

    def _launch(self, number: int) -> None:
        command = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            "ffmpeg",
            "-nostdin",
            "-loglevel",
            "error",
            "-rtsp_transport",
            "tcp",
        ]
        command += ["-i", self.cameras[number].url_with_credentials, "-c", "copy", "-an"]
        command += ["-f", "segment", "-segment_time", "10", "-segment_format", "mp4"]
        command += ["-segment_format_options", "movflags=frag_keyframe+empty_moov+default_base_moof"]
        with (self.folder / f"{number}.err").open("wb") as err:
            self._processes.append(
                subprocess.Popen(
                    [*command, str(self.folder / f"{number}_%04d.mp4")],
                    stdout=err,
                    stderr=err,
                    process_group=0,
                )
            )

    def _files(self, number: int) -> list[Path]:
        numbered = (self.folder / f"{number}_{part:04d}.mp4" for part in itertools.count())
        return list(itertools.takewhile(Path.exists, numbered))

    def _has_begun(self, number: int) -> bool:
        path = self.folder / f"{number}_0000.mp4"
        return path.exists() and path.stat().st_size > 0


ENGINES: dict[str, Callable[[Source, Sequence[Camera], Path], Engine]] = {
    engine.name: engine for engine in (Khue, FloorB, FloorA, Pyav, Gstreamer, Ffmpeg)
}
MISSING: dict[str, Callable[[], str]] = {
    engine.name: engine.missing for engine in (Khue, FloorB, FloorA, Pyav, Gstreamer, Ffmpeg)
}
WHAT: dict[str, str] = {engine.name: engine.what for engine in (Khue, FloorB, FloorA, Pyav, Gstreamer, Ffmpeg)}
