"""The files on disk against the truth beside them: reopened with other programs' readers, row by row."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import python_calamine

from khue.sim.fleet.books import comes_before
from khue.sim.fleet.generate import WrittenBook, compose, write_fleet
from khue.sim.fleet.layout import layouts
from khue.sim.fleet.sheets import LineKind
from khue.sim.fleet.spelling import Spelling

_CAMERAS, _SEED = 1500, 11
_REASONS = {
    "no_position", "position_outside", "unit_unknown", "name_missing", "purpose_unknown", "date_impossible",
    "claimed_by_other", "formula", "value_impossible", "unreadable",
}  # fmt: skip


class Made:
    """One fleet on disk, what is beside it, and the lines it was written from."""

    def __init__(self, folder: Path) -> None:
        self.report = write_fleet(_CAMERAS, _SEED, folder)
        self.folder = folder
        self.truth: list[dict[str, Any]] = [
            msgspec.json.decode(t) for t in (folder / "truth.jsonl").read_bytes().splitlines()
        ]
        self.registry: list[dict[str, Any]] = [
            msgspec.json.decode(t) for t in (folder / "registry.jsonl").read_bytes().splitlines()
        ]
        self.books = compose(_CAMERAS, _SEED)[1]
        self.cells = {(book.book.file, sheet): rows for book in self.books for sheet, rows in _read(folder, book)}

    def row(self, entry: dict[str, Any]) -> Sequence[Any]:
        return self.cells[entry["file"], entry["sheet"]][entry["row"] - 1]


def _read(folder: Path, one: WrittenBook) -> Iterator[tuple[str, list[Sequence[Any]]]]:
    path, form = folder / one.book.file, one.book.layout.csv
    if form is not None:
        text = path.read_bytes().decode(form.encoding)
        yield "", list(csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter))
        return
    book = python_calamine.load_workbook(str(path))
    for sheet in book.sheet_names:
        yield sheet, book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("fleet") / "out")


def test_every_camera_comes_through_exactly_one_row(made: Made) -> None:
    outcomes = Counter(entry["outcome"] for entry in made.truth)
    assert outcomes["created"] == len(made.registry) == _CAMERAS
    assert outcomes["duplicate"] > _CAMERAS / 100
    assert {entry["reason"] for entry in made.truth if entry["outcome"] == "refused"} == _REASONS
    assert all(bool(entry["reason"]) == (entry["outcome"] == "refused") for entry in made.truth)
    places = {(entry["file"], entry["sheet"], entry["row"]) for entry in made.truth}
    assert len(places) == len(made.truth)
    assert {(one["file"], one["sheet"], one["row"]) for one in made.registry} <= places


def test_a_line_that_is_not_in_the_truth_is_no_camera(made: Made) -> None:
    """Each line of each sheet is either a row of the truth or a title, heading, group, total, signature or empty."""
    known = {(entry["file"], entry["sheet"], entry["row"]) for entry in made.truth}
    for one in made.books:
        for sheet, lines in one.sheets:
            cells = made.cells[one.book.file, sheet]
            assert len(cells) <= len(lines)
            for number, line in enumerate(lines, 1):
                assert ((one.book.file, sheet, number) in known) == (line.kind is LineKind.DATA)
                if line.kind is LineKind.BLANK and number <= len(cells):
                    assert not any(cells[number - 1])


def test_names_stand_at_the_rows_the_truth_names(made: Made) -> None:
    """A third reader, calamine or csv, finds the expected name in the row, whatever the book spells it in."""
    spelling = {layout.file: layout.spelling for layout in layouts()}
    spelling |= {layout.older or layout.apart: layout.spelling for layout in layouts()}
    for entry in made.truth:
        if "name" not in entry["values"]:
            continue
        form = spelling[entry["file"]]
        stored = {" ".join(str(cell).split()) for cell in made.row(entry)}
        expected = form.write(entry["values"]["name"])
        if form is Spelling.CP1258:
            stored = {unicodedata.normalize("NFC", cell) for cell in stored}
            expected = unicodedata.normalize("NFC", expected)
        assert expected in stored, entry


def test_values_can_be_found_in_their_rows(made: Made) -> None:
    """Serial numbers, codes, addresses on the network and positions as numbers, in the cells of the row itself."""
    plain = Counter[str]()
    for entry in made.truth:
        row = made.row(entry)
        for field in ("serial", "code", "host", "model", "rtsp_main", "site"):
            if field in entry["values"]:
                assert entry["values"][field] in [str(cell).strip() for cell in row], (field, entry)
                plain[field] += 1
        numbers = {cell for cell in row if isinstance(cell, float) and not cell.is_integer()}
        if "lat" in entry["values"] and any(20 < number < 22 for number in numbers):
            assert {entry["values"]["lat"], entry["values"]["lon"]} <= numbers
            plain["lat"] += 1
    assert min(plain.values()) > 50


def test_a_duplicate_comes_after_what_it_repeats(made: Made) -> None:
    outcome = {(entry["file"], entry["sheet"], entry["row"]): entry for entry in made.truth}
    across = 0
    for entry in made.truth:
        first = entry["duplicate_of"]
        if first is None:
            continue
        original = outcome[first["file"], first["sheet"], first["row"]]
        assert original["outcome"] == "created"
        assert original["agency"] == entry["agency"]
        if first["file"] != entry["file"]:
            assert comes_before(first["file"], entry["file"])
            across += 1
        elif first["sheet"] == entry["sheet"]:
            assert first["row"] < entry["row"]
    assert across > 0


def test_a_claimed_camera_is_anothers_in_an_earlier_file(made: Made) -> None:
    serials = {entry["values"]["serial"]: entry for entry in made.truth if "serial" in entry["values"]}
    claims = [entry for entry in made.truth if entry["reason"] == "claimed_by_other"]
    assert claims
    for claim in claims:
        theirs = next(serials[cell] for cell in map(str, made.row(claim)) if cell in serials)
        assert theirs["agency"] != claim["agency"]
        assert comes_before(theirs["file"], claim["file"])


def test_refused_rows_are_what_they_are_refused_for(made: Made) -> None:
    for entry in made.truth:
        cells = [str(cell) for cell in made.row(entry)]
        match entry["reason"]:
            case "formula":
                assert any(cell.startswith(("=", "@")) for cell in cells)
            case "unreadable":
                assert any("\0" in cell or "\ufffd" in cell for cell in cells)
            case "no_position" | "position_outside":
                assert not _in_hanoi(cells), entry
            case "":
                assert "lat" not in entry["values"] or _in_hanoi(cells), entry


def _in_hanoi(cells: Sequence[str]) -> bool:
    """Whether a latitude and a longitude of Hanoi stand anywhere in the row, in whatever form."""
    text = " ".join(cell.replace(",", ".") for cell in cells)
    north = re.search(r"(?<![\d.])2[01](\.\d|°)", text)
    east = re.search(r"(?<![\d.])(105\.\d|105°|106\.0|106°0)", text)
    return bool(north and east)


def test_every_way_of_keeping_books_is_there(made: Made) -> None:
    encodings = {layout.csv.encoding for layout in layouts() if layout.csv}
    assert encodings == {"utf-8", "utf-8-sig", "utf-16", "cp1258", "cp1252"}
    assert {layout.csv.delimiter for layout in layouts() if layout.csv} == {",", ";", "\t"}
    assert {layout.spelling for layout in layouts()} == set(Spelling)
    assert {layout.header_rows for layout in layouts()} == {1, 2, 3}
    for name in ("points", "unit", "address", "dates", "titles"):
        used = {getattr(layout, name) for layout in layouts()}
        assert used == set(type(next(iter(used)))), name


def test_dates_of_the_spreadsheet_are_dates(made: Made) -> None:
    dates = [
        (entry, cell)
        for entry in made.truth
        for cell in made.row(entry)
        if isinstance(cell, dt.date) and "installed_on" in entry["values"]
    ]
    assert len(dates) > 20
    for entry, _ in dates:
        said = {entry["values"].get("installed_on"), entry["values"].get("warranty_until")}
        shown = {cell.isoformat() for cell in made.row(entry) if isinstance(cell, dt.date)}
        assert shown & said


def test_the_truth_holds_no_password(made: Made) -> None:
    text = (made.folder / "truth.jsonl").read_text() + (made.folder / "registry.jsonl").read_text()
    assert '"password"' not in text
    assert "Cam@" not in text


@pytest.mark.parametrize("cameras", [60, 200])
def test_a_small_fleet_is_made_too(cameras: int, tmp_path: Path) -> None:
    report = write_fleet(cameras, 5, tmp_path / "small")
    assert report.cameras == report.created == cameras
    assert report.refused > 0
