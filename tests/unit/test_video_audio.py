"""Audio: AAC out of its packets, G.711 to AAC, and a track without holes."""

from __future__ import annotations

from typing import ClassVar

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_material import aac, aac_payload, audio_track, g711, tone

from khue.model.errors import MediaError
from khue.model.media import Codec, Track
from khue.video.aac import AacDepacketizer, AudioUnit, parse_config, silent_frame
from khue.video.audio import AudioLane, open_audio
from khue.video.fmp4 import AudioFormat
from khue.video.g711 import G711Coder

AAC_TRACK = audio_track(Codec.AAC, b"\x14\x08", 16000)


@pytest.mark.parametrize(
    ("config", "rate", "channels", "kind", "frame"),
    [
        ("1408", 16000, 1, 2, 1024),
        ("1190", 48000, 2, 2, 1024),
        ("1588", 8000, 1, 2, 1024),
        ("140c", 16000, 1, 2, 960),
        ("2b8a0800", 22050, 1, 5, 1024),
        ("1780271008", 20000, 1, 2, 1024),
    ],
)
def test_audio_specific_config(config: str, rate: int, channels: int, kind: int, frame: int) -> None:
    parsed = parse_config(bytes.fromhex(config))
    assert parsed == AudioFormat(bytes.fromhex(config), rate, channels, kind, frame)
    assert parsed.rfc6381 == f"mp4a.40.{kind}"


@pytest.mark.parametrize("config", ["", "14", "1400", "1688", "178000fa08", "00" * 65])
def test_a_config_no_player_knows(config: str) -> None:
    with pytest.raises(MediaError):
        parse_config(bytes.fromhex(config))


@given(st.binary(max_size=70))
def test_any_config(config: bytes) -> None:
    try:
        parse_config(config)
    except MediaError:
        pass


def test_several_frames_in_one_packet() -> None:
    frames = [b"first", b"second!", b"3"]
    out = AacDepacketizer(AAC_TRACK, 1024).push(aac_payload(*frames), True, 0xFFFFFFFF)
    assert out == [AudioUnit(frame, (0xFFFFFFFF + n * 1024) & 0xFFFFFFFF) for n, frame in enumerate(frames)]


@pytest.mark.parametrize("lost", [False, True])
def test_one_frame_over_several_packets(lost: bool) -> None:
    frame = bytes(range(250))
    target = AacDepacketizer(AAC_TRACK, 1024)
    header = b"\x00\x10" + (len(frame) << 3).to_bytes(2, "big")
    assert target.push(header + frame[:100], False, 9) == []
    assert target.push(header + frame[100:200], False, 9, lost) == []
    out = target.push(header + frame[200:], True, 9)
    assert out == ([] if lost else [AudioUnit(frame, 9)])
    assert target.push(aac_payload(b"next"), True, 10) == [AudioUnit(b"next", 10)]


@given(
    st.lists(st.tuples(st.binary(max_size=60), st.booleans(), st.integers(0, 3), st.booleans()), max_size=30),
    st.tuples(st.integers(-2, 40), st.integers(-2, 20), st.integers(-2, 20)),
)
def test_any_payload(packets: list[tuple[bytes, bool, int, bool]], lengths: tuple[int, int, int]) -> None:
    size, index, delta = lengths
    track = Track(2, Codec.AAC, 98, 16000, aac_size_length=size, aac_index_length=index, aac_index_delta_length=delta)
    target = AacDepacketizer(track, 1024)
    for payload, marker, timestamp, lost in packets:
        for unit in target.push(payload, marker, timestamp, lost):
            assert unit.data


def decode_aac(config: bytes, frames: list[bytes]) -> np.ndarray:
    context = av.CodecContext.create("aac", "r")
    context.extradata = config
    pieces = [piece.to_ndarray()[0] for frame in frames for piece in context.decode(av.Packet(frame))]
    return np.concatenate(pieces)


