"""RTP inside the RTSP connection (RFC 2326 §10.12): ``$``, channel, length, packet - with RTSP messages among them.

Pure: offsets in, offsets out, nothing is copied. After garbage the walk finds the next believable frame or message; the
time it takes grows with the bytes, whatever they are.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import NamedTuple

from khue.camera.rtsp import MAX_HEADER, parse_message
from khue.model.errors import CameraProtocolError

_DOLLAR = 0x24
_MAX_START_LINE = 1280
_METHODS = (b"OPTIONS", b"ANNOUNCE", b"GET_PARAMETER", b"SET_PARAMETER", b"TEARDOWN", b"REDIRECT")
_WORDS = (b"RTSP/", *(method + b" " for method in _METHODS))
_FIRST_BYTES = frozenset((_DOLLAR, *(word[0] for word in _WORDS)))
_LONGEST_WORD = max(map(len, _WORDS))
_START_LINE = re.compile(rb"RTSP/\d\.\d[ \t]+\d{3}|[A-Z_]{4,16} +\S{1,1024} +RTSP/\d\.\d")
_TEXT = re.compile(rb"[\t\r\n\x20-\x7e\x80-\xff]*")
_EMPTY_LINE = re.compile(rb"\n\r{0,4}\n")
# Where a piece may start: a frame whose packet has RTP's version 2 or is empty, or the first word of a message; at the
# very end also the beginnings of these.
_CANDIDATE = re.compile(
    rb"\$(?:.{3}[\x80-\xbf]|.\0\0|.{0,3}\Z)|"
    + b"|".join(_WORDS)
    + b"|(?:"
    + b"|".join(word[:length] for word in _WORDS for length in range(len(word) - 1, 0, -1))
    + rb")\Z",
    re.DOTALL,
)


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
            piece = Piece(Kind.GARBAGE, offset, _resync(data, piece.end, channels, size))
        yield piece
        offset = piece.end


def _piece_at(data: bytes | bytearray, offset: int, channels: frozenset[int] | None, size: int) -> Piece | None:
    """The piece that starts here, None when it is incomplete, GARBAGE up to where the next may start."""
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
    start = bytes(data[offset : offset + _LONGEST_WORD])
    if any(start.startswith(word) for word in _WORDS):
        return _message_at(data, offset, size)
    if size - offset < _LONGEST_WORD and any(word.startswith(start) for word in _WORDS):
        return None
    return Piece(Kind.GARBAGE, offset, offset + 1)


def _message_at(data: bytes | bytearray, offset: int, size: int) -> Piece | None:
    """As `_piece_at`. Headers are text: else frames would be waited for and swallowed as if they were headers."""
    line_end = data.find(b"\n", offset, offset + _MAX_START_LINE)
    if line_end < 0:
        may_come = _text_end(data, offset, offset + _MAX_START_LINE) == size < offset + _MAX_START_LINE
        return None if may_come else Piece(Kind.GARBAGE, offset, offset + 1)
    if not _START_LINE.match(data, offset, line_end):
        return Piece(Kind.GARBAGE, offset, offset + 1)
    text_end = _text_end(data, offset, offset + MAX_HEADER)
    empty_line = _EMPTY_LINE.search(data, line_end, text_end)
    if empty_line is None:
        may_come = text_end == size < offset + MAX_HEADER
        return None if may_come else Piece(Kind.GARBAGE, offset, text_end)
    try:
        found = parse_message(data, offset)
    except CameraProtocolError:
        return Piece(Kind.GARBAGE, offset, empty_line.end())
    return Piece(Kind.MESSAGE, offset, found[1]) if found else None


def _text_end(data: bytes | bytearray, offset: int, limit: int) -> int:
    found = _TEXT.match(data, offset, limit)
    return found.end() if found else offset


def _resync(data: bytes | bytearray, offset: int, channels: frozenset[int] | None, size: int) -> int:
    """Where the next believable piece starts, at or after ``offset``; ``size`` when there is none.

    Among garbage only channels that were set up count: a chance ``$`` would swallow up to 64 KB of pictures.
    """
    while found := _CANDIDATE.search(data, offset):
        offset = found.start()
        if channels is not None and data[offset] == _DOLLAR and offset + 1 < size and data[offset + 1] not in channels:
            offset += 1
            continue
        piece = _piece_at(data, offset, channels, size)
        if piece is None:
            return offset
        if piece.kind is not Kind.GARBAGE and _followed_well(data, piece, size):
            return offset
        offset = piece.end if piece.kind is Kind.GARBAGE else offset + 1
    return size


def _followed_well(data: bytes | bytearray, piece: Piece, size: int) -> bool:
    """One byte that happens to be ``$`` proves little; a second piece right behind the first does."""
    return piece.kind is Kind.MESSAGE or piece.end >= size or data[piece.end] in _FIRST_BYTES
