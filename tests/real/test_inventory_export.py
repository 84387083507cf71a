"""A fleet leaves in four forms: everything the registry says, nothing that is secret, nothing a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import python_calamine
from centre_world import World, add_camera, world
from inventory_world import put

pytestmark = pytest.mark.asyncio(loop_scope="module")
_RUNS = ("=1+1", "+84 24 3825", "-2", "@SUM(A1)", "\t=1", '=HYPERLINK("http://192.0.2.1")')
_COUNT = 1205  # more than one batch


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        await put(
            made,
            [
                {
                    "id": f"e-{n:04}",
                    "name": f'Phố Huế, số "{n}"',
                    "code": f"C{n}",
                    "vendor": "Hikvision",
                    "unit": "00070",
                    "owner": "so-xay-dung",
                    "purpose": "violation",
                    "kind": "ptz",
                    "link": "leased",
                    "latitude": 21.0 + n / 10_000 if n % 2 else None,
                    "longitude": 105.85 if n % 2 else None,
                    "declared_working": True,
                    "note": _RUNS[n % len(_RUNS)] if n < 12 else "ghi chú\ndòng hai",
                }
                for n in range(_COUNT)
            ],
        )
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def admin(here: World) -> httpx.AsyncClient:
    return await here.client()


async def _export(admin: httpx.AsyncClient, form: str, **query: str) -> httpx.Response:
    reply = await admin.get("/api/v1/inventory/export", params={"format": form, **query})
    assert reply.status_code == 200, reply.text
    return reply


async def test_csv_is_read_back_whole(admin: httpx.AsyncClient) -> None:
    reply = await _export(admin, "csv")
    assert reply.content.startswith(b"\xef\xbb\xbf")
    assert reply.headers["content-disposition"].startswith('attachment; filename="cameras-')
    rows = list(csv.DictReader(io.StringIO(reply.text.removeprefix("\ufeff"), newline="")))
    assert [row["id"] for row in rows] == [f"e-{n:04}" for n in range(_COUNT)]
    row = rows[101]
    assert row["name"] == 'Phố Huế, số "101"' and row["note"] == "ghi chú\ndòng hai"
    assert (row["lat"], row["lon"], row["kind"], row["declared_working"]) == ("21.0101", "105.85", "ptz", "true")
    assert (row["owner"], row["owner_name"], row["unit_name"]) == ("so-xay-dung", "Sở Xây dựng", "Phường Hoàn Kiếm")
    assert (row["seen_working"], row["mac"], rows[100]["lat"]) == ("", "", "")
    assert [row["note"] for row in rows[:6]] == [f"'{text}" for text in _RUNS]


async def test_xlsx_holds_text_where_a_formula_was_written(admin: httpx.AsyncClient) -> None:
    reply = await _export(admin, "xlsx")
    book = python_calamine.load_workbook(io.BytesIO(reply.content))
    rows: list[list[Any]] = book.get_sheet_by_name("cameras").to_python()
    head = [str(cell) for cell in rows[0]]
    assert len(rows) == _COUNT + 1
    cameras = [dict(zip(head, row, strict=True)) for row in rows[1:]]
    assert [camera["note"].strip() for camera in cameras[:6]] == [text.strip() for text in _RUNS]
    assert cameras[101]["lat"] == pytest.approx(21.0101) and cameras[101]["name"] == 'Phố Huế, số "101"'
    with zipfile.ZipFile(io.BytesIO(reply.content)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


async def test_geojson_is_a_feature_collection(admin: httpx.AsyncClient) -> None:
    reply = await _export(admin, "geojson")
    assert reply.headers["content-type"].startswith("application/geo+json")
    collection = json.loads(reply.content)
    assert collection["type"] == "FeatureCollection" and len(collection["features"]) == _COUNT
    feature = collection["features"][101]
    assert feature["geometry"] == {"type": "Point", "coordinates": [105.85, 21.0101]}
    assert feature["id"] == "e-0101" and feature["properties"]["purpose"] == "violation"
    assert "seen_working" not in feature["properties"] and "lat" not in feature["properties"]
    assert collection["features"][100]["geometry"] is None
    empty = json.loads((await _export(admin, "geojson", q="no such camera")).content)
    assert empty == {"type": "FeatureCollection", "features": []}


async def test_ngsi_ld_is_a_list_of_entities(admin: httpx.AsyncClient) -> None:
    reply = await _export(admin, "ngsi-ld", q="C101")
    assert reply.headers["content-type"].startswith("application/ld+json")
    entities = json.loads(reply.content)
    entity = next(one for one in entities if one["id"] == "urn:ngsi-ld:Camera:e-0101")
    assert entity["type"] == "Camera" and entity["cameraUsage"] == {"type": "Property", "value": "RLVD"}
    assert entity["location"]["value"] == {"type": "Point", "coordinates": [105.85, 21.0101]}
    assert json.loads((await _export(admin, "ngsi-ld", q="no such camera")).content) == []


async def test_no_secret_leaves(admin: httpx.AsyncClient) -> None:
    url = "rtsp://watcher:hunter2@192.0.2.77/secret-path"
    await add_camera(admin, "guarded", url=url, username="watcher", password="hunter2")
    for form in ("csv", "geojson", "ngsi-ld", "xlsx"):
        content = (await _export(admin, form, q="guarded")).content
        if form == "xlsx":
            sheet = python_calamine.load_workbook(io.BytesIO(content)).get_sheet_by_index(0)
            content = repr(sheet.to_python()).encode()
        assert b"guarded" in content
        for secret in (b"hunter2", b"watcher", b"secret-path", b"rtsp:"):
            assert secret not in content, (form, secret)


async def test_the_past_leaves_as_it_was(here: World, admin: httpx.AsyncClient) -> None:
    async with here.engines.database.transaction() as session:
        await session.execute("select set_config('khue.actor', 'test', true)")
        await session.execute("select set_config('khue.effective', '2026-01-01', true)")
        await session.execute("insert into camera (id, name, search, vendor) values ('then', 'Before', 'x', 'P')")
        await session.execute("select set_config('khue.effective', '2026-02-01', true)")
        await session.execute("update camera set name = 'After' where id = 'then'")
    for day, name in (("2026-01-15", "Before"), ("2026-02-15", "After")):
        collection = json.loads((await _export(admin, "geojson", vendor="P", asof=day)).content)
        assert [feature["properties"]["name"] for feature in collection["features"]] == [name]
