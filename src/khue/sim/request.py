"""RTSP requests as a camera hears them (RFC 2326 §6). Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from khue.model.errors import CameraProtocolError

_HEAD_LIMIT = 16 << 10
_TRACK = re.compile(r"trackID=(\d+)$")


class Request(NamedTuple):
    """``headers`` have lower-case names."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


class TransportAsked(NamedTuple):
    """The first alternative of a Transport header (RFC 2326 §12.39) a camera can do."""

    tcp: bool
    ports: tuple[int, int]  # interleaved channels, or the client's UDP ports


def take_request(buffer: bytearray) -> Request | None:
    """Remove one complete request from the buffer, or None when it is not all there.

    Raises CameraProtocolError for what is no RTSP request.
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > _HEAD_LIMIT:
            raise CameraProtocolError("a request head of more than 16 KB")
        return None
    lines = bytes(buffer[:end]).decode("utf-8", "replace").split("\r\n")
    words = lines[0].split()
    if len(words) != 3 or not words[2].startswith("RTSP/1."):
        raise CameraProtocolError(f"not an RTSP request: {lines[0][:60]!r}")
    pairs = (line.partition(":") for line in lines[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = headers.get("content-length", "0")
    size = int(length) if length.isdecimal() and len(length) < 6 else 0
    if len(buffer) < end + 4 + size:
        return None
    body = bytes(buffer[end + 4 : end + 4 + size])
    del buffer[: end + 4 + size]
    return Request(words[0], words[1], headers, body)


def take_interleaved(buffer: bytearray) -> tuple[int, bytes] | None:
    """Remove one ``$`` frame from the head of the buffer: (channel, packet)."""
    if len(buffer) < 4:
        return None
    size = int.from_bytes(buffer[2:4], "big")
    if len(buffer) < 4 + size:
        return None
    channel, packet = buffer[1], bytes(buffer[4 : 4 + size])
    del buffer[: 4 + size]
    return channel, packet


def target(url: str) -> str:
    """Path and query of a request URL, as written."""
    _, scheme, rest = url.partition("://")
    if not scheme:
        return url
    host, slash, path = rest.partition("/")
    return slash + path if slash else f"/{''.join(host.partition('?')[1:])}"


def track_of(url: str) -> int | None:
    """The track index a control URL names, None for the whole stream."""
    found = _TRACK.search(url)
    return int(found[1]) - 1 if found else None


def transport_asked(header: str, allowed: tuple[str, ...]) -> TransportAsked | None:
    """The first usable alternative, or None: 461 Unsupported Transport."""
    for choice in header.split(","):
        words = choice.strip().split(";")
        fields = dict(word.strip().partition("=")[::2] for word in words[1:])
        kind = words[0].strip().upper()
        if "multicast" in fields:
            continue
        if kind == "RTP/AVP/TCP" and "tcp" in allowed:
            return TransportAsked(True, _pair(fields.get("interleaved", "")))
        if kind in ("RTP/AVP", "RTP/AVP/UDP") and "udp" in allowed and (ports := _pair(fields.get("client_port", ""))):
            return TransportAsked(False, ports)
    return None


def _pair(text: str) -> tuple[int, int]:
    """``8-9`` as (8, 9); (0, 1) when missing."""
    first, _, second = text.partition("-")
    if not first.isdecimal():
        return (0, 1)
    return int(first), int(second) if second.isdecimal() else int(first) + 1
