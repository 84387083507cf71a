"""WS-Discovery 1.1 (OASIS, 2009) as ONVIF Core §7 uses it: who is on this network? UDP, port 3702."""

from __future__ import annotations

import asyncio
import socket
import uuid
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import msgspec

from khue.model.errors import CameraProtocolError, CameraUnreachable

MULTICAST = ("239.255.255.250", 3702)
MAX_ANSWER = 64 * 1024
_DISCOVERY = "{http://schemas.xmlsoap.org/ws/2005/04/discovery}"
_ADDRESSING = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
_SCOPE = "onvif://www.onvif.org/"
_PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
 xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<e:Header><w:MessageID>urn:uuid:{id}</w:MessageID>
<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>
<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"""


class Found(msgspec.Struct, frozen=True):
    """One camera that answered. ``services`` are its device-service URLs; name and hardware as it calls itself."""

    endpoint: str
    services: tuple[str, ...]
    name: str = ""
    hardware: str = ""
    location: str = ""
    address: str = ""


def build_probe(message_id: str) -> bytes:
    """The question; ``message_id`` is a UUID."""
    return _PROBE.format(id=message_id).encode()


def parse_answer(data: bytes) -> tuple[Found, ...]:
    """The cameras in one ProbeMatches message. CameraProtocolError when it is none; no entity is ever expanded."""
    if len(data) > MAX_ANSWER:
        raise CameraProtocolError(f"a discovery answer of {len(data)} bytes; at most {MAX_ANSWER} are taken")
    if b"<!" in data.replace(b"<!--", b""):
        raise CameraProtocolError("a discovery answer with a document type, which may hide an entity bomb")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise CameraProtocolError(f"a discovery answer that is no XML: {type(error).__name__}") from None
    return tuple(_found(match) for match in root.iter(f"{_DISCOVERY}ProbeMatch"))


async def discover(
    *, timeout_s: float = 2.0, to: tuple[str, int] = MULTICAST, interface: str = ""
) -> tuple[Found, ...]:
    """Cameras that answer within ``timeout_s``, one entry each. ``to`` may be one host; ``interface`` our own address."""
    family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
    found: dict[str, Found] = {}
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            if family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
                if interface:
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
            await loop.sock_sendto(sock, build_probe(str(uuid.uuid4())), to)
        except OSError as error:
            raise CameraUnreachable(f"cannot ask the network for cameras: {error.strerror}") from None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    await _take_answer(loop, sock, found)
        except TimeoutError:
            pass  # the time to answer is over
    return tuple(found.values())


async def _take_answer(loop: asyncio.AbstractEventLoop, sock: socket.socket, found: dict[str, Found]) -> None:
    try:
        data, sender = await loop.sock_recvfrom(sock, MAX_ANSWER)
        answers = parse_answer(data)
    except (OSError, CameraProtocolError):
        return  # an unreachable port or nonsense from one device must not hide the others
    for answer in answers:
        if len(found) < 4096:
            found.setdefault(answer.endpoint or sender[0], msgspec.structs.replace(answer, address=sender[0]))


def _found(match: ElementTree.Element) -> Found:
    scopes = [unquote(scope) for scope in (match.findtext(f"{_DISCOVERY}Scopes") or "").split()]
    services = [url for url in (match.findtext(f"{_DISCOVERY}XAddrs") or "").split() if _is_service(url)]
    return Found(
        endpoint=(match.findtext(f"{_ADDRESSING}EndpointReference/{_ADDRESSING}Address") or "").strip()[:200],
        services=tuple(services),
        name=_scope(scopes, "name/"),
        hardware=_scope(scopes, "hardware/"),
        location=_scope(scopes, "location/"),
    )


def _scope(scopes: list[str], prefix: str) -> str:
    return next((s.removeprefix(_SCOPE + prefix)[:200] for s in scopes if s.startswith(_SCOPE + prefix)), "")


def _is_service(url: str) -> bool:
    """An HTTP address; not a link-local one, which leads nowhere from here."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    return parts.scheme in ("http", "https") and bool(host) and not host.startswith(("169.254.", "fe80:"))
