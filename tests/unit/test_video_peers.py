"""Debian's ffmpeg reads what the remuxer writes: without a word, and to the same pictures."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from video_material import (
    EPOCH,
    Packet,
    Stream,
    aac,
    aac_payload,
    audio_packets,
    audio_track,
    encode,
    g711,
    merged,
    taken_apart,
    tone,
    video_packets,
    video_track,
)

from khue.model.media import Codec, Track
from khue.video.nal import join_annex_b
from khue.video.remux import Init, Remuxer

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed (apt-get install ffmpeg)"),
]
BOTH = pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])


def run(*command: str | Path) -> tuple[str, str]:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout, done.stderr


def decoded(path: Path) -> list[str]:
    """MD5 of every picture; ffmpeg must not say anything."""
    out, said = run(
        "ffmpeg", "-v", "warning", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-"
    )
    assert said == ""
    return [line.split(",")[-1].strip() for line in out.splitlines() if not line.startswith("#")]


def reference(stream: Stream, path: Path) -> list[str]:
    """What the encoder's own byte stream decodes to."""
    path.write_bytes(join_annex_b(nal for unit in stream.units for nal in unit))
    return decoded(path)


def write(path: Path, tracks: list[Track], packets: list[Packet], **options: bool) -> Path:
    remuxer = Remuxer(tracks, **options)  # type: ignore[arg-type]
    out = [each for packet in packets for each in remuxer.feed(packet.framed, packet.arrival)]
    path.write_bytes(taken_apart([*out, *remuxer.flush()]).data)
    _, said = run("ffmpeg", "-v", "warning", "-i", path, "-f", "null", "-")
    assert said == ""
    return path


def probed(path: Path, entry: str) -> list[str]:
    out, said = run("ffprobe", "-v", "warning", "-show_entries", entry, "-of", "csv=p=0", path)
    assert said == ""
    return [line.strip(",") for line in out.split()]


@BOTH
@pytest.mark.parametrize("zero_based", [True, False])
@pytest.mark.parametrize("slices", [1, 4])
def test_the_same_pictures(codec: Codec, zero_based: bool, slices: int, tmp_path: Path) -> None:
    stream = encode(codec, slices=slices, size=(320, 192), aud=True)
    suffix = ".264" if codec is Codec.H264 else ".265"
    clip = write(tmp_path / "clip.mp4", [video_track(stream)], video_packets(stream, mtu=400), zero_based=zero_based)
    assert decoded(clip) == reference(stream, tmp_path / f"stream{suffix}")
    times = [int(pts) for pts in probed(clip, "packet=pts")]
    base = 0 if zero_based else EPOCH * 9 // 100
    assert times == pytest.approx([base + 6000 * n for n in range(30)], abs=2)


@BOTH
@pytest.mark.parametrize("sound", [Codec.PCMA, Codec.PCMU, Codec.AAC])
def test_with_sound(codec: Codec, sound: Codec, tmp_path: Path) -> None:
    stream = encode(codec)
    if sound is Codec.AAC:
        config, frames = aac()
        track = audio_track(sound, config, 16000)
        heard = audio_packets([aac_payload(f) for f in frames], 1024, 16000, payload_type=98)
    else:
        track = audio_track(sound)
        heard = audio_packets(g711(sound, tone(16000)), 160, 8000, payload_type=track.payload_type)
    clip = write(
        tmp_path / "clip.mp4", [video_track(stream), track], merged(video_packets(stream), heard), zero_based=True
    )
    assert probed(clip, "stream=codec_name,start_time") == [
        f"{'h264' if codec is Codec.H264 else 'hevc'},0.000000",
        "aac,0.000000",
    ]
    level = run("ffmpeg", "-i", clip, "-af", "volumedetect", "-vn", "-f", "null", "-")[1]
    assert -10 < float(level.split("max_volume:")[1].split()[0]) < -6


