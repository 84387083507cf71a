"""Ask a camera what it is: its streams over RTSP, the rest over ONVIF. No password is ever guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from khue.camera.catalogue import onvif_ports
from khue.camera.control import PasswordRefused
from khue.camera.measure import measure
from khue.camera.session import open_session
from khue.camera.stream import Stream, connect
from khue.model.address import strip_credentials
from khue.model.errors import CameraError, CameraRefused, CameraUnreachable
from khue.model.media import Codec
from khue.model.time import Clock, SystemClock
from khue.wire.link import ProbedStream, ProbeReply, ProbeRequest

if TYPE_CHECKING:
    from khue.camera.onvif import OnvifCamera, Profile

SpsSize = Callable[[Codec, bytes], "tuple[int, int] | None"]
"""Width and height in pixels of a sequence parameter set; None when it cannot be read."""

_MEASURE_S = 2.0
_CONNECT_S = 5.0
_PORT_S = 1.5
_MAX_STREAMS = 4


async def probe(request: ProbeRequest, *, sps_size: SpsSize | None = None, clock: Clock | None = None) -> ProbeReply:
    """What answers at ``request.url``: ``rtsp://``, ``rtsps://``, ``http://``, ``https://`` or a bare host.

    A camera's failure is no exception but ``error`` and ``remedy`` of the reply. Neither they nor any URL in it carry
    a credential.
    """
    url = request.url.strip()
    url, username, password = strip_credentials(url if "://" in url else f"http://{url}")
    clock = clock or SystemClock()
    asked = _Asked(
        url=url,
        username=request.username or username,
        password=request.password or password,
        deadline=clock.monotonic() + request.timeout_s,
        sps_size=sps_size,
        clock=clock,
    )
    try:
        scheme, host = asked.scheme_and_host()
        if scheme in ("rtsp", "rtsps"):
            return await _rtsp_first(asked)
        if scheme in ("http", "https") and host:
            return await _onvif_first(asked)
    except CameraError as error:
        return _failed(error)
    return ProbeReply(error="this is no camera address", remedy="write rtsp://host[:port]/path, http://host or a host")


class _Asked(msgspec.Struct, frozen=True):
    """The request, with its credentials apart and its time limit as an instant."""

    url: str
    username: str
    password: str
    deadline: float
    sps_size: SpsSize | None
    clock: Clock

    def __repr__(self) -> str:
        return f"_Asked({self.url!r})"

    def scheme_and_host(self) -> tuple[str, str]:
        try:
            parts = urlsplit(self.url)
            return parts.scheme, parts.hostname or ""
        except ValueError:
            return "", ""

    def onvif_path(self) -> str:
        """The device service's path, where the address names one and not the camera's web page."""
        path = urlsplit(self.url).path
        return path if self.url.startswith("http") and "onvif" in path.lower() else ""

    def left(self, most: float) -> float:
        """Seconds for the next step: up to the deadline, yet never so few that nothing can answer."""
        return max(0.2, min(most, self.deadline - self.clock.monotonic()))

    @property
    def expired(self) -> bool:
        return self.clock.monotonic() >= self.deadline


async def _rtsp_first(asked: _Asked) -> ProbeReply:
    try:
        stream, clock_offset_s = await _stream(asked, asked.url)
    except CameraUnreachable as error:
        return _failed(error)
    except CameraError as error:
        # The camera is there, and ONVIF may know the right path. A refused password is not tried a second time:
        # that would bring the account closer to its lock.
        if isinstance(error, PasswordRefused):
            asked = msgspec.structs.replace(asked, username="", password="")
        reply = await _over_onvif(asked, ()) or ProbeReply()
        failed = _failed(error)
        return msgspec.structs.replace(reply, reachable=True, error=failed.error, remedy=failed.remedy)
    reply = await _over_onvif(asked, (stream,)) or ProbeReply(reachable=True, streams=(stream,))
    if reply.clock_offset_s is None:
        reply = msgspec.structs.replace(reply, clock_offset_s=clock_offset_s)
    return reply


async def _onvif_first(asked: _Asked) -> ProbeReply:
    reply = await _over_onvif(asked, ())
    if reply is None:
        ports = ", ".join(map(str, _ports(asked)))
        raise CameraUnreachable(
            f"{asked.scheme_and_host()[1]}: nothing answers ONVIF on port {ports}; check the address and that ONVIF is "
            "switched on, or give the rtsp:// address of the stream"
        )
    return reply


async def _stream(asked: _Asked, url: str) -> tuple[ProbedStream, float | None]:
    """Play it for a moment. Also the camera's clock minus ours in seconds, where it sends one."""
    wait = asked.left(_CONNECT_S)
    session = await open_session(url, asked.username, asked.password, connect_timeout_s=wait, reply_timeout_s=wait)
    try:
        meter = await measure(session, asked.left(_MEASURE_S), asked.clock)
        Stream(session.sock, "").write_now(session.teardown())
    finally:
        session.close()
    video = session.tracks[0]
    size = None
    if asked.sps_size is not None and meter.sequence_parameter_set:
        size = asked.sps_size(video.codec, meter.sequence_parameter_set)
    width, height = size or (0, 0)
    stream = ProbedStream(
        url=url,
        codec=video.codec.value,
        width=width,
        height=height,
        frame_rate=meter.frame_rate,
        audio=next((track.codec.value for track in session.tracks if track.codec.is_audio), ""),
        transport=session.transport.value,
        kbps=meter.kbps,
        packets_lost=meter.sequence.lost,
    )
    return stream, meter.clock_offset_s


