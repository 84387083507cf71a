"""Where the list begins in a sheet, what its columns are called, and which rows are no cameras."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

import msgspec

from khue.centre.intake.headings import is_list, meaning
from khue.centre.intake.plain import clean, words
from khue.centre.intake.table import Cell, Grid, Skipped, SourceRow, Table, column_letter

_LOOK = 30  # rows from the top in which a heading may begin
_HEADING_ROWS = 3
_MAX_HEADING = 160
_STT = frozenset(("stt", "tt", "so tt", "so thu tu", "no"))
_TOTAL = re.compile(r"(?:tổng(?: cộng| số|:|$)|tong (?:cong|so)\b|cộng(?:[ :.]|$)|total\b|sum\b)", re.IGNORECASE)
_FOOTER = re.compile(
    r"(?:nguoi (?:lap|kiem|duyet|bao cao|tong hop)|thu truong|tm |kt |tl |tuq |chu tich|pho chu tich|truong (?:cong an|phong|ban)"
    r"|noi nhan|ghi chu|luu y|ky (?:ghi ro|ten|va dong)|xac nhan|giam doc|doi truong|chi huy|cac chu viet tat|nguon"
    r"|.{0,30}\bngay\b.{0,8}\bthang\b.{0,6}\bnam\b|danh sach (?:nay|gom|co)|het$|tai lieu)"
)
_ROMAN = re.compile(r"(?:[ivxlc]{1,6}|[a-h])[.)]?", re.IGNORECASE)
_UNIT_ONLY = re.compile(
    r"\(.*\)|m|mm|km|mp|mpx|độ|do|kbps|mbps|dd/mm/yyyy|ngày/tháng/năm|wgs ?84|vn-?2000", re.IGNORECASE
)
_NUMBERING = re.compile(r"[(\[]?\s*(\d{1,3}|[A-Za-z]{1,2})\s*[)\]]?(?:\s*=.*)?")


class Heading(msgspec.Struct):
    """``first`` and ``last``: indexes of the heading's rows in the grid; ``texts`` per column from A on."""

    first: int
    last: int
    texts: list[str]
    fields: set[str]
    score: float


def find_heading(grid: Grid) -> Heading | None:
    """The block of one to three rows near the top whose texts name most facts of a camera."""
    best: Heading | None = None
    spread = _spread(grid)
    for first in range(min(_LOOK, len(grid.rows))):
        for last in range(first, min(first + _HEADING_ROWS, len(grid.rows))):
            if grid.rows[last].number - grid.rows[first].number >= _HEADING_ROWS or not _could_head(grid.rows[last]):
                break
            found = _judge(grid, spread, first, last)
            if best is None or found.score > best.score:
                best = found
    if best is None or len(best.fields) < 2:
        return None
    first, last = _as_merged(grid, best.first, best.last)
    return _judge(grid, spread, first, last)


def _as_merged(grid: Grid, first: int, last: int) -> tuple[int, int]:
    """A cell merged over several rows belongs to the heading with all of them."""
    top, bottom = grid.rows[first].number - 1, grid.rows[last].number - 1
    for upper, _, lower, _ in grid.merges:
        if lower - upper < _HEADING_ROWS and upper <= bottom and lower >= top and lower > upper:
            top, bottom = min(top, upper), max(bottom, lower)
    numbers = [row.number - 1 for row in grid.rows]
    inside = [index for index, number in enumerate(numbers[: _LOOK + _HEADING_ROWS]) if top <= number <= bottom]
    return inside[0], inside[-1]


def plain_heading(grid: Grid) -> Heading | None:
    """For a list in words we do not know: the first row of several texts with a row of as many cells below it."""
    for index, row in enumerate(grid.rows[:_LOOK]):
        filled = _filled(row)
        below = grid.rows[index + 1] if index + 1 < len(grid.rows) else None
        if (
            len(filled) >= 2
            and all(isinstance(cell, str) for cell in filled)
            and below
            and len(_filled(below)) * 2 > len(filled)
        ):
            return Heading(index, index, [_text(cell) for cell in row.cells], set(), 0)
    return None


