"""Breaking the glass: two people, an hour, and everybody who has to know of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from requests_world import UNIT, City, city, later

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[City]:
    async with city() as made:
        yield made


def need(here: City, **more: Any) -> dict[str, Any]:
    return {"rights": ["live"], "cameras": [here.traffic], "purpose": "rescue", "reason": "cháy lớn", **more}


async def declared(here: City, **more: Any) -> Any:
    return await here["asker"].ask("POST", "/emergencies", need(here, **more), expect=201)


async def in_force(here: City, **more: Any) -> Any:
    made = await declared(here, **more)
    return await here["colleague"].ask("POST", f"/emergencies/{made['id']}/confirm")


async def over(here: City) -> None:
    """None is open from before."""
    for one in (await here["asker"].ask("GET", "/emergencies"))["items"]:
        if one["state"] in ("waiting", "in_force"):
            await here["asker"].ask("POST", f"/emergencies/{one['id']}/end", {"reason": "xong"})


async def test_one_person_alone_opens_nothing(here: City) -> None:
    await over(here)
    made = await declared(here)
    assert (made["state"], made["grant"], made["mine"], made["may_confirm"]) == ("waiting", None, True, False)
    assert not await here["asker"].may(here.traffic, "emergency")
    said = await here["asker"].ask("POST", f"/emergencies/{made['id']}/confirm", expect=403)
    assert "another person" in said["message"]
    assert not await here["asker"].may(here.traffic, "emergency")
    # nor with somebody whose kind of post does not confirm, who may not even know of it
    await here["planner"].ask("GET", f"/emergencies/{made['id']}", expect=404)
    await here["planner"].ask("POST", f"/emergencies/{made['id']}/confirm", expect=404)
    assert await here["owner"].told() == []  # nothing was opened
    assert (await here["colleague"].told())[0] == "emergency_waiting"


async def test_two_people_open_for_an_hour_and_are_seen_doing_it(here: City) -> None:
    await over(here)
    made = await in_force(here)
    assert (made["state"], made["confirmed_by_name"]) == ("in_force", "Colleague")
    row = await here.database.fetchrow(
        "select *, valid_to - now() as left from access_grant where id = $1", made["grant"]
    )
    assert 3590 < row["left"].total_seconds() <= 3600
    assert (row["origin"], row["passes"], row["parent"], row["purposes"]) == ("emergency", 0, None, ["emergency"])
    assert not row["defence"]
    assert await here["asker"].may(here.traffic, "emergency")
    assert not await here["asker"].may(here.traffic, "duty")
    assert not await here["colleague"].may(here.traffic, "emergency")
    entry = await here.database.fetchrow(
        "select purpose, grant_id from audit_entry where action = 'camera:snapshot' and outcome = 'allowed'"
        " order by seq desc limit 1"
    )
    assert (entry["purpose"], entry["grant_id"]) == ("emergency", made["grant"])
    for name in ("owner", "owner2", "inspector"):
        notices = (await here[name].ask("GET", "/notices"))["items"]
        assert (notices[0]["kind"], notices[0]["subject"]) == ("emergency_opened", {"emergency": made["id"]})
        assert "cháy lớn" in notices[0]["text"]["vi"] and "cháy lớn" in notices[0]["text"]["en"]
        assert (await here[name].ask("GET", f"/emergencies/{made['id']}"))["state"] == "in_force"
    assert (await here["asker"].told())[0] == "emergency_confirmed"
    await here["colleague"].ask("POST", f"/emergencies/{made['id']}/confirm", expect=409)


async def test_after_its_end_nothing(here: City) -> None:
    for who in ("asker", "colleague", "owner"):
        await over(here)
        made = await in_force(here)
        assert await here["asker"].may(here.traffic, "emergency")
        ended = await here[who].ask("POST", f"/emergencies/{made['id']}/end", {"reason": "đã dập lửa"})
        assert (ended["state"], ended["ended_reason"]) == ("ended", "đã dập lửa")
        assert not await here["asker"].may(here.traffic, "emergency")
        await here[who].ask("POST", f"/emergencies/{made['id']}/end", expect=409)
        assert (await here["inspector"].told())[0] == "emergency_ended"
    made = await in_force(here)
    await here["inspector"].ask("POST", f"/emergencies/{made['id']}/end", expect=403)  # reads, and ends nothing
    # its hour passes
    await here.database.execute("update emergency set until = now() where id = $1", made["id"])
    await here.database.execute("alter table access_grant disable trigger grant_is_only_revoked")
    await here.database.execute(
        "update access_grant set valid_from = now() - interval '1 hour', valid_to = now() where id = $1", made["grant"]
    )
    await here.database.execute("alter table access_grant enable trigger grant_is_only_revoked")
    assert not await here["asker"].may(here.traffic, "emergency")
    assert (await here["asker"].ask("GET", f"/emergencies/{made['id']}"))["state"] == "ended"
    await _until_told(here, "inspector", "emergency_ended", made["id"])


async def test_it_is_reviewed_by_an_auditor_in_time(here: City) -> None:
    await over(here)
    made = await in_force(here)
    review = f"/emergencies/{made['id']}/review"
    verdict = {"verdict": "justified", "text": "đúng là cháy"}
    await here["inspector"].ask("POST", review, verdict, expect=409)  # still in force
    await here["asker"].ask("POST", f"/emergencies/{made['id']}/end", {"reason": "xong"})
    for name in ("asker", "colleague", "owner"):
        await here[name].ask("POST", review, verdict, expect=403)
    await here["inspector"].ask("POST", review, {"verdict": "fine", "text": "x"}, expect=400)
    await here["inspector"].ask("POST", review, {"verdict": "justified", "text": ""}, expect=400)
    # late: those who have to know of it are told, and everybody sees that it is overdue
    await here.database.execute("update emergency set remind = now(), review_due = now() where id = $1", made["id"])
    assert (await here["inspector"].ask("GET", f"/emergencies/{made['id']}"))["overdue"]
    await _until_told(here, "inspector", "emergency_overdue", made["id"])
    await _until_told(here, "above", "emergency_overdue", made["id"])
    answer = await here["inspector"].ask("POST", review, verdict)
    assert (answer["state"], answer["verdict"], answer["reviewed_by_name"]) == ("reviewed", "justified", "Inspector")
    assert not answer["overdue"]
    for name in ("asker", "colleague", "owner"):
        assert (await here[name].told())[0] == "emergency_justified"
    await here["inspector"].ask("POST", review, verdict, expect=409)


async def test_unconfirmed_it_lapses(here: City) -> None:
    await over(here)
    made = await declared(here)
    await here.database.execute("update emergency set confirm_by = now() where id = $1", made["id"])
    assert (await here["asker"].ask("GET", f"/emergencies/{made['id']}"))["state"] == "lapsed"
    await here["colleague"].ask("POST", f"/emergencies/{made['id']}/confirm", expect=409)
    await _until_told(here, "asker", "emergency_lapsed", made["id"])
    assert not await here["asker"].may(here.traffic, "emergency")


async def test_what_the_regulation_does_not_let_be_opened(here: City) -> None:
    await over(here)
    said = await here["asker"].ask("POST", "/emergencies", need(here, rights=["export"]), expect=403)
    assert (said["verdict"], said["clause"]["id"]) == ("kind", "12.1")
    said = await here["planner"].ask("POST", "/emergencies", need(here), expect=403)
    assert said["clause"]["id"] == "12.1"
    rows = await here.database.fetch(
        "select * from audit_entry where action = 'emergency:declare' and outcome = 'refused'"
    )
    assert {row["username"] for row in rows} >= {"asker", "planner"} and {row["clause"] for row in rows} >= {"12.1"}
    wrongs: list[dict[str, Any]] = [{"reason": ""}, {"cameras": []}, {"rights": []}, {"purpose": "other"}]
    for wrong in wrongs:
        await here["asker"].ask("POST", "/emergencies", need(here, **wrong), expect=400)


async def test_hidden_cameras_and_defence(here: City) -> None:
    await over(here)
    hidden = await here["asker"].ask("POST", "/emergencies", need(here, cameras=[here.defence]), expect=404)
    missing = await here["asker"].ask("POST", "/emergencies", need(here, cameras=["0123456789abcdef"]), expect=404)
    assert hidden == missing
    # a place opens what stands there, but nothing of defence
    made = await in_force(here, cameras=None, target={"units": [UNIT]})
    assert await here["asker"].may(here.traffic2, "emergency")
    assert await here["asker"].may(here.ward, "emergency")
    assert not await here["asker"].may(here.defence, "emergency")
    # an administrator knows of defence cameras, and does not open them like this
    said = await here.admin.ask("POST", "/emergencies", need(here, cameras=[here.defence]), expect=403)
    assert "defence" in said["message"]
    assert made["cameras"] is None
    # with a regulation that opens them, both have to have the compartment
    setting = "update regulation_version set settings = jsonb_set(settings, '{break_glass,defence}', $1::text::jsonb)"
    await here.database.execute(setting, "true")
    try:
        grant = await here.grant(here["asker"].post, ["see"], cameras=[here.defence], defence=True)
        made = await in_force(here, cameras=[here.defence])
        assert not await here["asker"].may(here.defence, "emergency")  # the second person has it not
        assert made["cameras"] == []  # nor learns which it is
        await here.grant(here["colleague"].post, ["see"], cameras=[here.defence], defence=True)
        made = await in_force(here, cameras=[here.defence])
        assert await here["asker"].may(here.defence, "emergency")
        assert "defence" not in str(await here["owner"].ask("GET", "/notices"))
        await here["owner"].ask("GET", f"/emergencies/{made['id']}", expect=404)
        await here.database.execute("update access_grant set revoked = now() where id = $1", grant)
    finally:
        await here.database.execute(setting, "false")


async def test_of_two_who_confirm_at_once_one_wins(here: City) -> None:
    await over(here)
    made = await declared(here)
    path = f"/api/v1/emergencies/{made['id']}/confirm"
    clients = (here["colleague"].client, here["owner"].client, here.admin.client)
    replies = await asyncio.gather(*(client.post(path) for client in clients))
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409]
    count = "select count(*) from access_grant where origin = 'emergency' and post = $1 and revoked is null and valid_to > now()"
    assert await here.database.fetchval(count, here["asker"].post) == 1


async def _until_told(here: City, name: str, kind: str, emergency: str) -> None:
    async with asyncio.timeout(30):
        while True:
            notices = (await here[name].ask("GET", "/notices"))["items"]
            if any(one["kind"] == kind and one["subject"] == {"emergency": emergency} for one in notices):
                return
            await asyncio.sleep(0.2)


async def test_an_hour_is_what_the_regulation_says(here: City) -> None:
    await over(here)
    setting = "update regulation_version set settings = jsonb_set(settings, '{break_glass,minutes}', $1::text::jsonb)"
    await here.database.execute(setting, "5")
    try:
        made = await in_force(here)
    finally:
        await here.database.execute(setting, "60")
    assert later(minutes=4) < made["until"].replace("Z", "+00:00") <= later(minutes=5)
