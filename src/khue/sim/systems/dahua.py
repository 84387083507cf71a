"""A Dahua recorder's CGI, as several generations of its firmware answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Literal

from khue.sim.fleet.spelling import Spelling
from khue.sim.http import HttpReply, HttpRequest
from khue.sim.systems.channels import SimChannel
from khue.sim.systems.recorder import SimRecorder

#: current: UTF-8, passwords as stars; older: passwords shown, RemoteDevice[n]; gbk: Chinese names in GB 2312;
#: tcvn3: names typed with an ABC keyboard.
Firmware = Literal["current", "older", "gbk", "tcvn3"]
_TEXT = "text/plain;charset=utf-8"
_CHINESE = "前门通道"


class DahuaRecorder(SimRecorder):
    """``/cgi-bin/...`` with digest."""

    realm = "Login to 4C0048DPAJ8F3C9"

    def __init__(self, channels: Sequence[SimChannel], *, firmware: Firmware = "current", **more: object) -> None:
        super().__init__(channels, **more)  # type: ignore[arg-type]
        self._firmware = firmware

    def page(self, request: HttpRequest) -> HttpReply | None:
        if request.path == "/cgi-bin/api/LogicDeviceManager/getCameraState":
            return self._states(request)
        lines = self._lines(request.path, request.query.get("action", ""), request.query.get("name", ""))
        if lines is None:
            return None
        return HttpReply(200, self._encoded("".join(f"{line}\r\n" for line in lines)), _TEXT)

    def refusal(self, status: int, request: HttpRequest) -> HttpReply:
        words = {
            401: "Error\r\nInvalid Authority!\r\n",
            403: "Error\r\nForbidden!\r\n",
            404: "Error\r\nBad Request!\r\n",
        }
        return HttpReply(400 if status == 404 else status, words[status].encode(), _TEXT)

    def _encoded(self, text: str) -> bytes:
        if self._firmware == "tcvn3":
            return Spelling.TCVN3.write(text).encode("latin-1", "replace")
        return text.encode("gb2312" if self._firmware == "gbk" else "utf-8", "replace")

    def _lines(self, path: str, action: str, name: str) -> Iterator[str] | None:
        match path, action, name:
            case "/cgi-bin/magicBox.cgi", "getSystemInfo", _:
                return iter(
                    ("deviceType=31", "processor=ST7108", "serialNumber=4C0048DPAJ8F3C9", "updateSerial=DHI-NVR5232-EI")
                )
            case "/cgi-bin/magicBox.cgi", "getMachineName", _:
                return iter((f"name={self.name}",))
            case "/cgi-bin/magicBox.cgi", "getVendor", _:
                return iter(("vendor=Dahua",)) if self._firmware != "older" else None
            case "/cgi-bin/configManager.cgi", "getConfig", "ChannelTitle":
                return (f"table.ChannelTitle[{one.number - 1}].Name={self._title(one)}" for one in self.channels)
            case "/cgi-bin/configManager.cgi", "getConfig", "RemoteDevice":
                return (line for one in self.channels for line in self._remote(one))
            case "/cgi-bin/configManager.cgi", "getConfig", "Encode":
                return (line for one in self.channels for line in _encode(one))
            case "/cgi-bin/configManager.cgi", "getConfig", "RTSP":
                return iter(
                    ("table.RTSP.Enable=true", f"table.RTSP.Port={self.rtsp_port}", "table.RTSP.RTP.EndPort=40000")
                )
            case "/cgi-bin/LogicDeviceManager.cgi", "getCameraState", _ if self._firmware in ("gbk", "tcvn3"):
                return (line for one in self.channels for line in _state(one))
        return None

    def _states(self, request: HttpRequest) -> HttpReply | None:
        if self._firmware != "current" or request.method != "POST" or b"uniqueChannels" not in request.body:
            return None
        states = [{"channel": one.number - 1, "connectionState": _connection(one)} for one in self.channels]
        return HttpReply(200, json.dumps({"states": states}).encode())

    def _title(self, channel: SimChannel) -> str:
        return _CHINESE if self._firmware == "gbk" and channel.number == 1 else channel.name

    def _remote(self, channel: SimChannel) -> Iterator[str]:
        camera, slot = channel.camera, channel.number - 1
        head = f"table.RemoteDevice.uuid:System_CONFIG_NETCAMERA_INFO_{slot}"
        if self._firmware == "older":
            head = f"table.RemoteDevice[{slot}]"
        own = camera is not None and camera.family == "dahua"
        shown = camera.password if camera and self._firmware == "older" else "******"
        fields = {
            "Address": channel.host if camera else "192.168.0.0",
            "DeviceType": channel.model if camera else "",
            "Enable": str(camera is not None).lower(),
            "HttpPort": 80,
            "Mac": camera.hardware_address if camera else "ff:ff:ff:ff:ff:ff",
            "Name": "",
            "Password": shown,
            "Port": 37777,
            "ProtocolType": "Private" if own else "Onvif",
            "RtspPort": channel.rtsp_port,
            "SerialNo": channel.serial,
            "UserName": camera.username if camera else "admin",
            "Vendor": "Private" if own else "Onvif",
            "VideoInputs[0].Name": self._title(channel),
            "VideoInputs[0].MainStreamUrl": "" if own or camera is None else channel.url("main"),
            "VideoInputs[0].ExtraStreamUrl": "" if own or camera is None else channel.url("sub"),
        }
        return (f"{head}.{key}={value}" for key, value in fields.items())


def _encode(channel: SimChannel) -> Iterator[str]:
    if channel.camera is None:
        return
    head = f"table.Encode[{channel.number - 1}]"
    for kind, stream in (("Main", channel.camera.main), ("Extra", channel.camera.sub)):
        yield f"{head}.{kind}Format[0].VideoEnable={str(stream is not None).lower()}"
        if stream is not None:
            yield f"{head}.{kind}Format[0].Video.Compression=H.264"
            yield f"{head}.{kind}Format[0].Video.resolution={stream.width}x{stream.height}"


def _state(channel: SimChannel) -> Iterator[str]:
    yield f"states[{channel.number - 1}].channel={channel.number - 1}"
    yield f"states[{channel.number - 1}].connectionState={_connection(channel)}"


def _connection(channel: SimChannel) -> str:
    if channel.camera is None:
        return "Empty"
    return "Connected" if channel.online else "Unconnect"
