"""The quota board and the past, from a real PostgreSQL, against the cameras themselves."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from centre_world import World, world
from inventory_world import AGENCIES, UNITS, Camera, ask, everything, put

from khue.model.registry import INSTALLED, QUOTA_GROUPS, Life, LinkKind, Purpose

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def admin(here: World) -> httpx.AsyncClient:
    return await here.client()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def fleet(here: World) -> list[Camera]:
    return await put(
        here,
        [
            {
                "id": f"q-{n:03}",
                "name": f"Camera {n}",
                "life": list(Life)[n % 9],
                "unit": (*UNITS, None)[n % 4],
                "purpose": (*Purpose, None)[n % 9 if n % 2 else 0],
                "owner": (*AGENCIES, None)[n % 4],
                "manager": (*AGENCIES, None)[n // 4 % 4],
                "link": (*LinkKind, None)[n % 4],
                "vendor": ("Hikvision", "Dahua", "")[n % 3],
                "family": ("hik", "", "")[n % 3],
                "declared_working": (True, False, None)[n // 2 % 3],
                "state": ("recording", "stalled", None)[n // 3 % 3],
                "node": None if n // 3 % 3 == 2 else "a",
                "seen": (True, False, None)[n // 3 % 3],
            }
            for n in range(120)
        ],
    )


def _key(camera: Camera, by: str) -> str | None:
    if by == "group":
        return None if camera["purpose"] is None else str(QUOTA_GROUPS[camera["purpose"]])
    if by == "type":
        return "/".join(part for part in (camera["vendor"], camera["family"]) if part) or None
    return camera[by] and str(camera[by])


def _counts(cameras: list[Camera]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for camera in cameras:
        declared, seen = camera["declared_working"], camera["seen"]
        counted["proposed"] += camera["life"] in ("proposed", "approved")
        counted["approved"] += camera["life"] == "approved"
        if camera["life"] in INSTALLED:
            counted["installed"] += 1
            counted["declared_working"] += declared is True
            counted["declared_unknown"] += declared is None
            counted["seen_working"] += seen is True
            counted["seen_unknown"] += seen is None
            counted["both"] += declared is True and seen is True
            counted["only_declared"] += declared is True and seen is not True
            counted["only_seen"] += seen is True and declared is not True
    return counted


def _counted(row: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in row.items() if name not in ("key", "name", "needed") and value}


@pytest.mark.parametrize("by", ["purpose", "group", "unit", "owner", "manager", "type", "link"])
async def test_the_board_counts_each_camera_once(admin: httpx.AsyncClient, fleet: list[Camera], by: str) -> None:
    board = await ask(admin, "quota", by=by)
    keys = {_key(camera, by) for camera in fleet}
    rows = {row["key"]: row for row in board["rows"]}
    assert keys <= rows.keys() and len(rows) == len(board["rows"])
    for key, row in rows.items():
        mine = [camera for camera in fleet if _key(camera, by) == key]
        assert _counted(row) == {name: n for name, n in _counts(mine).items() if n}, key
    assert _counted(board["total"]) == {name: n for name, n in _counts(fleet).items() if n}


async def test_the_scheme_says_what_is_needed(here: World, admin: httpx.AsyncClient, fleet: list[Camera]) -> None:
    board = await ask(admin, "quota", by="group")
    needed = {row["key"]: row["needed"] for row in board["rows"] if row["key"]}
    assert needed == {"order": 23_736, "defence": 227, "state": 16_247, "broadcast": None}
    assert board["total"]["needed"] == 40_210
    await here.engines.database.execute(
        "insert into quota (quota_group, needed, valid_from, decision) values ('order', 30000, '2999-01-01', 'later')"
    )
    assert (await ask(admin, "quota", by="group"))["total"]["needed"] == 40_210
    assert (await ask(admin, "quota", by="group", asof="2999-01-02"))["total"]["needed"] == 46_474
    assert (await ask(admin, "quota", by="group", asof="2025-01-16"))["total"]["needed"] is None
    units = await ask(admin, "quota", by="unit")
    assert len([row for row in units["rows"] if row["key"]]) == 126
    assert next(row["name"] for row in units["rows"] if row["key"] == "00004") == "Phường Ba Đình"


async def _history(here: World, camera: str, days: list[tuple[str, dict[str, object]]]) -> None:
    """What it became, and on which day."""
    for day, facts in days:
        async with here.engines.database.transaction() as session:
            await session.execute(
                "select set_config('khue.actor', 'test', true), set_config('khue.effective', $1, true)", day
            )
            sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(facts, 2))
            await session.execute(f"update camera set {sets} where id = $1", camera, *facts.values())


async def test_the_past_is_as_it_was(here: World, admin: httpx.AsyncClient) -> None:
    database = here.engines.database
    async with database.transaction() as session:
        await session.execute("select set_config('khue.actor', 'test', true)")
        await session.execute("select set_config('khue.effective', '2026-01-01', true)")
        await session.execute(
            """insert into camera (id, name, search, life, unit, vendor)
               values ('past', 'Đình Bảng cũ', 'x', 'proposed', '00004', 'V')"""
        )
    await _history(
        here,
        "past",
        [
            ("2026-02-01", {"life": "installed", "name": "Đình Bảng mới"}),
            ("2026-03-01", {"life": "faulty", "unit": "00070"}),
            ("2026-04-01", {"deleted": dt.datetime(2026, 4, 1, tzinfo=dt.UTC)}),
        ],
    )

    async def found(**query: object) -> list[tuple[str, str, str]]:
        return [(item["name"], item["life"], item["unit"]) for item in await everything(admin, vendor="V", **query)]

    assert await found() == []
    assert await found(asof="2025-12-31") == []
    assert await found(asof="2026-01-15") == [("Đình Bảng cũ", "proposed", "00004")]
    assert await found(asof="2026-02-15") == [("Đình Bảng mới", "installed", "00004")]
    assert await found(asof="2026-03-15") == [("Đình Bảng mới", "faulty", "00070")]
    assert await found(asof="2026-04-15") == []
    assert await found(asof="2026-01-15", q="dinh bang cu") == await found(asof="2026-01-15")
    assert await found(asof="2026-01-15", q="dinh bang moi") == []
    assert await found(asof="2026-02-15", q="MỚI bảng") == await found(asof="2026-02-15")
    assert await found(asof="2026-02-15", unit="00070") == []
    assert await found(asof="2026-03-15", unit="00070", life="faulty") == await found(asof="2026-03-15")
    assert await found(asof="2026-03-01T00:00:00+00:00") == await found(asof="2026-03-15")
    assert await found(asof="2026-02-28T23:59:59.999999+00:00") == await found(asof="2026-02-15")


async def test_the_boards_of_two_days_differ_by_what_happened_between(here: World, admin: httpx.AsyncClient) -> None:
    async with here.engines.database.transaction() as session:
        await session.execute("select set_config('khue.actor', 'test', true)")
        await session.execute("select set_config('khue.effective', '2026-05-01', true)")
        await session.execute(
            "insert into camera (id, name, search, life, link) values ('board', 'Board', 'board', 'approved', 'leased')"
        )
    await _history(here, "board", [("2026-06-01", {"life": "installed", "declared_working": True})])
    before, after = [
        next(row for row in (await ask(admin, "quota", by="link", asof=day))["rows"] if row["key"] == "leased")
        for day in ("2026-05-15", "2026-06-15")
    ]
    assert (before["proposed"], before["installed"], before["declared_working"]) == (1, 0, 0)
    assert (after["proposed"], after["installed"], after["declared_working"]) == (0, 1, 1)


async def test_what_was_seen_then(here: World, admin: httpx.AsyncClient) -> None:
    """Judged by what nodes had reported: a recording counts for a day after its end."""
    async with here.engines.database.transaction() as session:
        await session.execute("select set_config('khue.actor', 'test', true)")
        await session.execute("select set_config('khue.effective', '2026-01-01', true)")
        await session.execute("insert into camera (id, name, search, vendor) values ('eye', 'Eye', 'eye', 'E')")
        await session.execute(
            """insert into transition (camera, stream, since, node, state, detail) values
               ('eye', 'main', '2026-02-01', 'n', 'unreachable', ''), ('eye', 'main', '2026-03-01', 'n', 'recording', ''),
               ('eye', 'main', '2026-04-01', 'n', 'stalled', ''), ('eye', 'sub', '2026-01-02', 'n', 'recording', '')"""
        )

    async def seen(at: str) -> tuple[bool | None, str | None]:
        (row,) = await everything(admin, vendor="E", asof=at)
        rows = await admin.post("/api/v1/inventory/rows", json={"numbers": [row["number"]], "asof": at})
        assert rows.json()["items"] == [row]
        return row["seen_working"], row["state"]

    assert await seen("2026-01-15") == (None, None)
    assert await seen("2026-02-15") == (False, "unreachable")
    assert await seen("2026-03-15") == (True, "recording")
    assert await seen("2026-04-01T12:00:00+00:00") == (True, "stalled")
    assert await seen("2026-04-03") == (False, "stalled")
    for answer, at in (("yes", "2026-03-15"), ("no", "2026-02-15"), ("unknown", "2026-01-15")):
        assert [row["id"] for row in await everything(admin, vendor="E", asof=at, seen=answer)] == ["eye"]
    assert await everything(admin, vendor="E", asof="2026-03-15", state="stalled") == []


async def test_consents_of_borrowed_lines(here: World, admin: httpx.AsyncClient) -> None:
    await put(here, [{"id": f"line-{n}", "name": f"Line {n}", "link": "borrowed", "vendor": "L"} for n in range(4)])
    await here.engines.database.execute(
        """insert into consent (id, camera, contact, given_on, expires_on, withdrawn_on, recorded_by) values
           ('in force', 'line-0', '', '2026-01-01', null, null, 'test'),
           ('expired', 'line-1', '', '2025-01-01', '2025-06-01', null, 'test'),
           ('withdrawn', 'line-2', '', '2025-01-01', null, '2026-02-01', 'test')"""
    )

    async def found(consent: str, **query: object) -> set[str]:
        return {item["id"] for item in await everything(admin, vendor="L", consent=consent, **query)}

    assert await found("missing") == {"line-2", "line-3"}
    assert await found("expired") == {"line-1"}
    assert await found("missing,expired") == {"line-1", "line-2", "line-3"}
