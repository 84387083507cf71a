"""The main process's side of the recorder workers: start, feed, listen, start again."""

from __future__ import annotations

import asyncio
import logging
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

_log = logging.getLogger(__name__)

Key = tuple[str, StreamName]
Live = Callable[[Playing | Bytes], None]


def worker_of(camera: str, workers: int) -> int:
    """A camera stays with the worker that holds its chain, as long as the number of workers stays."""
    return zlib.crc32(camera.encode()) % workers


class WorkerProcess:
    """One worker: its process, its share of the cameras, its taps. A worker that dies is started again."""

    def __init__(
        self, config: WorkerConfig, on_live: Live, on_status: Callable[[StreamStatus], None], keep_open: Sequence[int]
    ) -> None:
        self.config = config
        self._keep_open = keep_open
        self.cameras: tuple[CameraSpec, ...] = ()
        self.taps: set[Key] = set()
        self.counters = Counters((), 0.0, 0)
        self.pid = 0
        self._on_live = on_live
        self._on_status = on_status
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.create_task(self._supervise(), name=f"worker {self.config.number}")

    async def stop(self) -> None:
        """Let it write what it has; kill it when it does not end."""
        self._stopping.set()
        self.send(Stop())
        if self._task is None:
            return
        # Not cancelled: that may hang for good while the process is being started (Python 3.11).
        _, late = await asyncio.wait([self._task], timeout=STOP_WAIT_S)
        if late and self._process:
            self._process.kill()
        await self._task

    def send(self, message: Down) -> None:
        if self._writer and not self._writer.is_closing():
            write_frame(self._writer, message)

    async def _supervise(self) -> None:
        """The only loop that may not end: without it a worker that dies stays dead."""
        number = self.config.number
        while not self._stopping.is_set():
            try:
                status = await self._run_once()
                reason = f"recorder process {number} ended unexpectedly (status {status})"
            except OSError as error:
                reason = f"recorder process {number} cannot be started ({error.strerror})"
            except msgspec.MsgspecError as error:
                reason = f"recorder process {number} sent what cannot be read ({error})"
            if self._stopping.is_set():
                break
            _log.error("%s; it is started again", reason)
            self.counters = Counters((), 0.0, 0, f"{reason}; it is being started again")
            await asyncio.sleep(RESTART_PAUSE_S)

    async def _run_once(self) -> int:
        """One process from start to end; returns its exit status."""
        ours, theirs = socket.socketpair()
        config = msgspec.json.encode(self.config).decode()
        command = (sys.executable, "-m", "khue.node", config, str(theirs.fileno()))
        keep_open = (theirs.fileno(), *self._keep_open)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, pass_fds=keep_open, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._process = process
        self.pid = process.pid
        try:
            await self._converse(ours)
        finally:
            await self._ended(process)
        return process.returncode or 0

    async def _converse(self, sock: socket.socket) -> None:
        reader, self._writer = await asyncio.open_connection(sock=sock, limit=32 * 1024 * 1024)
        try:
            self.send(Stop() if self._stopping.is_set() else Assign(self.cameras))
            for camera, stream in self.taps:
                self.send(Tap(camera, stream))
            frames: FrameReader[Up] = FrameReader(reader, msgspec.msgpack.Decoder(Up))
            while (message := await frames.next()) is not None:
                self._heard(message)
        finally:
            self._writer.transport.abort()

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        """Two processes must never write the same files: only when this one is gone may another start."""
        try:
            async with asyncio.timeout(STOP_WAIT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

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
        self._keep_open: list[int] = []
        self._processes = [WorkerProcess(config, on_live, self._heard, self._keep_open) for config in configs]

    def start(self, keep_open: Sequence[int] = ()) -> None:
        """``keep_open`` are descriptors that the processes hold as long as they live."""
        self._keep_open += keep_open
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
