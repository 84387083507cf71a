"""A camera's ONVIF services: clock, identity, profiles, stream and snapshot addresses, PTZ (ONVIF Core, Media, PTZ)."""

from __future__ import annotations

import datetime as dt
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import msgspec

from khue.camera import signs
from khue.camera.soap import Service
from khue.model.address import strip_credentials
from khue.model.errors import CameraError, CameraProtocolError, CameraRefused
from khue.model.time import Clock, SystemClock, to_micros

DEVICE_PATH = "/onvif/device_service"
_NAMESPACES = {
    "http://www.onvif.org/ver10/media/wsdl": "media",
    "http://www.onvif.org/ver20/ptz/wsdl": "ptz",
    "http://www.onvif.org/ver10/recording/wsdl": "recording",
    "http://www.onvif.org/ver10/search/wsdl": "search",
}
_SCHEMA = "{http://www.onvif.org/ver10/schema}"
_MAX_PROFILES = 32
_MAX_INTERFACES = 16
_MAX_USERS = 64


class Identity(msgspec.Struct, frozen=True):
    """GetDeviceInformation."""

    manufacturer: str
    model: str
    firmware: str
    serial: str
    hardware: str


class Profile(msgspec.Struct, frozen=True):
    """A media profile. Sizes in pixels, ``frame_rate`` per second; 0 where the camera does not say.

    ``source`` is the token of the video source: of a recorder, one a channel. ``source_name`` is what it is called.
    """

    token: str
    name: str
    codec: str = ""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    kbps: int = 0
    audio: str = ""
    ptz: bool = False
    source: str = ""
    source_name: str = ""


class User(msgspec.Struct, frozen=True):
    """An account of the camera itself; ``level`` is Administrator, Operator or User."""

    name: str
    level: str


class Preset(msgspec.Struct, frozen=True):
    token: str
    name: str


