"""Which pictures are in what an engine wrote. A picture counts only when every byte of it is there.

Two ways, by what the engine writes:

- RTP as received (khue, floors): the interleaved packets are walked; a picture is there when its packets carry consecutive
  sequence numbers up to its marker. It is named by its RTP timestamp.
- MP4 (ffmpeg, PyAV, GStreamer): each sample's slices are hashed and looked up among the pictures of the scene; a sample
  that is not bit for bit what the camera sent does not count. It is named by its index, which the camera's ledger knows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import av
from av.error import FFmpegError

from bench.source import Codec, picture_digest

_HEAD = struct.Struct(
    ">BBHBBHI"
)  # $, channel, length (RFC 2326 §10.12); V/P/X/CC, M/PT, sequence, timestamp (RFC 3550 §5.1)
_HEAD_SIZE = _HEAD.size


def whole_pictures(data: bytes | memoryview, channel: int = 0) -> set[int]:
    """RTP timestamps of the pictures that are wholly in a byte stream of interleaved packets and RTSP replies."""
    found: set[int] = set()
    unpack, pos, end = _HEAD.unpack_from, 0, len(data)
    expected, broken = -1, False
    while pos + _HEAD_SIZE <= end:
        magic, at, length, _, kind, sequence, timestamp = unpack(data, pos)
        if magic != 36:
            pos = _after_reply(data, pos)
            continue
        if at == channel:
            broken = broken or (expected >= 0 and sequence != expected)
            expected = (sequence + 1) & 0xFFFF
            if kind & 0x80 and pos + 4 + length <= end:
                if not broken:
                    found.add(timestamp)
                broken = False
        pos += 4 + length
    return found


def _after_reply(data: bytes | memoryview, pos: int) -> int:
    """Where packets go on behind an RTSP reply (RFC 2326 §7.1; the replies to keep-alives have no body)."""
    head = bytes(data[pos : pos + 4096])
    end = head.find(b"\r\n\r\n") if head.startswith(b"RTSP/") else -1
    if end >= 0:
        return pos + end + 4
    dollar = head.find(b"$", 1)
    return pos + (dollar if dollar > 0 else len(head))


def mp4_pictures(files: Sequence[Path], codec: Codec, scene: dict[bytes, int]) -> Iterator[int]:
    """Each sample's place in the scene's loop, in order; -1 for a sample the camera did not send like this."""
    for path in files:
        try:
            with av.open(str(path)) as container:
                for packet in container.demux(video=0):
                    if packet.size:
                        yield scene.get(picture_digest(_slices(bytes(packet), codec)), -1)
        except FFmpegError:
            continue  # a file without its header holds no pictures


def _slices(sample: bytes, codec: Codec) -> list[bytes]:
    """The slice NAL units of a sample with four-byte lengths (ISO/IEC 14496-15 §5.3.2)."""
    slices, pos = [], 0
    while pos + 4 < len(sample):
        stop = pos + 4 + int.from_bytes(sample[pos : pos + 4], "big")
        kind = sample[pos + 4] >> 1 & 63 if codec == "h265" else sample[pos + 4] & 31
        if (kind < 32) if codec == "h265" else (1 <= kind <= 5):
            slices.append(sample[pos + 4 : stop])
        pos = stop
    return slices


def unwrap(places: Iterable[int], first: int, loop: int) -> set[int]:
    """Picture indexes, which never repeat, from places in the loop; the first is the next of its kind after ``first``."""
    found: set[int] = set()
    index = first - 1
    for place in places:
        if place >= 0:
            index += 1 + (place - index - 1) % loop
            found.add(index)
    return found