@pytest.mark.parametrize("law", [Codec.PCMA, Codec.PCMU])
def test_g711_keeps_its_sound_and_its_place(law: Codec) -> None:
    quiet = np.zeros(8000, np.int16)
    coder = G711Coder(law)
    frames, ticks = [], 0
    for piece in g711(law, np.concatenate((quiet, tone(8000)))):
        coded, taken = coder.encode(piece)
        frames += coded
        ticks += taken
    assert ticks == 32000
    rest, filled = coder.silence(0)
    frames += rest
    assert len(frames) * 1024 == ticks + filled
    heard = decode_aac(coder.format.config, [silent_frame(coder.format), *frames])[1024:]
    before, after = heard[2048:15900], heard[16100:31000]
    assert np.sqrt(np.mean(before**2)) < 0.01
    assert np.sqrt(np.mean(after**2)) == pytest.approx(12000 / 32768 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize(("law", "zero"), [(Codec.PCMA, b"\xd5\x55"), (Codec.PCMU, b"\xff\x7f")])
def test_law_tables(law: Codec, zero: bytes) -> None:
    table = G711Coder(law)._samples
    assert abs(int(table[zero[0]])) <= 8
    assert int(table[zero[0]]) == -int(table[zero[1]])
    context = av.CodecContext.create("pcm_alaw" if law is Codec.PCMA else "pcm_mulaw", "r")
    context.sample_rate, context.layout = 8000, "mono"
    (frame,) = context.decode(av.Packet(bytes(range(256))))
    assert frame.to_ndarray()[0].tolist() == table.tolist()


@pytest.mark.parametrize("config", ["1408", "1410"])
def test_silence_is_silent(config: str) -> None:
    audio = parse_config(bytes.fromhex(config))
    sound = decode_aac(audio.config, [silent_frame(audio)] * 4)
    assert np.abs(sound).max() == 0


class Pieces:
    """A coder whose frames are what went in."""

    format: ClassVar[AudioFormat] = parse_config(b"\x14\x08")

    def encode(self, data: bytes) -> tuple[list[bytes], int]:
        return [data], 1024

    def silence(self, ticks: int) -> tuple[list[bytes], int]:
        return [b""] * (ticks // 1024), ticks // 1024 * 1024

    def reset(self) -> None:
        pass


class Lane:
    """A lane that counts from its first picture."""

    def __init__(self) -> None:
        self.lane = AudioLane(Codec.AAC, Pieces())
        self.lane.reach(0)
        self.next = 0
        self.frames: list[bytes] = []

    def take(self) -> None:
        run = self.lane.take(0)
        if run:
            assert run.start >= self.next
            self.next = run.start + 1024 * len(run.frames)
            self.frames += run.frames


def test_audio_begins_with_the_first_picture() -> None:
    lane = AudioLane(Codec.AAC, Pieces())
    lane.push(b"before", 0)
    lane.reach(90000)
    lane.push(b"long before", 1000)
    lane.push(b"a little before", 15900)
    run = lane.take(90000)
    assert run is not None
    assert (run.start, run.frames) == (0, [b"a little before"])


def test_jitter_and_small_overlaps_stay_contiguous() -> None:
    lane = Lane()
    for n in range(100):
        lane.lane.push(b"x", n * 1024 + (n * 7919) % 1600 - 800)
        lane.take()
    assert lane.frames == [b"x"] * 100
    assert lane.next == 102400


def test_a_hole_is_filled_with_silence() -> None:
    lane = Lane()
    lane.lane.push(b"a", 0)
    lane.lane.push(b"b", 1024 * 11)
    lane.take()
    assert lane.frames == [b"a", *[b""] * 10, b"b"]


def test_a_long_pause_is_jumped() -> None:
    lane = Lane()
    lane.lane.push(b"a", 0)
    lane.take()
    lane.lane.push(b"b", 16000 * 3600)
    lane.take()
    assert lane.frames == [b"a", b"b"]
    assert lane.next == 16000 * 3600 + 1024


def test_no_sound_at_all_keeps_up_with_the_pictures() -> None:
    lane = Lane()
    for n in range(1, 151):
        lane.lane.reach(n * 6000)
        lane.take()
        assert n * 16000 // 15 - lane.next <= 8000 + 1024
    assert lane.next > 16000 * 9.9
    lane.lane.push(b"at last", 160100)
    lane.take()
    assert lane.frames[-1] == b"at last"


def test_waiting_frames_are_bounded() -> None:
    lane = Lane()
    for n in range(2000):
        lane.lane.push(b"x", n * 1024)
    lane.take()
    assert len(lane.frames) == 512
    assert lane.next == 2000 * 1024


def test_which_tracks_can_be_muxed() -> None:
    config, _ = aac()
    for track in (audio_track(Codec.PCMA), audio_track(Codec.PCMU), audio_track(Codec.AAC, config, 16000)):
        found = open_audio(track, None)
        assert found is not None
        again = open_audio(track, found[0])
        assert again is not None
        assert again[0] is found[0]
    for track in (
        audio_track(Codec.AAC, b"", 16000),
        audio_track(Codec.OTHER),
        audio_track(Codec.PCMA, rate=16000),
        Track(4, Codec.ONVIF, 107, 90000),
    ):
        assert open_audio(track, None) is None
