"""One RTP source of a session: its packets put in order, depacketised, and placed on the wall clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from khue.model.rtp import parse_rtp
from khue.model.time import Micros
from khue.video.reorder import ReorderBuffer
from khue.video.timeline import WallLine

Unit = TypeVar("Unit", covariant=True)
Queued = tuple[bytes, bool, int]  # payload, marker, timestamp


class Depacketizer(Protocol[Unit]):
    """Payloads in sequence, in; pictures or pieces of audio, out."""

    def push(self, payload: bytes, marker: bool, timestamp: int, lost: bool = False) -> Sequence[Unit]: ...

    def flush(self) -> Sequence[Unit]: ...


class RtpSource(Generic[Unit]):
    """What is remembered of one track. ``deliver`` is called with what its packets complete.

    `Remuxer.feed` takes packets that come in order past `push`, straight to the depacketizer.
    """

    def __init__(
        self,
        payload_type: int,
        depacketizer: Depacketizer[Unit],
        line: WallLine,
        deliver: Callable[[Sequence[Unit]], None],
    ) -> None:
        self.payload_type = payload_type
        self.ssrc = -1
        self.order: ReorderBuffer[Queued] = ReorderBuffer()
        self.depacketizer = depacketizer
        self.deliver = deliver
        self._line = line
        self._read_at: Micros = 0
        self._arrival: Micros | None = None
        line.restart()

    def begin_read(self, arrival: Micros) -> None:
        """Packets that arrived from now on follow; give up on those missing for too long."""
        self._read_at = self._arrival = arrival
        if self.order.expected < 0:
            self._pass_on(self.order.overdue(arrival))

    def place(self, timestamp: int) -> int:
        """Ticks since 1970; only the first of a read is held against its arrival, for nobody knows when the others came."""
        arrival, self._arrival = self._arrival, None
        return self._line.place(timestamp, arrival)

    def push(self, sequence: int, ssrc: int, item: Queued) -> None:
        """Take a packet that is not the one expected."""
        if ssrc != self.ssrc:
            self._change(ssrc)
        self._pass_on(self.order.push(sequence, item))

    def flush(self) -> None:
        """Nothing follows."""
        self._pass_on(self.order.flush())
        units = self.depacketizer.flush()
        if units:
            self.deliver(units)

    def _change(self, ssrc: int) -> None:
        """The camera began a new source (RFC 3550 §8): neither sequence nor timestamps go on."""
        if self.ssrc >= 0:
            self.flush()
            self.depacketizer.push(b"", False, -1, True)
            self.order = ReorderBuffer()
            self._line.restart()
            self._arrival = self._read_at
        self.ssrc = ssrc

    def _pass_on(self, items: Iterator[tuple[Queued, bool]]) -> None:
        for (payload, marker, timestamp), lost in items:
            units = self.depacketizer.push(payload, marker, timestamp, lost)
            if units:
                self.deliver(units)


def payload_of(data: bytes, start: int, length: int) -> bytes | None:
    """The payload of a packet whose header has more than the fixed fields; None when it is no RTP packet."""
    packet = parse_rtp(data, start, length)
    if packet is None:
        return None
    return data[packet.payload_offset : packet.payload_offset + packet.payload_length]
