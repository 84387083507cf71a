"""The node's side of the link: join, heartbeat, events, and the answers to what the centre asks. Design: design/03."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from khue.camera.password import change_password
from khue.model.errors import KhueError, LinkError
from khue.model.time import Clock
from khue.node.playback import coverage, snapshot
from khue.node.relay import LiveRelay, ReadServer
from khue.node.scan import ScanServer
from khue.video.index import Index
from khue.wire import subjects
from khue.wire.bus import Bus, Received
from khue.wire.link import (
    CoverageReply,
    CoverageRequest,
    Desired,
    EndViewing,
    EventBatch,
    GapChange,
    Heartbeat,
    HeartbeatAck,
    Join,
    ProbeReply,
    ProbeRequest,
    SnapshotReply,
    SnapshotRequest,
    SpanChange,
    StreamStatus,
)
from khue.wire.onboarding import PasswordReply, PasswordRequest, ScanReply, ScanRequest

HEARTBEAT_S = 2.0
REPLY_S = 5.0
EVENTS_AT_ONCE = 500
IDLE_S = 0.25

_log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
Reply = TypeVar("Reply", CoverageReply, SnapshotReply, ProbeReply, ScanReply, PasswordReply)
Request = TypeVar("Request", CoverageRequest, SnapshotRequest, ProbeRequest, ScanRequest, PasswordRequest)
Probe = Callable[[ProbeRequest], Awaitable[ProbeReply]]


class Link:
    """Speaks with the centre whenever it can be reached; nothing else in the node waits for it."""

    def __init__(
        self,
        join: Join,
        bus: Bus,
        root: Path,
        clock: Clock,
        *,
        on_desired: Callable[[Desired], None],
        heartbeat: Callable[[], Heartbeat],
        relay: LiveRelay,
        reads: ReadServer,
        probe: Probe,
        scans: ScanServer,
        end_viewing: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._join = join
        self._bus = bus
        self._root = root
        self._clock = clock
        self._on_desired = on_desired
        self._heartbeat = heartbeat
        self._relay = relay
        self._reads = reads
        self._probe = probe
        self._scans = scans
        self._end_viewing = end_viewing
        self._revision = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Subscribe and begin; returns at once, connected or not."""
        node = self._join.node
        answers = {
            "live": self._relay.asked,
            "read": self._reads.asked,
            "snapshot": self._answer(SnapshotRequest, SnapshotReply, self._snapshot),
            "coverage": self._answer(CoverageRequest, CoverageReply, self._coverage),
            "probe": self._answer(ProbeRequest, ProbeReply, self._probe),
            "scan": self._answer(ScanRequest, ScanReply, self._scans.asked),
            "password": self._answer(PasswordRequest, PasswordReply, change_password),
        }
        for verb, handler in answers.items():
            await self._bus.subscribe(subjects.of_node(node, verb), handler, concurrency=16)
        await self._bus.subscribe(subjects.of_node(node, "desired"), self._pushed)
        await self._bus.subscribe(subjects.of_node(node, "end"), self._ended)
        self._bus.on_connect(self._joined)
        self._tasks = [
            asyncio.create_task(self._beat(), name="heartbeat"),
            asyncio.create_task(self._forward(), name="events"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._relay.stop()
        await self._reads.stop()
        await self._scans.stop()

    # -- desired state

    async def _joined(self) -> None:
        try:
            data = await self._bus.request(subjects.join(self._join.node), _encode(self._join), REPLY_S)
            self._take(msgspec.msgpack.decode(data, type=Desired))
        except LinkError as error:
            _log.warning("joining the centre failed, the heartbeat tries again: %s", error)

    async def _pushed(self, message: Received) -> None:
        self._take(msgspec.msgpack.decode(message.data, type=Desired))

    async def _ended(self, message: Received) -> None:
        self._end_viewing(msgspec.msgpack.decode(message.data, type=EndViewing).tokens)

    def _take(self, desired: Desired) -> None:
        if desired.error:
            _log.error("the centre does not accept this node: %s", desired.error)
            return
        if desired.node != self._join.node:
            _log.error("a desired state for node %s came here; it is not obeyed", desired.node)
            return
        if desired.revision != self._revision:
            self._revision = desired.revision
            self._on_desired(desired)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if not self._bus.connected:
                continue
            try:
                beat = msgspec.structs.replace(self._heartbeat(), revision=self._revision)
                data = await self._bus.request(subjects.heartbeat(self._join.node), _encode(beat), REPLY_S)
                acknowledged = msgspec.msgpack.decode(data, type=HeartbeatAck)
            except LinkError as error:
                _log.info("no answer to a heartbeat: %s", error)
                continue
            if acknowledged.error or acknowledged.revision != self._revision:
                await self._joined()

    # -- events

    async def _forward(self) -> None:
        """Send what the index has queued; forget it when the centre's stream has it. Cut off, it simply waits there."""
        index = Index(self._root / "index.sqlite")
        try:
            while True:
                sent = 0
                if self._bus.connected:
                    try:
                        sent = await self._forward_some(index)
                    except LinkError as error:
                        _log.debug("events wait: %s", error)
                    except sqlite3.Error as error:  # a full disk, for one: they wait until there is room
                        _log.error("events cannot be taken from the index: %s", error)
                if sent < EVENTS_AT_ONCE:
                    await asyncio.sleep(IDLE_S)
        finally:
            index.close()

    async def _forward_some(self, index: Index) -> int:
        queued = index.queued(EVENTS_AT_ONCE)
        if not queued:
            return 0
        bodies = [body for _, body in queued]
        batch = EventBatch(
            node=self._join.node,
            first=queued[0][0],
            transitions=tuple(b for b in bodies if isinstance(b, StreamStatus)),
            spans=tuple(b for b in bodies if isinstance(b, SpanChange)),
            gaps=tuple(b for b in bodies if isinstance(b, GapChange)),
        )
        # The identity covers first and last: after a crash the same first row may lead a longer batch.
        identity = f"{self._join.node}-{queued[0][0]}-{queued[-1][0]}"
        await self._bus.publish_durable(subjects.events(self._join.node), _encode(batch), identity)
        index.acknowledged(queued[-1][0])
        return len(queued)

    # -- answers

    async def _snapshot(self, request: SnapshotRequest) -> SnapshotReply:
        return await asyncio.to_thread(snapshot, self._root, request, self._clock.now())

    async def _coverage(self, request: CoverageRequest) -> CoverageReply:
        return await asyncio.to_thread(coverage, self._root, request)

    def _answer(
        self, request: type[Request], reply: type[Reply], work: Callable[[Request], Awaitable[Reply]]
    ) -> Callable[[Received], Awaitable[bytes]]:
        """A handler that decodes, works, and puts an error into the reply."""

        async def handler(message: Received) -> bytes:
            try:
                return _encode(await work(msgspec.msgpack.decode(message.data, type=request)))
            except KhueError as error:
                return _encode(reply(error=str(error)))

        return handler
