"""What must never stop: the loop over all sockets, and the task of one camera, whatever is thrown at them."""

from __future__ import annotations

import asyncio
import errno
import random
import socket
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from khue.camera.auth import Authenticator
from khue.camera.control import Control
from khue.camera.handshake import Opened
from khue.camera.session import PlayingSession
from khue.camera.stream import Stream
from khue.model.camera import CameraState, StreamName, Transport
from khue.model.coverage import GapCause
from khue.model.errors import CameraError, CameraUnreachable, LinkError
from khue.model.media import Codec, Track
from khue.model.time import SystemClock
from khue.node import stream_task
from khue.node.pump import Pump
from khue.node.stream_task import Shared, StreamTask
from khue.video.arena import Arena
from khue.video.log import LoggedStream
from khue.wire.link import CameraSpec, StreamSpec, StreamStatus

TRACK = Track(channel=0, codec=Codec.H264, payload_type=96, clock_rate=90000)


def _session() -> tuple[PlayingSession, socket.socket]:
    ours, camera = socket.socketpair()
    ours.setblocking(False)
    opened = Opened((TRACK,), Transport.TCP, (), 60.0, "", "rtsp://camera/", "OPTIONS")
    return PlayingSession(Control(Stream(ours, "camera"), Authenticator("", ""), 5.0), opened), camera


class FakeReceiver:
    """Does what the test says when its socket has something."""

    def __init__(self, on_data: Callable[[], None]) -> None:
        self.session, self.camera = _session()
        self.last_picture = SystemClock().now()
        self.finished = self.turns = 0
        self._on_data = on_data

    def begin(self, now: int) -> None: ...

    def tick(self, now: int) -> None: ...

    def stepped(self, step: int, now: int) -> None: ...

    def readable(self, now: int) -> None:
        self.session.sock.recv(65536)
        self.turns += 1
        self.last_picture = now
        self._on_data()

    def finish(self, now: int) -> None:
        self.finished += 1

    def close(self) -> None:
        self.session.close()
        self.camera.close()


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def _fail() -> None:
    raise ZeroDivisionError


async def test_a_fault_of_our_own_in_one_camera_touches_no_other() -> None:
    pump = Pump(SystemClock())
    pump.start()
    good, bad = FakeReceiver(lambda: None), FakeReceiver(_fail)
    ended: dict[str, CameraError] = {}
    pump.add(good, lambda error: ended.__setitem__("good", error))  # type: ignore[arg-type]
    pump.add(bad, lambda error: ended.__setitem__("bad", error))  # type: ignore[arg-type]
    for receiver in (good, bad):
        receiver.camera.send(b"x")
    await _until(lambda: "bad" in ended and good.turns)
    assert ended["bad"].cause is GapCause.NODE
    assert "ZeroDivisionError" in str(ended["bad"])
    assert bad.finished == 1
    good.camera.send(b"x")
    await _until(lambda: good.turns == 2)
    assert "good" not in ended
    pump.remove(bad)  # type: ignore[arg-type]
    pump.remove(good)  # type: ignore[arg-type]
    assert (good.finished, bad.finished) == (1, 1)
    pump.stop()
    good.close()
    bad.close()


class FakeLog:
    def __init__(self) -> None:
        self.events: list[tuple[str, GapCause, str]] = []
        self.statuses: list[StreamStatus] = []

    def stream(self, camera: str, name: StreamName, retention_class: str) -> LoggedStream:
        return LoggedStream(camera, name, retention_class)

    def happened(self, _: LoggedStream, kind: str, at: int, cause: GapCause, detail: str, since: int = 0) -> None:
        self.events.append((kind, cause, detail))

    def status(self, status: StreamStatus) -> None:
        self.statuses.append(status)

    def write(self, *_: object) -> None: ...


class Hurry(random.Random):
    """Draws the shortest wait."""

    def uniform(self, a: float, b: float) -> float:
        return a


def _task(arena: Arena) -> tuple[StreamTask, FakeLog, Pump, list[StreamStatus]]:
    log, told = FakeLog(), []
    pump = Pump(SystemClock())
    pump.start()
    shared = Shared(pump, arena, log, SystemClock(), 4, Hurry())  # type: ignore[arg-type]
    spec = StreamSpec(name=StreamName.MAIN, url="rtsp://camera/")
    return StreamTask(shared, CameraSpec(id="cam", name="cam", streams=(spec,)), spec, told.append), log, pump, told


async def test_the_task_of_a_camera_survives_whatever_a_connect_may_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    trouble: list[BaseException] = [
        OSError(errno.EMFILE, "Too many open files"),
        RuntimeError("unforeseen"),
        LinkError("unforeseen but worded"),
        CameraUnreachable("10.0.0.9: no answer"),
    ]

    async def fail(*_: object, **__: object) -> PlayingSession:
        if trouble:
            raise trouble.pop(0)
        await asyncio.sleep(3600)
        raise AssertionError

    monkeypatch.setattr(stream_task, "open_session", fail)
    task, log, pump, told = _task(Arena(4))
    task.start()
    await _until(lambda: not trouble)
    await _until(lambda: log.events and log.events[-1][1] is GapCause.LINK)
    assert [(status.state, status.cause) for status in told[1:]] == [
        (CameraState.UNREACHABLE, GapCause.NODE),
        (CameraState.UNREACHABLE, GapCause.NODE),
        (CameraState.UNREACHABLE, GapCause.NODE),
        (CameraState.UNREACHABLE, GapCause.LINK),
    ]
    assert "Too many open files" in told[1].detail
    assert "RuntimeError" in told[2].detail
    await task.stop(expected=True)
    assert log.events[-1][0] == "end"
    pump.stop()


async def test_a_session_that_finds_no_memory_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions: list[SimpleNamespace] = []

    async def connect(*_: object, **__: object) -> PlayingSession:
        session, camera = _session()
        sessions.append(SimpleNamespace(session=session, camera=camera))
        return session

    monkeypatch.setattr(stream_task, "open_session", connect)
    task, log, pump, told = _task(Arena(0))
    task.start()
    await _until(lambda: len(sessions) > 1)
    await task.stop(expected=False)
    assert all(each.session.sock.fileno() == -1 for each in sessions)
    assert "no memory left" in told[-1].detail
    assert told[-1].cause is GapCause.NODE
    assert [event[0] for event in log.events] == ["begin"] + ["fail"] * (len(sessions))
    for each in sessions:
        each.camera.close()
    pump.stop()


async def test_slots_come_back_from_sessions_that_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred sessions, each of which the camera closes: the arena has as many slots as before."""
    opened = 0

    async def connect(*_: object, **__: object) -> PlayingSession:
        nonlocal opened
        opened += 1
        session, camera = _session()
        camera.send(b"$\x00\x00\x01")
        camera.close()
        return session

    monkeypatch.setattr(stream_task, "open_session", connect)
    arena = Arena(2)
    task, _, pump, told = _task(arena)
    task.start()
    await _until(lambda: opened > 20)
    await task.stop(expected=False)
    pump.stop()
    assert "closed the connection" in told[-1].detail
    taken = [arena.take(), arena.take()]
    assert None not in taken
