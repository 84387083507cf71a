"""Ask a camera what it is: its streams over RTSP, the rest over ONVIF. No password is ever guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from khue.camera.catalogue import find
from khue.camera.control import PasswordRefused
from khue.camera.door import find_onvif, ports_of
from khue.camera.jpeg import jpeg_size
from khue.camera.measure import measure
from khue.camera.picture import fetch_picture
from khue.camera.session import open_session
from khue.camera.stream import Stream
from khue.model.address import strip_credentials
from khue.model.camera import StreamName
from khue.model.errors import CameraError, CameraUnreachable
from khue.model.media import Codec
from khue.model.time import Clock, SystemClock
from khue.wire.link import ProbedStream, ProbeReply, ProbeRequest

if TYPE_CHECKING:
    from khue.camera.onvif import OnvifCamera, Profile

SpsSize = Callable[[Codec, bytes], "tuple[int, int] | None"]
"""Width and height in pixels of a sequence parameter set; None when it cannot be read."""

_MEASURE_S = 2.0
_CONNECT_S = 5.0
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
        family=request.family,
        brand=request.brand,
        by_hand=request.by_hand,
    )
    try:
        scheme, host = asked.scheme_and_host()
        if scheme in ("rtsp", "rtsps") and (asked.names_a_stream or not asked.elsewhere()):
            return await _rtsp_first(asked)
        if scheme in ("http", "https", "rtsp", "rtsps") and host:
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
    family: str = ""
    brand: str = ""
    by_hand: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"_Asked({self.url!r})"

    def scheme_and_host(self) -> tuple[str, str]:
        try:
            parts = urlsplit(self.url)
            return parts.scheme, parts.hostname or ""
        except ValueError:
            return "", ""

    @property
    def names_a_stream(self) -> bool:
        parts = urlsplit(self.url)
        return parts.path not in ("", "/") or bool(parts.query)

    def elsewhere(self) -> list[tuple[str, tuple[str, ...]]]:
        """Where its streams may be if ONVIF does not say: the family's template, then what was written down."""
        return [(how, urls) for how, urls in (("template", self._template()), ("given", self.by_hand)) if urls]

    def _template(self) -> tuple[str, ...]:
        entry = find(self.brand, self.family)
        if entry is None:
            return ()
        known = next((url for url in (self.url, *self.by_hand) if url.startswith("rtsp")), "")
        try:
            host, port = urlsplit(self.url).hostname or "", urlsplit(known).port or 0
        except ValueError:
            return ()
        urls = (entry.url(host, stream, port=port) for stream in (StreamName.MAIN, StreamName.SUB))
        return tuple(url for url in urls if url is not None)

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
    reply = msgspec.structs.replace(reply, resolved_by="given")
    if reply.clock_offset_s is None:
        reply = msgspec.structs.replace(reply, clock_offset_s=clock_offset_s)
    return reply


async def _onvif_first(asked: _Asked) -> ProbeReply:
    """ONVIF, then the family's template, then by hand. A refused password ends it: each try brings a lock closer."""
    refused: list[bool] = []
    reply = await _over_onvif(asked, (), refused)
    if reply is not None and (reply.streams or refused):
        return msgspec.structs.replace(reply, resolved_by="onvif" if reply.streams else "")
    failed: CameraError | None = None
    for how, urls in asked.elsewhere():
        try:
            streams, clock_offset_s = await _play_all(asked, urls)
        except CameraError as error:
            failed = error
            if isinstance(error, PasswordRefused):
                break
            continue
        found = reply or ProbeReply(reachable=True)
        if found.clock_offset_s is None:
            found = msgspec.structs.replace(found, clock_offset_s=clock_offset_s)
        return msgspec.structs.replace(found, streams=streams, resolved_by=how, error="", remedy="")
    return _nothing_plays(asked, reply, failed)


def _nothing_plays(asked: _Asked, reply: ProbeReply | None, failed: CameraError | None) -> ProbeReply:
    if failed is not None and not (reply is None and isinstance(failed, CameraUnreachable)):
        said = _failed(failed)
        return msgspec.structs.replace(reply or ProbeReply(), reachable=True, error=said.error, remedy=said.remedy)
    if reply is not None:
        return reply
    if failed is not None:
        raise failed
    ports = ", ".join(map(str, ports_of(asked.url)))
    raise CameraUnreachable(
        f"{asked.scheme_and_host()[1]}: nothing answers ONVIF on port {ports}; check the address and that ONVIF is "
        "switched on, or give the rtsp:// address of the stream"
    )


