"""From a connection to a playing stream: OPTIONS, DESCRIBE, SETUP, PLAY (RFC 2326 §10), with cameras' habits allowed for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from khue.camera.control import Control, refusal
from khue.camera.rtsp import DEFAULT_SESSION_TIMEOUT_S, Message, parse_session
from khue.camera.sdp import Description, Section, base_url, parse_sdp
from khue.camera.transport import offer_tcp, offer_udp, parse_transport
from khue.camera.udp import UdpPair, bind_pair, connect_pair
from khue.model.address import redact
from khue.model.camera import Transport
from khue.model.errors import CameraProtocolError, CameraRefused, CameraUnreachable
from khue.model.media import Codec, Track

REDIRECTS = frozenset((301, 302, 303, 305, 307, 308))
_NOT_ABOUT_TRANSPORT = frozenset((401, 403, 404, 453, 454, 503))
_NOT_ABOUT_URL = frozenset((401, 403, 453, 503))
_RANGE = ("Range", "npt=0.000-")


class Redirected(Exception):
    """The camera sends us elsewhere."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location


class TcpRefused(Exception):
    """The camera took a request for TCP as one for UDP."""


class OptionalTrackBroke(Exception):
    """Sound or metadata cannot be set up without harm to the picture: begin again without them."""


class Opened(msgspec.Struct, frozen=True):
    """What the handshake settled."""

    tracks: tuple[Track, ...]
    transport: Transport
    udp: tuple[UdpPair, ...]
    timeout_s: float
    sdp: str
    control_url: str
    keepalive_method: str


