"""Boxes: every size right, every field where ISO/IEC 14496 wants it."""

from __future__ import annotations

import struct

import pytest
from video_material import boxes, encode, runs

from khue.model.media import Codec
from khue.video.aac import parse_config
from khue.video.fmp4 import AudioRun, Sample, fragment, init_segment, picture_of
from khue.video.nal import nal_type
from khue.video.sps import parse_sps

BOTH = pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
AUDIO = parse_config(b"\x14\x08")


@BOTH
@pytest.mark.parametrize("audio", [None, AUDIO])
def test_initialisation_segment(codec: Codec, audio: object) -> None:
    stream = encode(codec, size=(320, 192))
    picture = parse_sps(codec, stream.sets[-2])
    ftyp, moov = boxes(init_segment(picture, stream.sets, AUDIO if audio else None))
    assert (ftyp.kind, moov.kind) == ("ftyp", "moov")
    assert len(moov.all("trak")) == (2 if audio else 1)
    assert len(moov.find("mvex").content) == (64 if audio else 32)
    video = moov.find("trak")
    assert struct.unpack(">II", video.find("tkhd").content[-8:]) == (320 << 16, 192 << 16)
    assert struct.unpack_from(">I", video.find("mdia/mdhd").content, 12) == (90000,)
    entry = video.find("mdia/minf/stbl/stsd").content[8:]
    assert entry[4:8] == (b"avc1" if codec is Codec.H264 else b"hvc1")
    for nal in stream.sets:
        assert len(nal).to_bytes(2, "big") + nal in entry
    if audio:
        sound = moov.all("trak")[1]
        assert struct.unpack_from(">I", sound.find("mdia/mdhd").content, 12) == (16000,)
        assert b"\x05\x02\x14\x08" in sound.find("mdia/minf/stbl/stsd").content


def test_decoder_configuration_of_h264() -> None:
    stream = encode(Codec.H264)
    picture = parse_sps(Codec.H264, stream.sets[0])
    entry = init_segment(picture, stream.sets)
    config = entry[entry.index(b"avcC") + 4 :]
    assert config[:6] == b"\x01" + stream.sets[0][1:4] + b"\xff\xe1"
    high = picture._replace(profile=b"\x64\x00\x28", chroma_format=2, luma_depth=10, chroma_depth=9)
    tail = init_segment(high, stream.sets)
    assert b"\xfe\xfa\xf9\x00" in tail[tail.index(b"avcC") :]


def test_decoder_configuration_of_h265() -> None:
    stream = encode(Codec.H265)
    sps = next(nal for nal in stream.sets if nal_type(Codec.H265, nal) == 33)
    entry = init_segment(parse_sps(Codec.H265, sps), stream.sets)
    config = entry[entry.index(b"hvcC") + 4 :]
    assert config[1] == 1  # Main profile
    assert config[13:22] == bytes.fromhex("f000fcfdf8f800000f")  # one layer, nested, four-byte lengths
    assert config[22] == 3  # arrays: VPS, SPS, PPS
    assert config[23] == 0x80 | 32


@pytest.mark.parametrize("frames", [(), (b"one",), (b"one", b"three", b"")])
def test_fragment(frames: tuple[bytes, ...]) -> None:
    sample = Sample(b"picture", 159_000_000_000_000, -6000, 6001, True)
    data = fragment(7, sample, AudioRun(28_000_000_000_000, frames) if frames else None)
    found = runs(data)
    assert found[0].track == 1
    assert found[0].dts == sample.dts
    assert found[0].samples == [(6001, 7, 0x02000000, -6000, b"picture")]
    assert [run.dts for run in found[1:]] == ([28_000_000_000_000] if frames else [])
    assert [each[4] for run in found[1:] for each in run.samples] == list(frames)
    assert picture_of(data) == b"picture"
    moof = boxes(data)[0]
    assert struct.unpack(">II", moof.find("mfhd").content) == (0, 7)


def test_other_pictures_are_marked_as_depending() -> None:
    (run,) = runs(fragment(1, Sample(b"p", 0, 0, 1, False)))
    assert run.samples[0][2] == 0x01010000


def test_long_audio_configuration() -> None:
    """A descriptor of 128 bytes and more has a size of two bytes."""
    stream = encode(Codec.H264)
    audio = AUDIO._replace(config=bytes(200))
    data = init_segment(parse_sps(Codec.H264, stream.sets[0]), stream.sets, audio)
    assert b"\x05\x81\x48" + bytes(200) in data
    boxes(data)
