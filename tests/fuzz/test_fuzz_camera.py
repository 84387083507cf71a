"""Every parser of what cameras send, on spoilt and random bytes: a bounded time, the errors promised, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from camera_checks import CHECKS
from camera_seeds import SEEDS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from khue.camera.auth import Authenticator
from khue.camera.control import Control
from khue.camera.handshake import Handshake, OptionalTrackBroke, Redirected, TcpRefused
from khue.camera.session import PlayingSession
from khue.model.camera import Transport
from khue.model.errors import CameraError, CameraUnreachable


def spoilt(good: list[bytes]) -> st.SearchStrategy[bytes]:
    """Good bytes with a stretch cut out, doubled or replaced, up to three times; or anything at all."""

    def spoil(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for start, length, put in changes:
            start %= len(data) + 1
            data = data[:start] + put + data[start + length :]
        return data

    change = st.tuples(st.integers(0, 4096), st.integers(0, 40), st.binary(max_size=20))
    return st.one_of(
        st.builds(spoil, st.sampled_from(good), st.lists(change, min_size=1, max_size=3)), st.binary(max_size=400)
    )


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_parser(name: str) -> None:
    check: Callable[[bytes], None] = CHECKS[name]

    @settings(max_examples=400, deadline=2000, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(spoilt(SEEDS[name]))
    def run(data: bytes) -> None:
        check(data)

    run()
    for data in SEEDS[name]:
        check(data)


HOSTILE = {
    "rtsp": [b"RTSP/1.0 200 OK\r\n" + b" x\r\n" * 90 + b"\r\n", b"\r" * 16000 + b"\n\n", b"A: b\n" * 100_000],
    "sdp": [b"m=video 0 RTP/AVP " + b"96 " * 20_000, b"a=fmtp:96 " + b"x=y;" * 60_000, b"a" * 250_000],
    "interleaved": [b"$" * 200_000, b"RTSP/" * 20_000, b"$\0\0\x08\x80aaaaaaa\x01" * 5_000, b"OPTIONS \n" * 9_000],
    "auth": [b'Digest a="\\' * 1500, b"a=" * 8000, b"a " * 8000, b"Digest " + b'x="' * 5000],
    "urls": [b"user=" * 3000, b"/user=_user=" * 1500, b"rtsp://" * 2000, b"://@" * 4000],
    "discovery": [b"<a>" * 20_000, b'<!DOCTYPE a [<!ENTITY a "b">]><a>&a;</a>'],
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_input_costs_a_bounded_time(name: str) -> None:
    for data in HOSTILE[name]:
        CHECKS[name](data)


class CannedStream:
    """A connection whose camera has said all it will ever say."""

    where = "camera:554"

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks[::-1]

    async def read(self) -> bytes:
        while self._chunks:
            if chunk := self._chunks.pop():
                return chunk
        raise CameraUnreachable("closed")

    async def write(self, data: bytes) -> None:
        assert data.endswith(b"\r\n\r\n")

    def write_now(self, data: bytes) -> None:
        assert data.startswith(b"TEARDOWN ")

    def close(self) -> None:
        self._chunks = []

    @property
    def sock(self) -> None:
        return None


CONVERSATION = (
    b"RTSP/1.0 200 OK\r\nPublic: GET_PARAMETER\r\n\r\n"
    b'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="a", nonce="b"\r\n\r\n'
    b"RTSP/1.0 200 OK\r\nContent-Base: rtsp://c/x/\r\nContent-Length: 66\r\n\r\n"
    b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n      \r\n"
    b"RTSP/1.0 200 OK\r\nSession: 1;timeout=9\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n"
    b"RTSP/1.0 200 OK\r\n\r\n$\0\0\x0c\x80aaaaaaaaaaa"
)


async def open_canned(data: bytes, cut: int) -> PlayingSession | None:
    stream = CannedStream([data[:cut], data[cut:]])
    control = Control(stream, Authenticator("user", "s3cret"), 5.0)  # type: ignore[arg-type]
    try:
        opened = await Handshake(control, "rtsp://c/x", Transport.TCP, video_only=False).run()
    except (Redirected, TcpRefused, OptionalTrackBroke):
        return None
    except CameraError as error:
        assert "s3cret" not in str(error) and str(error)
        return None
    return PlayingSession(control, opened)


async def test_the_canned_conversation_is_good() -> None:
    session = await open_canned(CONVERSATION, 100)
    assert session is not None and session.pending == CONVERSATION[-16:]


@settings(max_examples=600, deadline=2000, database=None)
@given(spoilt([CONVERSATION]), st.integers(0, 700), st.binary(max_size=60))
def test_a_whole_handshake(data: bytes, cut: int, later: bytes) -> None:
    async def run() -> None:
        session = await open_canned(data, cut)
        if session is None:
            return
        assert session.keepalive_every_s > 0 and session.tracks
        try:
            session.on_reply(later)
        except CameraError as error:
            assert str(error)
        session.keepalive()

    asyncio.run(run())
