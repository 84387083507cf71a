"""One read from one node: chunks as fast as the reader takes them, and no faster."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from types import TracebackType

import msgspec

from khue.centre.ids import new_id
from khue.model.camera import StreamName
from khue.model.errors import LinkError, NotFound, RecordingError
from khue.model.time import Micros
from khue.wire import subjects
from khue.wire.bus import Bus, Received, Subscription
from khue.wire.link import ReadChunk, ReadCredit, ReadReply, ReadRequest

_log = logging.getLogger(__name__)

_CREDIT = 8  # chunks under way at most
_GIVE_BACK = 4  # chunks taken before the node is told
_OPEN_TIMEOUT = 10.0
_CHUNK_TIMEOUT = 15.0
_LOOK = 1.0  # seconds between looks at the connection while waiting


class NodeRead:
    """``async with NodeRead(...) as read: read.mime; async for chunk in read.chunks()``. Leaving it ends the read.

    Raises NotFound (nothing recorded), LinkError (the node is away), RecordingError (it failed on the way).
    """

    def __init__(
        self,
        bus: Bus,
        node: str,
        camera: str,
        stream: StreamName,
        start: Micros,
        end: Micros,
        *,
        keyframes_only: bool = False,
        zero_based: bool = False,
    ) -> None:
        self.mime = ""
        self._bus, self._node = bus, node
        self._request = ReadRequest(
            camera=camera,
            stream=stream,
            start=start,
            end=end,
            inbox=subjects.read_inbox(node, new_id()),
            keyframes_only=keyframes_only,
            zero_based=zero_based,
            credit=_CREDIT,
        )
        self._credit = ""
        self._ended = False
        self._waiting: asyncio.Queue[ReadChunk] = asyncio.Queue()  # the credit bounds it
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> NodeRead:
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def chunks(self) -> AsyncIterator[ReadChunk]:
        """All chunks with media, in order. The node sends more as these are taken."""
        expected = taken = 0
        while True:
            chunk = await self._next()
            if chunk.error:
                self._ended = True
                raise RecordingError(f"node {self._node}: {chunk.error}")
            if chunk.seq != expected:
                raise LinkError(f"part of what node {self._node} sent was lost on the way; try again")
            expected += 1
            if chunk.data:
                yield chunk
            if chunk.last:
                self._ended = True
                return
            taken += 1
            if taken == _GIVE_BACK:
                await self._give(taken)
                taken = 0

    async def _open(self) -> None:
        self._subscription = await self._bus.subscribe(self._request.inbox, self._received)
        subject = subjects.of_node(self._node, "read")
        data = await self._bus.request(subject, msgspec.msgpack.encode(self._request), _OPEN_TIMEOUT)
        reply = msgspec.msgpack.decode(data, type=ReadReply)
        if reply.error:
            self._ended = True
            raise NotFound(reply.error)
        self._credit, self.mime = reply.credit, reply.mime

    async def _close(self) -> None:
        if self._subscription is not None:
            await self._subscription.unsubscribe()
        if self._credit and not self._ended:
            try:
                await self._give(0)
            except LinkError as error:
                _log.info("a read of node %s is left to end by itself: %s", self._node, error)

    async def _give(self, chunks: int) -> None:
        await self._bus.publish(self._credit, msgspec.msgpack.encode(ReadCredit(chunks=chunks)))

    async def _received(self, message: Received) -> None:
        self._waiting.put_nowait(msgspec.msgpack.decode(message.data, type=ReadChunk))

    async def _next(self) -> ReadChunk:
        waited = 0.0
        while waited < _CHUNK_TIMEOUT:
            try:
                async with asyncio.timeout(_LOOK):
                    return await self._waiting.get()
            except TimeoutError:
                waited += _LOOK
            if not self._bus.connected:
                raise LinkError("the connection to the message bus was lost on the way; try again")
        raise LinkError(f"node {self._node} stopped sending; check that it runs and its link")