class OnvifCamera:
    """``async with OnvifCamera(...) as camera``. Every call raises CameraUnreachable, -Refused or -ProtocolError.

    The clock is read first and without a password: WS-Security digests carry a time of day, and a camera whose clock
    is wrong would refuse the right password. All calls go to the host and port given here, whatever addresses the
    camera names: behind NAT those are of no use, and the password stays with this host.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str = "",
        password: str = "",
        *,
        path: str = DEVICE_PATH,
        tls: bool = False,
        tls_verify: bool = False,
        timeout_s: float = 5.0,
        clock: Clock | None = None,
    ) -> None:
        self._host = host
        self._username = username
        self._password = password
        self._authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._scheme = "https" if tls else "http"
        self._path = path if path.startswith("/") else DEVICE_PATH
        self._tls_verify = tls_verify
        self._timeout_s = timeout_s
        self._clock = clock or SystemClock()
        self._paths: dict[str, str] = {}
        self._services: dict[str, Service] = {}
        self.clock_offset_s: float | None = None  # the camera's clock minus ours; None when it has none

    @property
    def device_url(self) -> str:
        """The address of its device service."""
        return f"{self._scheme}://{self._authority}{self._path}"

    def __repr__(self) -> str:
        return f"OnvifCamera({self._authority})"

    async def __aenter__(self) -> Self:
        try:
            await self._read_clock()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        while self._services:
            _, service = self._services.popitem()
            await service.close()

    async def identity(self) -> Identity:
        """Who made it and what it is."""
        answer = await (await self._service("devicemgmt")).call("GetDeviceInformation")
        return Identity(
            manufacturer=_text(answer, "Manufacturer"),
            model=_text(answer, "Model"),
            firmware=_text(answer, "FirmwareVersion"),
            serial=_text(answer, "SerialNumber"),
            hardware=_text(answer, "HardwareId"),
        )

    async def mac(self) -> str:
        """The hardware address of its first network interface; empty when it names none."""
        answer = await (await self._service("devicemgmt")).call("GetNetworkInterfaces")
        found = answer if isinstance(answer, list) else []
        addresses = (signs.mac(_text(getattr(item, "Info", None), "HwAddress")) for item in found[:_MAX_INTERFACES])
        return next((address for address in addresses if address), "")

    async def users(self) -> tuple[User, ...]:
        """Its accounts; a camera shows them to its administrator."""
        answer = await (await self._service("devicemgmt")).call("GetUsers")
        found = answer if isinstance(answer, list) else []
        return tuple(User(_text(item, "Username"), _text(item, "UserLevel")) for item in found[:_MAX_USERS])

    async def set_password(self, user: User, password: str) -> None:
        """SetUser (Core §8.4.6): another password, the same rights. Only a new sign-in shows whether it took."""
        given = {"Username": user.name, "Password": password, "UserLevel": user.level}
        await (await self._service("devicemgmt")).call("SetUser", {"User": [given]})

    async def profiles(self, most: int = _MAX_PROFILES) -> tuple[Profile, ...]:
        """Media profiles in the camera's order; the first is mostly the main stream."""
        answer = await (await self._service("media")).call("GetProfiles")
        found = answer if isinstance(answer, list) else []
        return tuple(_profile(item) for item in found[:most] if _text(item, "token"))

    async def stream_url(self, token: str) -> str:
        """The RTSP address of a profile, without credentials, at the host that was asked."""
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        service = await self._service("media")
        return self._uri(await service.call("GetStreamUri", {"StreamSetup": setup, "ProfileToken": token}))

    async def snapshot_url(self, token: str) -> str:
        """The HTTP address of a JPEG of a profile, without credentials."""
        return self._uri(await (await self._service("media")).call("GetSnapshotUri", {"ProfileToken": token}))

    async def ptz_move(self, token: str, pan: float, tilt: float, zoom: float, *, stop_after_s: float = 1.0) -> None:
        """Move at a speed of -1 to 1 on each axis; the camera stops by itself when nobody tells it again."""
        await self._ptz(
            "ContinuousMove",
            ProfileToken=token,
            Velocity=_vector(pan, tilt, zoom),
            Timeout=dt.timedelta(seconds=stop_after_s),
        )

    async def ptz_to(self, token: str, pan: float, tilt: float, zoom: float) -> None:
        """Move to a position: pan and tilt -1 to 1, zoom 0 to 1 (the generic spaces of ONVIF PTZ §5.8)."""
        await self._ptz("AbsoluteMove", ProfileToken=token, Position=_vector(pan, tilt, max(zoom, 0.0)))

    async def ptz_stop(self, token: str) -> None:
        await self._ptz("Stop", ProfileToken=token, PanTilt=True, Zoom=True)

    async def presets(self, token: str) -> tuple[Preset, ...]:
        answer = await self._ptz("GetPresets", ProfileToken=token)
        found = answer if isinstance(answer, list) else []
        return tuple(Preset(_text(item, "token"), _text(item, "Name")) for item in found[:300] if _text(item, "token"))

    async def go_to_preset(self, token: str, preset: str) -> None:
        await self._ptz("GotoPreset", ProfileToken=token, PresetToken=preset)

    async def set_preset(self, token: str, name: str) -> str:
        """Keep the present position under a name; the new preset's token."""
        answer = await self._ptz("SetPreset", ProfileToken=token, PresetName=name)
        return answer if isinstance(answer, str) else ""

    async def _ptz(self, operation: str, **parameters: Any) -> Any:
        return await (await self._service("ptz")).call(operation, parameters)

    async def _read_clock(self) -> None:
        service = await self._service("devicemgmt")
        asked = self._clock.now()
        try:
            answer = await service.call("GetSystemDateAndTime", anonymous=True)
        except CameraRefused:  # against the standard, some want the password for this too
            answer = await service.call("GetSystemDateAndTime")
        middle = (asked + self._clock.now()) // 2
        if (camera := _moment(answer)) is None:
            return
        self.clock_offset_s = (to_micros(camera) - middle) / 1e6
        await self.close()  # services made from now on sign with the camera's time

    async def _service(self, name: str) -> Service:
        if name not in self._services:
            path = self._path if name == "devicemgmt" else await self._service_path(name)
            self._services[name] = await Service.open(
                name,
                f"{self._scheme}://{self._authority}{path}",
                self._username,
                self._password,
                where=self._authority,
                timeout_s=self._timeout_s,
                clock_offset=dt.timedelta(seconds=self.clock_offset_s or 0.0),
                tls_verify=self._tls_verify,
            )
        return self._services[name]

    async def _service_path(self, name: str) -> str:
        if not self._paths:
            device = await self._service("devicemgmt")
            try:
                self._paths = _paths(await device.call("GetServices", {"IncludeCapability": False}))
            except CameraError:  # from before ONVIF 2.1
                self._paths = _paths_of_capabilities(await device.call("GetCapabilities", {"Category": "All"}))
        if name not in self._paths:
            raise CameraRefused(f"{self._authority}: the camera has no ONVIF {name} service")
        return self._paths[name]

    def _uri(self, answer: Any) -> str:
        """A URL the camera gave: at our host, its own port and path, no credentials."""
        url = strip_credentials(_text(answer, "Uri"))[0]
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if not parts.scheme or not parts.hostname:
            raise CameraProtocolError(f"{self._authority}: the camera gave an address that is none")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return urlunsplit(parts._replace(netloc=f"{host}:{port}" if port else host))


