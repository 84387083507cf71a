"""Live and recorded media over the link: what the node answers when the centre asks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec

from khue.model.errors import KhueError, LinkError
from khue.model.time import Clock
from khue.node.live import Listener, Live
from khue.node.playback import Piece, read
from khue.node.workers import Key
from khue.wire import subjects
from khue.wire.bus import Bus, Received
from khue.wire.link import LiveReply, LiveRequest, ReadChunk, ReadCredit, ReadReply, ReadRequest

RENEWED_WITHIN_S = 10.0
CREDIT_WAIT_S = 30.0

_log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode


class LiveRelay:
    """Publishes a stream while the centre keeps asking for it."""

    def __init__(self, node: str, bus: Bus, live: Live, clock: Clock) -> None:
        self._node = node
        self._bus = bus
        self._live = live
        self._clock = clock
        self._until: dict[Key, float] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._listeners: dict[Key, Listener] = {}

    async def asked(self, message: Received) -> bytes:
        """Open or renew a relay. ``fresh`` from a replica that has nothing yet: the start is sent once more."""
        request = msgspec.msgpack.decode(message.data, type=LiveRequest)
        key = (request.camera, request.stream)
        self._until[key] = self._clock.monotonic() + RENEWED_WITHIN_S
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._publish(key), name=f"relay {key[0]}/{key[1]}")
        elif request.fresh and key in self._listeners:
            self._live.again(*key, self._listeners[key])
        return _encode(LiveReply(subject=subjects.live(self._node, *key)))

    async def _publish(self, key: Key) -> None:
        subject = subjects.live(self._node, *key)
        number = 0
        try:
            async with self._live.watch(*key) as listener:
                self._listeners[key] = listener
                while (left := self._until[key] - self._clock.monotonic()) > 0:
                    try:
                        async with asyncio.timeout(left):
                            message = await listener.next()
                    except TimeoutError:
                        continue
                    number += 1
                    message = msgspec.structs.replace(message, seq=number)
                    with contextlib.suppress(LinkError):  # while the link is down nobody watches over it
                        await self._bus.publish(subject, _encode(message))
        finally:
            for known in (self._tasks, self._until, self._listeners):
                known.pop(key, None)

    async def stop(self) -> None:
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


class ReadServer:
    """Sends recordings in chunks, as many as the reader has asked for."""

    def __init__(self, bus: Bus, root: Path) -> None:
        self._bus = bus
        self._root = root
        self._tasks: set[asyncio.Task[None]] = set()

    async def asked(self, message: Received) -> bytes:
        request = msgspec.msgpack.decode(message.data, type=ReadRequest)
        pieces = read(self._root, request)
        try:
            first = await asyncio.to_thread(next, pieces, None)
        except KhueError as error:
            return _encode(ReadReply(error=str(error)))
        if first is None:
            return _encode(ReadReply(error="nothing was recorded in that time; the timeline shows what was"))
        credit = subjects.credit(request.inbox)
        task = asyncio.create_task(self._send(request, first, pieces, credit))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return _encode(ReadReply(credit=credit, mime=first.mime))

    async def _send(self, request: ReadRequest, first: Piece, pieces: Iterator[Piece], credit_subject: str) -> None:
        allowed = asyncio.Semaphore(request.credit)
        ended = asyncio.Event()

        async def credited(message: Received) -> None:
            chunks = msgspec.msgpack.decode(message.data, type=ReadCredit).chunks
            if chunks == 0:
                ended.set()
            for _ in range(min(max(chunks, 1), 64)):
                allowed.release()

        subscription = await self._bus.subscribe(credit_subject, credited)
        number = 0
        try:
            async for piece in _each(first, pieces):
                async with asyncio.timeout(CREDIT_WAIT_S):
                    await allowed.acquire()
                if ended.is_set():
                    return
                chunk = ReadChunk(seq=number, data=piece.data, until=piece.until)
                await self._bus.publish(request.inbox, _encode(chunk))
                number += 1
            await self._bus.publish(request.inbox, _encode(ReadChunk(seq=number, last=True)))
        except TimeoutError:
            _log.info("a reader of %s/%s went away", request.camera, request.stream)
        except LinkError as error:
            _log.info("reading %s/%s ended: %s", request.camera, request.stream, error)
        except KhueError as error:
            with contextlib.suppress(LinkError):
                await self._bus.publish(request.inbox, _encode(ReadChunk(seq=number, last=True, error=str(error))))
        finally:
            await subscription.unsubscribe()
            await asyncio.to_thread(pieces.close)  # type: ignore[attr-defined]

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _each(first: Piece, pieces: Iterator[Piece]) -> AsyncIterator[Piece]:
    """Pieces as a thread makes them."""
    piece: Piece | None = first
    while piece is not None:
        yield piece
        piece = await asyncio.to_thread(next, pieces, None)
