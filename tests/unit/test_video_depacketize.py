"""Payloads to pictures: whole ones bit by bit, damaged ones known as such."""

from __future__ import annotations

import pytest
from video_material import Packet, Stream, encode, video_packets

from khue.model.media import Codec
from khue.video import depacketize
from khue.video.depacketize import Picture, VideoDepacketizer, video_depacketizer
from khue.video.nal import join_annex_b, join_prefixed, split_prefixed
from khue.video.parameter_sets import ParameterSets

BOTH = pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])


def depacketizer(codec: Codec) -> VideoDepacketizer:
    return video_depacketizer(codec, ParameterSets(codec))


def push(target: VideoDepacketizer, packets: list[Packet], lost: set[int] = frozenset()) -> list[Picture]:  # type: ignore[assignment]
    """Push all but the packets whose position is in ``lost``."""
    out: list[Picture] = []
    gap = False
    for position, packet in enumerate(packets):
        if position in lost:
            gap = True
            continue
        out += target.push(packet.payload, packet.marker, packet.timestamp, gap)
        gap = False
    return [*out, *target.flush()]


def units(pictures: list[Picture]) -> list[list[bytes]]:
    return [list(split_prefixed(picture.data)) for picture in pictures]


@BOTH
@pytest.mark.parametrize("mtu", [50, 700, 60000])
@pytest.mark.parametrize("aggregate", [False, True])
@pytest.mark.parametrize("slices", [1, 3])
def test_every_packetization_gives_the_same_pictures(codec: Codec, mtu: int, aggregate: bool, slices: int) -> None:
    stream = encode(codec, slices=slices, size=(320, 192), aud=True)
    target = depacketizer(codec)
    pictures = push(target, video_packets(stream, mtu=mtu, aggregate=aggregate))
    assert units(pictures) == stream.samples()
    assert [p.keyframe for p in pictures] == [index % 10 == 0 for index in range(30)]
    assert not any(p.damaged or p.after_loss for p in pictures)
    assert set(target.sets.current) == set(stream.sets)


@BOTH
def test_a_picture_is_complete_with_its_marker(codec: Codec) -> None:
    target = depacketizer(codec)
    for packet in video_packets(encode(codec), mtu=500):
        assert len(target.push(packet.payload, packet.marker, packet.timestamp)) == packet.marker


@BOTH
def test_without_markers_the_timestamp_tells(codec: Codec) -> None:
    stream = encode(codec)
    packets = [packet._replace(marker=False) for packet in video_packets(stream, mtu=500)]
    assert units(push(depacketizer(codec), packets)) == stream.samples()


@BOTH
def test_markers_on_parameter_sets_of_their_own(codec: Codec) -> None:
    stream = encode(codec)
    packets = [
        packet._replace(marker=packet.marker or len(packet.payload) < 60) for packet in video_packets(stream, mtu=500)
    ]
    assert units(push(depacketizer(codec), packets)) == stream.samples()


@BOTH
def test_a_camera_that_marks_every_slice_loses_one_picture_only(codec: Codec) -> None:
    stream = encode(codec, slices=3, size=(320, 192))
    packets = [packet._replace(marker=True) for packet in video_packets(stream, mtu=60000)]
    pictures = push(depacketizer(codec), packets)
    whole = [picture for picture in pictures if not picture.damaged]
    assert units(whole)[-29:] == stream.samples()[-29:]


