"""The pure parts of the simulated cameras: packets, requests, authentication, descriptions, faults, ledgers."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import random
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.model.errors import CameraProtocolError, ConfigError, NotFound
from khue.sim import disturb, faults, packets, request, soap
from khue.sim.audio import audio_loop
from khue.sim.auth import Doorman
from khue.sim.camera import SimCamera, SimStream
from khue.sim.carrier import QUEUE_LIMIT, Outbox
from khue.sim.demo import bench_city, demo_city
from khue.sim.families import QUIRKS, catalogue, find, stream_path
from khue.sim.faults import FAULTS, Troubles
from khue.sim.ledger import Ledger
from khue.sim.ptz import Dome, Position


def _rebuilt(payloads, header, fragment):
    """NAL units from payloads: the inverse of splitting, written from the RFC's pictures."""
    out, open_nal = [], b""
    for data in payloads:
        kind = data[0] & 0x1F if header == 1 else data[0] >> 1 & 0x3F
        if kind != fragment:
            out.append(data)
            continue
        flags = data[header]
        if flags & 0x80:
            inner = flags & (0x1F if header == 1 else 0x3F)
            open_nal = bytes([data[0] & 0xE0 | inner]) if header == 1 else bytes([data[0] & 0x81 | inner << 1, data[1]])
        open_nal += data[header + 1 :]
        if flags & 0x40:
            out.append(open_nal)
    return out


@given(st.lists(st.integers(1, 6000), min_size=1, max_size=4), st.sampled_from([1, 5, 7]))
def test_h264_splits_and_joins(sizes, kind):
    nals = [bytes([0x60 | kind]) + bytes(i & 0xFF for i in range(size)) for size in sizes]
    payloads = packets.h264_payloads(nals)
    assert max(map(len, payloads)) <= packets.PAYLOAD_LIMIT
    assert _rebuilt(payloads, 1, 28) == nals


@given(st.lists(st.integers(2, 6000), min_size=1, max_size=4), st.sampled_from([1, 19, 33]))
def test_h265_splits_and_joins(sizes, kind):
    nals = [bytes([kind << 1, 1]) + bytes(i & 0xFF for i in range(size)) for size in sizes]
    payloads = packets.h265_payloads(nals)
    assert max(map(len, payloads)) <= packets.PAYLOAD_LIMIT
    assert _rebuilt(payloads, 2, 49) == nals


