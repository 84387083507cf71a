"""One row of a table to canonical values, with what is wrong and how the rest was understood."""

from __future__ import annotations

import copy
import re
import unicodedata
import weakref
from collections.abc import Mapping as Dictionary
from datetime import date

import msgspec

from khue.centre.intake.books import Agency, Books, read_agency
from khue.centre.intake.dates import after_months
from khue.centre.intake.facts import READERS, REMEMBERED, SPAN, Column, Said, is_absent, text_of
from khue.centre.intake.headings import DISTRICT, POSITION
from khue.centre.intake.mapping import Mapping
from khue.centre.intake.places import Placer
from khue.centre.intake.plain import UNREADABLE, words
from khue.centre.intake.reading import Note, Problem, Reading
from khue.centre.intake.table import Cell, SourceRow, Table, column_letter
from khue.centre.intake.wording import note, problem, shown

__all__ = ["Note", "Problem", "Reading", "RowReader", "read_row"]

_MOST_REMEMBERED = 20_000
_FORMULA = re.compile(r"=\S|[+\-@][A-Za-z_]+[(!|]")
_PLACES = frozenset(("lat", "lon", POSITION, "unit", DISTRICT))
_AGENCIES = ("owner", "manager")
_LONGEST_NOTE = 1_500


def read_row(row: SourceRow, table: Table, mapping: Mapping, books: Books) -> Reading:
    """The camera a row is about. Never raises for anything a cell may hold."""
    return _reader(table, mapping, books).read(row)


class Told(msgspec.Struct, frozen=True):
    """What a cell said, as it goes into the reading of its row; the same cell says the same again."""

    own: object  # the column's own value, None when it said none
    others: dict[str, object]
    problem: Problem | None
    notes: tuple[Note, ...]
    kept: str
    plain: bool = False  # nothing but its own values


Memory = dict[Cell, "Told"]