async def _play_all(asked: _Asked, urls: Sequence[str]) -> tuple[tuple[ProbedStream, ...], float | None]:
    """The first must play; a small stream that does not is left out. Also the clock's offset. Raises CameraError."""
    first, clock_offset_s = await _stream(asked, urls[0])
    streams = [first]
    for url in urls[1:_MAX_STREAMS]:
        try:
            streams.append((await _stream(asked, url))[0])
        except CameraError:
            continue  # many models have no second stream there
    return tuple(streams), clock_offset_s


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


async def _over_onvif(
    asked: _Asked, streams: Sequence[ProbedStream], refused: list[bool] | None = None
) -> ProbeReply | None:
    """The reply with what ONVIF adds; None when nothing answers it. ``streams`` are known already.

    A refused password is noted in ``refused``.
    """
    camera = await find_onvif(
        asked.url, asked.username, asked.password, timeout_s=asked.left(_CONNECT_S), clock=asked.clock
    )
    if camera is None:
        return None
    reply = ProbeReply(reachable=True, onvif=True, clock_offset_s=camera.clock_offset_s, streams=tuple(streams))
    try:
        reply = await _identify(camera, reply)
        profiles = await camera.profiles()
        reply = await _add_streams(asked, camera, profiles, reply)
        return await _add_picture(asked, camera, profiles, reply)
    except CameraError as error:
        if refused is not None and isinstance(error, PasswordRefused):
            refused.append(True)
        failed = _failed(error)
        if streams:  # it works: what ONVIF withholds is a hint, not a failure
            return msgspec.structs.replace(reply, remedy=f"{failed.error}; {failed.remedy}")
        return msgspec.structs.replace(reply, error=failed.error, remedy=failed.remedy)
    finally:
        await camera.close()


async def _identify(camera: OnvifCamera, reply: ProbeReply) -> ProbeReply:
    identity = await camera.identity()
    try:
        mac = await camera.mac()
    except PasswordRefused:
        raise
    except CameraError:
        mac = ""  # some have no such call
    return msgspec.structs.replace(
        reply,
        manufacturer=identity.manufacturer,
        model=identity.model,
        firmware=identity.firmware,
        serial=identity.serial,
        mac=mac,
    )


async def _add_picture(
    asked: _Asked, camera: OnvifCamera, profiles: Sequence[Profile], reply: ProbeReply
) -> ProbeReply:
    """The snapshot's address, and its size as it really comes. Many cameras have none."""
    if not profiles:
        return reply
    try:
        url = await camera.snapshot_url(profiles[0].token)
    except CameraError:
        return reply
    reply = msgspec.structs.replace(reply, snapshot_url=url)
    try:
        picture = await fetch_picture(url, asked.username, asked.password, timeout_s=asked.left(_CONNECT_S))
    except CameraError:
        return reply
    width, height = jpeg_size(picture) or (0, 0)
    return msgspec.structs.replace(
        reply, snapshot_width=width, snapshot_height=height, snapshot_bytes=len(picture) if width else 0
    )


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
        if (at := next((i for i, known in enumerate(streams) if known.url == url), None)) is not None:
            streams[at] = msgspec.structs.replace(streams[at], profile=profile.name, kbps_limit=profile.kbps)
            continue
        stream = _described(profile, url)
        if not failed.error:
            try:
                played, _ = await _stream(asked, url)
            except CameraError as error:
                failed = _failed(error)
            else:
                stream = msgspec.structs.replace(
                    played,
                    width=played.width or stream.width,
                    height=played.height or stream.height,
                    profile=profile.name,
                    kbps_limit=profile.kbps,
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
        profile=profile.name,
        kbps_limit=profile.kbps,
    )


def _failed(error: CameraError) -> ProbeReply:
    what, _, remedy = str(error).partition("; ")
    return ProbeReply(error=what, remedy=remedy)
