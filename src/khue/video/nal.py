"""NAL units of H.264 (ITU-T H.264 §7.4.1) and H.265 (ITU-T H.265 §7.4.2): what kind each is, and how they are delimited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from khue.model.errors import MediaError
from khue.model.media import Codec

# H.264 nal_unit_type
H264_SLICE, H264_IDR, H264_SEI, H264_SPS, H264_PPS = 1, 5, 6, 7, 8
H264_STAP_A, H264_FU_A = 24, 28  # RFC 6184 §5.2

# H.265 nal_unit_type
H265_LAST_VCL = 31
H265_FIRST_IRAP, H265_LAST_IRAP = 16, 23
H265_VPS, H265_SPS, H265_PPS, H265_PREFIX_SEI, H265_SUFFIX_SEI = 32, 33, 34, 39, 40
H265_AP, H265_FU = 48, 49  # RFC 7798 §4.4

_START_CODE = re.compile(rb"\x00\x00\x01")


def nal_type(codec: Codec, nal: bytes | memoryview) -> int:
    """nal_unit_type of a NAL unit that is not empty."""
    return nal[0] & 0x1F if codec is Codec.H264 else (nal[0] >> 1) & 0x3F


def is_parameter_set(codec: Codec, kind: int) -> bool:
    """Whether a NAL unit of this type is a VPS, SPS or PPS."""
    if codec is Codec.H264:
        return kind in (H264_SPS, H264_PPS)
    return H265_VPS <= kind <= H265_PPS


def is_keyframe_slice(codec: Codec, kind: int) -> bool:
    """Whether a NAL unit of this type belongs to a picture that can be decoded without any before it."""
    if codec is Codec.H264:
        return kind == H264_IDR
    return H265_FIRST_IRAP <= kind <= H265_LAST_IRAP


def starts_keyframe(codec: Codec, buf: bytes | bytearray | memoryview, offset: int, end: int) -> bool:
    """Whether the RTP payload ``buf[offset:end]`` begins a keyframe or the parameter sets sent before one."""
    if codec is Codec.H264:
        return _starts_h264_keyframe(buf, offset, end)
    return _starts_h265_keyframe(buf, offset, end)


def _starts_h264_keyframe(buf: bytes | bytearray | memoryview, offset: int, end: int) -> bool:
    if end - offset < 2:
        return False
    kind = buf[offset] & 0x1F
    if kind == H264_FU_A:
        return buf[offset + 1] & 0x9F == 0x80 | H264_IDR
    if kind == H264_STAP_A:
        kind = buf[offset + 3] & 0x1F if end - offset > 3 else 0
    return kind in (H264_SPS, H264_IDR)


def _starts_h265_keyframe(buf: bytes | bytearray | memoryview, offset: int, end: int) -> bool:
    if end - offset < 3:
        return False
    kind = (buf[offset] >> 1) & 0x3F
    if kind == H265_FU:
        return buf[offset + 2] >= 0x80 and H265_FIRST_IRAP <= buf[offset + 2] & 0x3F <= H265_LAST_IRAP
    if kind == H265_AP:
        kind = (buf[offset + 4] >> 1) & 0x3F if end - offset > 4 else 0
    return kind in (H265_VPS, H265_SPS) or H265_FIRST_IRAP <= kind <= H265_LAST_IRAP


def unescape(nal: bytes) -> bytes:
    """The raw byte sequence payload: emulation prevention bytes taken out (H.264 §7.4.1.1, H.265 §7.4.2.1)."""
    return re.sub(rb"\x00\x00\x03", b"\x00\x00", nal)


def split_annex_b(stream: bytes) -> list[bytes]:
    """NAL units of a byte stream with start codes (Annex B); what stands before the first start code is one too."""
    return [nal for nal in (part.rstrip(b"\x00") for part in _START_CODE.split(stream)) if nal]


def split_prefixed(sample: bytes) -> Iterator[bytes]:
    """NAL units of a sample with four-byte lengths (ISO/IEC 14496-15 §4.3.3). Raises MediaError when a length is wrong."""
    position = 0
    while position < len(sample):
        start = position + 4
        position = start + int.from_bytes(sample[position:start], "big")
        if position > len(sample) or position == start:
            raise MediaError(f"a NAL unit of {position - start} bytes in a sample of {len(sample)} bytes")
        yield sample[start:position]


def join_prefixed(nals: Iterable[bytes]) -> bytes:
    """One sample: each NAL unit behind its four-byte length."""
    return b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


def join_annex_b(nals: Iterable[bytes]) -> bytes:
    """A byte stream: each NAL unit behind a four-byte start code."""
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)
