"""The Transport header of SETUP (RFC 2326 §12.39)."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple


class TransportReply(NamedTuple):
    """What the camera settled on. Ports and channels are (RTP, RTCP) pairs; None where it did not say."""

    tcp: bool
    interleaved: tuple[int, int] | None = None
    server_port: tuple[int, int] | None = None
    client_port: tuple[int, int] | None = None
    source: str = ""
    ssrc: int | None = None


def offer_tcp(channel: int) -> str:
    """Ask for RTP inside the RTSP connection, on ``channel`` and the next."""
    return f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"


def offer_udp(port: int) -> str:
    """Ask for RTP to our UDP ``port`` and RTCP to the next."""
    return f"RTP/AVP;unicast;client_port={port}-{port + 1}"


def parse_transport(value: str) -> TransportReply:
    """The first transport of a reply. What cannot be read is left out; nothing is raised."""
    protocol, *parts = value.partition(",")[0].split(";")
    parameters: dict[str, str] = {}
    for part in parts[:32]:
        name, _, text = part.partition("=")
        parameters.setdefault(name.strip().lower(), text.strip().strip('"'))
    interleaved = _pair(parameters.get("interleaved", ""), 255)
    return TransportReply(
        tcp="TCP" in protocol.upper() or interleaved is not None,
        interleaved=interleaved,
        server_port=_pair(parameters.get("server_port", ""), 65535),
        client_port=_pair(parameters.get("client_port", ""), 65535),
        source=_address(parameters.get("source", "")),
        ssrc=_hexadecimal(parameters.get("ssrc", "")),
    )


def _pair(text: str, highest: int) -> tuple[int, int] | None:
    first, dash, second = text.partition("-")
    first, second = first.strip(), second.strip()
    if not (first.isascii() and first.isdigit() and len(first) < 6):
        return None
    low = int(first)
    high = int(second) if dash and second.isascii() and second.isdigit() and len(second) < 6 else low + 1
    return (low, high) if low <= highest and high <= highest else None


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    return "" if address.is_unspecified or address.is_multicast else str(address)


def _hexadecimal(text: str) -> int | None:
    text = text.strip().removeprefix("0x")
    try:
        return int(text, 16) & 0xFFFFFFFF if 0 < len(text) <= 8 else None
    except ValueError:
        return None
