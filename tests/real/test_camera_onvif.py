"""ONVIF calls, probing and discovery against the simulated city."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from sim_peer import SMALLER, running, small_camera

from khue.camera.control import PasswordRefused
from khue.camera.discovery import discover
from khue.camera.onvif import OnvifCamera
from khue.camera.probe import probe
from khue.model.errors import CameraError, CameraProtocolError, CameraRefused, CameraUnreachable
from khue.sim.city import SimCity
from khue.wire.link import ProbeRequest

PASSWORD = "Khue-2026"
DAY = 86400.0


def dome(**changes: object):
    return small_camera(**{"onvif": True, "ptz": True, "sub": SMALLER, "family": "hanwha", "audio": "aac", **changes})


def client(url: str, password: str = PASSWORD, **options: object) -> OnvifCamera:
    parts = urlsplit(url)
    return OnvifCamera(parts.hostname, parts.port, "admin", password, path=parts.path, **options)


@pytest.mark.parametrize("offset", [0.0, DAY, -DAY])
async def test_a_clock_wrong_by_a_day_does_not_break_authentication(offset: float) -> None:
    async with running(dome(clock_offset_s=offset)) as city, client(city.onvif_url("cam")) as camera:
        assert camera.clock_offset_s == pytest.approx(offset, abs=5)
        identity = await camera.identity()
        assert identity.manufacturer.startswith("Hanwha") and identity.serial and identity.model
        profiles = await camera.profiles()
        assert [(p.token, p.codec, p.width, p.height, p.frame_rate) for p in profiles] == [
            ("main", "h264", 320, 180, 25.0),
            ("sub", "h264", 192, 108, 25.0),
        ]
        assert profiles[0].ptz and profiles[0].audio == "aac" and profiles[0].kbps > 0
        assert await camera.stream_url("main") == city.url("cam")
        assert (await camera.snapshot_url("main")).startswith("http://127.0.0.1:")


async def test_the_dome_moves() -> None:
    async with running(dome()) as city, client(city.onvif_url("cam")) as camera:
        await camera.ptz_to("main", 0.5, -0.25, 0.1)
        token = await camera.set_preset("main", "Cổng chính")
        await camera.ptz_move("main", -1.0, 0.0, 0.0, stop_after_s=0.5)
        await camera.ptz_stop("main")
        assert (token, "Cổng chính") in [(preset.token, preset.name) for preset in await camera.presets("main")]
        await camera.go_to_preset("main", token)
        with pytest.raises(CameraRefused, match="GotoPreset refused"):
            await camera.go_to_preset("main", "99")


async def test_the_wrong_password_is_said() -> None:
    async with running(dome()) as city:
        async with client(city.onvif_url("cam"), password="wrong") as camera:
            with pytest.raises(PasswordRefused, match="ONVIF GetDeviceInformation: user name or password refused"):
                await camera.identity()
        async with OnvifCamera("127.0.0.1", urlsplit(city.onvif_url("cam")).port) as camera:
            assert camera.clock_offset_s is not None
            with pytest.raises(PasswordRefused):
                await camera.profiles()


BOMB = b"""<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;">]>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>&c;</s:Body></s:Envelope>"""
DEEP = b"<a>" * 100_000


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (BOMB, "document type"),
        (b"x" * (2 << 20), "more than 1048576 bytes"),
        (b"not xml at all", "cannot be read"),
        (DEEP, "cannot be read|refused"),
        (b"", "cannot be read"),
        (BOMB.decode().encode("utf-16"), "cannot be read"),
    ],
)
async def test_hostile_answers(body: bytes, words: str) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n", body) as port:
        with pytest.raises(CameraProtocolError, match=words):
            async with OnvifCamera("127.0.0.1", port, timeout_s=10):
                pass


