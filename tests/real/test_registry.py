"""The registry over HTTP on a real PostgreSQL: records, life, consents, findings, history, edits, books."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from centre_world import World, world

from khue.model.registry import SecurityTopic

pytestmark = pytest.mark.asyncio(loop_scope="module")
CAMERAS = "/api/v1/registry/cameras"
EDITS = "/api/v1/registry/edits"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(here: World) -> httpx.AsyncClient:
    return await here.client()


async def register(client: httpx.AsyncClient, name: str, reason: str = "survey", **fields: Any) -> dict[str, Any]:
    reply = await client.post(CAMERAS, json={"fields": {"name": name, **fields}, "reason": reason})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def change(
    client: httpx.AsyncClient, record: dict[str, Any], reason: str = "seen", **fields: Any
) -> httpx.Response:
    body = {"fields": fields, "reason": reason, "revision": record["revision"]}
    return await client.patch(f"{CAMERAS}/{record['id']}", json=body)


async def history(client: httpx.AsyncClient, camera: str, kind: str = "") -> list[dict[str, Any]]:
    reply = await client.get(f"{CAMERAS}/{camera}/history")
    assert reply.status_code == 200, reply.text
    return [item for item in reply.json()["items"] if kind in ("", item["kind"])]


async def test_a_record_keeps_what_was_said_and_shows_no_secret(admin: httpx.AsyncClient) -> None:
    said = {
        "code": "HK-001",
        "vendor": "Hikvision",
        "mac": "AA-BB-CC-00-11-22",
        "lat": 21.03,
        "lon": 105.85,
        "unit": "00070",
        "purpose": "security",
        "link": "leased",
        "quiet_from": "22:00",
        "quiet_to": "05:30",
        "installed_on": "2024-05-01",
        "rtsp_main": "rtsp://root:geheim@192.0.2.5/main",
    }
    made = await register(admin, "Hàng Khay 1", **said)
    assert (made["mac"], made["quiet_from"], made["installed_on"]) == ("aa:bb:cc:00:11:22", "22:00", "2024-05-01")
    assert (made["life"], made["disclosure"], made["revision"]) == ("operating", "area", 1)
    assert [stream["url"] for stream in made["streams"]] == ["rtsp://192.0.2.5/main"]
    assert made["has_credentials"] is True
    assert made["valid_from"] == "2024-05-01T00:00:00Z"
    told = (await admin.get(f"{CAMERAS}/{made['id']}/history")).text + (await admin.get(f"{CAMERAS}/{made['id']}")).text
    assert "geheim" not in told
    books_only = await register(admin, "Ô Chợ Dừa, đề xuất")
    assert (books_only["life"], books_only["state"], books_only["streams"]) == ("proposed", None, [])
    assert (await admin.get(f"/api/v1/cameras/{books_only['id']}")).status_code == 404
    listed = (await admin.get("/api/v1/cameras", params={"q": "hang khay 00070"})).json()
    assert listed["total"] == 0
    assert (await admin.get("/api/v1/cameras", params={"q": "hk-001 hoan kiem"})).json()["total"] == 1


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"name": ""}, 400, "name"),
        ({"name": "x", "lat": 21.0}, 400, "go together"),
        ({"name": "x", "lat": 121.0, "lon": 105.0}, 400, "lat is between"),
        ({"name": "x", "mac": "12:34"}, 400, "mac"),
        ({"name": "x", "quiet_from": "25:00", "quiet_to": "05:00"}, 400, "quiet_from"),
        ({"name": "x", "bearing": 360}, 400, "bearing"),
        ({"name": "x", "purpose": "defence", "disclosure": "located"}, 400, "counted"),
        ({"name": "x", "purpose": "pleasure"}, 400, "purpose"),
        ({"name": "x", "colour": "red"}, 400, "colour"),
        ({"name": "x", "rtsp_sub": "rtsp://192.0.2.1/s"}, 400, "rtsp_main"),
        ({"name": "x", "consent_name": "Bà Tám"}, 400, "consent_given_on"),
        ({"name": "x", "life_since": "2999-01-01"}, 400, "future"),
        ({"name": "x", "note": "a\0b"}, 400, "note"),
        ({"name": "x", "unit": "99999"}, 404, "99999"),
        ({"name": "x", "code": "HK-001"}, 409, "another camera"),
    ],
)
async def test_what_makes_no_record_is_refused_with_a_reason(
    admin: httpx.AsyncClient, fields: dict[str, Any], status: int, words: str
) -> None:
    reply = await admin.post(CAMERAS, json={"fields": fields, "reason": "r"})
    assert (reply.status_code, words in reply.json()["error"]["message"]) == (status, True), reply.text


async def test_a_change_of_an_old_revision_is_refused_and_names_who_was_first(admin: httpx.AsyncClient) -> None:
    made = await register(admin, "Kim Mã 1", address="1 Kim Mã")
    first = await change(admin, made, "moved", address="2 Kim Mã", declared_working=False)
    assert (first.status_code, first.json()["address"], first.json()["revision"]) == (200, "2 Kim Mã", 2)
    late = await change(admin, made, address="3 Kim Mã")
    assert late.status_code == 409
    assert "admin at" in late.json()["error"]["message"]
    assert (await change(admin, first.json(), address="2 Kim Mã")).json()["revision"] == 2  # nothing changed
    assert (await change(admin, first.json(), "  ", address="4")).status_code == 400
    told = await history(admin, made["id"], "facts")
    assert (told[0]["actor"], told[0]["reason"]) == ("admin", "moved")
    assert told[0]["changes"] == [
        {"field": "address", "before": "1 Kim Mã", "after": "2 Kim Mã"},
        {"field": "declared_working", "before": None, "after": False},
    ]


async def test_as_of_a_time_is_how_it_was_said_to_be_then(here: World, admin: httpx.AsyncClient) -> None:
    made = await register(admin, "Tràng Tiền", installed_on="2025-01-10", supplier="A", megapixels=2.0)
    before = dt.datetime.now(dt.UTC)
    await change(admin, made, supplier="B", note="changed")
    path = f"{CAMERAS}/{made['id']}"
    then = (await admin.get(path, params={"asof": before.isoformat()})).json()
    assert (then["supplier"], then["note"], then["megapixels"], then["state"]) == ("A", "", 2.0, None)
    assert (await admin.get(path)).json()["supplier"] == "B"
    assert (await admin.get(path, params={"asof": "2025-01-10"})).json()["supplier"] == "A"
    early = await admin.get(path, params={"asof": "2025-01-01"})
    assert (early.status_code, early.json()["error"]["message"]) == (404, "the camera was not in the registry then")
    assert (await admin.get(path, params={"asof": "yesterday"})).status_code == 400


async def test_a_life_takes_only_allowed_steps_each_with_its_day_and_reason(admin: httpx.AsyncClient) -> None:
    made = await register(admin, "Láng 1", life="proposed", life_since="2025-01-01")
    path = f"{CAMERAS}/{made['id']}/life"
    assert made["life_steps"] == ["approved", "removed"]
    refused = await admin.post(path, json={"after": "operating", "reason": "hurry"})
    assert refused.status_code == 409
    assert "it can become approved or removed" in refused.json()["error"]["message"]
    early = await admin.post(path, json={"after": "approved", "reason": "319/QĐ", "happened": "2024-12-31"})
    assert early.status_code == 400
    late = await admin.post(path, json={"after": "approved", "reason": "319/QĐ", "happened": "2999-01-01"})
    assert late.status_code == 400
    done = await admin.post(path, json={"after": "approved", "reason": "319/QĐ", "happened": "2025-01-17"})
    assert (done.json()["life"], done.json()["life_since"]) == ("approved", "2025-01-17")
    told = await history(admin, made["id"])
    assert [item["kind"] for item in told] == ["facts", "life"]  # it was registered today, after all
    assert told[1]["changes"] == [{"field": "life", "before": "proposed", "after": "approved"}]
    assert (told[1]["at"], told[1]["reason"]) == ("2025-01-16T17:00:00Z", "319/QĐ")
    gone = await admin.post(path, json={"after": "removed", "reason": "never built"})
    assert (gone.json()["life"], gone.json()["enabled"]) == ("removed", False)


async def test_a_borrowed_line_needs_a_consent_in_force(here: World, admin: httpx.AsyncClient) -> None:
    made = await register(admin, "Ngõ Trạm", link="borrowed")
    path = f"{CAMERAS}/{made['id']}/consents"
    assert [one["code"] for one in made["problems"]] == ["consent_missing"]
    consent = {"name": "Bà Nguyễn Thị Tám", "phone": "0912 000 111", "given_on": "2025-03-01", "upload_kbps": 900}
    given = await admin.post(path, json=consent)
    assert given.status_code == 201, given.text
    record = given.json()
    assert (record["problems"], record["upload_kbps"], record["consent"]["state"]) == ([], 900, "in_force")
    assert record["consent"]["contact"]["name"] == "Bà Nguyễn Thị Tám"
    assert (await admin.post(path, json=consent)).status_code == 409
    stored = await here.engines.database.fetchval("select contact from consent where camera = $1", made["id"])
    assert b"0912" not in stored
    await admin.post("/api/v1/accounts", json={"username": "nhin", "password": "mot-hai-ba-bon", "role": "viewer"})
    viewer = await here.client("nhin", "mot-hai-ba-bon")
    seen = (await viewer.get(f"{CAMERAS}/{made['id']}")).json()
    assert (seen["consent"]["contact"], seen["consent"]["state"]) == (None, "in_force")
    assert "Tám" not in (await viewer.get(f"{CAMERAS}/{made['id']}/history")).text
    log = (await admin.get("/api/v1/audit", params={"camera": made["id"]})).json()["items"]
    assert any("contact" in line["detail"] for line in log)
    ended = await admin.post(f"{path}/withdraw", json={"on": "2025-06-01", "reason": "moved away"})
    assert [one["code"] for one in ended.json()["problems"]] == ["consent_withdrawn"]
    assert (await admin.post(f"{path}/withdraw", json={"on": "2025-06-01", "reason": "again"})).status_code == 404
    told = await history(admin, made["id"], "consent")
    assert [(item["reason"], item["changes"][0]["after"] is None) for item in told] == [
        ("moved away", True),
        ("", False),
    ]
    over = {**consent, "given_on": "2025-07-01", "expires_on": "2025-08-01"}
    expired = (await admin.post(path, json=over)).json()
    assert [one["code"] for one in expired["problems"]] == ["consent_expired"]
    assert (
        await admin.post(path, json={**consent, "given_on": "2025-09-01"})
    ).status_code == 201  # after the expired one


async def test_the_checklist_says_the_state_and_keeps_its_history(admin: httpx.AsyncClient) -> None:
    made = await register(admin, "Giảng Võ 1")
    path = f"{CAMERAS}/{made['id']}/security"

    async def find(topic: str, result: str, day: str) -> dict[str, Any]:
        body = {"topic": topic, "result": result, "evidence": "report 12", "checked_on": day}
        reply = await admin.post(path, json=body)
        assert reply.status_code == 200, reply.text
        return dict(reply.json()["security"])

    assert (await find("passwords", "fail", "2026-02-01"))["state"] == "fails"
    assert (await find("passwords", "pass", "2026-01-01"))[
        "state"
    ] == "fails"  # an older check does not undo a newer one
    assert (await find("passwords", "pass", "2026-03-01"))["state"] == "partial"
    for topic in SecurityTopic:
        state = await find(topic, "not_applicable" if topic == "protected_logs" else "pass", "2026-04-01")
    assert (state["state"], len(state["topics"])) == ("meets", 11)
    assert len(await history(admin, made["id"], "security")) == 14
    assert len(await history(admin, made["id"], "facts")) == 1  # the state is told by the findings alone


async def test_a_bulk_edit_is_previewed_applied_and_undone(admin: httpx.AsyncClient) -> None:
    made = [await register(admin, f"bulk {number}", contract="old") for number in range(4)]
    await change(admin, made[3], contract="new")
    numbers = [one["number"] for one in made]
    body: dict[str, Any] = {"numbers": numbers, "set": {"contract": "new", "unit": "00004"}, "reason": "tender 7"}
    seen = (await admin.post(EDITS, json={**body, "preview": True})).json()
    assert (seen["id"], seen["count"], seen["changed"], seen["unchanged"]) == (None, 4, 4, 0)
    assert {"contract", "unit"} == {one["field"] for one in seen["sample"]}
    assert (await admin.get(f"{CAMERAS}/{made[0]['id']}")).json()["contract"] == "old"
    done = (await admin.post(EDITS, json={**body, "preview": False})).json()
    assert done["changed"] == 4
    changed = (await admin.get(f"{CAMERAS}/{made[0]['id']}")).json()
    assert (changed["contract"], changed["unit"]) == ("new", "00004")
    told = (await history(admin, made[0]["id"], "facts"))[0]
    assert (told["reason"], told["source"]) == ("tender 7", f"bulk edit {done['id']}")
    assert (await admin.get("/api/v1/cameras", params={"q": "bulk ba dinh"})).json()["total"] == 0  # no stream to list
    await change(admin, changed, contract="newer")
    undone = (await admin.post(f"{EDITS}/{done['id']}/undo")).json()
    assert undone == {"restored": 4, "kept": [{"number": numbers[0], "why": "contract was changed since"}]}
    back = [(await admin.get(f"{CAMERAS}/{one['id']}")).json() for one in made]
    assert [(one["contract"], one["unit"]) for one in back] == [("newer", None), *[("old", None)] * 2, ("new", None)]
    assert (await admin.post(f"{EDITS}/{done['id']}/undo")).status_code == 409
    assert (await admin.get(EDITS)).json()["items"][0]["undone_by"] == "admin"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"set": {"note": "x"}, "preview": True}, 400),
        ({"set": {"note": "x"}, "numbers": [1], "query": {}}, 400),
        ({"set": {}, "numbers": [1]}, 400),
        ({"set": {"mac": "aa:bb:cc:00:11:33"}, "numbers": [1]}, 400),
        ({"set": {"note": "x"}, "numbers": [1_000_000]}, 404),
        ({"set": {"note": "x"}, "query": {"colour": "red"}}, 400),
        ({"set": {"note": "x"}, "numbers": [1], "preview": False, "reason": ""}, 400),
    ],
)
async def test_an_edit_that_cannot_be_meant_is_refused(
    admin: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    assert (await admin.post(EDITS, json=body)).status_code == status


async def test_an_edit_by_filter_leaves_out_what_may_not_be(admin: httpx.AsyncClient) -> None:
    fine = await register(admin, "lọc một", unit="00091")
    secret = await register(admin, "lọc hai", unit="00091", purpose="defence")
    assert secret["disclosure"] == "counted"
    body = {"query": {"unit": "00091", "q": "loc"}, "set": {"disclosure": "located"}, "reason": "r", "preview": False}
    done = (await admin.post(EDITS, json=body)).json()
    assert (done["count"], done["changed"]) == (2, 1)
    assert [(one["number"], "counted" in one["why"]) for one in done["refused"]] == [(secret["number"], True)]
    assert (await admin.get(f"{CAMERAS}/{fine['id']}")).json()["disclosure"] == "located"


async def test_agencies_make_a_tree_and_cameras_are_found_by_their_owner(admin: httpx.AsyncClient) -> None:
    path = "/api/v1/registry/agencies"
    city = (await admin.post(path, json={"name": "UBND Thành phố", "kind": "city"})).json()
    ward = {"name": "UBND phường Ba Đình", "kind": "ward", "parent": city["id"], "unit": "00004"}
    made = (await admin.post(path, json=ward)).json()
    assert (made["id"], made["parent"]) == ("ubnd-phuong-ba-dinh", "ubnd-thanh-pho")
    assert (await admin.post(path, json=ward)).status_code == 409
    loop = await admin.patch(f"{path}/{city['id']}", json={"parent": made["id"]})
    assert (loop.status_code, "below itself" in loop.json()["error"]["message"]) == (409, True)
    camera = await register(admin, "của phường", owner=made["id"], rtsp_main="rtsp://192.0.2.77/x")
    assert (await admin.get("/api/v1/cameras", params={"q": "ubnd ba dinh"})).json()["total"] == 1
    renamed = await admin.patch(f"{path}/{made['id']}", json={"name": "Uỷ ban phường Ngọc Hà"})
    assert renamed.json()["name"] == "Uỷ ban phường Ngọc Hà"
    found = (await admin.get("/api/v1/cameras", params={"q": "uy ban ngoc ha"})).json()["items"]
    assert [one["id"] for one in found] == [camera["id"]]


async def test_units_types_and_saved_filters(here: World, admin: httpx.AsyncClient) -> None:
    assert len((await admin.get("/api/v1/registry/units")).json()["items"]) == 126
    types = (await admin.get("/api/v1/registry/types")).json()["items"]
    assert (len(types), types[0]) == (33, {"vendor": "Hikvision", "family": "hik"})
    path = "/api/v1/registry/filters"
    kept = await admin.post(path, json={"name": "hỏng", "query": {"life": "faulty"}, "shared": True})
    assert kept.status_code == 201, kept.text
    again = await admin.post(path, json={"name": "hỏng", "query": {"life": "faulty", "unit": "00004"}})
    assert again.json()["id"] == kept.json()["id"]
    assert (await admin.post(path, json={"name": "x", "query": {"colour": "red"}})).status_code == 400
    await admin.post("/api/v1/accounts", json={"username": "khac", "password": "mot-hai-ba-bon", "role": "operator"})
    other = await here.client("khac", "mot-hai-ba-bon")
    assert (await other.get(path)).json()["items"] == []
    await admin.post(path, json={"name": "hỏng", "query": {}, "shared": True})
    assert [(one["owner"], one["own"]) for one in (await other.get(path)).json()["items"]] == [("admin", False)]
    assert (await other.delete(f"{path}/{kept.json()['id']}")).status_code == 404
    assert (await admin.delete(f"{path}/{kept.json()['id']}")).status_code == 204


async def test_the_database_refuses_a_change_that_nobody_makes(here: World) -> None:
    with pytest.raises(Exception, match="needs somebody who makes it"):
        await here.engines.database.execute("update camera set note = 'by nobody'")


async def test_streams_and_what_an_old_route_changes_are_in_the_history(admin: httpx.AsyncClient) -> None:
    made = await register(admin, "dòng", rtsp_main="rtsp://192.0.2.80/a")
    reply = await admin.patch(f"/api/v1/cameras/{made['id']}", json={"url": "rtsp://u:geheim@192.0.2.80/b"})
    assert reply.status_code == 200, reply.text
    told = await history(admin, made["id"], "streams")
    assert told[0]["changes"] == [
        {"field": "main.url", "before": "rtsp://192.0.2.80/a", "after": "rtsp://192.0.2.80/b"}
    ]
    assert told[0]["actor"] == "admin"
    assert "geheim" not in str(told)
