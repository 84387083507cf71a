"""A Dahua recorder's channels over its CGI, also those of KBVision and other names on the same firmware.

Parsers first: ``key=value`` lines in, values out. Tables count channels from 0, RTSP from 1: ``RemoteDevice`` ...INFO_4 and
``ChannelTitle[4]`` are ``/cam/realmonitor?channel=5``. An unused slot keeps an old or made-up name and says Enable=false.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from khue.camera import signs
from khue.camera.catalogue import CameraType, find
from khue.camera.control import PasswordRefused
from khue.camera.migrate.brands import by_words, recorder_url
from khue.camera.migrate.fetch import Recorder
from khue.camera.migrate.found import (
    CameraList,
    Found,
    LeftOut,
    host_of,
    made,
    megapixels,
    stream,
    text_of,
    unmasked,
    whole,
    words,
)
from khue.model.camera import StreamName
from khue.model.errors import CameraError, CameraProtocolError

_Key = TypeVar("_Key")
_Parsed = TypeVar("_Parsed")
_MAX_LINES = 200_000
_MAX_CHANNELS = 1024
_REMOTE = re.compile(r"(?:table\.)?RemoteDevice(?:\.uuid:[A-Za-z_]+_INFO_(\d{1,4})|\[(\d{1,4})\])\.(.+)")
_TITLE = re.compile(r"(?:table\.)?ChannelTitle\[(\d{1,4})\]\.Name")
_ENCODE = re.compile(
    r"(?:table\.)?Encode\[(\d{1,4})\]\.(Main|Extra)Format\[0\]\.(?:Video\.(Width|Height|resolution)|(VideoEnable))"
)
_SIZE = re.compile(r"(\d{2,5})[xX*](\d{2,5})")
_NO_MODEL = frozenset({"", "ip camera", "ipc", "camera", "ip dome", "unknown", "onvif", "private"})
_NOWHERE = frozenset({"", "0.0.0.0", "127.0.0.1", "192.168.0.0"})
_NO_MAC = frozenset({"ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"})


class Remote(msgspec.Struct, frozen=True):
    """What a channel is connected to. ``password`` is empty when the recorder shows stars, as new firmware does."""

    enabled: bool = False
    host: str = ""
    port: int = 0
    username: str = ""
    password: str = ""
    name: str = ""
    model: str = ""
    serial: str = ""
    mac: str = ""
    maker: str = ""
    main_url: str = ""
    sub_url: str = ""


class Encoding(msgspec.Struct, frozen=True):
    width: int = 0
    height: int = 0
    has_sub: bool = True


def parse_pairs(data: bytes) -> dict[str, str]:
    """Lines of ``key=value``; the first of a key counts. Raises CameraProtocolError for what has no such line."""
    pairs: dict[str, str] = {}
    for number, line in enumerate(text_of(data).splitlines()):
        if number >= _MAX_LINES:
            raise CameraProtocolError(f"an answer of more than {_MAX_LINES} lines")
        key, equals, value = line.strip().partition("=")
        if equals and key and " " not in key:
            pairs.setdefault(key, value.strip()[:2000])
    if not pairs:
        raise CameraProtocolError("this is no CGI answer; check that the address is the recorder's web page")
    return pairs


def parse_titles(data: bytes) -> dict[int, str]:
    """name=ChannelTitle: channel from 0 -> name."""
    found = ((_TITLE.fullmatch(key), value) for key, value in parse_pairs(data).items())
    return {int(match[1]): value for match, value in found if match}


def parse_remotes(data: bytes) -> dict[int, Remote]:
    """name=RemoteDevice: channel from 0 -> what it is connected to."""
    slots: dict[int, dict[str, str]] = {}
    for key, value in parse_pairs(data).items():
        if match := _REMOTE.fullmatch(key):
            slots.setdefault(int(match[1] or match[2]), {})[match[3]] = value
        if len(slots) > _MAX_CHANNELS:
            raise CameraProtocolError(f"more than {_MAX_CHANNELS} channels in one recorder")
    return {number: _remote(fields) for number, fields in slots.items()}


def _remote(fields: Mapping[str, str]) -> Remote:
    address = fields.get("Address", "").strip().lower()
    mac = signs.mac(fields.get("Mac", ""))
    model = words(fields.get("DeviceType"))
    return Remote(
        enabled=fields.get("Enable", "").lower() == "true",
        host=address if address not in _NOWHERE and host_of(f"http://{address}") == address else "",
        port=_port(fields.get("RtspPort")) if whole(fields.get("RtspPort")) else 0,
        username=unmasked(fields.get("UserName", "")),
        password=unmasked(fields.get("Password", "")),
        name=fields.get("VideoInputs[0].Name") or fields.get("Name", ""),
        model="" if model.lower() in _NO_MODEL else model,
        serial=words(fields.get("SerialNo")),
        mac="" if mac in _NO_MAC else mac,
        maker=fields.get("Vendor", ""),
        main_url=fields.get("VideoInputs[0].MainStreamUrl", ""),
        sub_url=fields.get("VideoInputs[0].ExtraStreamUrl", ""),
    )


def parse_encodings(data: bytes) -> dict[int, Encoding]:
    """name=Encode: channel from 0 -> size of its main stream, and whether there is a small one."""
    slots: dict[int, dict[str, str]] = {}
    for key, value in parse_pairs(data).items():
        if match := _ENCODE.fullmatch(key):
            slots.setdefault(int(match[1]), {})[f"{match[2]} {match[3] or match[4]}"] = value
    return {number: _encoding(fields) for number, fields in slots.items()}


def _encoding(fields: Mapping[str, str]) -> Encoding:
    written = _SIZE.fullmatch(fields.get("Main resolution", ""))
    width, height = (written[1], written[2]) if written else (fields.get("Main Width"), fields.get("Main Height"))
    return Encoding(whole(width) or 0, whole(height) or 0, fields.get("Extra VideoEnable", "true").lower() != "false")


def parse_states(data: bytes) -> dict[int, bool]:
    """LogicDeviceManager getCameraState, JSON or lines: channel from 0 -> connected."""
    if data.lstrip().startswith(b"{"):
        try:
            states = msgspec.json.decode(data, type=_States).states
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise CameraProtocolError("the states of its channels cannot be read") from None
        return {one.channel: one.state.lower() == "connected" for one in states[:_MAX_CHANNELS] if one.state}
    pairs = {key.lower(): value for key, value in parse_pairs(data).items()}
    found: dict[int, bool] = {}
    for key, value in pairs.items():
        head, _, last = key.rpartition(".")
        state = pairs.get(f"{head}.connectionstate", "")
        if last == "channel" and state and (number := whole(value)) is not None:
            found[number] = state.lower() == "connected"
    return found


class _State(msgspec.Struct):
    channel: int
    state: str = msgspec.field(name="connectionState", default="")


class _States(msgspec.Struct):
    states: list[_State] = []


class Answers(msgspec.Struct, frozen=True):
    """What a recorder said of itself and of its channels (from 0)."""

    maker: str = ""
    name: str = ""
    model: str = ""
    serial: str = ""
    rtsp_port: int = 554
    titles: dict[int, str] = {}
    remotes: dict[int, Remote] = {}
    encodings: dict[int, Encoding] = {}
    states: dict[int, bool] = {}


def cameras(answers: Answers, at: Recorder, *, direct: bool) -> CameraList:
    """The list, pulled through the recorder, or ``direct`` from the cameras' own addresses."""
    maker = by_words(answers.maker, answers.model) or find("Dahua")
    assert maker is not None, "the catalogue has Dahua"
    found, left_out = [], []
    for number in sorted(answers.titles.keys() | answers.remotes.keys()):
        where, remote = f"channel {number + 1}", answers.remotes.get(number)
        title = answers.titles.get(number, "") or (remote.name if remote else "")
        if remote is not None and not (remote.enabled and remote.host):
            left_out.append(LeftOut(where, words(title), "no camera is connected to it"))
        elif remote is None and answers.states.get(number) is False:
            left_out.append(LeftOut(where, words(title), "an input by cable that has no signal"))
        else:
            found.append(_camera(number, title, remote, maker, answers, at, direct=direct))
    name = words(answers.name) or maker.brand
    return made(" ".join(filter(None, (name, answers.model or at.host, answers.serial))), found, left_out)


