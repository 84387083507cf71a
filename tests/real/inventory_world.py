"""Cameras put straight into the registry, and what is true of them, so that answers can be held against it."""

from __future__ import annotations

import base64
import datetime as dt
import struct
from collections.abc import Sequence
from typing import Any

import httpx
from centre_world import World

from khue.centre.fleet.rules import search_words
from khue.model.registry import Purpose

UNITS = {"00004": "Phường Ba Đình", "00070": "Phường Hoàn Kiếm", "00166": "Phường Cầu Giấy"}
AGENCIES = {"ubnd-ba-dinh": "UBND phường Ba Đình", "cong-an-tp": "Công an thành phố", "so-xay-dung": "Sở Xây dựng"}
_DEFAULTS: dict[str, Any] = {
    "vendor": "",
    "family": "",
    "model": "",
    "kind": None,
    "serial": "",
    "address": "",
    "unit": None,
    "owner": None,
    "manager": None,
    "purpose": None,
    "link": None,
    "life": "operating",
    "declared_working": None,
    "latitude": None,
    "longitude": None,
    "code": None,
    "installed_on": None,
    "disclosure": "area",
    "note": "",
    "contact_point": "",
    "security": "unknown",
}
# What the tests need to know beyond the row: where the main stream stands and whether it was seen working.
_BESIDE = {"node": None, "state": None, "seen": None}
Camera = dict[str, Any]


async def put(world: World, cameras: Sequence[Camera], actor: str = "test") -> list[Camera]:
    """Register them with agencies, places and sightings; returns them whole, with their numbers."""
    whole = [{**_DEFAULTS, **_BESIDE, **camera} for camera in cameras]
    columns = ["id", "name", *_DEFAULTS, "search"]
    types = {"latitude": "float8", "longitude": "float8", "declared_working": "boolean", "installed_on": "date"}
    for camera in whole:
        if camera["purpose"] == Purpose.DEFENCE:
            camera["disclosure"] = "counted"
        camera["search"] = search_words(
            camera["id"],
            camera["name"],
            **{name: camera[name] for name in ("code", "address", "vendor", "model", "serial")},
            owner=AGENCIES.get(camera["owner"]),
            unit=UNITS.get(camera["unit"]),
        )
    arrays = ", ".join(f"${place}::{types.get(name, 'text')}[]" for place, name in enumerate(columns, 1))
    database = world.engines.database
    async with database.transaction() as session:
        await session.execute("select set_config('khue.actor', $1, true)", actor)
        await session.execute(
            """insert into agency (id, name, kind, search) select id, name, 'other', name
               from unnest($1::text[], $2::text[]) as u (id, name) on conflict do nothing""",
            *(list(AGENCIES), list(AGENCIES.values())),
        )
        await session.execute(
            f"insert into camera ({', '.join(columns)}) select * from unnest({arrays})",
            *([camera[name] for camera in whole] for name in columns),
        )
        placed = [camera for camera in whole if camera["state"] is not None]
        await _place(session, placed)
    numbers = await database.fetch(
        "select id, number from camera where id = any($1)", [camera["id"] for camera in whole]
    )
    by_id = {row["id"]: row["number"] for row in numbers}
    return [{**camera, "number": by_id[camera["id"]]} for camera in whole]


async def _place(session: Any, cameras: Sequence[Camera]) -> None:
    for camera in cameras:
        key = f"key of {camera['node']}"
        await session.execute(
            """insert into node (id, bus_key, lease_until, alive) values ($1, $2, now() + interval '1 day', true)
               on conflict do nothing""",
            *(camera["node"], key),
        )
        await session.execute(
            "insert into camera_stream (camera, name, url, shown_url, transport) values ($1, 'main', '', '', 'auto')",
            camera["id"],
        )
        await session.execute(
            "insert into placement (camera, node, reason) values ($1, $2, 'test')", camera["id"], camera["node"]
        )
        await session.execute(
            """insert into stream_status (camera, stream, node, state, since) values ($1, 'main', $2, $3, now())""",
            *(camera["id"], camera["node"], camera["state"]),
        )
        await session.execute(
            """update sighting set state = $2, since = case when $3::boolean is not null then now() end,
               probed_at = case when $3 and $2 <> 'recording' then now() end where camera = $1""",
            *(camera["id"], camera["state"], camera["seen"]),
        )


async def account(
    world: World, admin: httpx.AsyncClient, username: str, role: str, **scope: object
) -> httpx.AsyncClient:
    """Somebody signed in who sees only what ``units``, ``agencies`` and ``defence`` say."""
    password = "correct horse battery staple"
    body = {"username": username, "password": password, "role": role}
    made = await admin.post("/api/v1/accounts", json=body)
    assert made.status_code == 201, made.text
    changed = await admin.patch(f"/api/v1/accounts/{made.json()['id']}", json=scope)
    assert changed.status_code == 200, changed.text
    return await world.client(username, password)


def numbers_of(index: dict[str, Any]) -> list[int]:
    """What an index holds, read as the console reads it."""
    packed = base64.b64decode(index["numbers"])
    numbers = [number for (number,) in struct.iter_unpack("<I", packed)]
    assert len(numbers) == index["total"]
    return numbers


async def ask(client: httpx.AsyncClient, path: str, **query: object) -> Any:
    """The JSON of an answer that must be fine."""
    reply = await client.get(f"/api/v1/inventory/{path}", params={name: str(value) for name, value in query.items()})
    assert reply.status_code == 200, reply.text
    return reply.json()


async def everything(client: httpx.AsyncClient, limit: int = 100, **query: object) -> list[dict[str, Any]]:
    """All pages one after the other."""
    items: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = await ask(client, "cameras", limit=limit, after=after, **query)
        items += page["items"]
        after = page["next"]
    return items


DAY = dt.date(2025, 3, 1)
