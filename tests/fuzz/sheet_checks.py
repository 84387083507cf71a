"""What must hold for any file somebody sends as a list of cameras; for hypothesis (test_fuzz_sheet.py) and atheris (targets/)."""

from __future__ import annotations

from collections.abc import Callable

from sheet_seeds import repacked

from khue.centre.intake.books import agency_of, load
from khue.centre.intake.headings import FIELDS
from khue.centre.intake.legacy_text import DECODERS, has_marks, repaired
from khue.centre.intake.mapping import propose
from khue.centre.intake.sheet import SheetError, Table, read_tables
from khue.centre.intake.table import MAX_COLUMNS, MAX_ROWS
from khue.centre.intake.values import read_row

SECRET = "S3cret-Pa55"
BOOKS = load()


def sheet(data: bytes) -> None:
    """Any bytes give tables or SheetError, and every row of a table gives a reading."""
    try:
        tables = read_tables("a.xlsx", data)
    except SheetError as error:
        assert error.vi and error.en and "a.xlsx" in str(error)
        return
    assert any(table.rows for table in tables)
    for table in tables:
        _table(table)


def _table(table: Table) -> None:
    numbers = [row.number for row in table.rows] + [one.row for one in table.skipped]
    assert all(0 < number <= MAX_ROWS for number in numbers)
    assert len(set(table.headings)) == len(table.headings) <= MAX_COLUMNS
    assert all(len(row.cells) <= MAX_COLUMNS for row in table.rows)
    agency_of(table, table.file)
    mapping = propose(table)
    assert mapping.columns.keys() == set(table.headings) and set(mapping.columns.values()) <= FIELDS | {""}
    every = [field for field in sorted(FIELDS) if field]
    for row in table.rows[:50]:
        _row(table, mapping, row)
        # Each cell read as each kind of fact in turn.
        shift = row.number % len(every)
        other = dict(zip(table.headings, every[shift:] + every[:shift], strict=False))
        _row(table, type(mapping)(other, "UBND phường Láng"), row)


def _row(table: Table, mapping: object, row: object) -> None:
    reading = read_row(row, table, mapping, BOOKS)  # type: ignore[arg-type]
    values = reading.values
    assert (None not in values.values() and "" not in values.values()) or values.get("note") == ""
    assert ("lat" in values) == ("lon" in values)
    assert values.get("unit", "00004") in BOOKS.units.by_code
    assert values or reading.problems
    # A secret whose "password=" was spoilt is a word like any other.
    unmarked = not any(SECRET in str(cell) and "password=" in str(cell) for cell in row.cells)  # type: ignore[attr-defined]
    for problem in reading.problems:
        assert problem.vi and problem.en
        assert unmarked or SECRET not in problem.vi + problem.en + problem.text
    for key in (values.get("owner"), values.get("manager")):
        assert key is None or key in reading.agencies


def workbook(data: bytes) -> None:
    """The parts of a workbook, spoilt and packed again so that the archive itself is sound."""
    sheet(repacked(data))


def legacy(data: bytes) -> None:
    """Any text can be asked for its encoding, and what is mended needs no more mending."""
    text = data.decode("utf-8", "surrogateescape" if data[:1] == b"\xff" else "replace")
    for encoding in ("unicode", *DECODERS):
        once = repaired(text, encoding)
        assert once == text or has_marks(text)
        DECODERS.get(encoding, str)(text)


CHECKS: dict[str, Callable[[bytes], None]] = {check.__name__: check for check in (sheet, workbook, legacy)}
