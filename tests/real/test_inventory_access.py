"""What an account does not see is in no list, number, row, map, count or export: the database itself leaves it out."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from centre_world import World, world
from inventory_world import Camera, account, ask, everything, numbers_of, put

from khue.centre.inventory.map import decode

pytestmark = pytest.mark.asyncio(loop_scope="module")
_WARD, _OTHER = "00004", "00070"
_FLEET = [
    {"id": "in-ward", "unit": _WARD, "purpose": "security"},
    {"id": "in-ward-dead", "unit": _WARD, "purpose": "environment", "state": "unreachable", "node": "n", "seen": False},
    {"id": "in-ward-defence", "unit": _WARD, "purpose": "defence"},
    {"id": "elsewhere", "unit": _OTHER, "purpose": "security", "state": "recording", "node": "n", "seen": True},
    {"id": "elsewhere-defence", "unit": _OTHER, "purpose": "defence"},
    {"id": "owned", "unit": _OTHER, "purpose": "security", "owner": "so-xay-dung"},
    {"id": "managed", "unit": None, "purpose": "security", "manager": "so-xay-dung"},
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def fleet(here: World) -> dict[str, Camera]:
    placed = {"latitude": 21.03, "longitude": 105.84, "vendor": "Hikvision", "link": "leased"}
    cameras = await put(here, [{"name": f"Camera {one['id']}", **placed, **one} for one in _FLEET])
    return {camera["id"]: camera for camera in cameras}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def people(here: World, fleet: dict[str, Camera]) -> dict[str, tuple[httpx.AsyncClient, set[str]]]:
    """Who they are, and what they see."""
    admin = await here.client()
    every = {one["id"] for one in _FLEET}
    open_to_all = {name for name in every if "defence" not in name}
    return {
        "admin": (admin, every),
        "city": (await account(here, admin, "city", "viewer"), open_to_all),
        "ward": (await account(here, admin, "ward", "operator", units=[_WARD]), {"in-ward", "in-ward-dead"}),
        "ward and defence": (
            await account(here, admin, "army", "operator", units=[_WARD], defence=True),
            {"in-ward", "in-ward-dead", "in-ward-defence"},
        ),
        "agency": (await account(here, admin, "agency", "operator", agencies=["so-xay-dung"]), {"owned", "managed"}),
    }


_WHO = ("admin", "city", "ward", "ward and defence", "agency")
People = dict[str, tuple[httpx.AsyncClient, set[str]]]


@pytest.mark.parametrize("who", _WHO)
async def test_lists_show_what_the_account_sees(people: People, fleet: dict[str, Camera], who: str) -> None:
    client, sees = people[who]
    assert {item["id"] for item in await everything(client, limit=2)} == sees
    assert {item["id"] for item in await everything(client, q="camera")} == sees
    numbers = numbers_of(await ask(client, "index"))
    assert sorted(numbers) == sorted(fleet[name]["number"] for name in sees)
    asked = [camera["number"] for camera in fleet.values()]
    reply = await client.post("/api/v1/inventory/rows", json={"numbers": asked})
    assert {item["id"] for item in reply.json()["items"]} == sees
    for query in ({"state": "recording,unreachable"}, {"seen": "yes,no"}):
        found = {item["id"] for item in await everything(client, **query)}
        assert found == sees & {"in-ward-dead", "elsewhere"}, query


@pytest.mark.parametrize("who", _WHO)
async def test_the_past_shows_no_more(people: People, fleet: dict[str, Camera], who: str) -> None:
    client, sees = people[who]
    then = {"asof": "2999-01-01"}
    assert {item["id"] for item in await everything(client, **then)} == sees
    assert sorted(numbers_of(await ask(client, "index", **then))) == sorted(fleet[name]["number"] for name in sees)
    assert _counted(await ask(client, "quota", by="unit", **then)) == len(sees)


@pytest.mark.parametrize("who", _WHO)
async def test_the_map_shows_what_the_account_sees(people: People, fleet: dict[str, Camera], who: str) -> None:
    client, sees = people[who]
    for query in ({}, {"box": "105.8,21.0,105.9,21.1"}):
        reply = await client.get("/api/v1/inventory/map", params=query)
        head, columns = decode(reply.content)
        assert sorted(columns["number"]) == sorted(fleet[name]["number"] for name in sees)
        assert head["count"] == len(sees)
        assert "defence" not in columns["purpose"] or any("defence" in name for name in sees)


def _counted(board: dict[str, Any]) -> int:
    assert sum(row["installed"] for row in board["rows"]) == board["total"]["installed"]
    return int(board["total"]["installed"])


@pytest.mark.parametrize("who", _WHO)
async def test_counts_are_of_what_the_account_sees(people: People, fleet: dict[str, Camera], who: str) -> None:
    client, sees = people[who]
    for by in ("purpose", "group", "unit", "owner", "manager", "type", "link"):
        board = await ask(client, "quota", by=by)
        assert _counted(board) == len(sees), by
        if by in ("purpose", "group"):
            named = any(row["key"] == "defence" for row in board["rows"])
            assert named == (who in ("admin", "ward and defence"))
    units = {row["key"] for row in (await ask(client, "quota", by="unit"))["rows"]}
    assert (_OTHER in units) == (who not in ("ward", "ward and defence"))


@pytest.mark.parametrize("who", ("admin", "ward", "ward and defence", "agency"))
@pytest.mark.parametrize("form", ("csv", "geojson", "ngsi-ld"))
async def test_an_export_holds_what_the_account_sees(
    people: People, fleet: dict[str, Camera], who: str, form: str
) -> None:
    client, sees = people[who]
    reply = await client.get("/api/v1/inventory/export", params={"format": form})
    assert reply.status_code == 200, reply.text
    assert {name for name in fleet if f'"{name}"' in reply.text or f":{name}" in reply.text or _in(reply, name)} == sees


def _in(reply: httpx.Response, camera: str) -> bool:
    if not reply.headers["content-type"].startswith("text/csv"):
        return False
    return camera in {row["id"] for row in csv.DictReader(io.StringIO(reply.text.removeprefix("\ufeff")))}


async def test_who_may_not_export_does_not(people: People) -> None:
    client, _ = people["city"]
    reply = await client.get("/api/v1/inventory/export", params={"format": "csv"})
    assert reply.status_code == 403


async def test_nothing_is_told_to_strangers(here: World) -> None:
    stranger = here.anonymous()
    for path in ("cameras", "index", "map", "quota", "export?format=csv"):
        assert (await stranger.get(f"/api/v1/inventory/{path}")).status_code == 401, path


async def test_an_export_is_on_the_access_log(people: People) -> None:
    ward, _ = people["ward"]
    await ward.get("/api/v1/inventory/export", params={"format": "csv", "life": "operating"})
    admin, _ = people["admin"]
    entries = (await admin.get("/api/v1/audit", params={"limit": 20})).json()["items"]
    mine = next(entry for entry in entries if entry["action"] == "registry:export" and entry["username"] == "ward")
    assert mine["detail"] == "csv life=operating"
