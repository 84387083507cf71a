"""How a camera's streams are found: ONVIF, the family's template, by hand; and that no password is ever guessed."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
import pytest
from sim_peer import SMALLER, running, small_camera

from khue.camera.probe import probe
from khue.sim.city import SimCity
from khue.video.sps import picture_size
from khue.wire.link import ProbeReply, ProbeRequest

PASSWORD = "Khue-2026"


def device(**changes: object):
    return small_camera(**{"onvif": True, "sub": SMALLER, "family": "dahua", **changes})


async def ask(url: str, **changes: object) -> ProbeReply:
    request = ProbeRequest(url=url, username="admin", password=PASSWORD, timeout_s=15.0)
    reply = await probe(msgspec.structs.replace(request, **changes), sps_size=picture_size)
    assert PASSWORD not in repr(reply)
    return reply


def web(city: SimCity) -> str:
    return "http://" + urlsplit(city.onvif_url("cam")).netloc


def rtsp(city: SimCity) -> str:
    return "rtsp://" + urlsplit(city.url("cam")).netloc


async def test_onvif_first_and_everything_it_says() -> None:
    async with running(device(serial="SN-1", mac="3C-EF-8C-00-00-01")) as city:
        reply = await ask(web(city), family="dahua", by_hand=(city.url("cam"),))
        assert reply.resolved_by == "onvif" and not reply.error
        assert (reply.serial, reply.mac) == ("SN-1", "3c:ef:8c:00:00:01")
        assert (reply.snapshot_width, reply.snapshot_height) == (320, 180) and reply.snapshot_bytes > 1000
        main, sub = reply.streams
        assert (main.profile, main.kbps_limit, main.width) == ("main", 400, 320) and main.kbps > 50
        assert (sub.profile, sub.kbps_limit, sub.width) == ("sub", 200, 192)
        assert city.sign_ins("cam")[1] == 0


async def test_then_the_family_s_template() -> None:
    async with running(device(onvif=False)) as city:
        reply = await ask(rtsp(city), family="dahua", by_hand=("rtsp://127.0.0.1:9/nowhere",))
        assert reply.resolved_by == "template" and reply.reachable and not reply.error and not reply.onvif
        assert [stream.url for stream in reply.streams] == [city.url("cam"), city.url("cam", "sub")]
        assert city.sign_ins("cam")[1] == 0


async def test_then_by_hand() -> None:
    async with running(device(onvif=False, family="tplink")) as city:
        reply = await ask(rtsp(city), family="dahua", by_hand=(city.url("cam"),))
        assert reply.resolved_by == "given" and [stream.url for stream in reply.streams] == [city.url("cam")]
        reply = await ask(city.url("cam"), family="dahua")
        assert reply.resolved_by == "given", "a stream's own address is played as it is"
        reply = await ask(rtsp(city), family="dahua")
        assert not reply.streams and reply.reachable and "404" in reply.error


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        ({}, 1),  # refused by ONVIF: neither the template nor the address by hand is tried with it
        ({"onvif": False}, 1),
        ({"onvif": False, "auth": "basic"}, 1),
        ({"onvif": False, "auth": "digest-md5+sha256"}, 1),
    ],
)
async def test_a_wrong_password_is_tried_once(changes: dict[str, object], most: int) -> None:
    async with running(device(**changes)) as city:
        url = web(city) if changes.get("onvif", True) else rtsp(city)
        reply = await ask(url, password="wrong", family="dahua", by_hand=(city.url("cam"), city.url("cam", "sub")))
        assert "refused" in reply.error and reply.remedy and not reply.streams
        assert city.sign_ins("cam") == (most, most)


async def test_without_a_password_none_is_tried() -> None:
    async with running(device()) as city:
        for url in (web(city), rtsp(city), city.url("cam")):
            reply = await ask(url, username="", password="", family="dahua", by_hand=(city.url("cam"),))
            assert reply.reachable and reply.error
        assert city.sign_ins("cam") == (0, 0)
