"""Imports as people make them: sheets over HTTP into a centre on a real PostgreSQL."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx
import xlsxwriter
from centre_world import World, until

HEADINGS = (
    *("STT", "Tên camera", "Mã camera", "Địa chỉ", "Phường/Xã", "Vĩ độ", "Kinh độ", "Số sê-ri", "Địa chỉ MAC"),
    *("Đơn vị sở hữu", "Mục đích", "Ngày lắp đặt", "Luồng chính (RTSP)", "Tài khoản", "Mật khẩu"),
)
WARD, POLICE = "UBND phường Ba Đình", "Công an phường Ba Đình"


def line(number: int, **more: object) -> dict[str, object]:
    """A camera in Ba Đình that differs from every other by its number."""
    return {
        "STT": number,
        "Tên camera": f"Camera số {number} Quán Thánh",
        "Mã camera": f"BD-{number:04}",
        "Địa chỉ": f"Số {number} Quán Thánh",
        "Phường/Xã": "Phường Ba Đình",
        "Vĩ độ": round(21.0300 + number % 100 * 0.0002, 6),
        "Kinh độ": round(105.8300 + number // 100 % 100 * 0.0002, 6),
        "Số sê-ri": f"DS7A{number:06}",
        "Địa chỉ MAC": f"aa:bb:cc:00:{number // 256:02x}:{number % 256:02x}",
        "Đơn vị sở hữu": WARD,
        "Mục đích": "An ninh trật tự",
        "Ngày lắp đặt": "15/03/2024",
        "Luồng chính (RTSP)": f"rtsp://192.0.2.{number % 250 + 1}/{number}",
        "Tài khoản": "khue-test",
        "Mật khẩu": f"s3cret-{number}",
        **more,
    }


def csv(lines: Sequence[Mapping[str, object]]) -> bytes:
    rows = [HEADINGS, *([str(one.get(heading, "")) for heading in HEADINGS] for one in lines)]
    return "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in rows).encode("utf-8-sig")


def xlsx(lines: Sequence[Mapping[str, object]], title: str = "") -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Danh sách")
        at = 0
        if title:
            sheet.write_string(0, 0, title)
            at = 2
        for column, heading in enumerate(HEADINGS):
            sheet.write_string(at, column, heading)
        for number, one in enumerate(lines, start=at + 1):
            for column, heading in enumerate(HEADINGS):
                value = one.get(heading, "")
                if isinstance(value, str) and value.startswith("="):
                    sheet.write_formula(number, column, value)
                elif value != "":
                    sheet.write(number, column, value)
    return file.getvalue()


async def upload(client: httpx.AsyncClient, files: Mapping[str, bytes], **fields: str) -> str:
    """An import with these files; its id."""
    reply = await client.post("/api/v1/imports", json={"name": "sheets of the ward", **fields})
    assert reply.status_code == 201, reply.text
    import_id = str(reply.json()["id"])
    for name, data in files.items():
        reply = await put(client, import_id, name, data)
        assert reply.status_code == 200, reply.text
    return import_id


async def put(client: httpx.AsyncClient, import_id: str, name: str, data: bytes) -> httpx.Response:
    return await client.put(f"/api/v1/imports/{import_id}/files/{quote(name, safe='')}", content=data)


async def work(client: httpx.AsyncClient, import_id: str, what: str) -> dict[str, Any]:
    """plan, apply or undo, to its end."""
    reply = await client.post(f"/api/v1/imports/{import_id}/{what}")
    assert reply.status_code == 202, reply.text
    return await ended(client, import_id)


async def ended(client: httpx.AsyncClient, import_id: str) -> dict[str, Any]:
    async def state() -> dict[str, Any] | None:
        found: dict[str, Any] = (await client.get(f"/api/v1/imports/{import_id}")).json()
        return found if found["state"] not in ("planning", "applying", "undoing") else None

    found: dict[str, Any] = await until(state, 90)
    return found


async def bring(client: httpx.AsyncClient, files: Mapping[str, bytes], **fields: str) -> dict[str, Any]:
    """Upload, plan and apply."""
    import_id = await upload(client, files, **fields)
    planned = await work(client, import_id, "plan")
    assert planned["state"] == "planned", planned
    applied = await work(client, import_id, "apply")
    assert applied["state"] == "applied", applied
    return applied


async def rows(client: httpx.AsyncClient, import_id: str, **asked: Any) -> list[dict[str, Any]]:
    reply = await client.get(f"/api/v1/imports/{import_id}/rows", params={"limit": 2000, **asked})
    assert reply.status_code == 200, reply.text
    return list(reply.json()["items"])


def counted(found: Mapping[str, Any], **expected: int) -> bool:
    """Whether the counts are these and nothing else (skipped rows aside)."""
    counts = {name: number for name, number in found["counts"].items() if number and name not in ("skipped", "read")}
    assert found["counts"]["read"] == sum(counts.values()), found["counts"]
    assert counts == expected, (found["counts"], found["by_reason"])
    return True


_CONTENTS = {
    "camera": "select {columns} from camera c where deleted is null order by id",
    "camera_stream": "select s.* from camera_stream s join camera c on c.id = s.camera where c.deleted is null order by 1, 2",
    "consent": "select * from consent where withdrawn_on is null order by id",
    "placement": "select camera, node from placement order by camera",
}


async def contents(world: World) -> dict[str, list[tuple[object, ...]]]:
    """Everything the registry says now, without its history, revisions and the agencies that remain known."""
    database = world.engines.database
    columns = await database.fetch(
        "select column_name from information_schema.columns "
        "where table_name = 'camera' and table_schema = current_schema() and column_name <> 'revision' order by 1"
    )
    names = ", ".join(f"c.{row['column_name']}" for row in columns)
    return {
        table: [tuple(row) for row in await database.fetch(sql.format(columns=names))]
        for table, sql in _CONTENTS.items()
    }
