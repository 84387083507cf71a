"""Files that are broken, hostile or wrong: a clear error with row and column, and nothing half done."""

from __future__ import annotations

import io
import zipfile

import pytest
from centre_world import world
from import_world import WARD, counted, csv, line, put, rows, upload, work, xlsx


def _bomb() -> bytes:
    """A workbook whose sheet is 300 MB of zeros in 300 kB."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx([line(1)]))) as good, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "xl/worksheets/sheet1.xml":
                head, tail = data.split(b"</sheetData>")
                data = head + b"<row><c><v>0</v></c></row>" * (300 * 1024 * 1024 // 26) + b"</sheetData>" + tail
            bad.writestr(name, data)
    return made.getvalue()


_FILES = {
    "bomb": ("bomb.xlsx", _bomb),
    "a million columns": (
        "wide.csv",
        lambda: b",".join(b"c%d" % number for number in range(1_000_000)) + b"\r\n1,2,3\r\n",
    ),
    "half a zip": ("half.xlsx", lambda: xlsx([line(1)])[:2000]),
    "nothing": ("empty.csv", lambda: b""),
    "an old workbook": ("old.xls", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096)),
}


@pytest.mark.parametrize("kind", _FILES)
async def test_a_file_that_cannot_be_read_is_refused_with_its_name_and_the_next_one_is_read(kind: str) -> None:
    name, make = _FILES[kind]
    async with world() as w:
        client = await w.client()
        import_id = await upload(client, {"good.xlsx": xlsx([line(1)])})
        reply = await put(client, import_id, name, make())
        assert reply.status_code in (400, 413), (reply.status_code, reply.text)
        error = reply.json()["error"]
        assert error["message"] and error["remedy"]
        if kind != "nothing":
            assert name in error["message"], error
        assert [file["name"] for file in (await client.get(f"/api/v1/imports/{import_id}")).json()["files"]] == [
            "good.xlsx"
        ]
        assert counted(await work(client, import_id, "plan"), created=1)


async def test_a_file_beyond_the_limit_is_refused_before_it_is_read() -> None:
    async with world() as w:
        client = await w.client()
        import_id = await upload(client, {})
        reply = await put(client, import_id, "huge.csv", b"x" * (65 << 20))
        assert reply.status_code == 413, reply.text
        # Other routes keep their small limit.
        reply = await client.post("/api/v1/imports", json={"name": "x" * (2 << 20)})
        assert reply.status_code == 413


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"Vĩ độ": 15.0, "Kinh độ": 112.0}, "position_outside", "lat"),
        ({"Vĩ độ": 0, "Kinh độ": 0}, "position_outside", "lat"),
        ({"Tên camera": ""}, "name_missing", "name"),
        ({"Tên camera": "=1+1"}, "formula", "name"),
        ({"Mục đích": "Nuôi cá"}, "purpose_unknown", "purpose"),
        ({"Ngày lắp đặt": "31/02/2024"}, "date_impossible", "installed_on"),
    ],
)
async def test_a_row_that_is_wrong_is_refused_with_its_cell(wrong: dict[str, object], code: str, field: str) -> None:
    async with world() as w:
        client = await w.client()
        import_id = await upload(client, {"a.xlsx": xlsx([line(1), line(2, **wrong), line(3)])})
        planned = await work(client, import_id, "plan")
        assert counted(planned, created=2, refused=1)
        (row,) = await rows(client, import_id, outcome="refused")
        assert (row["row"], row["problems"][0]["code"], row["problems"][0]["field"]) == (3, code, field)
        assert row["problems"][0]["column"] and row["problems"][0]["vi"] and row["problems"][0]["en"]
        assert [reason["code"] for reason in planned["by_reason"] if reason["outcome"] == "refused"] == [code]


async def test_a_nul_in_a_cell_refuses_its_row_and_nothing_else() -> None:
    async with world() as w:
        client = await w.client()
        data = csv([line(1), line(2), line(3)]).replace("số 2".encode(), b"s\x00 2")
        import_id = await upload(client, {"a.csv": data}, agency=WARD)
        planned = await work(client, import_id, "plan")
        assert planned["state"] == "planned", planned
        assert planned["counts"]["created"] >= 2
        assert (await work(client, import_id, "apply"))["state"] == "applied"
        assert all("\x00" not in str(row) for row in await rows(client, import_id))
