"""A fleet comes in, comes again, and is taken back: on a real PostgreSQL, through the API."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from centre_world import World, until, world
from import_world import POLICE, WARD, bring, contents, counted, csv, line, put, rows, upload, work, xlsx


async def _record(client: httpx.AsyncClient, camera: str) -> dict[str, object]:
    reply = await client.get(f"/api/v1/registry/cameras/{camera}")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def test_a_dry_run_changes_nothing() -> None:
    async with world() as w:
        client = await w.client()
        before = await contents(w)
        import_id = await upload(client, {"a.xlsx": xlsx([line(1), line(2), line(2), line(3, **{"Tên camera": ""})])})
        planned = await work(client, import_id, "plan")
        assert planned["state"] == "planned" and counted(planned, created=2, duplicate=1, refused=1)
        assert await contents(w) == before
        assert await w.engines.database.fetchval("select count(*) from agency where id like 'ubnd%'") == 0
        assert await w.engines.database.fetchval("select count(*) from camera_version") == 0


async def test_what_a_sheet_says_stands_in_the_registry_and_nothing_secret_is_shown() -> None:
    async with world() as w:
        client = await w.client()
        found = await bring(client, {"a.xlsx": xlsx([line(1), line(2)])})
        assert counted(found, created=2)
        first, second = await rows(client, found["id"])
        assert (first["file"], first["sheet"], first["row"], second["row"]) == ("a.xlsx", "Danh sách", 2, 3)
        record = await _record(client, first["camera"])
        assert (record["name"], record["code"], record["serial"]) == ("Camera số 1 Quán Thánh", "BD-0001", "DS7A000001")
        assert (record["unit"], record["owner"], record["purpose"]) == ("00004", "ubnd-phuong-ba-dinh", "security")
        assert (record["mac"], record["installed_on"]) == ("aa:bb:cc:00:00:01", "2024-03-15")
        assert record["has_credentials"] is True
        history = (await client.get(f"/api/v1/registry/cameras/{first['camera']}/history")).json()["items"]
        assert {item["source"] for item in history} == {f"import {found['id']}"}
        shown = json.dumps([await rows(client, found["id"]), record, history, found])
        assert "s3cret" not in shown and "khue-test" not in shown
        cameras = w.centre.fleet.cameras
        stored = await w.engines.database.fetchrow("select id, credentials from camera where serial = 'DS7A000001'")
        assert stored is not None
        opened = cameras.open_credentials(stored["id"], stored["credentials"])
        assert (opened.username, opened.password) == ("khue-test", "s3cret-1")


async def test_the_same_sheet_again_changes_nothing_and_a_better_one_only_what_differs() -> None:
    async with world() as w:
        client = await w.client()
        lines = [line(number) for number in range(1, 6)]
        await bring(client, {"a.xlsx": xlsx(lines)})
        before = await contents(w)
        assert counted(await bring(client, {"a.xlsx": xlsx(lines)}), unchanged=5)
        assert counted(await bring(client, {"a.csv": csv(lines)}), unchanged=5)
        assert await contents(w) == before
        better = [line(1, **{"Tên camera": "Camera chợ Châu Long"}), line(2, **{"Mật khẩu": "another"}), *lines[2:]]
        found = await bring(client, {"a.xlsx": xlsx(better)})
        assert counted(found, changed=2, unchanged=3)
        changed = await rows(client, found["id"], outcome="changed")
        assert changed[0]["changes"] == [
            {"field": "name", "before": "Camera số 1 Quán Thánh", "after": "Camera chợ Châu Long"}
        ]
        assert changed[1]["changes"] == [{"field": "password", "before": None, "after": "***"}]


async def test_undo_gives_back_what_was_and_the_import_can_be_applied_again() -> None:
    async with world() as w:
        client = await w.client()
        await bring(client, {"a.xlsx": xlsx([line(1), line(2)])})
        before = await contents(w)
        more = [
            line(1, **{"Tên camera": "Camera chợ Châu Long", "Mật khẩu": "another"}),
            line(2, **{"Luồng chính (RTSP)": "rtsp://192.0.2.200/other"}),
            line(3),
        ]
        found = await bring(client, {"b.xlsx": xlsx(more)})
        assert counted(found, created=1, changed=2)
        assert await contents(w) != before
        undone = await work(client, found["id"], "undo")
        assert (undone["state"], undone["kept"]) == ("undone", [])
        assert await contents(w) == before
        again = await work(client, found["id"], "plan")
        assert counted(again, created=1, changed=2)
        assert (await work(client, found["id"], "apply"))["state"] == "applied"
        assert await w.engines.database.fetchval("select count(*) from camera where deleted is null") == 3


async def test_undo_leaves_alone_what_somebody_changed_since_and_says_so() -> None:
    async with world() as w:
        client = await w.client()
        await bring(client, {"a.xlsx": xlsx([line(1)])})
        found = await bring(
            client,
            {"b.xlsx": xlsx([line(1, **{"Tên camera": "New name", "Địa chỉ": "New address"}), line(2), line(3)])},
        )
        changed, touched, _ = await rows(client, found["id"])
        for row, fields in ((changed, {"name": "Named by a person"}), (touched, {"note": "seen there"})):
            record = await _record(client, row["camera"])
            body = {"fields": fields, "reason": "looked", "revision": record["revision"]}
            reply = await client.patch(f"/api/v1/registry/cameras/{row['camera']}", json=body)
            assert reply.status_code == 200, reply.text
        undone = await work(client, found["id"], "undo")
        kept = {(one["camera"], one["field"]) for one in undone["kept"]}
        assert kept == {(changed["camera"], "name"), (touched["camera"], None)}
        assert all("admin" in one["why"] for one in undone["kept"])
        record = await _record(client, changed["camera"])
        assert (record["name"], record["address"]) == ("Named by a person", "Số 1 Quán Thánh")
        names = [row["name"] for row in await w.engines.database.fetch("select name from camera where deleted is null")]
        assert sorted(names) == ["Camera số 2 Quán Thánh", "Named by a person"]
        search = await w.engines.database.fetchval("select search from camera where id = $1", changed["camera"])
        assert "named by a person" in search and "so 1 quan thanh" in search and "new" not in search


async def test_what_changed_since_the_plan_is_refused_not_overwritten() -> None:
    async with world() as w:
        client = await w.client()
        first = await bring(client, {"a.xlsx": xlsx([line(1), line(2)])})
        import_id = await upload(
            client,
            {"b.xlsx": xlsx([line(1, **{"Địa chỉ": "B"}), line(2, **{"Địa chỉ": "B"}), line(3), line(4)])},
        )
        assert counted(await work(client, import_id, "plan"), created=2, changed=2)
        camera = (await rows(client, first["id"]))[0]["camera"]
        revision = (await _record(client, camera))["revision"]
        body = {"fields": {"address": "A person's"}, "reason": "looked", "revision": revision}
        assert (await client.patch(f"/api/v1/registry/cameras/{camera}", json=body)).status_code == 200
        by_hand = {"fields": {"name": "by hand", "serial": "ds7a000003", "unit": "00004"}, "reason": "found it"}
        assert (await client.post("/api/v1/registry/cameras", json=by_hand)).status_code == 201
        applied = await work(client, import_id, "apply")
        assert applied["state"] == "applied" and counted(applied, created=1, changed=1, refused=2)
        refused = await rows(client, import_id, outcome="refused")
        assert {problem["code"] for row in refused for problem in row["problems"]} == {"changed_since_plan"}
        assert (await _record(client, camera))["address"] == "A person's"


async def test_two_agencies_that_claim_one_camera_are_told_where_the_other_is() -> None:
    async with world() as w:
        client = await w.client()
        police = line(1, **{"Đơn vị sở hữu": POLICE})
        found = await bring(client, {"a.xlsx": xlsx([line(1)]), "b.csv": csv([police])})
        assert counted(found, created=1, refused=1)
        (row,) = await rows(client, found["id"], reason="claimed_by_other")
        for words in (row["problems"][0]["vi"], row["problems"][0]["en"]):
            assert "a.xlsx" in words and "b.csv" in words and WARD.casefold() in words.casefold()
        later = await bring(client, {"c.csv": csv([police])})
        (row,) = await rows(client, later["id"], outcome="refused")
        assert row["problems"][0]["code"] == "claimed_by_other"


async def test_an_account_of_one_ward_imports_only_there_and_learns_nothing_of_others() -> None:
    async with world() as w:
        client = await w.client()
        await bring(client, {"a.xlsx": xlsx([line(7, **{"Phường/Xã": "Phường Ngọc Hà"})])})
        made = {"username": "ward", "password": "a-long-password", "role": "operator"}
        account = (await client.post("/api/v1/accounts", json=made)).json()["id"]
        reply = await client.patch(f"/api/v1/accounts/{account}", json={"units": ["00004"]})
        assert reply.status_code == 200, reply.text
        ward = await w.client("ward", "a-long-password")
        lines = [line(1), line(2, **{"Phường/Xã": "Phường Ngọc Hà"}), line(7)]
        found = await bring(ward, {"a.xlsx": xlsx(lines)})
        assert counted(found, created=1, refused=2)
        refused = await rows(ward, found["id"], outcome="refused")
        assert [row["problems"][0]["code"] for row in refused] == ["out_of_scope", "out_of_scope"]
        assert "số 7" not in json.dumps([row["problems"] for row in refused])
        assert (await ward.get("/api/v1/imports")).json()["items"][0]["id"] == found["id"]
        assert len((await ward.get("/api/v1/imports")).json()["items"]) == 1
        other = (await client.get("/api/v1/imports")).json()["items"][-1]["id"]
        assert (await ward.get(f"/api/v1/imports/{other}")).status_code == 404
        assert (await ward.get(f"/api/v1/imports/{other}/rows")).status_code == 404


async def test_a_named_mapping_reads_the_next_sheet_with_these_headings() -> None:
    async with world() as w:
        client = await w.client()
        sheet = 'Cột một;Cột hai;Cột ba\r\n"Camera chợ";21,0386;105,838\r\n'.encode()
        import_id = await upload(client, {"a.csv": sheet}, agency=WARD)
        body = {
            "file": "a.csv",
            "sheet": "",
            "save_as": "sổ của phường",
            "columns": {"Cột một": "name", "Cột hai": "lat", "Cột ba": "lon"},
        }
        reply = await client.put(f"/api/v1/imports/{import_id}/mapping", json=body)
        assert reply.status_code == 200, reply.text
        assert counted(await work(client, import_id, "plan"), created=1)
        second = await client.post("/api/v1/imports", json={"name": "next month"})
        reply = await put(client, second.json()["id"], "b.csv", sheet.replace("chợ".encode(), "bến".encode()))
        looked = reply.json()["sheets"][0]
        assert looked["mapping_name"] == "sổ của phường" and looked["headings"][0]["field"] == "name"
        (listed,) = (await client.get("/api/v1/mappings")).json()["items"]
        assert (await client.delete(f"/api/v1/mappings/{listed['id']}")).status_code == 204
        wrong = {**body, "columns": {"Cột một": "colour"}}
        assert (await client.put(f"/api/v1/imports/{import_id}/mapping", json=wrong)).status_code == 400


async def test_the_corrected_sheet_says_why_holds_no_secret_and_comes_back_the_same() -> None:
    async with world() as w:
        client = await w.client()
        lines = [
            line(1),
            line(1),
            line(2, **{"Vĩ độ": 105.838, "Kinh độ": 21.0394}),  # swapped
            line(3, **{"Phường/Xã": "Phường Trúc Bạch"}),  # abolished in 2025
            line(4, **{"Tên camera": ""}),
            line(5, **{"Vĩ độ": 15.0, "Kinh độ": 112.0}),  # in the sea
        ]
        import_id = await upload(client, {"a.xlsx": xlsx(lines, title="UBND PHƯỜNG BA ĐÌNH")})
        planned = await work(client, import_id, "plan")
        assert counted(planned, created=3, duplicate=1, refused=2)
        reply = await client.get(f"/api/v1/imports/{import_id}/corrected.xlsx")
        assert reply.status_code == 200, reply.text
        assert b"s3cret" not in reply.content
        again = await upload(client, {"corrected.xlsx": reply.content})
        replanned = await work(client, again, "plan")
        assert {k: v for k, v in replanned["counts"].items() if k != "skipped"} == {
            k: v for k, v in planned["counts"].items() if k != "skipped"
        }
        first = [(row["outcome"], [p["code"] for p in row["problems"]]) for row in await rows(client, import_id)]
        second = [(row["outcome"], [p["code"] for p in row["problems"]]) for row in await rows(client, again)]
        assert [x for x in second if x[0] != "skipped"] == [x for x in first if x[0] != "skipped"]
        unit = {row["values"].get("unit") for row in await rows(client, again, outcome="created")}
        assert unit == {"00004"}


async def test_imports_end_in_order_and_only_from_states_that_allow_it() -> None:
    async with world() as w:
        client = await w.client()
        empty = (await client.post("/api/v1/imports", json={"name": "x"})).json()["id"]
        assert (await client.post(f"/api/v1/imports/{empty}/plan")).status_code == 400
        assert (await client.post(f"/api/v1/imports/{empty}/apply")).status_code == 409
        found = await bring(client, {"a.xlsx": xlsx([line(1)])})
        assert (await client.post(f"/api/v1/imports/{found['id']}/apply")).status_code == 409
        assert (await client.delete(f"/api/v1/imports/{found['id']}")).status_code == 409
        assert (await put(client, found["id"], "more.csv", csv([line(2)]))).status_code == 409
        assert (await client.delete(f"/api/v1/imports/{empty}")).status_code == 204
        assert (await client.get(f"/api/v1/imports/{empty}")).status_code == 404


async def test_a_connection_that_breaks_while_applying_leaves_the_plan() -> None:
    async with world() as w:
        client = await w.client()
        import_id = await upload(client, {"a.csv": csv([line(number) for number in range(1, 400)])})
        assert counted(await work(client, import_id, "plan"), created=399)
        async with _nobody_inserts(w):
            assert (await client.post(f"/api/v1/imports/{import_id}/apply")).status_code == 202
            (backend,) = await until(lambda: _waiting(w), 20)
            await w.engines.database.execute("select pg_terminate_backend($1)", backend["pid"])
            found = await until(lambda: _state(client, import_id, "planned"), 30)
        assert found["error"]
        assert await w.engines.database.fetchval("select count(*) from camera") == 0
        assert (await work(client, import_id, "apply"))["state"] == "applied"
        assert await w.engines.database.fetchval("select count(*) from camera") == 399


@contextlib.asynccontextmanager
async def _nobody_inserts(w: World) -> AsyncIterator[None]:
    async with w.engines.database.transaction() as session:
        await session.execute("lock table camera in share mode")
        yield


async def _waiting(w: World) -> Sequence[Any]:
    return await w.engines.database.fetch(
        "select pid from pg_stat_activity where query ilike '%insert into camera (%' and wait_event_type = 'Lock'"
    )


async def _state(client: httpx.AsyncClient, import_id: str, state: str) -> dict[str, Any] | None:
    found: dict[str, Any] = (await client.get(f"/api/v1/imports/{import_id}")).json()
    return found if found["state"] == state else None


@pytest.mark.parametrize("broken", ["file", "row"])
async def test_only_owners_and_administrators_who_see_all_look_at_an_import(broken: str) -> None:
    async with world() as w:
        client = await w.client()
        made = {"username": "viewer", "password": "a-long-password", "role": "viewer"}
        await client.post("/api/v1/accounts", json=made)
        viewer = await w.client("viewer", "a-long-password")
        found = await bring(client, {"a.xlsx": xlsx([line(1)])})
        path = f"/api/v1/imports/{found['id']}" + ("/corrected.xlsx" if broken == "file" else "/rows")
        assert (await viewer.get(path)).status_code == 403