def test_rtp_and_reports():
    packet = packets.rtp_packet(packets.Unit(True, 2**32 + 5, b"xy"), 96, 65_536 + 7, 0xAABBCCDD)
    assert packet == bytes.fromhex("80e0000700000005aabbccdd") + b"xy"
    assert packets.interleaved(2, packet)[:4] == b"$\x02\x00\x0e"
    report = packets.sender_report(1, 1_500_000, 2**32 + 9, 3, 4)
    assert struct.unpack(">BBHIIIIII", report[:28]) == (0x80, 200, 6, 1, 2_208_988_801, 2**31, 9, 3, 4)
    assert len(report) % 4 == 0
    assert struct.unpack(">BBH", report[28:32]) == (0x81, 202, (len(report) - 28) // 4 - 1)


def test_aac_header():
    assert packets.aac_payload(b"12345") == bytes.fromhex("00100028") + b"12345"


@pytest.mark.parametrize(("kind", "count"), [("pcma", 200), ("pcmu", 200), ("aac", 125)])
def test_sound_loops(kind, count):
    loop = audio_loop(kind)
    assert len(loop.packets) == count
    assert count * loop.samples == 8 * loop.rate


def test_requests_come_in_pieces():
    wire = b"SETUP rtsp://h:1/a?b=c/trackID=2 RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\nbodyOPTIONS"
    buffer = bytearray()
    for byte in wire[:-8]:
        buffer.append(byte)
        assert request.take_request(buffer) is None
    buffer += wire[-8:]
    taken = request.take_request(buffer)
    assert (taken.method, taken.header("cseq"), taken.body) == ("SETUP", "3", b"body")
    assert request.target(taken.url) == "/a?b=c/trackID=2"
    assert request.track_of(taken.url) == 1
    assert buffer == b"OPTIONS"


@given(st.binary(max_size=300))
def test_no_bytes_upset_the_request_parser(data):
    try:
        request.take_request(bytearray(data + b"\r\n\r\n"))
    except CameraProtocolError:
        return


@pytest.mark.parametrize(
    ("header", "allowed", "wanted"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=4-5", ("tcp",), (True, (4, 5))),
        ("RTP/AVP/TCP;unicast", ("tcp", "udp"), (True, (0, 1))),
        ("RTP/AVP;unicast;client_port=8000-8001", ("udp",), (False, (8000, 8001))),
        ("RTP/AVP/UDP;unicast;client_port=8000", ("udp",), (False, (8000, 8001))),
        ("RTP/AVP/TCP;interleaved=0-1,RTP/AVP;unicast;client_port=6-7", ("udp",), (False, (6, 7))),
        ("RTP/AVP;multicast;client_port=6-7", ("tcp", "udp"), None),
        ("RTP/AVP/TCP;interleaved=0-1", ("udp",), None),
        ("nonsense", ("tcp", "udp"), None),
    ],
)
def test_transports(header, allowed, wanted):
    asked = request.transport_asked(header, allowed)
    assert (asked and tuple(asked)) == wanted


def test_interleaved_frames_are_taken_whole():
    buffer = bytearray(b"$\x01\x00\x02ab$\x00\x00\x05ab")
    assert request.take_interleaved(buffer) == (1, b"ab")
    assert request.take_interleaved(buffer) is None


@pytest.mark.parametrize(
    ("url", "path"), [("rtsp://h", "/"), ("rtsp://h/", "/"), ("rtsp://h?inst=1", "/?inst=1"), ("*", "*")]
)
def test_targets(url, path):
    assert request.target(url) == path


def test_digest_as_in_rfc_7616():
    """The example of §3.9.1, both algorithms, with the camera's nonce put in the example's place."""
    for algorithm, kind in (("MD5", hashlib.md5), ("SHA-256", hashlib.sha256)):
        door = Doorman("digest-md5+sha256", "http-auth@example.org", "Mufasa", "Circle of Life", qop=True)
        nonce = door.challenges()[0].partition('nonce="')[2].partition('"')[0]

        def digest(text, kind=kind):
            return kind(text.encode()).hexdigest()

        secret, asked = digest("Mufasa:http-auth@example.org:Circle of Life"), digest("GET:/dir/index.html")
        response = digest(f"{secret}:{nonce}:00000001:f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ:auth:{asked}")
        header = (
            f'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm={algorithm}, '
            f'nonce="{nonce}", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, '
            f'response="{response}"'
        )
        assert door.check("GET", header) == (True, False)
        assert door.check("POST", header) == (False, False)
        assert door.check("GET", header.replace(response[:4], "0000")) == (False, False)
        door.renew()
        assert door.check("GET", header) == (False, True)


def test_doors():
    door = Doorman("basic", "r", "admin", "pw", qop=False)
    assert door.check("PLAY", "Basic YWRtaW46cHc=") == (True, False)
    assert door.check("PLAY", "Basic YWRtaW46cHg=") == (False, False)
    assert door.check("PLAY", "") == (False, False)
    assert Doorman("none", "r", "", "", qop=False).check("PLAY", "") == (True, False)
    assert door.check("PLAY", "Basic Đ\ufffd") == (False, False)
    sha = Doorman("digest-sha256", "r", "admin", "pw", qop=False)
    assert sha.check("PLAY", 'Digest username="admin", realm="r", algorithm=MD5') == (False, False)


def test_families_are_those_of_the_catalogue():
    assert len(catalogue()) == 33
    assert find("hik").brand == "Hikvision"
    assert find("dahua", "KBVision").brand == "KBVision"
    with pytest.raises(ConfigError, match="no camera family"):
        find("nikon")
    assert stream_path(find("hik"), "sub", "c", "u", "p") == "/Streaming/Channels/102"
    assert "user=u&password=p" in stream_path(find("xm"), "main", "c", "u", "p")
    only_onvif = [stream_path(find("vn-cloud"), "main", name, "u", "p") for name in ("a", "b")]
    assert only_onvif[0].startswith("/live/")
    assert only_onvif[0] != only_onvif[1]
    assert all(set(entry.quirks) <= QUIRKS.keys() for entry in catalogue())


def test_cameras_that_cannot_be():
    with pytest.raises(ConfigError, match="unknown quirks"):
        SimCamera("a", quirks=("purple",))
    with pytest.raises(ConfigError, match="only one track"):
        SimCamera("a", quirks=("no-media-control",), audio="aac")
    with pytest.raises(ConfigError, match="no sub stream"):
        SimCamera("a", sub=None).scene_spec("sub")


def test_ready_made_cities():
    demo = demo_city()
    assert len(demo) == 16
    assert len({camera.family for camera in demo}) >= 10
    assert sum(bool(camera.trouble) for camera in demo) == 3
    assert sum(camera.told_password is not None for camera in demo) == 1
    assert {camera.main.codec for camera in demo} == {"h264", "h265"}
    assert {camera.sub.codec for camera in demo} == {"h264"}
    assert {camera.audio for camera in demo} == {"", "pcma", "pcmu", "aac"}
    bench = bench_city(20, 4000, "h265")
    assert len({camera.scene_spec("main") for camera in bench}) == 8
    assert bench[0].main == SimStream("h265", 1920, 1080, 15.0, 4000)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_fault_arguments(name):
    kind = FAULTS[name]
    assert faults.checked(name.replace("-", "_"), {}) == (name, dict(kind.arguments))
    with pytest.raises(ConfigError, match="has no argument purple"):
        faults.checked(name, {"purple": 1})
    for argument, value in kind.arguments.items():
        if isinstance(value, int | float):
            with pytest.raises(ConfigError, match="takes a number"):
                faults.checked(name, {argument: "much"})


def test_troubles():
    troubles = Troubles()
    troubles.set("black", {})
    troubles.set("moved", {})
    assert troubles.look == "moved"
    assert troubles.names == ["moved"]
    assert troubles.on_the_way
    troubles.clear()
    troubles.set("clock-jump", {"seconds": 5.0})
    assert not troubles.on_the_way
    assert troubles.number("clock-jump", "seconds") == 5.0
    assert troubles.number("loss", "percent") == 0.0


@given(st.integers(0, 100), st.integers(0, 2**32))
def test_disturbances_keep_what_they_do_not_take(percent, seed):
    dice = random.Random(seed)
    tracks = [[bytes([i]) * 100 for i in range(12)], [b"a" * 50]]
    kept, whole = disturb.lose(tracks, percent, dice)
    assert whole == (kept == tracks)
    assert all(packet in tracks[i] for i, track in enumerate(kept) for packet in track)
    mixed = disturb.reorder([list(track) for track in tracks], percent, dice)
    assert [sorted(track) for track in mixed] == [sorted(track) for track in tracks]
    passed, room, _ = disturb.fit(tracks, 450)
    assert room == 450 - sum(len(packet) for track in passed for packet in track) >= 0
    parts = [packets.interleaved(0, packet) for packet in tracks[0]]
    assert sum(map(len, disturb.cut_short(parts, dice))) == sum(map(len, parts)) - 50


def test_the_ledger_is_bounded():
    ledger = Ledger("s", "tcp", 1, kept=10)
    for index in range(25):
        ledger.sent(index, index * 9000, index * 100)
    ledger.damaged(7)
    report = ledger.report(20, 15.0, {0, 10})
    assert report.forgotten + len(report.index) == 25
    assert len(report.index) <= 10
    assert report.index[-1] == 24
    assert report.numbers[-1] == 4
    assert report.keyframe[report.index.index(20)]
    assert report.damaged == [7]
    assert report.ended is None


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2), st.floats(0, 20))
def test_a_dome_stays_within_its_limits(pan, tilt, zoom, seconds):
    dome = Dome()
    dome.move(Position(pan, tilt, zoom), 100.0, 5.0)
    at = dome.position(100.0 + seconds)
    assert all(low <= value <= 1 for value, low in zip(at, (-1, -1, 0), strict=True))
    assert dome.moving(100.0 + seconds) == (seconds < 5.0 and (pan, tilt, zoom) != (0, 0, 0))
    assert dome.position(105.0) == dome.position(200.0)


