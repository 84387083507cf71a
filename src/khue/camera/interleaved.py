"""RTP inside the RTSP connection (RFC 2326 §10.12): ``$``, channel, length, packet - with RTSP messages among them.

Pure: offsets in, offsets out, nothing is copied. After garbage the walk finds the next believable frame or message.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import NamedTuple

from khue.camera.rtsp import parse_message
from khue.model.errors import CameraProtocolError

_DOLLAR = 0x24
_MESSAGE_STARTS = (
    b"RTSP/",
    b"OPTIONS ",
    b"ANNOUNCE ",
    b"GET_PARAMETER ",
    b"SET_PARAMETER ",
    b"TEARDOWN ",
    b"REDIRECT ",
)
_LONGEST_START = max(map(len, _MESSAGE_STARTS))
_FIRST_LETTERS = frozenset(start[0] for start in _MESSAGE_STARTS)
_CANDIDATE = re.compile(rb"[$" + bytes(sorted(_FIRST_LETTERS)) + rb"]")


class Kind(enum.Enum):
    FRAME = "frame"
    MESSAGE = "message"
    GARBAGE = "garbage"


class Piece(NamedTuple):
    """``data[start:end]``; for a frame with its four header bytes. ``channel`` is -1 for the other kinds."""

    kind: Kind
    start: int
    end: int
    channel: int = -1


def split(data: bytes | bytearray, offset: int = 0, *, channels: frozenset[int] | None = None) -> Iterator[Piece]:
    """Every whole piece from ``offset`` on. What follows the last piece is incomplete: carry it over to the next read.

    ``channels`` are those that were set up; a frame on another one counts only if it looks like RTP or RTCP.
    """
    size = len(data)
    while offset < size:
        piece = _piece_at(data, offset, channels, size)
        if piece is None:
            return
        if piece.kind is Kind.GARBAGE:
            end = _resync(data, piece.end, channels, size)
            piece = Piece(Kind.GARBAGE, offset, end)
        yield piece
        offset = piece.end


def _piece_at(data: bytes | bytearray, offset: int, channels: frozenset[int] | None, size: int) -> Piece | None:
    """The piece that starts here, None when it is incomplete, GARBAGE of one byte when nothing can start here."""
    if data[offset] == _DOLLAR:
        if size - offset < 5:
            return None
        channel, length = data[offset + 1], data[offset + 2] << 8 | data[offset + 3]
        known = channels is None or channel in channels
        believable = data[offset + 4] >> 6 == 2 if length else known
        if not believable:
            return Piece(Kind.GARBAGE, offset, offset + 1)
        end = offset + 4 + length
        return Piece(Kind.FRAME, offset, end, channel) if end <= size else None
    start = bytes(data[offset : offset + _LONGEST_START])
    if any(start.startswith(word) for word in _MESSAGE_STARTS):
        try:
            found = parse_message(data, offset)
        except CameraProtocolError:
            return Piece(Kind.GARBAGE, offset, offset + 1)
        return Piece(Kind.MESSAGE, offset, found[1]) if found else None
    if size - offset < _LONGEST_START and any(word.startswith(start) for word in _MESSAGE_STARTS):
        return None
    return Piece(Kind.GARBAGE, offset, offset + 1)


def _resync(data: bytes | bytearray, offset: int, channels: frozenset[int] | None, size: int) -> int:
    """Where the next believable piece starts, at or after ``offset``; ``size`` when there is none."""
    while found := _CANDIDATE.search(data, offset):
        offset = found.start()
        piece = _piece_at(data, offset, channels, size)
        if piece is None or (piece.kind is not Kind.GARBAGE and _followed_well(data, piece, channels, size)):
            return offset
        offset += 1
    return size


def _followed_well(data: bytes | bytearray, piece: Piece, channels: frozenset[int] | None, size: int) -> bool:
    """One byte that happens to be ``$`` proves little; a second piece right behind it does."""
    if piece.kind is Kind.MESSAGE or piece.end >= size:
        return True
    return data[piece.end] in _FIRST_LETTERS or data[piece.end] == _DOLLAR