class Handshake:
    """One try over one connection. ``url`` is what goes on the wire."""

    def __init__(self, control: Control, url: str, transport: Transport, *, video_only: bool) -> None:
        self._control = control
        self._url = url
        self._transport = Transport.UDP if transport is Transport.UDP else Transport.TCP
        self._tcp_refusal = ""
        # Over UDP the pictures of an rtsps camera would travel in clear: that takes an explicit wish.
        self._may_fall_back = transport is Transport.AUTO and not url.lower().startswith("rtsps:")
        self._video_only = video_only
        self._keepalive_method = "GET_PARAMETER"
        self._timeout_s = DEFAULT_SESSION_TIMEOUT_S
        self._tracks: list[Track] = []
        self._udp: list[UdpPair] = []
        self._aggregate = url

    async def run(self) -> Opened:
        """Everything up to the reply to PLAY; on any failure the camera is told and the connection closed."""
        try:
            await self._options()
            description, text = await self._describe()
            self._aggregate = description.control
            for section in self._chosen(description):
                await self._setup(section, optional=bool(self._tracks))
            await self._play()
        except CameraRefused as error:
            self._abandon()
            if not self._tcp_refusal:
                raise
            raise type(error)(f"{error} (before that, {self._tcp_refusal})") from None
        except BaseException:
            self._abandon()
            raise
        return Opened(
            tracks=tuple(self._tracks),
            transport=self._transport,
            udp=tuple(self._udp),
            timeout_s=self._timeout_s,
            sdp=text,
            control_url=self._aggregate,
            keepalive_method=self._keepalive_method,
        )

    async def _options(self) -> None:
        """Which keep-alive it knows. A 401 is left alone here: some cameras' nonces serve one request only."""
        reply = await self._control.ask("OPTIONS", self._url)
        public = reply.headers.get("Public")
        if reply.ok and public and "GET_PARAMETER" not in public.upper():
            self._keepalive_method = "OPTIONS"

    async def _describe(self) -> tuple[Description, str]:
        reply = await self._control.request("DESCRIBE", self._url, [("Accept", "application/sdp")])
        self._check(reply, "DESCRIBE")
        headers = reply.headers
        base = base_url(self._url, headers.get("Content-Base"), headers.get("Content-Location"))
        description = parse_sdp(reply.body, base)
        if not description.sections:
            raise CameraProtocolError(
                f"{self._control.where}: its description of the stream holds no media ({len(reply.body)} bytes of SDP); "
                "check the path, and that the stream is switched on in the camera"
            )
        return description, redact(reply.body.decode("utf-8", "replace"))

    def _chosen(self, description: Description) -> list[Section]:
        """One video section, then one of sound and one of metadata."""
        sending = [section for section in description.sections if section.sends]
        videos = [section for section in sending if section.kind == "video"]
        video = _first(section for section in videos if section.track.codec.is_video) or _first(videos)
        if video is None:
            kinds = ", ".join(sorted({redact(section.kind)[:20] for section in description.sections}))
            raise CameraRefused(f"{self._control.where}: the stream has no video (only {kinds}); check the path")
        if self._video_only:
            return [video]
        audio = _first(section for section in sending if section.track.codec.is_audio)
        metadata = _first(section for section in sending if section.track.codec is Codec.ONVIF)
        return [video, *(section for section in (audio, metadata) if section is not None)]

    async def _setup(self, section: Section, *, optional: bool) -> None:
        channel = 2 * len(self._tracks)
        pair = None
        offer = offer_tcp(channel)
        if self._transport is Transport.UDP:
            pair = bind_pair(self._control.stream.sock, channel)
            self._udp.append(pair)
            offer = offer_udp(pair.rtp.getsockname()[1])
        try:
            reply = await self._control.request("SETUP", section.control, [("Transport", offer)])
        except (CameraUnreachable, CameraProtocolError):
            if optional:
                raise OptionalTrackBroke from None
            raise
        if reply.ok:
            self._settle(section.track, channel, reply, pair)
        elif optional:  # a camera that refuses sound keeps its picture
            if pair is not None:
                self._udp.remove(pair)
                pair.close()
        elif pair is None and reply.status not in _NOT_ABOUT_TRANSPORT | REDIRECTS:
            self._give_up_tcp(str(refusal(reply, "SETUP over TCP", self._control.where)))
            await self._setup(section, optional=False)
        else:
            self._check(reply, "SETUP")

    def _give_up_tcp(self, why: str) -> None:
        if not self._may_fall_back:
            raise CameraRefused(f"{why} (UDP is not tried for this camera)")
        self._transport = Transport.UDP
        self._tcp_refusal = why

    def _settle(self, track: Track, channel: int, reply: Message, pair: UdpPair | None) -> None:
        """Hold the camera to what it answered, which may differ from what was asked."""
        where = self._control.where
        if session := reply.headers.get("Session"):
            self._control.session_id, self._timeout_s = parse_session(session)
        answer = parse_transport(reply.headers.get("Transport")) if "Transport" in reply.headers else None
        if pair is None:
            if answer is not None and not answer.tcp:
                self._give_up_tcp(f"{where}: SETUP over TCP was answered with UDP")
                raise TcpRefused  # the camera would send to ports that are not ours: begin again
            if answer is not None and answer.interleaved is not None:
                channel = answer.interleaved[0]
            if any(channel in (other.channel, other.channel + 1) for other in self._tracks):
                raise OptionalTrackBroke
        elif answer is not None and answer.tcp:
            raise CameraRefused(f"{where}: it offers TCP only; set the camera's transport to tcp")
        elif answer is not None:
            connect_pair(pair, self._control.stream.sock, answer)
        self._tracks.append(msgspec.structs.replace(track, channel=channel))

    async def _play(self) -> None:
        """PLAY all tracks. Some cameras want a slash behind the URL, or none, or no Range."""
        slash = self._aggregate.rstrip("/") if self._aggregate.endswith("/") else self._aggregate + "/"
        attempts: Sequence[tuple[str, list[tuple[str, str]]]] = (
            (self._aggregate, [_RANGE]),
            (slash, [_RANGE]),
            (self._aggregate, []),
        )
        first: Message | None = None
        self._control.playing = True
        for url, headers in attempts:
            reply = await self._control.request("PLAY", url, headers)
            if reply.ok:
                self._aggregate = url
                return
            first = first or reply
            if reply.status in _NOT_ABOUT_URL | REDIRECTS:
                break
        assert first is not None  # the loop ran
        self._check(first, "PLAY")

    def _check(self, reply: Message, method: str) -> None:
        if reply.status in REDIRECTS:
            location = reply.headers.get("Location")
            if not location:
                raise CameraProtocolError(f"{self._control.where}: {reply.status} without saying where to go")
            raise Redirected(location)
        if not reply.ok:
            raise refusal(reply, method, self._control.where)

    def _abandon(self) -> None:
        if self._control.session_id:
            self._control.stream.write_now(self._control.build("TEARDOWN", self._aggregate))
        self._control.stream.close()
        for pair in self._udp:
            pair.close()


def _first(sections: Iterable[Section]) -> Section | None:
    return next(iter(sections), None)