def _camera(
    number: int, title: str, remote: Remote | None, maker: CameraType, answers: Answers, at: Recorder, *, direct: bool
) -> Found:
    device = remote or Remote()
    said = by_words(device.maker, device.model)
    entry = said or (maker if remote is None or device.maker.lower() in ("private", "dahua") else None)
    size, online = answers.encodings.get(number, Encoding()), answers.states.get(number)
    main, sub, says = (
        _own(device, entry)
        if direct
        else (
            recorder_url(maker, at.host, answers.rtsp_port, number + 1, StreamName.MAIN),
            recorder_url(maker, at.host, answers.rtsp_port, number + 1, StreamName.SUB) if size.has_sub else "",
            ["the recorder does not see it"] if online is False else [],
        )
    )
    return Found(
        where=f"channel {number + 1}",
        name=title,
        vendor=entry.brand if entry else words(device.maker) if device.maker.lower() not in _NO_MODEL else "",
        family=entry.family if entry else "",
        model=device.model,
        megapixels=megapixels(size.width, size.height),
        serial=device.serial,
        mac=device.mac,
        host=device.host or at.host,
        working=online,
        rtsp_main=main,
        rtsp_sub=sub,
        username=device.username if direct else at.username,
        password=device.password if direct else at.password,
        says=tuple(says),
    )