def lay_out(file: str, grid: Grid, heading: Heading) -> Table:
    """The table below that heading."""
    table = Table(
        file=file,
        sheet=grid.sheet,
        title="\n".join(filter(None, (_line(row) for row in grid.rows[: heading.first]))),
        header_rows=(grid.rows[heading.first].number, grid.rows[heading.last].number),
        headings=_different(heading.texts, _width(grid)),
        rows=[],
        skipped=[Skipped(row.number, "title", _line(row)) for row in grid.rows[: heading.first]],
        formulas=grid.formulas,
        encoding=grid.encoding,
        hidden=grid.hidden,
    )
    sorter = _Sorter(table, grid.rows[heading.first : heading.last + 1])
    for row in grid.rows[heading.last + 1 :]:
        sorter.take(row)
    return table


def not_a_list(file: str, grid: Grid, code: str = "not_a_list") -> Table:
    """A sheet that is left alone, with every row accounted for."""
    title = "\n".join(filter(None, (_line(row) for row in grid.rows[:5])))
    skipped = [Skipped(row.number, code, _line(row)) for row in grid.rows]
    return Table(file, grid.sheet, title, (0, 0), (), [], skipped, encoding=grid.encoding, hidden=grid.hidden)


def _could_head(row: SourceRow) -> bool:
    filled = _filled(row)
    texts = [cell for cell in filled if isinstance(cell, str)]
    return bool(texts) and len(texts) * 4 >= len(filled) * 3 and all(len(text) <= _MAX_HEADING for text in texts)


def _spread(grid: Grid) -> dict[tuple[int, int], tuple[int, int]]:
    """Cell -> the corner whose value it shows, for merged cells near the top; both (row number, column index)."""
    limit = grid.rows[min(_LOOK + _HEADING_ROWS, len(grid.rows)) - 1].number if grid.rows else 0
    places = {}
    for top, left, bottom, right in grid.merges:
        if top < limit and bottom - top < 10 and right - left < 512:
            for row in range(top, bottom + 1):
                places.update({(row + 1, column): (top + 1, left) for column in range(left, right + 1)})
    return places


def _judge(grid: Grid, spread: dict[tuple[int, int], tuple[int, int]], first: int, last: int) -> Heading:
    rows = grid.rows[first : last + 1]
    by_number = {row.number: row for row in rows}
    width = max(len(row.cells) for row in rows)
    lines = [[_shown(row, column, spread, by_number) for column in range(width)] for row in rows]
    if not grid.merges:
        for upper, lower in itertools.pairwise(lines):
            _reach_right(upper, lower)
    texts = [_join([line[column] for line in lines]) for column in range(width)]
    named = [meaning(text) for text in texts if text]
    fields = {field for field in named if field}
    # A row more has to name something more; texts that name nothing are rather a title or data.
    score = len(fields) - 0.4 * (last - first) - 0.05 * sum(field is None for field in named)
    if any(len(_filled(row)) == 1 for row in rows) and len(rows) > 1:
        score -= 1
    return Heading(first, last, texts, fields, score)


def _shown(
    row: SourceRow, column: int, spread: dict[tuple[int, int], tuple[int, int]], rows: dict[int, SourceRow]
) -> str:
    number, place = spread.get((row.number, column), (row.number, column))
    source = rows.get(number)
    return _text(source.cells[place]) if source is not None and place < len(source.cells) else ""


def _reach_right(upper: list[str], lower: list[str]) -> None:
    """Without merges to tell, a heading reaches over the empty cells to its right that have something below them."""
    for column in range(1, len(upper)):
        if not upper[column] and lower[column] and lower[column - 1] and upper[column - 1]:
            upper[column] = upper[column - 1]


def _join(parts: list[str]) -> str:
    different = [part for index, part in enumerate(parts) if part and part not in parts[:index]]
    return " / ".join(different)


def _different(texts: Sequence[str], width: int) -> tuple[str, ...]:
    """One heading per column, no two alike: a mapping names columns by them."""
    found: list[str] = []
    for index in range(max(width, len(texts))):
        text = texts[index] if index < len(texts) else ""
        found.append(text if text and text not in found else f"{text} [{column_letter(index)}]".strip())
    return tuple(found)


def _width(grid: Grid) -> int:
    return max((len(row.cells) for row in grid.rows), default=0)


def _filled(row: SourceRow) -> list[Cell]:
    return [cell for cell in row.cells if cell is not None and not (isinstance(cell, str) and not cell.strip())]


def _text(cell: Cell) -> str:
    return "" if cell is None else clean(str(cell))


