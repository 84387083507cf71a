"""Our own IPv4 networks, as Linux tells them (netdevice(7))."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Sequence

from khue.model.ranges import Network

_SIOCGIFADDR, _SIOCGIFNETMASK = 0x8915, 0x891B


def interfaces_within(declared: Sequence[Network]) -> list[str]:
    """Our address on each network that overlaps a declared range: only those may be asked."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            own = _network(sock, name)
            if own and any(own[1].overlaps(one) for one in declared if isinstance(one, ipaddress.IPv4Network)):
                found.append(own[0])
    return found


def _network(sock: socket.socket, name: str) -> tuple[str, ipaddress.IPv4Network] | None:
    try:
        address, mask = (_ask(sock, name, what) for what in (_SIOCGIFADDR, _SIOCGIFNETMASK))
    except OSError:  # without an IPv4 address, or gone since
        return None
    return address, ipaddress.IPv4Network(f"{address}/{mask}", strict=False)


def _ask(sock: socket.socket, name: str, what: int) -> str:
    reply = fcntl.ioctl(sock.fileno(), what, struct.pack("256s", name.encode()[:15]))
    return socket.inet_ntoa(reply[20:24])
