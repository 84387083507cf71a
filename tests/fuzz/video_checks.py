"""What must hold for any bytes a camera may send as media. Used with hypothesis (test_fuzz_video.py) and atheris (targets/).

Each check takes bytes and returns nothing; an exception it does not name, or a broken assertion, is a bug.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from khue.model.errors import MediaError
from khue.model.media import Codec, Track
from khue.model.rtp import parse_rtp
from khue.video.aac import AacDepacketizer, parse_config
from khue.video.depacketize import MAX_PICTURE, video_depacketizer
from khue.video.nal import starts_keyframe, unescape
from khue.video.parameter_sets import MAX_SETS, ParameterSets
from khue.video.remux import Fragment, Init, Remuxer
from khue.video.sps import MAX_SIDE, parameter_set_id, parse_sps

VIDEO_CODECS = (Codec.H264, Codec.H265)
ARRIVAL = 1_767_225_600_000_000


def sps(data: bytes) -> None:
    """The first byte picks the codec, the rest is a NAL unit."""
    if len(data) < 2:
        return
    codec, nal = VIDEO_CODECS[data[0] & 1], data[1:]
    assert len(unescape(nal)) <= len(nal)
    try:
        picture = parse_sps(codec, nal)
        assert 0 < picture.width <= MAX_SIDE
        assert 0 < picture.height <= MAX_SIDE
        assert picture.rfc6381.startswith(("avc1.", "hvc1."))
        parameter_set_id(codec, nal)
    except MediaError:
        pass


def depacketize(data: bytes) -> None:
    """The first byte picks the codec; then packets: a byte of flags, a byte of length, the payload."""
    if not data:
        return
    codec = VIDEO_CODECS[data[0] & 1]
    sets = ParameterSets(codec)
    target = video_depacketizer(codec, sets)
    for flags, payload in _pieces(data[1:]):
        starts_keyframe(codec, payload, 0, len(payload))
        pictures = target.push(payload, bool(flags & 1), flags >> 4, bool(flags & 2))
        for picture in (*pictures, *(target.flush() if flags & 4 else ())):
            assert len(picture.data) <= MAX_PICTURE
            assert picture.data or picture.damaged
        assert len(sets.current) <= MAX_SETS


def aac(data: bytes) -> None:
    """AudioSpecificConfig of eight bytes, three field lengths, then packets as in `depacketize`."""
    try:
        parse_config(data[:8])
    except MediaError:
        pass
    if len(data) < 11:
        return
    size, index, delta = data[8:11]
    track = Track(2, Codec.AAC, 98, 16000, aac_size_length=size, aac_index_length=index, aac_index_delta_length=delta)
    target = AacDepacketizer(track, 1024)
    for flags, payload in _pieces(data[11:]):
        for unit in target.push(payload, bool(flags & 1), flags >> 4, bool(flags & 2)):
            assert 0 < len(unit.data) <= len(data)


def remux(data: bytes) -> None:
    """The first byte picks codecs and options; the rest is fed raw, and again as packets that make sense up to RTP."""
    if not data:
        return
    options, rest = data[0], data[1:]
    codec = VIDEO_CODECS[options & 1]
    sound = Track(2, Codec.PCMA, 8, 8000) if options & 2 else Track(2, Codec.AAC, 8, 16000, config=b"\x14\x08")
    remuxer = Remuxer(
        [Track(0, codec, 96, 90000), sound],
        zero_based=bool(options & 4),
        keyframes_only=bool(options & 8),
        keep_damaged=bool(options & 16),
    )
    out = remuxer.feed(rest, ARRIVAL)
    for number, (flags, payload) in enumerate(_pieces(rest)):
        channel, kind = (2, 8) if flags & 8 else (0, 96)
        header = struct.pack(">BBHII", 0x80, flags << 7 & 0x80 | kind, number + (flags & 2), flags >> 4 << 12, 1)
        packet = header + payload
        framed = struct.pack(">BBH", 0x24, channel, len(packet)) + packet
        jump = int.from_bytes(payload[-6:], "big") if flags & 4 else 0  # our own clock may be set, too
        out += remuxer.feed(framed, ARRIVAL + number * 1000 + jump)
    for each in (*out, *remuxer.flush()):
        assert isinstance(each, Init | Fragment)
        (size,) = struct.unpack_from(">I", each.data)
        assert 8 <= size <= len(each.data)


def rtp(data: bytes) -> None:
    packet = parse_rtp(data, 0, len(data))
    if packet is not None:
        assert 12 <= packet.payload_offset <= packet.payload_offset + packet.payload_length <= len(data)


def _pieces(data: bytes) -> list[tuple[int, bytes]]:
    out, position = [], 0
    while position + 2 <= len(data):
        end = position + 2 + data[position + 1]
        out.append((data[position], data[position + 2 : end]))
        position = end
    return out


def pieces(packets: list[tuple[int, bytes]]) -> bytes:
    """The bytes that `depacketize` and the others read these packets from."""
    return b"".join(bytes((flags, len(payload))) + payload for flags, payload in packets)


SPS = bytes.fromhex("67640028ac2b402802dd80b501010140000003004000000c23c60ca8")
_H265_SPS = bytes.fromhex("420101016000000300900000030000030078a003c08010e5965e4932bc05a020000003002000000303c1")
PPS = b"\x68\xee\x3c\xb0"
_H264 = [
    (0, SPS),
    (0, PPS),
    (0, b"\x7c\x85\x88" + b"slice" * 9),
    (0, b"\x7c\x05middle"),
    (1, b"\x7c\x45end"),
    (0x11, b"\x41\x9a" + b"next" * 5),
    (0x15, b"\x41\x9asomewhat later"),
    (0x21, b"\x78" + b"".join(len(n).to_bytes(2, "big") + n for n in (SPS, PPS, b"\x65\x88idr"))),
    (0x33, b"\x41\x9aafter a loss"),
]
_H265 = [
    (0, b"\x40\x01\x0c\x01\xff\xff\x01\x60"),
    (0, _H265_SPS),
    (0, b"\x44\x01\xc1\x72\xb4\x62\x40"),
    (0, b"\x62\x01\x93\xaf" + b"slice" * 9),
    (1, b"\x62\x01\x53end"),
    (0x11, b"\x02\x01\xd0next"),
    (0x21, b"\x60\x01\x00\x05\x02\x01\xd0ab\x00\x04\x02\x01\x50c"),
]
_SOUND = [(8, b"\x00\x10\x00\x40silence!"), (0x18, b"\xd5" * 160), (0x28, b"\x00\x20\x00\x08\x00\x10abc")]

CHECKS: dict[str, Callable[[bytes], None]] = {
    "video_aac": aac,
    "video_depacketize": depacketize,
    "video_remux": remux,
    "video_rtp": rtp,
    "video_sps": sps,
}
SEEDS: dict[str, list[bytes]] = {
    "video_aac": [b"\x14\x08" + bytes(6) + b"\x0d\x03\x03" + pieces(_SOUND)],
    "video_depacketize": [b"\x00" + pieces(_H264), b"\x01" + pieces(_H265)],
    "video_remux": [
        bytes((options,)) + pieces([*(_H265 if options & 1 else _H264), *_SOUND]) for options in (0, 1, 2, 5, 8, 22)
    ],
    "video_rtp": [b"\xb1\xe0\x00\x01" + bytes(8) + b"csrc\xbe\xde\x00\x01ext1payload\x01"],
    "video_sps": [b"\x00" + SPS, b"\x01" + _H265_SPS],
}
