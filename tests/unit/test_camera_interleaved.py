"""Frames and messages are told apart, and the walk finds its way back after garbage."""

from __future__ import annotations

import itertools
import random

import pytest

from khue.camera.interleaved import Kind, Piece, split

REPLY = b"RTSP/1.0 200 OK\r\nCSeq: 4\r\nContent-Length: 2\r\n\r\n$\0"
CHANNELS = frozenset((0, 1))


def frame(channel: int, size: int = 40, fill: int = 0x11) -> bytes:
    return b"$" + bytes([channel]) + size.to_bytes(2, "big") + b"\x80" + bytes([fill]) * (size - 1)


def kinds(data: bytes) -> list[tuple[str, bytes]]:
    return [(piece.kind.value, data[piece.start : piece.end]) for piece in split(data, channels=CHANNELS)]


def test_frames_and_replies_among_them() -> None:
    parts = [frame(0), REPLY, frame(1, 12), frame(0, 1400)]
    assert kinds(b"".join(parts)) == [
        ("frame", parts[0]),
        ("message", REPLY),
        ("frame", parts[2]),
        ("frame", parts[3]),
    ]


def test_a_cut_piece_waits_for_the_rest() -> None:
    data = frame(0) + REPLY + frame(1)
    for cut in range(len(data)):
        pieces = list(split(data[:cut], channels=CHANNELS))
        end = pieces[-1].end if pieces else 0
        again = pieces + [Piece(p.kind, p.start, p.end, p.channel) for p in split(data, end, channels=CHANNELS)]
        assert [piece.kind for piece in again] == [Kind.FRAME, Kind.MESSAGE, Kind.FRAME]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0" * 7,
        b"garbage$",
        b"$\x00\x00\x10\x00zzz",
        b"$\x09\x00\x00",
        b"RTSP/9 no\r\n\r\n",
        b"\r\n",
        b"$$$$$",
        b"OPTIONS are many",
    ],
)
def test_garbage_is_skipped(garbage: bytes) -> None:
    data = frame(0) + garbage + frame(1) + frame(0)
    found = kinds(data)
    assert [kind for kind, _ in found].count("frame") == 3
    assert b"".join(piece for kind, piece in found if kind == "garbage") == garbage
    assert b"".join(piece for _, piece in found) == data


def test_random_garbage_never_loses_what_follows_for_long() -> None:
    numbers = random.Random(7)
    for _ in range(200):
        garbage = numbers.randbytes(numbers.randrange(1, 200))
        data = frame(0) + garbage + frame(0, 1000) * 100  # a false header may swallow at most 64 KiB
        frames = sum(piece.kind is Kind.FRAME for piece in split(data, channels=CHANNELS))
        assert frames >= 30


def test_a_frame_on_an_unknown_channel_counts_when_it_looks_like_rtp() -> None:
    assert [kind for kind, _ in kinds(frame(8) + frame(0))] == ["frame", "frame"]


def test_every_byte_is_accounted_for() -> None:
    data = b"x" + frame(0) + b"yy" + REPLY + b"RTS"
    pieces = list(split(data))
    assert pieces[0].start == 0 and all(a.end == b.start for a, b in itertools.pairwise(pieces))
    assert data[pieces[-1].end :] == b"RTS"  # may become RTSP/1.0