def _paths(services: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for service in services if isinstance(services, list) else []:
        name = _NAMESPACES.get(_text(service, "Namespace"))
        if name and (path := _path(_text(service, "XAddr"))):
            found[name] = path
    return found


def _paths_of_capabilities(capabilities: Any) -> dict[str, str]:
    found = {
        name: _path(_text(getattr(capabilities, key, None), "XAddr"))
        for key, name in (("Media", "media"), ("PTZ", "ptz"))
    }
    # The schema lets anything stand first in the extension, so the library leaves its elements unread.
    unread = getattr(getattr(capabilities, "Extension", None), "_value_1", None)
    for element in unread[:100] if isinstance(unread, list) else []:
        for key, name in (("Recording", "recording"), ("Search", "search")):
            if getattr(element, "tag", "") == f"{_SCHEMA}{key}":
                found[name] = _path(str(element.findtext(f"{_SCHEMA}XAddr") or ""))
    return {name: path for name, path in found.items() if path}


def _path(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    # Without the leading slash it would change the host that it is appended to.
    return urlunsplit(("", "", parts.path, parts.query, "")) if parts.path.startswith("/") else ""


def _profile(item: Any) -> Profile:
    video = getattr(item, "VideoEncoderConfiguration", None)
    audio = getattr(item, "AudioEncoderConfiguration", None)
    size = getattr(video, "Resolution", None)
    rate = getattr(video, "RateControl", None)
    return Profile(
        token=_text(item, "token"),
        name=_text(item, "Name"),
        codec=_text(video, "Encoding").lower(),
        width=_count(size, "Width"),
        height=_count(size, "Height"),
        frame_rate=float(_count(rate, "FrameRateLimit")),
        kbps=_count(rate, "BitrateLimit"),
        audio=_text(audio, "Encoding").lower(),
        ptz=getattr(item, "PTZConfiguration", None) is not None,
        source=_text(getattr(item, "VideoSourceConfiguration", None), "SourceToken"),
        source_name=_text(getattr(item, "VideoSourceConfiguration", None), "Name"),
    )


def _vector(pan: float, tilt: float, zoom: float) -> dict[str, dict[str, float]]:
    pan, tilt, zoom = (max(-1.0, min(1.0, axis)) for axis in (pan, tilt, zoom))
    return {"PanTilt": {"x": pan, "y": tilt}, "Zoom": {"x": zoom}}


def _moment(answer: Any) -> dt.datetime | None:
    """A camera's date and time; None when it was never set (month 0 and the like)."""
    try:
        date, time = answer.UTCDateTime.Date, answer.UTCDateTime.Time
        second = min(time.Second, 59)  # a leap second
        return dt.datetime(date.Year, date.Month, date.Day, time.Hour, time.Minute, second, tzinfo=dt.UTC)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None


def _text(value: Any, name: str) -> str:
    found = getattr(value, name, None)
    return found.strip()[:1000] if isinstance(found, str) else ""


def _count(value: Any, name: str) -> int:
    found = getattr(value, name, None)
    return int(found) if isinstance(found, int | float) and 0 <= found < 1_000_000 else 0
