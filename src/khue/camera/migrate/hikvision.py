"""A Hikvision recorder's channels over ISAPI, also those of HiLook, HDParagon and other names on the same firmware.

Parsers first: XML in, values out. Namespaces differ by firmware (hikvision.com, isapi.org, std-cgi.com, none), so elements are
known by their local names. Channel numbers: IP channels of a hybrid recorder begin after its analogue ones; in RTSP channel n
is ``/Streaming/Channels/n01``, its small stream ``n02``.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from khue.camera import signs
from khue.camera.catalogue import CameraType, find
from khue.camera.control import PasswordRefused
from khue.camera.migrate.brands import by_words, recorder_url
from khue.camera.migrate.fetch import Recorder
from khue.camera.migrate.found import CameraList, Found, LeftOut, host_of, made, megapixels, text_of, whole, words
from khue.model.camera import StreamName
from khue.model.errors import CameraError, CameraProtocolError

_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_MAX_CHANNELS = 1024
_MAX_ELEMENTS = 100_000
_Parsed = TypeVar("_Parsed")
_NOWHERE = frozenset({"", "0.0.0.0", "::", "127.0.0.1", "192.168.0.0"})


class Device(msgspec.Struct, frozen=True):
    """/ISAPI/System/deviceInfo."""

    name: str = ""
    model: str = ""
    serial: str = ""
    mac: str = ""
    maker: str = ""
    kind: str = ""


class Channel(msgspec.Struct, frozen=True):
    """One input. ``analogue``: it comes by cable, and has no address of its own. ``online`` None: not said."""

    number: int
    name: str = ""
    analogue: bool = False
    enabled: bool = True
    host: str = ""
    protocol: str = ""
    maker: str = ""
    model: str = ""
    serial: str = ""
    online: bool | None = None
    state: str = ""


class Size(msgspec.Struct, frozen=True):
    """The picture of a stream; 0 where it is not said."""

    width: int = 0
    height: int = 0


def parse_device(data: bytes) -> Device:
    root = _xml(data, "DeviceInfo")
    return Device(
        name=_text(root, "deviceName"),
        model=_text(root, "model"),
        serial=_text(root, "serialNumber"),
        mac=signs.mac(_text(root, "macAddress")),
        maker=_text(root, "manufacturer"),
        kind=_text(root, "deviceType"),
    )


def parse_channels(data: bytes) -> tuple[Channel, ...]:
    """InputProxy/channels: the IP channels."""
    return tuple(
        Channel(
            number=number,
            name=_text(item, "name"),
            host=_own_host(item),
            protocol=_text(item, "proxyProtocol"),
            maker=_text(item, "manufacturer"),
            model=_text(item, "model"),
            serial=_text(item, "serialNumber"),
        )
        for number, item in _items(data, "InputProxyChannel")
    )


def parse_inputs(data: bytes) -> tuple[Channel, ...]:
    """System/Video/inputs/channels: those that come by cable."""
    return tuple(
        Channel(
            number=number,
            name=_text(item, "name"),
            analogue=True,
            enabled=_text(item, "videoInputEnabled").lower() != "false",
            online=None if (seen := _text(item, "resDesc").upper()) == "" else seen != "NO VIDEO",
        )
        for number, item in _items(data, "VideoInputChannel")
    )


def parse_status(data: bytes) -> dict[int, tuple[bool | None, str]]:
    """InputProxy/channels/status: number -> (online, why not)."""
    found: dict[int, tuple[bool | None, str]] = {}
    for number, item in _items(data, "InputProxyChannelStatus"):
        said = _text(item, "online").lower()
        found[number] = ({"true": True, "false": False}.get(said), _text(item, "chanDetectResult"))
    return found


def parse_streams(data: bytes) -> dict[int, Size]:
    """Streaming/channels: 101, 102, 201 ... -> size. A number that is missing has no such stream."""
    return {
        number: Size(whole(_text(item, "videoResolutionWidth")) or 0, whole(_text(item, "videoResolutionHeight")) or 0)
        for number, item in _items(data, "StreamingChannel")
        if _text(item, "enabled").lower() != "false"
    }


def parse_rtsp_port(data: bytes) -> int:
    """Security/adminAccesses: 554 unless it says otherwise."""
    for item in _xml(data, "AdminAccessProtocolList"):
        if _text(item, "protocol").upper() == "RTSP":
            port = whole(_text(item, "portNo"))
            return port if port and port < 65536 else 554
    return 554


def cameras(
    device: Device,
    channels: tuple[Channel, ...],
    streams: Mapping[int, Size],
    at: Recorder,
    rtsp_port: int,
    *,
    direct: bool,
) -> CameraList:
    """The list, pulled through the recorder, or ``direct`` from the cameras' own addresses and without a password."""
    maker = by_words(device.maker, device.model) or find("Hikvision")
    assert maker is not None, "the catalogue has Hikvision"
    found, left_out = [], []
    for channel in channels:
        where = f"channel {channel.number}"
        if not channel.analogue and channel.host in _NOWHERE and not channel.model and channel.online is not True:
            left_out.append(LeftOut(where, words(channel.name), "no camera is connected to it"))
        else:
            found.append(_camera(where, channel, maker, streams, at, rtsp_port, direct=direct))
    sort = (
        device.serial if device.model and device.serial.startswith(device.model) else f"{device.model} {device.serial}"
    )
    return made(f"{device.name or maker.brand} {sort.strip() or at.host}", found, left_out)


