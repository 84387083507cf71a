"""The corrected sheet: an agency's own columns with what became of each row, to be put right and brought again.

Bad cells are coloured and carry the reason; what was understood otherwise than written (a ward abolished in 2025, latitude
and longitude swapped) stands as it was understood. What is secret is left out. Strings are written as strings: nothing of a
foreign sheet becomes a formula here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import xlsxwriter

from khue.centre.intake import words
from khue.centre.intake.fields import SECRET
from khue.centre.intake.mapping import Mapping as SheetMapping
from khue.centre.intake.match import Place
from khue.centre.intake.messages import JudgedRow
from khue.centre.intake.reading import Note, Problem
from khue.centre.intake.table import Cell, SourceRow, Table, column_letter
from khue.model.address import redact, strip_credentials

# Columns of our own beside the agency's. Those of the first kind are read when the sheet comes back.
ADDED_FIELDS: dict[str, str] = {"Đơn vị sở hữu (khue)": "owner", "Phường/xã (khue)": "unit"}
_VERDICT = ("Kết quả (khue)", "Outcome (khue)", "Lý do (khue)", "Reason (khue)", "Camera (khue)")
ADDED = frozenset({*ADDED_FIELDS, *_VERDICT})
_OUTCOMES = {
    "created": "tạo mới",
    "changed": "thay đổi",
    "unchanged": "không đổi",
    "duplicate": "trùng lặp",
    "refused": "từ chối",
}
_URLS = ("rtsp_main", "rtsp_sub")
_SHEET_NAME = 31  # characters Excel allows
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", "_"))
_problems = msgspec.json.Decoder(list[Problem]).decode
_notes = msgspec.json.Decoder(list[Note]).decode
_place = msgspec.json.Decoder(Place).decode


class Corrected:
    """An XLSX that is written sheet by sheet; closing it makes the file."""

    def __init__(self, path: Path, units: Mapping[str, str], agencies: Mapping[str, str]) -> None:
        self._units, self._agencies = units, agencies
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "nan_inf_to_errors": True,
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._head = self._book.add_format({"bold": True, "bg_color": "#DDE7F0", "text_wrap": True, "valign": "top"})
        self._bad = self._book.add_format({"bg_color": "#F8C9C4"})
        self._put_right = self._book.add_format({"bg_color": "#FFF0B8"})
        self._date = self._book.add_format({"num_format": "dd/mm/yyyy"})
        self._names: set[str] = set()

    def __enter__(self) -> Corrected:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._book.close()

    def add(self, table: Table, mapping: SheetMapping, judged: Mapping[tuple[str, int], JudgedRow]) -> None:
        """One list with its headings in one row, below its title."""
        if not table.rows:
            return
        sheet = self._book.add_worksheet(self._name(table))
        at = 0
        for line in table.title.splitlines()[:10]:
            sheet.write_string(at, 0, line[:500])
            at += 1
        added = [text for text, field in ADDED_FIELDS.items() if field not in mapping.columns.values()]
        headings = [text for text in table.headings if text not in ADDED]
        for column, text in enumerate([*headings, *added, *_VERDICT]):
            sheet.write_string(at, column, text, self._head)
        sheet.freeze_panes(at + 1, 0)
        for row in table.rows:
            verdict = judged.get((table.sheet, row.number))
            if verdict is not None:
                at += 1
                self._row(sheet, at, _Line(table, mapping, row, verdict), added)

    def _row(self, sheet: Any, at: int, line: _Line, added: Sequence[str]) -> None:
        values: dict[str, Any] = msgspec.json.decode(line.verdict.values)
        problems, notes = _problems(line.verdict.problems), _notes(line.verdict.notes)
        column = -1
        for index, text in enumerate(line.table.headings):
            if text in ADDED and text not in ADDED_FIELDS:
                continue
            column += 1
            field = line.mapping.columns.get(text) or ""
            cell = line.row.cells[index] if index < len(line.row.cells) else None
            bad = [p for p in problems if p.column in (column_letter(index), text) or (field and p.field == field)]
            if (line.row.number, index) in line.table.formulas:
                # A formula stays one, for what it says is not known; it says what it showed.
                sheet.write_formula(at, column, _harmless(cell), self._bad if bad else None, cell)
            else:
                self._cell(sheet, at, column, cell, self._understood(field, cell, values), bool(bad))
            if bad:
                sheet.write_comment(at, column, "\n".join(f"{p.vi}\n{p.en}" for p in bad)[:2000])
        for text in added:
            column += 1
            sheet.write_string(at, column, self._shown(ADDED_FIELDS[text], values) or "")
        for said in _verdict(line.verdict, problems, notes):
            column += 1
            sheet.write_string(at, column, said)

    def _cell(self, sheet: Any, at: int, column: int, cell: Cell, understood: Cell, bad: bool) -> None:
        style = self._bad if bad else self._put_right if understood != cell else None
        if understood is None or understood == "":
            if style is not None:
                sheet.write_blank(at, column, None, style)
        elif isinstance(understood, bool):
            sheet.write_boolean(at, column, understood, style)
        elif isinstance(understood, int | float):
            sheet.write_number(at, column, understood, style)
        elif isinstance(understood, dt.date | dt.time):
            sheet.write_datetime(
                at, column, understood, style or (self._date if isinstance(understood, dt.date) else None)
            )
        else:
            sheet.write_string(at, column, str(understood)[:32_000], style)

    def _understood(self, field: str, cell: Cell, values: Mapping[str, Any]) -> Cell:
        """What stands in the cell: what was meant, where that is known better, and nothing secret."""
        if field in _URLS:
            return strip_credentials(str(cell))[0] if cell else None
        if field in SECRET:
            return None
        if cell in (None, ""):
            return cell
        if field in ("lat", "lon") and field in values:
            return float(values[field])
        if field == "unit" and field in values:
            return self._units.get(values["unit"], str(cell))
        return redact(cell) if isinstance(cell, str) else cell

    def _shown(self, field: str, values: Mapping[str, Any]) -> str | None:
        names = self._agencies if field == "owner" else self._units
        value = values.get(field)
        return names.get(value, value) if value else None

    def _name(self, table: Table) -> str:
        stem = Path(table.file).stem
        wanted = f"{stem} {table.sheet}".strip() if table.sheet else stem
        wanted = wanted.translate(_FORBIDDEN)[:_SHEET_NAME] or "khue"
        name, number = wanted, 1
        while name.casefold() in self._names:
            number += 1
            name = f"{wanted[: _SHEET_NAME - 4]} {number}"
        self._names.add(name.casefold())
        return name


class _Line(msgspec.Struct):
    table: Table
    mapping: SheetMapping
    row: SourceRow
    verdict: JudgedRow


def _verdict(row: JudgedRow, problems: Sequence[Problem], notes: Sequence[Note]) -> Iterator[str]:
    vi = [p.vi for p in problems] or [n.vi for n in notes]
    en = [p.en for p in problems] or [n.en for n in notes]
    if row.duplicate_of is not None and not vi:
        said = words.place(_place(row.duplicate_of))
        vi, en = [said[0]], [said[1]]
    yield _OUTCOMES[row.outcome]
    yield row.outcome
    yield "; ".join(vi)
    yield "; ".join(en)
    yield row.camera or ""


def _harmless(cell: Cell) -> str:
    """A formula that says a value and does nothing."""
    if isinstance(cell, bool) or cell is None:
        return '=""'
    if isinstance(cell, int | float):
        return f"={cell!r}"
    text = str(cell).replace('"', '""')[:200]
    return f'="{text}"'
