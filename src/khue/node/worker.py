"""A recorder worker: one process, one core, its share of the node's cameras.

It needs nobody while it runs: when the main process dies it goes on recording until the socket pair closes, writes what it
has and ends, so that the next main process finds a log that is whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import gc
import os
import random
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from khue.model.camera import StreamName
from khue.model.clock import SteadyClock
from khue.model.time import Clock, Micros, SystemClock
from khue.node.framing import FrameReader, write_frame
from khue.node.pump import Pump
from khue.node.receiver import Receiver
from khue.node.stream_task import Shared, StreamTask
from khue.video.arena import Arena
from khue.video.index import Index
from khue.video.log import LogWriter
from khue.video.recovery import recover
from khue.wire.link import CameraSpec, StreamSpec, StreamStatus
from khue.wire.recorder import Assign, Bytes, Counters, Down, Playing, Status, Stop, Tap, Untap

LOG_FAILED = 70  # exit status: the next worker starts with recovery, which is safer than going on
TRIM_EVERY = 5  # seconds; every stream closes several blocks meanwhile
TAP_BACKLOG = 16 * 1024 * 1024  # bytes the main process may be behind before live bytes are dropped

_Key = tuple[str, StreamName]


class WorkerConfig(msgspec.Struct, frozen=True):
    root: str
    number: int
    connects: int = 64
    slots: int = 1400
    file_size: int = 256 * 1024 * 1024
    file_age_s: float = 600.0
    reserve: int = 64 * 1024 * 1024


class Worker:
    """The worker's parts and its conversation with the main process."""

    def __init__(self, config: WorkerConfig, sock: socket.socket, clock: Clock | None = None) -> None:
        self._config = config
        self._sock = sock
        self._clock = clock or SystemClock()
        self._alert = ""
        self._tasks: dict[_Key, StreamTask] = {}
        self._taps: set[_Key] = set()
        self._broken: set[_Key] = set()

    async def run(self) -> None:
        """Until told to stop or the main process is gone."""
        latest = self._recover()
        clock = SteadyClock(self._clock, not_before=latest)
        loop = asyncio.get_running_loop()
        self._arena = arena = Arena(self._config.slots)
        self._log = LogWriter(
            Path(self._config.root),
            writer=self._config.number,
            arena=arena,
            clock=SteadyClock(self._clock, not_before=latest),
            on_alert=functools.partial(_soon, loop, self._alerted),
            on_failure=functools.partial(os._exit, LOG_FAILED),
            file_size=self._config.file_size,
            file_age_s=self._config.file_age_s,
            reserve=self._config.reserve,
        )
        self._log.start()
        pump = Pump(clock)
        pump.start()
        self._shared = Shared(pump, arena, self._log, clock, self._config.connects, random.Random())
        reader, self._writer = await asyncio.open_connection(sock=self._sock)
        report = asyncio.create_task(self._report())
        frames: FrameReader[Down] = FrameReader(reader, msgspec.msgpack.Decoder(Down))
        try:
            while (message := await frames.next()) is not None and not isinstance(message, Stop):
                await self._obey(message)
        finally:
            report.cancel()
            stops = [task.stop(expected=False) for task in self._tasks.values()]
            await asyncio.gather(*stops, return_exceptions=True)  # whatever one does, the log is closed in order
            pump.stop()
            await asyncio.to_thread(self._log.stop)
            self._writer.close()

    def _recover(self) -> Micros:
        """Take in what the worker before this one left when it was killed; returns how far its recording goes.

        Its hash chains must be whole before they are continued.
        """
        index = Index(Path(self._config.root) / "index.sqlite")
        try:
            recover(Path(self._config.root), index, writer=self._config.number)
            return index.latest()
        finally:
            index.close()

    async def _obey(self, message: Down) -> None:
        if isinstance(message, Assign):
            await self._assign(message.cameras)
        elif isinstance(message, Tap):
            key = (message.camera, message.stream)
            self._taps.add(key)
            task = self._tasks.get(key)
            if task and task.receiver:
                self._tap(key, task.receiver)
        elif isinstance(message, Untap):
            key = (message.camera, message.stream)
            self._taps.discard(key)
            task = self._tasks.get(key)
            if task and task.receiver:
                task.receiver.tap = None
                self._shared.pump.hurry(task.receiver, False)

    async def _assign(self, cameras: tuple[CameraSpec, ...]) -> None:
        """Start, restart and stop tasks so that exactly these streams are pulled."""
        wanted: dict[_Key, tuple[CameraSpec, StreamSpec]] = {
            (camera.id, spec.name): (camera, spec) for camera in cameras for spec in camera.streams
        }
        gone = [key for key in self._tasks if key not in wanted]
        changed = [
            key
            for key, (camera, spec) in wanted.items()
            if key in self._tasks and not _same(self._tasks[key], camera, spec)
        ]
        stops = [self._tasks.pop(key).stop(expected=True) for key in gone]
        stops += [self._tasks.pop(key).stop(expected=False) for key in changed]
        await asyncio.gather(*stops)
        for key, (camera, spec) in wanted.items():
            if key not in self._tasks:
                task = StreamTask(self._shared, camera, spec, self._status)
                task.on_playing = lambda receiver, key=key: self._tap(key, receiver)  # type: ignore[misc]
                self._tasks[key] = task
                task.start()

    # -- live

    def _tap(self, key: _Key, receiver: Receiver) -> None:
        """Let the bytes flow. What came before is closed into the log, so that the other side can read it there."""
        if key not in self._taps or not self._shared.pump.hurry(receiver, True):
            return
        now = self._shared.clock.now()
        receiver.close_block(now)
        started = Playing(
            key[0], key[1], receiver.session.tracks, receiver.parameter_sets, now, receiver.stream is not None
        )
        ready = False
        waiting: list[Bytes] = []
        held = 0

        def tap(data: bytes, arrival: Micros) -> None:
            nonlocal held
            message = Bytes(key[0], key[1], arrival, data)
            if ready:
                self._send_live(key, message)
            elif held < TAP_BACKLOG:  # the disk may take long; what is missing then comes with the next tap
                held += len(data)
                waiting.append(message)
            else:
                self._broken.add(key)

        def on_disk() -> None:
            nonlocal ready
            ready = True
            self._send(started)
            for message in waiting:
                self._send_live(key, message)
            waiting.clear()

        receiver.tap = tap
        if receiver.stream is None:
            on_disk()
        else:
            loop = asyncio.get_running_loop()
            self._log.barrier(functools.partial(_soon, loop, on_disk))

    def _send_live(self, key: _Key, message: Bytes) -> None:
        if self._writer.transport.get_write_buffer_size() > TAP_BACKLOG:
            self._broken.add(key)  # recording goes first; the viewer gets the next group of pictures
        elif key in self._broken:
            self._broken.discard(key)
            # Not at once: the receiver is in the middle of its block.
            asyncio.get_running_loop().call_soon(self._tap_again, key)
        else:
            self._send(message)

    def _tap_again(self, key: _Key) -> None:
        task = self._tasks.get(key)
        if task and task.receiver:
            self._tap(key, task.receiver)

    # -- reporting

    def _status(self, status: StreamStatus) -> None:
        self._send(Status(status))

    def _alerted(self, text: str) -> None:
        self._alert = text

    def _send(self, message: Playing | Bytes | Status | Counters) -> None:
        if not self._writer.is_closing():
            write_frame(self._writer, message)

    async def _report(self) -> None:
        seconds = 0
        while True:
            await asyncio.sleep(1.0)
            seconds += 1
            if seconds % TRIM_EVERY == 0:
                self._arena.trim()
            usage = resource.getrusage(resource.RUSAGE_SELF)
            self._send(
                Counters(
                    tuple(task.counters() for task in self._tasks.values()),
                    usage.ru_utime + usage.ru_stime,
                    _resident(),
                    self._alert,
                )
            )


def _same(task: StreamTask, camera: CameraSpec, spec: StreamSpec) -> bool:
    """Whether a running task already does what is wanted; a new name alone interrupts nothing."""

    def matters(camera: CameraSpec) -> CameraSpec:
        return msgspec.structs.replace(camera, name="", streams=(), since=0)

    return task.spec == spec and matters(task.camera) == matters(camera)


def _soon(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: object) -> None:
    """From the writer thread into the loop; a loop that has closed needs nothing any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, *arguments)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main(config: WorkerConfig, fd: int) -> None:
    """Entry of the worker process: ``fd`` is its end of the socket pair."""
    ctypes.CDLL(None).prctl(1, 0)  # it ends by itself, in order, when the main process closes the pair
    for ignored in (signal.SIGINT, signal.SIGTERM):  # they go to the whole group; the main process decides
        signal.signal(ignored, signal.SIG_IGN)
    gc.freeze()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > soft else soft, hard))
    asyncio.run(Worker(config, socket.socket(fileno=fd)).run())
