"""A JPEG of a keyframe, from whichever form it comes in."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from video_material import encode, video_packets, video_track

from khue.model.errors import MediaError
from khue.model.media import Codec
from khue.video import snapshot
from khue.video.nal import join_annex_b, join_prefixed
from khue.video.remux import Fragment, Remuxer
from khue.video.snapshot import keyframe_jpeg

BOTH = pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])


def opened(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    assert image.format == "JPEG"
    return image


@BOTH
def test_every_form_gives_the_picture(codec: Codec) -> None:
    stream = encode(codec, size=(320, 192))
    sample = stream.samples()[0]
    for form in (join_annex_b(stream.units[0]), join_annex_b(sample), join_prefixed(sample)):
        image = opened(keyframe_jpeg(codec, stream.sets, form))
        assert image.size == (320, 192)
        small = image.resize((2, 1)).convert("L")
        assert small.getpixel((0, 0)) < 100 < 120 < small.getpixel((1, 0))  # type: ignore[operator]


@BOTH
def test_a_fragment_knows_its_picture(codec: Codec) -> None:
    stream = encode(codec)
    remuxer = Remuxer([video_track(stream)])
    out = [each for p in video_packets(stream) for each in remuxer.feed(p.framed, p.arrival)]
    fragment = next(each for each in out if isinstance(each, Fragment))
    assert opened(keyframe_jpeg(codec, stream.sets, fragment.picture)).size == (160, 96)


@pytest.mark.parametrize(
    ("width", "size"),
    [(0, (320, 192)), (160, (160, 96)), (99, (99, 59)), (1, (1, 1)), (4000, (320, 192)), (-5, (320, 192))],
)
def test_scaling_never_enlarges(width: int, size: tuple[int, int]) -> None:
    stream = encode(size=(320, 192))
    assert opened(keyframe_jpeg(Codec.H264, stream.sets, join_annex_b(stream.units[0]), width)).size == size


def test_quality_makes_it_smaller() -> None:
    stream = encode(size=(320, 192))
    sizes = [len(keyframe_jpeg(Codec.H264, (), join_annex_b(stream.units[0]), quality=q)) for q in (-3, 30, 80, 400)]
    assert sizes == sorted(sizes)


@BOTH
def test_what_cannot_be_decoded(codec: Codec) -> None:
    stream = encode(codec)
    for sets, picture in (
        ((), join_annex_b(stream.samples()[0])),
        (stream.sets, b""),
        (stream.sets, b"\x00\x00\x00\x01"),
        (stream.sets, b"no picture at all"),
        (stream.sets, bytes(1000)),
        ((b"", b"\x67"), join_annex_b(stream.samples()[0])),
    ):
        with pytest.raises(MediaError):
            keyframe_jpeg(codec, sets, picture)
    with pytest.raises(MediaError):
        keyframe_jpeg(Codec.AAC, stream.sets, join_annex_b(stream.units[0]))


def test_absurd_sizes_are_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = encode(size=(320, 192))
    with pytest.raises(MediaError, match="larger than any camera"):
        keyframe_jpeg(Codec.H264, stream.sets, bytes(snapshot.MAX_PICTURE + 1))
    monkeypatch.setattr(snapshot, "MAX_PIXELS", 1000)
    with pytest.raises(MediaError, match="320 x 192"):
        keyframe_jpeg(Codec.H264, stream.sets, join_annex_b(stream.units[0]))
    with pytest.raises(MediaError, match="cannot be decoded"):
        snapshot._decode(Codec.H264, join_annex_b(stream.units[0]))
