"""Every id of one ward tried by another ward's people in every route the OpenAPI describes: nothing is told, nothing changes."""

from __future__ import annotations

import random
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
import pytest_asyncio
from centre_world import World, world
from openapi_walk import INSTANT, Operation, operations, value

pytestmark = pytest.mark.asyncio(loop_scope="module")

V1 = "/api/v1"
PASSWORD = "mot-hai-ba-bon"
OURS, THEIRS = "00004", "00070"
ROLES = ("operator", "viewer", "auditor", "member")
# One's own account and sign-in: what these do to oneself is no attack, and would end the attack.
OWN = ("/api/v1/session", "/api/v1/me")
KEPT = (
    *("camera", "camera_version", "camera_stream", "consent", "security_finding", "life_transition", "legal_hold"),
    *("clip", "camera_group", "camera_group_member", "access_grant", "api_token", "saved_filter", "bulk_edit"),
    *("import", "discovery", "agency", "post", "tenure", "node", "account"),
)


class City(msgspec.Struct):
    world: World
    document: dict[str, Any]
    marker: str  # stands in every text of theirs
    ids: list[str]
    attackers: dict[str, httpx.AsyncClient]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city() -> AsyncIterator[City]:
    async with world() as here:
        admin = await here.client()
        marker = f"bimat{secrets.token_hex(4)}"
        ids = await _theirs(here, admin, marker)
        attackers = {}
        for role in ROLES:
            body = {"username": role, "password": PASSWORD, "role": role, "units": [OURS]}
            assert (await admin.post(f"{V1}/accounts", json=body)).status_code == 201
            attackers[role] = await here.client(role, PASSWORD)
        document = (await admin.get("/schema/openapi.json")).json()
        yield City(here, document, marker, ids, attackers)


async def _theirs(here: World, admin: httpx.AsyncClient, marker: str) -> list[str]:
    """One of everything in the other ward; returns all ids."""

    async def post(client: httpx.AsyncClient, path: str, body: Any) -> dict[str, Any]:
        reply = await client.post(V1 + path, json=body)
        assert reply.is_success, (path, reply.text)
        return dict(reply.json()) if reply.content else {}

    agency = await post(admin, "/registry/agencies", {"name": "Another ward", "kind": "ward", "unit": THEIRS})
    chief = {"username": "chief", "password": PASSWORD, "role": "administrator", "units": [THEIRS]}
    account = await post(admin, "/accounts", chief)
    theirs = await here.client(chief["username"], PASSWORD)
    fields = {
        "name": f"Cam {marker}",
        "unit": THEIRS,
        "owner": agency["id"],
        "lat": 21.03,
        "lon": 105.85,
        "address": f"1 {marker}",
        "note": marker,
        "link": "borrowed",
        "rtsp_main": f"rtsp://192.0.2.7/{marker}",
    }
    camera = await post(theirs, "/registry/cameras", {"fields": fields, "reason": marker})
    one = f"/registry/cameras/{camera['id']}"
    await post(theirs, f"{one}/consents", {"name": marker, "phone": "0", "given_on": "2026-01-01"})
    finding = {"topic": "passwords", "result": "pass", "checked_on": "2026-01-01", "evidence": marker}
    await post(theirs, f"{one}/security", finding)
    period = {"start": INSTANT, "end": "2026-01-01T01:00:00Z", "review": "2030-01-01T00:00:00Z"}
    hold = await post(theirs, "/holds", {**period, "camera": camera["id"], "reason": marker})
    token = await post(theirs, "/tokens", {"name": marker})
    saved = await post(theirs, "/registry/filters", {"name": marker, "query": {"q": marker}})
    edit = {"numbers": [camera["number"]], "set": {"contract": marker}, "reason": marker, "preview": False}
    edited = await post(theirs, "/registry/edits", edit)
    opened = await post(theirs, "/imports", {"name": marker})
    ids = [account["id"], hold["id"], token["id"], opened["id"], str(camera["number"]), agency["id"]]
    more = [
        await here.engines.database.fetchval(f"select max({column}) from {table} t")
        for table, column in (("access_grant", "id"), ("post", "id"), ("tenure", "id::text"))
    ]
    assert all(more)
    return [camera["id"], *ids, saved["id"], edited["id"], *more]


async def _books(here: World) -> dict[str, str]:
    """What stands in the books, table by table."""
    database = here.engines.database
    return {
        table: await database.fetchval(
            f"select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from \"{table}\" t"
        )
        for table in KEPT
        if await database.fetchval("select to_regclass($1) is not null", table)
    }


async def _try(city: City, client: httpx.AsyncClient, operation: Operation, ids: list[str]) -> httpx.Response:
    """The operation with these ids wherever it takes one, in the path, the query and the body."""
    chance = random.Random(str(operation))
    path = operation.path
    for at, parameter in enumerate(operation.named("path")):
        path = path.replace("{" + parameter.name + "}", quote(ids[at % len(ids)], safe=""))
    params = {
        one.name: _or_id(value(one.schema, city.document, ids[0]), ids[0])
        for one in operation.named("query")
        if one.required or one.name in ("camera", "account", "post", "grant", "agency") or chance.random() < 0.2
    }
    body = None if operation.body is None else value(operation.body, city.document, ids[0])
    return await client.request(operation.method, path, params=params, json=body)


def _or_id(made: Any, identifier: str) -> Any:
    return made if isinstance(made, str | int | float | bool) else identifier


@pytest.mark.parametrize("role", ROLES)
async def test_no_id_of_another_ward_tells_or_changes_anything(city: City, role: str) -> None:
    client = city.attackers[role]
    before = await _books(city.world)
    asked, told = 0, []
    for operation in operations(city.document):
        if operation.path.startswith(OWN) or not operation.path.startswith(V1):
            continue
        several = len(operation.named("path")) > 0
        for number, identifier in enumerate(city.ids if several else city.ids[:1]):
            ids = [identifier, *city.ids[number + 1 :], *city.ids[:number]]
            reply = await _try(city, client, operation, ids)
            asked += 1
            assert reply.status_code < 500 or reply.status_code == 503, (str(operation), ids[0], reply.text)
            if city.marker in reply.text:
                told.append((str(operation), identifier, reply.status_code, reply.text[:200]))
    assert not told
    assert asked > 100
    after = await _books(city.world)
    # What the attacker made of its own (tokens, filters, requests) may stand there; nothing of theirs is touched.
    theirs = {table for table in before if before[table] != after[table]}
    assert theirs <= {"api_token", "saved_filter", "import", "account"}, theirs


@pytest.mark.parametrize("role", ROLES)
async def test_hidden_and_missing_answer_alike(city: City, role: str) -> None:
    client, hidden, missing = city.attackers[role], city.ids[0], "f" * len(city.ids[0])
    for operation in operations(city.document):
        if "camera" not in {one.name for one in operation.named("path")}:
            continue
        answers = []
        for identifier in (hidden, missing):
            reply = await _try(city, client, operation, [identifier])
            answers.append((reply.status_code, reply.text.replace(identifier, "ID")))
        assert answers[0] == answers[1], str(operation)
        assert answers[0][0] >= 400, str(operation)
