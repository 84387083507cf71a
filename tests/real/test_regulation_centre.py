"""Versions of the regulation on a centre: loaded, compared, tested by the database too, put in force and taken back."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from centre_world import World, add_camera, until, world

from khue.centre.regulation.service import Regulations
from khue.centre.regulation.trial import try_cases
from khue.centre.regulation.upkeep import Upkeep
from khue.model.regulation.reading import PACKAGED, packaged_files, read
from khue.model.regulation.terms import RIGHTS, Case, Text

BASE = "/api/v1/regulation"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city() -> AsyncIterator[World]:
    async with world() as made:
        yield made


pytestmark = pytest.mark.asyncio(loop_scope="module")


def altered(new_id: str, *changes: tuple[str, str, str]) -> dict[str, str]:
    """The packaged version under another id; each change is (file, before, after)."""
    files = packaged_files()
    for name, before, after in (("regulation.toml", f'id = "{PACKAGED}"', f'id = "{new_id}"'), *changes):
        assert before in files[name], (name, before)
        files[name] = files[name].replace(before, after, 1)
    return files


def without_viewers_live(new_id: str) -> dict[str, str]:
    """Viewers may not watch live any more; and its example of that is turned round."""
    return altered(
        new_id,
        (
            "rights.toml",
            'kinds = ["administrator", "operator", "viewer"]\nrights = ["live"]',
            'kinds = ["administrator", "operator"]\nrights = ["live"]',
        ),
        (
            "cases.toml",
            'kind = "viewer"\nright = "live"\nexpect = "allowed"\nclause = "5.1"',
            'kind = "viewer"\nright = "live"\nexpect = "kind"\nclause = "4.1"',
        ),
        ("retention.toml", "days = 30\npriority = 50", "days = 20\npriority = 50"),
        ("clauses.toml", "Người trực, người vận hành được xem", "Chỉ người trực, người vận hành được xem"),
    )


async def load(admin: httpx.AsyncClient, files: dict[str, str]) -> dict[str, Any]:
    reply = await admin.post(f"{BASE}/versions", json={"files": files})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def test_a_first_run_puts_the_packaged_version_in_force_once(city: World) -> None:
    await asyncio.gather(*(Regulations(city.engines.database).ensure() for _ in range(4)))
    admin = await city.client()
    (only,) = (await admin.get(f"{BASE}/versions")).json()["items"]
    assert (only["id"], only["state"]) == (PACKAGED, "in_force")
    now = (await admin.get(f"{BASE}/now")).json()
    assert now["version"] == PACKAGED and now["training"] is False
    mine = {rule["right"]: rule for rule in now["mine"]}
    assert mine["live"]["default_purpose"] == "duty"
    assert mine["export"]["needs_case"] and mine["export"]["needs_reason"] and mine["export"]["default_purpose"] is None
    assert {"id", "vi", "en"} == now["purposes"][0].keys() == now["clauses"][0].keys()
    assert (await Regulations(city.engines.database).clause(PACKAGED, "7.1")) is not None
    assert (await Regulations(city.engines.database).clause(PACKAGED, "99")) is None


async def test_the_database_says_what_the_rules_say(city: World) -> None:
    admin = await city.client()
    told = (await admin.post(f"{BASE}/versions/{PACKAGED}/test")).json()
    assert told["failed"] == 0 and told["passed"] == len(told["cases"]) > 20
    assert await city.engines.database.fetchval("select count(*) from account where id like 'try-%'") == 0
    database = city.engines.database
    changed = "update regulation_rule set needs_case = $1 where kind = 'shift_commander' or kind = 'duty_officer'"
    await database.execute(changed, True)
    try:
        told = (await admin.post(f"{BASE}/versions/{PACKAGED}/test")).json()
        wrong = [case for case in told["cases"] if not case["ok"]]
        assert wrong and all(case["got"].startswith("database: ") for case in wrong)
    finally:
        await database.execute(
            "update regulation_rule set needs_case = (right_name = 'export') where kind in ('shift_commander', 'duty_officer')"
        )


async def test_the_database_and_the_rules_agree_of_every_kind_and_right(city: World) -> None:
    regulation = read(packaged_files())
    every = itertools.product(regulation.kinds, RIGHTS, ("", "duty", "planning", "investigation", "holiday"))
    cases = tuple(
        Case(name=Text("x", "x"), kind=kind, right=right, purpose=purpose, expect="allowed")
        for kind, right, purpose in every
    )
    results = await try_cases(city.engines.database, msgspec.structs.replace(regulation, cases=cases))
    assert len(results) == len(cases) == len(regulation.kinds) * len(RIGHTS) * 5
    assert [result for result in results if result.got.startswith("database")] == []


async def test_what_is_wrong_with_a_version_is_all_said(city: World) -> None:
    admin = await city.client()
    files = altered(
        "bad", ("rights.toml", 'clause = "4.4"', 'clause = "44.4"'), ("retention.toml", "days = 90", "days = 900")
    )
    reply = await admin.post(f"{BASE}/versions", json={"files": files})
    assert reply.status_code == 400
    message = reply.json()["error"]["message"]
    assert "rights.toml: rule[0].clause" in message and "retention.toml: retention[1].days" in message
    assert len((await admin.post(f"{BASE}/check", json={"files": files})).json()["problems"]) == 2
    assert (await admin.get(f"{BASE}/versions/bad")).status_code == 404
    assert (await admin.post(f"{BASE}/versions", json={"files": packaged_files()})).status_code == 409


async def test_who_is_touched_by_a_change(city: World) -> None:
    admin = await city.client()
    for name in ("one", "two"):
        body = {"username": f"diff-{name}", "password": "mot mat khau dai", "role": "viewer"}
        assert (await admin.post("/api/v1/accounts", json=body)).status_code == 201
    await load(admin, without_viewers_live("compared"))
    told = (await admin.get(f"{BASE}/diff", params={"to": "compared"})).json()
    (rule,) = told["rules"]
    assert (rule["kind"], rule["right"], rule["after"], rule["clause"]) == ("viewer", "live", None, "4.1")
    viewers = await city.engines.database.fetchval("select count(*) from account where role = 'viewer'")
    assert rule["posts"] == rule["people"] == viewers >= 2
    assert [clause["id"] for clause in told["clauses"]] == ["5.1"]
    (setting,) = told["settings"]
    assert (setting["key"], setting["before"], setting["after"]) == ("retention.security@2025-07-01.days", 30.0, 20.0)
    assert (await admin.get(f"{BASE}/diff", params={"from": "none", "to": "compared"})).status_code == 404


async def live_rights(client: httpx.AsyncClient) -> set[str]:
    return {rule["right"] for rule in (await client.get(f"{BASE}/now")).json()["mine"]}


async def test_activating_applies_at_once_and_going_back_does_too(city: World) -> None:
    admin = await city.client()
    body = {"username": "watcher", "password": "mot mat khau dai", "role": "viewer"}
    assert (await admin.post("/api/v1/accounts", json=body)).status_code == 201
    viewer = await city.client("watcher", "mot mat khau dai")
    camera = await add_camera(admin, "Phố Huế 1")
    database = city.engines.database

    async def verdict() -> str:
        found = "select verdict from account a, decide(a.id, 'live', $1, '', null) where a.username = 'watcher'"
        return str(await database.fetchval(found, camera["id"]))

    await load(admin, without_viewers_live("no-live"))
    assert await verdict() == "allowed" and "live" in await live_rights(viewer)
    epoch = await database.fetchval("select access_now()")
    reply = await admin.post(f"{BASE}/versions/no-live/activate", json={"reason": "thử"})
    assert reply.status_code == 200, reply.text
    assert await verdict() == "kind" and "live" not in await live_rights(viewer)
    assert await database.fetchval("select access_now()") > epoch  # those who are watching are asked anew
    assert (await admin.post(f"{BASE}/versions/no-live/activate", json={"reason": "thử"})).status_code == 409
    days = "select days from retention_class where name = 'purpose-security'"
    assert await until(lambda: database.fetchval(days)) and await until(lambda: is_so(database, days, 20.0))
    reply = await admin.post(f"{BASE}/versions/{PACKAGED}/activate", json={"reason": "quay lại"})
    assert reply.status_code == 200, reply.text
    assert await verdict() == "allowed"
    await until(lambda: is_so(database, days, 30.0))
    entries = await database.fetch(
        "select detail, reason from audit_entry where action = 'regulation:write' order by seq"
    )
    said = [(row["detail"].split(" from ")[0], row["reason"]) for row in entries]
    assert ("activate regulation no-live", "thử") in said
    assert (f"activate regulation {PACKAGED}", "quay lại") in said


async def is_so(database: Any, sql: str, wanted: object) -> bool:
    return bool(await database.fetchval(sql) == wanted)


async def test_a_later_day_holds_later_and_can_be_withdrawn(city: World) -> None:
    admin = await city.client()
    await load(admin, without_viewers_live("later"))
    now = dt.datetime.now(dt.UTC)
    activate = f"{BASE}/versions/later/activate"
    past = {"reason": "r", "valid_from": (now - dt.timedelta(days=1)).isoformat()}
    assert (await admin.post(activate, json=past)).status_code == 400
    for far in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"):
        assert (await admin.post(activate, json={"reason": "r", "valid_from": far})).status_code == 400, far
    naive = {"reason": "r", "valid_from": "2099-01-01T00:00:00"}
    assert (await admin.post(activate, json=naive)).status_code == 400
    assert (await admin.post(activate, json={"reason": " "})).status_code == 400
    begins = (now + dt.timedelta(days=30)).isoformat()
    assert (await admin.post(activate, json={"reason": "r", "valid_from": begins})).status_code == 200
    state = (await admin.get(f"{BASE}/versions/later")).json()
    assert state["state"] == "scheduled" and state["files"] == without_viewers_live("later")
    assert (await admin.get(f"{BASE}/now")).json()["version"] != "later"
    reply = await admin.post(f"{BASE}/versions/later/withdraw", json={"reason": "không cần nữa"})
    assert reply.json()["state"] == "loaded"
    assert (await admin.post(f"{BASE}/versions/later/withdraw", json={"reason": "r"})).status_code == 409


async def test_a_version_whose_cases_fail_is_not_put_in_force(city: World) -> None:
    admin = await city.client()
    wrong = altered("wrong", ("cases.toml", 'expect = "allowed"\npurpose_taken = "duty"', 'expect = "purpose_needed"'))
    await load(admin, wrong)
    reply = await admin.post(f"{BASE}/versions/wrong/activate", json={"reason": "r"})
    assert reply.status_code == 409 and "1 of" in reply.json()["error"]["message"]
    assert (await admin.get(f"{BASE}/versions/wrong")).json()["state"] == "loaded"


async def test_only_who_administers_puts_a_version_in_force(city: World) -> None:
    admin = await city.client()
    for role in ("viewer", "operator", "auditor", "member"):
        body = {"username": f"only-{role}", "password": "mot mat khau dai", "role": role}
        assert (await admin.post("/api/v1/accounts", json=body)).status_code == 201, role
        client = await city.client(f"only-{role}", "mot mat khau dai")
        assert (await client.get(f"{BASE}/now")).status_code == 200
        for path, sent in (
            ("versions", {"files": packaged_files()}),
            ("check", {"files": {}}),
            (f"versions/{PACKAGED}/test", None),
            (f"versions/{PACKAGED}/activate", {"reason": "r"}),
            (f"versions/{PACKAGED}/withdraw", {"reason": "r"}),
        ):
            reply = await client.post(f"{BASE}/{path}", json=sent)
            assert reply.status_code == 403, (role, path, reply.text)


async def test_new_cameras_take_what_their_purpose_has(city: World) -> None:
    admin = await city.client()
    database = city.engines.database
    await until(
        lambda: is_so(database, "select retention_class from purpose where id = 'violation'", "purpose-violation")
    )
    for given, wanted in (
        ({"purpose": "violation"}, ("counted", "purpose-violation")),
        ({"purpose": "traffic_safety"}, ("located", "purpose-traffic_safety")),
        ({"purpose": "violation", "disclosure": "area", "retention_class": "default"}, ("area", "default")),
        ({}, ("area", "default")),
    ):
        body = {"fields": {"name": f"Cột {len(str(given))}", **given}, "reason": "mới"}
        reply = await admin.post("/api/v1/registry/cameras", json=body)
        assert reply.status_code == 201, reply.text
        made = (await admin.get(f"/api/v1/registry/cameras/{reply.json()['id']}")).json()
        assert (made["disclosure"], made["retention_class"]) == wanted


async def test_a_class_of_the_regulation_is_as_the_regulation_says(city: World) -> None:
    """Whoever changed it by hand; and a term that begins on a day begins on that day, in the city's own time."""
    admin = await city.client()
    database = city.engines.database
    dated = """days = 30
priority = 50           # khi đĩa đầy, số nhỏ mất trước / what a full disk costs first has the lowest
from = 2025-07-01
clause = "13.1"
"""
    then = dated.replace("from = 2025-07-01", "from = 2099-03-01").replace("days = 30", "days = 45")
    before = dated.replace("clause", "until = 2099-03-01\nclause").replace("days = 30", "days = 31")
    files = altered("dated", ("retention.toml", dated, f'{before}\n[[retention]]\ncamera_purpose = "security"\n{then}'))
    await load(admin, files)
    assert (await admin.post(f"{BASE}/versions/dated/activate", json={"reason": "r"})).status_code == 200
    days = "select days from retention_class where name = 'purpose-security'"
    await until(lambda: is_so(database, days, 31.0))
    assert (await admin.put("/api/v1/retention/purpose-security", json={"days": 1})).status_code == 200
    told: list[str] = []

    async def tell(nodes: Sequence[str]) -> None:
        told.extend(nodes)

    node = await city.node("node-of-terms")
    upkeep = Upkeep(database, Regulations(database), tell)
    await upkeep.keep(dt.datetime(2099, 2, 28, 16, 59, tzinfo=dt.UTC))
    assert await database.fetchval(days) == 31.0 and told == [node.id]
    await upkeep.keep(dt.datetime(2099, 2, 28, 16, 59, tzinfo=dt.UTC))
    assert told == [node.id]  # what is so is left alone
    await upkeep.keep(dt.datetime(2099, 2, 28, 17, 0, tzinfo=dt.UTC))
    assert await database.fetchval(days) == 45.0
