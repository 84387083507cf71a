"""Declared ranges: private unless said otherwise, never wide, never left."""

from __future__ import annotations

import msgspec
import pytest

from khue.model.errors import ConfigError
from khue.model.ranges import addresses, count, holds, inside, parse_ranges
from khue.node.config import NodeConfig


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10.0.0.0/8", "too wide; declare at most a /16"),
        ("fd00::/64", "at most a /112"),
        ("8.8.8.0/24", "declare it in scan_public_ranges"),
        ("100.64.0.0/24", "scan_public_ranges"),
        ("10.1.2.3/24", "write 10.1.2.0/24"),
        ("camera.local", "write it like"),
        ("", "write it like"),
        ("224.0.0.0/24", "holds no cameras"),
        ("0.0.0.0/32", "holds no cameras"),
        ("255.255.255.255", "holds no cameras"),
        ("192.0.2.0/24", "scan_public_ranges"),
    ],
)
def test_what_may_not_be_declared(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_ranges([text])


def test_public_ranges_are_said_apart() -> None:
    assert [str(one) for one in parse_ranges(["8.8.8.0/24"], public=True)] == ["8.8.8.0/24"]
    with pytest.raises(ConfigError, match="too wide"):
        parse_ranges(["8.0.0.0/8"], public=True)
    with pytest.raises(ConfigError, match="at most 64"):
        parse_ranges([f"10.0.{n}.0/24" for n in range(65)])


def test_private_loopback_and_link_local() -> None:
    texts = [
        "10.0.0.0/16",
        "172.31.0.0/24",
        "192.168.1.7/32",
        "169.254.0.0/16",
        "127.0.0.0/16",
        "fd00::/112",
        "::1/128",
    ]
    declared = parse_ranges(texts)
    assert [str(one) for one in declared] == texts
    assert inside(parse_ranges(["10.0.3.0/24"])[0], declared)
    assert not inside(parse_ranges(["10.1.0.0/24"])[0], declared)
    assert holds(declared, "192.168.1.7") and holds(declared, "fd00::9") and not holds(declared, "192.168.1.8")
    assert not holds(declared, "camera") and not holds(declared, "")


def test_every_address_once() -> None:
    networks = parse_ranges(["127.1.0.0/30", "127.1.0.0/29", "fd00::/126", "127.2.0.1/32"])
    found = [str(address) for address in addresses(networks)]
    assert len(found) == len(set(found)) == count(networks) == 6 + 3 + 1
    assert "127.1.0.3" in found and "127.1.0.0" not in found
    assert count(parse_ranges(["10.0.0.0/16", "10.0.0.0/16"])) == 65534
    assert list(addresses(parse_ranges(["10.0.0.0/31"]))) == [*parse_ranges(["10.0.0.0/31"])[0]]


def test_a_node_declares_nothing_by_default() -> None:
    assert NodeConfig(id="n", data="d").declared == ()
    config = NodeConfig(id="n", data="d", scan_ranges=("10.0.0.0/24",), scan_public_ranges=("8.8.8.0/24",))
    assert [str(one) for one in config.declared] == ["10.0.0.0/24", "8.8.8.0/24"]
    for wrong in ({"scan_ranges": ["8.8.8.0/24"]}, {"scan_ranges": ["10.0.0.0/8"]}, {"scan_rate": 0}):
        with pytest.raises(ConfigError):
            msgspec.convert({"id": "n", "data": "d", **wrong}, NodeConfig)
    with pytest.raises(msgspec.ValidationError, match="scan_range"):
        msgspec.convert({"id": "n", "data": "d", "scan_range": []}, NodeConfig)
