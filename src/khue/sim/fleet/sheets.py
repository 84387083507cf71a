"""A table as lines of cells: titles above, merged headings, rows, groups between them, totals and signatures below."""

from __future__ import annotations

import enum
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from khue.sim.fleet.agencies import Agency
from khue.sim.fleet.books import Book, Row, Table
from khue.sim.fleet.columns import Cell, Formula, Typist
from khue.sim.fleet.headings import GROUPS, HEADINGS
from khue.sim.fleet.layout import Titles
from khue.sim.fleet.mistakes import moved, spoil
from khue.sim.fleet.places import units
from khue.sim.fleet.wording import FAMILY_NAMES, GIVEN_NAMES, MIDDLE_NAMES


class LineKind(enum.Enum):
    TITLE = enum.auto()
    BLANK = enum.auto()
    HEADING = enum.auto()
    NUMBERS = enum.auto()  # (1) (2) (3) under the headings
    GROUP = enum.auto()
    DATA = enum.auto()
    TOTAL = enum.auto()
    FOOT = enum.auto()


class Merge(NamedTuple):
    """Cells that are one: from this line on ``rows`` lines down, from ``first`` to ``last`` column."""

    first: int
    last: int
    rows: int = 1


class Line(NamedTuple):
    kind: LineKind
    cells: Sequence[Cell]
    row: Row | None = None
    merges: tuple[Merge, ...] = ()


_COUNTRY = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
_MOTTO = "Độc lập - Tự do - Hạnh phúc"
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_BANDS = ("THÔNG TIN ĐIỂM CAMERA", "THÔNG TIN THIẾT BỊ, HỒ SƠ")


