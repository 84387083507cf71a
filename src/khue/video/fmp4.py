"""Fragmented MP4 as bytes: initialisation segment and one fragment per picture.

ISO/IEC 14496-12 (boxes), 14496-15 (avcC, hvcC), 14496-14 (esds). Track 1 is video, track 2 audio.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from khue.model.media import Codec
from khue.video.nal import nal_type
from khue.video.sps import PictureFormat

VIDEO_TIMESCALE = 90000
VIDEO_TRACK, AUDIO_TRACK = 1, 2

_SYNC = 0x02000000  # sample_depends_on = 2: on none
_NOT_SYNC = 0x01010000  # sample_depends_on = 1, sample_is_non_sync_sample
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


class AudioFormat(NamedTuple):
    """AAC as the sample entry describes it. ``config`` is the AudioSpecificConfig, ``frame`` samples per frame."""

    config: bytes
    sample_rate: int
    channels: int
    object_type: int
    frame: int = 1024

    @property
    def rfc6381(self) -> str:
        return f"mp4a.40.{self.object_type}"


def box(kind: bytes, *content: bytes) -> bytes:
    """A box: size, type, content (ISO/IEC 14496-12 §4.2)."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


# --- initialisation segment ------------------------------------------------------------------------------------------


def init_segment(picture: PictureFormat, sets: Sequence[bytes], audio: AudioFormat | None = None) -> bytes:
    """ftyp and moov for pictures coded with the parameter sets ``sets`` (NAL units), and AAC beside them if given."""
    tracks = [_video_track(picture, sets)]
    defaults = [_track_defaults(VIDEO_TRACK, 0, _NOT_SYNC)]
    if audio is not None:
        tracks.append(_audio_track(audio))
        defaults.append(_track_defaults(AUDIO_TRACK, audio.frame, _SYNC))
    header = struct.pack(">IIIIIH10x", 0, 0, 1000, 0, 0x10000, 0x100) + _MATRIX + bytes(24)
    return box(b"ftyp", b"iso5\x00\x00\x02\x00iso5iso6mp41") + box(
        b"moov",
        full_box(b"mvhd", 0, 0, header, struct.pack(">I", AUDIO_TRACK + 1)),
        *tracks,
        box(b"mvex", *defaults),
    )


def _track_defaults(track: int, duration: int, flags: int) -> bytes:
    return full_box(b"trex", 0, 0, struct.pack(">IIIII", track, 1, duration, 0, flags))


def _video_track(picture: PictureFormat, sets: Sequence[bytes]) -> bytes:
    width, height = picture.width, picture.height
    by_kind: dict[int, list[bytes]] = {}
    for unit in sets:
        by_kind.setdefault(nal_type(picture.codec, unit), []).append(unit)
    if picture.codec is Codec.H264:
        kind, config = b"avc1", box(b"avcC", _avc_config(picture, by_kind))
    else:
        kind, config = b"hvc1", box(b"hvcC", _hevc_config(picture, by_kind))
    compressor = bytes(32)
    entry = box(
        kind,
        struct.pack(">6xH16xHHIIIH", 1, width, height, 0x480000, 0x480000, 0, 1),
        compressor,
        struct.pack(">Hh", 24, -1),
        config,
    )
    media_header = full_box(b"vmhd", 0, 1, bytes(8))
    return _track(VIDEO_TRACK, VIDEO_TIMESCALE, b"vide", media_header, entry, (width, height))


def _audio_track(audio: AudioFormat) -> bytes:
    entry = box(
        b"mp4a",
        struct.pack(">6xH8xHH4xI", 1, audio.channels, 16, min(audio.sample_rate, 0xFFFF) << 16),
        _elementary_stream(audio.config),
    )
    media_header = full_box(b"smhd", 0, 0, bytes(4))
    return _track(AUDIO_TRACK, audio.sample_rate, b"soun", media_header, entry, (0, 0))


def _track(number: int, timescale: int, handler: bytes, header: bytes, entry: bytes, size: tuple[int, int]) -> bytes:
    width, height = size
    volume = 0x100 if handler == b"soun" else 0
    track_header = struct.pack(">IIIII8xHHH2x", 0, 0, number, 0, 0, 0, 0, volume) + _MATRIX
    empty = struct.pack(">I", 0)
    table = box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box(b"stts", 0, 0, empty),
        full_box(b"stsc", 0, 0, empty),
        full_box(b"stsz", 0, 0, empty, empty),
        full_box(b"stco", 0, 0, empty),
    )
    references = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    undetermined = 0x55C4  # language "und"
    return box(
        b"trak",
        full_box(b"tkhd", 0, 3, track_header, struct.pack(">II", width << 16, height << 16)),
        box(
            b"mdia",
            full_box(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, timescale, 0, undetermined, 0)),
            full_box(b"hdlr", 0, 0, struct.pack(">4x4s12x", handler), b"khue\x00"),
            box(b"minf", header, references, table),
        ),
    )


