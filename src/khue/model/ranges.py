"""Address ranges in which a node may look for cameras: declared by its administrator, and never left."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from khue.model.errors import ConfigError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_RANGES = 64
MAX_BITS = 16  # of one range: 65,536 addresses, an IPv4 /16 or an IPv6 /112
# Private (RFC 1918, RFC 4193), link-local (RFC 3927, RFC 4291) and loopback. `is_private` takes in far more.
_OWN = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
)


def parse_ranges(texts: Iterable[str], *, public: bool = False) -> tuple[Network, ...]:
    """The ranges as networks, in order. ``public`` allows addresses of the open Internet. Raises ConfigError."""
    found = tuple(dict.fromkeys(_range(text, public=public) for text in texts))
    if len(found) > MAX_RANGES:
        raise ConfigError(f"{len(found)} ranges to look for cameras in; at most {MAX_RANGES}")
    return found


def _range(text: str, *, public: bool) -> Network:
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError:
        raise ConfigError(f"{text!r} is no range of addresses; {_instead(text)}") from None
    if network.max_prefixlen - network.prefixlen > MAX_BITS:
        widest = network.max_prefixlen - MAX_BITS
        raise ConfigError(f"the range {network} is too wide; declare at most a /{widest}, several of them if need be")
    if network.is_multicast or network.network_address.is_unspecified or (network.version == 4 and network.is_reserved):
        raise ConfigError(f"the range {network} holds no cameras: it is multicast, reserved or unspecified")
    if not public and not any(_within(network, own) for own in _OWN):
        raise ConfigError(
            f"the range {network} is neither private, link-local nor loopback; if its cameras are yours, declare it in "
            "scan_public_ranges"
        )
    return network


def _instead(text: str) -> str:
    try:
        return f"its host bits are set; write {ipaddress.ip_network(text.strip(), strict=False)}"
    except ValueError:
        return "write it like 10.20.30.0/24 or fd00:1234::/112"


def inside(network: Network, declared: Sequence[Network]) -> bool:
    """Whether the whole of it lies in one declared range."""
    return any(_within(network, one) for one in declared)


def holds(declared: Sequence[Network], address: str) -> bool:
    """Whether an address, as text, lies in a declared range. What is no address does not."""
    try:
        return inside(ipaddress.ip_network(address.partition("%")[0]), declared)
    except ValueError:
        return False


def addresses(networks: Sequence[Network]) -> Iterator[Address]:
    """Every host once, in the order of the ranges. Network and broadcast address of an IPv4 range hold no camera."""
    for network in _outermost(networks):
        yield from network.hosts()


def count(networks: Sequence[Network]) -> int:
    """How many addresses that is."""
    return sum(_hosts(network) for network in _outermost(networks))


def _outermost(networks: Sequence[Network]) -> list[Network]:
    """Without those that lie in another: ranges are nested or apart, never half and half."""
    distinct = list(dict.fromkeys(networks))
    return [one for one in distinct if not any(one is not other and _within(one, other) for other in distinct)]


def _hosts(network: Network) -> int:
    bits = network.max_prefixlen - network.prefixlen
    if bits <= 1:
        return 1 << bits
    return (1 << bits) - (2 if network.version == 4 else 1)


def _within(network: Network, other: Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network):
        return network.subnet_of(other)
    if isinstance(network, ipaddress.IPv6Network) and isinstance(other, ipaddress.IPv6Network):
        return network.subnet_of(other)
    return False
