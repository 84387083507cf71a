"""NAL units: kinds, the peek at a payload, and the two ways to delimit them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_material import encode, payloads

from khue.model.errors import MediaError
from khue.model.media import Codec
from khue.video import nal

BOTH = pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])


@BOTH
@pytest.mark.parametrize("mtu", [60, 1400])
@pytest.mark.parametrize("aggregate", [False, True])
def test_the_peek_finds_every_group_of_pictures(codec: Codec, mtu: int, aggregate: bool) -> None:
    stream = encode(codec)
    for index, unit in enumerate(stream.units):
        found = [nal.starts_keyframe(codec, p, 0, len(p)) for p in payloads(codec, unit, mtu, aggregate)]
        assert any(found) == (index % 10 == 0)
        assert found[0] or index % 10  # the parameter sets already say so


@BOTH
def test_the_peek_looks_inside_a_buffer(codec: Codec) -> None:
    first = payloads(codec, encode(codec).units[0])[0]
    assert nal.starts_keyframe(codec, memoryview(b"before" + first + b"after"), 6, 6 + len(first))


@BOTH
@given(data=st.binary(max_size=8))
def test_the_peek_never_raises(codec: Codec, data: bytes) -> None:
    assert nal.starts_keyframe(codec, data, 0, len(data)) in (True, False)


@BOTH
def test_kinds(codec: Codec) -> None:
    keyframe, other = encode(codec).units[0], encode(codec).units[1]
    assert sum(nal.is_parameter_set(codec, nal.nal_type(codec, unit)) for unit in keyframe) >= 2
    assert nal.is_keyframe_slice(codec, nal.nal_type(codec, keyframe[-1]))
    assert not any(nal.is_keyframe_slice(codec, nal.nal_type(codec, unit)) for unit in other)


def test_unescape() -> None:
    assert nal.unescape(b"\x67\x00\x00\x03\x01\x00\x00\x03\x00\x00\x03\x03") == b"\x67\x00\x00\x01\x00\x00\x00\x00\x03"
    assert nal.unescape(b"\x00\x03\x00\x00") == b"\x00\x03\x00\x00"


units = st.lists(
    st.binary(min_size=2, max_size=40).filter(lambda u: b"\x00\x00" not in u and u[0] and u[-1]), min_size=1
)


@given(units)
def test_both_forms_give_back_their_units(parts: list[bytes]) -> None:
    assert list(nal.split_prefixed(nal.join_prefixed(parts))) == parts
    assert nal.split_annex_b(nal.join_annex_b(parts)) == parts


def test_three_byte_start_codes_and_trailing_zeros() -> None:
    assert nal.split_annex_b(b"\x00\x00\x01\x65abc\x00\x00\x00\x00\x01\x41de\x00\x00\x01\x41f") == [
        b"\x65abc",
        b"\x41de",
        b"\x41f",
    ]


@pytest.mark.parametrize("sample", [b"\x00\x00\x00\x05abc", b"\x00\x00\x00\x00", b"\x00\x00", b"\xff\xff\xff\xffabcd"])
def test_lengths_that_do_not_add_up(sample: bytes) -> None:
    with pytest.raises(MediaError):
        list(nal.split_prefixed(sample))
