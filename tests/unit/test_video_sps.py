"""Sequence parameter sets: sizes and codec strings of real encoders, and bytes of nobody."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from video_material import encode

from khue.model.errors import MediaError
from khue.model.media import Codec
from khue.video.nal import nal_type
from khue.video.parameter_sets import MAX_SETS, ParameterSets
from khue.video.sps import MAX_PARAMETER_SET, parameter_set_id, parse_sps

BOTH = pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
SPS = {Codec.H264: 7, Codec.H265: 33}


def sps_of(codec: Codec, size: tuple[int, int]) -> bytes:
    sets = encode(codec, pictures=1, size=size).sets
    return next(nal for nal in sets if nal_type(codec, nal) == SPS[codec])


@BOTH
@pytest.mark.parametrize("size", [(160, 96), (640, 360), (1920, 1080), (1280, 722), (2688, 1520)])
def test_size_with_cropping(codec: Codec, size: tuple[int, int]) -> None:
    picture = parse_sps(codec, sps_of(codec, size))
    assert (picture.width, picture.height) == size
    assert (picture.chroma_format, picture.luma_depth, picture.chroma_depth) == (1, 8, 8)


# Parameter sets of other encoders, with the size their pictures have.
KNOWN = [
    (Codec.H264, "67640028ac2b402802dd80b501010140000003004000000c23c60ca8", (1280, 720), "avc1.640028"),
    (
        Codec.H264,
        "67640032ad84010c20086100430802184010c200843b5014005ad370101014000003000400000300a210",
        (2560, 1440),
        "",
    ),
    (
        Codec.H265,
        "420101016000000300900000030000030078a003c08010e5965e4932bc05a020000003002000000303c1",
        (1920, 1080),
        "hvc1.1.6.L120.90",
    ),
]


@pytest.mark.parametrize(("codec", "text", "size", "name"), KNOWN)
def test_parameter_sets_seen_elsewhere(codec: Codec, text: str, size: tuple[int, int], name: str) -> None:
    picture = parse_sps(codec, bytes.fromhex(text))
    assert (picture.width, picture.height) == size
    assert picture.rfc6381 == (name or f"avc1.{text[2:8]}")


def test_constraint_bytes_of_the_codec_string_end_with_the_last_that_is_not_zero() -> None:
    picture = parse_sps(Codec.H265, sps_of(Codec.H265, (160, 96)))
    assert picture._replace(profile=bytes.fromhex("0160000000b000000000005d")).rfc6381 == "hvc1.1.6.L93.B0"
    assert picture._replace(profile=bytes.fromhex("220000000490000000000099")).rfc6381 == "hvc1.2.20000000.H153.90"
    assert picture._replace(profile=bytes.fromhex("41800000000000000000003c")).rfc6381 == "hvc1.A1.1.L60"


@BOTH
@given(data=st.data())
@settings(max_examples=200)
def test_hostile_bytes_raise_media_error_or_nothing(codec: Codec, data: st.DataObject) -> None:
    head = b"\x67" if codec is Codec.H264 else b"\x42\x01"
    honest = sps_of(codec, (160, 96))
    nal = data.draw(
        st.one_of(
            st.binary(max_size=80),
            st.binary(max_size=80).map(lambda tail: head + tail),
            st.integers(0, len(honest)).map(lambda end: honest[:end]),
            st.tuples(st.integers(2, len(honest) - 1), st.integers(0, 255)).map(
                lambda change: honest[: change[0]] + bytes((change[1],)) + honest[change[0] + 1 :]
            ),
        )
    )
    for read in (parse_sps, parameter_set_id):
        try:
            read(codec, nal or b"\x00")
        except MediaError:
            pass


def test_absurd_sizes_are_refused() -> None:
    with pytest.raises(MediaError, match="bytes"):
        parse_sps(Codec.H264, b"\x67" + bytes(MAX_PARAMETER_SET))
    with pytest.raises(MediaError):
        parse_sps(Codec.H264, b"\x67\x42\x00\x1f" + b"\x80" * 20)
    with pytest.raises(MediaError, match="no h265"):
        parse_sps(Codec.H265, b"\x67\x42\x00\x1f" + b"\x80" * 20)


@BOTH
def test_sets_in_force(codec: Codec) -> None:
    first, second = encode(codec, pictures=1).sets, encode(codec, pictures=1, size=(320, 192)).sets
    sets = ParameterSets(codec, first)
    before = sets.current
    assert sets.format is not None
    assert sets.format.width == 160
    assert all(sets.add(nal) for nal in first)
    assert sets.current is before
    for nal in second:
        sets.add(nal)
    assert sets.current != before
    assert len(sets.current) == len(second)
    assert (sets.format.width, sets.format.height) == (320, 192)


@BOTH
def test_without_one_of_them_nothing_can_be_decoded(codec: Codec) -> None:
    sets = encode(codec, pictures=1).sets
    for left_out in sets:
        assert ParameterSets(codec, [nal for nal in sets if nal is not left_out]).format is None


def test_sets_that_make_no_sense_or_are_too_many_are_left_out() -> None:
    sets = ParameterSets(Codec.H264, encode().sets)
    before = sets.current
    assert not sets.add(b"")
    assert not sets.add(b"\x65\x88\x84")
    assert not sets.add(b"\x67\x42")
    assert not sets.add(b"\x68" + bytes(MAX_PARAMETER_SET))
    assert sets.current is before
    for number in range(40):
        sets.add(b"\x68" + (((number + 1) << 8) | 0x80).to_bytes(3, "big"))  # a PPS of many ids, or of none
    assert len(sets.current) <= MAX_SETS
