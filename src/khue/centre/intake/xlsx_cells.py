"""The cells of one worksheet. Two ways that give the same: a quick one for XML as usual programs write it, expat for the rest."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Sequence

import msgspec

from khue.centre.intake.archive import Archive, broken, too_large
from khue.centre.intake.table import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_TEXT,
    Cell,
    SheetError,
    SourceRow,
    column_letter,
)

_MAX_SLOTS = 4 * MAX_CELLS  # filled cells and the empty ones before them
_WINDOW = 4 << 20

_TOKEN = re.compile(
    r'(<c r="([A-Z]{1,3})([0-9]{1,7})"(?: s="([0-9]{1,5})")?(?: t="(s|n|str|b|e)")?'
    r"(?:/>|>(<f(?: [^<>]*)?(?:/>|>[^<]*</f>))?(?:<v>([^<]*)</v>|<v/>)?</c>)"
    r'|<row r="([0-9]{1,7})"(?: [^<>]*)?>|</row>)'
)
_SPACE = re.compile(r">[ \t\r\n]+<")
_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6})|(lt|gt|amp|quot|apos));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_MERGE = re.compile(r"([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})")
_MERGE_TAG = re.compile(rb'<mergeCell ref="([A-Z0-9:]{3,21})"')
_DAY_ZERO = datetime.datetime(1899, 12, 30)  # noqa: DTZ001  a sheet's dates have no zone


class Styles(msgspec.Struct):
    """What turns numbers into text and dates. ``dates``: the cell formats (by index) that show a date or a time."""

    shared: Sequence[str] = ()
    dates: frozenset[str] = frozenset()
    day_offset: int = 0  # 1462 where the workbook counts from 1904


class Sheet:
    """Collects the cells of one worksheet."""

    def __init__(self, archive: Archive, name: str, styles: Styles) -> None:
        self.merges: list[tuple[int, int, int, int]] = []
        self.formulas: set[tuple[int, int]] = set()
        self._archive, self._name, self._styles = archive, name, styles
        self.shared = styles.shared
        self._rows: dict[int, list[Cell]] = {}
        self._current: list[Cell] = []
        self._number = 0
        self._dates: dict[str, Cell] = {}
        self._slots = 0

    def rows(self) -> list[SourceRow]:
        """Rows that have a cell with something in it, in order."""
        found = []
        for number in sorted(self._rows):
            cells = self._rows[number]
            if any(cell is not None for cell in cells):
                found.append(SourceRow(number, tuple(cells)))
        return found

    def open_row(self, number: int) -> list[Cell]:
        """The cells of that row, to be filled; rows far below may stand there as long as nothing is in them."""
        self._number = number
        if number > MAX_ROWS:
            self._current = []
        else:
            cells = self._rows.get(number)
            if cells is None:
                cells = self._rows[number] = []
            self._current = cells
        return self._current

    def count(self, cells: int) -> None:
        """Counts cells against what one file may hold."""
        self._slots += cells
        if self._slots > _MAX_SLOTS:
            raise too_large(self._archive.file, self._name, self._number)

    def put(self, column: int, value: Cell) -> None:
        """Fills a cell of the open row."""
        if self._number > MAX_ROWS:
            raise self._too_many_rows()
        if column >= len(self._current):
            self._make_room(column)
        self._current[column] = value

    def _make_room(self, column: int) -> None:
        cells = self._current
        if column >= MAX_COLUMNS:
            raise SheetError(
                "too_many_columns",
                f"Trang tính rộng quá {MAX_COLUMNS} cột. Hãy xoá các cột thừa.",
                f"the sheet has more than {MAX_COLUMNS} columns. Delete those that are not needed",
                file=self._archive.file, sheet=self._name, row=self._number, column=column_letter(column),
            )  # fmt: skip
        self.count(column + 1 - len(cells))
        cells.extend([None] * (column + 1 - len(cells)))

    def value(self, kind: str, style: str, raw: str) -> Cell:
        """The value of a cell of type ``kind`` and format ``style``, as the file says them."""
        if kind == "s":
            if not raw.isdecimal() or len(raw) > 9 or int(raw) >= len(self.shared):
                raise broken(self._archive.file, self._name)
            return self.shared[int(raw)] or None
        if kind == "" or kind == "n":
            return self._number_of(raw, style)
        if kind == "b":
            return raw.strip() == "1"
        if kind == "d":
            return _iso(raw)
        return self.text(raw)

    def text(self, raw: str) -> str | None:
        """A text no longer than a cell of a list may hold."""
        if len(raw) > MAX_TEXT:
            raise too_large(self._archive.file, self._name, self._number)
        return unescape_x(raw) or None

    def merged(self, reference: str) -> None:
        """Notes cells that look like one."""
        found = _MERGE.fullmatch(reference)
        if found and len(self.merges) < MAX_ROWS:
            left, top, right, bottom = found.groups()
            self.merges.append((int(top) - 1, column_index(left), int(bottom) - 1, column_index(right)))

    def _number_of(self, raw: str, style: str) -> Cell:
        if style and style in self._styles.dates:
            if raw not in self._dates:
                self._dates[raw] = _date(raw, self._styles.day_offset)
            return self._dates[raw]
        if len(raw) < 16 and raw.isdecimal():
            return int(raw)
        try:
            number = float(raw)
        except ValueError:
            return self.text(raw)
        if not math.isfinite(number):
            return raw
        return int(number) if number.is_integer() and abs(number) < 1e15 else number

    def _too_many_rows(self) -> SheetError:
        return SheetError(
            "too_many_rows",
            f"Trang tính có dữ liệu ở quá dòng {MAX_ROWS}. Hãy chia tệp, hoặc xoá những gì nằm thừa bên dưới danh sách.",
            f"the sheet has more than {MAX_ROWS} rows. Split the file, or delete what stands far below the list",
            file=self._archive.file,
            sheet=self._name,
            row=self._number,
        )


def read_cells(archive: Archive, part: str, name: str, styles: Styles) -> Sheet:
    """The cells of the worksheet in that part of the archive."""
    sheet = Sheet(archive, name, styles)
    if _read_quickly(sheet, archive, part):
        return sheet
    sheet = Sheet(archive, name, styles)
    _Reader(sheet).run(archive, part)
    return sheet


def _read_quickly(sheet: Sheet, archive: Archive, part: str) -> bool:
    """False when the XML is not of the usual plain shape: every byte between the rows must be a cell we understand."""
    for window, is_tail in _windows(archive, part):
        if is_tail:
            if b"<!" in window or b"sheetData" in window:
                return False
            for reference in _MERGE_TAG.findall(window):
                sheet.merged(reference.decode())
            continue
        try:
            text = window.decode()
        except UnicodeDecodeError:
            return False
        tokens = _TOKEN.findall(text)
        if sum(len(token[0]) for token in tokens) != len(text):
            text = _SPACE.sub("><", text).strip()
            tokens = _TOKEN.findall(text)
            if sum(len(token[0]) for token in tokens) != len(text):
                return False
        if not _take(sheet, tokens):
            return False
    return True


def _take(sheet: Sheet, tokens: list[tuple[str, ...]]) -> bool:
    """Puts a window of whole rows; most cells follow the one before them and are put without ceremony: there are a million."""
    sheet.count(len(tokens))
    shared = sheet.shared
    texts = len(shared)
    cells: list[Cell] = []
    widest = 0
    current = ""
    for _, letters, row, style, kind, formula, raw, number in tokens:
        if number:
            current = number
            cells = sheet.open_row(int(number))
            widest = MAX_COLUMNS if int(number) <= MAX_ROWS else 0  # what lies beyond is refused by ``put``
        elif letters:
            if row != current:
                return False
            column = _INDEXES.get(letters)
            if column is None:
                column = column_index(letters)
            if formula:
                sheet.formulas.add((int(row), column))
            if not raw:
                continue
            if "&" in raw:
                plain = unescape_xml(raw)
                if plain is None:
                    return False
                raw = plain
            if kind == "s" and raw.isdecimal() and len(raw) < 9 and int(raw) < texts:
                value: Cell = shared[int(raw)] or None
            else:
                value = sheet.value(kind, style, raw)
            if column == len(cells) < widest:
                cells.append(value)
            else:
                sheet.put(column, value)
    return True


def _windows(archive: Archive, part: str) -> Iterator[tuple[bytes, bool]]:
    """The rows of a worksheet, some megabytes of whole rows at a time; then (what follows the rows, True)."""
    buffer = b""
    began = False
    for piece in archive.pieces(part):
        buffer += piece
        if not began:
            start = buffer.find(b"<sheetData>")
            if start < 0:
                continue
            if b"<!" in buffer[:start] or not _is_utf8(buffer[:start]):
                yield b"?", False  # nothing the quick way understands
                return
            buffer, began = buffer[start + len(b"<sheetData>") :], True
        if len(buffer) >= _WINDOW:
            cut = buffer.rfind(b"</row>") + len(b"</row>")
            if cut >= len(b"</row>") and b"</sheetData>" not in buffer:
                yield buffer[:cut], False
                buffer = buffer[cut:]
    rows, _, tail = buffer.partition(b"</sheetData>")
    yield rows if began else b"?", False
    yield tail, True


def _is_utf8(head: bytes) -> bool:
    declared = re.search(rb"encoding\s*=\s*[\"']([^\"']*)", head[:200])
    return declared is None or declared.group(1).lower() == b"utf-8"


class _Reader:
    """The same by way of expat, for any XML: prefixes, cells without addresses, strings within cells."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._row = 0
        self._column = -1
        self._kind = ""
        self._style = ""
        self._text: list[str] | None = None
        self._size = 0
        self._raw = ""
        self._inside = ""
        self._phonetic = False

    def run(self, archive: Archive, part: str) -> None:
        archive.parse(part, self._start, self._end, self._chars)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            self._open_cell(attributes)
        elif tag == "v" or (tag == "t" and not self._phonetic):
            self._text, self._size = [], 0
        elif tag == "row":
            self._row = _whole(attributes.get("r", "")) or self._row + 1
            self._column = -1
            self._sheet.open_row(self._row)
        elif tag == "f":
            self._sheet.formulas.add((self._row, self._column))
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "mergeCell":
            self._sheet.merged(attributes.get("ref", ""))

    def _open_cell(self, attributes: dict[str, str]) -> None:
        reference = re.fullmatch(r"([A-Z]{1,3})([0-9]{1,7})", attributes.get("r", ""))
        self._column = column_index(reference.group(1)) if reference else self._column + 1
        self._sheet.count(1)
        if reference and int(reference.group(2)) != self._row:
            self._row = int(reference.group(2))
            self._sheet.open_row(self._row)
        self._kind = attributes.get("t", "")
        self._style = attributes.get("s", "")
        self._raw = ""

    def _end(self, tag: str) -> None:
        if tag in ("v", "t"):
            if self._text is not None:
                self._raw += "".join(self._text)
            self._text = None
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "c" and self._raw:
            self._sheet.put(self._column, self._sheet.value(self._kind, self._style, self._raw))

    def _chars(self, text: str) -> None:
        if self._text is not None:
            self._size += len(text)
            if self._size + len(self._raw) > 2 * MAX_TEXT:
                self._sheet.text(" " * (MAX_TEXT + 1))
            self._text.append(text)


