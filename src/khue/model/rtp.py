"""The RTP packet header (RFC 3550 §5.1), read by both those who receive and those who mux."""

from __future__ import annotations

import struct
from typing import NamedTuple

_FIXED = struct.Struct(">BBHII")


class RtpPacket(NamedTuple):
    """Header fields and where the payload lies; offsets count from the start of the buffer that was parsed."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload_offset: int
    payload_length: int


def parse_rtp(buf: bytes | bytearray | memoryview, offset: int, length: int) -> RtpPacket | None:
    """The packet in ``buf[offset:offset + length]``, or None when it is no RTP version 2 packet or is cut short.

    Contributing sources and the header extension are skipped, padding is taken off.
    """
    end = offset + length
    if length < 12 or end > len(buf):
        return None
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(buf, offset)
    if first >> 6 != 2:
        return None
    payload = offset + 12 + 4 * (first & 0x0F)
    if first & 0x10:
        if payload + 4 > end:
            return None
        payload += 4 + 4 * (buf[payload + 2] << 8 | buf[payload + 3])
    if first & 0x20:
        padding = buf[end - 1]
        if padding == 0:
            return None
        end -= padding
    if payload > end:
        return None
    return RtpPacket(second >= 0x80, second & 0x7F, sequence, timestamp, ssrc, payload, end - payload)
