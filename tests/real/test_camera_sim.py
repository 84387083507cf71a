"""The client against the simulated city: every family, every authentication, every trouble that RTSP knows."""

from __future__ import annotations

import asyncio
import time

import pytest
from camera_peer import receive
from sim_peer import SMALL, SMALLER, running, small_camera

from khue.camera.catalogue import load
from khue.camera.control import PasswordRefused
from khue.camera.session import PlayingSession, open_session
from khue.model.camera import Transport
from khue.model.coverage import GapCause
from khue.model.errors import CameraError, CameraRefused, CameraUnreachable
from khue.model.media import Codec

PASSWORD = "Khue-2026"
AUTHS = ["none", "basic", "digest-md5", "digest-sha256", "digest-md5+sha256", "digest-md5+basic"]


async def keep_alive(session: PlayingSession) -> None:
    """Send what is due and read the answer."""
    session.sock.send(session.keepalive())
    await receive(session, frames=1, replies=1)


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
@pytest.mark.parametrize(("codec", "audio"), [("h264", "pcma"), ("h264", "aac"), ("h265", "pcmu")])
async def test_video_sound_and_metadata(transport: Transport, codec: str, audio: str) -> None:
    main = type(SMALL)(codec=codec, width=320, height=180, fps=25, kbps=400, gop_s=0.2, loop_s=0.8)
    async with running(small_camera(main=main, audio=audio, quirks=("metadata-track",))) as city:
        session = await open_session(city.url("cam"), "admin", PASSWORD, transport=transport)
        try:
            assert [track.codec.value for track in session.tracks] == [codec, audio, "onvif"]
            received = await receive(session, frames=30)
            assert received.garbage == 0
            assert all(counter.lost == 0 for counter in received.sequences.values())
            assert received.packets[session.tracks[1].channel] > 0
        finally:
            session.close()


@pytest.mark.parametrize("auth", AUTHS)
async def test_authentication(auth: str) -> None:
    async with running(small_camera(auth=auth, quirks=("digest-qop", "options-auth"))) as city:
        session = await open_session(city.url("cam"), "admin", PASSWORD)
        await receive(session, frames=3)
        session.close()
        if auth != "none":
            with pytest.raises(PasswordRefused, match="password refused"):
                await open_session(city.url("cam"), "admin", "wrong")


@pytest.mark.parametrize("entry", load(), ids=[entry.brand for entry in load()])
async def test_every_type_by_its_template(entry) -> None:
    camera = small_camera(family=entry.family, brand=entry.brand, quirks=None, sub=SMALLER, audio="pcma")
    async with running(camera) as city:
        port = int(city.url("cam").split("/")[2].split(":")[1])
        for stream in ("main", "sub"):
            url = entry.url("127.0.0.1", stream, port=port) or city.url("cam", stream)
            session = await open_session(url, "admin", PASSWORD)
            assert session.tracks[0].codec is Codec.H264
            session.sock.send(session.keepalive())
            received = await receive(session, frames=3, replies=1)
            if session.keepalive_due:
                session.sock.send(session.keepalive())
                received = await receive(session, frames=3, replies=1)
            assert received.replies[-1].startswith(b"RTSP/1.0 200")
            session.close()


async def test_tls() -> None:
    async with running(small_camera(tls=True)) as city:
        assert city.url("cam").startswith("rtsps://")
        session = await open_session(city.url("cam"), "admin", PASSWORD)
        session.sock.send(session.keepalive())
        received = await receive(session, frames=10, replies=1)
        assert received.garbage == 0
        session.close()
        with pytest.raises(CameraUnreachable, match="certificate is not trusted"):
            await open_session(city.url("cam"), "admin", PASSWORD, tls_verify=True)


async def test_udp_only() -> None:
    async with running(small_camera(transports=("udp",))) as city:
        session = await open_session(city.url("cam"), "admin", PASSWORD)
        assert session.transport is Transport.UDP
        await receive(session, frames=5)
        session.close()
        with pytest.raises(CameraRefused):
            await open_session(city.url("cam"), "admin", PASSWORD, transport=Transport.TCP)


async def test_a_stale_nonce_under_way() -> None:
    async with running(small_camera()) as city:
        session = await open_session(city.url("cam"), "admin", PASSWORD)
        await city.fault("cam", "stale-nonce")
        await keep_alive(session)
        assert session.keepalive_due
        session.sock.send(session.keepalive())
        received = await receive(session, frames=1, replies=1)
        assert received.replies[0].startswith(b"RTSP/1.0 200") and not session.keepalive_due
        session.close()


async def test_a_session_lives_by_its_keepalives() -> None:
    async with running(small_camera(session_timeout_s=2.0)) as city:
        session = await open_session(city.url("cam"), "admin", PASSWORD)
        assert session.keepalive_every_s < 1.0
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            await keep_alive(session)
            await receive(session, frames=10)
        session.close()


async def test_redirects() -> None:
    async with running(small_camera()) as city:
        await city.fault("cam", "redirect")
        session = await open_session(city.url("cam"), "admin", PASSWORD)
        await receive(session, frames=3)
        session.close()


async def test_troubles_have_words_and_causes() -> None:
    async with running(small_camera(), small_camera("full", max_sessions=1)) as city:
        url = city.url("cam")
        await city.fault("cam", "wrong-password")
        with pytest.raises(PasswordRefused, match="401 with digest MD5: password refused") as refused:
            await open_session(url, "admin", PASSWORD)
        assert refused.value.cause is GapCause.CAMERA
        await city.clear("cam")
        await city.fault("cam", "dead")
        with pytest.raises(CameraUnreachable, match="connection refused: the device is on the network") as dead:
            await open_session(url, "admin", PASSWORD)
        assert dead.value.cause is GapCause.CAMERA
        await city.clear("cam")
        session = await open_session(city.url("full"), "admin", PASSWORD)
        with pytest.raises(CameraRefused, match=r"close other viewers"):
            await open_session(city.url("full"), "admin", PASSWORD)
        session.close()


async def test_no_answer_at_all() -> None:
    async with running(small_camera()) as city:
        await city.fault("cam", "unroutable")
        with pytest.raises(CameraUnreachable, match=r"within 0\.3 s"):
            await open_session(city.url("cam"), "admin", PASSWORD, connect_timeout_s=0.3, reply_timeout_s=0.3)


@pytest.mark.parametrize("fault", ["garbage", "half-packets"])
async def test_pictures_go_on_after_nonsense(fault: str) -> None:
    async with running(small_camera()) as city:
        session = await open_session(city.url("cam"), "admin", PASSWORD)
        await city.fault("cam", fault)
        received = await receive(session, frames=40)
        assert fault != "garbage" or received.garbage > 0
        session.close()


async def test_many_at_once() -> None:
    async with running(*(small_camera(f"cam{n}", label="same") for n in range(60))) as city:
        names = [f"cam{n}" for n in range(60)]
        sessions = await asyncio.gather(*(open_session(city.url(name), "admin", PASSWORD) for name in names))
        for session in sessions:
            await receive(session, frames=1)
            session.close()


async def test_errors_name_the_camera_s_address() -> None:
    async with running(small_camera()) as city:
        url = city.url("cam")
        with pytest.raises(CameraError) as caught:
            await open_session(url.rpartition("/")[0] + "/nowhere", "admin", PASSWORD)
        assert url.split("/")[2] in str(caught.value) and "404" in str(caught.value)