@BOTH
def test_silent_where_the_camera_is(codec: Codec, tmp_path: Path) -> None:
    stream = encode(codec)
    heard = audio_packets(g711(Codec.PCMA, tone(8000)), 160, 8000, payload_type=8, start=EPOCH + 700_000)
    tracks = [video_track(stream), audio_track(Codec.PCMA)]
    write(tmp_path / "late.mp4", tracks, merged(video_packets(stream), heard), zero_based=True)
    write(tmp_path / "never.mp4", tracks, video_packets(stream), zero_based=True)
    config, _ = aac()
    write(
        tmp_path / "aac.mp4", [tracks[0], audio_track(Codec.AAC, config, 16000)], video_packets(stream), zero_based=True
    )


@BOTH
def test_losses_pauses_and_another_resolution(codec: Codec, tmp_path: Path) -> None:
    small, large = encode(codec), encode(codec, size=(320, 192))
    first = video_packets(small, mtu=300)
    second = video_packets(large, sequence=len(first), timestamp=60 * 6000, start=EPOCH + 4_000_000)
    gone = next(packet for packet in first if packet.timestamp == 5 * 6000)
    packets = [packet for packet in (*first, *second) if packet is not gone]
    heard = [
        *audio_packets(g711(Codec.PCMU, tone(16000)), 160, 8000, payload_type=0),
        *audio_packets(g711(Codec.PCMU, tone(16000)), 160, 8000, payload_type=0, start=EPOCH + 4_000_000, sequence=100),
    ]
    tracks = [video_track(small), audio_track(Codec.PCMU)]
    clip = write(tmp_path / "clip.mp4", tracks, merged(packets, heard), zero_based=True)
    sizes = probed(clip, "frame=width")
    assert (sizes.count("160"), sizes.count("320")) == (25, 30)


@BOTH
def test_a_clip_over_an_hour_without_recording(codec: Codec, tmp_path: Path) -> None:
    stream = encode(codec)
    remuxer = Remuxer([video_track(stream), audio_track(Codec.PCMA)], zero_based=True)
    out = []
    for start in (EPOCH, EPOCH + 3_600_000_000):
        heard = audio_packets(g711(Codec.PCMA, tone(16000)), 160, 8000, payload_type=8, start=start)
        for packet in merged(video_packets(stream, start=start), heard):
            out += remuxer.feed(packet.framed, packet.arrival)
        out += remuxer.restart([video_track(stream), audio_track(Codec.PCMA)])
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(taken_apart(out).data)
    assert run("ffmpeg", "-v", "warning", "-i", clip, "-f", "null", "-")[1] == ""
    assert int(probed(clip, "packet=pts")[-1]) > 3600 * 16000


@BOTH
def test_keyframes_alone(codec: Codec, tmp_path: Path) -> None:
    stream = encode(codec)
    clip = write(tmp_path / "clip.mp4", [video_track(stream)], video_packets(stream), keyframes_only=True)
    first, *others = [int(each) for each in probed(clip, "packet=pts")]
    assert [each - first for each in others] == pytest.approx([60000, 120000], abs=2)
    assert len(decoded(clip)) == 3


@BOTH
def test_the_codec_string_says_what_ffprobe_finds(codec: Codec, tmp_path: Path) -> None:
    stream = encode(codec, size=(1280, 720))
    remuxer = Remuxer([video_track(stream)])
    out = [each for packet in video_packets(stream) for each in remuxer.feed(packet.framed, packet.arrival)]
    init = out[0]
    assert isinstance(init, Init)
    path = tmp_path / "clip.mp4"
    path.write_bytes(taken_apart(out).data)
    (found,) = probed(path, "stream=width,height,level")
    level = (
        int(init.mime.split(".")[-1][4:6], 16) if codec is Codec.H264 else int(init.mime.split(".L")[1].split(".")[0])
    )
    assert found == f"1280,720,{level}"