def _camera(
    where: str,
    channel: Channel,
    maker: CameraType,
    streams: Mapping[int, Size],
    at: Recorder,
    port: int,
    *,
    direct: bool,
) -> Found:
    said = by_words(channel.maker, channel.model)
    private = channel.protocol.upper() in ("HIKVISION", "ISAPI")
    entry = said or (maker if private or channel.analogue else None)
    own = "" if channel.host in _NOWHERE else channel.host
    size = streams.get(100 * channel.number + 1, Size())
    main, sub, says = _urls(channel, entry if direct else maker, streams, at.host, own, port, direct=direct)
    if channel.online is False:
        says.append(f"the recorder does not see it{f' ({channel.state})' if channel.state else ''}")
    return Found(
        where=where,
        name=channel.name,
        vendor=entry.brand if entry else words(channel.maker),
        family=entry.family if entry else "",
        model=words(channel.model),
        megapixels=megapixels(size.width, size.height),
        serial=words(channel.serial),
        host=own or at.host,
        enabled=channel.enabled,
        working=channel.online,
        rtsp_main=main,
        rtsp_sub=sub,
        username="" if direct else at.username,
        password="" if direct else at.password,
        says=tuple(says),
    )


def _urls(
    channel: Channel,
    entry: CameraType | None,
    streams: Mapping[int, Size],
    recorder: str,
    own: str,
    port: int,
    *,
    direct: bool,
) -> tuple[str, str, list[str]]:
    if not direct:
        number = channel.number
        has_sub = not streams or 100 * number + 2 in streams
        assert entry is not None, "a recorder has a type"
        main = recorder_url(entry, recorder, port, number, StreamName.MAIN)
        return main, recorder_url(entry, recorder, port, number, StreamName.SUB) if has_sub else "", []
    if not own:
        return "", "", ["it has no address of its own; only the recorder gives its pictures"]
    if entry is None:
        return "", "", [f"its own address is {own}; its make is not known, so its stream has to be found by a probe"]
    main, sub = (recorder_url(entry, own, 0, 1, stream) for stream in (StreamName.MAIN, StreamName.SUB))
    return main, sub, ["its own password is needed; the recorder does not tell it"]


