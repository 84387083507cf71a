"""The durable stream of events on JetStream: nodes publish into it, centre replicas take from it together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, StorageType, StreamConfig

from khue.model.errors import LinkError
from khue.store.nats import NatsBus, keeping_cancellation
from khue.wire.link import EVENTS_STREAM
from khue.wire.subjects import EVENTS

_log = logging.getLogger(__name__)

_CONSUMER = "centre"
_KEEP = 7 * 24 * 3600.0  # seconds an event waits for a centre; nodes keep theirs until it is stored here
_SAME = 600.0  # seconds within which a Nats-Msg-Id is stored once
_ACK_WAIT = 10.0  # seconds after which what a dead replica took is given to another
_FAILURES = (nats.errors.Error, OSError, TimeoutError)


class StoredEvent(NamedTuple):
    """``sequence`` grows by one with each event stored, until the stream itself is lost; ``receipt`` acknowledges it."""

    sequence: int
    subject: str
    data: bytes
    receipt: str


class EventLog:
    """Stream KHUE_EVENTS and its shared consumer; both are made when missing, at each connect."""

    def __init__(self, bus: NatsBus) -> None:
        self._bus = bus
        self._fetcher: JetStreamContext.PullSubscription | None = None
        bus.on_connect(self._reopen)

    async def fetch(self, limit: int, timeout: float) -> list[StoredEvent]:
        """Up to ``limit`` events in order; [] when there are none for ``timeout`` s. Raises LinkError."""
        if self._fetcher is None:
            await self._open()
        fetcher = self._fetcher
        assert fetcher is not None
        try:
            with keeping_cancellation():
                messages = await fetcher.fetch(limit, timeout)
        except nats.errors.TimeoutError:
            return []
        except _FAILURES as error:
            self._fetcher = None  # the connection, the consumer or the whole stream may be gone: open it anew
            raise LinkError(f"events cannot be fetched: {error}") from error
        return [
            StoredEvent(message.metadata.sequence.stream, message.subject, message.data, message.reply)
            for message in messages
        ]

    async def acknowledge(self, events: Sequence[StoredEvent]) -> None:
        """These need not be delivered again. Raises LinkError; they then come again."""
        for event in events:
            await self._bus.publish(event.receipt, b"+ACK")

    async def last_sequence(self) -> int:
        """Of the newest event stored. Raises LinkError."""
        try:
            info = await self._bus.client.jetstream().stream_info(EVENTS_STREAM)
        except _FAILURES as error:
            raise LinkError(f"the event stream cannot be asked: {error}") from error
        return int(info.state.last_seq)

    async def _reopen(self) -> None:
        self._fetcher = None
        await self._open()

    async def _open(self) -> None:
        """Raises LinkError."""
        context = self._bus.client.jetstream(timeout=5)
        stream = StreamConfig(
            name=EVENTS_STREAM,
            subjects=[EVENTS],
            storage=StorageType.FILE,
            max_age=_KEEP,
            duplicate_window=_SAME,
        )
        consumer = ConsumerConfig(
            durable_name=_CONSUMER, ack_policy=AckPolicy.EXPLICIT, ack_wait=_ACK_WAIT, max_ack_pending=1000
        )
        try:
            try:
                await context.update_stream(stream)
            except nats.js.errors.NotFoundError:
                await context.add_stream(stream)
            await context.add_consumer(EVENTS_STREAM, consumer)
            self._fetcher = await context.pull_subscribe_bind(consumer=_CONSUMER, stream=EVENTS_STREAM)
        except _FAILURES as error:
            raise LinkError(f"the event stream {EVENTS_STREAM} cannot be opened: {error}") from error
