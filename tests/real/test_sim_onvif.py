"""The simulated cameras' ONVIF services, asked by onvif-zeep-async, a client no one here wrote."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import io
import socket
import uuid
import xml.etree.ElementTree as ET
from contextlib import asynccontextmanager

import numpy as np
import onvif
import pytest
from onvif import ONVIFCamera
from PIL import Image
from sim_peer import SMALLER, Peer, playing, running, small_camera, until
from zeep.exceptions import Fault

from khue.sim.barcode import read_frame_number
from khue.sim.city import SimCity
from khue.sim.discovery import GROUP, PORT
from khue.sim.soap import password_digest


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def _dome(**changes):
    return small_camera(onvif=True, ptz=True, sub=SMALLER, label="asked", **changes)


@asynccontextmanager
async def asking(city, password="Khue-2026"):
    """The library's client, its media and PTZ services found by way of the device service."""
    url = city.onvif_url("cam")
    host, port = url.split("/")[2].split(":")
    client = ONVIFCamera(host, int(port), "admin", password)
    try:
        await client.update_xaddrs()
        yield client
    finally:
        await client.close()


async def test_device_and_media_services():
    async with running(_dome(family="hanwha", audio="aac")) as city, asking(city) as client:
        device = await client.create_devicemgmt_service()
        about = await device.GetDeviceInformation()
        assert about.Manufacturer.startswith("Hanwha")
        assert about.SerialNumber
        media = await client.create_media_service()
        profiles = await media.GetProfiles()
        assert [profile.token for profile in profiles] == ["main", "sub"]
        video = profiles[0].VideoEncoderConfiguration
        assert (video.Encoding, video.Resolution.Width, video.RateControl.FrameRateLimit) == ("H264", 320, 25)
        assert profiles[0].AudioEncoderConfiguration.Encoding == "AAC"
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        for token in ("main", "sub"):
            found = await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": token})
            assert found.Uri == city.url("cam", token)
        async with playing(found.Uri) as peer:
            await until(peer.pictures)


async def test_a_path_only_onvif_can_tell():
    async with running(_dome(family="vn-cloud")) as city, asking(city) as client:
        media = await client.create_media_service()
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        found = await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": "main"})
        async with playing(found.Uri) as peer:
            await until(peer.pictures)


async def test_the_dome_moves():
    async with running(_dome()) as city, asking(city) as client:
        ptz = await client.create_ptz_service()

        async def where():
            return (await ptz.GetStatus({"ProfileToken": "main"})).Position

        await ptz.AbsoluteMove(
            {"ProfileToken": "main", "Position": {"PanTilt": {"x": 0.5, "y": -0.25}, "Zoom": {"x": 0.1}}}
        )
        at = await where()
        assert (at.PanTilt.x, at.PanTilt.y, at.Zoom.x) == (0.5, -0.25, 0.1)
        token = await ptz.SetPreset({"ProfileToken": "main", "PresetName": "Cổng chính"})
        await ptz.ContinuousMove({"ProfileToken": "main", "Velocity": {"PanTilt": {"x": -1.0, "y": 0.0}}})
        assert (await ptz.GetStatus({"ProfileToken": "main"})).MoveStatus.PanTilt == "MOVING"
        while (await where()).PanTilt.x > 0.3:
            await asyncio.sleep(0.05)
        await ptz.Stop({"ProfileToken": "main"})
        stopped = (await where()).PanTilt.x
        assert (await where()).PanTilt.x == stopped < 0.5
        presets = await ptz.GetPresets({"ProfileToken": "main"})
        assert [(preset.token, preset.Name) for preset in presets] == [("1", "Home"), (token, "Cổng chính")]
        await ptz.GotoPreset({"ProfileToken": "main", "PresetToken": token})
        assert (await where()).PanTilt.x == 0.5
        with pytest.raises((Fault, onvif.ONVIFError), match="no preset"):
            await ptz.GotoPreset({"ProfileToken": "main", "PresetToken": "99"})


async def test_a_snapshot_shows_the_present_picture():
    async with running(_dome()) as city, asking(city) as client:
        media = await client.create_media_service()
        uri = (await media.GetSnapshotUri({"ProfileToken": "main"})).Uri
        jpeg = await client.get_snapshot("main")
        assert "stream=main" in uri
        picture = np.asarray(Image.open(io.BytesIO(jpeg)))
        assert picture.shape == (180, 320, 3)
        assert 0 <= read_frame_number(picture) < 20
        status, _ = await _http(city, b"", path="/onvif/snapshot?stream=main", method="GET")
        assert status == 401


async def test_the_wrong_password_is_refused():
    async with running(_dome()) as city, asking(city, password="wrong") as client:
        device = await client.create_devicemgmt_service()
        with pytest.raises((Fault, onvif.ONVIFError), match=r"(?i)not authorized"):
            await device.GetDeviceInformation()


async def test_time_is_told_to_strangers_and_is_the_cameras_own():
    async with running(_dome(clock_offset_s=7200.0)) as city:
        now = _clock(await _ask(city, "<tds:GetSystemDateAndTime/>"))
    assert 7100 < (now - dt.datetime.now(dt.UTC)).total_seconds() < 7300


@pytest.mark.parametrize(("offset", "right"), [(0, False), (7200, True), (7200 - 200, True), (7200 + 400, False)])
async def test_a_token_must_fit_the_cameras_clock(offset, right):
    async with running(_dome(clock_offset_s=7200.0)) as city:
        moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=offset)
        status, body = await _http(city, _soap("<tds:GetDeviceInformation/>", _token(moment)))
    assert (status == 200) == right
    assert (b"ter:NotAuthorized" in body) != right
    assert right or status == 400


