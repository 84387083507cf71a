"""Nodes made of software that speak the real link: they join, take their cameras, report states, spans and gaps, and beat.

No camera is connected to and no picture exists; what becomes of a camera is its fate. So the centre sees a fleet of any
size work, or not, on one machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from khue.model.camera import CameraState, StreamName
from khue.model.coverage import Gap, GapCause, Span
from khue.model.errors import LinkError
from khue.model.time import Clock, Micros
from khue.sim.fleet.fates import LOST, Fate
from khue.wire import subjects
from khue.wire.bus import Bus, Handler, Received
from khue.wire.link import (
    CameraSpec,
    CoverageReply,
    CoverageRequest,
    Desired,
    EventBatch,
    GapChange,
    Heartbeat,
    HeartbeatAck,
    Join,
    LiveReply,
    Message,
    ProbeReply,
    ReadReply,
    SnapshotReply,
    SpanChange,
    StreamCounters,
    StreamStatus,
)

REPLY_S = 10.0
AT_ONCE = 400  # changes in one batch of events
_NO_PICTURES = "this node is simulated: it reports on its cameras and has no pictures"
_FPS, _BYTES_S = 15, 250_000
_log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode


class Pace(NamedTuple):
    """Seconds between heartbeats, between two reports of growing spans, and, on average, between cameras that fail or come back."""

    beat_s: float = 2.0
    span_s: float = 60.0
    flap_s: float = 20.0


class _Stream(msgspec.Struct):
    """A stream as the node has it now."""

    camera: str
    name: StreamName
    fate: Fate
    since: Micros
    changed: bool = True


class SimulatedNode:
    """One node. ``fates`` says, by address, what becomes of the cameras it is given; an unknown address answers nothing."""

    def __init__(self, join: Join, bus: Bus, fates: Mapping[str, Fate], clock: Clock, pace: Pace = Pace()) -> None:  # noqa: B008
        self.join = join
        self._bus = bus
        self._fates = fates
        self._clock = clock
        self._pace = pace
        self._chance = random.Random(join.node)
        self._revision = 0
        self._event = clock.now()  # numbers of events go on rising when the node is started again
        self._started = clock.now()
        self._streams: dict[tuple[str, StreamName], _Stream] = {}
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Subscribe and begin; returns at once, connected or not."""
        node = self.join.node
        replies: dict[str, Message] = {
            "live": LiveReply(error=_NO_PICTURES),
            "read": ReadReply(error=_NO_PICTURES),
            "snapshot": SnapshotReply(error=_NO_PICTURES),
            "probe": ProbeReply(error=_NO_PICTURES),
        }
        for verb, reply in replies.items():
            await self._bus.subscribe(subjects.of_node(node, verb), _always(_encode(reply)), concurrency=4)
        await self._bus.subscribe(subjects.of_node(node, "coverage"), self._covered, concurrency=4)
        await self._bus.subscribe(subjects.of_node(node, "desired"), self._pushed)
        self._bus.on_connect(self._joined)
        work = (self._beat, self._report, self._grow, self._flap)
        self._tasks = [asyncio.create_task(one(), name=f"{node} {one.__name__}") for one in work]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def states(self) -> dict[str, CameraState]:
        """Of the main stream of each camera it has."""
        return {s.camera: s.fate.state for s in self._streams.values() if s.name is StreamName.MAIN}

    # -- what it is told

    async def _joined(self) -> None:
        with contextlib.suppress(LinkError):  # the next heartbeat tries again
            data = await self._bus.request(subjects.join(self.join.node), _encode(self.join), REPLY_S)
            self._take(msgspec.msgpack.decode(data, type=Desired))

    async def _pushed(self, message: Received) -> None:
        self._take(msgspec.msgpack.decode(message.data, type=Desired))

    def _take(self, desired: Desired) -> None:
        if desired.error:
            _log.error("the centre does not accept this node: %s", desired.error)
            return
        self._revision = desired.revision
        wanted = {(camera.id, spec.name): camera for camera in desired.cameras for spec in camera.streams}
        for key in self._streams.keys() - wanted.keys():
            del self._streams[key]
        for key, camera in wanted.items():
            fate = self._fate(camera)
            if key not in self._streams:
                self._streams[key] = _Stream(*key, fate, self._clock.now())
            elif camera.enabled is (self._streams[key].fate.state is CameraState.DISABLED):
                self._turn(self._streams[key], fate)
        self._news.set()

    def _fate(self, camera: CameraSpec) -> Fate:
        if not camera.enabled:
            return Fate(CameraState.DISABLED, "recording is switched off", GapCause.POLICY)
        return self._fates.get(urlsplit(camera.streams[0].url).hostname or "", LOST)

    def _turn(self, stream: _Stream, fate: Fate) -> None:
        stream.fate, stream.since, stream.changed = fate, self._clock.now(), True
        self._news.set()

    # -- what it tells

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._pace.beat_s)
            if not self._bus.connected:
                continue
            try:
                data = await self._bus.request(subjects.heartbeat(self.join.node), _encode(self._heartbeat()), REPLY_S)
            except LinkError as error:
                _log.info("no answer to a heartbeat: %s", error)
                continue
            told = msgspec.msgpack.decode(data, type=HeartbeatAck)
            if told.error or told.revision != self._revision:
                await self._joined()

    def _heartbeat(self) -> Heartbeat:
        now = self._clock.now()
        counters = tuple(
            StreamCounters(
                camera=stream.camera,
                stream=stream.name,
                recorded_until=now,
                frames=int((now - stream.since) / 1e6 * _FPS),
                bytes=int((now - stream.since) / 1e6 * _BYTES_S),
            )
            for stream in self._recording()
        )
        up_s = (now - self._started) / 1e6
        return Heartbeat(
            node=self.join.node,
            at=now,
            revision=self._revision,
            counters=counters,
            disk_used=4_000_000_000_000 + int(up_s * len(counters) * _BYTES_S),
            disk_total=16_000_000_000_000,
            cpu_seconds=up_s * len(counters) * 0.001,
            rss_bytes=200_000_000 + 2_500_000 * len(counters),
        )

    def _recording(self) -> list[_Stream]:
        return [stream for stream in self._streams.values() if stream.fate.state is CameraState.RECORDING]

    async def _report(self) -> None:
        """Send what changed: the transition, and the span or gap that began with it."""
        while True:
            await self._news.wait()
            self._news.clear()
            changed = [stream for stream in self._streams.values() if stream.changed]
            for first in range(0, len(changed), AT_ONCE // 2):
                some = changed[first : first + AT_ONCE // 2]
                states = [(stream, stream.fate) for stream in some]
                await self._send(some)
                for stream, told in states:
                    stream.changed = stream.fate is not told

    async def _send(self, streams: Sequence[_Stream]) -> None:
        await self._publish(
            transitions=tuple(_status(stream) for stream in streams),
            spans=tuple(self._span(stream) for stream in streams if stream.fate.state is CameraState.RECORDING),
            gaps=tuple(_gap(stream) for stream in streams if stream.fate.cause is not None),
        )

    def _span(self, stream: _Stream) -> SpanChange:
        span = Span(stream.since, max(self._clock.now(), stream.since + 1))
        return SpanChange(camera=stream.camera, stream=stream.name, span=span)

    async def _publish(
        self,
        *,
        transitions: tuple[StreamStatus, ...] = (),
        spans: tuple[SpanChange, ...] = (),
        gaps: tuple[GapChange, ...] = (),
    ) -> None:
        """Until the centre's stream has it."""
        batch = EventBatch(node=self.join.node, first=self._event, transitions=transitions, spans=spans, gaps=gaps)
        self._event += max(len(transitions) + len(spans) + len(gaps), 1)
        identity = f"{self.join.node}-{batch.first}-{self._event - 1}"
        while True:
            try:
                await self._bus.publish_durable(subjects.events(self.join.node), _encode(batch), identity)
            except LinkError as error:
                _log.info("events wait: %s", error)
                await asyncio.sleep(1.0)
            else:
                return

    async def _grow(self) -> None:
        """Tell from time to time how far recordings have come."""
        while True:
            await asyncio.sleep(self._pace.span_s)
            recording = self._recording()
            for first in range(0, len(recording), AT_ONCE):
                await self._publish(spans=tuple(map(self._span, recording[first : first + AT_ONCE])))

    async def _flap(self) -> None:
        """Now and then a camera's line goes, and comes back."""
        away: list[tuple[_Stream, Fate]] = []
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / self._pace.flap_s))
            while len(away) > 3:
                stream, fate = away.pop(0)
                over = Gap(stream.since, self._clock.now(), GapCause.LINK, LOST.detail)
                await self._publish(gaps=(GapChange(camera=stream.camera, stream=stream.name, gap=over),))
                self._turn(stream, fate)
            recording = self._recording()
            if recording:
                stream = self._chance.choice(recording)
                away.append((stream, stream.fate))
                await self._publish(spans=(self._span(stream),))
                self._turn(stream, LOST)

    # -- what it is asked

    async def _covered(self, message: Received) -> bytes:
        asked = msgspec.msgpack.decode(message.data, type=CoverageRequest)
        stream = self._streams.get((asked.camera, asked.stream))
        if stream is None:
            return _encode(CoverageReply(error="this node does not have that camera"))
        if stream.fate.state is CameraState.RECORDING:
            return _encode(CoverageReply(spans=(self._span(stream).span,)))
        return _encode(CoverageReply(gaps=(_gap(stream).gap,)))


def _always(reply: bytes) -> Handler:
    async def answer(_: Received) -> bytes:
        return reply

    return answer


def _status(stream: _Stream) -> StreamStatus:
    fate = stream.fate
    return StreamStatus(
        camera=stream.camera,
        stream=stream.name,
        state=fate.state,
        since=stream.since,
        detail=fate.detail,
        cause=fate.cause,
        codec=fate.codec,
        width=fate.width,
        height=fate.height,
    )


def _gap(stream: _Stream) -> GapChange:
    gap = Gap(stream.since, None, stream.fate.cause or GapCause.CAMERA, stream.fate.detail)
    return GapChange(camera=stream.camera, stream=stream.name, gap=gap)


async def run(nodes: Iterable[SimulatedNode], stopping: asyncio.Event) -> None:
    """All of them until told to stop."""
    started = list(nodes)
    try:
        for node in started:
            await node.start()
        await stopping.wait()
    finally:
        for node in started:
            await node.stop()
