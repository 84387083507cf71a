"""Sequence parameter sets: picture size and what a decoder must be able to do (H.264 §7.3.2.1, H.265 §7.3.2.2)."""

from __future__ import annotations

from typing import NamedTuple

from khue.model.errors import MediaError
from khue.model.media import Codec
from khue.video.bits import BitReader
from khue.video.nal import H264_PPS, H264_SPS, H265_PPS, H265_SPS, nal_type, unescape

MAX_PARAMETER_SET = 4096  # bytes; real ones are tens of bytes, scaling lists make a few hundred
MAX_SIDE = 16384  # luma samples; the tallest level of either standard allows 16888

_WITH_CHROMA_FORMAT = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


class PictureFormat(NamedTuple):
    """What a sequence parameter set says. ``profile`` is the 3 (H.264) or 12 (H.265) bytes that sample entries repeat."""

    codec: Codec
    set_id: int
    width: int
    height: int
    profile: bytes
    chroma_format: int
    luma_depth: int
    chroma_depth: int
    sublayers: int
    temporal_nesting: bool

    @property
    def rfc6381(self) -> str:
        """The codecs parameter for a browser: ``avc1.64001f``, ``hvc1.1.6.L93.B0`` (RFC 6381, ISO/IEC 14496-15 Annex E)."""
        if self.codec is Codec.H264:
            return f"avc1.{self.profile.hex()}"
        head = self.profile[0]
        space = ("", "A", "B", "C")[head >> 6]
        tier = "H" if head & 0x20 else "L"
        compatible = int(f"{int.from_bytes(self.profile[1:5], 'big'):032b}"[::-1], 2)
        constraints = "".join(f".{byte:X}" for byte in self.profile[5:11].rstrip(b"\x00"))
        return f"hvc1.{space}{head & 0x1F}.{compatible:X}.{tier}{self.profile[11]}{constraints}"


def parse_sps(codec: Codec, nal: bytes) -> PictureFormat:
    """Read an SPS NAL unit (header included). Raises MediaError on anything malformed or absurd, nothing else."""
    if len(nal) > MAX_PARAMETER_SET:
        raise MediaError(f"a sequence parameter set of {len(nal)} bytes")
    if codec is Codec.H264 and len(nal) > 4 and nal_type(codec, nal) == H264_SPS:
        return _parse_h264(unescape(nal))
    if codec is Codec.H265 and len(nal) > 15 and nal_type(codec, nal) == H265_SPS:
        return _parse_h265(unescape(nal))
    raise MediaError(f"no {codec} sequence parameter set")


def parameter_set_id(codec: Codec, nal: bytes) -> int:
    """The id a VPS, SPS or PPS is referred to by. Raises MediaError when it cannot be read."""
    kind = nal_type(codec, nal)
    if (codec, kind) in ((Codec.H264, H264_SPS), (Codec.H265, H265_SPS)):
        return parse_sps(codec, nal).set_id
    bits = BitReader(unescape(nal[:16])[1 if codec is Codec.H264 else 2 :])
    if (codec, kind) in ((Codec.H264, H264_PPS), (Codec.H265, H265_PPS)):
        return bits.unsigned(255)
    return bits.take(4)


def _parse_h264(payload: bytes) -> PictureFormat:
    profile = payload[1:4]
    bits = BitReader(payload[4:])
    set_id = bits.unsigned(31)
    chroma_format, planes, luma_depth, chroma_depth = 1, False, 8, 8
    if profile[0] in _WITH_CHROMA_FORMAT:
        chroma_format = bits.unsigned(3)
        planes = chroma_format == 3 and bits.flag()
        luma_depth = 8 + bits.unsigned(6)
        chroma_depth = 8 + bits.unsigned(6)
        bits.take(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.flag():
            _skip_scaling_lists(bits, 12 if chroma_format == 3 else 8)
    bits.unsigned(12)  # log2_max_frame_num_minus4
    _skip_picture_order_count(bits)
    bits.unsigned()  # max_num_ref_frames
    bits.take(1)  # gaps_in_frame_num_value_allowed_flag
    width = 16 * (bits.unsigned(MAX_SIDE // 16) + 1)
    map_units = bits.unsigned(MAX_SIDE // 16) + 1
    frames_only = bits.flag()
    if not frames_only:
        bits.take(1)  # mb_adaptive_frame_field_flag
    height = 16 * map_units * (1 if frames_only else 2)
    bits.take(1)  # direct_8x8_inference_flag
    if bits.flag():
        across = 1 if planes or chroma_format in (0, 3) else 2
        down = (2 if chroma_format == 1 else 1) * (1 if frames_only else 2)
        width -= across * (bits.unsigned() + bits.unsigned())
        height -= down * (bits.unsigned() + bits.unsigned())
    _check_size(width, height)
    return PictureFormat(Codec.H264, set_id, width, height, profile, chroma_format, luma_depth, chroma_depth, 1, False)


def _skip_scaling_lists(bits: BitReader, count: int) -> None:
    for index in range(count):
        if not bits.flag():
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.signed()) % 256
            last = following or last


def _skip_picture_order_count(bits: BitReader) -> None:
    kind = bits.unsigned(2)
    if kind == 0:
        bits.unsigned(12)
    elif kind == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.unsigned(255)):
            bits.signed()


def _parse_h265(payload: bytes) -> PictureFormat:
    sublayers = ((payload[2] >> 1) & 7) + 1
    nesting = bool(payload[2] & 1)
    profile = payload[3:15]  # profile_tier_level begins on a byte: 12 bytes up to general_level_idc
    bits = BitReader(payload[15:])
    _skip_sublayers(bits, sublayers - 1)
    set_id = bits.unsigned(15)
    chroma_format = bits.unsigned(3)
    planes = chroma_format == 3 and bits.flag()
    width = bits.unsigned(MAX_SIDE)
    height = bits.unsigned(MAX_SIDE)
    if bits.flag():  # conformance window
        across = 2 if chroma_format in (1, 2) and not planes else 1
        down = 2 if chroma_format == 1 and not planes else 1
        width -= across * (bits.unsigned() + bits.unsigned())
        height -= down * (bits.unsigned() + bits.unsigned())
    luma_depth = 8 + bits.unsigned(8)
    chroma_depth = 8 + bits.unsigned(8)
    _check_size(width, height)
    return PictureFormat(
        Codec.H265, set_id, width, height, profile, chroma_format, luma_depth, chroma_depth, sublayers, nesting
    )


def _skip_sublayers(bits: BitReader, count: int) -> None:
    present = [(bits.flag(), bits.flag()) for _ in range(count)]
    if count:
        bits.take(2 * (8 - count))
    for profile, level in present:
        bits.take((88 if profile else 0) + (8 if level else 0))


def _check_size(width: int, height: int) -> None:
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise MediaError(f"a picture of {width} x {height}")


def picture_size(codec: Codec, unit: bytes) -> tuple[int, int] | None:
    """Width and height a sequence parameter set promises, None when it cannot be read."""
    try:
        picture = parse_sps(codec, unit)
    except MediaError:
        return None
    return picture.width, picture.height
