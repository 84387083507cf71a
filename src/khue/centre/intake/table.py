"""What a spreadsheet is to the import: tables of rows with a heading per column, and the error that says where it is broken."""

from __future__ import annotations

import datetime
from typing import NamedTuple

import msgspec

from khue.model.errors import KhueError

Cell = str | float | int | bool | datetime.date | datetime.datetime | datetime.time | None

# A file holds what one agency has: the whole city is 40,210 cameras in 25 columns.
MAX_BYTES = 64 << 20
MAX_ROWS = 200_000
MAX_COLUMNS = 512
MAX_CELLS = 3_000_000
MAX_SHEETS = 64
MAX_TEXT = 8_192  # characters of one cell


class SheetError(KhueError):
    """A file that cannot be read, or not safely. Row is 1-based as a spreadsheet shows it, column its letter; 0 and "" where none.

    ``vi`` and ``en`` say what is wrong and what to do about it.
    """

    def __init__(
        self, code: str, vi: str, en: str, *, file: str = "", sheet: str = "", row: int = 0, column: str = ""
    ) -> None:
        where = ", ".join(
            part for part in (file, sheet, f"row {row}" if row else "", f"column {column}" if column else "") if part
        )
        super().__init__(f"{where}: {en}" if where else en)
        self.code, self.vi, self.en = code, vi, en
        self.file, self.sheet, self.row, self.column = file, sheet, row, column


class SourceRow(NamedTuple):
    """One row as it stands: its number as the spreadsheet shows it, and its cells from column A on."""

    number: int
    cells: tuple[Cell, ...]


class Skipped(msgspec.Struct, frozen=True):
    """A row that is no camera.

    ``code`` is one of blank, title, heading, column_numbers, group_title, total, footer, not_a_list.
    """

    row: int
    code: str
    text: str


class Table(msgspec.Struct, weakref=True):
    """One sheet's list. Text is Unicode in composed form already, whatever the file was written in.

    ``title``: the lines above the heading. ``header_rows``: first and last row of the heading, (0, 0) when the sheet is no list.
    ``headings``: one per column from A on, several rows joined as "Toạ độ / Vĩ độ", each different from the others.
    ``formulas``: (row number, column index from 0) of cells that are formulas. ``groups``: row number of a data row ->
    the group title it stands under. ``encoding``: unicode, or the legacy encoding most of its text was in (tcvn3, vni, cp1258,
    utf8_twice). ``legacy_columns``: indexes of columns whose text had to be converted.
    """

    file: str
    sheet: str
    title: str
    header_rows: tuple[int, int]
    headings: tuple[str, ...]
    rows: list[SourceRow]
    skipped: list[Skipped]
    formulas: frozenset[tuple[int, int]] = frozenset()
    encoding: str = "unicode"
    hidden: bool = False
    groups: dict[int, str] = {}
    legacy_columns: frozenset[int] = frozenset()


class Grid(msgspec.Struct):
    """A sheet before anybody looked for its heading. ``merges``: (first row, first column, last row, last column), from 0."""

    sheet: str
    rows: list[SourceRow]
    merges: list[tuple[int, int, int, int]] = []
    formulas: frozenset[tuple[int, int]] = frozenset()
    encoding: str = "unicode"
    hidden: bool = False


def column_letter(index: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
