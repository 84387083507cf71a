"""How a session opens, is refused, and stays alive; against cameras scripted for one habit each."""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
from collections.abc import Sequence

import pytest
from camera_replay import EARLY_FRAME, ReplayCamera, Reply, parse

from khue.camera.control import PasswordRefused
from khue.camera.session import PlayingSession, open_session
from khue.model.camera import Transport
from khue.model.coverage import GapCause
from khue.model.errors import CameraError, CameraProtocolError, CameraRefused, CameraUnreachable

OPTIONS = """>>> OPTIONS
RTSP/1.0 200 OK
CSeq: {cseq}
Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER

"""
CHALLENGE = """>>> DESCRIBE
RTSP/1.0 401 Unauthorized
CSeq: {cseq}
WWW-Authenticate: Digest realm="cam", nonce="n1"

"""
VIDEO = """m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=control:track1
"""
AUDIO = """m=audio 0 RTP/AVP 8
a=control:track2
"""
DESCRIBE = """>>> DESCRIBE
RTSP/1.0 200 OK
CSeq: {cseq}
Content-Type: application/sdp
Content-Length: {length}

v=0
"""
SETUP = """>>> SETUP
RTSP/1.0 200 OK
CSeq: {cseq}
Session: abc;timeout=60
Transport: RTP/AVP/TCP;unicast;interleaved=0-1

"""
PLAY = """>>> PLAY
RTSP/1.0 200 OK
CSeq: {cseq}

"""
PLAYABLE = OPTIONS + DESCRIBE + VIDEO + SETUP + PLAY


def status(method: str, line: str, *headers: str) -> str:
    return f">>> {method}\nRTSP/1.0 {line}\nCSeq: {{cseq}}\n" + "".join(f"{header}\n" for header in headers) + "\n"


async def opened(
    script: str | Sequence[Reply], username: str = "admin", password: str = "right", **options: object
) -> tuple[PlayingSession, ReplayCamera]:
    replies = parse(script) if isinstance(script, str) else script
    async with ReplayCamera(replies) as camera:
        session = await open_session(f"rtsp://127.0.0.1:{camera.port}/live", username, password, **options)
        session.close()
        return session, camera


async def refused(script: str, **options: object) -> tuple[CameraError, ReplayCamera]:
    async with ReplayCamera(parse(script)) as camera:
        options = {"username": "admin", "password": "right", **options}
        with pytest.raises(CameraError) as caught:
            await open_session(f"rtsp://127.0.0.1:{camera.port}/live", **options)
        await asyncio.sleep(0)
        return caught.value, camera


async def test_a_plain_camera_plays() -> None:
    session, camera = await opened(PLAYABLE)
    assert camera.methods() == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    assert "Session: abc\r\n" in camera.requests[-1]
    assert "PlayingSession(127.0.0.1:" in repr(session)
    assert session.keepalive_every_s < 30


async def test_a_wrong_password_is_tried_once() -> None:
    error, camera = await refused(OPTIONS + CHALLENGE)
    assert isinstance(error, PasswordRefused) and error.cause is GapCause.CAMERA
    assert "401 with digest MD5: password refused; check the user name and password" in str(error)
    assert sum("Authorization: Digest" in request for request in camera.requests) == 1


async def test_no_password_at_all_is_said() -> None:
    error, camera = await refused(OPTIONS + CHALLENGE, username="", password="")
    assert "401 with digest MD5: it asks for a user name and password, and none is set" in str(error)
    assert camera.methods() == ["OPTIONS", "DESCRIBE"]


async def test_unknown_authentication_is_named() -> None:
    error, _ = await refused(OPTIONS + status("DESCRIBE", "401 No", 'WWW-Authenticate: Negotiate abc=="'))
    assert "offers Negotiate where Digest or Basic is expected" in str(error)


async def test_stale_nonce_is_renewed_at_once() -> None:
    stale = status("SETUP", "401 Unauthorized", 'WWW-Authenticate: Digest realm="cam", nonce="n2", stale=TRUE')
    _, camera = await opened(OPTIONS + CHALLENGE + DESCRIBE + VIDEO + stale + SETUP + PLAY)
    nonces = [re.search(r'nonce="(\w+)"', request) for request in camera.requests]
    assert [found.group(1) if found else "" for found in nonces] == ["", "", "n1", "n1", "n2", "n2"]


