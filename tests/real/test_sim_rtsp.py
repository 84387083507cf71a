"""The simulated cameras speak RTSP as cameras do, judged by a client of the tests' own."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import time

import msgspec
import pytest
from sim_peer import SMALL, SMALLER, Peer, numbers, playing, running, small_camera, until

from khue.sim.families import QUIRKS, catalogue


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


async def _ended(city, name="cam", stream="main"):
    await until(lambda: city.sent(name, stream)[-1].ended)
    return city.sent(name, stream)[-1]


def _assert_same_pictures(peer, session, codec="h264", extra=b""):
    """What arrived is, picture for picture, what the ledger says was sent."""
    got = numbers(peer.track(), codec, extra)
    assert len(got) >= 10
    assert got == session.numbers[: len(got)]
    stamps = list(dict.fromkeys(packet.timestamp for packet in peer.track() if packet.marker))
    assert stamps == session.timestamp[: len(stamps)]
    assert session.keyframe[0]
    assert session.wall == sorted(session.wall)
    assert not session.damaged


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("udp", [False, True])
async def test_every_picture_arrives_with_its_number(codec, udp):
    camera = small_camera(main=msgspec.structs.replace(SMALL, codec=codec))
    async with running(camera) as city:
        async with playing(city.url("cam"), udp=udp) as peer:
            await until(lambda: peer.pictures() >= 25)  # more than a loop of 20
        session = await _ended(city)
    assert session.transport == ("udp" if udp else "tcp")
    assert session.index == list(range(session.index[0], session.index[0] + len(session.index)))
    _assert_same_pictures(peer, session, codec)


async def test_numbering_goes_on_over_loops():
    async with running(small_camera()) as city, playing(city.url("cam")) as peer:
        await until(lambda: peer.pictures() >= 45)
        packets = peer.track()
    assert all((b.sequence - a.sequence) & 0xFFFF == 1 for a, b in itertools.pairwise(packets))
    stamps = list(dict.fromkeys(packet.timestamp for packet in packets))
    assert {(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)} == {3600}
    first = re.search(r"seq=(\d+);rtptime=(\d+)", peer.rtp_info)
    assert (packets[0].sequence, packets[0].timestamp) == (int(first[1]), int(first[2]))


async def test_cameras_of_one_scene_send_the_same_packets():
    cameras = [small_camera(name, label="one scene") for name in ("a", "b")]
    async with running(*cameras) as city, playing(city.url("a")) as a, playing(city.url("b")) as b:
        await until(lambda: min(a.pictures(), b.pictures()) >= 10)
        known = {packet.sequence: packet for packet in a.packets}
        shared = [(known[packet.sequence], packet) for packet in b.packets if packet.sequence in known]
    assert shared
    assert all(mine == theirs for mine, theirs in shared)


async def test_rtsps_with_a_self_signed_certificate():
    async with running(small_camera(tls=True)) as city:
        assert city.url("cam").startswith("rtsps://")
        async with playing(city.url("cam")) as peer:
            await until(lambda: peer.pictures() >= 10)
        _assert_same_pictures(peer, await _ended(city))


async def test_packet_pace_sends_the_same_pictures():
    async with running(small_camera(packet_pace=True, main=msgspec.structs.replace(SMALL, kbps=900))) as city:
        async with playing(city.url("cam")) as peer:
            await until(lambda: peer.pictures() >= 12)
        _assert_same_pictures(peer, await _ended(city))


async def test_several_slices_per_picture():
    camera = small_camera(main=msgspec.structs.replace(SMALL, slices=3))
    async with running(camera) as city, playing(city.url("cam")) as peer:
        await until(lambda: peer.pictures() >= 12)
        slices = [packet for packet in peer.track() if packet.payload[0] & 0x1F == 1]
    assert len(slices) > 2 * len({packet.timestamp for packet in slices})
    assert len(numbers(peer.track())) >= 12


@pytest.mark.parametrize("kind", ["pcma", "pcmu", "aac"])
async def test_audio_keeps_time_with_the_pictures(kind):
    clock, samples = (16_000, 1024) if kind == "aac" else (8_000, 320)
    async with running(small_camera(audio=kind)) as city, playing(city.url("cam")) as peer:
        await until(lambda: peer.pictures() >= 21)
        video, audio = peer.track(0), peer.track(2)
    assert {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in itertools.pairwise(audio)} == {samples}
    shown = (video[-1].timestamp - video[0].timestamp) % 2**32 / 90_000
    heard = (audio[-1].timestamp - audio[0].timestamp) % 2**32 / clock
    assert abs(shown - heard) < 0.25
    if kind == "aac":
        assert all(int.from_bytes(packet.payload[2:4], "big") >> 3 == len(packet.payload) - 4 for packet in audio)


async def test_audio_alone_left_out_when_not_set_up():
    async with running(small_camera(audio="pcma")) as city, playing(city.url("cam"), tracks=1) as peer:
        await until(lambda: peer.pictures() >= 5)
        assert {packet.channel for packet in peer.packets} == {0}


@pytest.mark.parametrize(
    ("auth", "scheme", "algorithm"),
    [
        ("basic", "Basic", None),
        ("digest-md5", "Digest", None),
        ("digest-sha256", "Digest", "SHA-256"),
        ("digest-md5+sha256", "Digest", "SHA-256"),
        ("digest-md5+basic", "Digest", None),
    ],
)
@pytest.mark.parametrize("quirks", [(), ("digest-qop",)])
async def test_the_right_password_opens_and_a_wrong_one_does_not(auth, scheme, algorithm, quirks):
    async with running(small_camera(auth=auth, quirks=quirks)) as city:
        peer = await Peer(city.url("cam"), password="wrong").connect()
        refused = await peer.ask_in("DESCRIBE")
        assert refused.status == 401
        assert (peer.challenge["scheme"], peer.challenge.get("algorithm")) == (scheme, algorithm)
        peer.password = "Khue-2026"
        assert (await peer.ask_in("DESCRIBE")).status == 200
        await peer.close()


async def test_no_password_needed_when_there_is_none():
    async with running(small_camera(auth="none")) as city:
        peer = await Peer(city.url("cam")).connect()
        assert (await peer.ask("DESCRIBE")).status == 200
        await peer.close()


async def test_a_nonce_goes_stale_on_command():
    async with running(small_camera(auth="digest-sha256")) as city, playing(city.url("cam")) as peer:
        await city.fault("cam", "stale-nonce")
        reply = await peer.ask("GET_PARAMETER")
        assert reply.status == 401
        assert 'stale="TRUE"' in reply["www-authenticate"]
        peer.learn(reply)
        assert (await peer.ask("GET_PARAMETER")).status == 200
        before = peer.pictures()
        await until(lambda: peer.pictures() > before)


async def test_sender_reports_tell_the_cameras_own_time():
    async with running(small_camera(clock_offset_s=-37.0)) as city, playing(city.url("cam")) as peer:
        await until(lambda: peer.reports and peer.pictures() >= 2)
        report, first = peer.reports[0], peer.track()[0]
    assert abs(report.ntp - (time.time() - 37)) < 10
    assert abs(((report.timestamp - first.timestamp + 2**31) & 0xFFFFFFFF) - 2**31) < 90_000


@pytest.mark.parametrize("udp", [False, True])
async def test_a_session_nobody_keeps_alive_dies(udp):
    async with running(small_camera(session_timeout_s=1.0)) as city:
        async with playing(city.url("cam"), udp=udp) as peer:
            assert peer.session_header.endswith(";timeout=1")
            session = await _ended(city)
            assert (session.ended - session.started) / 1e6 > 0.9
            if udp:
                assert (await peer.ask("GET_PARAMETER")).status == 454
            else:
                await until(lambda: peer.closed)
        assert city.stats().expired == 1


async def test_a_session_kept_alive_lives_on():
    async with running(small_camera(session_timeout_s=1.0)) as city, playing(city.url("cam")) as peer:
        for method in ("GET_PARAMETER", "OPTIONS", "SET_PARAMETER", "GET_PARAMETER", "OPTIONS"):
            await asyncio.sleep(0.5)
            assert (await peer.ask(method)).status == 200
        assert not peer.closed
        assert city.stats().playing == 1


@pytest.mark.parametrize("counts", [False, True])
async def test_receiver_reports_keep_alive_only_where_the_camera_says_so(counts):
    quirks = ("rtcp-keeps-alive",) if counts else ()
    async with running(small_camera(session_timeout_s=1.0, quirks=quirks)) as city, playing(city.url("cam")) as peer:
        for _ in range(6):
            peer.writer.write(b"$\x01\x00\x08" + bytes.fromhex("80c9000100000001"))
            await asyncio.sleep(0.3)
        assert bool(city.stats().playing) == counts


async def test_pause_and_teardown():
    async with running(small_camera()) as city, playing(city.url("cam")) as peer:
        await until(peer.pictures)
        assert (await peer.ask("PAUSE")).status == 200
        assert (await _ended(city)).ended
        assert (await peer.ask("PLAY")).status == 200
        await until(lambda: len(city.sent("cam")) == 2 and city.sent("cam")[1].index)
        assert (await peer.ask("TEARDOWN")).status == 200
        assert (await peer.ask("GET_PARAMETER")).status == 454


async def test_a_redirect_leads_to_another_port():
    async with running(small_camera()) as city:
        await city.fault("cam", "redirect")
        peer = await Peer(city.url("cam")).connect()
        reply = await peer.ask_in("DESCRIBE")
        assert reply.status == 302
        assert reply["location"] != city.url("cam")
        async with playing(reply["location"]) as moved:
            await until(moved.pictures)
        await city.clear("cam")
        assert (await peer.ask("DESCRIBE")).status == 200
        await peer.close()


async def test_refusals():
    camera = small_camera(transports=("udp",), max_sessions=1, auth="none", audio="pcma")
    async with running(camera) as city:
        peer = await Peer(city.url("cam")).connect()
        control = city.url("cam") + "/trackID=1"
        tcp, udp = "RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP;unicast;client_port=9000-9001"
        assert (await peer.ask("DESCRIBE", city.url("cam") + "0")).status == 404
        assert (await peer.ask("SETUP", city.url("cam") + "/trackID=9", Transport=udp)).status == 404
        assert (await peer.ask("SETUP", control, Transport=tcp)).status == 461
        assert (await peer.ask("SETUP", control, Transport="RTP/AVP;multicast")).status == 461
        assert (await peer.ask("SETUP", control, Transport=udp)).status == 200
        assert (await peer.ask("SETUP", control, Transport=udp)).status == 453
        assert (await peer.ask("PLAY", Session="nonsense")).status == 454
        assert (await peer.ask("RECORD")).status == 501
        await peer.close()


async def test_nonsense_closes_the_connection_and_harms_nobody():
    async with running(small_camera()) as city, playing(city.url("cam")) as peer:
        fool = await Peer(city.url("cam")).connect()
        fool.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: fool.closed)
        before = peer.pictures()
        await until(lambda: peer.pictures() > before)
        await fool.close()


async def test_parameter_sets_where_the_camera_puts_them():
    cameras = [small_camera(where, parameter_sets=where, label="same") for where in ("both", "sdp", "in-band")]
    async with running(*cameras) as city:
        for camera in cameras:
            async with playing(city.url(camera.name)) as peer:
                await until(lambda peer=peer: peer.pictures() >= 12)
            kinds = {packet.payload[0] & 0x1F for packet in peer.track()}
            in_sdp = re.search(r"sprop-parameter-sets=(\S+)", peer.sdp)
            assert ({7, 8} <= kinds) == (camera.name != "sdp")
            assert bool(in_sdp) == (camera.name != "in-band")
            sets = [base64.b64decode(part) for part in in_sdp[1].split(",")] if in_sdp else []
            assert len(numbers(peer.track(), extra=b"".join(b"\0\0\0\1" + nal for nal in sets))) >= 12


@pytest.mark.parametrize("quirk", sorted(QUIRKS))
async def test_every_quirk_can_be_played(quirk):
    async with running(small_camera(quirks=(quirk,), label="quirky", auth="digest-md5")) as city:
        async with playing(city.url("cam")) as peer:
            await until(lambda: peer.pictures() >= 3)
        sdp = peer.sdp
        shown = {
            "no-session-control": "a=control:*" not in sdp,
            "session-control-url": f"a=control:{city.url('cam')}/" in sdp.partition("m=")[0],
            "absolute-control": f"a=control:{city.url('cam')}/trackID=1" in sdp,
            "no-media-control": "a=control" not in sdp,
            "no-content-base": peer.base == peer.url,
            "metadata-track": "vnd.onvif.metadata" in sdp,
            "odd-case": "h264/90000" in sdp,
            "lf": "\r" not in sdp,
            "aggregate-sets": any(packet.payload[0] & 0x1F == 24 for packet in peer.packets)
            or city.sent("cam")[0].index[0] % 5 != 0,
            "no-rtp-info": not peer.rtp_info,
            "no-session-timeout": "timeout" not in peer.session_header,
            "vendor-attributes": "a=Media_header" in sdp,
        }
        assert shown.get(quirk, True)


async def test_metadata_comes_once_a_second():
    async with running(small_camera(quirks=("metadata-track",))) as city, playing(city.url("cam")) as peer:
        await until(lambda: len(peer.track(2)) >= 2)
        assert b"MetadataStream" in peer.track(2)[0].payload


async def test_no_get_parameter_and_options_behind_the_door():
    quirks = ("no-get-parameter", "options-auth", "odd-case")
    async with running(small_camera(quirks=quirks)) as city:
        stranger = await Peer(city.url("cam")).connect()
        assert (await stranger.ask("OPTIONS")).status == 401
        options = await stranger.ask_in("OPTIONS")
        assert "GET_PARAMETER" not in options["public"]
        assert (await stranger.ask("GET_PARAMETER")).status == 501
        await stranger.close()


async def test_all_33_types_answer_at_their_catalogue_paths():
    cameras = [
        small_camera(f"type-{i}", family=entry.family, brand=entry.brand, quirks=None, sub=SMALLER, label="types",
                     parameter_sets="both", audio="pcma")
        for i, entry in enumerate(catalogue())
    ]  # fmt: skip
    async with running(*cameras) as city:
        for camera in cameras:
            assert city.url(camera.name, "main") != city.url(camera.name, "sub")
            for stream, size in (("main", "320,180"), ("sub", "192,108")):
                async with playing(city.url(camera.name, stream)) as peer:
                    assert f"x-dimensions:{size}" in peer.sdp
        await until(lambda: city.stats().playing == 0)


async def test_xm_takes_its_password_from_the_path():
    camera = small_camera(family="xm", told_password="not-it")
    async with running(camera) as city:
        assert "password=not-it" in city.url("cam")
        peer = await Peer(city.url("cam")).connect()
        assert (await peer.ask("DESCRIBE")).status == 404
        await peer.close()
        async with playing(city.url("cam").replace("not-it", "Khue-2026")) as peer:
            await until(peer.pictures)