def _own(device: Remote, entry: CameraType | None) -> tuple[str, str, list[str]]:
    """The camera's own streams: as the recorder has written them down, else as its family writes them."""
    if not device.host:
        return "", "", ["it has no address of its own; only the recorder gives its pictures"]
    says = [] if device.password else ["its own password is needed; the recorder does not show it"]
    written = stream(device.main_url)[0]
    if written and host_of(written) == device.host:
        return written, stream(device.sub_url)[0], says
    if entry is None:
        return "", "", [f"its own address is {device.host}; its make is not known, so a probe has to find its stream"]
    main, sub = (recorder_url(entry, device.host, device.port, 1, which) for which in (StreamName.MAIN, StreamName.SUB))
    return main, sub, says


_CONFIG = "/cgi-bin/configManager.cgi?action=getConfig&name="
_BOX = "/cgi-bin/magicBox.cgi?action="


async def read(recorder: Recorder, *, direct: bool = False, rtsp_port: int = 0) -> CameraList:
    """Ask a recorder. A page that it refuses or does not have costs what stands there, not the list. Raises CameraError."""
    says: list[str] = []

    async def page(path: str, parse: Callable[[bytes], dict[_Key, _Parsed]], lost: str) -> dict[_Key, _Parsed]:
        """``lost`` is missing when a recorder refuses the page; empty: older ones have none, and nothing is lost."""
        try:
            return parse(await recorder.get(path))
        except PasswordRefused:
            raise
        except CameraError as error:
            if lost:
                says.append(f"{error}; {lost}")
            return {}

    system = parse_pairs(await recorder.get(f"{_BOX}getSystemInfo"))
    titles = await page(f"{_CONFIG}ChannelTitle", parse_titles, "names are missing")
    remotes = await page(f"{_CONFIG}RemoteDevice", parse_remotes, "what is connected to the channels is missing")
    if not titles and not remotes:
        raise CameraProtocolError(f"{recorder.where}: it names no channels; {'; '.join(says)}".rstrip("; "))
    said = {} if rtsp_port else await page(f"{_CONFIG}RTSP", parse_pairs, "RTSP is taken to be on port 554")
    vendor = await page(f"{_BOX}getVendor", parse_pairs, "")
    machine = await page(f"{_BOX}getMachineName", parse_pairs, "")
    answers = Answers(
        maker=vendor.get("vendor", ""),
        name=machine.get("name", ""),
        model=words(system.get("updateSerial") or system.get("deviceType")),
        serial=words(system.get("serialNumber")),
        rtsp_port=rtsp_port or _port(said.get("table.RTSP.Port")),
        titles=titles,
        remotes=remotes,
        encodings=await page(f"{_CONFIG}Encode", parse_encodings, "sizes of pictures are missing"),
        states=await _states(recorder),
    )
    return msgspec.structs.replace(cameras(answers, recorder, direct=direct), says=tuple(says))


async def _states(recorder: Recorder) -> dict[int, bool]:
    """As new firmware is asked, then as that before it was; older ones do not say."""
    api, before = (
        "/cgi-bin/api/LogicDeviceManager/getCameraState",
        "/cgi-bin/LogicDeviceManager.cgi?action=getCameraState",
    )
    try:
        return parse_states(await recorder.post(api, {"uniqueChannels": [-1]}))
    except PasswordRefused:
        raise
    except CameraError:
        pass
    try:
        return parse_states(await recorder.get(f"{before}&uniqueChannels[0]=-1"))
    except PasswordRefused:
        raise
    except CameraError:
        return {}


def _port(text: str | None) -> int:
    port = whole(text) or 554
    return port if port < 65536 else 554