async def test_a_nonce_that_dies_without_the_stale_flag_is_renewed_once() -> None:
    expired = status("SETUP", "401 Unauthorized", 'WWW-Authenticate: Digest realm="cam", nonce="n2"')
    _, camera = await opened(OPTIONS + CHALLENGE + DESCRIBE + VIDEO + expired + SETUP + PLAY)
    assert camera.methods().count("SETUP") == 2
    error, camera = await refused(OPTIONS + CHALLENGE + DESCRIBE + VIDEO + expired)
    assert isinstance(error, PasswordRefused)
    assert camera.methods().count("SETUP") == 2


async def test_the_strongest_challenge_is_answered() -> None:
    several = status(
        "DESCRIBE",
        "401 Unauthorized",
        'WWW-Authenticate: Basic realm="cam"',
        'WWW-Authenticate: Digest realm="cam", nonce="weak", algorithm=MD5',
        'WWW-Authenticate: Digest realm="cam", nonce="strong", algorithm=SHA-256, qop="auth"',
    )
    _, camera = await opened(OPTIONS + several + DESCRIBE + VIDEO + SETUP + PLAY)
    sent = camera.requests[2].partition("Authorization: ")[2]
    field = dict(re.findall(r'(\w+)="?([^",\s]+)"?', sent))
    assert field["nonce"] == "strong" and field["nc"] == "00000001"

    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    url = camera.urls("DESCRIBE")[0]
    expected = digest(f"{digest('admin:cam:right')}:strong:00000001:{field['cnonce']}:auth:{digest(f'DESCRIBE:{url}')}")
    assert field["response"] == expected
    assert "nc=00000003" in camera.requests[-1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("404 Not Found", "DESCRIBE refused with 404 Not Found; there is no such stream; check the path"),
        ("403 Forbidden", "this user may not watch"),
        ("453 Not Enough Bandwidth", "no bandwidth left for another viewer"),
        ("503 Service Unavailable", "overloaded or has no session left"),
        ("598", "DESCRIBE refused with 598; the camera's log may say why"),
    ],
)
async def test_a_refusal_has_words(line: str, words: str) -> None:
    error, _ = await refused(OPTIONS + status("DESCRIBE", line))
    assert isinstance(error, CameraRefused) and words in str(error) and error.cause is GapCause.CAMERA


async def test_udp_after_tcp_was_refused_and_both_are_told_when_both_fail() -> None:
    unsupported = status("SETUP", "461 Unsupported Transport")
    udp = status(
        "SETUP", "200 OK", "Session: u1", "Transport: RTP/AVP;unicast;client_port={client_port};server_port=7000-7001"
    )
    session, camera = await opened(OPTIONS + DESCRIBE + VIDEO + unsupported + udp + PLAY)
    assert session.transport is Transport.UDP and len(session.udp) == 1
    assert "client_port=" in camera.requests[3]
    error, _ = await refused(OPTIONS + DESCRIBE + VIDEO + unsupported)
    assert "SETUP refused with 461" in str(error) and "before that" in str(error)
    error, _ = await refused(OPTIONS + DESCRIBE + VIDEO + unsupported, transport=Transport.TCP)
    assert "UDP is not tried" in str(error)


async def test_a_session_limit_is_not_taken_for_a_transport_problem() -> None:
    error, camera = await refused(OPTIONS + DESCRIBE + VIDEO + status("SETUP", "453 Not Enough Bandwidth"))
    assert camera.methods().count("SETUP") == 1 and "close other viewers" in str(error)


async def test_tcp_answered_as_udp_begins_again_with_udp() -> None:
    wrong = status("SETUP", "200 OK", "Session: u1", "Transport: RTP/AVP;unicast;client_port=1-2;server_port=3-4")
    right = status("SETUP", "200 OK", "Session: u2", "Transport: RTP/AVP;unicast;server_port=7000-7001")
    session, camera = await opened(OPTIONS + DESCRIBE + VIDEO + wrong + right + PLAY)
    assert session.transport is Transport.UDP and camera.connections == 2
    assert "TEARDOWN" in camera.methods()


async def test_refused_sound_keeps_the_picture() -> None:
    session, _ = await opened(OPTIONS + DESCRIBE + VIDEO + AUDIO + SETUP + status("SETUP", "400 Bad") + PLAY)
    assert [track.codec for track in session.tracks] == ["h264"]


async def test_sound_that_breaks_the_connection_is_left_out_the_second_time() -> None:
    goodbye = ">>> SETUP\nHTTP/1.1 400 Bad\n\n"
    session, camera = await opened(OPTIONS + DESCRIBE + VIDEO + AUDIO + SETUP + goodbye + SETUP + PLAY)
    assert [track.codec for track in session.tracks] == ["h264"]
    assert camera.connections == 2 and camera.urls("SETUP")[-1].endswith("/track1")