@pytest.mark.parametrize("header", ["", "<x/>", "broken"])
async def test_no_token_no_answer(header):
    async with running(_dome()) as city:
        if header == "broken":
            header = _token(dt.datetime.now(dt.UTC)).replace("T", "", 1)
        status, body = await _http(city, _soap("<tds:GetDeviceInformation/>", header))
        assert (status, b"ter:NotAuthorized" in body) == (400, True) or b"WellFormed" in body


async def test_what_is_not_supported_or_not_soap():
    async with running(_dome(auth="none")) as city:
        status, body = await _http(city, _soap("<tds:SystemReboot/>"))
        assert (status, b"ter:ActionNotSupported" in body) == (400, True)
        for nonsense in (b"hello", b"<a/>", b'<!DOCTYPE x [<!ENTITY a "b">]><x/>'):
            status, body = await _http(city, nonsense)
            assert (status, b"ter:WellFormed" in body) == (400, True)


async def test_faults_reach_onvif():
    async with running(_dome()) as city:
        await city.fault("cam", "clock-jump", seconds=-3600)
        assert _clock(await _ask(city, "<tds:GetSystemDateAndTime/>")) < dt.datetime.now(dt.UTC)
        await city.fault("cam", "wrong-password")
        moment = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
        status, _ = await _http(city, _soap("<tds:GetDeviceInformation/>", _token(moment)))
        assert status == 400
        await city.fault("cam", "dead")
        with pytest.raises((OSError, EOFError)):
            await _ask(city, "<tds:GetSystemDateAndTime/>")
        await city.clear("cam")
        await _ask(city, "<tds:GetSystemDateAndTime/>")


async def test_discovery_by_a_probe_to_the_port():
    cameras = [small_camera(name, onvif=True, label="asked") for name in ("a", "b", "dead")]
    async with running(*cameras) as city:
        await city.fault("dead", "dead")
        answers = await _discover(("127.0.0.1", city.discovery_port), "dn:NetworkVideoTransmitter", until_count=2)
        assert {city.onvif_url("a"), city.onvif_url("b")} == set(answers)
        only = await _discover(("127.0.0.1", city.discovery_port), "", "onvif://www.onvif.org/name/b", until_count=1)
        assert set(only) == {city.onvif_url("b")}


async def test_discovery_by_multicast():
    city = SimCity()
    try:
        await city.start([small_camera("multicast-only", onvif=True, label="asked")], discovery=True)
        scope = "onvif://www.onvif.org/name/multicast-only"
        answers = await _discover((GROUP, PORT), "tds:Device", scope, until_count=1)
        assert city.onvif_url("multicast-only") in answers
    finally:
        await city.stop()


async def test_one_cameras_onvif_trouble_is_not_anothers():
    cameras = [small_camera(name, onvif=True, label="asked") for name in ("cam", "other")]
    async with running(*cameras) as city:
        await city.fault("cam", "unroutable")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_ask(city, "<tds:GetSystemDateAndTime/>"), 0.5)
        assert _clock(await _ask(city, "<tds:GetSystemDateAndTime/>", "other"))
        assert (await (await Peer(city.url("other")).connect()).ask_in("DESCRIBE")).status == 200


# -- a SOAP client of our own, for what a library would not send ----------------------------------------------------


def _soap(body, header=""):
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:tds="http://www.onvif.org/ver10/device/wsdl">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _token(moment, password="Khue-2026"):
    base = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
    created, nonce = moment.strftime("%Y-%m-%dT%H:%M:%SZ"), uuid.uuid4().bytes
    return (
        f'<Security xmlns="{base}-wssecurity-secext-1.0.xsd"><UsernameToken><Username>admin</Username>'
        f'<Password Type="{base}-username-token-profile-1.0#PasswordDigest">'
        f"{password_digest(nonce, created, password)}</Password><Nonce>{base64.b64encode(nonce).decode()}</Nonce>"
        f'<Created xmlns="{base}-wssecurity-utility-1.0.xsd">{created}</Created></UsernameToken></Security>'
    )


async def _http(city, body, *, path="/onvif/device_service", method="POST", camera="cam"):
    host, port = city.onvif_url(camera).split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = int(head.lower().partition("content-length:")[2].split()[0])
        return int(head.split()[1]), await reader.readexactly(size)
    finally:
        writer.close()


async def _ask(city, body, camera="cam"):
    status, answer = await _http(city, _soap(body), camera=camera)
    assert status == 200
    return ET.fromstring(answer)


def _clock(envelope):
    def part(name):
        return int(envelope.findtext(f".//{{*}}UTCDateTime//{{*}}{name}"))

    return dt.datetime(*(part(name) for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")), tzinfo=dt.UTC)


class _Answers(asyncio.DatagramProtocol):
    def __init__(self):
        self.found = []

    def datagram_received(self, data, addr):
        self.found.append(data)


async def _discover(address, types, scopes="", *, until_count):
    probe = (
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">'
        "<e:Header><w:MessageID>uuid:42</w:MessageID></e:Header>"
        f"<e:Body><d:Probe><d:Types>{types}</d:Types><d:Scopes>{scopes}</d:Scopes></d:Probe></e:Body></e:Envelope>"
    )
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    sock.bind(("127.0.0.1", 0))
    transport, answers = await asyncio.get_running_loop().create_datagram_endpoint(_Answers, sock=sock)
    try:
        transport.sendto(probe.encode(), address)
        await until(lambda: len(answers.found) >= until_count)
        await asyncio.sleep(0.05)
    finally:
        transport.close()
    roots = [ET.fromstring(data) for data in answers.found]
    assert all(root.findtext(".//{*}RelatesTo") == "uuid:42" for root in roots)
    return [root.findtext(".//{*}XAddrs") for root in roots]