class RowReader:
    """Reads the rows of one table by one mapping; remembers what the same text meant before."""

    def __init__(self, table: Table, mapping: Mapping, books: Books) -> None:
        self._books = books
        columns = _columns(table, mapping.columns)
        self._columns: tuple[tuple[Column, Memory | None], ...] = tuple(
            (column, {} if column.field in REMEMBERED else None) for column in columns
        )
        self._fields = frozenset(column.field for column in columns)
        self._defaults = _defaults(mapping.defaults, self._fields)
        self._formulas: dict[int, set[int]] = {}
        for number, index in table.formulas:
            self._formulas.setdefault(number, set()).add(index)
        self._legacy = table.legacy_columns
        self._groups = table.groups
        self._agencies: dict[str, Agency | None] = {}
        self._agency = mapping.agency
        unit = self._agency_named(mapping.agency)
        self._placer = Placer(books.units, self._fields, (unit.unit or "") if unit else "")

    def read(self, row: SourceRow) -> Reading:
        """The row's values, problems and notes."""
        reading = Reading({}, [], [])
        values = reading.values
        places: dict[str, tuple[Column, Cell]] = {}
        formulas = self._formulas.get(row.number) if self._formulas else None
        cells = row.cells
        width = len(cells)
        for column, seen in self._columns:
            cell = cells[column.at] if column.at < width else None
            if cell is None or cell == "":
                continue
            if formulas is not None and column.at in formulas:
                reading.problems.append(problem("formula", column.field, column.letter, cell))
                continue
            known = seen.get(cell) if seen is not None else None
            if known is None:
                self._take(reading, column, seen, cell, places)
            elif known.plain:
                values[column.field] = known.own
            else:
                self._say(reading, column, known)
        for column, text in self._defaults:
            if column.field not in values and column.field not in places:
                self._take(reading, column, None, text, places)
        self._finish(reading, places, self._groups.get(row.number, ""))
        return reading

    def _take(
        self, reading: Reading, column: Column, seen: Memory | None, cell: Cell, places: dict[str, tuple[Column, Cell]]
    ) -> None:
        written: tuple[str, ...] = ()
        if isinstance(cell, str):
            code, written = self._look(column, cell)
            if code:
                reading.problems.append(
                    problem(code, column.field, column.letter, None if code == "unreadable" else cell)
                )
                return
        field = column.field
        if field in _PLACES:
            places[field] = (column, cell)
        elif field in _AGENCIES:
            self._take_agency(reading, field, cell)
        else:
            said = READERS[field](cell, column, self._books)
            if seen is None and not (said.problem or said.notes or said.kept or written):
                self._keep(reading.values, field, said)
                return
            told = self._told(column, cell, said, written)
            if seen is not None and len(seen) < _MOST_REMEMBERED and not isinstance(cell, bool):
                seen[cell] = told
            self._say(reading, column, told)
            return
        for code in written:
            _note(reading, code, field)

    def _keep(self, values: dict[str, object], own: str, said: Said) -> None:
        for field, value in said.values:
            if field == own:
                values[field] = value
            elif field not in self._fields:
                values.setdefault(field, value)

    def _look(self, column: Column, cell: str) -> tuple[str, tuple[str, ...]]:
        """The code of what is wrong with a text before it is read, and notes on how it was written."""
        if cell[0] in "=+-@" and _FORMULA.match(cell):
            return "formula", ()
        if ("\ufffd" in cell or not cell.isprintable()) and UNREADABLE.search(cell):
            return "unreadable", ()
        if cell.isascii():
            return "", ()
        notes = () if unicodedata.is_normalized("NFC", cell) else ("nfc",)
        return "", (*notes, "legacy_encoding") if column.at in self._legacy else notes

    def _told(self, column: Column, cell: Cell, said: Said, written: tuple[str, ...]) -> Told:
        field = column.field
        text = shown(text_of(cell)) if said.kept and field != "note" else ""
        kept = f"{column.heading}: {text}" if text else ""
        own = next((value for name, value in said.values if name == field), None)
        wrong = problem(said.problem, field, column.letter, cell, said.more) if said.problem else None
        return Told(
            own=own,
            # A column of its own knows better than what another column says by the way.
            others={name: value for name, value in said.values if name != field and name not in self._fields},
            problem=wrong,
            notes=tuple(note(code, field) for code in (*said.notes, *written)),
            kept=kept,
            plain=own is not None
            and len(said.values) == 1
            and field != "note"
            and not (said.notes or written or kept or wrong),
        )

    def _say(self, reading: Reading, column: Column, told: Told) -> None:
        values = reading.values
        if told.own is not None:
            before = values.get("note") if column.field == "note" else None
            values[column.field] = f"{told.own}; {before}"[:_LONGEST_NOTE] if before else told.own
        for field, value in told.others.items():
            values.setdefault(field, value)
        if told.problem is not None:
            reading.problems.append(told.problem)
        for one in told.notes:
            if one not in reading.notes:
                reading.notes.append(one)
        if told.kept:
            before = values.get("note")
            values["note"] = (f"{before}; {told.kept}" if before else told.kept)[:_LONGEST_NOTE]

    def _take_agency(self, reading: Reading, field: str, cell: Cell) -> None:
        text = text_of(cell)
        if is_absent(text, self._books):
            return
        agency = self._agency_named(text)
        if agency is not None:
            reading.values[field] = agency.id
            reading.agencies[agency.id] = agency.name

    def _agency_named(self, text: str) -> Agency | None:
        if text not in self._agencies:
            if len(self._agencies) > _MOST_REMEMBERED:
                self._agencies.clear()
            self._agencies[text] = read_agency(text, self._books.units)
        return self._agencies[text]

    def _finish(self, reading: Reading, places: dict[str, tuple[Column, Cell]], group: str) -> None:
        """What follows from several cells together."""
        values = reading.values
        if "owner" not in values and self._agency:
            self._take_agency(reading, "owner", self._agency)
        self._placer.place(reading, places, group)
        _end_warranty(reading)
        if "name" not in values:
            self._name(reading)
        if values.get("purpose") == "defence":
            values["disclosure"] = "counted"  # what defends is counted, never located
        if ("quiet_from" in values) != ("quiet_to" in values):
            field = "quiet_to" if "quiet_from" in values else "quiet_from"
            values.pop("quiet_from" if field == "quiet_to" else "quiet_to")
            _note(reading, "kept_in_note", field)

    def _name(self, reading: Reading) -> None:
        values = reading.values
        column = next((column for column, _ in self._columns if column.field == "name"), None)
        if any(one.field == "name" for one in reading.problems):
            return
        instead = values.get("address") or values.get("code")
        if column is None and instead:
            values["name"] = str(instead)[:200]
            _note(reading, "name_from_address", "name")
        else:
            reading.problems.append(problem("name_missing", "name", column.letter if column else "", None))


def _columns(table: Table, mapped: Dictionary[str, str]) -> tuple[Column, ...]:
    """The columns to read, those of a field of their own; a field twice is read from the first that says something."""
    found = []
    for index, heading in enumerate(table.headings):
        field = mapped.get(heading, "")
        if field and (field in READERS or field in _PLACES or field in _AGENCIES):
            found.append(Column(index, column_letter(index), field, heading, words(heading)))
    return tuple(found)


def _defaults(said: Dictionary[str, str], fields: frozenset[str]) -> tuple[tuple[Column, str], ...]:
    known = [
        (field, text) for field, text in said.items() if field in READERS or field in _PLACES or field in _AGENCIES
    ]
    return tuple((Column(-1, "", field, field, words(field)), text) for field, text in known if text)


def _end_warranty(reading: Reading) -> None:
    """ "24 tháng" counts from the installation."""
    months = reading.values.pop(SPAN, None)
    if not isinstance(months, int):
        return
    start = reading.values.get("installed_on")
    if isinstance(start, date):
        reading.values["warranty_until"] = after_months(start, months)
        _note(reading, "span", "warranty_until")


def _note(reading: Reading, code: str, field: str) -> None:
    one = note(code, field)
    if one not in reading.notes:
        reading.notes.append(one)


_last: tuple[weakref.ref[Table], Mapping, Books, RowReader] | None = None


def _reader(table: Table, mapping: Mapping, books: Books) -> RowReader:
    """The reader of the table read last: rows come one after another."""
    global _last
    last = _last
    if last is not None and last[0]() is table and last[2] is books and last[1] == mapping:
        return last[3]
    reader = RowReader(table, mapping, books)
    _last = (weakref.ref(table), copy.deepcopy(mapping), books, reader)
    return reader