async def _over_onvif(asked: _Asked, streams: Sequence[ProbedStream]) -> ProbeReply | None:
    """The reply with what ONVIF adds; None when nothing answers it. ``streams`` are known already."""
    camera = await _onvif_camera(asked)
    if camera is None:
        return None
    reply = ProbeReply(reachable=True, onvif=True, clock_offset_s=camera.clock_offset_s, streams=tuple(streams))
    try:
        reply = await _identify(camera, reply)
        profiles = await camera.profiles()
        if profiles:
            reply = msgspec.structs.replace(reply, snapshot_url=await _snapshot_url(camera, profiles[0]))
        return await _add_streams(asked, camera, profiles, reply)
    except CameraError as error:
        failed = _failed(error)
        if streams:  # it works: what ONVIF withholds is a hint, not a failure
            return msgspec.structs.replace(reply, remedy=f"{failed.error}; {failed.remedy}")
        return msgspec.structs.replace(reply, error=failed.error, remedy=failed.remedy)
    finally:
        await camera.close()


async def _identify(camera: OnvifCamera, reply: ProbeReply) -> ProbeReply:
    identity = await camera.identity()
    return msgspec.structs.replace(
        reply,
        manufacturer=identity.manufacturer,
        model=identity.model,
        firmware=identity.firmware,
        serial=identity.serial,
    )


async def _snapshot_url(camera: OnvifCamera, profile: Profile) -> str:
    try:
        return await camera.snapshot_url(profile.token)
    except CameraError:
        return ""  # many cameras have none


async def _add_streams(
    asked: _Asked, camera: OnvifCamera, profiles: Sequence[Profile], reply: ProbeReply
) -> ProbeReply:
    """The streams that the camera names beside those known: played while that works, else as it describes them."""
    streams = list(reply.streams)
    failed = ProbeReply()
    for profile in profiles:
        if len(streams) >= _MAX_STREAMS or asked.expired:
            break
        url = await camera.stream_url(profile.token)
        if any(stream.url == url for stream in streams):
            continue
        stream = _described(profile, url)
        if not failed.error:
            try:
                played, _ = await _stream(asked, url)
            except CameraError as error:
                failed = _failed(error)
            else:
                stream = msgspec.structs.replace(
                    played, width=played.width or stream.width, height=played.height or stream.height
                )
        streams.append(stream)
    reply = msgspec.structs.replace(reply, streams=tuple(streams))
    if any(stream.transport for stream in streams):  # something plays
        return reply
    return msgspec.structs.replace(reply, error=failed.error, remedy=failed.remedy)


def _described(profile: Profile, url: str) -> ProbedStream:
    return ProbedStream(
        url=url,
        codec=profile.codec,
        width=profile.width,
        height=profile.height,
        frame_rate=profile.frame_rate,
        audio=profile.audio,
        kbps=profile.kbps,
    )


async def _onvif_camera(asked: _Asked) -> OnvifCamera | None:
    """The first open port that tells the time over ONVIF."""
    scheme, host = asked.scheme_and_host()
    ports = _ports(asked)
    are_open = await asyncio.gather(*(_is_open(host, port, asked.left(_PORT_S)) for port in ports))
    candidates = [port for port, is_open in zip(ports, are_open, strict=True) if is_open]
    if not candidates:
        return None
    from khue.camera.onvif import OnvifCamera  # costly to import, see khue.camera.soap

    for port in candidates:
        camera = OnvifCamera(
            host,
            port,
            asked.username,
            asked.password,
            path=asked.onvif_path(),
            tls=scheme == "https" or port == 443,
            timeout_s=asked.left(_CONNECT_S),
            clock=asked.clock,
        )
        try:
            return await camera.__aenter__()
        except CameraRefused:
            return camera  # it speaks ONVIF and wants the password even for the time
        except CameraError:
            await camera.close()
    return None


async def _is_open(host: str, port: int, timeout_s: float) -> bool:
    try:
        stream = await connect(host, port, tls=False, tls_verify=False, timeout_s=timeout_s)
    except CameraError:
        return False
    stream.close()
    return True


def _ports(asked: _Asked) -> tuple[int, ...]:
    parts = urlsplit(asked.url)
    if parts.scheme in ("http", "https"):
        try:
            port = parts.port
        except ValueError:
            port = None
        if port:
            return (port,)
        if parts.scheme == "https":
            return (443,)
    return onvif_ports()


def _failed(error: CameraError) -> ProbeReply:
    what, _, remedy = str(error).partition("; ")
    return ProbeReply(error=what, remedy=remedy)
