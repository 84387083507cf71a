"""Who sees which camera: every list, count, read, news and error agrees with a model of a few lines."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from centre_world import World, add_camera, world

from khue.centre.access.rules import Account, Role
from khue.centre.access.scope import as_reader, seen

pytestmark = pytest.mark.asyncio(loop_scope="module")
CAMERAS = "/api/v1/registry/cameras"
UNITS = ("00004", "00008", "00070")
TREE = {"city": None, "police": "city", "ward-police": "police", "ward": None}  # id to parent
PASSWORD = "mot-hai-ba-bon"


class Camera(msgspec.Struct):
    id: str
    number: int
    unit: str | None
    owner: str | None
    manager: str | None
    purpose: str | None
    streams: bool


class Person(msgspec.Struct):
    """An account and its sign-in; ``can`` is what a plain reading of the rules says."""

    account: Account
    client: httpx.AsyncClient

    def can(self, camera: Camera) -> bool:
        account = self.account
        if camera.purpose == "defence" and not account.defence:
            return False
        if not account.units and not account.agencies:
            return True
        above = {*_above(camera.owner), *_above(camera.manager)}
        return camera.unit in account.units or bool(above & set(account.agencies))


def _above(agency: str | None) -> list[str]:
    return [] if agency is None else [agency, *_above(TREE[agency])]


class City(msgspec.Struct):
    world: World
    admin: httpx.AsyncClient
    cameras: list[Camera]
    people: list[Person]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city() -> AsyncIterator[City]:
    chance = random.Random(1)
    async with world() as here:
        admin = await here.client()
        for agency, parent in TREE.items():
            body = {"name": agency, "kind": "other", "parent": parent}
            assert (await admin.post("/api/v1/registry/agencies", json=body)).status_code == 201
        cameras = [await _camera(admin, chance, number) for number in range(20)]
        people = [await _person(here, admin, chance, number) for number in range(7)]
        yield City(here, admin, cameras, people)


async def _camera(admin: httpx.AsyncClient, chance: random.Random, number: int) -> Camera:
    fields: dict[str, Any] = {
        "unit": chance.choice((None, *UNITS)),
        "owner": chance.choice((None, *TREE)),
        "manager": chance.choice((None, *TREE)),
        "purpose": chance.choice((None, "security", "environment", "defence")),
    }
    streams = chance.random() < 0.6
    url = {"rtsp_main": f"rtsp://192.0.2.9/{number}"} if streams else {}
    body = {"fields": {"name": f"máy {number}", "lat": 21.0, "lon": 105.0, **fields, **url}, "reason": "survey"}
    made = (await admin.post(CAMERAS, json=body)).json()
    return Camera(made["id"], made["number"], streams=streams, **fields)


def _scope(chance: random.Random) -> dict[str, Any]:
    return {
        "units": sorted(chance.sample(UNITS, chance.choice((0, 0, 1, 2)))),
        "agencies": sorted(chance.sample(sorted(TREE), chance.choice((0, 0, 1, 2)))),
        "defence": chance.random() < 0.5,
    }


async def _stranger(here: World, chance: random.Random, number: int) -> Account:
    """Nobody has to sign in to ask the database."""
    scope = _scope(chance)
    await here.engines.database.execute(
        "insert into account (id, username, display_name, role, password_hash, units, agencies, defence) "
        "values ($1, $1, $1, 'viewer', '', $2, $3, $4)",
        *(f"x{number}", scope["units"], scope["agencies"], scope["defence"]),
    )
    sees = (tuple(scope["units"]), tuple(scope["agencies"]), scope["defence"])
    return Account(f"x{number}", "x", "", Role.VIEWER, "vi", *sees)


async def _person(here: World, admin: httpx.AsyncClient, chance: random.Random, number: int) -> Person:
    scope = _scope(chance)
    role = chance.choice(("administrator", "operator", "operator"))
    body = {"username": f"p{number}", "password": PASSWORD, "role": role}
    made = (await admin.post("/api/v1/accounts", json=body)).json()
    reply = await admin.patch(f"/api/v1/accounts/{made['id']}", json=scope)
    assert (reply.status_code, reply.json()["units"]) == (200, scope["units"]), reply.text
    sees = (tuple(scope["units"]), tuple(scope["agencies"]), scope["defence"])
    account = Account(made["id"], f"p{number}", "", Role(role), "vi", *sees)
    return Person(account, await here.client(f"p{number}", PASSWORD))


async def test_the_database_and_the_model_agree(city: City) -> None:
    database = city.world.engines.database
    chance = random.Random(2)
    strangers = [Person(await _stranger(city.world, chance, number), city.admin) for number in range(60)]
    there = {camera.id for camera in city.cameras if camera.streams}
    for person in (*city.people, *strangers):
        expected = {camera.id for camera in city.cameras if person.can(camera)}
        async with as_reader(database, person.account) as session:
            for table, column, all_of in (
                ("camera", "id", expected),
                ("camera_version", "camera", expected),
                ("camera_stream", "camera", expected & there),
                ("camera_stream_change", "camera", expected & there),
                ("placement", "camera", expected & there),
                ("stream_view", "camera", expected & there),
            ):
                found = {row[column] for row in await session.fetch(f"select {column} from {table}")}
                assert found == all_of, (person.account, table)
        async with database.transaction() as session:
            every = [camera.id for camera in city.cameras]
            assert await seen(session, person.account, every) == expected
            assert await session.fetchval("select current_user") == "khue"  # itself again


async def test_without_settings_nothing_is_seen(city: City) -> None:
    async with city.world.engines.database.transaction(readonly=True) as session:
        await session.execute("set local role khue_reader")
        assert await session.fetchval("select count(*) from camera") == 0
        assert await session.fetchval("select count(*) from camera_version") == 0
        assert await session.fetchval("select count(*) from stream_view") == 0


async def test_lists_counts_and_single_reads_agree(city: City) -> None:
    for person in city.people:
        listed = (await person.client.get("/api/v1/cameras", params={"limit": 1000, "q": "may"})).json()
        expected = {camera.id for camera in city.cameras if person.can(camera)}
        there = {camera.id for camera in city.cameras if camera.streams}
        assert {one["id"] for one in listed["items"]} == expected & there, person.account
        assert listed["total"] == len(expected & there)
        for camera in city.cameras[::2]:
            status = 200 if person.can(camera) else 404
            for path in ("", "/history", "?asof=2999-01-01"):
                reply = await person.client.get(f"{CAMERAS}/{camera.id}{path}")
                assert reply.status_code == status, (person.account, camera, path)


async def test_a_hidden_camera_answers_like_one_that_does_not_exist(city: City) -> None:
    hour = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z"}
    for person in city.people:
        hidden = [camera for camera in city.cameras if not person.can(camera)][:1]
        for camera in hidden:
            for method, path, body in (
                ("GET", f"{CAMERAS}/ID", None),
                ("GET", f"{CAMERAS}/ID/history", None),
                ("PATCH", f"{CAMERAS}/ID", {"fields": {"note": "x"}, "reason": "r", "revision": 1}),
                ("POST", f"{CAMERAS}/ID/life", {"after": "faulty", "reason": "r"}),
                ("POST", f"{CAMERAS}/ID/consents", {"name": "x", "given_on": "2026-01-01"}),
                ("POST", f"{CAMERAS}/ID/consents/withdraw", {"on": "2026-01-01", "reason": "r"}),
                (
                    "POST",
                    f"{CAMERAS}/ID/security",
                    {"topic": "passwords", "result": "pass", "checked_on": "2026-01-01"},
                ),
                ("GET", "/api/v1/cameras/ID", None),
                ("PATCH", "/api/v1/cameras/ID", {"name": "x"}),
                ("DELETE", "/api/v1/cameras/ID", None),
                ("GET", "/api/v1/cameras/ID/lan", None),
                ("GET", "/api/v1/cameras/ID/snapshot", None),
                ("GET", f"/api/v1/cameras/ID/coverage?from={hour['from']}&to={hour['to']}", None),
                ("GET", f"/api/v1/cameras/ID/playback?from={hour['from']}&to={hour['to']}", None),
                ("POST", "/api/v1/clips", {"camera": "ID", **hour}),
                ("POST", "/api/v1/registry/edits", {"numbers": ["NUMBER"], "set": {"note": "x"}, "reason": "r"}),
            ):
                told = [
                    await _ask(person.client, method, path, body, one, number)
                    for one, number in ((camera.id, camera.number), ("0000000000000000", 2_000_000))
                ]
                assert told[0] == told[1], (method, path)
                assert told[0][0] == 404, (method, path, told)


async def _ask(
    client: httpx.AsyncClient, method: str, path: str, body: Any, camera: str, number: int
) -> tuple[int, dict[str, Any]]:
    text = "" if body is None else json.dumps(body).replace('"NUMBER"', str(number)).replace("ID", camera)
    headers = {"Content-Type": "application/json"} if text else {}
    reply = await client.request(method, path.replace("ID", camera), content=text, headers=headers)
    return reply.status_code, reply.json()


async def test_a_socket_says_the_same(city: City) -> None:
    for person in city.people[:3]:
        hidden = [camera for camera in city.cameras if not person.can(camera)][:1]
        for camera in hidden:
            told = []
            for one in (camera.id, "0000000000000000"):
                socket = await city.world.socket(f"/api/v1/cameras/{one}/live", person.client)
                told.append(json.loads(await socket.recv()))
                await socket.close()
            assert told[0] == told[1]
            assert told[0]["code"] == "not_found"


async def test_news_tell_nobody_of_cameras_they_do_not_see(city: City) -> None:
    sockets = [await city.world.socket("/api/v1/events", person.client) for person in city.people]
    everything = await city.world.socket("/api/v1/events", city.admin)
    await asyncio.sleep(0)
    for camera in city.cameras:
        reply = await city.admin.get(f"{CAMERAS}/{camera.id}")
        body = {"fields": {"note": "news"}, "reason": "news", "revision": reply.json()["revision"]}
        assert (await city.admin.patch(f"{CAMERAS}/{camera.id}", json=body)).status_code == 200
    last = await add_camera(city.admin, "the last")  # without a place: only who sees the whole city hears of it
    whole = await _heard(everything, last["id"])
    assert {camera.id for camera in city.cameras} <= whole
    assert (await city.admin.delete(f"/api/v1/cameras/{last['id']}")).status_code == 204
    for person, socket in zip(city.people, sockets, strict=True):
        expected = {camera.id for camera in city.cameras if person.can(camera)}
        if person.account.sees_whole_city:
            heard = await _heard(socket, last["id"])
        else:
            end = next((camera.id for camera in reversed(city.cameras) if camera.id in expected), None)
            heard = set() if end is None else await _heard(socket, end)
        assert heard - {last["id"]} == expected, person.account
        await socket.close()
    await everything.close()


async def _heard(socket: Any, last: str) -> set[str]:
    """Ids of the cameras news spoke of, until that of the last one."""
    heard = set()
    async with asyncio.timeout(20):
        while last not in heard:
            news = json.loads(await socket.recv())
            if news["type"] in ("camera", "status"):
                heard.add(news["id"] if news["type"] == "camera" else news["camera"])
    return heard


async def test_logs_places_and_counts_do_not_tell_either(city: City) -> None:
    hold = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z", "review": "2027-01-01T00:00:00Z"}
    for camera in city.cameras[:6]:
        body = {**hold, "camera": camera.id, "reason": "case"}
        assert (await city.admin.post("/api/v1/holds", json=body)).status_code == 201
    for person in city.people:
        expected = {camera.id for camera in city.cameras if person.can(camera)}
        holds = (await person.client.get("/api/v1/holds")).json()["items"]
        assert {one["camera"] for one in holds} == expected & {camera.id for camera in city.cameras[:6]}
        places = (await person.client.get("/api/v1/placement")).json()["items"]
        assert {one["camera"] for one in places} == {camera.id for camera in city.cameras if camera.streams} & expected
        if person.account.role is Role.ADMINISTRATOR:
            log = (await person.client.get("/api/v1/audit", params={"limit": 1000})).json()["items"]
            named = {line["camera"] for line in log} - {""}
            assert named & {camera.id for camera in city.cameras} <= expected
            assert person.account.sees_whole_city or named <= expected


async def test_the_inventory_agrees(city: City) -> None:
    for person in city.people:
        expected = {camera.number for camera in city.cameras if person.can(camera)}
        listed = (await person.client.get("/api/v1/inventory/cameras", params={"limit": 500, "q": "may"})).json()
        assert {one["number"] for one in listed["items"]} == expected, person.account
        index = (await person.client.get("/api/v1/inventory/index", params={"q": "may"})).json()
        numbers = base64.b64decode(index["numbers"])
        found = {int.from_bytes(numbers[at : at + 4], "little") for at in range(0, len(numbers), 4)}
        assert (found, index["total"]) == (expected, len(expected))
        every = [camera.number for camera in city.cameras]
        rows = (await person.client.post("/api/v1/inventory/rows", json={"numbers": every})).json()["items"]
        assert {one["number"] for one in rows if one} == expected
        board = (await person.client.get("/api/v1/inventory/quota", params={"by": "purpose"})).json()
        counted = sum(row["installed"] + row["proposed"] for row in board["rows"])
        assert counted == len(expected), person.account


async def test_nobody_gives_more_than_they_have(city: City) -> None:
    narrow = {"username": "narrow", "password": PASSWORD, "role": "administrator"}
    made = (await city.admin.post("/api/v1/accounts", json=narrow)).json()
    scope = {"units": ["00004"], "agencies": []}
    assert (await city.admin.patch(f"/api/v1/accounts/{made['id']}", json=scope)).status_code == 200
    client = await city.world.client("narrow", PASSWORD)
    first = next(
        one for one in (await city.admin.get("/api/v1/accounts")).json()["items"] if one["username"] == "admin"
    )
    for account, change in (
        (made["id"], {"units": []}),
        (made["id"], {"defence": True}),
        (made["id"], {"units": ["00004", "00008"]}),
        (first["id"], {"password": "mot-hai-ba-bon-nam"}),
    ):
        assert (await client.patch(f"/api/v1/accounts/{account}", json=change)).status_code == 403, change
    below = (await client.post("/api/v1/accounts", json={**narrow, "username": "below"})).json()
    assert (below["units"], below["defence"]) == (["00004"], False)
    wide = {**narrow, "username": "wide", "units": []}
    assert (await client.post("/api/v1/accounts", json=wide)).status_code == 403
    unknown = await city.admin.patch(f"/api/v1/accounts/{made['id']}", json={"units": ["99999"]})
    assert (unknown.status_code, "99999" in unknown.json()["error"]["message"]) == (400, True)


async def test_a_ward_writes_only_where_it_sees_and_cannot_lose_a_camera(city: City) -> None:
    body = {"username": "ward", "password": PASSWORD, "role": "operator", "units": ["00070"], "agencies": []}
    assert (await city.admin.post("/api/v1/accounts", json=body)).status_code == 201
    ward = await city.world.client("ward", PASSWORD)
    assert (await ward.post("/api/v1/cameras", json={"name": "x", "url": "rtsp://192.0.2.1/"})).status_code == 403
    elsewhere = {"fields": {"name": "x", "unit": "00004"}, "reason": "r"}
    assert (await ward.post(CAMERAS, json=elsewhere)).status_code == 403
    own = (await ward.post(CAMERAS, json={"fields": {"name": "x", "unit": "00070"}, "reason": "r"})).json()
    for fields in ({"unit": "00004"}, {"purpose": "defence"}):
        change = {"fields": fields, "reason": "r", "revision": own["revision"]}
        assert (await ward.patch(f"{CAMERAS}/{own['id']}", json=change)).status_code == 403
    edit = {"numbers": [own["number"]], "set": {"unit": "00004"}, "reason": "r", "preview": False}
    done = (await ward.post("/api/v1/registry/edits", json=edit)).json()
    assert (done["changed"], len(done["refused"])) == (0, 1)
    assert (await ward.get(f"{CAMERAS}/{own['id']}")).json()["revision"] == own["revision"]
    city.cameras.append(Camera(own["id"], own["number"], "00070", None, None, None, False))