async def test_compressed_redirected_and_missing_answers() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
    async with answering(head, b"\x1f\x8b\x08" + bytes(40)) as port:
        with pytest.raises(CameraError):
            async with OnvifCamera("127.0.0.1", port):
                pass
    async with answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n", b"") as port:
        with pytest.raises(CameraProtocolError, match="HTTP 302 where ONVIF was expected"):
            async with OnvifCamera("127.0.0.1", port):
                pass
    async with answering(b"", b"") as port:
        with pytest.raises(CameraUnreachable):
            async with OnvifCamera("127.0.0.1", port):
                pass
    with pytest.raises(CameraUnreachable, match="check the address and the ONVIF port"):
        async with OnvifCamera("127.0.0.1", port):
            pass


async def test_silence_ends_in_time() -> None:
    async with answering(None, b"") as port:
        with pytest.raises(CameraUnreachable, match=r"no answer to ONVIF GetSystemDateAndTime within 0\.2 s"):
            async with OnvifCamera("127.0.0.1", port, timeout_s=0.2):
                pass


class answering:
    """An HTTP server with one answer for everything; ``head`` None is silence."""

    def __init__(self, head: bytes | None, body: bytes) -> None:
        self._head = head
        self._body = body

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if self._head is None:
                await reader.read(1 << 20)
                await asyncio.sleep(5)
            elif self._head:
                writer.write(self._head + b"Content-Length: %d\r\n\r\n" % len(self._body) + self._body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def test_discovery() -> None:
    city = SimCity()
    try:
        await city.start([dome(), dome(name="two")], discovery=True)
        found = await discover(timeout_s=1.5, to=("127.0.0.1", city.discovery_port))
        assert {one.services for one in found} == {(city.onvif_url("cam"),), (city.onvif_url("two"),)}
        assert all(one.name and one.hardware and one.address == "127.0.0.1" for one in found)
    finally:
        await city.stop()


async def test_probe_over_onvif() -> None:
    async with running(dome(clock_offset_s=DAY)) as city:
        address = city.onvif_url("cam").removesuffix("/onvif/device_service")
        for url in (address.removeprefix("http://"), f"http://admin:{PASSWORD}@{address[7:]}/"):
            own = "@" in url
            reply = await probe(
                ProbeRequest(url=url, username="" if own else "admin", password="" if own else PASSWORD, timeout_s=20)
            )
            assert reply.reachable and reply.onvif and not reply.error, reply
            assert reply.manufacturer.startswith("Hanwha") and reply.firmware and reply.serial
            assert reply.clock_offset_s == pytest.approx(DAY, abs=5)
            assert [(s.url, s.codec, s.width, s.audio, s.transport) for s in reply.streams] == [
                (city.url("cam", "main"), "h264", 320, "aac", "tcp"),
                (city.url("cam", "sub"), "h264", 192, "aac", "tcp"),
            ]
            assert reply.streams[0].frame_rate == pytest.approx(25, rel=0.1) and reply.streams[0].kbps > 100
            assert reply.snapshot_url and PASSWORD not in repr(reply)


async def test_probe_says_why_not() -> None:
    async with running(dome(), small_camera("dead")) as city:
        address = city.onvif_url("cam").removesuffix("/onvif/device_service")
        reply = await probe(ProbeRequest(url=address, username="admin", password="wrong"))
        assert reply.reachable and "password refused" in reply.error and "ONVIF rights" in reply.remedy
        reply = await probe(ProbeRequest(url=city.url("cam")))
        assert reply.reachable and "none is set" in reply.error and reply.remedy
        await city.fault("dead", "dead")
        reply = await probe(ProbeRequest(url=city.url("dead"), username="admin", password=PASSWORD))
        assert not reply.reachable and "connection refused" in reply.error and "check the port" in reply.remedy
    reply = await probe(ProbeRequest(url=address, timeout_s=3))
    assert not reply.reachable and "nothing answers ONVIF" in reply.error and "rtsp://" in reply.remedy


@pytest.mark.parametrize("url", ["", "ftp://h/", "http://", "rtsp://h:99999/", "http://[::1", "//"])
async def test_probe_of_no_address(url: str) -> None:
    reply = await probe(ProbeRequest(url=url, timeout_s=1))
    assert not reply.reachable and reply.error and reply.remedy
