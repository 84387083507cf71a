"""The RTP header, with everything RFC 3550 allows in it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.model.rtp import RtpPacket, parse_rtp


def packet(first: int = 0x80, extra: bytes = b"", payload: bytes = b"media") -> bytes:
    return struct.pack(">BBHII", first, 0x80 | 96, 0xFFFE, 0xFFFFFFF0, 0xDEADBEEF) + extra + payload


def test_fixed_header() -> None:
    data = b"$$$$" + packet()
    assert parse_rtp(data, 4, len(data) - 4) == RtpPacket(True, 96, 0xFFFE, 0xFFFFFFF0, 0xDEADBEEF, 16, 5)


@pytest.mark.parametrize(
    ("first", "extra", "payload"),
    [
        (0x82, b"csrc" * 2, b"media"),
        (0x90, b"\xbe\xde\x00\x02" + b"extended", b"media"),
        (0xA0, b"", b"media\x00\x00\x03"),
        (0xB1, b"csrc" + b"\xbe\xde\x00\x01" + b"ext1", b"media\x01"),
    ],
)
def test_what_is_not_payload_is_skipped(first: int, extra: bytes, payload: bytes) -> None:
    data = packet(first, extra, payload)
    parsed = parse_rtp(data, 0, len(data))
    assert parsed is not None
    assert data[parsed.payload_offset : parsed.payload_offset + parsed.payload_length] == b"media"


@pytest.mark.parametrize(
    "data",
    [
        packet()[:11],
        packet(0x40),
        packet(0x8F, b"csrc"),
        packet(0x90, b"\xbe\xde\x00\xff"),
        packet(0x90, b"", b""),
        packet(0xA0, b"", b"\x00"),
        packet(0xA0, b"", b"\xff"),
    ],
    ids=["short", "version 1", "sources cut", "extension cut", "no extension", "padding 0", "padding too long"],
)
def test_no_packet(data: bytes) -> None:
    assert parse_rtp(data, 0, len(data)) is None


def test_length_beyond_the_buffer() -> None:
    assert parse_rtp(packet(), 0, 100) is None


@given(st.binary(max_size=64), st.integers(0, 8))
def test_the_payload_lies_inside_whatever_comes(data: bytes, offset: int) -> None:
    length = max(0, len(data) - offset)
    parsed = parse_rtp(data, offset, length)
    if parsed is not None:
        assert offset + 12 <= parsed.payload_offset
        assert parsed.payload_length >= 0
        assert parsed.payload_offset + parsed.payload_length <= offset + length
