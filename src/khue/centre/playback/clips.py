"""Clips: a period of one stream as an MP4 file in the object store, made by a job that survives its maker."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from khue.centre.access.rules import Account, Role
from khue.centre.access.scope import as_reader
from khue.centre.boxes import INIT, BoxReader
from khue.centre.errors import Invalid
from khue.centre.ids import new_id
from khue.centre.link import NodeLink
from khue.centre.playback.read import NodeRead
from khue.centre.playback.service import Playback
from khue.centre.ports import Database, Objects, ObjectWriter, Row
from khue.centre.sql import Queries
from khue.model.camera import StreamName
from khue.model.errors import KhueError, LinkError, MediaError, NotFound, Unavailable
from khue.model.time import to_datetime, to_micros

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)

_LEASE_S = 15.0
_TRIES = 3
_AT_ONCE = 2
_LOOK_S = 5.0  # for clips other replicas left
_SAY_S = 1.0  # between notes of progress
_LONGEST = dt.timedelta(hours=24)


class Taken(KhueError):
    """Another replica makes this clip now."""


class Clips:
    """Orders go into a table; every replica takes from it what nobody makes."""

    def __init__(self, database: Database, link: NodeLink, playback: Playback, objects: Objects) -> None:
        self._database, self._link, self._playback, self._objects = database, link, playback, objects
        self._worker = new_id()
        self._wanted = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def order(
        self, account: Account, camera: str, stream: StreamName, start: dt.datetime, end: dt.datetime
    ) -> Row:
        """Returns at once; the clip is ``running``. Raises Invalid, NotFound."""
        pieces = await self._playback.plan(camera, stream, start, end)
        if end - start > _LONGEST:
            raise Invalid("a clip is at most 24 hours long")
        if not pieces:
            raise NotFound("nothing was recorded in that time; the timeline shows what was")
        clip = new_id()
        await self._database.execute(_SQL["add_clip"], clip, account.id, camera, stream, start, end)
        self._wanted.set()
        return await self.get(account, clip)

    async def get(self, reader: Account, clip: str) -> Row:
        """Of a camera the reader sees. Raises NotFound."""
        async with as_reader(self._database, reader) as session:
            row = await session.fetchrow(_SQL["clip_by_id"], clip)
        if row is None:
            raise NotFound("there is no such clip")
        return row

    async def find(self, reader: Account, limit: int) -> list[Row]:
        """One's own, an administrator's everybody's, of cameras the reader sees; newest first."""
        own = None if reader.role is Role.ADMINISTRATOR else reader.id
        async with as_reader(self._database, reader) as session:
            return list(await session.fetch(_SQL["list_clips"], own, limit))

    def file(self, clip: str) -> AsyncIterator[bytes]:
        """The file of a clip that is done. Raises NotFound, Unavailable at the first piece."""
        return self._objects.read(clip_key(clip))

    # -- making them -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled; running jobs are cancelled too and taken up again later, here or elsewhere."""
        try:
            while True:
                try:
                    await self._take()
                except Unavailable as error:
                    _log.info("clips wait: %s", error)
                try:
                    async with asyncio.timeout(_LOOK_S):
                        await self._wanted.wait()
                except TimeoutError:
                    pass
                self._wanted.clear()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self) -> None:
        await self._database.execute(_SQL["give_up_clips"], _TRIES)
        while len(self._tasks) < _AT_ONCE:
            row = await self._database.fetchrow(_SQL["claim_clip"], self._worker, _LEASE_S, _TRIES)
            if row is None:
                return
            task = asyncio.create_task(self._make(row), name=f"clip {row['id']}")
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wanted.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a clip failed", exc_info=error)

    async def _make(self, row: Row) -> None:
        clip = row["id"]
        try:
            await _Job(row, self._worker, self._database, self._link, self._playback, self._objects).run()
        except asyncio.CancelledError:  # the centre stops in order: another try, not counted
            await asyncio.shield(self._database.execute(_SQL["postpone_clip"], clip, self._worker, 0.0))
            raise
        except Taken as error:
            _log.warning("clip %s: %s", clip, error)
        except Unavailable as error:
            _log.warning("clip %s is taken up again when its lease ends: %s", clip, error)
        except LinkError as error:
            _log.info("clip %s waits: %s", clip, error)
            await self._fail_or_wait(row, error)
        except KhueError as error:
            _log.info("clip %s failed: %s", clip, error)
            await self._database.execute(_SQL["fail_clip"], clip, self._worker, str(error))

    async def _fail_or_wait(self, row: Row, error: LinkError) -> None:
        """A link that is away for a while is waited for; one that stays away fails the clip with its words."""
        if dt.datetime.now(dt.UTC) - row["created"] > dt.timedelta(minutes=10):
            await self._database.execute(_SQL["fail_clip"], row["id"], self._worker, str(error))
        else:
            await self._database.execute(_SQL["postpone_clip"], row["id"], self._worker, _LOOK_S)


