"""RTP payloads and RTCP packets as a camera makes them: RFC 3550, 6184 (H.264), 7798 (H.265), 3640 (AAC), 3551 (G.711)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from khue.model.time import Micros

PAYLOAD_LIMIT = 1400  # bytes of RTP payload: fits an Ethernet frame with room for tunnels
_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970


class Unit(NamedTuple):
    """One RTP packet before it has a sequence number. ``timestamp`` is in the track's clock, unwrapped."""

    marker: bool
    timestamp: int
    payload: bytes


def _fragments(nal: bytes, header: int, first: bytes, middle: bytes, last: bytes) -> list[bytes]:
    """A NAL unit cut into FU payloads; ``header`` is the length of its own header, which the FU headers replace."""
    room = PAYLOAD_LIMIT - len(first)
    cuts = [nal[at : at + room] for at in range(header, len(nal), room)]
    heads = [first, *[middle] * (len(cuts) - 2), last]
    return [head + cut for head, cut in zip(heads, cuts, strict=True)]


def h264_payloads(nals: Iterable[bytes]) -> list[bytes]:
    """Single NAL unit and FU-A packets (RFC 6184 §5.6, §5.8)."""
    out: list[bytes] = []
    for nal in nals:
        if len(nal) <= PAYLOAD_LIMIT:
            out.append(nal)
            continue
        indicator, kind = nal[0] & 0xE0 | 28, nal[0] & 0x1F
        heads = [bytes((indicator, flag | kind)) for flag in (0x80, 0, 0x40)]
        out += _fragments(nal, 1, *heads)
    return out


def h265_payloads(nals: Iterable[bytes]) -> list[bytes]:
    """Single NAL unit and fragmentation unit packets (RFC 7798 §4.4.1, §4.4.3)."""
    out: list[bytes] = []
    for nal in nals:
        if len(nal) <= PAYLOAD_LIMIT:
            out.append(nal)
            continue
        header, kind = bytes((nal[0] & 0x81 | 49 << 1, nal[1])), nal[0] >> 1 & 0x3F
        heads = [header + bytes((flag | kind,)) for flag in (0x80, 0, 0x40)]
        out += _fragments(nal, 2, *heads)
    return out


def h264_aggregate(nals: Sequence[bytes]) -> bytes:
    """One STAP-A packet (RFC 6184 §5.7.1)."""
    top = max(nal[0] & 0x60 for nal in nals)
    return bytes((top | 24,)) + b"".join(struct.pack(">H", len(nal)) + nal for nal in nals)


def h265_aggregate(nals: Sequence[bytes]) -> bytes:
    """One aggregation packet (RFC 7798 §4.4.2), layer 0, temporal id 1."""
    return bytes((48 << 1, 1)) + b"".join(struct.pack(">H", len(nal)) + nal for nal in nals)


def aac_payload(access_unit: bytes) -> bytes:
    """One access unit in mode AAC-hbr: 16-bit AU-headers-length, then size (13) and index (3) (RFC 3640 §3.3.6)."""
    return struct.pack(">HH", 16, len(access_unit) << 3) + access_unit


def rtp_packet(unit: Unit, payload_type: int, sequence: int, ssrc: int) -> bytes:
    """RFC 3550 §5.1; sequence and timestamp are taken modulo 2^16 and 2^32."""
    second = unit.marker << 7 | payload_type
    header = struct.pack(">BBHII", 0x80, second, sequence & 0xFFFF, unit.timestamp & 0xFFFFFFFF, ssrc)
    return header + unit.payload


def interleaved(channel: int, packet: bytes) -> bytes:
    """RFC 2326 §10.12."""
    return struct.pack(">BBH", 0x24, channel, len(packet)) + packet


def sender_report(ssrc: int, wall: Micros, timestamp: int, packets: int, octets: int) -> bytes:
    """SR and SDES CNAME in one compound packet (RFC 3550 §6.4.1, §6.5)."""
    seconds, rest = divmod(wall, 1_000_000)
    fraction = (rest << 32) // 1_000_000
    report = struct.pack(
        ">BBHIIIIII",
        0x80, 200, 6, ssrc, (seconds + _NTP_EPOCH) & 0xFFFFFFFF, fraction,
        timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF,
    )  # fmt: skip
    return report + struct.pack(">BBHIBB", 0x81, 202, 3, ssrc, 1, 4) + b"khue" + b"\0\0"


def goodbye(ssrc: int) -> bytes:
    """RTCP BYE (RFC 3550 §6.6)."""
    return struct.pack(">BBHI", 0x81, 203, 1, ssrc)
