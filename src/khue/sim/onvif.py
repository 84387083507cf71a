"""ONVIF device, media and PTZ services of one simulated camera (Core 23.12, Media 1, PTZ 2), and its snapshot."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from collections.abc import Callable
from xml.sax.saxutils import escape

from khue.model.errors import CameraProtocolError, NotFound
from khue.sim import soap
from khue.sim.camera import SimCamera, SimStream
from khue.sim.http import HttpReply, HttpRequest
from khue.sim.ptz import Dome, Position
from khue.sim.server import CameraServer
from khue.sim.soap import Call, Fault
from khue.sim.users import UserCalls

_XML = "application/soap+xml; charset=utf-8"
_ANONYMOUS = {"GetSystemDateAndTime", "GetServices", "GetCapabilities", "GetHostname"}  # PRE_AUTH, Core §5.9.4
_OPERATIONS = {
    "tds": (
        "GetSystemDateAndTime", "GetDeviceInformation", "GetCapabilities", "GetServices", "GetScopes", "GetHostname",
        "GetNetworkInterfaces",
    ),
    "trt": ("GetProfiles", "GetProfile", "GetVideoSources", "GetStreamUri", "GetSnapshotUri"),
    "tptz": (
        "ContinuousMove", "AbsoluteMove", "Stop", "GetPresets", "SetPreset", "GotoPreset", "GetStatus", "GetNodes",
    ),
}  # fmt: skip
_OPEN = {"GetDeviceInformation", "GetNetworkInterfaces"}  # of a camera that shows itself
_DURATION = re.compile(r"PT(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?$")
_SPACE = "http://www.onvif.org/ver10/tptz"


def scopes(camera: SimCamera) -> list[str]:
    brand = camera.entry.brand.split(" ")[0]
    return [
        "onvif://www.onvif.org/type/video_encoder",
        "onvif://www.onvif.org/Profile/Streaming",
        f"onvif://www.onvif.org/hardware/{brand}-sim",
        f"onvif://www.onvif.org/name/{camera.name}",
    ]


class OnvifDevice:
    """Answers HTTP requests to ``/onvif/*``: GetStreamUri by ``_get_stream_uri`` and so on.

    ``snapshot`` draws a JPEG of a stream.
    """

    def __init__(self, server: CameraServer, snapshot: Callable[[str], bytes]) -> None:
        self._server, self._camera, self._snapshot = server, server.camera, snapshot
        self._dome = Dome()
        self.base = ""  # http://host:port, set once the HTTP port is known
        offered = _OPERATIONS if self._camera.ptz else {p: names for p, names in _OPERATIONS.items() if p != "tptz"}
        self._operations: dict[str, tuple[str, Callable[[Call], str]]] = {
            name: (prefix, getattr(self, re.sub(r"(?=[A-Z])", "_", name).lower()))
            for prefix, names in offered.items()
            for name in names
        }
        # Some makers keep the users of ONVIF apart from those who may watch.
        self.users = server.doorman.users
        if self._camera.set_user == "onvif-only":
            self.users = self.users.copy()
        self._user_calls = UserCalls(self.users, self._camera.set_user)
        self._operations.update({name: ("tds", call) for name, call in self._user_calls.operations().items()})
        self._streams = [(name, stream) for name in ("main", "sub") if (stream := self._camera.stream(name))]

    def now(self) -> dt.datetime:
        """The camera's own clock."""
        offset = self._camera.clock_offset_s + self._server.troubles.number("clock-jump", "seconds")
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=offset)

    async def answer(self, request: HttpRequest) -> HttpReply:
        """One HTTP request. A dead camera hangs up, one out of reach never answers."""
        if "dead" in self._server.troubles:
            raise ConnectionAbortedError
        if "unroutable" in self._server.troubles:
            await asyncio.Event().wait()
        if request.path == "/onvif/snapshot":
            return self._answer_snapshot(request)
        if request.method != "POST" or not request.path.startswith("/onvif/"):
            return HttpReply(404, b"", "text/plain")
        try:
            answer = soap.envelope(self._call(soap.parse(request.body)))
            await self._user_calls.settle()
            return HttpReply(200, answer, _XML)
        except CameraProtocolError as error:
            return HttpReply(400, soap.fault(Fault("ter:WellFormed", str(error))), _XML)
        except Fault as problem:
            return HttpReply(400, soap.fault(problem), _XML)

    def _call(self, call: Call) -> str:
        if call.operation not in (_ANONYMOUS | _OPEN if self._camera.shows_itself else _ANONYMOUS):
            self._authorise(call)
        prefix, handler = self._operations.get(call.operation, ("", None))
        if handler is None:
            raise Fault("ter:ActionNotSupported", f"{call.operation} is not supported", sender=False)
        try:
            content = handler(call)
        except NotFound as error:
            raise Fault("ter:InvalidArgVal", str(error)) from error
        return f"<{prefix}:{call.operation}Response>{content}</{prefix}:{call.operation}Response>"

    def _authorise(self, call: Call) -> None:
        if "wrong-password" in self._server.troubles:
            raise Fault("ter:NotAuthorized", "Sender not Authorized")
        if self._server.doorman.open:
            return
        try:
            soap.authorise(call, self.users.password, self.now())
        except Fault:
            if soap.is_signed(call):
                self.users.note(right=False)
            raise
        self.users.note(right=True)

    def _answer_snapshot(self, request: HttpRequest) -> HttpReply:
        doorman = self._server.doorman
        good, stale = doorman.check(request.method, request.headers.get("authorization", ""))
        if not good or "wrong-password" in self._server.troubles:
            asked = tuple(("WWW-Authenticate", value) for value in doorman.challenges(stale=stale))
            return HttpReply(401, b"", "text/plain", asked)
        stream = request.query.get("stream", "main")
        if stream not in dict(self._streams):
            return HttpReply(404, b"", "text/plain")
        return HttpReply(200, self._snapshot(stream), "image/jpeg")

    # -- device -------------------------------------------------------------------------------------------------------

    def _get_system_date_and_time(self, _: Call) -> str:
        now = self.now()
        clock = (
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
            f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year>"
            f"<tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date>"
        )
        return (
            "<tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false"
            "</tt:DaylightSavings><tt:TimeZone><tt:TZ>ICT-7</tt:TZ></tt:TimeZone>"
            f"<tt:UTCDateTime>{clock}</tt:UTCDateTime></tds:SystemDateAndTime>"
        )

    def _get_device_information(self, _: Call) -> str:
        camera = self._camera
        fields = {
            "Manufacturer": camera.entry.brand,
            "Model": f"{camera.family.upper()}-SIM-{camera.main.height}",
            "FirmwareVersion": "V5.7.3 build 260101",
            "SerialNumber": camera.serial or camera.endpoint.hex[:12].upper(),
            "HardwareId": "1.0",
        }
        return "".join(f"<tds:{name}>{escape(value)}</tds:{name}>" for name, value in fields.items())

    def _services(self) -> dict[str, str]:
        names = {"tds": "device", "trt": "media", **({"tptz": "ptz"} if self._camera.ptz else {})}
        return {prefix: f"{self.base}/onvif/{name}_service" for prefix, name in names.items()}

    def _get_services(self, _: Call) -> str:
        version = "<tds:Version><tt:Major>2</tt:Major><tt:Minor>6</tt:Minor></tds:Version>"
        return "".join(
            f"<tds:Service><tds:Namespace>{soap.NAMESPACES[prefix]}</tds:Namespace>"
            f"<tds:XAddr>{url}</tds:XAddr>{version}</tds:Service>"
            for prefix, url in self._services().items()
        )

    def _get_capabilities(self, _: Call) -> str:
        urls = self._services()
        tcp = str("tcp" in self._camera.transports).lower()
        media = (
            "<tt:RTPMulticast>false</tt:RTPMulticast>"
            f"<tt:RTP_TCP>{tcp}</tt:RTP_TCP><tt:RTP_RTSP_TCP>{tcp}</tt:RTP_RTSP_TCP>"
        )
        ptz = f"<tt:PTZ><tt:XAddr>{urls['tptz']}</tt:XAddr></tt:PTZ>" if "tptz" in urls else ""
        return (
            f"<tds:Capabilities><tt:Device><tt:XAddr>{urls['tds']}</tt:XAddr></tt:Device><tt:Media><tt:XAddr>"
            f"{urls['trt']}</tt:XAddr><tt:StreamingCapabilities>{media}</tt:StreamingCapabilities></tt:Media>{ptz}"
            "</tds:Capabilities>"
        )

    def _get_scopes(self, _: Call) -> str:
        return "".join(
            f"<tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>{escape(scope)}</tt:ScopeItem></tds:Scopes>"
            for scope in scopes(self._camera)
        )

    def _get_network_interfaces(self, _: Call) -> str:
        return (
            '<tds:NetworkInterfaces token="eth0"><tt:Enabled>true</tt:Enabled><tt:Info><tt:Name>eth0</tt:Name>'
            f"<tt:HwAddress>{self._camera.hardware_address}</tt:HwAddress><tt:MTU>1500</tt:MTU></tt:Info>"
            "</tds:NetworkInterfaces>"
        )

    def _get_hostname(self, _: Call) -> str:
        return (
            "<tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP>"
            f"<tt:Name>{escape(self._camera.name)}</tt:Name></tds:HostnameInformation>"
        )

    # -- media --------------------------------------------------------------------------------------------------------

    def _get_profiles(self, _: Call) -> str:
        return "".join(self._profile("Profiles", name, stream) for name, stream in self._streams)

    def _get_profile(self, call: Call) -> str:
        name = self._stream_asked(call)
        return self._profile("Profile", name, dict(self._streams)[name])

    def _profile(self, tag: str, name: str, stream: SimStream) -> str:
        ptz = (
            f'<tt:PTZConfiguration token="ptz"><tt:Name>ptz</tt:Name><tt:UseCount>{len(self._streams)}</tt:UseCount>'
            "<tt:NodeToken>dome</tt:NodeToken></tt:PTZConfiguration>"
            if self._camera.ptz
            else ""
        )
        return (
            f'<trt:{tag} token="{name}" fixed="true"><tt:Name>{name}</tt:Name>'
            '<tt:VideoSourceConfiguration token="source"><tt:Name>source</tt:Name><tt:UseCount>2</tt:UseCount>'
            f'<tt:SourceToken>source</tt:SourceToken><tt:Bounds x="0" y="0" width="{self._camera.main.width}" '
            f'height="{self._camera.main.height}"/></tt:VideoSourceConfiguration>'
            f"{_video_encoder(name, stream)}{_audio_encoder(self._camera.audio)}{ptz}</trt:{tag}>"
        )

    def _get_video_sources(self, _: Call) -> str:
        main = self._camera.main
        return (
            f'<trt:VideoSources token="source"><tt:Framerate>{main.fps:g}</tt:Framerate><tt:Resolution><tt:Width>'
            f"{main.width}</tt:Width><tt:Height>{main.height}</tt:Height></tt:Resolution></trt:VideoSources>"
        )

    def _stream_asked(self, call: Call) -> str:
        token = call.text("ProfileToken")
        if token not in dict(self._streams):
            raise Fault("ter:InvalidArgVal", f"no profile {token}")
        return token

    def _media_uri(self, url: str) -> str:
        return (
            f"<trt:MediaUri><tt:Uri>{escape(url)}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
            "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>"
        )

    def _get_stream_uri(self, call: Call) -> str:
        return self._media_uri(self._server.url(self._stream_asked(call)))

    def _get_snapshot_uri(self, call: Call) -> str:
        return self._media_uri(f"{self.base}/onvif/snapshot?stream={self._stream_asked(call)}")

    # -- PTZ ----------------------------------------------------------------------------------------------------------

    def _continuous_move(self, call: Call) -> str:
        self._stream_asked(call)
        velocity = _vector(call, "Velocity", Position(0.0, 0.0, 0.0))
        self._dome.move(velocity, time.monotonic(), _seconds(call.text("Timeout")))
        return ""

    def _absolute_move(self, call: Call) -> str:
        self._stream_asked(call)
        now = time.monotonic()
        self._dome.go(_vector(call, "Position", self._dome.position(now)), now)
        return ""

    def _stop(self, call: Call) -> str:
        self._stream_asked(call)
        self._dome.stop(time.monotonic())
        return ""

    def _get_presets(self, call: Call) -> str:
        self._stream_asked(call)
        return "".join(
            f'<tptz:Preset token="{escape(token)}"><tt:Name>{escape(name)}</tt:Name><tt:PTZPosition>'
            f"{_position(where)}</tt:PTZPosition></tptz:Preset>"
            for token, (name, where) in self._dome.presets.items()
        )

    def _set_preset(self, call: Call) -> str:
        self._stream_asked(call)
        token = self._dome.set_preset(call.text("PresetToken"), call.text("PresetName"), time.monotonic())
        return f"<tptz:PresetToken>{escape(token)}</tptz:PresetToken>"

    def _goto_preset(self, call: Call) -> str:
        self._stream_asked(call)
        self._dome.go_to_preset(call.text("PresetToken"), time.monotonic())
        return ""

    def _get_status(self, call: Call) -> str:
        self._stream_asked(call)
        now = time.monotonic()
        state = "MOVING" if self._dome.moving(now) else "IDLE"
        return (
            f"<tptz:PTZStatus><tt:Position>{_position(self._dome.position(now))}</tt:Position><tt:MoveStatus>"
            f"<tt:PanTilt>{state}</tt:PanTilt><tt:Zoom>{state}</tt:Zoom></tt:MoveStatus>"
            f"<tt:UtcTime>{self.now().strftime('%Y-%m-%dT%H:%M:%SZ')}</tt:UtcTime></tptz:PTZStatus>"
        )

    def _get_nodes(self, _: Call) -> str:
        return (
            '<tptz:PTZNode token="dome"><tt:Name>dome</tt:Name><tt:SupportedPTZSpaces/><tt:MaximumNumberOfPresets>100'
            "</tt:MaximumNumberOfPresets><tt:HomeSupported>false</tt:HomeSupported></tptz:PTZNode>"
        )


def _video_encoder(name: str, stream: SimStream) -> str:
    gop = round(stream.gop_s * stream.fps)
    detail = f"<tt:H264><tt:GovLength>{gop}</tt:GovLength><tt:H264Profile>Baseline</tt:H264Profile></tt:H264>"
    return (
        f'<tt:VideoEncoderConfiguration token="{name}-video"><tt:Name>{name}</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{stream.codec.upper()}</tt:Encoding><tt:Resolution><tt:Width>{stream.width}</tt:Width><tt:Height>"
        f"{stream.height}</tt:Height></tt:Resolution><tt:Quality>5</tt:Quality><tt:RateControl><tt:FrameRateLimit>"
        f"{round(stream.fps)}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>"
        f"{stream.kbps}</tt:BitrateLimit></tt:RateControl>{detail if stream.codec == 'h264' else ''}{_MULTICAST}"
        "<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration>"
    )


def _audio_encoder(kind: str) -> str:
    if not kind:
        return ""
    encoding, rate = ("AAC", 16) if kind == "aac" else ("G711", 8)
    return (
        '<tt:AudioEncoderConfiguration token="audio"><tt:Name>audio</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{encoding}</tt:Encoding><tt:Bitrate>64</tt:Bitrate><tt:SampleRate>{rate}</tt:SampleRate>"
        f"{_MULTICAST}<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:AudioEncoderConfiguration>"
    )


_MULTICAST = (
    "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
    "<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
)


def _position(where: Position) -> str:
    return (
        f'<tt:PanTilt x="{where.pan:.4f}" y="{where.tilt:.4f}" space="{_SPACE}/PanTiltSpaces/PositionGenericSpace"/>'
        f'<tt:Zoom x="{where.zoom:.4f}" space="{_SPACE}/ZoomSpaces/PositionGenericSpace"/>'
    )


def _vector(call: Call, path: str, default: Position) -> Position:
    """A PTZ vector; what is left out keeps its default."""
    try:
        pan, tilt = call.number(f"{path}/PanTilt", "x"), call.number(f"{path}/PanTilt", "y")
        zoom = call.number(f"{path}/Zoom", "x")
    except ValueError as error:
        raise Fault("ter:InvalidArgVal", f"{path} is not made of numbers") from error
    given = (pan, tilt, zoom)
    return Position(*(old if new is None else new for old, new in zip(default, given, strict=True)))


def _seconds(duration: str) -> float:
    """An xs:duration of minutes and seconds; ten seconds when none is given, as many domes have it."""
    found = _DURATION.match(duration)
    return 60 * float(found[1] or 0) + float(found[2] or 0) if found and duration != "PT" else 10.0