def test_presets():
    dome = Dome()
    dome.go(Position(0.5, 0.5, 0.5), 1.0)
    assert dome.set_preset("", "gate", 1.0) == "2"
    assert dome.set_preset("1", "", 1.0) == "1"
    dome.go_to_preset("2", 2.0)
    assert dome.position(3.0) == Position(0.5, 0.5, 0.5)
    with pytest.raises(NotFound):
        dome.go_to_preset("9", 3.0)


@given(st.binary(max_size=200))
def test_no_bytes_upset_the_soap_parser(data):
    try:
        soap.parse(data)
    except CameraProtocolError:
        return


def test_ws_security_example():
    """The example of ONVIF Application Programmer's Guide §6.1.1.3."""
    import base64

    nonce = base64.b64decode("LKqI6G/AikKCQrN0zqZFlg==")
    assert soap.password_digest(nonce, "2010-09-16T07:50:45Z", "userpassword") == "tuOSpGlFlIXsozq4HFNeeGeFLEI="


@pytest.mark.parametrize("created", ["", "yesterday", "2026-01-01T00:00:00"])
def test_ws_security_without_a_proper_time(created):
    with pytest.raises(soap.Fault, match="not Authorized"):
        soap.authorise(soap.parse(_authorised(created)), {"admin": "pw"}.get, dt.datetime(2027, 1, 1, tzinfo=dt.UTC))


