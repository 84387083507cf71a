"""A CSV file as a grid of cells: its encoding and delimiter found out, its size bounded before anything is laid out."""

from __future__ import annotations

import csv
import io
import itertools
import unicodedata
from collections.abc import Iterator

from khue.centre.intake.legacy_text import score, weigh
from khue.centre.intake.table import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_TEXT,
    Cell,
    Grid,
    SheetError,
    SourceRow,
    column_letter,
)

_MAX_LINE = 1 << 20
_MAX_LINES_IN_A_ROW = 200
_DELIMITERS = ",;\t|"
_SAMPLE = 1 << 18
_BINARY = (b"\x89PNG", b"%PDF", b"\xff\xd8\xff", b"GIF8", b"Rar!", b"\x1f\x8b", b"7z\xbc\xaf", b"\x7fELF", b"MZ\x90")


def read_csv(file: str, data: bytes, encoding: str = "auto") -> Grid:
    """The rows of the file; raises SheetError. In legacy encodings other than cp1258, text stays as Latin-1 letters."""
    if data.startswith(_BINARY):
        raise _not_text(file)
    _check_lines(file, data)
    text, found = _decode(file, data, encoding)
    delimiter = _delimiter(text)
    rows = list(_rows(file, text, delimiter))
    return Grid("", rows, encoding=found)


def _check_lines(file: str, data: bytes) -> None:
    """Refuses what no list has before any of it is decoded: a line of megabytes, or a million rows."""
    position = 0
    for number in itertools.count(1):
        end = data.find(b"\n", position)
        length = (len(data) if end < 0 else end) - position
        if length > _MAX_LINE and data.find(b"\r", position, position + _MAX_LINE) < 0:
            commas = max(data.count(delimiter.encode(), position, position + length) for delimiter in _DELIMITERS)
            if commas >= MAX_COLUMNS:
                raise _too_wide(file, number)
            raise SheetError(
                "line_too_long",
                f"Dòng {number} dài hơn 1 MB: đây không phải là một danh sách. Hãy xuất lại tệp CSV từ bảng tính.",
                f"line {number} is longer than 1 MB: this is no list. Export the CSV file again from the spreadsheet",
                file=file,
                row=number,
            )
        if end < 0:
            return
        if number > 2 * MAX_ROWS:
            raise _too_long(file)
        position = end + 1


def _decode(file: str, data: bytes, encoding: str) -> tuple[str, str]:
    """(text, encoding): unicode, cp1258, or latin-1 letters that ``legacy_text`` makes sense of."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").lstrip("\ufeff"), "unicode"
    if (wide := _utf16(data)) is not None:
        return data.decode(wide, "replace"), "unicode"
    sample = data[:65536]
    if sample.count(0) * 20 > len(sample):
        raise _not_text(file)
    if encoding in ("tcvn3", "vni"):
        return data.decode("latin-1"), "unicode"
    if encoding == "cp1258":
        return _cp1258(data), "cp1258"
    body = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return body.decode("utf-8"), "unicode"
    except UnicodeDecodeError:
        pass
    if body is not data or _is_mostly_utf8(body):
        return body.decode("utf-8", "replace"), "unicode"  # what is broken is refused row by row
    return _single_byte(body)


def _utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of plain letters is zero."""
    sample = data[:4096]
    if len(sample) < 8:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd * 10 > len(sample) * 3 and even * 20 < len(sample):
        return "utf-16-le"
    return "utf-16-be" if even * 10 > len(sample) * 3 and odd * 20 < len(sample) else None


def _is_mostly_utf8(data: bytes) -> bool:
    """Far more letters that are UTF-8 than bytes that are not, as when one row was spoilt; chance makes few such letters."""
    text = data[:_SAMPLE].decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(not letter.isascii() for letter in text) - bad
    return good > 3 * bad


def _single_byte(data: bytes) -> tuple[str, str]:
    """Windows-1258 has marks as letters of their own; TCVN3 and VNI are Latin-1 until somebody knows better."""
    latin = data.decode("latin-1")
    lines = [line for line in latin[:_SAMPLE].split("\n") if not line.isascii()][:400]
    windows = [_cp1258(line.encode("latin-1")) for line in lines]
    if sum(score(line, "unicode") for line in windows) > max(weigh(lines).values()):
        return _cp1258(data), "cp1258"
    return latin, "unicode"


def _cp1258(data: bytes) -> str:
    return unicodedata.normalize("NFC", data.decode("cp1258", "replace"))


