"""The main process's side of the recorder workers: start, feed, listen, start again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import zlib
from collections.abc import Callable, Sequence

import msgspec

from khue.model.camera import StreamName
from khue.node.framing import FrameReader, write_frame
from khue.node.worker import WorkerConfig
from khue.wire.link import CameraSpec, StreamCounters, StreamStatus
from khue.wire.recorder import Assign, Bytes, Counters, Down, Playing, Status, Stop, Tap, Untap, Up

RESTART_PAUSE_S = 0.5
STOP_WAIT_S = 10.0

Key = tuple[str, StreamName]
Live = Callable[[Playing | Bytes], None]


def worker_of(camera: str, workers: int) -> int:
    """A camera stays with the worker that holds its chain, as long as the number of workers stays."""
    return zlib.crc32(camera.encode()) % workers


class WorkerProcess:
    """One worker: its process, its share of the cameras, its taps. A worker that dies is started again."""

    def __init__(self, config: WorkerConfig, on_live: Live, on_status: Callable[[StreamStatus], None]) -> None:
        self.config = config
        self.cameras: tuple[CameraSpec, ...] = ()
        self.taps: set[Key] = set()
        self.counters = Counters((), 0.0, 0)
        self.pid = 0
        self._on_live = on_live
        self._on_status = on_status
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._supervise(), name=f"worker {self.config.number}")

    async def stop(self) -> None:
        """Let it write what it has; kill it when it does not end."""
        if self._writer:
            write_frame(self._writer, Stop())
        if self._process:
            try:
                await asyncio.wait_for(self._process.wait(), STOP_WAIT_S)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def send(self, message: Down) -> None:
        if self._writer and not self._writer.is_closing():
            write_frame(self._writer, message)

    async def _supervise(self) -> None:
        while True:
            await self._run_once()
            await asyncio.sleep(RESTART_PAUSE_S)

    async def _run_once(self) -> None:
        ours, theirs = socket.socketpair()
        config = msgspec.json.encode(self.config).decode()
        command = (sys.executable, "-m", "khue.node", config, str(theirs.fileno()))
        self._process = await asyncio.create_subprocess_exec(
            *command, pass_fds=(theirs.fileno(),), env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        self.pid = self._process.pid
        theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=32 * 1024 * 1024)
        self.send(Assign(self.cameras))
        for camera, stream in self.taps:
            self.send(Tap(camera, stream))
        frames: FrameReader[Up] = FrameReader(reader, msgspec.msgpack.Decoder(Up))
        try:
            while (message := await frames.next()) is not None:
                self._heard(message)
            await self._process.wait()
        finally:
            self._writer.close()

    def _heard(self, message: Up) -> None:
        if isinstance(message, Playing | Bytes):
            self._on_live(message)
        elif isinstance(message, Status):
            self._on_status(message.status)
        else:
            self.counters = message


class Workers:
    """All workers of a node, as one."""

    def __init__(
        self, configs: Sequence[WorkerConfig], on_live: Live, on_status: Callable[[StreamStatus], None]
    ) -> None:
        self._on_status = on_status
        self.statuses: dict[Key, StreamStatus] = {}
        self._processes = [WorkerProcess(config, on_live, self._heard) for config in configs]

    def start(self) -> None:
        for process in self._processes:
            process.start()

    async def stop(self) -> None:
        await asyncio.gather(*(process.stop() for process in self._processes))

    def assign(self, cameras: Sequence[CameraSpec]) -> None:
        """Pull exactly these."""
        keys = {(camera.id, spec.name) for camera in cameras for spec in camera.streams}
        for gone in self.statuses.keys() - keys:
            del self.statuses[gone]
        for number, process in enumerate(self._processes):
            share = tuple(c for c in cameras if worker_of(c.id, len(self._processes)) == number)
            if share != process.cameras:
                process.cameras = share
                process.send(Assign(share))

    def tap(self, camera: str, stream: StreamName) -> None:
        process = self._processes[worker_of(camera, len(self._processes))]
        process.taps.add((camera, stream))
        process.send(Tap(camera, stream))

    def untap(self, camera: str, stream: StreamName) -> None:
        process = self._processes[worker_of(camera, len(self._processes))]
        process.taps.discard((camera, stream))
        process.send(Untap(camera, stream))

    def counters(self) -> list[StreamCounters]:
        return [counters for process in self._processes for counters in process.counters.streams]

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    @property
    def cpu_seconds(self) -> float:
        return sum(process.counters.cpu_seconds for process in self._processes)

    @property
    def rss_bytes(self) -> int:
        return sum(process.counters.rss_bytes for process in self._processes)

    @property
    def alert(self) -> str:
        return next((p.counters.alert for p in self._processes if p.counters.alert), "")

    def _heard(self, status: StreamStatus) -> None:
        self.statuses[status.camera, status.stream] = status
        self._on_status(status)
