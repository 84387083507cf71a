"""A Hikvision recorder's ISAPI, as several generations of its firmware answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal
from xml.sax.saxutils import escape

from khue.sim.http import HttpReply, HttpRequest
from khue.sim.systems.channels import SimChannel
from khue.sim.systems.recorder import LOCKS_AFTER, SimRecorder

#: current: isapi.org, models and serial numbers; older: hikvision.com 1.0, neither; prefixed: a prefix on every element;
#: hybrid: analogue inputs first; gbk: names in GB 2312, and the declaration says so.
Firmware = Literal["current", "older", "prefixed", "hybrid", "gbk"]
_NAMESPACES = {
    "older": "http://www.hikvision.com/ver10/XMLSchema",
    "prefixed": "http://www.std-cgi.com/ver20/XMLSchema",
}
_BEGINS = re.compile(r"<(/?)(?=\w)")
_XML = 'application/xml; charset="UTF-8"'


class IsapiRecorder(SimRecorder):
    """``/ISAPI/...`` with digest."""

    realm = "DS-7732NXI-K4"

    def __init__(self, channels: Sequence[SimChannel], *, firmware: Firmware = "current", **more: object) -> None:
        super().__init__(channels, **more)  # type: ignore[arg-type]
        self._firmware = firmware
        self._pages = {
            "/ISAPI/System/deviceInfo": self._device,
            "/ISAPI/ContentMgmt/InputProxy/channels": self._proxies,
            "/ISAPI/ContentMgmt/InputProxy/channels/status": self._status,
            "/ISAPI/System/Video/inputs/channels": self._inputs,
            "/ISAPI/Streaming/channels": self._streams,
            "/ISAPI/Security/adminAccesses": self._accesses,
        }

    def page(self, request: HttpRequest) -> HttpReply | None:
        made = self._pages.get(request.path)
        if made is None or (made == self._inputs and self._firmware != "hybrid"):
            return None
        return HttpReply(200, self._document(made()), _XML)

    def refusal(self, status: int, request: HttpRequest) -> HttpReply:
        if status == 401:
            left = max(0, LOCKS_AFTER - self.doorman.users.refused)
            body = _tag(
                "userCheck", _tag("statusValue", 401) + _tag("isActivated", "true") + _tag("retryLoginTime", left)
            )
        else:
            code, words = {403: (4, "notSupport"), 404: (4, "invalidOperation")}[status]
            body = _tag(
                "ResponseStatus",
                _tag("requestURL", request.path) + _tag("statusCode", code) + _tag("statusString", "Invalid Operation")
                + _tag("subStatusCode", words),
            )  # fmt: skip
        return HttpReply(status, self._document(body), _XML)

    def _document(self, body: str) -> bytes:
        name, rest = body[1:].split(">", 1)
        space = _NAMESPACES.get(self._firmware, "http://www.isapi.org/ver20/XMLSchema")
        version = "1.0" if self._firmware == "older" else "2.0"
        if self._firmware == "prefixed":
            body = _BEGINS.sub(r"<\1hik:", body).replace(">", f' xmlns:hik="{space}">', 1)
            return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()
        encoding = "gb2312" if self._firmware == "gbk" else "UTF-8"
        text = f'<?xml version="1.0" encoding="{encoding}" ?>\n<{name} version="{version}" xmlns="{space}">{rest}\n'
        return text.encode(encoding, "replace")

    @property
    def _digital(self) -> list[SimChannel]:
        return [channel for channel in self.channels if not channel.analogue]

    def _device(self) -> str:
        return _tag(
            "DeviceInfo",
            _tag("deviceName", self.name) + _tag("deviceID", "48363433-3739-3439-3437-bcbac2112233")
            + _tag("model", "DS-7732NXI-K4") + _tag("serialNumber", "DS-7732NXI-K41620220517CCRRK12345678WCVU")
            + _tag("macAddress", "bc:ba:c2:11:22:33") + _tag("firmwareVersion", "V4.40.501")
            + _tag("deviceType", "DVR" if self._firmware == "hybrid" else "NVR"),
        )  # fmt: skip

    def _proxies(self) -> str:
        return _list("InputProxyChannelList", "InputProxyChannel", (self._proxy(one) for one in self._digital))

    def _proxy(self, channel: SimChannel) -> str:
        camera = channel.camera
        protocol = "HIKVISION" if camera is None or camera.family == "hik" else "ONVIF"
        device = _tag("model", channel.model) + _tag("serialNumber", channel.serial)
        source = (
            _tag("proxyProtocol", protocol) + _tag("addressingFormatType", "ipaddress") + _tag("ipAddress", channel.host)
            + _tag("managePortNo", 8000 if protocol == "HIKVISION" else 80) + _tag("srcInputPort", 1)
            + _tag("userName", camera.username if camera else "admin") + _tag("streamType", "auto")
            + ("" if self._firmware == "older" or camera is None else device)
        )  # fmt: skip
        return _tag("id", channel.number) + _tag("name", channel.name) + _tag("sourceInputPortDescriptor", source)

    def _status(self) -> str:
        return _list(
            "InputProxyChannelStatusList",
            "InputProxyChannelStatus",
            (
                _tag("id", one.number)
                + _tag("sourceInputPortDescriptor", _tag("ipAddress", one.host))
                + _tag("online", str(one.online).lower())
                + _tag("chanDetectResult", one.trouble or "connect")
                for one in self._digital
            ),
        )

    def _inputs(self) -> str:
        return _list(
            "VideoInputChannelList",
            "VideoInputChannel",
            (
                _tag("id", one.number) + _tag("inputPort", one.number) + _tag("videoInputEnabled", "true")
                + _tag("name", one.name) + _tag("videoFormat", "PAL")
                + _tag("resDesc", "1080P25" if one.online else "NO VIDEO")
                for one in self.channels
                if one.analogue
            ),
        )  # fmt: skip

    def _streams(self) -> str:
        return _list(
            "StreamingChannelList",
            "StreamingChannel",
            (
                _tag("id", 100 * one.number + which) + _tag("channelName", one.name) + _tag("enabled", "true")
                + _tag("Video", _tag("videoCodecType", "H.264") + _tag("videoResolutionWidth", stream.width)
                + _tag("videoResolutionHeight", stream.height))
                for one in self.channels
                for which, kind in ((1, "main"), (2, "sub"))
                if one.camera is not None and (stream := one.camera.stream(kind)) is not None
            ),
        )  # fmt: skip

    def _accesses(self) -> str:
        return _list(
            "AdminAccessProtocolList",
            "AdminAccessProtocol",
            (
                _tag("id", number) + _tag("enabled", "true") + _tag("protocol", name) + _tag("portNo", port)
                for number, (name, port) in enumerate((("HTTP", 80), ("RTSP", self.rtsp_port), ("DEV_MANAGE", 8000)), 1)
            ),
        )


def _tag(name: str, content: object) -> str:
    """Strings that begin with a tag are content already; others are text."""
    text = str(content)
    return f"<{name}>{text if text.startswith('<') else escape(text)}</{name}>"


def _list(name: str, item: str, contents: Iterable[str]) -> str:
    return f"<{name}>" + "\n".join(f"<{item}>{content}</{item}>" for content in contents) + f"</{name}>"
