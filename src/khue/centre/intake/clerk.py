"""The centre's side of the processes that read sheets: start one when there is work, end it when there is none."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from khue.centre.errors import Invalid
from khue.centre.intake.messages import Asked, Data, Failed, Finished, Job, Looked, Planned, Up
from khue.model.errors import Unavailable

_log = logging.getLogger(__name__)

_AT_ONCE = 2
_IDLE_S = 20.0  # a process without work is ended after this long
_FRAME_S = 180.0  # without a word for so long it is stuck in a file

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Up] = msgspec.msgpack.Decoder(Up)

Give = Callable[[Asked], AsyncIterator[bytes]]
Answer = Looked | Planned | Data | Finished


class _Process:
    """One clerk: a job at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.idle: asyncio.TimerHandle | None = None

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def work(self, job: Job, give: Give) -> AsyncIterator[Answer]:
        await self._send(job)
        while True:
            message = await self._receive()
            if isinstance(message, Asked):
                async for piece in give(message):
                    await self._send(Data(piece))
                await self._send(Data(b""))
            elif isinstance(message, Failed):
                raise SheetInvalid(message)
            else:
                yield message
                if isinstance(message, Looked | Finished):
                    return

    async def _send(self, message: Job | Data) -> None:
        body = _encode(message)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(len(body).to_bytes(4, "big") + body)
            await self._process.stdin.drain()
        except ConnectionError as error:
            raise _gone() from error

    async def _receive(self) -> Up:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_FRAME_S):
                head = await self._process.stdout.readexactly(4)
                return _decoder.decode(await self._process.stdout.readexactly(int.from_bytes(head, "big")))
        except asyncio.IncompleteReadError as error:
            raise _gone() from error
        except TimeoutError as error:
            raise Invalid("a sheet took too long to read; split the file and import its parts") from error


class Clerks:
    """At most two at work; a third job waits."""

    def __init__(self, keys: Path) -> None:
        self._keys = keys
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._free: list[_Process] = []
        self._ends: set[asyncio.Task[None]] = set()

    async def work(self, job: Job, give: Give) -> AsyncIterator[Answer]:
        """The answers to a job; ``give`` is asked for what it needs. Raises Invalid (SheetInvalid names the place), Unavailable."""
        async with self._room:
            clerk = await self._take()
            finished = False
            try:
                async for answer in clerk.work(job, give):
                    yield answer
                finished = True
            except SheetInvalid:
                finished = True
                raise
            finally:
                if finished and clerk.alive:
                    self._put(clerk)
                else:
                    await clerk.end()

    async def stop(self) -> None:
        for clerk in self._free:
            if clerk.idle is not None:
                clerk.idle.cancel()
            await clerk.end()
        self._free = []
        await asyncio.gather(*self._ends)

    async def _take(self) -> _Process:
        while self._free:
            clerk = self._free.pop()
            if clerk.idle is not None:
                clerk.idle.cancel()
            if clerk.alive:
                return clerk
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "khue.centre.intake.clerk_main", str(self._keys)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=1 << 20,
            )
        except OSError as error:
            raise Unavailable(f"no process can be started to read the sheet: {error.strerror}") from error
        return _Process(process)

    def _put(self, clerk: _Process) -> None:
        self._free.append(clerk)
        clerk.idle = asyncio.get_running_loop().call_later(_IDLE_S, self._retire, clerk)

    def _retire(self, clerk: _Process) -> None:
        if clerk in self._free:
            self._free.remove(clerk)
            task = asyncio.create_task(clerk.end())
            self._ends.add(task)
            task.add_done_callback(self._ends.discard)


class SheetInvalid(Invalid):
    """A sheet that cannot be read, with the place and the words in both languages."""

    def __init__(self, failed: Failed) -> None:
        self.failed = failed
        where = _place(failed)
        super().__init__(f"{where}: {failed.en}" if where else failed.en)

    def words(self, language: str) -> str:
        text = self.failed.vi if language == "vi" else self.failed.en
        where = _place(self.failed)
        return f"{where}: {text}" if where else text


def _place(failed: Failed) -> str:
    row = f"row {failed.row}" if failed.row else ""
    column = f"column {failed.column}" if failed.column else ""
    return ", ".join(part for part in (failed.file, failed.sheet, row, column) if part)


def _gone() -> Invalid:
    return Invalid("the sheet could not be read: it needs more memory than it may have; split the file")
