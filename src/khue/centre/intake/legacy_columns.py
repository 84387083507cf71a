"""Legacy encodings mended column by column: one list is often pasted together from several."""

from __future__ import annotations

from collections.abc import Callable

from khue.centre.intake.headings import meaning
from khue.centre.intake.legacy_text import DECODERS, has_marks, is_doubtful, repaired, weigh
from khue.centre.intake.table import Cell, Grid, SourceRow

_SAMPLE = 2_000  # different texts that decide about a column
_HEADING = 30
_PRIOR = 4  # words by which a column must differ from its table


def mend(grid: Grid, encoding: str = "auto") -> tuple[Grid, frozenset[int]]:
    """The grid in Unicode, and the indexes of the columns that were not all so; their encoding is the grid's from then on."""
    doubtful = _doubtful(grid)
    if not doubtful or encoding in ("unicode", "cp1258"):
        return grid, frozenset()
    if encoding == "auto":
        table = weigh(text for texts in doubtful.values() for text in texts)
        columns = {column: _choose(weigh(texts), table) for column, texts in doubtful.items()}
    else:
        columns = dict.fromkeys(doubtful, encoding)
    decode = _decoder()
    changed: set[int] = set()
    rows = [SourceRow(row.number, _mended(row.cells, columns, decode, changed)) for row in grid.rows]
    if not changed:
        return grid, frozenset()
    usual = max(DECODERS, key=[columns[column] for column in changed].count)
    return Grid(grid.sheet, rows, grid.merges, grid.formulas, usual, grid.hidden), frozenset(changed)


def _doubtful(grid: Grid) -> dict[int, list[str]]:
    """Column -> different texts with marks in it, where any could be of a legacy encoding."""
    found: dict[int, list[str]] = {}
    for column in range(max((len(row.cells) for row in grid.rows), default=0)):
        different = {row.cells[column] for row in grid.rows if len(row.cells) > column}
        texts = [cell for cell in different if isinstance(cell, str) and has_marks(cell)]
        if any(map(is_doubtful, texts)):
            found[column] = sorted(texts)[:_SAMPLE]
    return found


def _best(totals: dict[str, int]) -> str:
    best = max(totals, key=lambda name: totals[name])  # the first of equals: Unicode
    return best if totals[best] > 0 else "unicode"


def _choose(column: dict[str, int], table: dict[str, int]) -> str:
    usual = _best(table)
    return _best({name: total + (_PRIOR if name == usual else 0) for name, total in column.items()})


def _decoder() -> Callable[[str, str], str]:
    seen: dict[tuple[str, str], str] = {}

    def decode(text: str, encoding: str) -> str:
        key = (text, encoding)
        if key not in seen:
            mended = repaired(text, encoding)
            # Headings are often typed anew above an old list.
            is_short = mended != text and len(text) <= _HEADING
            is_heading = is_short and meaning(text) is not None and meaning(mended) is None
            seen[key] = text if is_heading else mended
        return seen[key]

    return decode


def _mended(
    cells: tuple[Cell, ...], columns: dict[int, str], decode: Callable[[str, str], str], changed: set[int]
) -> tuple[Cell, ...]:
    mended = list(cells)
    for column, encoding in columns.items():
        if column < len(mended):
            cell = mended[column]
            if isinstance(cell, str) and has_marks(cell):
                text = decode(cell, encoding)
                if text is not cell and text != cell:
                    mended[column] = text
                    changed.add(column)
    return tuple(mended)
