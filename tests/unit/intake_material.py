"""Lists as agencies have them, made by hand for the tests of the import."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Callable
from typing import Any

import xlsxwriter

from khue.centre.intake.books import load
from khue.centre.intake.mapping import Mapping, propose
from khue.centre.intake.reading import Reading
from khue.centre.intake.sheet import SourceRow, Table, read_tables
from khue.centre.intake.values import read_row

BOOKS = load()
Rows = list[list[Any]]


def workbook(
    sheets: dict[str, Rows], *, change: Callable[[Any, dict[str, Any]], None] | None = None, **options: Any
) -> bytes:
    """An XLSX file; dates are shown as dates, texts that begin with "=" are formulas."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, **options})
    days = book.add_format({"num_format": "dd/mm/yyyy"})
    made = {}
    for name, rows in sheets.items():
        sheet = made[name] = book.add_worksheet(name)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime.date):
                    sheet.write_datetime(number, column, datetime.datetime.combine(cell, datetime.time()), days)
                elif isinstance(cell, str) and cell.startswith("="):
                    sheet.write_formula(number, column, cell, value=7)
                elif isinstance(cell, str):
                    sheet.write_string(number, column, cell)
                elif cell is not None:
                    sheet.write(number, column, cell)
    if change is not None:
        change(book, made)
    book.close()
    return buffer.getvalue()


def archive(parts: dict[str, bytes]) -> bytes:
    """A ZIP file of these parts, whatever they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return buffer.getvalue()


def bare_workbook(sheet: bytes, strings: bytes = b"", head: bytes = b"") -> bytes:
    """A workbook of one worksheet, given as XML by hand."""
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = [("rId1", "worksheet", "worksheets/sheet1.xml")] + (
        [("rId2", "sharedStrings", "sharedStrings.xml")] if strings else []
    )
    rels = "".join(f'<Relationship Id="{i}" Type="{relation}/{kind}" Target="{target}"/>' for i, kind, target in kinds)
    parts = {
        "[Content_Types].xml": b"<Types/>",
        "xl/workbook.xml": (
            f'<workbook xmlns:r="{relation}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>'
        ).encode(),
        "xl/_rels/workbook.xml.rels": f"<Relationships>{rels}</Relationships>".encode(),
        "xl/worksheets/sheet1.xml": head + b"<worksheet><sheetData>" + sheet + b"</sheetData></worksheet>",
    }
    return archive(parts | ({"xl/sharedStrings.xml": strings} if strings else {}))


def csv_bytes(rows: Rows, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    lines = [delimiter.join("" if cell is None else str(cell) for cell in row) for row in rows]
    return ("\r\n".join(lines) + "\r\n").encode(encoding)


HEADINGS = ["Mã", "Tên camera", "Địa chỉ", "Phường/Xã", "Vĩ độ", "Kinh độ", "Mục đích"]
GOOD = ["C1", "Ngã tư Kim Mã", "1 Kim Mã", "Phường Giảng Võ", 21.0318, 105.8138, "An ninh trật tự"]


def only(data: bytes, name: str = "list.csv") -> Table:
    """The one table with rows in a file."""
    (table,) = [table for table in read_tables(name, data) if table.rows]
    return table


def readings(data: bytes, name: str = "list.csv") -> list[Reading]:
    """Every row of a file by the mapping that is proposed for it."""
    table = only(data, name)
    mapping = propose(table)
    return [read_row(row, table, mapping, BOOKS) for row in table.rows]


def reading(**cells: Any) -> Reading:
    """One row whose columns are fields, with whatever is not given as in a good row."""
    base: dict[str, Any] = {"name": "Cam", "lat": 21.0318, "lon": 105.8138}
    fields = {field: cell for field, cell in (base | cells).items() if cell is not ...}
    table = Table("f.xlsx", "S", "", (1, 1), tuple(fields), [], [])
    row = SourceRow(2, tuple(fields.values()))
    return read_row(row, table, Mapping({field: field for field in fields}), BOOKS)


def codes(found: Reading) -> list[str]:
    return [one.code for one in found.problems]


def notes(found: Reading) -> set[str]:
    return {one.code for one in found.notes}
