"""The map payload: what goes in comes out, and a whole city stays small."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.centre.errors import Invalid
from khue.centre.inventory.map import _ANSWERS, _PACKED, _WORDS, compress, decode, encode

_HASHES = {"": 0, **{word: place * 7_919 - 2**31 for words in _WORDS.values() for place, word in enumerate(words, 1)}}
_DEGREES = st.integers(-18_000_000, 18_000_000)
_CAMERA = st.fixed_dictionaries(
    {
        "lat": _DEGREES,
        "lon": _DEGREES,
        "unit": st.sampled_from([0, 4, 70, 10_489, 99_999]),
        **{name: st.sampled_from(["", *map(str, words)]) for name, words in _WORDS.items()},
        **{name: st.integers(0, 2) for name in _ANSWERS},
    }
)


def _pack(cameras: dict[int, dict[str, Any]]) -> bytes:
    rows = [
        (number, *(_HASHES[camera[name]] if name in _WORDS else camera[name] for name in _PACKED.names[1:]))
        for number, camera in cameras.items()
    ]
    return np.array(rows, dtype=_PACKED).tobytes()


@given(st.dictionaries(st.integers(1, 2**31 - 1), _CAMERA, max_size=40), st.integers(0, 9))
def test_what_goes_in_comes_out(cameras: dict[int, dict[str, Any]], unplaced: int) -> None:
    head, columns = decode(encode(_pack(cameras), unplaced, _HASHES))
    assert (head["count"], head["unplaced"]) == (len(cameras), unplaced)
    assert columns["number"] == sorted(cameras)
    ordered = [cameras[number] for number in sorted(cameras)]
    for name in ("lat", "lon"):
        assert columns[name] == [camera[name] / 100_000 for camera in ordered]
    assert columns["unit"] == [f"{camera['unit']:05}" if camera["unit"] else None for camera in ordered]
    for name in _WORDS:
        assert columns[name] == [camera[name] or None for camera in ordered]
    for name in _ANSWERS:
        assert columns[name] == [(None, "no", "yes")[camera[name]] for camera in ordered]


def test_a_city_is_small() -> None:
    """Cameras thrown over the whole city without any order: worse than any real list."""
    chance = random.Random(3)
    cameras = {
        number: {
            "lat": chance.randrange(2_056_000, 2_138_000),
            "lon": chance.randrange(10_528_000, 10_602_000),
            "unit": chance.randrange(1, 127),
            **{name: str(chance.choice(words)) for name, words in _WORDS.items()},
            **{name: chance.randrange(3) for name in _ANSWERS},
        }
        for number in range(1, 40_211)
    }
    assert len(compress(encode(_pack(cameras), 0, _HASHES))) <= 400_000


def test_more_units_than_a_byte_tells_apart_are_refused() -> None:
    camera = {"lat": 1, "lon": 1, **dict.fromkeys(_WORDS, ""), **dict.fromkeys(_ANSWERS, 0)}
    with pytest.raises(Invalid, match="255 units"):
        encode(_pack({number: {**camera, "unit": number} for number in range(1, 300)}), 0, _HASHES)


def test_something_else_is_no_map() -> None:
    with pytest.raises(Invalid, match="not a map"):
        decode(b"PNG")