def _line(row: SourceRow) -> str:
    return " | ".join(_text(cell[:200] if isinstance(cell, str) else cell) for cell in _filled(row)[:40])[:500]


class _Sorter:
    """Puts each row below the heading where it belongs: cameras, or skipped with the reason."""

    def __init__(self, table: Table, heading_rows: list[SourceRow]) -> None:
        self._table = table
        joined = [words(text) for text in table.headings]
        self._heads = {index: {text} for index, text in enumerate(joined) if text}
        for row in heading_rows:
            for index, cell in enumerate(row.cells):
                if cell and (text := words(_text(cell))):
                    self._heads.setdefault(index, set()).add(text)
        self._numbers = frozenset(index for index, text in enumerate(joined) if text in _STT)
        self._columns = sum(1 for text in joined if text)
        self._group = ""
        self._at_end = False

    def take(self, row: SourceRow) -> None:
        code = self._code(row)
        if not code:
            self._table.rows.append(row)
            if self._group:
                self._table.groups[row.number] = self._group
            self._at_end = False
            return
        line = _line(row)
        if code == "group_title":
            self._group = line
        self._table.skipped.append(Skipped(row.number, code, line))

    def _code(self, row: SourceRow) -> str:
        cells = row.cells
        filled = len(cells) - cells.count(None)
        if filled * 2 > self._columns and filled > 6 and self._table.rows:
            return "heading" if self._repeats(row) else ""  # nearly every row of a long list
        places = {index: text for index, cell in enumerate(cells) if cell is not None and (text := _text(cell))}
        if not places or (len(places) == 1 and not places.keys().isdisjoint(self._numbers)):
            return "blank"
        if self._repeats(row):
            return "heading"
        texts = list(places.values())
        if not self._table.rows and len(texts) >= 2:
            if _is_numbering(texts):
                return "column_numbers"
            if all(_UNIT_ONLY.fullmatch(text) for text in texts):
                return "heading"
        return self._sparse(texts) if len(texts) <= max(3, 0.4 * self._columns) else ""

    def _sparse(self, texts: list[str]) -> str:
        """A row with little in it: a total, a signature, the title of a group; or a camera of which little is known."""
        if any(_TOTAL.match(text) for text in texts[:2]):
            return "total"
        first = words(texts[0])
        if (
            _FOOTER.match(first)
            or (self._at_end and len(texts) <= 3)
            or (len(texts) > 1 and _FOOTER.match(words(texts[1])) and not first.isdigit())
        ):
            self._at_end = bool(self._table.rows)
            return "footer"
        if len(texts) == 1 and not _is_number(texts[0]):
            return "group_title"
        return "group_title" if len(texts) == 2 and _ROMAN.fullmatch(texts[0]) and not _is_number(texts[1]) else ""

    def _repeats(self, row: SourceRow) -> bool:
        """The heading again, as on each page of a printed list."""
        first = next(((index, cell) for index, cell in enumerate(row.cells) if isinstance(cell, str) and cell), None)
        if first is None or words(first[1]) not in self._starts(first[0]):
            return False
        texts = [(index, cell) for index, cell in enumerate(row.cells) if isinstance(cell, str) and cell]
        same = sum(1 for index, text in texts if words(text) in self._starts(index))
        return len(texts) > 1 and same * 5 >= len(texts) * 3

    def _starts(self, index: int) -> set[str]:
        """The folded texts that head a column."""
        return self._heads.get(index, set())


def _is_numbering(texts: list[str]) -> bool:
    """The row that numbers columns below a heading: 1 2 3, (1) (2) (3), A B 1 2, (5)=(3)+(4)."""
    labels = [_NUMBERING.fullmatch(text) for text in texts]
    if not all(labels) or len(texts) < 3:
        return False
    numbers = [int(label.group(1)) for label in labels if label and label.group(1).isdigit()]
    return (
        len(numbers) * 2 >= len(texts)
        and numbers == sorted(numbers)
        and Counter(numbers).most_common(1)[0][1] == 1
        and numbers[-1] <= len(texts) + 3
    )


def _is_number(text: str) -> bool:
    return text.replace(".", "").replace(",", "").isdigit()


def holds_cameras(heading: Heading) -> bool:
    """Whether these headings are those of a list of cameras."""
    return is_list(heading.fields)
