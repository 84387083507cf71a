"""Books as files: XLSX with merged cells and real dates, CSV as old programs write it. The same lines give the same bytes."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Sequence
from pathlib import Path

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from khue.sim.fleet.columns import Cell, Formula
from khue.sim.fleet.layout import CsvForm
from khue.sim.fleet.sheets import Line, LineKind
from khue.sim.fleet.spelling import Spelling

_MADE = dt.datetime(2025, 9, 29, 8, 30)  # noqa: DTZ001 - xlsxwriter writes it as it is; fixed, so that bytes stay the same
_FONTS = {Spelling.TCVN3: ".VnTime", Spelling.VNI: "VNI-Times"}
_WIDTH = 18


def write_xlsx(path: Path, sheets: Sequence[tuple[str, Sequence[Line]]], spelling: Spelling) -> None:
    """``sheets``: (name, lines). Text stays text and numbers stay numbers."""
    with xlsxwriter.Workbook(path, {"strings_to_urls": False}) as workbook:
        workbook.set_properties({"created": _MADE, "author": "van phong"})
        font = _FONTS.get(spelling, "Times New Roman")
        bold = workbook.add_format(
            {"bold": True, "font_name": font, "align": "center", "valign": "vcenter", "text_wrap": True}
        )
        plain = workbook.add_format({"font_name": font})
        day = workbook.add_format({"font_name": font, "num_format": "dd/mm/yyyy"})
        for name, lines in sheets:
            sheet = workbook.add_worksheet(name)
            sheet.set_column(1, 3, _WIDTH)
            for number, line in enumerate(lines):
                style = bold if line.kind in (LineKind.TITLE, LineKind.HEADING) else plain
                for merge in line.merges:
                    if merge.first != merge.last or merge.rows > 1:
                        sheet.merge_range(number, merge.first, number + merge.rows - 1, merge.last, "", style)
                for column, cell in enumerate(line.cells):
                    _put(sheet, number, column, cell, style, day)


def _put(sheet: Worksheet, line: int, column: int, cell: Cell, style: Format, day: Format) -> None:
    if cell is None or cell == "":
        return
    if isinstance(cell, Formula):
        sheet.write_formula(line, column, cell.text, style, cell.value)
    elif isinstance(cell, dt.date):
        sheet.write_datetime(line, column, cell, day)
    elif isinstance(cell, str):
        sheet.write_string(line, column, cell, style)
    else:
        sheet.write_number(line, column, cell, style)


def write_csv(path: Path, lines: Sequence[Line], form: CsvForm) -> None:
    """One line of the file for each; cells never hold a line break."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=form.delimiter, lineterminator="\r\n")
    width = max(len(line.cells) for line in lines)
    for line in lines:
        writer.writerow([*(_shown(cell) for cell in line.cells), *[""] * (width - len(line.cells))])
    path.write_bytes(text.getvalue().encode(form.encoding))


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Formula):
        return f"{cell.value:g}"
    return cell.isoformat() if isinstance(cell, dt.date) else str(cell)