_INDEXES: dict[str, int] = {}


def column_index(letters: str) -> int:
    """A -> 0, AA -> 26."""
    index = _INDEXES.get(letters)
    if index is None:
        index = 0
        for letter in letters:
            index = index * 26 + ord(letter) - 64
        index -= 1
        _INDEXES[letters] = index  # at most 18,278 of them
    return index


def unescape_x(text: str) -> str:
    """Excel writes control characters as ``_x000D_``."""
    return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), text) if "_x" in text else text


def unescape_xml(text: str) -> str | None:
    """XML entities replaced; None when there is one XML does not know."""
    if len(_ENTITY.findall(text)) != text.count("&"):
        return None
    try:
        return _ENTITY.sub(_entity, text)
    except ValueError:
        return None


def _entity(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name:
        return _NAMED[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if (code < 32 and code not in (9, 10, 13)) or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        raise ValueError("not a character of XML")
    return chr(code)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _date(raw: str, offset: int) -> Cell:
    """A serial number of days as a date, a time of day, or both; the number itself when no date is meant."""
    try:
        days = float(raw)
    except ValueError:
        return raw or None
    if not 0 <= days < 2_958_466:  # the year 9999
        return days if math.isfinite(days) else raw
    moment = _DAY_ZERO + datetime.timedelta(days=days + offset)
    moment = (moment + datetime.timedelta(milliseconds=500)).replace(microsecond=0)
    if days < 1:
        return moment.time()
    return moment.date() if moment.time() == datetime.time() else moment


def _iso(raw: str) -> Cell:
    try:
        moment = datetime.datetime.fromisoformat(raw.strip())
    except ValueError:
        return raw or None
    return moment.date() if moment.time() == datetime.time() else moment.replace(tzinfo=None)
