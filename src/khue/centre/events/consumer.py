"""Takes what nodes report from the durable stream into the tables: every batch once and in order, whoever is killed when."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from khue.centre.events.board import Board
from khue.centre.inventory.seen import see_streams
from khue.centre.ports import Database, EventSource, Statements, StoredEvent
from khue.centre.sql import Queries
from khue.model.errors import LinkError, Unavailable
from khue.model.time import to_datetime
from khue.wire import subjects
from khue.wire.link import EventBatch, GapChange, SpanChange, StreamStatus

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_AT_ONCE = 50  # messages a transaction; a node puts up to some hundred changes into one
_WAIT = 5.0  # seconds a fetch waits for something to come
_PAUSE = 0.5
_KEEP = 10_000  # applied events left in the stream: it knows a message sent twice by those it still has


class Consumer:
    """Runs in every replica; of two that read the same events one applies them, because both move one position."""

    def __init__(self, database: Database, events: EventSource, board: Board) -> None:
        self._database = database
        self._events = events
        self._board = board
        self._checked = False
        self._forgotten = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.run_once()
            except (LinkError, Unavailable) as error:
                self._checked = False  # the stream may have been lost with its server
                _log.info("events wait: %s", error)
                await asyncio.sleep(_PAUSE)

    async def run_once(self) -> int:
        """Apply some; returns how many. Raises LinkError, Unavailable; nothing is applied then."""
        position = int(await self._database.fetchval(_SQL["position"]))
        if not self._checked:
            position = await self._check(position)
        stored = await self._events.fetch(position, _AT_ONCE, _WAIT)
        if not stored:
            return 0
        batches = [batch for event in stored if (batch := _decode(event)) is not None]
        async with self._database.transaction() as session:
            if await session.fetchval(_SQL["lock_position"]) != position:
                return 0  # another replica was quicker
            await apply(session, batches)
            await session.execute(_SQL["move_position"], stored[-1].sequence)
        changed = {status.camera for batch in batches for status in batch.transitions}
        await self._board.announce_streams(sorted(changed))
        await self._forget(stored[-1].sequence)
        return len(stored)

    async def _check(self, position: int) -> int:
        """The position to go on from, which is the start when the stream is not the one it belongs to."""
        if position > await self._events.last_sequence():
            _log.warning("the stream of events was lost and starts anew")
            await self._database.execute(_SQL["move_position"], 0)
            position = 0
        self._checked = True
        return position

    async def _forget(self, applied: int) -> None:
        if applied - self._forgotten > 2 * _KEEP:
            await self._events.forget(applied - _KEEP)
            self._forgotten = applied - _KEEP


def _decode(event: StoredEvent) -> EventBatch | None:
    node = subjects.speaker(event.subject)
    try:
        batch = msgspec.msgpack.decode(event.data, type=EventBatch)
    except msgspec.DecodeError as error:
        _log.error("event %d of node %s cannot be read and is left out: %s", event.sequence, node, error)
        return None
    if batch.node != node:
        _log.error("event %d of node %s speaks for node %s and is left out", event.sequence, node, batch.node)
        return None
    return batch


async def apply(session: Statements, batches: Sequence[EventBatch]) -> None:
    """Write the batches, in their order. Rows have natural keys: the same batch stored twice changes nothing.

    Of a camera that was never placed with the node that speaks, nothing is taken.
    """
    batches = await _own(session, batches)
    statuses = [(batch.node, status) for batch in batches for status in batch.transitions]
    spans = [(batch.node, span) for batch in batches for span in batch.spans]
    if statuses:
        await _put_statuses(session, statuses)
    if spans:
        await _put_spans(session, spans)
    for batch in batches:
        for change in batch.gaps:
            await _put_gap(session, batch.node, change)


async def _own(session: Statements, batches: Sequence[EventBatch]) -> list[EventBatch]:
    """The batches without what a node says of cameras it never had: nobody else's recordings or gaps are its to claim."""
    said = {(batch.node, change.camera) for batch in batches for change in _changes(batch)}
    rows = await session.fetch(_SQL["placed"], *_columns(sorted(said))) if said else []
    foreign = said - {(row["node"], row["camera"]) for row in rows}
    if not foreign:
        return list(batches)
    for node, camera in sorted(foreign):
        _log.error("node %s speaks of camera %s, which it never had; that is left out", node, camera)
    return [
        msgspec.structs.replace(
            batch,
            transitions=tuple(one for one in batch.transitions if (batch.node, one.camera) not in foreign),
            spans=tuple(one for one in batch.spans if (batch.node, one.camera) not in foreign),
            gaps=tuple(one for one in batch.gaps if (batch.node, one.camera) not in foreign),
        )
        for batch in batches
    ]


def _changes(batch: EventBatch) -> Iterable[StreamStatus | SpanChange | GapChange]:
    return (*batch.transitions, *batch.spans, *batch.gaps)


async def _put_statuses(session: Statements, statuses: Sequence[tuple[str, StreamStatus]]) -> None:
    def row(node: str, status: StreamStatus) -> tuple[Any, ...]:
        return (
            *(status.camera, str(status.stream), to_datetime(status.since), node),
            *(str(status.state), status.detail, None if status.cause is None else str(status.cause)),
        )

    await session.execute(_SQL["add_transitions"], *_columns(row(*item) for item in statuses))
    # one statement may touch a row once: of what each node says of a stream the last counts, and one node is the right one
    last = {(status.camera, status.stream, node): (node, status) for node, status in statuses}
    rows = [
        (*row(node, status), *(status.codec, status.width, status.height, status.clock_offset_ms))
        for node, status in sorted(last.values(), key=lambda item: (item[1].camera, item[1].stream))
    ]
    await session.execute(_SQL["put_status"], *_columns(rows))
    await see_streams(session, statuses)


async def _put_spans(session: Statements, spans: Sequence[tuple[str, SpanChange]]) -> None:
    """Longest state of each span; what was withdrawn on the way is deleted first, so that a span can also get shorter."""
    ends: dict[tuple[str, str, str, int], int] = {}
    withdrawn: set[tuple[str, str, str, int]] = set()
    for node, change in spans:
        key = (change.camera, str(change.stream), node, change.span.start)
        if change.withdrawn:
            withdrawn.add(key)
            ends.pop(key, None)
        else:
            ends[key] = max(ends.get(key, 0), change.span.end)
    if withdrawn:
        gone = ((camera, stream, node, to_datetime(start)) for camera, stream, node, start in sorted(withdrawn))
        await session.execute(_SQL["withdraw_spans"], *_columns(gone))
    rows = (
        (camera, stream, node, to_datetime(start), to_datetime(end))
        for (camera, stream, node, start), end in sorted(ends.items())
    )
    if ends:
        await session.execute(_SQL["put_spans"], *_columns(rows))


async def _put_gap(session: Statements, node: str, change: GapChange) -> None:
    gap = change.gap
    key = (change.camera, str(change.stream), node, to_datetime(gap.start), gap.partial)
    if change.withdrawn:
        await session.execute(_SQL["withdraw_gap"], *key)
    else:
        end = None if gap.end is None else to_datetime(gap.end)
        await session.execute(_SQL["put_gap"], *key, end, str(gap.cause), gap.detail)


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
