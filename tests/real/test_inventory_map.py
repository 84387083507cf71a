"""The map payload over HTTP says what the list says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from centre_world import World, world
from inventory_world import UNITS, ask, everything, put

from khue.centre.inventory.map import decode
from khue.model.registry import Kind, Life, LinkKind, Purpose

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        cameras = [
            {
                "id": f"m-{n:02}",
                "name": f"Camera {n}",
                "unit": (*UNITS, None)[n % 4],
                "life": list(Life)[n % 9],
                "purpose": (*Purpose, None)[n % 9],
                "link": (*LinkKind, None)[n % 4],
                "kind": (*Kind, None)[n % 3],
                "declared_working": (True, False, None)[n % 3],
                "longitude": 105.8 + n / 1000 if n % 10 else None,
                "latitude": 21.1 - n / 1000 if n % 10 else None,
                "state": ("recording", "stalled", None)[n % 3],
                "node": None if n % 3 == 2 else "a",
                "seen": (True, False, None)[n % 3],
            }
            for n in range(45)
        ]
        await put(made, cameras)
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def admin(here: World) -> httpx.AsyncClient:
    return await here.client()


_ANSWER = {True: "yes", False: "no", None: None}


@pytest.mark.parametrize(
    "query", [{}, {"box": "105.81,21.07,105.83,21.2"}, {"life": "operating,faulty"}, {"q": "camera 7"}]
)
async def test_the_map_says_what_the_list_says(admin: httpx.AsyncClient, query: dict[str, str]) -> None:
    reply = await admin.get("/api/v1/inventory/map", params=query)
    assert reply.headers["content-type"] == "application/vnd.khue.map"
    head, columns = decode(reply.content)
    listed = await everything(admin, sort="number", **query)
    placed = [item for item in listed if item["lat"] is not None]
    assert placed and (head["count"], head["unplaced"]) == (len(placed), len(listed) - len(placed))
    assert columns["number"] == [item["number"] for item in placed]
    assert columns["lat"] == pytest.approx([item["lat"] for item in placed], abs=6e-6)
    assert columns["lon"] == pytest.approx([item["lon"] for item in placed], abs=6e-6)
    for name in ("unit", "state", "purpose", "life", "link", "kind"):
        assert columns[name] == [item[name] for item in placed], name
    assert columns["seen"] == [_ANSWER[item["seen_working"]] for item in placed]
    assert columns["declared"] == [_ANSWER[item["declared_working"]] for item in placed]


async def test_it_is_compressed_and_not_sent_twice(here: World, admin: httpx.AsyncClient) -> None:
    first = await admin.get("/api/v1/inventory/map")
    assert first.headers["content-encoding"] == "gzip"
    plain = await admin.get("/api/v1/inventory/map", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content == first.content
    known = {"if-none-match": first.headers["etag"]}
    assert (await admin.get("/api/v1/inventory/map", headers=known)).status_code == 304
    await here.engines.database.execute("update sighting set state = 'refused' where camera = 'm-01'")
    changed = await admin.get("/api/v1/inventory/map", headers=known)
    assert changed.status_code == 200 and changed.headers["etag"] != first.headers["etag"]


async def test_the_past_is_drawn_as_it_was(here: World, admin: httpx.AsyncClient) -> None:
    before = (await ask(admin, "quota"))["at"]
    async with here.engines.database.transaction() as session:
        await session.execute("select set_config('khue.actor', 'test', true)")
        await session.execute("update camera set life = 'removed', latitude = 20.9 where id = 'm-05'")
    _, now = decode((await admin.get("/api/v1/inventory/map")).content)
    _, then = decode((await admin.get("/api/v1/inventory/map", params={"asof": before})).content)
    assert then["number"] == now["number"]
    moved = [place for place, (a, b) in enumerate(zip(now["lat"], then["lat"], strict=True)) if a != b]
    assert [(now["life"][place], then["life"][place]) for place in moved] == [("removed", "faulty")]
    assert [then["lat"][place] for place in moved] == [21.095]
