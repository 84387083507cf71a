"""A camera's password is changed on the camera, proved, and taken back where it does not hold. No password is guessed."""

from __future__ import annotations

import pytest
from sim_peer import running, small_camera

from khue.camera.password import change_password
from khue.sim.city import SimCity
from khue.wire.onboarding import Holds, PasswordReply, PasswordRequest

OLD, NEW = "Khue-2026", "Mat-khau-moi-27"


def device(**changes: object):
    return small_camera(**{"onvif": True, **changes})


def order(city: SimCity, **changes: object) -> PasswordRequest:
    made = {"url": city.onvif_url("cam"), "stream_url": city.url("cam"), "username": "admin", "old": OLD, "new": NEW}
    return PasswordRequest(**{"timeout_s": 5.0, **made, **changes})


async def change(city: SimCity, **changes: object) -> PasswordReply:
    request = order(city, **changes)
    reply = await change_password(request)
    for shown in (repr(request), reply.error, reply.remedy):
        assert OLD not in shown and NEW not in shown
    return reply


async def test_a_new_password_holds() -> None:
    async with running(device()) as city:
        reply = await change(city)
        assert (reply.holds, reply.told, reply.rolled_back, reply.error) == (Holds.NEW, True, False, "")
        assert city.password("cam") == NEW
        assert city.sign_ins("cam")[1] == 0, "no wrong password was ever tried"


async def test_what_cannot_be_changed_is_said() -> None:
    for behaviour, words in {
        "unsupported": "does not let its passwords be changed over ONVIF",
        "refused": "the password is too weak",
    }.items():
        async with running(device(set_user=behaviour)) as city:
            reply = await change(city)
            assert reply.holds is Holds.OLD and words in reply.error and "own page" in reply.remedy
            assert city.password("cam") == OLD and city.sign_ins("cam")[1] == 0


async def test_a_device_that_says_yes_and_does_nothing() -> None:
    async with running(device(set_user="ignored")) as city:
        reply = await change(city)
        assert reply.holds is Holds.OLD and not reply.rolled_back and "and did not" in reply.error
        assert city.password("cam") == OLD
        assert city.sign_ins("cam")[1] == 1, "the new password is tried once"


@pytest.mark.parametrize("behaviour", ["drops", "slow"])
async def test_a_device_that_changes_and_hangs_up(behaviour: str) -> None:
    async with running(device(set_user=behaviour)) as city:
        reply = await change(city, timeout_s=12.0)
        assert reply.holds is Holds.NEW and reply.told
        assert city.password("cam") == NEW and city.sign_ins("cam")[1] == 0


async def test_a_stream_with_users_of_its_own_gets_the_old_password_back() -> None:
    async with running(device(set_user="onvif-only")) as city:
        reply = await change(city)
        assert reply.holds is Holds.OLD and reply.rolled_back
        assert "not for its stream" in reply.error and "apart" in reply.remedy
        again = await change(city, check=True)
        assert again.holds is Holds.OLD


async def test_the_wrong_old_password_is_tried_once() -> None:
    async with running(device()) as city:
        reply = await change(city, old="not-it")
        assert not reply.told and "refused" in reply.error
        assert city.password("cam") == OLD and city.sign_ins("cam") == (1, 1)
        reply = await change(city, username="nobody")
        assert not reply.told
        assert city.sign_ins("cam")[1] == 2


async def test_which_one_holds() -> None:
    async with running(device()) as city:
        assert (await change(city, check=True)).holds is Holds.OLD
        assert (await change(city, check=True, old="neither", new="nor")).holds is Holds.NEITHER
        assert city.sign_ins("cam")[1] == 3
        await city.fault("cam", "dead")
        reply = await change(city, check=True, timeout_s=1.0)
        assert reply.holds is Holds.UNKNOWN and "nothing answers ONVIF" in reply.error and reply.remedy
        reply = await change(city, timeout_s=1.0)
        assert reply.holds is Holds.UNKNOWN and not reply.told