@BOTH
@pytest.mark.parametrize("position", ["first", "middle", "last"])
def test_a_lost_packet_damages_its_picture(codec: Codec, position: str) -> None:
    stream = encode(codec)
    packets = video_packets(stream, mtu=300)
    of_five = [n for n, packet in enumerate(packets) if packet.timestamp == 5 * 6000]
    assert len(of_five) > 2
    gone = {"first": of_five[0], "middle": of_five[1], "last": of_five[-1]}[position]
    pictures = push(depacketizer(codec), packets, {gone})
    damaged = [picture.timestamp // 6000 for picture in pictures if picture.damaged]
    assert damaged == [5]
    whole = [picture for picture in pictures if not picture.damaged]
    assert units(whole) == [sample for n, sample in enumerate(stream.samples()) if n != 5]
    assert [picture.timestamp // 6000 for picture in pictures if picture.after_loss] == [5]


@BOTH
def test_a_lost_picture_shows_in_the_next(codec: Codec) -> None:
    packets = video_packets(encode(codec), mtu=300)
    gone = {n for n, packet in enumerate(packets) if packet.timestamp == 5 * 6000}
    pictures = push(depacketizer(codec), packets, gone)
    assert [(p.timestamp // 6000, p.damaged) for p in pictures if p.after_loss] == [(6, False)]


@BOTH
def test_beginning_in_the_middle_of_a_picture(codec: Codec) -> None:
    for slices in (1, 3):
        stream = encode(codec, slices=slices, size=(320, 192))
        packets = video_packets(stream, mtu=400)
        pictures = push(depacketizer(codec), packets[len([p for p in packets if p.timestamp == 0]) // 2 :])
        assert pictures[0].damaged
        assert units(pictures[1:]) == stream.samples()[1:]


@BOTH
def test_parameter_sets_in_fragments_and_lost_ones(codec: Codec) -> None:
    stream = encode(codec)
    packets = video_packets(stream, mtu=12)
    target = depacketizer(codec)
    push(target, packets)
    assert set(target.sets.current) == set(stream.sets)
    target = depacketizer(codec)
    push(target, packets[: len([p for p in packets if p.timestamp == 0])], {1})
    assert set(target.sets.current) < set(stream.sets)


@BOTH
def test_several_units_with_start_codes_sent_as_one(codec: Codec) -> None:
    stream = encode(codec)
    joined = [join_annex_b(unit)[4:] for unit in stream.units]
    packets = video_packets(stream, units=[[unit] for unit in joined], mtu=500)
    pictures = push(depacketizer(codec), packets)
    kept = [p for p in pictures if p.keyframe]
    assert units(kept) == [sample for n, sample in enumerate(stream.samples()) if n % 10 == 0]


@BOTH
def test_a_missing_end_bit_is_forgiven(codec: Codec) -> None:
    stream = encode(codec, slices=3, size=(320, 192))
    at = 1 if codec is Codec.H264 else 2
    fragment = 28 if codec is Codec.H264 else 49
    packets = []
    for packet in video_packets(stream, mtu=300):
        payload = packet.payload
        kind = payload[0] & 0x1F if codec is Codec.H264 else payload[0] >> 1 & 0x3F
        if kind == fragment:
            payload = payload[:at] + bytes((payload[at] & ~0x40,)) + payload[at + 1 :]
        packets.append(packet._replace(payload=payload))
    assert units(push(depacketizer(codec), packets)) == stream.samples()


def test_h265_enhancement_layers_are_left_out() -> None:
    stream = encode(Codec.H265)
    extra = [[*unit, bytes((unit[-1][0], 1 << 3 | 1)) + unit[-1][2:]] for unit in stream.units]
    assert units(push(depacketizer(Codec.H265), video_packets(stream, units=extra))) == stream.samples()


@BOTH
def test_a_picture_without_end_is_dropped(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depacketize, "MAX_PICTURE", 3000)
    stream = encode(codec)
    pictures = push(depacketizer(codec), video_packets(stream, mtu=500))
    for picture, sample in zip(pictures, stream.samples(), strict=True):
        if len(join_prefixed(sample)) > 3000:
            assert picture.damaged
            assert len(picture.data) <= 3000
        else:
            assert picture.data == join_prefixed(sample)


def test_tiny_pieces_cannot_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depacketize, "MAX_PARTS", 100)
    target = depacketizer(Codec.H264)
    target.push(b"\x7c\x85\x88", False, 0)
    for _ in range(1000):
        target.push(b"\x7c\x05\x00", False, 0)
        assert len(target._parts) <= 101
    (picture,) = target.flush()
    assert picture.damaged


@BOTH
@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x78\x00", b"\x78\xff\xff\x65", b"\x60\x01\xff\xff\x26", b"\x7c"])
def test_payloads_of_nothing(codec: Codec, payload: bytes) -> None:
    target = depacketizer(codec)
    assert list(target.push(payload, True, 0)) == []


def test_stream_is_what_the_tests_think_it_is() -> None:
    stream: Stream = encode(Codec.H264, slices=3, size=(320, 192))
    assert all(len(sample) >= 3 for sample in stream.samples())
