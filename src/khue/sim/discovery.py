"""WS-Discovery (OASIS WS-Discovery 1.0 as ONVIF Core §7 uses it): one socket that answers for every camera of the city."""

from __future__ import annotations

import asyncio
import socket
import struct
import uuid
from collections.abc import Callable
from typing import NamedTuple, cast
from xml.sax.saxutils import escape

from khue.model.errors import CameraProtocolError
from khue.sim import soap

GROUP, PORT = "239.255.255.250", 3702
_TYPES = ("NetworkVideoTransmitter", "Device")
_SEND_S = 0.002  # between answers: a city's worth at once would overflow the asker's socket


class Announced(NamedTuple):
    """What one camera says of itself."""

    endpoint: uuid.UUID
    scopes: list[str]
    address: str


class Responder(asyncio.DatagramProtocol):
    """``cameras`` gives those that can answer now."""

    def __init__(self, cameras: Callable[[], list[Announced]]) -> None:
        self._cameras = cameras
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's transport has the methods but not the base class: an isinstance check would fail.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            call = soap.parse(data)
        except CameraProtocolError:
            return  # not for us
        if call.operation != "Probe" or not _wanted(call.text("Types")):
            return
        message = (call.envelope.findtext(f".//{{{soap.NAMESPACES['a']}}}MessageID") or "").strip()
        asked = call.text("Scopes").split()
        answers = [camera for camera in self._cameras() if all(_in_scope(scope, camera.scopes) for scope in asked)]
        for i, camera in enumerate(answers):
            asyncio.get_running_loop().call_later(i * _SEND_S, self._send, probe_match(camera, message), addr)

    def _send(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, addr)


def _wanted(types: str) -> bool:
    """A probe without types asks everybody."""
    return not types or any(name.rpartition(":")[2] in _TYPES for name in types.split())


def _in_scope(asked: str, own: list[str]) -> bool:
    """RFC 3986 prefix matching by path segment, the default rule."""
    return any(scope == asked or scope.startswith(asked.rstrip("/") + "/") for scope in own)


def probe_match(camera: Announced, relates_to: str) -> bytes:
    """One camera's ProbeMatches."""
    header = (
        f"<a:MessageID>urn:uuid:{uuid.uuid4()}</a:MessageID><a:RelatesTo>{escape(relates_to)}</a:RelatesTo>"
        "<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
        "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action>"
    )
    body = (
        "<d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>"
        f"urn:uuid:{camera.endpoint}</a:Address></a:EndpointReference>"
        "<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>"
        f"<d:Scopes>{escape(' '.join(camera.scopes))}</d:Scopes><d:XAddrs>{camera.address}</d:XAddrs>"
        "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches>"
    )
    return soap.envelope(body, header)


async def respond(cameras: Callable[[], list[Announced]], host: str, *, multicast: bool) -> asyncio.DatagramTransport:
    """Listen on an ephemeral port of ``host`` or, for ``multicast``, on the group by way of that interface."""
    loop = asyncio.get_running_loop()
    if not multicast:
        return (await loop.create_datagram_endpoint(lambda: Responder(cameras), local_addr=(host, 0)))[0]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("", PORT))
    member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(host))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host))
    return (await loop.create_datagram_endpoint(lambda: Responder(cameras), sock=sock))[0]