def _avc_config(picture: PictureFormat, sets: dict[int, list[bytes]]) -> bytes:
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1)."""
    sps, pps = sets.get(7, [])[:31], sets.get(8, [])[:255]
    record = b"".join(
        (
            b"\x01" + picture.profile + b"\xff",
            bytes((0xE0 | len(sps),)),
            *(struct.pack(">H", len(unit)) + unit for unit in sps),
            bytes((len(pps),)),
            *(struct.pack(">H", len(unit)) + unit for unit in pps),
        )
    )
    if picture.profile[0] in (100, 110, 122, 144):
        depths = (0xF8 | picture.luma_depth - 8, 0xF8 | picture.chroma_depth - 8)
        record += bytes((0xFC | picture.chroma_format, *depths, 0))
    return record


def _hevc_config(picture: PictureFormat, sets: dict[int, list[bytes]]) -> bytes:
    """HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1); array_completeness is set, as hvc1 wants."""
    return b"".join(
        (
            b"\x01" + picture.profile,
            struct.pack(
                ">HBBBB",
                0xF000,
                0xFC,
                0xFC | picture.chroma_format,
                0xF8 | picture.luma_depth - 8,
                0xF8 | picture.chroma_depth - 8,
            ),
            bytes((0, 0, picture.sublayers << 3 | picture.temporal_nesting << 2 | 3, len(sets))),
            *(
                struct.pack(">BH", 0x80 | kind, len(units))
                + b"".join(struct.pack(">H", len(unit)) + unit for unit in units)
                for kind, units in sorted(sets.items())
            ),
        )
    )


def _elementary_stream(config: bytes) -> bytes:
    """esds: ES, decoder config and decoder specific descriptors (ISO/IEC 14496-1 §7.2.6)."""
    specific = _descriptor(5, config)
    decoder = _descriptor(4, struct.pack(">BB3xII", 0x40, 0x15, 0, 0) + specific)
    return full_box(b"esds", 0, 0, _descriptor(3, struct.pack(">HB", 0, 0) + decoder + _descriptor(6, b"\x02")))


def _descriptor(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 128:
        return bytes((tag, size)) + body
    return bytes((tag, 0x80 | size >> 7 & 0x7F, size & 0x7F)) + body


# --- fragments ----------------------------------------------------------------------------------------------------


class AudioRun(NamedTuple):
    """Consecutive AAC frames; ``start`` in ticks of the audio timescale."""

    start: int
    frames: Sequence[bytes]


class Sample(NamedTuple):
    """One picture; times in ticks of the video timescale, ``offset`` is composition time minus ``dts``."""

    data: bytes
    dts: int
    offset: int
    duration: int
    keyframe: bool


_HEAD = struct.Struct(">I4s I4sII I4s I4sII I4sIQ I4sIIiIIIi".replace(" ", ""))
_AUDIO = struct.Struct(">I4s I4sII I4sIQ I4sIIi".replace(" ", ""))
_MDAT = struct.Struct(">I4s")
_VIDEO_TRAF = _HEAD.size - 24  # the rest is the headers of moof and mfhd


def fragment(sequence: int, sample: Sample, audio: AudioRun | None = None) -> bytes:
    """moof and mdat of one picture and the audio that came before it; the picture is first in mdat."""
    frames = audio.frames if audio is not None else ()
    data = sample.data
    size = len(data)
    moof = _HEAD.size + (_AUDIO.size + 4 * len(frames) if frames else 0)
    head = _HEAD.pack(
        moof, b"moof",
        16, b"mfhd", 0, sequence,
        _VIDEO_TRAF, b"traf",
        16, b"tfhd", 0x020000, VIDEO_TRACK,  # default-base-is-moof
        20, b"tfdt", 0x01000000, sample.dts,
        36, b"trun", 0x01000F01, 1, moof + 8,  # one sample: duration, size, flags, signed composition offset
        sample.duration, size, _SYNC if sample.keyframe else _NOT_SYNC, sample.offset,
    )  # fmt: skip
    if audio is None or not frames:
        return b"".join((head, _MDAT.pack(8 + size, b"mdat"), data))
    traf = _audio_traf(audio, moof + 8 + size)
    total = size + sum(map(len, frames))
    return b"".join((head, traf, _MDAT.pack(8 + total, b"mdat"), data, *frames))


def _audio_traf(audio: AudioRun, data_offset: int) -> bytes:
    count = len(audio.frames)
    head = _AUDIO.pack(
        _AUDIO.size + 4 * count, b"traf",
        16, b"tfhd", 0x020000, AUDIO_TRACK,
        20, b"tfdt", 0x01000000, audio.start,
        20 + 4 * count, b"trun", 0x201, count, data_offset,  # sizes only; the rest are the track's defaults
    )  # fmt: skip
    return head + struct.pack(f">{count}I", *map(len, audio.frames))


def picture_of(data: bytes) -> bytes:
    """The picture in bytes that `fragment` made: NAL units behind four-byte lengths."""
    (size,) = struct.unpack_from(">I", data, _HEAD.size - 12)
    (moof,) = struct.unpack_from(">I", data)
    return data[moof + 8 : moof + 8 + size]
