"""Asking another agency for its cameras: who is asked, what may be given, who learns of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from requests_world import OTHER_UNIT, UNIT, City, at, city, later

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[City]:
    async with city() as made:
        yield made


def wish(here: City, **more: Any) -> dict[str, Any]:
    return {
        "rights": ["live"],
        "cameras": [here.traffic],
        "purpose": "situation",
        "case": "VV-1",
        "reason": "đám đông ở nút giao",
        "valid_to": later(hours=8),
        **more,
    }


async def asked(here: City, **more: Any) -> Any:
    return await here["asker"].ask("POST", "/requests", wish(here, **more), expect=201)


async def ended(here: City) -> None:
    """Nothing of what was given before is left."""
    await here.database.execute(
        "update access_grant set revoked = now(), revoked_by = 'test' where origin = 'request' and revoked is null"
    )


async def refusals(here: City, action: str) -> list[str]:
    rows = await here.database.fetch(
        "select detail from audit_entry where action = $1 and outcome = 'refused' order by seq", action
    )
    return [row["detail"] for row in rows]


async def test_an_owner_approves_and_the_asker_may_for_that_purpose_alone(here: City) -> None:
    await ended(here)
    made = await asked(here)
    assert (made["state"], made["owner"], made["agency"]) == ("open", "giao-thong", "phuong-a")
    assert [one["id"] for one in made["items"]] == [made["id"]]
    assert not await here["asker"].may(here.traffic, "situation")
    for owner in ("owner", "owner2"):
        assert made["id"] in [one["id"] for one in (await here[owner].ask("GET", "/requests?box=inbox"))["items"]]
        assert (await here[owner].told())[0] == "request_new"
    assert await here["above"].told() == []  # not yet
    answer = await here["owner"].ask("POST", f"/requests/{made['id']}/approve", {"basis": "CV 7/2026"})
    assert (answer["state"], answer["decided_by_name"], answer["decision"]) == ("approved", "Owner", "CV 7/2026")
    assert await here["asker"].may(here.traffic, "situation")
    assert not await here["asker"].may(here.traffic, "duty")  # another purpose
    assert not await here["asker"].may(here.traffic2, "situation")  # another camera
    assert not await here["colleague"].may(here.traffic, "situation")  # another post
    assert (await here["asker"].told())[0] == "request_approved"
    grant = await here.database.fetchrow("select * from access_grant where id = $1", answer["grant"])
    assert (grant["origin"], grant["post"], grant["passes"]) == ("request", here["asker"].post, 0)
    assert len(grant["lineage"]) == 2
    entry = await here.database.fetchrow(
        "select * from audit_entry where action = 'request:decide' and outcome = 'allowed' order by seq desc limit 1"
    )
    assert (entry["camera"], entry["case_number"], entry["purpose"]) == (here.traffic, "VV-1", "situation")
    assert made["id"] in entry["detail"] and entry["clause"]
    await here["owner2"].ask("POST", f"/requests/{made['id']}/approve", {"basis": "CV 8"}, expect=409)


async def test_narrower_is_given_wider_never(here: City) -> None:
    await ended(here)
    body = {"rights": ["live", "playback"], "cameras": [here.traffic, here.traffic2]}
    made = await asked(here, **body)
    approve = f"/requests/{made['id']}/approve"
    wider: list[dict[str, Any]] = [
        {"rights": ["live", "ptz"]},
        {"cameras": [here.traffic, here.ward]},
        {"purposes": ["situation", "duty"]},
        {"valid_to": later(hours=9)},
    ]
    for one in wider:
        said = await here["owner"].ask("POST", approve, {"basis": "CV 9", **one}, expect=403)
        assert "wider than what was asked" in said["message"]
    assert len([one for one in await refusals(here, "request:decide") if made["id"] in one]) == len(wider)
    assert (await here["asker"].ask("GET", f"/requests/{made['id']}"))["state"] == "open"
    less = {"rights": ["live"], "cameras": [here.traffic], "valid_to": later(hours=1), "basis": "CV 9"}
    answer = await here["owner"].ask("POST", approve, less)
    assert answer["state"] == "narrowed"
    assert await here["asker"].may(here.traffic, "situation")
    assert not await here["asker"].may(here.traffic2, "situation")
    grant = await here.database.fetchrow("select rights, valid_to from access_grant where id = $1", answer["grant"])
    assert sorted(grant["rights"]) == ["live", "see"]


async def test_hours_narrow(here: City) -> None:
    made = await asked(here)
    hours = {"from": "08:00", "to": "17:00", "weekdays": [1, 2, 3, 4, 5]}
    answer = await here["owner"].ask("POST", f"/requests/{made['id']}/approve", {"basis": "CV 1", "hours": hours})
    assert answer["state"] == "narrowed"
    wrong = {"basis": "CV 1", "hours": {"from": "8 giờ", "to": "17:00"}}
    made = await asked(here)
    await here["owner"].ask("POST", f"/requests/{made['id']}/approve", wrong, expect=400)


async def test_what_is_hidden_is_answered_like_what_does_not_exist(here: City) -> None:
    hidden = await here["asker"].ask("POST", "/requests", wish(here, cameras=[here.defence]), expect=404)
    missing = await here["asker"].ask("POST", "/requests", wish(here, cameras=["0123456789abcdef"]), expect=404)
    mixed = await here["asker"].ask("POST", "/requests", wish(here, cameras=[here.traffic, here.ward]), expect=404)
    assert hidden == missing == mixed
    place = {"cameras": None, "target": {"units": ["99999"]}}
    await here["asker"].ask("POST", "/requests", wish(here, **place), expect=404)
    await here["asker"].ask("GET", "/requests/0123456789abcdef", expect=404)


async def test_only_those_who_decide_there_know_of_it(here: City) -> None:
    made = await asked(here)
    for name in ("clerk", "planner", "colleague"):
        await here[name].ask("GET", f"/requests/{made['id']}", expect=404)
        said = await here[name].ask("POST", f"/requests/{made['id']}/approve", {"basis": "CV 1"}, expect=403)
        assert said["verdict"] == "no_right" and said["ask"]
        assert (await here[name].ask("GET", "/requests?box=all"))["items"] == []
    # an auditor reads it, and decides nothing
    assert (await here["inspector"].ask("GET", f"/requests/{made['id']}"))["state"] == "open"
    await here["inspector"].ask("POST", f"/requests/{made['id']}/refuse", {"reason": "không"}, expect=403)
    # of the owner's cameras: somebody who decides elsewhere does not know of it either
    post = here["clerk"].post
    await here.database.execute("update post set kind = 'approver' where id = $1", post)
    await here.grant(post, ["see", "live", "approve"], fleets=["phuong-b"], passes=1)
    await here["clerk"].ask("GET", f"/requests/{made['id']}", expect=404)
    await here["clerk"].ask("POST", f"/requests/{made['id']}/approve", {"basis": "CV 1"}, expect=404)
    assert any(made["id"] in one for one in await refusals(here, "request:decide"))


async def test_nobody_decides_about_their_own(here: City) -> None:
    post = here["asker"].post
    made = await asked(here)
    grant = await here.grant(post, ["see", "live", "approve"], fleets=["giao-thong"], passes=1)
    kind = "update post set kind = $2 where id = $1"
    await here.database.execute(kind, post, "shift_commander")
    try:
        said = await here["asker"].ask("POST", f"/requests/{made['id']}/approve", {"basis": "CV 1"}, expect=403)
        assert "their own" in said["message"]
    finally:
        await here.database.execute(kind, post, "ward_police")
        await here.database.execute("update access_grant set revoked = now() where id = $1", grant)


async def test_one_who_may_not_hand_on_gives_nothing(here: City) -> None:
    """An approver whose own grant ends earlier, or is not to be handed on, or lacks the right."""
    post = here["clerk"].post
    await here.database.execute("update post set kind = 'approver' where id = $1", post)
    short = await here.grant(post, ["see", "live", "approve"], cameras=[here.traffic], passes=1, valid_to=at(hours=2))
    made = await asked(here)
    approve = f"/requests/{made['id']}/approve"
    said = await here["clerk"].ask("POST", approve, {"basis": "CV 1"}, expect=403)
    assert "outlive" in said["message"]
    assert any("outlive" in one for one in await refusals(here, "request:decide"))
    await here["clerk"].ask("POST", approve, {"basis": "CV 1", "valid_to": later(hours=1)})
    await here.database.execute("update access_grant set revoked = now() where id = $1", short)
    assert not await here["asker"].may(here.traffic, "citizen")
    await here.grant(post, ["see", "live", "approve"], cameras=[here.traffic], passes=0)
    made = await asked(here)
    said = await here["clerk"].ask("POST", f"/requests/{made['id']}/approve", {"basis": "CV 1"}, expect=403)
    assert "hand on" in said["message"] and said["text"]["vi"]


async def test_revoking_what_it_came_from_ends_it(here: City) -> None:
    await ended(here)
    made = await asked(here, valid_to=later(hours=3))
    answer = await here["owner"].ask("POST", f"/requests/{made['id']}/approve", {"basis": "CV 1"})
    assert await here["asker"].may(here.traffic, "situation")
    parent = await here.database.fetchval("select parent from access_grant where id = $1", answer["grant"])
    await here.database.execute("update access_grant set revoked = now(), revoked_by = 'test' where id = $1", parent)
    assert not await here["asker"].may(here.traffic, "situation")
    fleet = ["see", "live", "playback", "ptz", "approve"]
    await here.grant(here["owner"].post, fleet, passes=2, fleets=["giao-thong"])


async def test_the_regulation_says_who_may_ask_for_what(here: City) -> None:
    said = await here["asker"].ask("POST", "/requests", wish(here, rights=["manage"]), expect=403)
    assert (said["verdict"], said["clause"]["id"]) == ("kind", "4.1")
    said = await here["asker"].ask("POST", "/requests", wish(here, purpose="planning"), expect=403)
    assert (said["verdict"], said["clause"]["id"]) == ("purpose", "5.2")
    export = wish(here, rights=["export"], case="")
    said = await here["asker"].ask("POST", "/requests", export, expect=403)
    assert (said["verdict"], said["clause"]["id"]) == ("needs_case", "7.1")
    assert any("case number" in one for one in await refusals(here, "request:make"))
    wrongs: list[dict[str, Any]] = [
        {"rights": ["administer"]},
        {"rights": []},
        {"cameras": []},
        {"reason": " "},
        {"purpose": ""},
        {"valid_to": None},
        {"valid_to": later(hours=-1)},
        {"valid_to": later(days=500)},
        {"target": {"units": [UNIT]}},
        {"kind": "other"},
    ]
    for wrong in wrongs:
        await here["asker"].ask("POST", "/requests", wish(here, **wrong), expect=400)


async def test_a_place_and_a_fleet(here: City) -> None:
    """A place is asked of all who decide there; of several fleets each gets a request of its own."""
    target = {"fleets": ["giao-thong", "phuong-b"], "units": [UNIT]}
    made = await asked(here, cameras=None, target=target)
    assert [one["owner"] for one in made["items"]] == ["giao-thong", "phuong-b"]
    first = made["items"][0]
    answer = await here["owner"].ask("POST", f"/requests/{first['id']}/approve", {"basis": "CV 1"})
    assert answer["state"] == "approved"
    assert await here["asker"].may(here.traffic2, "situation")
    assert not await here["asker"].may(here.defence, "situation")
    await here["owner"].ask("GET", f"/requests/{made['items'][1]['id']}", expect=404)
    await ended(here)
    one = await asked(here, cameras=None, target={"units": [UNIT]})
    assert one["owner"] is None and one["target"] == {"units": [UNIT]}
    answer = await here["owner"].ask("POST", f"/requests/{one['id']}/approve", {"basis": "CV 1"})
    assert answer["state"] == "narrowed"  # to the decider's own fleet
    assert await here["asker"].may(here.traffic, "situation")
    assert not await here["asker"].may(here.ward, "situation")
    # where nothing stands, whoever decides about everything is asked: nothing tells empty from hidden
    empty = await asked(here, cameras=None, target={"units": [OTHER_UNIT]})
    assert (await here["above"].ask("GET", f"/requests/{empty['id']}"))["state"] == "open"
    await here["owner"].ask("GET", f"/requests/{empty['id']}", expect=404)


async def test_refused_and_withdrawn(here: City) -> None:
    made = await asked(here)
    await here["owner"].ask("POST", f"/requests/{made['id']}/refuse", {"reason": ""}, expect=400)
    answer = await here["owner"].ask("POST", f"/requests/{made['id']}/refuse", {"reason": "ngoài phạm vi"})
    assert (answer["state"], answer["decision"], answer["grant"]) == ("refused", "ngoài phạm vi", None)
    notices = await here["asker"].ask("GET", "/notices")
    assert "ngoài phạm vi" in notices["items"][0]["text"]["vi"]
    assert made["id"] in notices["items"][0]["link"]
    made = await asked(here)
    await here["owner"].ask("POST", f"/requests/{made['id']}/withdraw", expect=404)
    assert (await here["asker"].ask("POST", f"/requests/{made['id']}/withdraw"))["state"] == "withdrawn"
    await here["owner"].ask("POST", f"/requests/{made['id']}/approve", {"basis": "CV 1"}, expect=409)


async def test_of_two_who_approve_at_once_one_wins(here: City) -> None:
    for _ in range(5):
        made = await asked(here)
        path = f"/api/v1/requests/{made['id']}/approve"
        replies = await asyncio.gather(
            *(here[name].client.post(path, json={"basis": "CV 1"}) for name in ("owner", "owner2", "owner", "owner2"))
        )
        assert sorted(reply.status_code for reply in replies) == [200, 409, 409, 409]
        derived = "select count(*) from access_grant where origin = 'request' and post = $1 and created >= $2"
        since = dt.datetime.fromisoformat(made["created"])
        assert await here.database.fetchval(derived, here["asker"].post, since) == 1


async def test_who_left_the_post_is_given_nothing(here: City) -> None:
    made = await here["colleague"].ask("POST", "/requests", wish(here), expect=404)  # does not know the camera
    body = wish(here, cameras=None, target={"fleets": ["giao-thong"]})
    made = await here["colleague"].ask("POST", "/requests", body, expect=201)
    tenure = "update tenure set valid_to = $2 where account = $1 and post not like 'of-%'"
    await here.database.execute(tenure, here["colleague"].id, at(seconds=-1))
    try:
        said = await here["owner"].ask("POST", f"/requests/{made['id']}/approve", {"basis": "CV 1"}, expect=409)
        assert "no longer holds" in said["message"]
    finally:
        await here.database.execute(tenure, here["colleague"].id, None)


async def test_a_second_word_lets_one_act_through(here: City) -> None:
    planner, second = here["planner"], here["planner2"]
    body: dict[str, Any] = {"kind": "second", "rights": ["playback"], "cameras": [here.traffic], "reason": "đếm xe"}

    async def verdict() -> str:
        """Of a look back that states the reason."""
        period = f"from={quote(later(hours=-2))}&to={quote(later(hours=-1))}"
        path = f"/api/v1/cameras/{here.traffic}/playback?{period}"
        reply = await planner.client.get(path, headers={"X-Khue-Reason": quote(body["reason"])})
        assert reply.status_code in (403, 404), reply.text  # 404: nothing was recorded
        return str(reply.json()["error"].get("verdict", "allowed"))

    await here["asker"].ask("POST", "/requests", body, expect=403)  # may not play back at all
    made = await planner.ask("POST", "/requests", body, expect=201)
    assert (made["kind"], made["purpose"]) == ("second", "planning")
    assert (await second.told())[0] == "second_new"
    assert await verdict() == "needs_second"
    await planner.ask("POST", f"/requests/{made['id']}/approve", {}, expect=403)  # not oneself
    await here["asker"].ask("POST", f"/requests/{made['id']}/approve", {}, expect=403)
    assert made["id"] in [one["id"] for one in (await second.ask("GET", "/requests?box=inbox"))["items"]]
    answer = await second.ask("POST", f"/requests/{made['id']}/approve", {"note": "đồng ý"})
    assert (answer["state"], answer["grant"]) == ("approved", None)
    word = await here.database.fetchrow("select * from second_word where account = $1", planner.id)
    assert (word["right_name"], word["camera"], word["purpose"]) == ("playback", here.traffic, "planning")
    assert word["by_account"] == second.id
    assert await verdict() == "allowed"
    await here.database.execute("update second_word set valid_to = now() where account = $1", planner.id)
    assert await verdict() == "needs_second"
    assert (await planner.told())[0] == "second_given"
    live = {**body, "rights": ["live"]}
    await here["owner"].ask("POST", "/requests", live, expect=403)


async def test_notices_are_one_s_own_and_move_the_bell(here: City) -> None:
    owner = here["owner"]
    socket = await here.world.socket("/api/v1/events", owner.client)
    other = await here.world.socket("/api/v1/events", here["asker"].client)
    async with socket, other:
        await asyncio.sleep(0.3)
        made = await asked(here)
        async with asyncio.timeout(10):
            while json.loads(await socket.recv()) != {"type": "notice", "account": owner.id}:
                pass
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                while json.loads(await other.recv())["type"] != "notice":
                    pass
    notices = await owner.ask("GET", "/notices")
    newest = notices["items"][0]
    assert newest["subject"] == {"request": made["id"]} and not newest["read"]
    assert notices["unread"] >= 1
    left = await owner.ask("POST", "/notices/read", {"ids": [newest["id"]]})
    assert left["unread"] == notices["unread"] - 1
    assert await here["asker"].ask("POST", "/notices/read", {"ids": [newest["id"]]})
    assert (await owner.ask("POST", "/notices/read", {}))["unread"] == 0


async def test_pages(here: City) -> None:
    made = [(await asked(here))["id"] for _ in range(3)]
    seen: list[str] = []
    after = ""
    while True:
        page = await here["asker"].ask("GET", f"/requests?box=mine&limit=2&after={after}")
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen[:3] == made[::-1] and len(seen) == len(set(seen))
    await here["asker"].ask("GET", "/requests?box=mine&after=%27or", expect=400)
    await here["asker"].ask("GET", "/requests?box=none", expect=400)
    await here["asker"].ask("GET", "/requests/%27%20or%201%3D1", expect=404)
