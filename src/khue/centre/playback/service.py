"""Recorded media from whichever nodes hold it."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import msgspec

from khue.centre.errors import Invalid
from khue.centre.link import NodeLink
from khue.centre.playback.read import NodeRead
from khue.centre.playback.rules import Answer, Holding, Piece, merge, plan
from khue.centre.ports import Database, Statements
from khue.centre.sql import Queries
from khue.model.camera import StreamName
from khue.model.coverage import Gap, GapCause, Span
from khue.model.errors import LinkError, NotFound, RecordingError
from khue.model.time import Clock, Micros, to_datetime, to_micros
from khue.wire.link import CoverageRequest, ReadChunk, SnapshotReply, SnapshotRequest

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_LONGEST = dt.timedelta(days=32)


class Where(msgspec.Struct, frozen=True):
    """What the tables know of a stream's recordings."""

    created: dt.datetime
    present: str | None
    alive: frozenset[str]
    holdings: tuple[Holding, ...]


class Media:
    """An opened playback: ``mime`` of its first initialisation, and its bytes. ``close`` it unless read to the end."""

    def __init__(
        self, playback: Playback, pieces: list[Piece], camera: str, stream: StreamName, keyframes: bool
    ) -> None:
        self._playback, self._pieces = playback, pieces
        self._camera, self._stream, self._keyframes = camera, stream, keyframes
        self._first: ReadChunk | None = None
        self._chunks: AsyncIterator[ReadChunk] | None = None
        self._stack = AsyncExitStack()
        self.mime = ""

    async def open(self) -> None:
        """Wait for the first chunk. Raises NotFound, LinkError, RecordingError."""
        missing: NotFound | None = None
        while self._pieces:
            piece = self._pieces.pop(0)
            if piece.node is None:
                missing = NotFound("the node that recorded this is not heard of; it can be seen again when it is back")
                continue
            try:
                await self._open_piece(piece)
                assert self._chunks is not None
                self._first = await anext(self._chunks)
            except (NotFound, StopAsyncIteration) as error:
                await self._stack.aclose()
                missing = error if isinstance(error, NotFound) else missing
                continue
            return
        raise missing or NotFound("nothing was recorded in that time; the timeline shows what was")

    async def bytes(self) -> AsyncIterator[bytes]:
        try:
            if self._first is not None:
                yield self._first.data
            while self._chunks is not None:
                async for chunk in self._chunks:
                    yield chunk.data
                await self._stack.aclose()
                self._chunks = None
                await self._open_next()
        finally:
            await self._stack.aclose()

    async def close(self) -> None:
        await self._stack.aclose()

    async def _open_next(self) -> None:
        while self._pieces and self._chunks is None:
            piece = self._pieces.pop(0)
            if piece.node is None:
                continue
            try:
                await self._open_piece(piece)
            except NotFound as error:
                _log.info("playback of %s/%s goes on after %s: %s", self._camera, self._stream, piece, error)

    async def _open_piece(self, piece: Piece) -> None:
        assert piece.node is not None
        self._stack = AsyncExitStack()
        read = await self._stack.enter_async_context(
            self._playback.read(piece.node, self._camera, self._stream, piece.start, piece.end, self._keyframes)
        )
        self.mime = self.mime or read.mime
        self._chunks = read.chunks()


