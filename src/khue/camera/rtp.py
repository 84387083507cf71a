"""RTP sequence accounting and RTCP (RFC 3550): bytes in, values out, no I/O. The RTP header is read by `khue.model.rtp`."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct, pack
from typing import NamedTuple

from khue.model.rtp import RtpPacket, parse_rtp
from khue.model.time import Micros

__all__ = [
    "Bye",
    "ReceptionReport",
    "RtpPacket",
    "SenderReport",
    "SequenceCounter",
    "build_receiver_report",
    "parse_rtcp",
    "parse_rtp",
]

_SENDER_INFO = Struct("!IIII")
_NTP_TO_UNIX = 2_208_988_800
_NTP_ERA = 1 << 32
_SENDER, _RECEIVER, _DESCRIPTION, _BYE = 200, 201, 202, 203
_DROPOUT = 3000  # RFC 3550 §A.1: a larger jump is a new start, not a loss
_MISORDER = 100


class SequenceCounter:
    """Counts packets lost, late and doubled of one RTP source (RFC 3550 §A.1, §A.3).

    ``lost`` shrinks again when a packet that was counted as lost arrives late. A jump of more than 3,000 is a new
    start of the camera's numbering once the next packet confirms it; until then the packet is not counted.
    """

    __slots__ = ("_bad", "_cycles", "_highest", "_seen", "duplicates", "lost", "received", "reordered", "restarts")

    def __init__(self) -> None:
        self.received = 0
        self.lost = 0
        self.reordered = 0
        self.duplicates = 0
        self.restarts = 0
        self._highest = -1
        self._cycles = 0
        self._seen = 0  # bit n: the packet n before the highest arrived
        self._bad = -1

    @property
    def extended_highest(self) -> int:
        """Highest sequence number with the count of wrap-arounds in the upper 16 bits."""
        return (self._cycles << 16 | max(self._highest, 0)) & 0xFFFFFFFF

    def push(self, sequence: int) -> int:
        """Packets missing right before this one; 0 in order; -1 for a late, doubled or unexplained packet."""
        if self._highest < 0:
            return self._start(sequence)
        ahead = (sequence - self._highest) & 0xFFFF
        if 0 < ahead < _DROPOUT:
            self._cycles += sequence < self._highest
            self._highest = sequence
            self._seen = (self._seen << min(ahead, 128) | 1) & ((1 << 128) - 1)
            self.received += 1
            self.lost += ahead - 1
            self._bad = -1
            return ahead - 1
        behind = (self._highest - sequence) & 0xFFFF
        if behind <= _MISORDER:
            self._late(behind)
            return -1
        if sequence == self._bad:
            self.restarts += 1
            return self._start(sequence)
        self._bad = (sequence + 1) & 0xFFFF
        return -1

    def _start(self, sequence: int) -> int:
        self._highest = sequence
        self._seen = 1
        self._bad = -1
        self.received += 1
        return 0

    def _late(self, behind: int) -> None:
        if self._seen >> behind & 1:
            self.duplicates += 1
            return
        self._seen |= 1 << behind
        self.reordered += 1
        self.received += 1
        self.lost = max(0, self.lost - 1)


class SenderReport(NamedTuple):
    """The camera's wall clock at one RTP timestamp (RFC 3550 §6.4.1). ``ntp_middle`` goes back in receiver reports."""

    ssrc: int
    ntp_us: Micros
    rtp_timestamp: int
    ntp_middle: int = 0

    def wall_clock(self, rtp_timestamp: int, clock_rate: int) -> Micros:
        """The camera's wall clock at another RTP timestamp, at most half a wrap-around away."""
        ticks = (rtp_timestamp - self.rtp_timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
        return self.ntp_us + ticks * 1_000_000 // max(clock_rate, 1)


class Bye(NamedTuple):
    """The source ends its stream (RFC 3550 §6.6)."""

    ssrc: int


class ReceptionReport(NamedTuple):
    """What we tell the camera about one source (RFC 3550 §6.4.1); times in 1/65536 s."""

    ssrc: int
    extended_highest: int
    cumulative_lost: int
    fraction_lost: int = 0
    jitter: int = 0
    last_sr: int = 0
    delay_since_last_sr: int = 0


def parse_rtcp(buffer: bytes | bytearray | memoryview, offset: int, length: int) -> Iterator[SenderReport | Bye]:
    """Sender reports and goodbyes of a compound packet (RFC 3550 §6.1); stops at the first byte that is not RTCP."""
    end = min(offset + length, len(buffer))
    while offset >= 0 and offset + 8 <= end and buffer[offset] >> 6 == 2:
        kind = buffer[offset + 1]
        size = 4 + 4 * (buffer[offset + 2] << 8 | buffer[offset + 3])
        if offset + size > end:
            return
        ssrc = int.from_bytes(buffer[offset + 4 : offset + 8], "big")
        if kind == _SENDER and size >= 28:
            seconds, fraction, rtp_timestamp, _ = _SENDER_INFO.unpack_from(buffer, offset + 8)
            middle = (seconds & 0xFFFF) << 16 | fraction >> 16
            yield SenderReport(ssrc, _ntp_to_micros(seconds, fraction), rtp_timestamp, middle)
        elif kind == _BYE and buffer[offset] & 0x1F:
            yield Bye(ssrc)
        offset += size


def build_receiver_report(ssrc: int, reports: tuple[ReceptionReport, ...] = (), cname: str = "khue") -> bytes:
    """A compound of receiver report and source description (RFC 3550 §6.4.2, §6.5). At most 31 sources."""
    blocks = b"".join(
        pack(
            "!IIIIII",
            report.ssrc,
            (report.fraction_lost & 0xFF) << 24 | max(0, min(report.cumulative_lost, 0x7FFFFF)),
            report.extended_highest,
            report.jitter,
            report.last_sr,
            report.delay_since_last_sr,
        )
        for report in reports[:31]
    )
    receiver = pack("!BBHI", 0x80 | len(blocks) // 24, _RECEIVER, 1 + len(blocks) // 4, ssrc) + blocks
    name = cname.encode()[:255]
    item = pack("!IBB", ssrc, 1, len(name)) + name + b"\0"
    item += b"\0" * (-len(item) % 4)
    return receiver + pack("!BBH", 0x81, _DESCRIPTION, len(item) // 4) + item


def _ntp_to_micros(seconds: int, fraction: int) -> Micros:
    """NTP counts from 1900 and wraps in 2036; the upper half is the first era (RFC 4330 §3)."""
    if seconds < _NTP_ERA // 2:
        seconds += _NTP_ERA
    return (seconds - _NTP_TO_UNIX) * 1_000_000 + (fraction * 1_000_000 >> 32)
