"""What must hold for any bytes a camera may send. Used with hypothesis (test_fuzz_camera.py) and atheris (targets/).

Each check takes bytes and returns nothing; an exception other than the errors named in it, or a broken assertion, is a bug.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from khue.camera import signs
from khue.camera.auth import Authenticator, parse_challenges
from khue.camera.control import Control
from khue.camera.discovery import parse_answer
from khue.camera.handshake import Handshake, OptionalTrackBroke, Redirected, TcpRefused
from khue.camera.interleaved import Kind, split
from khue.camera.jpeg import jpeg_size
from khue.camera.rtp import SequenceCounter, parse_rtcp, parse_rtp
from khue.camera.rtsp import MAX_BODY, build_request, parse_message, parse_session
from khue.camera.sdp import MAX_SECTIONS, base_url, parse_sdp, resolve_control
from khue.camera.session import PlayingSession, parse_target
from khue.camera.transport import parse_transport
from khue.model.address import redact, strip_credentials
from khue.model.camera import Transport
from khue.model.errors import CameraError, CameraProtocolError, CameraUnreachable


def rtsp(data: bytes) -> None:
    try:
        parsed = parse_message(data)
    except CameraProtocolError:
        return
    if parsed is None:
        return
    message, end = parsed
    assert 0 < end <= len(data)
    assert len(message.body) <= MAX_BODY
    assert bool(message.method) != bool(message.status) or message.status == 0
    assert not any("\n" in value or "\r" in value for value in message.headers.all("WWW-Authenticate"))
    parse_session(message.headers.get("Session"))
    parse_transport(message.headers.get("Transport"))
    base_url("rtsp://h/", message.headers.get("Content-Base"), message.headers.get("Content-Location"))


def sdp(data: bytes) -> None:
    description = parse_sdp(data, "rtsp://camera/live")
    assert len(description.sections) <= MAX_SECTIONS
    for section in description.sections:
        track = section.track
        assert 0 <= track.payload_type < 128 and track.clock_rate > 0
        assert all(len(nal) > 2 for nal in track.parameter_sets)
        assert len(track.config) <= 64
        build_request("SETUP", section.control, 1)  # a control URL cannot forge a header


def interleaved(data: bytes) -> None:
    offset = 0
    for piece in split(data, channels=frozenset((0, 1))):
        assert piece.start == offset < piece.end <= len(data)
        offset = piece.end
        if piece.kind is Kind.FRAME:
            parse_rtp(data, piece.start + 4, piece.end - piece.start - 4)
        elif piece.kind is Kind.MESSAGE:
            assert parse_message(data, piece.start) is not None
    assert len(data) - offset <= 16 * 1024 + MAX_BODY + 65536


def rtp(data: bytes) -> None:
    packet = parse_rtp(data, 0, len(data))
    if packet is not None:
        assert packet.payload_offset >= 12 and packet.payload_offset + packet.payload_length <= len(data)
    for report in parse_rtcp(data, 0, len(data)):
        assert 0 <= report.ssrc < 1 << 32


def sequences(data: bytes) -> None:
    counter = SequenceCounter()
    numbers = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data) - 1, 2)]
    for number in numbers:
        assert -1 <= counter.push(number) < 3000
    assert counter.received + counter.duplicates <= len(numbers)
    assert counter.lost >= 0 and 0 <= counter.extended_highest < 1 << 32


def auth(data: bytes) -> None:
    value = data.decode("utf-8", "replace").replace("\n", " ").replace("\r", " ")
    parse_challenges([value])
    authenticator = Authenticator("user", "s3cret")
    if authenticator.challenge([value, 'Basic realm="x"']) is not None:
        header = authenticator.header("PLAY", "rtsp://h/")
        assert header is not None and "s3cret" not in header
        build_request("PLAY", "rtsp://h/", 1, [("Authorization", header)])


def urls(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    url, username, password = strip_credentials(text)
    assert strip_credentials(url)[1:] == ("", "") or "@" in url
    redact(text)
    resolve_control("rtsp://h/", text)
    try:
        target = parse_target(url)
    except CameraUnreachable as error:
        assert not password or len(password) < 4 or password in url or password not in str(error)
    else:
        assert target.host and 0 < target.port < 65536
    assert isinstance(username, str)


def discovery(data: bytes) -> None:
    try:
        found = parse_answer(data)
    except CameraProtocolError:
        return
    assert all(service.lower().startswith("http") for one in found for service in one.services)


def banners(data: bytes) -> None:
    """All a scan reads of a device that nobody signed in to."""
    signs.http_complete(data)
    text = data.decode("latin-1")
    neighbours = signs.parse_neighbours(text)
    assert all(signs.mac(address) == address for address in neighbours.values())
    signs.identify(text, [text])
    assert signs.mac(text) == "" or len(signs.mac(text)) == 17
    try:
        answer = signs.parse_http(data)
        signs.mac_of_realm(answer.realms[0] if answer.realms else "")
        assert answer.server.isprintable() and len(answer.server) <= 200
        open_answer(answer.body)
    except CameraProtocolError:
        open_answer(data)


def open_answer(data: bytes) -> None:
    try:
        envelope = signs.parse_soap(data)
    except CameraProtocolError:
        return
    device = signs.device_information(envelope)
    assert all(text.isprintable() and len(text) <= 200 for text in (device.manufacturer, device.model, device.serial))
    signs.device_time(envelope)
    assert len(signs.hardware_address(envelope)) in (0, 17)


def jpeg(data: bytes) -> None:
    size = jpeg_size(data)
    assert size is None or (0 < size[0] < 65536 and 0 < size[1] < 65536)


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


async def open_canned(chunks: list[bytes]) -> PlayingSession | None:
    """A handshake with a camera that says this, whatever it is asked; None when it failed as it may."""
    control = Control(CannedStream(chunks), Authenticator("user", "s3cret"), 5.0)  # type: ignore[arg-type]
    try:
        opened = await Handshake(control, "rtsp://c/x", Transport.TCP, video_only=False).run()
    except (Redirected, TcpRefused, OptionalTrackBroke):
        return None
    except CameraError as error:
        assert "s3cret" not in str(error) and str(error)
        return None
    return PlayingSession(control, opened)


def handshake(data: bytes) -> None:
    """The first byte says how the rest is cut in two; the second part comes again as a reply while playing."""
    cut = data[0] * 4 if data else 0
    session = asyncio.run(open_canned([data[:cut], data[cut:]]))
    if session is None:
        return
    assert session.keepalive_every_s > 0 and session.tracks
    try:
        session.on_reply(data[cut:])
    except CameraError as error:
        assert "s3cret" not in str(error)
    assert session.keepalive().endswith(b"\r\n\r\n")


CHECKS: dict[str, Callable[[bytes], None]] = {
    check.__name__: check
    for check in (rtsp, sdp, interleaved, rtp, sequences, auth, urls, discovery, banners, jpeg, handshake)
}