def _delimiter(text: str) -> str:
    """The one that cuts most of the first lines into equally many cells, the more the better."""
    lines = [line for line in text[:_SAMPLE].splitlines() if line.strip()][:40]
    if lines and lines[0].lower().startswith("sep=") and len(lines[0]) >= 5 and lines[0][4] in _DELIMITERS:
        return lines[0][4]

    def worth(delimiter: str) -> tuple[int, int]:
        counts = [_outside_quotes(line, delimiter) for line in lines]
        counts = [count for count in counts if count]
        if not counts:
            return 0, 0
        usual = max(set(counts), key=counts.count)
        return counts.count(usual) * min(usual, 8), usual

    return max(_DELIMITERS, key=worth)


def _outside_quotes(line: str, delimiter: str) -> int:
    return sum(part.count(delimiter) for part in line.split('"')[::2])


def _rows(file: str, text: str, delimiter: str) -> Iterator[SourceRow]:
    lines = _Lines(file, text, delimiter)
    reader = csv.reader(lines, delimiter=delimiter)
    filled = 0
    while True:
        lines.in_row = 0
        number = lines.record = lines.record + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise (_unclosed if lines.in_row > 1 else _too_long_cell)(file, number) from error
        if record is None:
            return
        if number == 1 and len(record) == 2 and record[0].lower() == "sep=":
            continue
        while record and not record[-1].strip():
            record.pop()
        if not record:
            continue
        if len(record) > MAX_COLUMNS:
            raise _too_wide(file, number)
        if max(map(len, record)) > MAX_TEXT:
            raise _too_long_cell(file, number)
        filled += len(record)
        if number > MAX_ROWS or filled > MAX_CELLS:
            raise _too_long(file)
        cells: tuple[Cell, ...] = tuple(cell or None for cell in record)
        yield SourceRow(number, cells)


class _Lines:
    """The file's lines for the reader, each looked at before it is cut; a quotation mark nobody closed ends here."""

    def __init__(self, file: str, text: str, delimiter: str) -> None:
        self.record = 0
        self.in_row = 0
        self._file, self._delimiter = file, delimiter
        self._lines = io.StringIO(text, newline="")

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.in_row += 1
        if self.in_row > _MAX_LINES_IN_A_ROW:
            raise _unclosed(self._file, self.record)
        if (
            len(line) > MAX_COLUMNS
            and line.count(self._delimiter) >= MAX_COLUMNS
            and line.strip(self._delimiter + " \r\n")
        ):
            raise _too_wide(self._file, self.record)
        return line


def _not_text(file: str) -> SheetError:
    return SheetError(
        "not_text",
        "Tệp không phải là văn bản CSV. Hãy tải lên tệp .xlsx, hoặc .csv xuất từ bảng tính.",
        "the file is not CSV text. Send an .xlsx file, or a .csv file exported from a spreadsheet",
        file=file,
    )


def _too_wide(file: str, row: int) -> SheetError:
    return SheetError(
        "too_many_columns",
        f"Dòng {row} có hơn {MAX_COLUMNS} cột. Hãy kiểm tra dấu phân cách, hoặc xuất lại tệp từ bảng tính.",
        f"row {row} has more than {MAX_COLUMNS} columns. Check the delimiter, or export the file again",
        file=file,
        row=row,
        column=column_letter(MAX_COLUMNS),
    )


def _too_long(file: str) -> SheetError:
    return SheetError(
        "too_many_rows",
        f"Tệp có hơn {MAX_ROWS} dòng. Hãy chia nhỏ tệp.",
        f"the file has more than {MAX_ROWS} rows. Split it",
        file=file,
        row=MAX_ROWS + 1,
    )


def _unclosed(file: str, row: int) -> SheetError:
    return SheetError(
        "unclosed_quote",
        f'Dấu ngoặc kép (") mở ở dòng {row} không được đóng. Hãy sửa dòng này.',
        f'a quotation mark (") opened in row {row} is never closed. Mend that row',
        file=file,
        row=row,
    )


def _too_long_cell(file: str, row: int) -> SheetError:
    return SheetError(
        "cell_too_long",
        f"Dòng {row} có một ô dài hơn 8.192 ký tự. Hãy kiểm tra dấu phân cách, hoặc xuất lại tệp từ bảng tính.",
        f"row {row} has a cell of more than 8,192 characters. Check the delimiter, or export the file again",
        file=file,
        row=row,
    )