class Lines:
    """Writes the lines of one table; every row of it learns what it says and on which line it stands."""

    def __init__(self, book: Book, table: Table, typist: Typist, chance: random.Random) -> None:
        self._book = book
        self._table = table
        self._typist = typist
        self._layout = book.layout
        self._chance = chance
        self._keys = table.keys

    def all(self) -> list[Line]:
        lines = [*self._titles(), *self._headings()]
        if self._layout.numbered:
            lines.append(Line(LineKind.NUMBERS, [f"({number})" for number in range(1, len(self._keys) + 1)]))
        lines += self._data(len(lines) + 1)
        if self._layout.footer:
            lines += self._footer()
        for number, line in enumerate(lines, 1):
            if line.row is not None:
                line.row.file, line.row.sheet, line.row.number = self._book.file, self._table.sheet, number
        return lines

    # -- above

    def _titles(self) -> Iterator[Line]:
        agency, text = self._book.agency, self._typist.text
        title = text(self._title(agency))
        if self._layout.titles is Titles.SHORT:
            yield Line(LineKind.TITLE, [text(f"{agency.name.upper()} - ") + title])
            yield Line(LineKind.BLANK, [])
        if self._layout.titles is not Titles.FULL:
            return
        right = max(len(self._keys) - 4, 3)
        last = max(len(self._keys) - 1, right + 1)
        half = (Merge(0, 2), Merge(right, last))
        yield Line(LineKind.TITLE, _at(text(agency.parent.upper()), right, text(_COUNTRY)), merges=half)
        yield Line(LineKind.TITLE, _at(text(agency.name.upper()), right, text(_MOTTO)), merges=half)
        yield Line(LineKind.BLANK, [])
        yield Line(LineKind.TITLE, [title], merges=(Merge(0, last),))
        letter = (
            f"(Kèm theo Công văn số {self._chance.randint(100, 2900)}/CV-TH ngày {self._chance.randint(10, 28)}/9/2025)"
        )
        yield Line(LineKind.TITLE, [text(letter)], merges=(Merge(0, last),))
        yield Line(LineKind.TITLE, [None] * right + [text("Biểu số 02")])

    def _title(self, agency: Agency) -> str:
        if self._table.proposals:
            return "DANH SÁCH CAMERA ĐỀ XUẤT, DỰ KIẾN LẮP ĐẶT"
        place = f" TRÊN ĐỊA BÀN {units()[agency.unit].name.upper()}" if agency.unit else ""
        return (
            self._chance.choice(("DANH SÁCH CAMERA GIÁM SÁT", "BẢNG TỔNG HỢP HIỆN TRẠNG CAMERA", "THỐNG KÊ CAMERA"))
            + place
        )

    def _headings(self) -> Iterator[Line]:
        words = {key: self._typist.text(self._chance.choice(HEADINGS[key])) for key in self._keys}
        bottom: list[Cell] = [words[key] for key in self._keys]
        if self._layout.header_rows == 1:
            yield Line(LineKind.HEADING, bottom)
            return
        if self._layout.header_rows == 3:
            yield self._bands()
        top, merges = list(bottom), []
        under: list[Cell] = [None] * len(bottom)
        for first, last, word in self._spans():
            top[first : last + 1] = [self._typist.text(word)] + [None] * (last - first)
            under[first : last + 1] = bottom[first : last + 1]
            merges.append(Merge(first, last))
        alone = [Merge(index, index, 2) for index, cell in enumerate(under) if cell is None]
        yield Line(LineKind.HEADING, top, merges=(*merges, *alone))
        yield Line(LineKind.HEADING, under)

    def _bands(self) -> Line:
        middle = len(self._keys) // 2
        cells: list[Cell] = [None] * len(self._keys)
        cells[0], cells[middle] = (self._typist.text(band) for band in _BANDS)
        return Line(LineKind.HEADING, cells, merges=(Merge(0, middle - 1), Merge(middle, len(cells) - 1)))

    def _spans(self) -> Iterator[tuple[int, int, str]]:
        """(first column, last column, the word above them) where neighbours belong together."""
        for words, members in GROUPS:
            inside = [index for index, key in enumerate(self._keys) if key in members]
            if len(inside) > 1 and inside[-1] - inside[0] == len(inside) - 1:
                yield inside[0], inside[-1], self._chance.choice(words)

    # -- rows

    def _data(self, line: int) -> Iterator[Line]:
        """``line`` is the number of the first of them."""
        street, groups = "", 0
        for number, row in enumerate(self._table.rows, 1):
            if self._layout.grouped and not self._table.proposals and row.camera.place.street != street:
                street = row.camera.place.street
                yield Line(LineKind.GROUP, self._group(groups, street))
                groups, line = groups + 1, line + 1
            if self._layout.untidy and self._chance.random() < 0.004:
                yield Line(LineKind.BLANK, [])
                line += 1
            yield Line(LineKind.DATA, self._cells(row, number, line), row)
            line += 1

    def _group(self, number: int, street: str) -> Sequence[Cell]:
        return [_ROMAN[number % len(_ROMAN)], self._typist.text(f"Tuyến {street}")]

    def _cells(self, row: Row, number: int, line: int) -> Sequence[Cell]:
        camera = moved(row.reason, row.camera, self._chance)
        cells, said = self._typist.row(camera, self._keys)
        if row.reason:
            spoil(row.reason, cells, self._typist, self._chance)
        if row.outcome == "created":
            row.said = said
        counted: Cell = number
        if self._layout.csv is None and self._layout.numbered and number > 1 and not self._layout.grouped:
            counted = Formula(f"=A{line - 1}+1", number)
        cells["stt"] = counted
        return [cells.get(key) for key in self._keys]

    # -- below

    def _footer(self) -> Iterator[Line]:
        text, chance = self._typist.text, self._chance
        count = len(self._table.rows)
        yield Line(LineKind.TOTAL, [None, text(f"Tổng cộng: {count} camera")])
        yield Line(LineKind.BLANK, [])
        right = max(len(self._keys) - 4, 3)
        signed = f"{chance.choice(FAMILY_NAMES)} {chance.choice(MIDDLE_NAMES)} {chance.choice(GIVEN_NAMES)}"
        yield Line(LineKind.FOOT, [None] * right + [text(f"Hà Nội, ngày {chance.randint(10, 28)} tháng 9 năm 2025")])
        yield Line(LineKind.FOOT, _at(text("NGƯỜI LẬP BIỂU"), right, text("THỦ TRƯỞNG ĐƠN VỊ")))
        yield Line(LineKind.FOOT, [None] * right + [text("(Ký, ghi rõ họ tên, đóng dấu)")])
        yield Line(LineKind.BLANK, [])
        yield Line(LineKind.FOOT, [None] * right + [text(signed)])


def _at(left: str, column: int, right: str) -> list[Cell]:
    return [left, *[None] * (column - 1), right]


def summary(book: Book) -> list[Line]:
    """A sheet that counts what the others list: no row of it is a camera."""
    text = Typist(book.layout, random.Random(0)).text
    lines = [Line(LineKind.TITLE, [text("TỔNG HỢP SỐ LƯỢNG CAMERA")]), Line(LineKind.BLANK, [])]
    lines.append(
        Line(LineKind.HEADING, [text(word) for word in ("STT", "Đơn vị hành chính", "Số lượng camera", "Ghi chú")])
    )
    counts: dict[str, int] = {}
    for row in book.rows():
        counts[row.camera.place.unit] = counts.get(row.camera.place.unit, 0) + 1
    for number, (code, count) in enumerate(sorted(counts.items()), 1):
        lines.append(Line(LineKind.TOTAL, [number, text(units()[code].name), count, None]))
    total = Formula(f"=SUM(C4:C{3 + len(counts)})", sum(counts.values()))
    lines.append(Line(LineKind.TOTAL, [None, text("Tổng cộng"), total, None]))
    return lines
