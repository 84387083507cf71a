"""What the centre asks of nodes, as typed calls over the message bus."""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec

from khue.centre.errors import Invalid
from khue.model.errors import LinkError, NotFound, RecordingError
from khue.wire import subjects
from khue.wire.bus import Bus
from khue.wire.link import (
    CoverageReply,
    CoverageRequest,
    Desired,
    EndViewing,
    LiveReply,
    LiveRequest,
    Message,
    ProbeReply,
    ProbeRequest,
    SnapshotReply,
    SnapshotRequest,
)
from khue.wire.onboarding import PasswordReply, PasswordRequest, ScanReply, ScanRequest

_SOON = 5.0  # seconds for what a node answers from memory or its index
_LATER = 15.0  # seconds for what it has to read and decode


class _Reply(Protocol):
    @property
    def error(self) -> str: ...


R = TypeVar("R", bound=_Reply)


class NodeLink:
    """Each call raises LinkError when the node cannot be reached or does not answer in time."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def push_desired(self, desired: Desired) -> None:
        """Told once; a node that misses it sees from its next heartbeat that its revision is old."""
        await self.bus.publish(subjects.of_node(desired.node, "desired"), msgspec.msgpack.encode(desired))

    async def end_viewing(self, node: str, tokens: tuple[str, ...]) -> None:
        """Told once; a node that misses it ends what was opened with them when they expire."""
        await self.bus.publish(subjects.of_node(node, "end"), msgspec.msgpack.encode(EndViewing(tokens=tokens)))

    async def live(self, node: str, request: LiveRequest) -> LiveReply:
        """The reply's ``error`` says why there is no picture; that is not an exception."""
        return await self._ask(node, "live", request, LiveReply, _SOON)

    async def snapshot(self, node: str, request: SnapshotRequest) -> SnapshotReply:
        """Raises NotFound when there is no picture at that time."""
        reply = await self._ask(node, "snapshot", request, SnapshotReply, _LATER)
        if reply.error:
            raise NotFound(reply.error)
        return reply

    async def coverage(self, node: str, request: CoverageRequest) -> CoverageReply:
        reply = await self._ask(node, "coverage", request, CoverageReply, _SOON)
        if reply.error:
            raise RecordingError(f"node {node}: {reply.error}")
        return reply

    async def probe(self, node: str, request: ProbeRequest) -> ProbeReply:
        """What the camera is, or in ``error`` and ``remedy`` why it cannot be reached."""
        if not 0 < request.timeout_s <= 60:
            raise Invalid("a probe waits 1 to 60 seconds")
        return await self._ask(node, "probe", request, ProbeReply, request.timeout_s + _SOON)

    async def scan(self, node: str, request: ScanRequest) -> ScanReply:
        """Start, go on with or end a scan; the reply's ``error`` says what the node refuses."""
        return await self._ask(node, "scan", request, ScanReply, _SOON)

    async def password(self, node: str, request: PasswordRequest) -> PasswordReply:
        """Which password the camera takes now, and in ``error`` and ``remedy`` what went wrong."""
        return await self._ask(node, "password", request, PasswordReply, request.timeout_s + _LATER)

    async def _ask(self, node: str, what: str, request: Message, reply: type[R], timeout: float) -> R:
        data = await self.bus.request(subjects.of_node(node, what), msgspec.msgpack.encode(request), timeout)
        try:
            return msgspec.msgpack.decode(data, type=reply)
        except msgspec.DecodeError as error:
            raise LinkError(
                f"node {node} answered {what} with something unreadable; are versions too far apart?"
            ) from error
