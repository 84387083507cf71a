"""What each make sends leads to the same thing: a playing session. Files: camera_replies/."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from camera_replay import EARLY_FRAME, ReplayCamera, load

from khue.camera.session import open_session
from khue.model.camera import Transport
from khue.model.media import Codec


class Case(NamedTuple):
    """``tracks`` are (channel, codec, payload type); ``sets`` the number of parameter sets of the video track."""

    name: str
    tracks: list[tuple[int, Codec, int]]
    setups: list[str]
    play: str
    sets: int
    keepalive_every_s: float = 24.0
    keepalive: str = "GET_PARAMETER"
    transport: Transport = Transport.TCP
    path: str = "/"
    authorization: str = "Digest "


H264, H265, AAC, PCMA, PCMU, ONVIF = Codec.H264, Codec.H265, Codec.AAC, Codec.PCMA, Codec.PCMU, Codec.ONVIF
HIK = "rtsp://192.168.1.64:554/Streaming/Channels/101/"
DAHUA = "rtsp://192.168.1.108:554/cam/realmonitor?channel=1&subtype=0/"
HANWHA = "rtsp://192.168.1.100:554/profile2/media.smp"
AXIS = "rtsp://192.168.0.90/axis-media/media.amp"

CASES = [
    Case("hikvision", [(0, H264, 96), (2, PCMA, 8)], [HIK + "trackID=1", HIK + "trackID=2"], HIK, 2),
    Case(
        "dahua",
        [(0, H265, 98), (2, AAC, 97), (4, ONVIF, 107)],
        [DAHUA + "trackID=0", DAHUA + "trackID=1", DAHUA + "trackID=4"],
        DAHUA,
        3,
    ),
    Case(
        "uniview",
        [(0, H264, 105), (2, ONVIF, 107)],
        [f"rtsp://192.168.1.13/media/video1/{name}" for name in ("video", "audio1", "metadata")],
        "rtsp://192.168.1.13/media/video1/",
        2,
        authorization="SHA-256",
    ),
    Case(
        "axis",
        [(0, H264, 96), (2, ONVIF, 98)],
        [AXIS + "/stream=0?event=on", AXIS + "/stream=1?event=on"],
        AXIS + "?event=on",
        2,
    ),
    Case(
        "hanwha",
        [(0, H264, 97), (2, PCMU, 0), (4, ONVIF, 98)],
        [HANWHA + "/trackID=v", HANWHA + "/trackID=a", HANWHA + "/trackID=m"],
        HANWHA,
        2,
    ),
    Case("bosch", [(0, H265, 35)], ["rtsp://192.168.0.1/?inst=1/trackID=1"], "rtsp://192.168.0.1/?inst=1", 0),
    Case(
        "tplink",
        [(0, H264, 96), (2, PCMA, 8)],
        ["rtsp://192.168.1.60:554/stream1/track1", "rtsp://192.168.1.60:554/stream1/track2"],
        "rtsp://192.168.1.60:554/stream1",
        2,
    ),
    Case(
        "reolink",
        [(0, H265, 96), (2, AAC, 97)],
        ["rtsp://192.168.1.23/Preview_01_main/track1", "rtsp://192.168.1.23/Preview_01_main/track2"],
        "rtsp://192.168.1.23/Preview_01_main/",
        3,
        keepalive_every_s=26.0,
    ),
    Case(
        "xiongmai",
        [(0, H264, 96), (2, PCMA, 8)],
        ["@/user=admin&password=s3cret%20pass&channel=1&stream=0.sdp?/trackID=3",
         "@/user=admin&password=s3cret%20pass&channel=1&stream=0.sdp?/trackID=4"],
        "@/user=admin&password=s3cret%20pass&channel=1&stream=0.sdp?",
        1,
        path="/user={user}&password={pw}&channel=1&stream=0.sdp?",
        authorization="",
    ),
    Case(
        "vivotek",
        [(4, H264, 98), (6, AAC, 97)],
        ["rtsp://192.168.1.20:554/live.sdp/trackID=8", "rtsp://192.168.1.20:554/live.sdp/trackID=2"],
        "rtsp://192.168.1.20:554/live.sdp/",
        2,
        keepalive_every_s=32.0,
        authorization="Basic ",
    ),
    Case(
        "gwell",
        [(0, H264, 96)],
        ["@/onvif1/track1", "@/onvif1/track1", "@/onvif1/track2"],
        "@/onvif1/",
        2,
        transport=Transport.UDP,
        path="/onvif1",
        authorization="",
    ),
    Case(
        "gstreamer",
        [(0, H264, 96), (2, AAC, 97)],
        ["rtsp://127.0.0.1:8554/live/stream=0", "rtsp://127.0.0.1:8554/live/stream=1"],
        "rtsp://127.0.0.1:8554/live/",
        2,
    ),
    Case(
        "sony",
        [(0, H264, 105), (2, PCMU, 0)],
        ["rtsp://192.168.0.100/media/video1/live/video", "rtsp://192.168.0.100/media/video1/live/audio"],
        "rtsp://192.168.0.100/media/video1/live/",
        0,
        authorization="",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_a_make_is_understood(case: Case) -> None:
    async with ReplayCamera(load(case.name)) as camera:
        home = f"rtsp://127.0.0.1:{camera.port}"
        session = await open_session(home + case.path, "admin", "s3cret pass")
        try:
            assert [(track.channel, track.codec, track.payload_type) for track in session.tracks] == case.tracks
            assert len(session.tracks[0].parameter_sets) == case.sets
            assert camera.urls("SETUP") == [url.replace("@", home) for url in case.setups]
            assert camera.urls("PLAY")[-1] == case.play.replace("@", home)
            assert session.transport is case.transport
            assert len(session.udp) == (len(case.tracks) if case.transport is Transport.UDP else 0)
            assert session.keepalive_every_s == pytest.approx(case.keepalive_every_s)
            assert session.keepalive().startswith(f"{case.keepalive} {case.play.replace('@', home)} ".encode())
            assert case.authorization in camera.requests[-1].partition("Authorization:")[2]
            assert "s3cret" not in session.sdp
            assert session.pending == (EARLY_FRAME if case.name == "reolink" else b"")
        finally:
            session.close()


async def test_aac_is_configured_even_where_the_camera_leaves_it_out() -> None:
    async with ReplayCamera(load("vivotek")) as camera:
        session = await open_session(f"rtsp://127.0.0.1:{camera.port}/live.sdp", "admin", "x")
        session.close()
    assert session.tracks[1].config == bytes.fromhex("1588")  # AAC-LC, 8000 Hz, one channel


async def test_keepalive_turns_to_options_when_the_camera_does_not_know_get_parameter() -> None:
    async with ReplayCamera(load("sony")) as camera:
        session = await open_session(f"rtsp://127.0.0.1:{camera.port}/media/video1", "", "")
        session.on_reply(b"RTSP/1.0 405 Method Not Allowed\r\nCSeq: 9\r\n\r\n")
        assert session.keepalive_due
        assert session.keepalive().startswith(b"OPTIONS ")
        assert not session.keepalive_due
        session.close()
