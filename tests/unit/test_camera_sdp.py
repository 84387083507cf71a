"""Session descriptions, right and wrong."""

from __future__ import annotations

import base64

import pytest

from khue.camera.sdp import MAX_SECTIONS, base_url, parse_sdp, resolve_control
from khue.model.media import Codec, Track

SPS = bytes.fromhex("6764001facd9405005bb")
PPS = bytes.fromhex("68ebe3cb22c0")


def only_track(text: str) -> Track:
    description = parse_sdp(text.encode(), "rtsp://h/live")
    assert len(description.sections) == 1
    return description.sections[0].track


def b64(*nals: bytes) -> str:
    return ",".join(base64.b64encode(nal).decode() for nal in nals)


@pytest.mark.parametrize(
    ("base", "control", "expected"),
    [
        ("rtsp://h/a/", "track1", "rtsp://h/a/track1"),
        ("rtsp://h/a", "track1", "rtsp://h/a/track1"),
        ("rtsp://h/a", "/track1", "rtsp://h/a/track1"),
        ("rtsp://h/a?x=1&y=2/", "trackID=0", "rtsp://h/a?x=1&y=2/trackID=0"),
        ("rtsp://h/a", "rtsp://other/b", "rtsp://other/b"),
        ("rtsp://h/a", "RTSPS://other/b", "RTSPS://other/b"),
        ("rtsp://h/a", "*", "rtsp://h/a"),
        ("rtsp://h/a", "", "rtsp://h/a"),
        ("rtsp://h/a", "track 1", "rtsp://h/a/track%201"),
    ],
)
def test_control_urls(base: str, control: str, expected: str) -> None:
    assert resolve_control(base, control) == expected


def test_base_is_the_first_rtsp_url() -> None:
    assert base_url("rtsp://asked/x", "rtsp://base/x/", "rtsp://location/x") == "rtsp://base/x/"
    assert base_url("rtsp://asked/x", "", "rtsp://location/x") == "rtsp://location/x"
    assert base_url("rtsp://asked/x", "/relative/", "rtsp://[broken/") == "rtsp://asked/x"


def test_h264_parameter_sets_in_order_without_start_codes() -> None:
    track = only_track(
        "m=video 0 RTP/AVP 96\r\na=fmtp:96 packetization-mode=1; sprop-parameter-sets="
        + b64(PPS, b"\0\0\0\1" + SPS, SPS, b"\x06\x05\x01")
        + "\r\na=rtpmap:96 H264/90000\r\n"
    )
    assert track == Track(0, Codec.H264, 96, 90000, parameter_sets=(SPS, PPS))


@pytest.mark.parametrize("broken", ["!!!!", "Z", "Zm9", ",,,", "=", "A" * 9000, "Z2Q*"])
def test_broken_base64_costs_only_itself(broken: str) -> None:
    track = only_track(
        f"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets={broken},{b64(SPS)}\n"
    )
    assert SPS in track.parameter_sets


def test_missing_padding_is_mended() -> None:
    text = b64(SPS).rstrip("=") + "," + b64(PPS) + "=="
    track = only_track(f"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 sprop-parameter-sets={text}\n")
    assert track.parameter_sets == (SPS, PPS)


def test_h265_sets_in_order_vps_sps_pps() -> None:
    vps, sps, pps = (bytes([kind << 1, 1, 2, 3]) for kind in (32, 33, 34))
    track = only_track(
        f"m=video 0 RTP/AVP 98\na=rtpmap:98 HEVC/90000\n"
        f"a=fmtp:98 sprop-pps={b64(pps)};sprop-sps={b64(sps)}; sprop-vps={b64(vps)}\n"
    )
    assert track.codec is Codec.H265 and track.parameter_sets == (vps, sps, pps)


@pytest.mark.parametrize(
    ("sdp", "codec", "rate", "channels"),
    [
        ("m=audio 0 RTP/AVP 0", Codec.PCMU, 8000, 1),
        ("m=audio 0 RTP/AVP 8", Codec.PCMA, 8000, 1),
        ("m=audio 0 RTP/AVP 97\na=rtpmap:97 PCMA/16000/2", Codec.PCMA, 16000, 2),
        ("m=audio 0 RTP/AVP 97\na=rtpmap:97 opus/48000/2", Codec.OTHER, 48000, 2),
        ("m=audio 0 RTP/AVP 97", Codec.OTHER, 8000, 1),
        ("m=video 0 RTP/AVP 26", Codec.OTHER, 90000, 0),
        ("m=video 0 RTP/AVP 96\na=rtpmap:96 JPEG", Codec.OTHER, 90000, 0),
        ("m=video 0 RTP/AVP 96\na=fmtp:96 packetization-mode=1", Codec.H264, 90000, 0),
        ("m=video 0 RTP/AVP 96\na=fmtp:96 sprop-vps=QAEM", Codec.H265, 90000, 0),
        ("m=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000", Codec.ONVIF, 90000, 0),
        ("m=video 0 RTP/AVP 95 96\na=rtpmap:95 rtx/90000\na=rtpmap:96 H264/90000", Codec.H264, 90000, 0),
    ],
)
def test_codecs(sdp: str, codec: Codec, rate: int, channels: int) -> None:
    track = only_track(sdp)
    assert (track.codec, track.clock_rate, track.audio_channels) == (codec, rate, channels)


@pytest.mark.parametrize(
    ("fmtp", "config"),
    [
        ("config=1408", "1408"),
        ("config=140856e500", "140856e500"),
        ("config=", "1408"),
        ("config=xyz", "1408"),
        ("mode=AAC-hbr", "1408"),
    ],
)
def test_aac(fmtp: str, config: str) -> None:
    track = only_track(
        f"m=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/16000/1\na=fmtp:97 {fmtp}; SizeLength=16; IndexLength=0\n"
    )
    assert track.config == bytes.fromhex(config)
    assert (track.aac_size_length, track.aac_index_length, track.aac_index_delta_length) == (16, 0, 3)


def test_fmtp_with_the_wrong_number_is_taken_when_there_is_one_type() -> None:
    text = f"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:97 sprop-parameter-sets={b64(SPS)}\n"
    assert only_track(text).parameter_sets == (SPS,)
    assert only_track(text.replace("AVP 96", "AVP 96 97")).parameter_sets == ()


def test_back_channels_and_inactive_sections_are_marked() -> None:
    description = parse_sdp(
        b"m=audio 0 RTP/AVP 0\na=sendonly\nm=video 0 RTP/AVP 26\na=sendonly\nm=video 0 RTP/AVP 26\na=inactive\n",
        "rtsp://h",
    )
    assert [section.sends for section in description.sections] == [False, True, False]
    assert [section.track.channel for section in description.sections] == [0, 2, 4]


def test_nonsense_gives_nothing_and_bounds_hold() -> None:
    for data in (b"", b"\xff\xfe\0", b"m=", b"m=video", b"m=video 0 RTP/AVP x", b"a=control:x"):
        assert parse_sdp(data, "rtsp://h/").sections == ()
    many = parse_sdp(b"m=video 0 RTP/AVP 96\n" * 100, "rtsp://h/")
    assert len(many.sections) == MAX_SECTIONS