class _Job:
    """One try at one clip."""

    def __init__(
        self, row: Row, worker: str, database: Database, link: NodeLink, playback: Playback, objects: Objects
    ) -> None:
        self._row, self._worker = row, worker
        self._database, self._link, self._playback, self._objects = database, link, playback, objects
        self._hash = hashlib.sha256()
        self._bytes = 0
        self._init = b""

    async def run(self) -> None:
        """Raises NotFound, MediaError, LinkError, Unavailable, Taken."""
        row = self._row
        stream, start, end = StreamName(row["stream"]), row["started"], row["ended"]
        nodes = await self._one_node(row["camera"], stream, start, end)
        writer = self._objects.create(clip_key(row["id"]))
        try:
            read = NodeRead(
                self._link.bus, nodes, row["camera"], stream, to_micros(start), to_micros(end), zero_based=True
            )
            async with read:
                await self._copy(read, writer)
            await writer.close()
        except BaseException:
            await writer.discard()
            raise
        done = await self._database.fetchrow(
            _SQL["finish_clip"], row["id"], self._worker, self._bytes, self._hash.hexdigest()
        )
        if done is None:
            raise Taken("another replica has taken it over")

    async def _one_node(self, camera: str, stream: StreamName, start: dt.datetime, end: dt.datetime) -> str:
        """A clip is one track from one recorder; where recorders change, so does what a decoder needs."""
        pieces = await self._playback.plan(camera, stream, start, end)
        nodes = list(dict.fromkeys(piece.node for piece in pieces))
        if None in nodes:
            raise LinkError("part of this time is held by a node that is not heard of; ask again when it is back")
        if len(nodes) > 1:
            change = to_datetime(pieces[1].start)
            raise NotFound(
                f"the recording moves from node {nodes[0]} to {nodes[1]} at {change:%Y-%m-%d %H:%M:%S} UTC; "
                "make one clip that ends there and one that starts there"
            )
        if not nodes or nodes[0] is None:
            raise NotFound("nothing was recorded in that time; the timeline shows what was")
        return nodes[0]

    async def _copy(self, read: NodeRead, writer: ObjectWriter) -> None:
        loop = asyncio.get_running_loop()
        boxes = BoxReader()
        said = 0.0
        async for chunk in read.chunks():
            for box in boxes.feed(chunk.data):
                if box.kind in INIT and self._repeats(box.kind, box.data, chunk.until):
                    continue
                self._hash.update(box.data)
                self._bytes += len(box.data)
                await writer.write(box.data)
            if loop.time() - said > _SAY_S:
                said = loop.time()
                await self._advance(chunk.until)
        if not boxes.complete or not self._bytes:
            raise MediaError("the node's recording ended within a box; run khue check there")

    def _repeats(self, kind: bytes, data: bytes, until: int) -> bool:
        """One file has one initialisation. The same again is left out; another one ends the try."""
        if kind == b"ftyp":
            return bool(self._init)
        if self._init and data != self._init:
            raise MediaError(
                f"the camera changed its picture format at about {to_datetime(until):%Y-%m-%d %H:%M:%S} UTC; "
                "make one clip that ends there and one that starts there"
            )
        repeats = bool(self._init)
        self._init = data
        return repeats

    async def _advance(self, until: int) -> None:
        start, end = to_micros(self._row["started"]), to_micros(self._row["ended"])
        progress = min(max((until - start) / (end - start), 0.0), 0.99)
        kept: Any = await self._database.fetchrow(
            _SQL["advance_clip"], self._row["id"], self._worker, self._bytes, progress, _LEASE_S
        )
        if kept is None:
            raise Taken("another replica has taken it over")


def clip_key(clip: str) -> str:
    """Where its file is in the object store."""
    return f"clips/{clip}.mp4"
