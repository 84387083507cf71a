"""A JPEG of one keyframe."""

from __future__ import annotations

import io
from collections.abc import Sequence

import av
from PIL import Image

from khue.model.errors import MediaError
from khue.model.media import Codec
from khue.video.nal import join_annex_b, split_annex_b, split_prefixed
from khue.video.parameter_sets import ParameterSets

MAX_PIXELS = 40_000_000  # the largest cameras have 32 MP; a decoder needs 1.5 bytes for each, several times over
MAX_PICTURE = 16 << 20  # bytes

_DECODERS = {Codec.H264: "h264", Codec.H265: "hevc"}


def keyframe_jpeg(
    codec: Codec, parameter_sets: Sequence[bytes], access_unit: bytes, width: int = 0, quality: int = 80
) -> bytes:
    """Decode one keyframe, given as Annex B or as a sample with four-byte lengths, and encode it as JPEG.

    Scaled to ``width`` pixels (never enlarged) when that is not 0. Raises MediaError when it cannot be decoded or is
    absurdly large. Takes some 10-50 ms of CPU for a 1080p picture: not for an event loop.
    """
    if codec not in _DECODERS:
        raise MediaError(f"{codec} is no video that can be decoded")
    if len(access_unit) > MAX_PICTURE:
        raise MediaError(f"a picture of {len(access_unit)} bytes is larger than any camera makes")
    units = _units(access_unit)
    sets = ParameterSets(codec, (*parameter_sets, *units))  # those that travel with the picture are newer
    picture = sets.format
    if picture is None:
        raise MediaError("the parameter sets of this picture are missing or unreadable")
    if picture.width * picture.height > MAX_PIXELS:
        raise MediaError(f"a picture of {picture.width} x {picture.height} is larger than any camera makes")
    return _encode(_decode(codec, join_annex_b((*sets.current, *units))), width, quality)


def _units(access_unit: bytes) -> list[bytes]:
    """NAL units of either form. A byte stream never adds up as lengths; a sample may begin like a start code."""
    try:
        return list(split_prefixed(access_unit))
    except MediaError:
        return split_annex_b(access_unit)


def _decode(codec: Codec, stream: bytes) -> av.VideoFrame:
    decoder = av.CodecContext.create(_DECODERS[codec], "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(MAX_PIXELS)}  # whichever of several parameter sets the slices refer to
    try:
        frames = [*decoder.decode(av.Packet(stream)), *decoder.decode(None)]
    except av.FFmpegError as error:
        raise MediaError(f"the picture cannot be decoded: {error}") from error
    if not frames:
        raise MediaError("the picture cannot be decoded: the decoder gave nothing")
    return frames[0]


def _encode(frame: av.VideoFrame, width: int, quality: int) -> bytes:
    if not 0 < width < frame.width:
        width = frame.width
    height = max(1, round(frame.height * width / frame.width))
    scaled = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
    out = io.BytesIO()
    Image.fromarray(scaled.to_ndarray()).save(out, "JPEG", quality=max(1, min(quality, 95)))
    return out.getvalue()
