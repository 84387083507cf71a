"""A recorder that speaks ONVIF Profile G: media profiles of every channel, recordings, their jobs and a summary."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from xml.sax.saxutils import escape, quoteattr

from khue.model.errors import CameraProtocolError
from khue.sim import soap
from khue.sim.camera import SimStream
from khue.sim.http import HttpReply, HttpRequest
from khue.sim.soap import Call, Fault
from khue.sim.systems.channels import SimChannel
from khue.sim.systems.web import SimWeb
from khue.sim.users import Users

_XML = "application/soap+xml; charset=utf-8"
_ANONYMOUS = {"GetSystemDateAndTime", "GetServices", "GetCapabilities"}
_SERVICES = {"tds": "device", "trt": "media", "trc": "recording", "tse": "search"}
_SINCE = dt.datetime(2026, 10, 20, 1, 2, 3, tzinfo=dt.UTC)
_UNTIL = dt.datetime(2026, 11, 20, 4, 5, 6, tzinfo=dt.UTC)


class ProfileGRecorder(SimWeb):
    """``async with ProfileGRecorder(channels) as recorder`` listens on ``recorder.url``.

    ``lacks`` are operations it does not support; ``old``: it knows GetCapabilities and no GetServices; ``jobs``: recordings
    are told apart by their jobs, else by the source they name.
    """

    def __init__(
        self,
        channels: Sequence[SimChannel],
        *,
        username: str = "admin",
        password: str = "Nvr-2026",
        lacks: Collection[str] = (),
        old: bool = False,
        jobs: bool = True,
        rtsp_port: int = 554,
    ) -> None:
        super().__init__()
        self.channels = [channel for channel in channels if channel.camera is not None]
        self.username, self.password = username, password
        self.users = Users(username, password)
        self._lacks = frozenset(lacks) | ({"GetServices"} if old else set())
        self._jobs, self._rtsp_port = jobs, rtsp_port
        self._operations: dict[str, tuple[str, Callable[[Call], str]]] = {
            "GetSystemDateAndTime": ("tds", self._clock),
            "GetServices": ("tds", self._services),
            "GetCapabilities": ("tds", self._capabilities),
            "GetDeviceInformation": ("tds", self._device),
            "GetProfiles": ("trt", self._profiles),
            "GetStreamUri": ("trt", self._stream),
            "GetRecordings": ("trc", self._recordings),
            "GetRecordingJobs": ("trc", self._recording_jobs),
            "GetRecordingSummary": ("tse", self._summary),
        }

    async def _answer(self, request: HttpRequest) -> HttpReply:
        if request.method != "POST" or not request.path.startswith("/onvif/"):
            return HttpReply(404, b"", "text/plain")
        try:
            return HttpReply(200, soap.envelope(self._call(soap.parse(request.body))), _XML)
        except CameraProtocolError as error:
            return HttpReply(400, soap.fault(Fault("ter:WellFormed", str(error))), _XML)
        except Fault as problem:
            return HttpReply(400, soap.fault(problem), _XML)

    def _call(self, call: Call) -> str:
        if call.operation not in _ANONYMOUS:
            try:
                soap.authorise(call, self.users.password, dt.datetime.now(dt.UTC))
            except Fault:
                if soap.is_signed(call):
                    self.users.note(right=False)
                raise
        prefix, handler = self._operations.get(call.operation, ("", None))
        if handler is None or call.operation in self._lacks:
            raise Fault("ter:ActionNotSupported", f"{call.operation} is not supported", sender=False)
        return f"<{prefix}:{call.operation}Response>{handler(call)}</{prefix}:{call.operation}Response>"

    def _clock(self, _: Call) -> str:
        now = dt.datetime.now(dt.UTC)
        return (
            "<tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
            f"<tt:UTCDateTime><tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>"
            f"{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month>"
            f"<tt:Day>{now.day}</tt:Day></tt:Date></tt:UTCDateTime></tds:SystemDateAndTime>"
        )

    def _services(self, _: Call) -> str:
        version = "<tds:Version><tt:Major>2</tt:Major><tt:Minor>5</tt:Minor></tds:Version>"
        return "".join(
            f"<tds:Service><tds:Namespace>{soap.NAMESPACES[prefix]}</tds:Namespace><tds:XAddr>{self._address(name)}"
            f"</tds:XAddr>{version}</tds:Service>"
            for prefix, name in _SERVICES.items()
        )

    def _capabilities(self, _: Call) -> str:
        search = (
            f"<tt:Search><tt:XAddr>{self._address('search')}</tt:XAddr>"
            "<tt:MetadataSearch>false</tt:MetadataSearch></tt:Search>"
        )
        offers = ("ReceiverSource", "MediaProfileSource", "DynamicRecordings", "DynamicTracks")
        recording = (
            f"<tt:Recording><tt:XAddr>{self._address('recording')}</tt:XAddr>"
            + "".join(f"<tt:{name}>false</tt:{name}>" for name in offers)
            + "<tt:MaxStringLength>64</tt:MaxStringLength>"
        )
        return (
            f"<tds:Capabilities><tt:Device><tt:XAddr>{self._address('device')}</tt:XAddr></tt:Device><tt:Media><tt:XAddr>"
            f"{self._address('media')}</tt:XAddr><tt:StreamingCapabilities/></tt:Media><tt:Extension>{recording}"
            f"</tt:Recording>{search}</tt:Extension></tds:Capabilities>"
        )

    def _address(self, service: str) -> str:
        return f"{self.url}/onvif/{service}_service"

    def _device(self, _: Call) -> str:
        fields = {
            "Manufacturer": "Uniview", "Model": "NVR302-32S", "FirmwareVersion": "B3333P20",
            "SerialNumber": "210235C3VX3206000001", "HardwareId": "A",
        }  # fmt: skip
        return "".join(f"<tds:{name}>{value}</tds:{name}>" for name, value in fields.items())

    def _profiles(self, _: Call) -> str:
        return "".join(
            _profile(channel, kind, stream)
            for channel in self.channels
            for kind in ("main", "sub")
            if (stream := channel.camera.stream(kind) if channel.camera else None) is not None
        )

    def _stream(self, call: Call) -> str:
        token = call.text("ProfileToken")
        number, _, kind = token.removeprefix("media_profile").partition("_")
        channel = next((one for one in self.channels if str(one.number) == number), None)
        if channel is None:
            raise Fault("ter:InvalidArgVal", f"no profile {token}")
        if not channel.online:
            raise Fault("ter:Action", "the channel has no signal", sender=False)
        url = f"rtsp://127.0.0.1:{self._rtsp_port}/unicast/c{number}/s{0 if kind == 'main' else 1}/live"
        return (
            f"<trt:MediaUri><tt:Uri>{escape(url)}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
            "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>"
        )

    def _recordings(self, _: Call) -> str:
        # The newest channel first, as recorders that add in front do: nothing may be read into the order.
        return "".join(_recording(channel, self._source(channel)) for channel in reversed(self.channels))

    def _source(self, channel: SimChannel) -> str:
        return f"urn:uuid:{channel.camera.endpoint}" if self._jobs and channel.camera else f"source{channel.number}"

    def _recording_jobs(self, _: Call) -> str:
        return "".join(
            f"<trc:JobItem><tt:JobToken>job{one.number}</tt:JobToken><tt:JobConfiguration><tt:RecordingToken>rec{one.number}"
            "</tt:RecordingToken><tt:Mode>Active</tt:Mode><tt:Priority>1</tt:Priority><tt:Source><tt:SourceToken "
            f'Type="http://www.onvif.org/ver10/schema/Profile"><tt:Token>media_profile{one.number}_main</tt:Token>'
            "</tt:SourceToken></tt:Source></tt:JobConfiguration></trc:JobItem>"
            for one in self.channels
            if self._jobs
        )

    def _summary(self, _: Call) -> str:
        return (
            f"<tse:Summary><tt:DataFrom>{_SINCE:%Y-%m-%dT%H:%M:%SZ}</tt:DataFrom><tt:DataUntil>{_UNTIL:%Y-%m-%dT%H:%M:%SZ}"
            f"</tt:DataUntil><tt:NumberRecordings>{len(self.channels)}</tt:NumberRecordings></tse:Summary>"
        )


def _profile(channel: SimChannel, kind: str, stream: SimStream) -> str:
    token = f"media_profile{channel.number}_{kind}"
    return (
        f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{token}</tt:Name><tt:VideoSourceConfiguration '
        f'token="vsc{channel.number}"><tt:Name>source{channel.number}</tt:Name><tt:UseCount>2</tt:UseCount><tt:SourceToken>'
        f'source{channel.number}</tt:SourceToken><tt:Bounds x="0" y="0" width="{stream.width}" height="{stream.height}"/>'
        f"</tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration token={quoteattr(token)}><tt:Name>{token}</tt:Name>"
        f"<tt:UseCount>1</tt:UseCount><tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>{stream.width}</tt:Width>"
        f"<tt:Height>{stream.height}</tt:Height></tt:Resolution><tt:Quality>5</tt:Quality><tt:SessionTimeout>PT60S"
        "</tt:SessionTimeout></tt:VideoEncoderConfiguration></trt:Profiles>"
    )


def _recording(channel: SimChannel, source: str) -> str:
    address = f"rtsp://{channel.host}:{channel.rtsp_port}/" if channel.host else ""
    fields = {
        "SourceId": source,
        "Name": channel.name,
        "Location": f"Số {channel.number} Tràng Tiền",
        "Description": "IP",
        "Address": address,
    }
    told = "".join(f"<tt:{name}>{escape(value)}</tt:{name}>" for name, value in fields.items())
    return (
        f"<trc:RecordingItem><tt:RecordingToken>rec{channel.number}</tt:RecordingToken><tt:Configuration><tt:Source>{told}"
        "</tt:Source><tt:Content>all</tt:Content><tt:MaximumRetentionTime>PT0S</tt:MaximumRetentionTime></tt:Configuration>"
        "<tt:Tracks><tt:Track><tt:TrackToken>VIDEO001</tt:TrackToken><tt:Configuration><tt:TrackType>Video</tt:TrackType>"
        "<tt:Description/></tt:Configuration></tt:Track></tt:Tracks></trc:RecordingItem>"
    )