async def test_two_tracks_on_one_channel_leave_the_picture_alone_on_it() -> None:
    session, camera = await opened(OPTIONS + DESCRIBE + VIDEO + AUDIO + SETUP + PLAY)
    assert len(session.tracks) == 1 and camera.connections == 2


async def test_play_is_tried_with_a_slash_and_without_a_range() -> None:
    _, camera = await opened(OPTIONS + DESCRIBE + VIDEO + SETUP + status("PLAY", "400 Bad Request") * 2 + PLAY)
    urls = camera.urls("PLAY")
    assert urls[1] == urls[0] + "/" and urls[2] == urls[0]
    assert "Range:" not in camera.requests[-1]


async def test_a_refused_play_ends_the_session_at_the_camera() -> None:
    error, camera = await refused(OPTIONS + DESCRIBE + VIDEO + SETUP + status("PLAY", "503 Busy"))
    assert "PLAY refused with 503 Busy" in str(error)
    for _ in range(100):
        if "TEARDOWN" in camera.methods():
            break
        await asyncio.sleep(0.02)
    assert camera.methods()[-1] == "TEARDOWN"


async def test_media_before_the_reply_to_play_is_kept_in_order() -> None:
    late = ">>> PLAY\n{early}RTSP/1.0 200 OK\nCSeq: {cseq}\n\n"
    session, _ = await opened(OPTIONS + DESCRIBE + VIDEO + SETUP + late)
    assert session.pending == EARLY_FRAME


async def test_a_late_reply_and_a_camera_s_own_request_are_passed_over() -> None:
    replies = parse(PLAYABLE)
    describe = next(reply for reply in replies if reply.method == "DESCRIBE")
    describe.head = (
        "RTSP/1.0 100 Continue\nCSeq: {cseq}\n\nRTSP/1.0 404 Late\nCSeq: 1\n\n"
        "OPTIONS * RTSP/1.0\nCSeq: 7\n\n" + describe.head
    )
    session, _ = await opened(replies)
    assert len(session.tracks) == 1


async def test_redirects_are_followed_but_not_for_ever() -> None:
    moved = status("DESCRIBE", "302 Moved", "Location: /other")
    session, camera = await opened(OPTIONS + moved + DESCRIBE + VIDEO + SETUP + PLAY)
    assert camera.urls("DESCRIBE")[-1].endswith("/other") and len(session.tracks) == 1
    error, camera = await refused(OPTIONS + moved)
    assert "more than 3 redirects" in str(error) and camera.connections == 4
    error, _ = await refused(OPTIONS + status("DESCRIBE", "302 Moved"))
    assert "without saying where" in str(error)


async def test_a_password_stays_with_the_host_it_was_given_for() -> None:
    async with ReplayCamera(parse(OPTIONS + CHALLENGE)) as other:
        elsewhere = f"rtsp://localhost:{other.port}/x"
        moved = status("DESCRIBE", "305 Use Proxy", f"Location: {elsewhere}")
        error, camera = await refused(OPTIONS + moved)
        assert isinstance(error, PasswordRefused)
        assert "redirected here by 127.0.0.1; the password is only given to 127.0.0.1" in str(error)
        assert not any("Authorization" in request for request in [*camera.requests, *other.requests])


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (">>> OPTIONS\nHTTP/1.1 400 Bad Request\n\n", "it answered HTTP, not RTSP: this is a web port"),
        (">>> OPTIONS\n\x15\x03\x01\x00\x02\n\n", "speaks TLS on this port; use rtsps://"),
        (">>> OPTIONS\nSSH-2.0-dropbear\n\n", "no RTSP message"),
        (">>> OPTIONS\nRTSP/1.0 200 OK\nCSeq: 1\nContent-Length: 99999999\n\n", "at most"),
        (">>> OPTIONS\nRTSP/1.0 200 OK\nCSeq: 1\nContent-Length: -5\n\n", "Content-Length is not one number"),
        (OPTIONS + status("DESCRIBE", "200 OK"), "holds no media"),
    ],
)
async def test_nonsense_is_a_protocol_error(reply: str, words: str) -> None:
    error, _ = await refused(reply)
    assert isinstance(error, CameraProtocolError) and words in str(error) and error.cause is GapCause.CAMERA


async def test_a_stream_without_video_is_refused_in_words() -> None:
    error, _ = await refused(OPTIONS + DESCRIBE + AUDIO)
    assert "no video (only audio)" in str(error)


