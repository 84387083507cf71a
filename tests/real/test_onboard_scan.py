"""A node looks for cameras in what was declared and nowhere else, at the rate it was told."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator

import pytest
from sim_peer import small_camera

from khue.camera import networks
from khue.camera.scan import Scan
from khue.model.errors import ConfigError
from khue.model.ranges import parse_ranges
from khue.model.time import SystemClock
from khue.node.scan import ScanServer
from khue.sim.camera import SimCamera
from khue.sim.city import SimCity
from khue.wire.onboarding import FoundDevice, ScanReply, ScanRequest, ScanState

RTSP, WEB = 18554, 18080


def camera(name: str, host: str, **changes: object) -> SimCamera:
    at = {"host": host, "rtsp_port": RTSP, "onvif_port": WEB, "onvif": True, "auth": "digest-md5"}
    return small_camera(name, **{**at, **changes})


@contextlib.asynccontextmanager
async def city_of(*cameras: SimCamera, discovery: bool = False) -> AsyncIterator[SimCity]:
    city = SimCity()
    try:
        await city.start(cameras, discovery=discovery)
        yield city
    finally:
        await city.stop()


async def look(ranges: list[str], **options: object) -> tuple[Scan, dict[str, FoundDevice]]:
    networks = parse_ranges(ranges)
    made = {"ports": (RTSP, WEB), "rate": 1000.0}
    scan = Scan(networks, networks, SystemClock(), **{**made, **options})
    await scan.run()
    found, more = scan.take(0, 1000)
    assert not more
    return scan, {device.key: device for device in found}


async def test_it_finds_cameras_by_what_they_give_away() -> None:
    cameras = [
        camera("hik", "127.7.0.3", family="hik"),
        camera("dahua", "127.7.0.4", family="dahua", shows_itself=True, serial="DH-1", mac="3c:ef:8c:00:00:01"),
        camera("axis", "127.7.0.5", family="axis", mac="ac:cc:8e:01:02:03", onvif=False),
        camera("unv", "127.7.0.6", family="unv", clock_offset_s=86400.0),
    ]
    async with city_of(*cameras) as city:
        scan, found = await look(["127.7.0.0/28"])
        assert scan.total == scan.asked == 14
        assert sorted(found) == ["127.7.0.3", "127.7.0.4", "127.7.0.5", "127.7.0.6"]
        dahua, axis = found["127.7.0.4"], found["127.7.0.5"]
        assert (dahua.family, dahua.vendor, dahua.serial, dahua.mac) == ("dahua", "Dahua", "DH-1", "3c:ef:8c:00:00:01")
        assert dahua.model and dahua.onvif and dahua.ports == (WEB, RTSP)
        assert dahua.services == (f"http://127.7.0.4:{WEB}/onvif/device_service",)
        assert found["127.7.0.3"].family == "hik" and found["127.7.0.3"].serial == ""
        assert (axis.family, axis.mac, axis.onvif, axis.ports) == ("axis", "ac:cc:8e:01:02:03", False, (RTSP,))
        assert found["127.7.0.6"].clock_offset_s == pytest.approx(86400, abs=5)
        assert all(city.sign_ins(one.name) == (0, 0) for one in cameras), "nobody was asked with a password"


async def test_what_is_no_camera_is_no_find() -> None:
    async def printer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 404 Not Found\r\nServer: Laser printer\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def hostile(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                writer.write(b"\xff" * 65536)
                await writer.drain()
        writer.close()

    servers = [
        await asyncio.start_server(printer, "127.7.1.1", WEB),
        await asyncio.start_server(hostile, "127.7.1.2", RTSP),
    ]
    try:
        _, found = await look(["127.7.1.0/29"])
        assert found == {}
    finally:
        for server in servers:
            server.close()


async def test_the_catalogue_s_ports_are_tried_where_somebody_answers() -> None:
    async with city_of(camera("xm", "127.7.2.2", family="xm", rtsp_port=8554, onvif_port=8899)):
        _, found = await look(["127.7.2.2/32"], ports=())
        assert found["127.7.2.2"].ports == (8554, 8899) and found["127.7.2.2"].onvif


async def test_the_rate_holds() -> None:
    began = time.monotonic()
    scan, _ = await look(["127.7.3.0/27"], rate=100.0)
    assert scan.connects == 60
    assert time.monotonic() - began >= 59 / 100


async def test_answers_from_elsewhere_are_dropped_and_counted() -> None:
    cameras = [
        camera("one", "127.0.0.1", rtsp_port=0, onvif_port=0),
        camera("two", "127.0.0.1", rtsp_port=0, onvif_port=0),
    ]
    async with city_of(*cameras, discovery=True) as city:
        ask = ("127.0.0.1", city.discovery_port)
        declared = parse_ranges(["127.0.0.0/24"])
        scan = Scan((), declared, SystemClock(), multicast=True, ask=ask, rate=1000.0)
        await scan.run()
        found, _ = scan.take(0, 100)
        assert {device.key for device in found} == {city.onvif_url("one"), city.onvif_url("two")}
        assert all(device.onvif and device.name and device.address == "127.0.0.1" for device in found)
        elsewhere = Scan((), parse_ranges(["127.9.0.0/24"]), SystemClock(), multicast=True, ask=ask)
        await elsewhere.run()
        assert elsewhere.take(0, 100) == ((), False) and elsewhere.outside == 2 and elsewhere.connects == 0


# -- the node's answers


def server(*ranges: str, rate: float = 1000.0) -> ScanServer:
    return ScanServer(parse_ranges(ranges), rate, SystemClock())


async def fetch(node: ScanServer, **request: object) -> tuple[ScanReply, list[FoundDevice]]:
    """Go on until it ends, as the centre does."""
    found: list[FoundDevice] = []
    async with asyncio.timeout(30):
        reply = await node.asked(ScanRequest(id="s1", start=True, ports=(RTSP, WEB), **request))
        while True:
            found += reply.found
            if reply.error or (reply.state is not ScanState.RUNNING and not reply.more and not reply.found):
                return reply, found
            await asyncio.sleep(0.02)
            reply = await node.asked(ScanRequest(id="s1", received=len(found)))


async def test_nothing_beyond_the_declared_ranges() -> None:
    accepted: list[object] = []
    listener = await asyncio.start_server(lambda r, w: (accepted.append(r), w.close()), "127.7.5.1", WEB)
    node = server("127.7.4.0/28")
    try:
        for ranges in (("127.7.5.0/28",), ("127.7.4.0/27",), ("127.7.4.0/28", "127.7.5.1/32"), ("0.0.0.0/16",)):
            with pytest.raises(ConfigError, match=r"outside what this node.s administrator|no cameras"):
                await node.asked(ScanRequest(id="x", start=True, ranges=ranges, ports=(WEB,)))
        with pytest.raises(ConfigError, match="declared no scan_ranges"):
            await server().asked(ScanRequest(id="x", start=True, multicast=True))
        assert (await node.asked(ScanRequest(id="x"))).state is ScanState.UNKNOWN
        assert accepted == []
    finally:
        listener.close()


async def test_what_was_found_is_fetched_piece_by_piece() -> None:
    async with city_of(*(camera(f"c{n}", f"127.7.6.{n}", onvif=False) for n in range(1, 9))):
        node = server("127.7.6.0/28")
        reply, found = await fetch(node)
        assert reply.state is ScanState.DONE and (reply.asked, reply.total) == (14, 14)
        assert sorted(device.address for device in found) == [f"127.7.6.{n}" for n in range(1, 9)]
        again = await node.asked(ScanRequest(id="s1", received=5))
        assert again.found == (), "what has arrived is forgotten"


async def test_one_scan_at_a_time_and_it_can_be_ended() -> None:
    node = server("127.7.8.0/24", rate=20.0)
    first = await node.asked(ScanRequest(id="a", start=True, ports=(WEB,)))
    assert first.state is ScanState.RUNNING
    assert "already looking" in (await node.asked(ScanRequest(id="b", start=True))).error
    assert (await node.asked(ScanRequest(id="a", start=True))).state is ScanState.RUNNING, "asked twice is asked once"
    ended = await node.asked(ScanRequest(id="a", cancel=True))
    assert ended.state is ScanState.CANCELLED and ended.asked < 254
    assert (await node.asked(ScanRequest(id="b", start=True, ports=(WEB,)))).state is ScanState.RUNNING
    await node.stop()


async def test_a_scan_nobody_asks_after_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("khue.node.scan.SCAN_LEASE_S", 0.3)
    node = server("127.7.9.0/24", rate=20.0)
    await node.asked(ScanRequest(id="a", start=True, ports=(WEB,)))
    await asyncio.sleep(0.8)
    reply = await node.asked(ScanRequest(id="a"))
    assert reply.state is ScanState.CANCELLED and "nobody asked" in reply.error


async def test_multicast_goes_to_declared_networks_only() -> None:
    name = f"khue-{uuid.uuid4().hex[:8]}"
    at = {"rtsp_port": 0, "onvif_port": 0}
    async with city_of(camera(name, "127.0.0.1", **at), discovery=True) as city:
        scan = Scan((), parse_ranges(["127.0.0.0/24"]), SystemClock(), multicast=True, rate=1000.0)
        await scan.run()
        found, _ = scan.take(0, 4096)
        assert city.onvif_url(name) in {url for device in found for url in device.services}
    assert networks.interfaces_within(parse_ranges(["203.0.113.0/24"], public=True)) == []
    assert "127.0.0.1" in networks.interfaces_within(parse_ranges(["127.3.0.0/24"]))


async def test_looking_waits_for_whoever_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("khue.camera.scan.MOST_WAITING", 3)
    monkeypatch.setattr("khue.camera.scan._AT_ONCE", 1)
    async with city_of(*(camera(f"c{n}", f"127.7.10.{n}", onvif=False) for n in range(1, 9))):
        node = server("127.7.10.0/28")
        await node.asked(ScanRequest(id="s1", start=True, ports=(RTSP,)))
        await asyncio.sleep(1.0)
        full = await node.asked(ScanRequest(id="s1"))
        assert len(full.found) == 3 and full.state is ScanState.RUNNING and full.asked <= 4
        reply, found = await fetch(node)
        assert reply.state is ScanState.DONE and len({device.key for device in found}) == 8


async def test_ipv6() -> None:
    async def hik(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            for number in (1, 2):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nServer: Hikvision\r\n\r\n".encode())
        writer.close()

    try:
        listener = await asyncio.start_server(hik, "::1", RTSP)
    except OSError:
        pytest.skip("this machine has no IPv6")
    try:
        _, found = await look(["::1/128"])
        assert found["::1"].family == "hik" and found["::1"].ports == (RTSP,)
    finally:
        listener.close()
