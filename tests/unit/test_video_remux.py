"""The remuxer, situation by situation."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable

import pytest
from video_material import (
    AUDIO,
    EPOCH,
    VIDEO,
    Muxed,
    Packet,
    aac,
    aac_payload,
    audio_packets,
    audio_track,
    encode,
    g711,
    merged,
    runs,
    taken_apart,
    tone,
    video_packets,
    video_track,
)

from khue.model.errors import MediaError
from khue.model.media import Codec, Track
from khue.video.nal import split_prefixed
from khue.video.remux import Fragment, Init, Remuxer

BOTH = pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])


def feed(remuxer: Remuxer, packets: Iterable[Packet]) -> list[Fragment | Init]:
    return [each for packet in packets for each in remuxer.feed(packet.framed, packet.arrival)]


def mux(packets: Iterable[Packet], *tracks: Track, **options: bool) -> tuple[Muxed, Remuxer]:
    remuxer = Remuxer(tracks, **options)  # type: ignore[arg-type]
    return taken_apart([*feed(remuxer, packets), *remuxer.flush()]), remuxer


def pictures(muxed: Muxed) -> list[list[bytes]]:
    return [list(split_prefixed(fragment.picture)) for fragment in muxed.fragments]


def decode_times(muxed: Muxed, track: int = 1) -> list[int]:
    return [run.dts for fragment in muxed.fragments for run in runs(fragment.data) if run.track == track]


@BOTH
@pytest.mark.parametrize("in_sdp", [True, False])
def test_each_picture_comes_with_its_last_packet(codec: Codec, in_sdp: bool) -> None:
    stream = encode(codec)
    remuxer = Remuxer([video_track(stream, in_sdp=in_sdp)])
    out: list[Fragment | Init] = []
    for number, packet in enumerate(video_packets(stream, mtu=300)):
        got = remuxer.feed(packet.framed, packet.arrival)
        assert len(got) == packet.marker + (packet.marker and not out), number
        out += got
    assert isinstance(out[0], Init)
    assert (out[0].width, out[0].height, out[0].codec) == (160, 96, codec)
    assert out[0].parameter_sets == stream.sets
    assert out[0].mime.startswith(
        'video/mp4; codecs="avc1.42' if codec is Codec.H264 else 'video/mp4; codecs="hvc1.1.6'
    )
    muxed = taken_apart(out)
    assert pictures(muxed) == stream.samples()
    assert [f.keyframe for f in muxed.fragments] == [n % 10 == 0 for n in range(30)]
    assert remuxer.flush() == []
    assert remuxer.dropped == 0


def test_times_are_those_of_the_wall() -> None:
    stream = encode()
    muxed, _ = mux(video_packets(stream, timestamp=0xFFFFF000, sequence=65500), video_track(stream))
    times = decode_times(muxed)
    assert all(abs(at - (EPOCH * 9 // 100 + 6000 * n)) <= 2 for n, at in enumerate(times))
    assert all(abs(f.start - (EPOCH + n * 1_000_000 // 15)) < 50 for n, f in enumerate(muxed.fragments))
    durations = [runs(f.data)[0].samples[0][0] for f in muxed.fragments]
    assert all(abs(duration - 6000) <= 2 for duration in durations[1:])
    assert all(abs(f.end - f.start - 66_667) < 50 for f in muxed.fragments[1:])


def test_a_block_read_at_once_gives_the_same_times() -> None:
    stream = encode()
    packets = video_packets(stream)
    muxed, _ = mux(packets, video_track(stream))
    remuxer = Remuxer([video_track(stream)])
    once = taken_apart(remuxer.feed(memoryview(b"".join(p.framed for p in packets)), packets[0].arrival))
    assert pictures(once) == pictures(muxed)
    assert all(abs(a - b) <= 2 for a, b in zip(decode_times(once), decode_times(muxed), strict=True))


def test_a_reused_buffer_may_change_after_the_call() -> None:
    stream = encode()
    remuxer = Remuxer([video_track(stream)])
    out = []
    for packet in video_packets(stream, mtu=300):
        buffer = bytearray(packet.framed)
        out += remuxer.feed(memoryview(buffer), packet.arrival)
        buffer[:] = bytes(len(buffer))
    assert pictures(taken_apart(out)) == stream.samples()


@BOTH
def test_loss_drops_to_the_next_keyframe_and_counts(codec: Codec) -> None:
    stream = encode(codec)
    packets = list(video_packets(stream, mtu=300))
    gone = next(p for p in packets if p.timestamp == 4 * 6000)
    muxed, remuxer = mux([p for p in packets if p is not gone], video_track(stream))
    kept = [n for n in range(30) if not 4 <= n < 10]
    assert pictures(muxed) == [stream.samples()[n] for n in kept]
    assert remuxer.dropped == 6


def test_keep_damaged_goes_on() -> None:
    stream = encode(slices=3, size=(320, 192))
    packets = video_packets(stream, mtu=300)
    gone = next(p for p in packets if p.timestamp == 4 * 6000)
    muxed, remuxer = mux([p for p in packets if p is not gone], video_track(stream), keep_damaged=True)
    assert len(muxed.fragments) == 30
    assert remuxer.dropped == 0
    found = pictures(muxed)
    assert found[4] == stream.samples()[4][1:]
    assert [p for n, p in enumerate(found) if n != 4] == [s for n, s in enumerate(stream.samples()) if n != 4]


def test_beginning_between_keyframes_waits_and_counts_nothing() -> None:
    stream = encode()
    packets = video_packets(stream, mtu=300)
    muxed, remuxer = mux(packets[5:], video_track(stream))
    assert pictures(muxed) == stream.samples()[10:]
    assert remuxer.dropped == 0


def test_a_read_that_ends_within_a_picture_ends_before_it() -> None:
    stream = encode()
    packets = video_packets(stream, mtu=300)
    muxed, _ = mux(packets[:-1], video_track(stream))
    assert pictures(muxed) == stream.samples()[:-1]
    unmarked = [p._replace(marker=False) for p in packets]
    muxed, _ = mux(unmarked, video_track(stream))
    assert pictures(muxed) == stream.samples()


def test_packets_out_of_order_lose_nothing() -> None:
    stream = encode()
    packets = video_packets(stream, mtu=300, sequence=65000)
    for at in range(1, len(packets) - 4, 7):
        packets[at], packets[at + 3] = packets[at + 3], packets[at]
    muxed, remuxer = mux(packets, video_track(stream))
    assert pictures(muxed) == stream.samples()
    assert remuxer.dropped == 0


@BOTH
def test_keyframes_only_last_until_the_next(codec: Codec) -> None:
    stream = encode(codec)
    muxed, _ = mux(video_packets(stream), video_track(stream), audio_track(Codec.PCMA), keyframes_only=True)
    assert pictures(muxed) == stream.samples()[::10]
    samples = [runs(f.data)[0].samples[0] for f in muxed.fragments]
    assert all(abs(sample[0] - 60000) <= 2 for sample in samples)
    assert all(abs(f.end - f.start - 666_667) < 50 for f in muxed.fragments)
    assert "mp4a" not in muxed.inits[0].mime


@BOTH
def test_keyframes_fed_alone(codec: Codec) -> None:
    """A scrubbing reader skips what lies between, so sequence numbers jump."""
    stream = encode(codec)
    remuxer = Remuxer([video_track(stream)], keyframes_only=True)
    keyframes = [p for p in video_packets(stream) if p.timestamp % 60000 == 0]
    out = [*feed(remuxer, keyframes), *remuxer.flush()]
    assert pictures(taken_apart(out)) == stream.samples()[::10]


def test_zero_based_is_exact_and_one_picture_later() -> None:
    stream = encode()
    remuxer = Remuxer([video_track(stream)], zero_based=True)
    packets = video_packets(stream, start=EPOCH, mtu=60000)
    for index in range(20, 30):  # the camera stumbles: its last pictures take twice as long
        packets = [
            p._replace(timestamp=p.timestamp + 6000, arrival=p.arrival + 66_667)
            if p.timestamp >= 6000 * (2 * index - 20)
            else p
            for p in packets
        ]
    muxed = taken_apart([*feed(remuxer, packets), *remuxer.flush()])
    times = decode_times(muxed)
    assert times[0] == 0
    durations = [runs(f.data)[0].samples[0][0] for f in muxed.fragments]
    assert durations[:-1] == [b - a for a, b in itertools.pairwise(times)]
    assert durations[0] == 6000
    assert muxed.fragments[0].start == EPOCH


def test_a_pause_does_not_look_like_a_new_beginning_to_a_player() -> None:
    """Decode times step by less than twice the last duration; presentation times are true (Media Source Extensions)."""
    stream = encode(gop=30)
    late = [
        p._replace(timestamp=p.timestamp + 54000, arrival=p.arrival + 600_000) if p.timestamp >= 5 * 6000 else p
        for p in video_packets(stream)
    ]
    muxed, _ = mux(late, video_track(stream))
    samples = [(run.dts, *run.samples[0][:4]) for f in muxed.fragments for run in runs(f.data)]
    for (dts, duration, *_), (after, *_) in itertools.pairwise(samples):
        assert dts < after < dts + 2 * duration
    shown = [dts + offset for dts, _, _, _, offset in samples]
    assert shown == pytest.approx([EPOCH * 9 // 100 + 6000 * n + 54000 * (n >= 5) for n in range(30)], abs=60)
    assert samples[-1][4] == 0  # caught up


def test_years_pass_between_two_pictures() -> None:
    stream = encode(gop=30)
    packets = [p._replace(arrival=p.arrival + 10**15) if p.timestamp >= 5 * 6000 else p for p in video_packets(stream)]
    muxed, _ = mux(packets, video_track(stream))
    assert pictures(muxed) == stream.samples()
    assert muxed.fragments[5].start == pytest.approx(EPOCH + 10**15 + 333_333, abs=100)


def test_time_that_only_goes_back_does_not_go_back() -> None:
    stream = encode(gop=30)
    packets = [p._replace(timestamp=-40_000 * (p.timestamp // 6000), arrival=EPOCH) for p in video_packets(stream)]
    muxed, _ = mux(packets, video_track(stream))
    assert pictures(muxed) == stream.samples()
    assert all(-900_000 <= runs(f.data)[0].samples[0][3] <= 0 for f in muxed.fragments)


def test_b_frames_keep_their_presentation_times() -> None:
    stream = encode(bframes=0, gop=30)
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8]
    packets = [
        p._replace(timestamp=6000 * order[p.timestamp // 6000]) for p in video_packets(stream) if p.timestamp < 60000
    ]
    for options in ({}, {"zero_based": True}):
        muxed, _ = mux(packets, video_track(stream), **options)
        times = decode_times(muxed)
        assert all(b > a for a, b in itertools.pairwise(times))
        offsets = [runs(f.data)[0].samples[0][3] for f in muxed.fragments]
        shown = [a + b - times[0] for a, b in zip(times, offsets, strict=True)]
        assert shown == [6000 * n for n in order]


@BOTH
def test_a_change_of_resolution_is_announced(codec: Codec) -> None:
    small, large = encode(codec), encode(codec, size=(320, 192))
    first = video_packets(small)
    second = video_packets(large, sequence=len(first), timestamp=30 * 6000, start=EPOCH + 2_000_000)
    out = feed(Remuxer([video_track(small)]), [*first, *second])
    inits = [n for n, each in enumerate(out) if isinstance(each, Init)]
    assert inits == [0, 31]
    assert [out[n].width for n in inits] == [160, 320]  # type: ignore[union-attr]
    following = out[32]
    assert isinstance(following, Fragment)
    assert following.keyframe


@BOTH
def test_a_file_has_one_init_and_later_parameter_sets_in_its_keyframes(codec: Codec) -> None:
    small, large = encode(codec), encode(codec, size=(320, 192))
    first = video_packets(small)
    second = video_packets(large, sequence=len(first), timestamp=30 * 6000, start=EPOCH + 2_000_000)
    muxed, _ = mux([*first, *second], video_track(small), zero_based=True)
    assert len(muxed.inits) == 1
    found = pictures(muxed)
    assert found[:30] == small.samples()
    wanted = [[*large.sets, *s] if n % 10 == 0 else s for n, s in enumerate(large.samples())]
    assert found[30:] == wanted


def test_a_new_source_goes_on_from_its_first_keyframe() -> None:
    stream = encode()
    first = [p for p in video_packets(stream, mtu=300) if p.timestamp < 15 * 6000][:-1]
    second = video_packets(stream, sequence=7, timestamp=0xABCDEF01, start=EPOCH + 1_500_000, ssrc=0x9999)
    muxed, remuxer = mux([*first, *second], video_track(stream))
    assert pictures(muxed) == [*stream.samples()[:14], *stream.samples()]
    times = decode_times(muxed)
    assert all(b > a for a, b in itertools.pairwise(times))
    assert abs(times[14] - (EPOCH + 1_500_000) * 9 // 100) <= 2
    assert remuxer.dropped == 0


def test_another_session_in_the_same_output() -> None:
    stream = encode()
    remuxer = Remuxer([video_track(stream)], zero_based=True)
    out = feed(remuxer, video_packets(stream))
    moved = video_track(stream)
    other = Track(4, moved.codec, 97, 90000, parameter_sets=stream.sets)
    out += remuxer.restart([other])
    later = video_packets(stream, sequence=999, timestamp=5, start=EPOCH + 60_000_000, ssrc=5)
    out += feed(remuxer, [p._replace(channel=4, payload_type=97) for p in later])
    out += remuxer.flush()
    muxed = taken_apart(out)
    assert len(muxed.inits) == 1
    assert pictures(muxed) == stream.samples() * 2
    assert abs(decode_times(muxed)[30] - 60 * 90000) <= 2


def test_a_file_cannot_change_its_codec() -> None:
    h264, h265 = encode(), encode(Codec.H265)
    remuxer = Remuxer([video_track(h264)], zero_based=True)
    feed(remuxer, video_packets(h264))
    with pytest.raises(MediaError, match="h264 to h265"):
        remuxer.restart([video_track(h265)])
    live = Remuxer([video_track(h264)])
    out = feed(live, video_packets(h264)) + live.restart([video_track(h265)])
    out += feed(live, video_packets(h265, start=EPOCH + 3_000_000))
    assert [init.codec for init in taken_apart(out).inits] == [Codec.H264, Codec.H265]


@BOTH
@pytest.mark.parametrize("sound", [Codec.PCMA, Codec.PCMU, Codec.AAC])
@pytest.mark.parametrize("zero_based", [False, True])
def test_audio_travels_with_the_pictures(codec: Codec, sound: Codec, zero_based: bool) -> None:
    stream = encode(codec)
    config, frames = aac()
    if sound is Codec.AAC:
        track = audio_track(sound, config, 16000)
        heard = audio_packets([aac_payload(f) for f in frames], 1024, 16000, payload_type=98)
    else:
        track = audio_track(sound)
        heard = audio_packets(g711(sound, tone(16000)), 160, 8000, payload_type=track.payload_type)
    muxed, _ = mux(merged(video_packets(stream), heard), video_track(stream), track, zero_based=zero_based)
    assert muxed.inits[0].mime.endswith(',mp4a.40.2"')
    assert pictures(muxed) == stream.samples()
    found = [run for f in muxed.fragments for run in runs(f.data) if run.track == 2]
    base = 0 if zero_based else EPOCH * 16 // 1000
    assert abs(found[0].dts - base) <= 1
    at = found[0].dts
    for run in found:
        assert run.dts == at
        at += 1024 * len(run.samples)
    assert at - base > 1.7 * 16000
    if sound is Codec.AAC:
        assert [s[4] for run in found for s in run.samples] == frames[: sum(len(run.samples) for run in found)]


def test_video_only_leaves_audio_out() -> None:
    stream = encode()
    heard = audio_packets(g711(Codec.PCMA, tone(16000)), 160, 8000, payload_type=8)
    muxed, _ = mux(merged(video_packets(stream), heard), video_track(stream), audio_track(Codec.PCMA), video_only=True)
    assert "mp4a" not in muxed.inits[0].mime
    assert all(len(runs(f.data)) == 1 for f in muxed.fragments)


def test_announced_audio_that_never_comes_is_silence() -> None:
    stream = encode(pictures=60)
    muxed, _ = mux(video_packets(stream), video_track(stream), audio_track(Codec.PCMA))
    found = [run for f in muxed.fragments for run in runs(f.data) if run.track == 2]
    end = found[-1].dts + 1024 * len(found[-1].samples)
    assert end == pytest.approx((EPOCH + 3_933_000) * 16 // 1000, abs=1100)


def test_what_is_no_picture_is_passed_over() -> None:
    stream = encode()
    report = struct.pack(">BBH", 0x24, VIDEO + 1, 28) + b"\x80\xc8\x00\x06" + bytes(24)
    bye = struct.pack(">BBH", 0x24, VIDEO + 1, 8) + b"\x81\xcb\x00\x01" + bytes(4)
    metadata = Packet(6, 1, 1, True, b"<tt:MetadataStream/>", EPOCH, 9, 107).framed
    noise = Packet(VIDEO, 1, 1, True, b"comfort", EPOCH, 9, 13).framed
    runt = struct.pack(">BBH", 0x24, VIDEO, 4) + b"\x80\x60\x00\x00"
    old = b"\x24\x00\x00\x0e\x40\x60" + bytes(12)
    remuxer = Remuxer([video_track(stream), Track(6, Codec.ONVIF, 107, 90000)])
    out = []
    for packet in video_packets(stream):
        out += remuxer.feed(report + metadata + noise + runt + old + packet.framed + bye, packet.arrival)
    assert pictures(taken_apart(out)) == stream.samples()


def test_header_extensions_and_padding_are_no_part_of_the_picture() -> None:
    stream = encode()
    remuxer = Remuxer([video_track(stream)])
    out = []
    for packet in video_packets(stream):
        rtp = packet.framed[4:]
        rtp = bytes((0xB0,)) + rtp[1:12] + b"\xab\xac\x00\x03" + bytes(12) + rtp[12:] + b"\x00\x00\x03"
        out += remuxer.feed(struct.pack(">BBH", 0x24, VIDEO, len(rtp)) + rtp, packet.arrival)
    assert pictures(taken_apart(out)) == stream.samples()


def test_bytes_that_are_no_packets_end_the_read_only() -> None:
    stream = encode()
    remuxer = Remuxer([video_track(stream)])
    packets = video_packets(stream, mtu=300)
    out = remuxer.feed(b"RTSP/1.0 200 OK\r\n\r\n" + packets[0].framed, EPOCH)
    out += remuxer.feed(packets[0].framed[:-5], EPOCH)
    out += feed(remuxer, packets)
    assert pictures(taken_apart(out)) == stream.samples()


def test_without_video_nothing_comes() -> None:
    heard = audio_packets(g711(Codec.PCMA, tone(16000)), 160, 8000, payload_type=8)
    muxed, _ = mux(heard, audio_track(Codec.PCMA))
    assert muxed == Muxed([], [])
    assert Remuxer([]).feed(b"", EPOCH) == []


def test_without_parameter_sets_nothing_comes() -> None:
    stream = encode()
    bare = video_packets(stream, units=stream.samples())
    muxed, remuxer = mux(bare, video_track(stream, in_sdp=False))
    assert muxed == Muxed([], [])
    assert remuxer.dropped == 0
    given = Remuxer([video_track(stream, in_sdp=False)], parameter_sets=stream.sets)
    assert pictures(taken_apart(feed(given, bare))) == stream.samples()


def test_channels_are_told_apart() -> None:
    stream = encode()
    packets = [p._replace(channel=AUDIO) for p in video_packets(stream)]
    muxed, _ = mux(packets, video_track(stream))
    assert muxed.fragments == []
