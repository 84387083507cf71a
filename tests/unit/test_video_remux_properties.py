"""What holds for any stream, any packets, any network: nothing raised, output well formed, what is not lost bit-exact."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from video_material import (
    EPOCH,
    Muxed,
    Packet,
    Stream,
    aac,
    aac_payload,
    audio_packets,
    audio_track,
    boxes,
    encode,
    g711,
    merged,
    runs,
    taken_apart,
    tone,
    video_packets,
    video_track,
)

from khue.model.media import Codec, Track
from khue.video.nal import split_prefixed
from khue.video.remux import Remuxer

SLOW = settings(max_examples=50, deadline=None)
HOSTILE = settings(max_examples=200, deadline=None)


class Session(NamedTuple):
    stream: Stream
    tracks: list[Track]
    packets: list[Packet]


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    """A camera: codec, slices, packet size, aggregation, numbering, sound."""
    codec = draw(st.sampled_from([Codec.H264, Codec.H265]))
    slices = draw(st.sampled_from([1, 3]))
    stream = encode(codec, slices=slices, size=(320, 192) if slices > 1 else (160, 96))
    packets = video_packets(
        stream,
        mtu=draw(st.sampled_from([100, 300, 1400, 60000])),
        aggregate=draw(st.booleans()),
        sequence=draw(st.sampled_from([0, 1, 65530])),
        timestamp=draw(st.sampled_from([0, 0xFFFFF000, 123456])),
    )
    tracks = [video_track(stream, in_sdp=draw(st.booleans()))]
    sound = draw(st.sampled_from([None, Codec.PCMA, Codec.AAC]))
    late = draw(st.integers(-100_000, 400_000))
    if sound is Codec.AAC:
        config, frames = aac()
        heard = audio_packets([aac_payload(f) for f in frames], 1024, 16000, payload_type=98, start=EPOCH + late)
        tracks.append(audio_track(sound, config, 16000))
        packets = merged(packets, heard)
    elif sound is not None:
        heard = audio_packets(g711(sound, tone(16000)), 160, 8000, payload_type=8, start=EPOCH + late)
        tracks.append(audio_track(sound))
        packets = merged(packets, heard)
    return Session(stream, tracks, packets)


def read(draw: st.DrawFn, remuxer: Remuxer, packets: list[Packet]) -> Muxed:
    """Feed in reads of any number of packets."""
    out, position = [], 0
    while position < len(packets):
        count = draw(st.sampled_from([1, 1, 2, 7, 40, 400]))
        group = packets[position : position + count]
        out += remuxer.feed(b"".join(packet.framed for packet in group), group[0].arrival)
        position += count
    return taken_apart([*out, *remuxer.flush()])


def check_form(muxed: Muxed) -> None:
    """Every box fills its parent; decode times grow; audio has neither hole nor overlap within its run."""
    for init in muxed.inits:
        assert [box.kind for box in boxes(init.data)] == ["ftyp", "moov"]
    last: dict[int, int] = {}
    for fragment in muxed.fragments:
        for run in runs(fragment.data):
            assert run.dts >= last.get(run.track, 0)
            last[run.track] = run.dts + (1 if run.track == 1 else 1024 * len(run.samples))
        assert fragment.end > fragment.start
    for one, other in itertools.pairwise(muxed.fragments):
        assert other.start >= one.start
    if muxed.fragments:
        assert muxed.inits
        assert muxed.fragments[0].keyframe


def pictures(muxed: Muxed) -> list[list[bytes]]:
    return [list(split_prefixed(fragment.picture)) for fragment in muxed.fragments]


@SLOW
@given(st.data())
def test_nothing_lost_nothing_changed(data: st.DataObject) -> None:
    session = data.draw(sessions())
    zero_based = data.draw(st.booleans())
    muxed = read(data.draw, Remuxer(session.tracks, zero_based=zero_based), session.packets)
    check_form(muxed)
    assert len(muxed.inits) == 1
    assert pictures(muxed) == session.stream.samples()
    if zero_based:
        first = [run.dts for run in runs(muxed.fragments[0].data)]
        assert first == [0] * len(first)


def carries_slice(codec: Codec, payload: bytes) -> bool:
    """Whether a packet is a slice or part of one (aggregates may be; they do not count)."""
    if codec is Codec.H264:
        kind = payload[1] & 0x1F if payload[0] & 0x1F == 28 else payload[0] & 0x1F
        return kind in (1, 5)
    kind = payload[0] >> 1 & 0x3F
    return (payload[2] & 0x3F if kind == 49 else kind) <= 31


@SLOW
@given(st.data())
def test_what_is_lost_is_all_that_is_lost(data: st.DataObject) -> None:
    """A picture is shown if and only if it and all before it in its group are whole."""
    session = data.draw(sessions())
    codec, samples = session.stream.codec, session.stream.samples()
    video = [n for n, packet in enumerate(session.packets) if packet.channel == 0]
    first = session.packets[video[0]].timestamp
    lost = data.draw(st.sets(st.sampled_from(video[1:]), max_size=5))  # nobody can miss the very first
    touched, hurt = set(), set()
    for n in lost:
        packet = session.packets[n]
        picture = round((packet.timestamp - first) % 2**32 / 6000)
        touched.add(picture)
        if carries_slice(codec, packet.payload):
            hurt.add(picture)
    muxed = read(data.draw, Remuxer(session.tracks), [p for n, p in enumerate(session.packets) if n not in lost])
    check_form(muxed)
    found = pictures(muxed)
    for start in (0, 10, 20):
        for n in itertools.takewhile(lambda n: n not in touched, range(start, start + 10)):
            assert samples[n] in found
    for n in hurt:
        assert not any(samples[m] in found for m in range(n, 10 * (n // 10 + 1)))
    for picture in found:  # without SEI perhaps, if just that was lost
        assert any(sample[-len(picture) :] == picture for sample in samples)


@SLOW
@given(st.data())
def test_disorder_of_a_few_packets_changes_nothing(data: st.DataObject) -> None:
    session = data.draw(sessions())
    packets = [p for p in session.packets if p.channel == 0]
    for place in data.draw(st.sets(st.integers(1, max(1, len(packets) // 4 - 1)), max_size=10)):
        swapped = slice(4 * place, 4 * place + 3)
        group = packets[swapped]
        if group and group[-1].arrival - group[0].arrival < 150_000:
            arrivals = [packet.arrival for packet in group]
            packets[swapped] = [p._replace(arrival=at) for p, at in zip(reversed(group), arrivals, strict=True)]
    muxed = read(data.draw, Remuxer(session.tracks[:1]), packets)
    check_form(muxed)
    assert pictures(muxed) == session.stream.samples()


@HOSTILE
@given(st.data())
def test_any_shuffle_duplication_and_damage_gives_well_formed_output(data: st.DataObject) -> None:
    session = data.draw(sessions())
    packets = list(session.packets)
    for _ in range(data.draw(st.integers(0, 12))):
        at = data.draw(st.integers(0, len(packets) - 1))
        packet = packets[at]
        change = data.draw(
            st.sampled_from(["drop", "double", "move", "cut", "flip", "marker", "time", "ssrc", "clock"])
        )
        if change == "drop" and len(packets) > 1:
            del packets[at]
        elif change == "double":
            packets.insert(data.draw(st.integers(0, len(packets))), packet)
        elif change == "move":
            packets.insert(data.draw(st.integers(0, len(packets) - 1)), packets.pop(at))
        elif change == "cut":
            packets[at] = packet._replace(payload=packet.payload[: data.draw(st.integers(0, 8))])
        elif change == "flip" and packet.payload:
            where = data.draw(st.integers(0, min(6, len(packet.payload) - 1)))
            flipped = bytes((data.draw(st.integers(0, 255)),))
            packets[at] = packet._replace(payload=packet.payload[:where] + flipped + packet.payload[where + 1 :])
        elif change == "marker":
            packets[at] = packet._replace(marker=not packet.marker)
        elif change in ("time", "ssrc", "clock"):
            field = {"time": "timestamp", "ssrc": "ssrc", "clock": "arrival"}[change]
            value = data.draw(st.integers(0, 2**50 if change == "clock" else 2**32 - 1))
            upto = data.draw(st.integers(at, len(packets)))
            packets[at:upto] = [each._replace(**{field: value}) for each in packets[at:upto]]
    keep = data.draw(st.booleans())
    remuxer = Remuxer(
        session.tracks, keep_damaged=keep, zero_based=data.draw(st.booleans()), keyframes_only=data.draw(st.booleans())
    )
    muxed = read(data.draw, remuxer, packets)
    for fragment in muxed.fragments:
        runs(fragment.data)
    for init in muxed.inits:
        boxes(init.data)
    times = [runs(fragment.data)[0].dts for fragment in muxed.fragments]
    assert all(b > a for a, b in itertools.pairwise(times))