class Playback:
    """Streams, stills and coverage."""

    def __init__(self, database: Database, link: NodeLink, clock: Clock) -> None:
        self._database, self._link, self._clock = database, link, clock

    def read(
        self, node: str, camera: str, stream: StreamName, start: Micros, end: Micros, keyframes_only: bool
    ) -> NodeRead:
        return NodeRead(self._link.bus, node, camera, stream, start, end, keyframes_only=keyframes_only)

    async def open(
        self, camera: str, stream: StreamName, start: dt.datetime, end: dt.datetime, *, keyframes_only: bool
    ) -> Media:
        """fMP4 over [start, end), from the keyframe at or before its start. Raises NotFound, LinkError, Invalid."""
        pieces = await self.plan(camera, stream, start, end)
        media = Media(self, pieces, camera, stream, keyframes_only)
        await media.open()
        return media

    async def plan(self, camera: str, stream: StreamName, start: dt.datetime, end: dt.datetime) -> list[Piece]:
        """Where to read [start, end) from. Raises NotFound, Invalid."""
        check_period(start, end)
        where = await self._where(camera, stream, start, end)
        return plan(to_micros(start), to_micros(end), where.holdings, where.present, where.alive)

    async def snapshot(self, camera: str, stream: StreamName, at: dt.datetime | None, width: int) -> SnapshotReply:
        """A JPEG of the picture at an instant, or the newest. Raises NotFound, LinkError."""
        instant = at or to_datetime(self._clock.now())
        where = await self._where(camera, stream, instant, instant + dt.timedelta(microseconds=1))
        moment = to_micros(instant)
        pieces = plan(moment, moment + 1, where.holdings, where.present, where.alive)
        node = pieces[0].node if pieces else where.present
        if node is None:
            raise NotFound("no node that is heard of has a picture of that time")
        request = SnapshotRequest(camera=camera, stream=stream, at=0 if at is None else moment, width=width)
        return await self._link.snapshot(node, request)

    async def coverage(
        self, camera: str, stream: StreamName, start: dt.datetime, end: dt.datetime
    ) -> tuple[Answer, list[str]]:
        """(spans and gaps, nodes that are away and for whom the centre's own tables spoke). Raises NotFound, Invalid."""
        check_period(start, end)
        async with self._database.transaction(
            "repeatable_read", readonly=True
        ) as session:  # spans and gaps of one moment
            where = await self._where(camera, stream, start, end, session)
            told = await self._told(session, camera, stream, start, end, where)
        others = sorted({node for node in told if node != where.present})
        nodes = [*([where.present] if where.present else []), *others]
        request = CoverageRequest(camera=camera, stream=stream, start=to_micros(start), end=to_micros(end))
        answers, away = [], []
        for node, answer in zip(
            nodes, await asyncio.gather(*(self._ask(node, request, where) for node in nodes)), strict=True
        ):
            if answer is None:
                away.append(node)
                answer = told.get(node, Answer(node))
            answers.append(answer)
        merged = merge(answers, to_micros(start), to_micros(end), to_micros(where.created), self._clock.now())
        return merged, away

    async def _ask(self, node: str, request: CoverageRequest, where: Where) -> Answer | None:
        if node not in where.alive:
            return None
        try:
            reply = await self._link.coverage(node, request)
        except (LinkError, RecordingError) as error:
            _log.info("coverage comes from the tables: %s", error)
            return None
        return Answer(node, reply.spans, reply.gaps)

    async def _told(
        self,
        session: Statements,
        camera: str,
        stream: StreamName,
        start: dt.datetime,
        end: dt.datetime,
        where: Where,
    ) -> dict[str, Answer]:
        """What each node has reported, from the tables."""
        spans: dict[str, list[Span]] = {}
        gaps: dict[str, list[Gap]] = {}
        for holding in where.holdings:
            spans.setdefault(holding.node, []).append(Span(holding.start, holding.end))
        for row in await session.fetch(_SQL["gaps"], camera, stream, start, end):
            until = None if row["ended"] is None else to_micros(row["ended"])
            gap = Gap(to_micros(row["started"]), until, GapCause(row["cause"]), row["detail"], row["partial"])
            gaps.setdefault(row["node"], []).append(gap)
        return {
            node: Answer(node, tuple(spans.get(node, ())), tuple(gaps.get(node, ())))
            for node in spans.keys() | gaps.keys()
        }

    async def _where(
        self,
        camera: str,
        stream: StreamName,
        start: dt.datetime,
        end: dt.datetime,
        session: Statements | None = None,
    ) -> Where:
        session = self._database if session is None else session
        row = await session.fetchrow(_SQL["camera_node"], camera)
        if row is None:
            raise NotFound("there is no such camera")
        alive = await session.fetch(_SQL["live_nodes"])
        holdings = await session.fetch(_SQL["holdings"], camera, stream, start, end)
        return Where(
            created=row["created"],
            present=row["node"],
            alive=frozenset(node["id"] for node in alive),
            holdings=tuple(
                Holding(held["node"], to_micros(held["started"]), to_micros(held["ended"])) for held in holdings
            ),
        )


def check_period(start: dt.datetime, end: dt.datetime) -> None:
    """Raises Invalid unless both have an offset, are in order and not too far apart."""
    if start.tzinfo is None or end.tzinfo is None:
        raise Invalid("write times with an offset, e.g. 2026-01-31T08:00:00+07:00 or ...Z")
    if end <= start or end - start > _LONGEST:
        raise Invalid(f"the end comes after the start, and at most {_LONGEST.days} days after it")