def _authorised(created):
    base = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>'
        f'<Security xmlns="{base}-wssecurity-secext-1.0.xsd"><UsernameToken><Username>admin</Username><Password>'
        f"{soap.password_digest(b'n', created, 'pw')}</Password><Nonce>bg==</Nonce>"
        f'<Created xmlns="{base}-wssecurity-utility-1.0.xsd">{created}</Created></UsernameToken></Security></s:Header>'
        "<s:Body><x/></s:Body></s:Envelope>"
    ).encode()


class _Tick:
    """Stands for a picture: the outbox only hands it back."""


async def test_an_outbox_counts_a_picture_when_its_last_byte_is_taken():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    done, failed = [], []
    outbox = Outbox(ours, failed.append)
    tick = _Tick()
    blob = bytes(1 << 20)
    outbox.push(blob, done.append, tick)
    assert not done
    got = 0
    while got < len(blob):
        try:
            got += len(theirs.recv(1 << 16))
        except BlockingIOError:
            await asyncio.sleep(0)
    assert done == [tick]
    assert outbox.waiting == 0
    outbox.push(b"x", done.append, tick)
    assert done == [tick, tick]
    outbox.close()
    theirs.close()
    ours.close()
    assert not failed


async def test_a_peer_that_does_not_read_is_dropped():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    failed = []
    outbox = Outbox(ours, failed.append)
    for _ in range(QUEUE_LIMIT // (1 << 20) + 3):
        outbox.push(bytes(1 << 20))
    assert failed == [True]
    assert outbox.waiting == 0
    theirs.close()
    ours.close()


async def test_a_broken_socket_fails_once():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.close()
    failed = []
    outbox = Outbox(ours, failed.append)
    outbox.push(b"x")
    outbox.push(b"x")
    assert failed == [False]
    ours.close()


async def test_a_slow_link_keeps_its_rate():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    done = []
    outbox = Outbox(ours, done.append)
    outbox.rate = 100_000.0
    loop = asyncio.get_running_loop()
    began, tick = loop.time(), _Tick()
    outbox.push(bytes(30_000), done.append, tick)
    async with asyncio.timeout(10):
        while done != [tick]:
            await asyncio.sleep(0.01)
    assert loop.time() - began > 0.2
    outbox.close()
    theirs.close()
    ours.close()
