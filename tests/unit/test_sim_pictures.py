"""Pictures of the simulated city: the frame number survives what a recording and a browser do to it."""

from __future__ import annotations

import itertools

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from khue.model.errors import MediaError
from khue.sim import barcode, encode, street
from khue.sim.barcode import read_frame_number
from khue.sim.encode import SceneSpec


def _blank(number, width=640, height=360, ground=110):
    picture = np.full((height, width), ground, np.uint8)
    for left, top, right, bottom, white in barcode.rectangles(number, width, height):
        picture[top:bottom, left:right] = 235 if white else 16
    return picture


@given(st.integers(0, barcode.LIMIT - 1))
def test_a_number_is_read_as_written(number):
    assert read_frame_number(_blank(number)) == number


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (640, 360), (320, 180), (213, 120)])
@pytest.mark.parametrize("number", [0, 1, 682, 1365, 4095])
def test_a_number_survives_scaling(number, size):
    picture = Image.fromarray(_blank(number, 1280, 720)).resize(size)
    assert read_frame_number(np.asarray(picture)) == number
    assert read_frame_number(np.asarray(picture.convert("RGB"))) == number


def test_what_is_no_number_is_not_read_as_one():
    with pytest.raises(MediaError, match="no contrast"):
        read_frame_number(np.full((360, 640), 90, np.uint8))
    damaged = _blank(5)
    left, top, right, bottom, white = barcode.rectangles(5, 640, 360)[9]
    damaged[top:bottom, left:right] = 16 if white else 235
    with pytest.raises(MediaError, match="damaged"):
        read_frame_number(damaged)
    with pytest.raises(ValueError, match="a frame number is"):
        barcode.cells(barcode.LIMIT)


@given(st.integers(0, barcode.LIMIT - 1), st.integers(2, 17))
def test_one_wrong_cell_is_noticed(number, cell):
    picture = _blank(number)
    left, top, right, bottom, white = barcode.rectangles(number, 640, 360)[cell]
    picture[top:bottom, left:right] = 16 if white else 235
    with pytest.raises(MediaError):
        read_frame_number(picture)


def _decode(scene):
    decoder = av.CodecContext.create("h264" if scene.spec.codec == "h264" else "hevc", "r")
    frames = []
    for nals in scene.frames:
        frames += decoder.decode(av.Packet(b"".join(b"\0\0\0\1" + nal for nal in (*scene.sets, *nals))))
    return frames + decoder.decode(None)


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_every_picture_is_readable_at_a_low_bit_rate(codec):
    scene = encode.encode_scene(SceneSpec(3, "Cầu Long Biên", codec, 640, 360, 15, 300, gop_s=1, loop_s=2))
    frames = _decode(scene)
    assert [read_frame_number(frame.to_ndarray()[:360]) for frame in frames] == list(range(30))
    assert scene.keyframes == {0, 15}
    assert all(frame.pict_type != PictureType.B for frame in frames)
    assert 0.85 < scene.size / (300 * 125 * 2) < 1.15
    small = [frame.reformat(width=213, height=120, format="gray").to_ndarray() for frame in frames[::7]]
    assert [read_frame_number(picture) for picture in small] == [0, 7, 14, 21, 28]


def test_slices_and_looks():
    spec = SceneSpec(3, "x", "h264", 320, 180, 10, 300, gop_s=1, loop_s=1, slices=3)
    assert {len(frame) for frame in encode.encode_scene(spec).frames} == {3}
    for look in street.LOOKS:
        frames = _decode(encode.encode_scene(SceneSpec(3, "x", "h264", 320, 180, 10, 300, 1, 1, look=look)))
        wanted = [0] * 10 if look == "frozen" else list(range(10))
        assert [read_frame_number(frame.to_ndarray()[:180]) for frame in frames] == wanted


def test_streets_differ_and_loop_without_a_jump():
    spec = street.StreetSpec(1, "Phố Huế", 320, 180, 10, 20)
    first, second = (
        street.Street(spec).picture(0),
        street.Street(street.StreetSpec(2, "Phố Huế", 320, 180, 10, 20)).picture(0),
    )
    assert np.abs(np.asarray(first, float) - np.asarray(second, float)).mean() > 10
    scene = street.Street(spec)
    body = [np.asarray(scene.picture(index), float)[50:150] for index in (18, 19, 20, 1)]
    steps = [np.abs(a - b).mean() for a, b in itertools.pairwise(body)]
    assert max(steps) < 3 * min(steps) + 1
    assert street.plain("Ngã tư Sở – Đống Đa") == "Nga tu So – Dong Da"


def test_scenes_are_encoded_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    spec = SceneSpec(3, "x", "h264", 320, 180, 10, 300, gop_s=1, loop_s=1)
    assert encode.cached(spec) is None
    made = encode.load_scene(spec)
    assert encode.cached(spec) == made == encode.load_scene(spec)
    path = encode.cache_path(spec)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    path.write_bytes(path.read_bytes()[:100])
    assert encode.cached(spec) is None
    assert encode.load_scene(spec).spec == spec
    assert encode.cache_path(SceneSpec(4, "x")) != encode.cache_path(SceneSpec(3, "x"))


def test_start_codes_are_split():
    assert encode.split_annex_b(b"\0\0\0\1\x67a\0\0\1\x68b\0\0\0\1\x65c") == [b"\x67a", b"\x68b", b"\x65c"]
