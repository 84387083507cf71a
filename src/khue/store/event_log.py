"""The durable stream of events on JetStream: nodes publish into it, the centre reads it in order from where it got to.

There is no consumer with acknowledgements: the centre keeps its position in its own database, in the transaction that applies
the events, and only what it has applied is taken out of the stream. A full stream refuses new events; their nodes keep them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NamedTuple

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, DiscardPolicy, StorageType, StreamConfig

from khue.model.errors import LinkError
from khue.store.nats import NatsBus, keeping_cancellation
from khue.wire.link import EVENTS_STREAM
from khue.wire.subjects import EVENTS

_log = logging.getLogger(__name__)

_MOST_BYTES = 4 * 1024**3
_SAME = 600.0  # seconds within which a Nats-Msg-Id is stored once
_IDLE = 60.0  # seconds after which the server forgets a reader that went away
_FAILURES = (nats.errors.Error, OSError, TimeoutError)


class StoredEvent(NamedTuple):
    """``sequence`` grows with each event stored, until the stream itself is lost."""

    sequence: int
    subject: str
    data: bytes


class EventLog:
    """Stream KHUE_EVENTS; made when missing, at each connect."""

    def __init__(self, bus: NatsBus) -> None:
        self._bus = bus
        self._reader: JetStreamContext.PullSubscription | None = None
        self._read_to = -1  # what the reader gives next comes after this
        self._reading = asyncio.Lock()
        bus.on_connect(self._reopen)

    async def fetch(self, after: int, limit: int, timeout: float) -> list[StoredEvent]:
        """Up to ``limit`` events after a sequence, in order; [] when there are none for ``timeout`` s. Raises LinkError."""
        async with self._reading:  # two on one reader would get every other event each
            return await self._fetch(after, limit, timeout)

    async def _fetch(self, after: int, limit: int, timeout: float) -> list[StoredEvent]:
        try:
            with keeping_cancellation():
                if self._reader is None or self._read_to != after:
                    self._reader = await self._read_from(after)
                    self._read_to = after
                messages = await self._reader.fetch(limit, timeout)
        except nats.errors.TimeoutError:
            return []
        except _FAILURES as error:
            self._reader = None
            raise LinkError(f"events cannot be fetched: {error}") from error
        events = [StoredEvent(found.metadata.sequence.stream, found.subject, found.data) for found in messages]
        if events:
            self._read_to = events[-1].sequence
        return events

    async def last_sequence(self) -> int:
        """Of the newest event ever stored. Raises LinkError."""
        try:
            info = await self._bus.client.jetstream(timeout=5).stream_info(EVENTS_STREAM)
        except _FAILURES as error:
            raise LinkError(f"the event stream cannot be asked: {error}") from error
        return int(info.state.last_seq)

    async def forget(self, before: int) -> None:
        """Take events with a lower sequence out of the stream. Raises LinkError."""
        try:
            await self._bus.client.jetstream(timeout=5).purge_stream(EVENTS_STREAM, seq=before)
        except _FAILURES as error:
            raise LinkError(f"applied events cannot be taken out of the stream: {error}") from error

    async def _reopen(self) -> None:
        self._reader = None
        context = self._bus.client.jetstream(timeout=5)
        stream = StreamConfig(
            name=EVENTS_STREAM,
            subjects=[EVENTS],
            storage=StorageType.FILE,
            max_bytes=_MOST_BYTES,
            discard=DiscardPolicy.NEW,
            duplicate_window=_SAME,
        )
        try:
            try:
                await context.update_stream(stream)
            except nats.js.errors.NotFoundError:
                await context.add_stream(stream)
        except _FAILURES as error:
            raise LinkError(f"the event stream {EVENTS_STREAM} cannot be opened: {error}") from error

    async def _read_from(self, after: int) -> JetStreamContext.PullSubscription:
        context = self._bus.client.jetstream(timeout=5)
        consumer = await context.add_consumer(
            EVENTS_STREAM,
            ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=after + 1,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=_IDLE,
            ),
        )
        return await context.pull_subscribe_bind(consumer=consumer.name, stream=EVENTS_STREAM)
