"""Lists over HTTP from a real PostgreSQL: words, filters, orders and pages, held against the cameras themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from centre_world import World, world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inventory_world import AGENCIES, UNITS, Camera, ask, everything, numbers_of, put

from khue.model.registry import QUOTA_GROUPS, Kind, Life, LinkKind, Purpose

pytestmark = pytest.mark.asyncio(loop_scope="module")
_NAMES = (
    "Đường Láng",
    "Hàng Bài",
    "Hoà Bình",
    "Hòa Bình 2",
    "Đê La Thành",
    "Cầu Giấy 100%",
    "Ngã_tư Sở",
    "Trần Duy Hưng",
)


def _camera(number: int) -> Camera:
    """One of a fleet in which every value of every filter occurs, in unequal company."""

    def one(values: Any, step: int) -> Any:
        choices = [*values, None]
        return choices[number // step % len(choices)]

    state = one(("recording", "stalled", "unreachable"), 2)
    purpose = one(tuple(Purpose), 3)
    return {
        "id": f"camera-{number:03}",
        "name": f"{_NAMES[number % len(_NAMES)]} {number % 5}",
        "code": None if number % 4 == 0 else f"HN-{(number * 37) % 100:03}",
        "vendor": one(("Hikvision", "Dahua"), 1) or "",
        "family": one(("hik", "dahua"), 1) or "",
        "kind": one(tuple(Kind), 2),
        "unit": one(tuple(UNITS), 1),
        "owner": one(tuple(AGENCIES), 1),
        "manager": one(tuple(AGENCIES), 4),
        "purpose": purpose,
        "link": one(tuple(LinkKind), 1),
        "life": tuple(Life)[number % len(Life)],
        "declared_working": one((True, False), 1),
        "latitude": None if number % 7 == 0 else 21.0 + number / 1000,
        "longitude": None if number % 7 == 0 else 105.8 + number / 500,
        "installed_on": one((dt.date(2020, 1, 1), dt.date(2024, 5, 6)), 1),
        "state": state,
        "node": None if state is None else f"node-{number % 2}",
        "seen": None if state is None else state == "recording",
    }


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def fleet(here: World) -> list[Camera]:
    return await put(here, [_camera(number) for number in range(60)])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def admin(here: World) -> httpx.AsyncClient:
    return await here.client()


async def _names(admin: httpx.AsyncClient, q: str) -> set[str]:
    return {item["name"].rpartition(" ")[0] for item in await everything(admin, q=q)}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("đường láng", {"Đường Láng"}),
        ("DUONG LANG", {"Đường Láng"}),
        ("lang duong", {"Đường Láng"}),
        ("hoa binh", {"Hoà Bình", "Hòa Bình 2"}),
        ("Hòa bình", {"Hoà Bình", "Hòa Bình 2"}),
        ("100%", {"Cầu Giấy 100%"}),
        ("ngã_tư", {"Ngã_tư Sở"}),
        ("nga-tu", set()),
        ("%", {"Cầu Giấy 100%"}),
        ("\\", set()),
        ("camera-007", {"Trần Duy Hưng"}),
        ("hikvision lang", {"Đường Láng"}),
        ("không có đâu", set()),
    ],
)
async def test_words_are_found_in_any_order_and_without_marks(
    admin: httpx.AsyncClient, fleet: list[Camera], q: str, found: set[str]
) -> None:
    assert await _names(admin, q) == found


async def test_words_find_owner_and_unit(admin: httpx.AsyncClient, fleet: list[Camera]) -> None:
    items = await everything(admin, q="so xay dung hoan kiem")
    expected = {c["id"] for c in fleet if c["owner"] == "so-xay-dung" and c["unit"] == "00070"}
    assert {item["id"] for item in items} == expected


_FIELD = {"declared": "declared_working"}
_ANSWER = {"yes": True, "no": False, "unknown": None}


def _meant(camera: Camera, name: str, values: list[str]) -> bool:
    if name == "group":
        value = None if camera["purpose"] is None else str(QUOTA_GROUPS[camera["purpose"]])
        return (value or "none") in values
    if name == "agency":
        return camera["owner"] in values or camera["manager"] in values
    if name in ("declared", "seen"):
        return camera[_FIELD.get(name, name)] in [_ANSWER[value] for value in values]
    return (camera[name] or "none") in values


def _some(values: Any, *more: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([*map(str, values), *more]), unique=True, max_size=3)


_FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "unit": _some(UNITS, "none"),
        "owner": _some(AGENCIES, "none"),
        "manager": _some(AGENCIES, "none"),
        "agency": _some(AGENCIES),
        "vendor": _some(("Hikvision", "Dahua", "Axis"), "none"),
        "kind": _some(Kind, "none"),
        "purpose": _some(Purpose, "none"),
        "group": _some(sorted(set(QUOTA_GROUPS.values())), "none"),
        "link": _some(LinkKind, "none"),
        "life": _some(Life),
        "state": _some(("recording", "stalled", "unreachable", "refused"), "none"),
        "declared": _some(_ANSWER),
        "seen": _some(_ANSWER),
        "node": _some(("node-0", "node-1"), "none"),
    },
)
_LAST_DAY = dt.date.max
_KEYS: dict[str, Callable[[Camera], Any]] = {
    "name": lambda c: c["search"],
    "code": lambda c: c["code"] or "",
    "unit": lambda c: c["unit"] or "",
    "life_since": lambda c: 0,
    "installed_on": lambda c: c["installed_on"] or _LAST_DAY,
    "number": lambda c: c["number"],
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    filters=_FILTERS,
    sort=st.sampled_from([way + name for name in _KEYS for way in ("", "-")]),
    limit=st.integers(1, 70),
    boxed=st.booleans(),
)
async def test_pages_bring_each_camera_once_in_order(
    admin: httpx.AsyncClient, fleet: list[Camera], filters: dict[str, list[str]], sort: str, limit: int, boxed: bool
) -> None:
    meant = [c for c in fleet if all(_meant(c, name, values) for name, values in filters.items() if values)]
    query = {name: ",".join(values) for name, values in filters.items()}
    if boxed:
        query["box"] = "105.8,21.0,105.86,21.05"
        meant = [c for c in meant if c["latitude"] is not None and c["longitude"] <= 105.86 and c["latitude"] <= 21.05]
    key = _KEYS[sort.removeprefix("-")]
    meant.sort(key=lambda c: (key(c), c["number"]), reverse=sort.startswith("-"))
    items = await everything(admin, limit=limit, sort=sort, **query)
    assert [item["number"] for item in items] == [c["number"] for c in meant]
    assert numbers_of(await ask(admin, "index", sort=sort, **query)) == [c["number"] for c in meant]


async def test_rows_come_as_asked(admin: httpx.AsyncClient, fleet: list[Camera]) -> None:
    wanted = [fleet[9]["number"], 999_999, fleet[2]["number"], fleet[5]["number"]]
    reply = await admin.post("/api/v1/inventory/rows", json={"numbers": wanted})
    items = reply.json()["items"]
    assert [item["id"] for item in items] == ["camera-009", "camera-002", "camera-005"]
    camera = fleet[9]
    for name in (
        "name",
        "code",
        "vendor",
        "kind",
        "unit",
        "owner",
        "purpose",
        "link",
        "life",
        "declared_working",
        "node",
    ):
        assert items[0][name] == camera[name], name
    assert (items[0]["lat"], items[0]["lon"]) == (camera["latitude"], camera["longitude"])
    assert (items[0]["state"], items[0]["seen_working"], items[0]["revision"]) == (camera["state"], camera["seen"], 1)


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("cameras", {"colour": "red"}, "no filter 'colour'"),
        ("cameras", {"life": "dead"}, "life is 'dead'"),
        ("cameras", {"box": "1,2,3"}, "west,south,east,north"),
        ("cameras", {"box": "106,21,105,22"}, "the smaller of each pair first"),
        ("cameras", {"box": "nan,21,105,22"}, "west,south,east,north"),
        ("cameras", {"asof": "yesterday"}, "2026-01-31"),
        ("cameras", {"asof": "2026-01-31T08:00:00"}, "offset"),
        ("cameras", {"sort": "colour"}, "sort is"),
        ("cameras", {"limit": "0"}, "limit is"),
        ("cameras", {"after": "x"}, "after is not"),
        ("cameras", {"after": "WyJhIiwgMV0", "sort": "life_since"}, "after is not"),
        ("cameras", {"q": " ".join("abcdefghijklmnopqrst")}, "at most 16 words"),
        ("cameras", {"q": "a\0b"}, "a character that no camera has"),
        ("index", {"limit": "5"}, "no filter 'limit'"),
        ("quota", {"by": "colour"}, "by is"),
        ("export", {"format": "pdf"}, "format is"),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(
    admin: httpx.AsyncClient, path: str, query: dict[str, str], words: str
) -> None:
    reply = await admin.get(f"/api/v1/inventory/{path}", params=query)
    assert reply.status_code == 400, reply.text
    assert words in reply.json()["error"]["message"]


async def test_too_many_rows_are_refused(admin: httpx.AsyncClient) -> None:
    reply = await admin.post("/api/v1/inventory/rows", json={"numbers": [1] * 501})
    assert reply.status_code == 400 and "at most 500" in reply.text
    reply = await admin.post("/api/v1/inventory/rows", json={"numbers": [2**31]})
    assert reply.status_code == 400


async def test_a_camera_that_vanishes_between_pages_ends_nothing(here: World, admin: httpx.AsyncClient) -> None:
    await put(here, [{"id": f"gone-{n}", "name": f"Vanishing {n}"} for n in range(4)])
    first = await ask(admin, "cameras", q="vanishing", limit=2)
    async with here.engines.database.transaction() as session:
        await session.execute("select set_config('khue.actor', 'test', true)")
        await session.execute("update camera set deleted = now() where id like 'gone-%' and id <> 'gone-3'")
    rest = await ask(admin, "cameras", q="vanishing", limit=2, after=first["next"])
    assert [item["id"] for item in rest["items"]] == ["gone-3"] and rest["next"] is None


async def test_a_line_that_is_too_long_for_an_index_is_cut(here: World, admin: httpx.AsyncClient) -> None:
    letters = "".join(chr(0x20000 + n * 7) for n in range(2000))  # four bytes each, and nothing repeats
    long = {"id": "long", "name": f"Dài {letters[:190]}", "code": letters[200:400], "address": letters}
    await put(here, [long])
    assert [item["id"] for item in await everything(admin, q=f"dai {letters[:100]}")] == ["long"]
