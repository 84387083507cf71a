"""Measure one engine with one number of cameras.

What is compared, exactly:

- **cpu_ms_per_camera_second**: user + system time of every process of the engine (children that ended included), as the
  operating system counts it, over the steady window, divided by cameras and seconds. The window begins `SETTLE_S` after
  the last camera records. Not in it, for any engine: the kernel's own threads (writeback of the page cache for engines
  that do not write with O_DIRECT) and the sending half of the loopback, which is the source's.
- **rss_mb_per_camera**: resident memory of the same processes at the end of the window (proportional share: what several of
  them map counts once), divided by cameras.
- **frames_lost**: pictures the simulated cameras sent within the window (the kernel took the last byte) that are not, whole, in
  what the engine wrote (`bench.frames`). The engine has `GRACE_S` after the window to write them.
- **frames_unsent**: pictures that were due within the window but could not be sent: the engine did not take them in time, or
  broke the connection. One per camera may fall outside the window's edge. (A source that is short of processor time
  itself shows as ``source_late_ms``.)
- **source_late_ms**: how late the 99th percentile of pictures was sent.
- **others_cores**: processors kept busy meanwhile by whatever else runs on the machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench import process
from bench.engines import ENGINES, Engine
from bench.process import NOTHING, Cpu
from bench.source import Source
from bench.spread import percentile
from khue.sim.ledger import SentSession

SETTLE_S = 3.0
GRACE_S = 2.0
START_BASE_S, START_PER_CAMERA_S = 20.0, 0.4
KEEPS_UP = 0.995  # of the pictures, for a peer to count as holding a number of cameras

PEERS = ("ffmpeg", "pyav", "gstreamer")


class TooMany(Exception):
    """A peer did not get that many cameras going."""


class Measured(msgspec.Struct, kw_only=True):
    """One line of a table. Times per camera and second of video."""

    engine: str
    cameras: int
    asked: int
    cpu_ms_per_camera_second: float
    rss_mb_per_camera: float
    frames_lost: int
    frames_sent: int
    frames_recorded: int
    frames_unsent: int
    user_ms: float
    system_ms: float
    parts: dict[str, float]
    seconds: float
    connect_s: float
    cameras_recording: int
    source_cpu_ms: float
    source_late_ms: float
    others_cores: float
    note: str = ""
    notes: dict[str, Any] = {}

    @property
    def holds(self) -> bool:
        """Every camera records, and next to nothing was lost or could not be sent."""
        due = self.frames_sent + self.frames_unsent
        return self.cameras_recording == self.cameras and self.frames_recorded >= KEEPS_UP * due


class _Snapshot:
    """Counters at one moment."""

    def __init__(self, engine: Engine, source: Source) -> None:
        self.wall = time.time()
        self.monotonic = time.monotonic()
        self.parts = {role: process.cpu(pids) for role, pids in engine.parts().items()}
        self.source = process.cpu([source.pid])
        self.machine = process.machine_busy_s()

    @property
    def cpu(self) -> Cpu:
        return sum(self.parts.values(), NOTHING)


def measure(name: str, source: Source, count: int, seconds: float, folder: Path, *, asked: int = 0) -> Measured:
    """Run engine ``name`` on the first ``count`` cameras; ``folder`` is emptied afterwards."""
    folder.mkdir(parents=True)
    source.wait_until_idle()
    os.sync()  # what the engine before left in the page cache is not this one's burden
    began_wall, began = time.time(), time.monotonic()
    engine = ENGINES[name](source, source.cameras[:count], folder)
    try:
        try:
            engine.start()
            recording = _wait_for_all(engine, count)
            connect_s = time.monotonic() - began
            if recording < count and name in PEERS:
                raise TooMany(f"{recording} of {count} record after {connect_s:.0f} s")
            time.sleep(SETTLE_S)
            before = _Snapshot(engine, source)
            time.sleep(seconds)
            after = _Snapshot(engine, source)
            memory = process.memory_mb(set().union(*engine.parts().values()))
            time.sleep(GRACE_S)
        finally:
            engine.stop()
        account = _account(engine, source, began_wall, before.wall, after.wall)
    finally:
        shutil.rmtree(folder)
    took = after.monotonic - before.monotonic
    share = 1000 / took / count
    used, of_source = after.cpu - before.cpu, after.source - before.source
    return Measured(
        engine=name,
        cameras=count,
        asked=asked or count,
        cpu_ms_per_camera_second=round(used.total * share, 4),
        user_ms=round(used.user * share, 4),
        system_ms=round(used.system * share, 4),
        parts={role: round((after.parts[role] - before.parts[role]).total * share, 4) for role in before.parts},
        rss_mb_per_camera=round(memory / count, 3),
        seconds=round(took, 2),
        connect_s=round(connect_s, 2),
        cameras_recording=recording,
        source_cpu_ms=round(of_source.total * share, 4),
        others_cores=round(max(0.0, after.machine - before.machine - used.total - of_source.total) / took, 2),
        notes=engine.notes,
        **account,
    )


def _wait_for_all(engine: Engine, count: int) -> int:
    """Until all record; how many do when there is no more patience."""
    deadline = time.monotonic() + START_BASE_S + START_PER_CAMERA_S * count
    engine.advance()
    while (recording := engine.recording()) < count and time.monotonic() < deadline:
        time.sleep(0.05)
        engine.advance()
    return recording


def _account(engine: Engine, source: Source, since: float, start: float, end: float) -> dict[str, Any]:
    """Pictures sent within the window against pictures written."""
    start_us, end_us = start * 1_000_000, end * 1_000_000
    sent_count = recorded_count = unsent_count = 0
    due = int((end - start) * source.city.fps) - 1
    lateness: list[float] = []
    for number, camera in enumerate(engine.cameras):
        sessions = source.sent(camera, since)
        within: set[int] = set()
        for session in sessions:
            names = session.timestamp if engine.named_by == "timestamp" else session.index
            within.update(
                name & 0xFFFFFFFF for name, at in zip(names, session.wall, strict=True) if start_us <= at <= end_us
            )
            lateness += _late_ms(session, start_us, end_us)
        sent_count += len(within)
        unsent_count += max(0, due - len(within))
        recorded_count += len(within & engine.written(number, sessions))
    return {
        "frames_sent": sent_count,
        "frames_recorded": recorded_count,
        "frames_lost": sent_count - recorded_count,
        "frames_unsent": unsent_count,
        "source_late_ms": round(percentile(lateness, 0.99), 1),
    }


def _late_ms(session: SentSession, start_us: float, end_us: float) -> list[float]:
    """How far behind its earliest each picture of the window was."""
    frame_us = 1_000_000 / session.fps
    offsets = [wall - index * frame_us for index, wall in zip(session.index, session.wall, strict=True)]
    earliest = min(offsets, default=0.0)
    return [
        (offset - earliest) / 1000
        for offset, wall in zip(offsets, session.wall, strict=True)
        if start_us <= wall <= end_us
    ]


def measure_at_largest(name: str, source: Source, count: int, seconds: float, folder: Path) -> Measured:
    """Like `measure`; a peer that cannot hold ``count`` cameras is halved until it holds what it is given."""
    cameras = count
    while True:
        try:
            measured = measure(name, source, cameras, seconds, folder / f"{name}-{cameras}", asked=count)
        except TooMany as reason:
            say(f"{name}: {reason}")
        else:
            say(
                f"{name}: {cameras} cameras record after {measured.connect_s} s; {measured.cpu_ms_per_camera_second} CPU-ms"
                f" per camera-second, lost {measured.frames_lost} and unsent {measured.frames_unsent}"
                f" of {measured.frames_sent + measured.frames_unsent} pictures"
            )
            if measured.holds or name not in PEERS or cameras == 1:
                break
        cameras = max(1, cameras // 2)
    if cameras < count:
        measured.note = f"does not hold {count} here: measured at {cameras}"
    elif measured.cameras_recording < count:
        measured.note = f"only {measured.cameras_recording} recorded"
    return measured


def say(text: str) -> None:
    """Progress, beside the results."""
    print(text, file=sys.stderr, flush=True)


def measure_all(names: Sequence[str], source: Source, count: int, seconds: float, folder: Path) -> dict[str, Measured]:
    """Each engine in turn, from the same source."""
    return {name: measure_at_largest(name, source, count, seconds, folder) for name in names}
