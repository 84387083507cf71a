"""The block: about one second of one stream, as the camera sent it. See design/01-recording-log.md.

A block is one header page and a payload, both multiples of 4096 bytes on disk so that they can be written with O_DIRECT:

======  =====  ==============================================================
offset  bytes  content
======  =====  ==============================================================
0       8      magic ``KHUEBLK1``
8       32     BLAKE3 of everything from offset 40 to the end of the payload
40      32     hash of the stream's previous block (zero for its first)
72      4      length on disk, header and padding included (little endian, as all numbers here)
76      4      payload length
80      4      meta length
84      ...    meta: `BlockMeta` in msgpack, zero-filled to 4096
4096    ...    payload: whole ``$``-framed RTP and RTCP packets (RFC 2326 §10.12)
======  =====  ==============================================================
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import blake3
import msgspec

from khue.model.camera import StreamName
from khue.model.errors import RecordingError
from khue.model.media import Track
from khue.model.time import Micros

PAGE = 4096
MAX_PAYLOAD = 512 * 1024
MAGIC = b"KHUEBLK1"
NO_HASH = bytes(32)
META_ROOM = PAGE - 84

_LENGTHS = struct.Struct("<III")
_HASHED_FROM = 40


class Keyframe(NamedTuple):
    """Where in the payload a group of pictures starts, and when it arrived."""

    offset: int
    arrival: Micros


class BlockMeta(msgspec.Struct, array_like=True):
    """What a reader must know before it touches the payload."""

    camera: str
    stream: StreamName
    sequence: int
    first: Micros  # arrival of the first byte
    last: Micros  # arrival of the last byte
    tracks: tuple[Track, ...]
    parameter_sets: tuple[bytes, ...]  # in force at the start of the payload, in-band ones included
    keyframes: list[tuple[int, int]]
    frames: int
    packets: int
    lost: int
    reports: list[tuple[int, int, int, int]]  # last sender report per track: channel, RTP timestamp, NTP µs, arrival


class Block(NamedTuple):
    """A block read back and verified."""

    meta: BlockMeta
    previous: bytes
    digest: bytes
    length: int  # on disk
    payload: memoryview


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(BlockMeta).decode


def padded(payload_length: int) -> int:
    """Length on disk of a block with that payload."""
    return PAGE + ((payload_length + PAGE - 1) & -PAGE)


def seal(buffer: memoryview, payload_length: int, meta: BlockMeta, previous: bytes) -> tuple[int, bytes]:
    """Write the header page into ``buffer`` (payload already at 4096) and return (length on disk, hash).

    Meta that a hostile camera made too large for the page is shortened: parameter sets go first, then keyframes.
    """
    encoded = _encode(meta)
    if len(encoded) > META_ROOM:
        meta.parameter_sets = ()
        encoded = _encode(meta)
    if len(encoded) > META_ROOM:
        meta.keyframes = meta.keyframes[:32]
        meta.tracks = tuple(msgspec.structs.replace(t, parameter_sets=(), config=b"") for t in meta.tracks[:8])
        encoded = _encode(meta)
    length = padded(payload_length)
    buffer[:8] = MAGIC
    buffer[40:72] = previous
    _LENGTHS.pack_into(buffer, 72, length, payload_length, len(encoded))
    end = 84 + len(encoded)
    buffer[84:end] = encoded
    buffer[end:PAGE] = bytes(PAGE - end)
    digest = blake3.blake3(buffer[_HASHED_FROM : PAGE + payload_length]).digest()
    buffer[8:40] = digest
    return length, digest


def peek_length(page: bytes | memoryview) -> int:
    """Length on disk of the block that begins with this page; 0 when no block begins here."""
    if len(page) < 84 or page[:8] != MAGIC:
        return 0
    length, payload_length, meta_length = _LENGTHS.unpack_from(page, 72)
    if length != padded(payload_length) or payload_length > MAX_PAYLOAD or meta_length > META_ROOM:
        return 0
    return int(length)


def peek_digest(head: bytes) -> bytes:
    """The hash a block carries, from its first 40 bytes."""
    return head[8:_HASHED_FROM]


def peek_meta(page: bytes | memoryview) -> BlockMeta:
    """The meta of an unverified block, from its header page alone."""
    _, _, meta_length = _LENGTHS.unpack_from(page, 72)
    try:
        return _decode(page[84 : 84 + meta_length])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise RecordingError(f"block header unreadable: {error}") from error


def open_block(data: bytes | memoryview, where: str) -> Block:
    """Verify and decode a block; ``where`` names it in the error. Raises RecordingError when it is not what was sealed."""
    view = memoryview(data)
    length = peek_length(view[:PAGE])
    if length == 0 or length > len(view):
        raise RecordingError(f"{where}: no whole block here")
    _, payload_length, _ = _LENGTHS.unpack_from(view, 72)
    digest = bytes(view[8:40])
    if blake3.blake3(view[_HASHED_FROM : PAGE + payload_length]).digest() != digest:
        raise RecordingError(f"{where}: the hash differs; the block was damaged or altered after it was written")
    meta = peek_meta(view[:PAGE])
    return Block(meta, bytes(view[40:72]), digest, length, view[PAGE : PAGE + payload_length])
