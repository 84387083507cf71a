"""Open a camera's stream, over TCP first, over UDP when TCP is refused; and keep it alive."""

from __future__ import annotations

import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from khue.camera.auth import Authenticator
from khue.camera.control import Control, check_challenge, password_refused, refusal
from khue.camera.handshake import Handshake, Opened, OptionalTrackBroke, Redirected, TcpRefused
from khue.camera.rtsp import parse_message
from khue.camera.stream import Resolver, connect
from khue.camera.udp import UdpPair
from khue.model.address import fill_credentials, redact, strip_credentials
from khue.model.camera import Transport
from khue.model.coverage import GapCause
from khue.model.errors import CameraProtocolError, CameraRefused, CameraUnreachable

__all__ = ["PlayingSession", "Target", "UdpPair", "open_session", "parse_target"]

MAX_REDIRECTS = 3
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}
_NOT_SUPPORTED = frozenset((400, 404, 405, 451, 501, 551))


class Target(NamedTuple):
    """Where to connect. ``url`` has no ``user:password@``; what its path carries stays ``{user}`` and ``{pw}``."""

    url: str
    host: str
    port: int
    tls: bool


class PlayingSession:
    """A stream that plays. The caller reads ``sock`` (or ``udp``), writes ``keepalive()`` to ``sock`` and closes it.

    ``pending`` was received after the reply to PLAY (or before it, by cameras in a hurry): interleaved frames, the
    last one maybe cut. ``keepalive_due`` turns True when the next keep-alive must not wait for its turn.
    """

    def __init__(self, control: Control, opened: Opened) -> None:
        self.sock: socket.socket = control.stream.sock
        self.pending = control.received()
        self.tracks = opened.tracks
        self.transport = opened.transport
        self.udp = opened.udp
        self.keepalive_every_s = opened.timeout_s * 0.4
        self.keepalive_due = False
        self.sdp = opened.sdp
        self._control = control
        self._url = opened.control_url
        self._method = opened.keepalive_method
        self._unauthorized = 0

    def __repr__(self) -> str:
        return f"PlayingSession({self._control.where}, {self.transport}, {len(self.tracks)} tracks)"

    def keepalive(self) -> bytes:
        """The next request that keeps the session alive."""
        self.keepalive_due = False
        return self._control.build(self._method, self._url)

    def on_reply(self, data: bytes) -> None:
        """Take in one whole RTSP message found among the media.

        CameraRefused when the session is over, CameraProtocolError when ``data`` is no RTSP message.
        """
        where = self._control.where
        try:
            parsed = parse_message(data)
        except CameraProtocolError as error:
            raise CameraProtocolError(f"{where}: {redact(str(error))}") from None
        if parsed is None:
            raise CameraProtocolError(f"{where}: an RTSP message of {len(data)} bytes is cut short")
        message = parsed[0]
        if message.method in ("TEARDOWN", "REDIRECT"):
            raise CameraRefused(f"{where}: the camera ended the session ({message.method})")
        if message.status == 401:
            stale = check_challenge(self._control.auth, message, where)
            self._unauthorized += 1
            if self._unauthorized > (3 if stale else 1):
                raise password_refused(self._control.auth, where)
            self.keepalive_due = True
        elif message.status == 454:
            raise refusal(message, self._method, where)
        elif message.status in _NOT_SUPPORTED and self._method == "GET_PARAMETER":
            self._method = "OPTIONS"
            self.keepalive_due = True
        elif message.ok:
            self._unauthorized = 0

    def teardown(self) -> bytes:
        """The request that ends the session: cameras have few sessions and free forgotten ones late."""
        return self._control.build("TEARDOWN", self._url)

    def close(self) -> None:
        """Close every socket."""
        self._control.stream.close()
        for pair in self.udp:
            pair.close()


def parse_target(url: str) -> Target:
    """CameraUnreachable when ``url`` is not ``rtsp://`` or ``rtsps://`` with a host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in _DEFAULT_PORTS or not host or port == 0:
        raise CameraUnreachable(
            "this is no camera address; write rtsp://host[:port]/path, or rtsps:// for TLS",  # it may hold a password
            cause=GapCause.CAMERA,
        )
    return Target(url, host, port or _DEFAULT_PORTS[parts.scheme], parts.scheme == "rtsps")


async def open_session(
    url: str,
    username: str,
    password: str,
    *,
    transport: Transport = Transport.AUTO,
    connect_timeout_s: float = 5.0,
    reply_timeout_s: float = 5.0,
    tls_verify: bool = False,
    resolve: Resolver | None = None,
) -> PlayingSession:
    """A playing session. Credentials inside ``url`` count when ``username`` and ``password`` are empty.

    CameraUnreachable, CameraRefused or CameraProtocolError, each with ``cause`` and a remedy, never with a credential.
    """
    url, url_username, url_password = strip_credentials(url)
    if not username and not password:
        username, password = url_username, url_password
    tries = _Tries(parse_target(url), username, password, transport)
    while True:
        target = tries.target
        stream = await connect(
            target.host,
            target.port,
            tls=target.tls,
            tls_verify=tls_verify,
            timeout_s=connect_timeout_s,
            resolve=resolve,
        )
        control = Control(stream, tries.authenticator(), reply_timeout_s)
        handshake = Handshake(control, tries.wire_url(), tries.transport, video_only=tries.video_only)
        try:
            return PlayingSession(control, await handshake.run())
        except Redirected as moved:
            tries.follow(moved.location, stream.where)
        except TcpRefused:
            tries.transport = Transport.UDP
        except OptionalTrackBroke:
            tries.video_only = True
        except CameraRefused as error:
            raise tries.explain(error) from None


class _Tries:
    """What the tries so far taught, so that the next one differs from them; and that bounds their number.

    A camera may send us anywhere; the password goes to the registered host only, and never from TLS to clear.
    """

    def __init__(self, home: Target, username: str, password: str, transport: Transport) -> None:
        self.target = home
        self.transport = transport
        self.video_only = False
        self._home = home
        self._username = username
        self._password = password
        self._redirects = 0

    @property
    def _trusted(self) -> bool:
        return self.target.host == self._home.host and self.target.tls >= self._home.tls

    def authenticator(self) -> Authenticator:
        return Authenticator(self._username, self._password) if self._trusted else Authenticator("", "")

    def wire_url(self) -> str:
        if not self._trusted:
            return self.target.url
        return fill_credentials(self.target.url, self._username, self._password)

    def follow(self, location: str, where: str) -> None:
        self._redirects += 1
        if self._redirects > MAX_REDIRECTS:
            raise CameraRefused(f"{where}: more than {MAX_REDIRECTS} redirects in a row; register the last address")
        if location.startswith("/"):
            location = f"{self.target.url.partition('://')[0]}://{where}{location}"
        self.target = parse_target(strip_credentials(location)[0])

    def explain(self, error: CameraRefused) -> CameraRefused:
        if self._trusted:
            return error
        home = self._home.host
        return type(error)(f"{error} (redirected here by {home}; the password is only given to {home})")