async def test_silence_and_a_closed_connection_are_told_apart() -> None:
    error, _ = await refused(">>> NEVER\nx\n\n")
    assert isinstance(error, CameraUnreachable) and "closed the connection before it answered" in str(error)
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        port = listener.getsockname()[1]
        with pytest.raises(CameraUnreachable, match=r"no reply to OPTIONS within 0\.1 s") as caught:
            await open_session(f"rtsp://127.0.0.1:{port}/", "", "", reply_timeout_s=0.1)
        assert caught.value.cause is GapCause.CAMERA
    with pytest.raises(CameraUnreachable, match="connection refused: the device is on the network") as caught:
        await open_session(f"rtsp://127.0.0.1:{port}/", "", "")
    assert caught.value.cause is GapCause.CAMERA


async def test_names_and_addresses_that_lead_nowhere() -> None:
    async def nowhere(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(CameraUnreachable, match="name not found") as caught:
        await open_session("rtsp://camera.invalid/", "", "", resolve=nowhere)
    assert caught.value.cause is GapCause.LINK

    async def never(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
        await asyncio.sleep(3600)
        return []

    with pytest.raises(CameraUnreachable, match=r"no answer within 0\.05 s") as caught:
        await open_session("rtsp://camera.invalid/", "", "", resolve=never, connect_timeout_s=0.05)
    assert caught.value.cause is GapCause.LINK


@pytest.mark.parametrize(
    "url", ["", "camera", "http://h/x", "rtsp://", "rtsp://h:x/", "rtsp://h:99999/", "rtsp://[::1"]
)
async def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(CameraUnreachable, match="no camera address"):
        await open_session(url, "", "")


async def test_line_breaks_cannot_forge_headers() -> None:
    with pytest.raises(CameraRefused, match="line break"):
        await opened(OPTIONS + CHALLENGE, username="admin\r\nX: y")


async def test_cancelling_leaves_no_socket_behind() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        task = asyncio.create_task(open_session(f"rtsp://127.0.0.1:{listener.getsockname()[1]}/", "", ""))
        accepted, _ = await asyncio.to_thread(listener.accept)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with accepted:
            accepted.settimeout(5)
            while accepted.recv(4096):  # ends only because our side was closed
                pass


class TestKeepalive:
    """What comes back among the media."""

    async def _session(self, script: str = OPTIONS + CHALLENGE + DESCRIBE + VIDEO + SETUP + PLAY) -> PlayingSession:
        return (await opened(script))[0]

    async def test_a_stale_nonce_is_answered_soon(self) -> None:
        session = await self._session()
        assert b'nonce="n1"' in session.keepalive()
        session.on_reply(
            b'RTSP/1.0 401 U\r\nCSeq: 9\r\nWWW-Authenticate: Digest realm="cam", nonce="n9", stale=true\r\n\r\n'
        )
        assert session.keepalive_due and b'nonce="n9"' in session.keepalive()
        session.on_reply(b"RTSP/1.0 200 OK\r\nCSeq: 10\r\n\r\n")
        assert not session.keepalive_due

    async def test_a_password_changed_under_way_ends_it(self) -> None:
        session = await self._session()
        unauthorized = b'RTSP/1.0 401 U\r\nCSeq: 9\r\nWWW-Authenticate: Digest realm="cam", nonce="n9"\r\n\r\n'
        session.on_reply(unauthorized)
        with pytest.raises(PasswordRefused):
            session.on_reply(unauthorized)

    async def test_a_forgotten_session_ends_it(self) -> None:
        session = await self._session()
        with pytest.raises(CameraRefused, match="454 Session Not Found; it does not know the session any more"):
            session.on_reply(b"RTSP/1.0 454 Session Not Found\r\n\r\n")
        with pytest.raises(CameraRefused, match="the camera ended the session"):
            session.on_reply(b"TEARDOWN rtsp://x/ RTSP/1.0\r\nCSeq: 3\r\n\r\n")

    async def test_other_statuses_and_nonsense(self) -> None:
        session = await self._session()
        session.on_reply(b"RTSP/1.0 500 Internal\r\nCSeq: 3\r\n\r\n")
        for data in (b"garbage\r\n\r\n", b"RTSP/1.0 200 OK\r\n"):
            with pytest.raises(CameraProtocolError):
                session.on_reply(data)

    async def test_numbers_grow_and_the_session_is_named(self) -> None:
        session = await self._session()
        first, second, last = session.keepalive(), session.keepalive(), session.teardown()
        numbers = [int(re.search(rb"CSeq: (\d+)", request).group(1)) for request in (first, second, last)]  # type: ignore[union-attr]
        assert numbers == list(range(numbers[0], numbers[0] + 3))
        assert b"Session: abc\r\n" in last and last.startswith(b"TEARDOWN ")