async def read(recorder: Recorder, *, direct: bool = False, rtsp_port: int = 0) -> CameraList:
    """Ask a recorder. A page that it refuses or does not have costs what stands there, not the list. Raises CameraError."""
    device = parse_device(await recorder.get("/ISAPI/System/deviceInfo"))
    says: list[str] = []
    digital = await _page(recorder, "/ISAPI/ContentMgmt/InputProxy/channels", parse_channels, says)
    seen = (
        await _page(recorder, "/ISAPI/ContentMgmt/InputProxy/channels/status", parse_status, says) if digital else None
    )
    # Most recorders have no such inputs, and no such page.
    unsaid = says if digital is None else []
    analogue = await _page(recorder, "/ISAPI/System/Video/inputs/channels", parse_inputs, unsaid)
    streams = await _page(recorder, "/ISAPI/Streaming/channels", parse_streams, says)
    port = rtsp_port or await _page(recorder, "/ISAPI/Security/adminAccesses", parse_rtsp_port, says)
    if digital is None and analogue is None:
        raise CameraProtocolError(f"{recorder.where}: it names no channels; {'; '.join(says)}")
    channels = [_seen(channel, seen or {}) for channel in digital or ()]
    taken = {channel.number: channel.name for channel in channels}
    for channel in analogue or ():  # which some recorders list a second time as inputs
        if channel.number not in taken:
            channels.append(channel)
        elif channel.name not in ("", taken[channel.number]):
            says.append(f"input {channel.number} ({words(channel.name)}) has the number of another; add it by hand")
    channels.sort(key=lambda channel: channel.number)
    found = cameras(device, tuple(channels), streams or {}, recorder, port or 554, direct=direct)
    return msgspec.structs.replace(found, says=tuple(says))


def _seen(channel: Channel, seen: Mapping[int, tuple[bool | None, str]]) -> Channel:
    online, state = seen.get(channel.number, (channel.online, channel.state))
    return msgspec.structs.replace(channel, online=online, state=words(state))


async def _page(recorder: Recorder, path: str, parse: Callable[[bytes], _Parsed], says: list[str]) -> _Parsed | None:
    try:
        return parse(await recorder.get(path))
    except PasswordRefused:
        raise
    except CameraError as error:
        says.append(str(error))
        return None


def _own_host(item: ET.Element) -> str:
    """By address or by name; an address with a port or a path would be another host."""
    for name in ("ipAddress", "ipv6Address", "hostName"):
        text = _text(item, name)
        if text and host_of(f"http://[{text}]" if ":" in text else f"http://{text}") == text.lower():
            return text.lower()
    return ""


def _items(data: bytes, name: str) -> list[tuple[int, ET.Element]]:
    """(id, element) of a list's entries of that local name, at most one an id."""
    found: dict[int, ET.Element] = {}
    for element in _xml(data, f"{name}List"):  # deeper, each entry could hold all the others
        if _local(element) != name:
            continue
        number = whole(_text(element, "id"))
        if number is not None and 0 < number < 100_000:
            found.setdefault(number, element)
        if len(found) > _MAX_CHANNELS:
            raise CameraProtocolError(f"more than {_MAX_CHANNELS} channels in one recorder")
    return sorted(found.items())


def _xml(data: bytes, name: str) -> ET.Element:
    """The document of that name; one with a document type is refused unread, since its entities may be a bomb."""
    text = _DECLARATION.sub("", text_of(data), count=1)
    if "<!" in text.replace("<!--", "").replace("<![CDATA[", ""):
        raise CameraProtocolError("an ISAPI answer with a document type, which may hide a bomb")
    try:
        root = ET.fromstring(text.strip())
    except (ET.ParseError, ValueError):
        raise CameraProtocolError(
            "this is no ISAPI answer; check that the address is the recorder's web page"
        ) from None
    if _local(root) != name:
        raise CameraProtocolError(f"{words(_local(root))[:40]} where ISAPI's {name} was expected; check the address")
    if sum(1 for _ in root.iter()) > _MAX_ELEMENTS:
        raise CameraProtocolError("an ISAPI answer of more elements than any recorder's")
    return root


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _text(element: ET.Element, name: str) -> str:
    """Of the first element of that local name below."""
    for found in element.iter():
        if _local(found) == name:
            return (found.text or "").strip()[:1000]
    return ""
