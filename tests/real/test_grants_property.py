"""Whatever the organisation: the model in plain Python, the database and the API show everybody the same cameras, and no others.

``KHUE_SEED`` chooses another organisation; a failure names the seed and the smallest case it is about.
"""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets
from centre_world import World, world
from grants_chance import RIGHTS, STATED, Chance
from grants_model import Asker, Model
from inventory_world import everything, numbers_of

from khue.centre.access.rules import Account, Right, Role
from khue.centre.access.scope import as_reader
from khue.centre.inventory.map import decode

pytestmark = pytest.mark.asyncio(loop_scope="module")
_SEED = int(os.environ.get("KHUE_SEED", "7"))
_MISSING = "camera-of-nobody"
_TABLES = ("camera", "access_grant", "post", "tenure", "agency", "camera_group_member")
_DECISIONS = """
select w.account, w.right_name, w.camera, w.purpose, d.verdict, d.needs_reason or d.needs_case or d.needs_second as needs
from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as w (account, right_name, camera, purpose)
cross join lateral decide(w.account, w.right_name, w.camera, w.purpose, $5) d
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def made(here: World) -> Chance:
    chance = Chance(here, _SEED, dt.datetime.now(dt.UTC))
    await chance.make()
    return chance


async def _model(chance: Chance) -> Model:
    database = chance.database
    tables: dict[str, Any] = {name: await database.fetch(f"select * from {name}") for name in _TABLES}
    tables["regulation_rule"] = await database.fetch(
        "select * from regulation_rule where version = regulation_in_force(now())"
    )
    return Model(dt.datetime.now(dt.UTC), tables, "Asia/Ho_Chi_Minh")


def _askers(chance: Chance) -> list[Asker]:
    return [Asker(account, only) for account, only in chance.tokens.values()]


def _account(who: Asker) -> Account:
    only = None if who.only is None else tuple(sorted(who.only))
    return Account(who.account, who.account, who.account, Role.MEMBER, only_grants=only)


async def _database_agrees(chance: Chance) -> None:
    model = await _model(chance)
    allowed = 0
    for who in chance.chance.sample(_askers(chance), 8):
        asked = [
            (who.account, right, camera, purpose)
            for right in RIGHTS
            for camera in (*chance.cameras, _MISSING, "")
            for purpose in ("", STATED[1])
        ]
        only = None if who.only is None else sorted(who.only)
        rows = await chance.database.fetch(_DECISIONS, *map(list, zip(*asked, strict=True)), only)
        for row in rows:
            expected = model.verdict(who, row["right_name"], row["camera"], row["purpose"])
            got = row["verdict"]
            said = got if got == "unknown" else ("needs" if row["needs"] else "allowed") if got == "allowed" else "no"
            assert said == expected, (
                f"seed {_SEED}: {who} {row['right_name']} {row['camera']!r} {row['purpose']!r}: {got}"
            )
            allowed += said == "allowed" and row["camera"] != ""
        for right in Right:
            async with as_reader(chance.database, _account(who), right=right) as session:
                shown = {row["id"] for row in await session.fetch("select id from camera")}
            reached = {camera for camera in chance.cameras if model.reaches(who, right, camera)}
            assert shown == reached, f"seed {_SEED}: {who} {right}"
    assert allowed > 10, "the organisation allows too little to prove anything; choose another seed"


async def _nothing_is_wider_than_its_parent(chance: Chance) -> None:
    model = await _model(chance)
    derived = [grant for grant in model.grants.values() if grant["parent"] and grant["revoked"] is None]
    assert len([grant for grant in derived if len(grant["lineage"]) > 2]) > 1, "too few chains; choose another seed"
    for grant in derived:
        parent = model.grants[grant["parent"]]
        assert parent["revoked"] is None, f"seed {_SEED}: {grant['id']} outlives {parent['id']}"
        assert {*grant["rights"]} <= {*parent["rights"]}
        assert grant["passes"] < parent["passes"]
        assert parent["valid_to"] is None or grant["valid_to"] <= parent["valid_to"]
        assert model.on(parent) or not model.on(grant)
        for camera in model.cameras.values():
            wider = model.covers(grant, camera) and not model.covers(parent, camera)
            assert not wider, f"seed {_SEED}: {grant['id']} has {camera['id']}, {parent['id']} does not"


@pytest.mark.parametrize("step", range(3))
async def test_the_database_agrees_with_the_model(made: Chance, step: int) -> None:
    """As it was made, and after each of several changes."""
    if step:
        await made.disturb()
    await _nothing_is_wider_than_its_parent(made)
    await _database_agrees(made)


async def test_every_table_with_a_policy_shows_what_the_model_says(made: Chance) -> None:
    model = await _model(made)
    tables = await made.database.fetch(
        """select p.tablename as name from pg_policies p join information_schema.columns c
           on c.table_name = p.tablename and c.column_name = 'camera' where 'khue_reader' = any (p.roles)
           and p.tablename <> 'audit_entry' order by 1"""
    )
    assert {"camera_version", "camera_stream", "placement", "clip", "consent", "gap"} <= {row["name"] for row in tables}
    for who in _askers(made):
        sees = {camera for camera in made.cameras if model.reaches(who, "see", camera)}
        for row in tables:
            have = {one["camera"] for one in await made.database.fetch(f"select distinct camera from {row['name']}")}
            async with as_reader(made.database, _account(who)) as session:
                shown = {one["camera"] for one in await session.fetch(f"select distinct camera from {row['name']}")}
            assert shown == have & sees, f"seed {_SEED}: {who} {row['name']}"


async def test_who_says_the_same_of_everybody(here: World, made: Chance) -> None:
    model, admin = await _model(made), await here.client()
    everybody = [Asker(person) for person in made.people]
    for camera in made.cameras:
        reply = await admin.get("/api/v1/grants/who", params={"camera": camera})
        assert reply.status_code == 200, reply.text
        told = {(item["account"], right) for item in reply.json()["items"] for right in item["rights"]}
        told = {one for one in told if one[0] in made.people}
        expected = {(who.account, right) for who in everybody for right in RIGHTS if model.may_ever(who, right, camera)}
        assert told == expected, f"seed {_SEED}: {camera}"
    live = (await admin.get("/api/v1/grants/who", params={"camera": made.cameras[0], "right": "live"})).json()["items"]
    assert all("live" in item["rights"] for item in live)


async def test_what_counts_what_is_reached(here: World, made: Chance) -> None:
    model, admin = await _model(made), await here.client()
    for person in made.people:
        what = (await admin.get("/api/v1/grants/what", params={"account": person})).json()
        told = {held["right"]: held["cameras"] for held in what["rights"] if held["cameras"]}
        reached = {r: sum(model.reaches(Asker(person), r, camera) for camera in made.cameras) for r in RIGHTS}
        assert told == {right: number for right, number in reached.items() if number}, f"seed {_SEED}: {person}"


async def test_lists_counts_maps_and_exports_show_what_the_model_says(here: World, made: Chance) -> None:
    model = await _model(made)
    numbers = {row["id"]: row["number"] for row in await made.database.fetch("select id, number from camera")}
    for secret, (account, only) in made.tokens.items():
        who = Asker(account, only)
        sees = {camera for camera in made.cameras if model.reaches(who, "see", camera)}
        client = _client(here, secret)
        if model.verdict(who, "see", "") != "allowed":
            assert (await client.get("/api/v1/inventory/cameras")).status_code == 403
            continue
        note = f"seed {_SEED}: {who}"
        assert {item["id"] for item in await everything(client)} == sees, note
        assert {item["id"] for item in await everything(client, q="camera")} == sees, note
        index = (await client.get("/api/v1/inventory/index")).json()
        assert sorted(numbers_of(index)) == sorted(numbers[camera] for camera in sees), note
        board = (await client.get("/api/v1/inventory/quota", params={"by": "purpose"})).json()
        assert board["total"]["installed"] == len(sees), note
        head, columns = decode((await client.get("/api/v1/inventory/map")).content)
        assert head["count"] == len(sees) == len(columns["number"]), note
        listed = (await client.get("/api/v1/cameras", params={"limit": 500})).json()["items"]
        assert {item["id"] for item in listed} == sees, note
        exported = await client.get("/api/v1/inventory/export", params={"format": "csv"})
        assert (exported.status_code == 200) == (model.verdict(who, "manage", "") == "allowed"), note
        if exported.status_code == 200:
            rows = csv.DictReader(io.StringIO(exported.text.removeprefix("\ufeff")))
            assert {row["id"] for row in rows} <= sees, note


_SINGLE = {
    "see": ("/cameras/{}", "/registry/cameras/{}", "/registry/cameras/{}/history", "/grants/who?camera={}"),
    "live": ("/cameras/{}/snapshot", "/cameras/{}/lan"),
    "playback": ("/cameras/{}/playback?from=2025-10-09T09:00:00Z&to=2025-10-09T09:01:00Z",),
}


async def test_hidden_and_missing_cameras_answer_alike(here: World, made: Chance) -> None:
    """Byte for byte, in every route that names one; and a refusal is one only where the model refuses."""
    model = await _model(made)
    for secret, (account, only) in made.tokens.items():
        who, client = Asker(account, only), _client(here, secret)
        for right, paths in _SINGLE.items():
            for path in paths:
                missing = await client.get(f"/api/v1{path.format(_MISSING)}")
                assert missing.status_code == 404, missing.text
                for camera in made.chance.sample(made.cameras, 3):
                    reply = await client.get(f"/api/v1{path.format(camera)}")
                    verdict = model.verdict(who, right, camera)
                    note = f"seed {_SEED}: {who} {path} {camera} {verdict}: {reply.status_code} {reply.text[:200]}"
                    if verdict == "unknown":
                        assert (reply.status_code, reply.content) == (404, missing.content), note
                        assert [*reply.headers] == [*missing.headers], note
                    elif verdict == "allowed":
                        assert reply.status_code not in (401, 403), note
                        assert reply.content != missing.content, note
                    else:
                        assert reply.status_code == 403, note
                        assert reply.json()["error"]["text"]["vi"], note


async def test_live_sockets_open_where_the_model_allows(here: World, made: Chance) -> None:
    model = await _model(made)
    for secret, (account, only) in made.tokens.items():
        who = Asker(account, only)
        for camera in (*made.chance.sample(made.cameras, 3), _MISSING):
            url = here.centre.url.replace("http", "ws", 1) + f"/api/v1/cameras/{camera}/live"
            socket = await websockets.connect(url, additional_headers={"Authorization": f"Bearer {secret}"})
            first: Any = None
            try:
                first = json.loads(await asyncio.wait_for(socket.recv(), 0.5))
                await asyncio.wait_for(socket.recv(), 0.2)
            except (TimeoutError, websockets.ConnectionClosed):
                pass
            code = socket.close_code
            await socket.close()
            expected = {"allowed": None, "unknown": 4404}.get(model.verdict(who, "live", camera), 4403)
            assert code == expected, f"seed {_SEED}: {who} {camera} {first}"


def _client(here: World, secret: str) -> httpx.AsyncClient:
    client = here.anonymous()
    client.headers["Authorization"] = f"Bearer {secret}"
    return client
