"""What a device gives away without a password: banners, open ONVIF answers, its hardware address. Parsers, no I/O."""

from __future__ import annotations

import datetime as dt
import re
from xml.etree import ElementTree

import msgspec

from khue.camera.auth import parse_challenges
from khue.camera.catalogue import CameraType, by_family, load
from khue.model.errors import CameraProtocolError

MAX_ANSWER = 64 * 1024
_TDS = "http://www.onvif.org/ver10/device/wsdl"
_ENVELOPE = "{http://www.w3.org/2003/05/soap-envelope}Envelope"
_MAC = re.compile(r"[0-9a-fA-F]{2}([:-]?)(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}")
_AXIS_REALM = re.compile(r"AXIS_([0-9A-F]{12})")
# Banners and realms as these firmwares are known to send them; the first that is found counts.
_BANNERS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), family)
    for pattern, family in (
        (r"AXIS_[0-9A-F]{12}|\baxis\b", "axis"),
        (r"App-webs|DNVRS-Webs|DVRDVS-Webs|Hikvision|IP Camera\([A-Z0-9]+\)", "hik"),
        (r"Login to [0-9A-Za-z]|Dahua|DahuaRtspServer", "dahua"),
        (r"H264DVR|JAWS/1\.0|uc-httpd", "xm"),
        (r"Uniview|\bUNV\b", "unv"),
        (r"Vivotek", "vivotek"),
        (r"iPolis|Hanwha|Samsung", "hanwha"),
        (r"TP-?LINK|Tapo", "tplink"),
        (r"Netwave IP Camera|Foscam", "foscam"),
        (r"GeoHttpServer|GeoVision", "geovision"),
        (r"Panasonic|i-PRO", "ipro"),
    )
)


class HttpAnswer(msgspec.Struct, frozen=True):
    """``server`` is the header of that name; realms of a challenge are in ``realms``."""

    status: int
    server: str
    realms: tuple[str, ...]
    body: bytes


class Device(msgspec.Struct, frozen=True):
    """What an open ONVIF device service says; empty where it keeps it to itself."""

    manufacturer: str = ""
    model: str = ""
    serial: str = ""


def build_call(host: str, operation: str) -> bytes:
    """An HTTP request with an ONVIF call nobody signs. HTTP/1.0, so that the answer comes in one piece."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
        f'<{operation} xmlns="{_TDS}"/></s:Body></s:Envelope>'
    )
    return (
        f"POST /onvif/device_service HTTP/1.0\r\nHost: {host}\r\nUser-Agent: khue\r\nConnection: close\r\n"
        f"Content-Type: application/soap+xml; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def http_complete(data: bytes) -> bool:
    """Whether nothing more has to come before ``parse_http`` sees all of it."""
    head, gap, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length:[ \t]*(\d{1,9})", head)
    return len(data) >= MAX_ANSWER or (bool(gap) and length is not None and len(body) >= int(length[1]))


def parse_http(data: bytes) -> HttpAnswer:
    """Raises CameraProtocolError for what is no HTTP."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:100]
    status = re.fullmatch(r"HTTP/1\.[01] (\d{3})(?: .*)?", first)
    if status is None:
        raise CameraProtocolError("the answer is no HTTP")
    pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    server = next((value for name, value in pairs if name == "server"), "")
    return HttpAnswer(
        int(status[1]), _plain(server), realms([v for n, v in pairs if n == "www-authenticate"]), body[:MAX_ANSWER]
    )


def realms(challenges: list[str]) -> tuple[str, ...]:
    """Of WWW-Authenticate headers: firmware puts its make there, Axis even its serial number."""
    found = parse_challenges([value[:2000] for value in challenges[:8]])
    return tuple(_plain(challenge.parameters.get("realm", "")) for challenge in found)


def parse_soap(data: bytes) -> ElementTree.Element:
    """The envelope. Raises CameraProtocolError when it is none; no entity is ever expanded."""
    if len(data) > MAX_ANSWER or b"<!" in data.replace(b"<!--", b"") or b"\0" in data:
        raise CameraProtocolError("an ONVIF answer with a document type, or too long")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise CameraProtocolError(f"an ONVIF answer that is no XML: {type(error).__name__}") from None
    if root.tag != _ENVELOPE:
        raise CameraProtocolError("an answer that is no SOAP")
    return root


def device_time(envelope: ElementTree.Element) -> dt.datetime | None:
    """Of GetSystemDateAndTime, aware UTC; None when it says none."""
    clock = envelope.find(".//{*}UTCDateTime")
    if clock is None:
        return None
    try:
        parts = [int(clock.findtext(f".//{{*}}{name}", "")) for name in ("Year", "Month", "Day", "Hour", "Minute")]
        second = min(int(clock.findtext(".//{*}Second", "")), 59)
        return dt.datetime(parts[0], parts[1], parts[2], parts[3], parts[4], second, tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        return None


def device_information(envelope: ElementTree.Element) -> Device:
    """Of GetDeviceInformation, where it is open."""

    def text(name: str) -> str:
        return _plain(envelope.findtext(f".//{{{_TDS}}}{name}", ""))

    return Device(text("Manufacturer"), text("Model"), text("SerialNumber"))


def hardware_address(envelope: ElementTree.Element) -> str:
    """Of GetNetworkInterfaces: the first that is one."""
    found = (mac(element.text or "") for element in envelope.iter() if element.tag.endswith("}HwAddress"))
    return next((address for address in found if address), "")


def mac(text: str) -> str:
    """``aa:bb:cc:dd:ee:ff`` from any usual spelling; empty when it is none, or nobody's."""
    if _MAC.fullmatch(text.strip()) is None:
        return ""
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    if digits in ("0" * 12, "f" * 12):
        return ""
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def parse_neighbours(table: str) -> dict[str, str]:
    """Address to hardware address, of Linux's ``/proc/net/arp``: who is on our own network needs not be asked."""
    found: dict[str, str] = {}
    for line in table.splitlines()[1:5000]:
        columns = line.split()
        if len(columns) >= 4 and columns[2] != "0x0" and (address := mac(columns[3])):
            found[columns[0]] = address
    return found


def mac_of_realm(realm: str) -> str:
    """Axis names its realm after its hardware address."""
    found = _AXIS_REALM.fullmatch(realm)
    return mac(found[1]) if found else ""


def identify(manufacturer: str, banners: list[str]) -> CameraType | None:
    """The type it looks like: by the maker's name if it says it, else by what its firmware is known to send."""
    named = manufacturer.casefold().strip()
    for entry in load():
        if named and named == entry.brand.casefold():
            return entry
    for entry in load() if named else ():
        words = [word for word in re.split(r"[^a-z0-9-]+", entry.brand.casefold()) if len(word) > 2]
        if any(re.search(rf"\b{re.escape(word)}\b", named) for word in words if word not in _EMPTY_WORDS):
            return entry
    for pattern, family in _BANNERS:
        if any(pattern.search(banner) for banner in banners):
            return next(iter(by_family(family)), None)
    return None


_EMPTY_WORDS = frozenset(("camera", "vision", "technology", "oem", "one", "etc", "link"))


def _plain(text: str) -> str:
    return "".join(letter for letter in text.strip() if letter.isprintable())[:200]
