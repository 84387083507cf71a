"""A workbook (XLSX) as grids of cells: its sheets, texts, date formats and merged cells (ECMA-376, SpreadsheetML)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from khue.centre.intake.archive import Archive, broken, too_large
from khue.centre.intake.table import MAX_CELLS, MAX_SHEETS, MAX_TEXT, Grid
from khue.centre.intake.xlsx_cells import Styles, read_cells, unescape_x, unescape_xml

# Number formats that every workbook has without saying so, and that show dates or times.
_BUILT_IN_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_NOT_CODE = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_MAX_TEXT_TOTAL = 128 << 20
_MAX_STYLES = 65_536


def read_workbook(file: str, data: bytes) -> list[Grid]:
    """Every worksheet, hidden ones too, in the workbook's order; raises SheetError."""
    archive = Archive(file, data)
    workbook = _Workbook(archive)
    styles = Styles(workbook.shared_strings(), workbook.date_formats(), workbook.day_offset)
    grids = []
    for name, part, hidden in workbook.sheets():
        sheet = read_cells(archive, part, name, styles)
        grids.append(Grid(name, sheet.rows(), sheet.merges, frozenset(sheet.formulas), hidden=hidden))
    return grids


class _Workbook:
    """The workbook part: which sheets there are, and from which year days count."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.day_offset = 0
        self._sheets: list[tuple[str, str, bool]] = []
        root = self._relations("_rels/.rels", "")
        self.path = next((target for kind, target in root.values() if kind == "officeDocument"), "xl/workbook.xml")
        if self.path not in archive:
            raise broken(archive.file)
        archive.parse(self.path, self._start)
        folder, _, base = self.path.rpartition("/")
        self._related = self._relations(f"{folder}/_rels/{base}.rels".lstrip("/"), folder)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "workbookPr" and attributes.get("date1904", "0") in ("1", "true"):
            self.day_offset = 1462
        elif tag == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(" id")), "")
            hidden = attributes.get("state", "visible") != "visible"
            self._sheets.append((attributes.get("name", ""), relation, hidden))
            if len(self._sheets) > MAX_SHEETS:
                raise too_large(self._archive.file)

    def _relations(self, part: str, folder: str) -> dict[str, tuple[str, str]]:
        """Relation id -> (kind, part)."""
        found: dict[str, tuple[str, str]] = {}

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Relationship" and attributes.get("TargetMode") != "External":
                target = attributes.get("Target", "")
                path = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
                kind = attributes.get("Type", "").rpartition("/")[2]
                found[attributes.get("Id", "")] = (kind, posixpath.normpath(path))

        if part in self._archive:
            self._archive.parse(part, start)
        return found

    def _part(self, kind: str) -> str:
        return next((path for name, path in self._related.values() if name == kind and path in self._archive), "")

    def sheets(self) -> Iterator[tuple[str, str, bool]]:
        """(name, part, hidden) of each worksheet; sheets that are charts or dialogs are none."""
        for name, relation, hidden in self._sheets:
            kind, path = self._related.get(relation, ("", ""))
            if kind == "worksheet":
                yield name, path, hidden
            elif not kind:
                raise broken(self._archive.file, name)

    def date_formats(self) -> frozenset[str]:
        """Indexes of the cell formats that show a number as a date."""
        part = self._part("styles")
        dates: set[str] = set()
        custom: set[int] = set()
        state = {"inside": False, "index": 0}

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag == "numFmt" and _is_date(attributes.get("formatCode", "")):
                custom.add(_number(attributes.get("numFmtId", "")))
            elif tag == "cellXfs":
                state["inside"] = True
            elif tag == "xf" and state["inside"]:
                if _number(attributes.get("numFmtId", "")) in custom | _BUILT_IN_DATES:
                    dates.add(str(state["index"]))
                state["index"] += 1
                if state["index"] > _MAX_STYLES:
                    raise too_large(self._archive.file)

        def end(tag: str) -> None:
            if tag == "cellXfs":
                state["inside"] = False

        if part:
            self._archive.parse(part, start, end)
        return frozenset(dates)

    def shared_strings(self) -> list[str]:
        """The texts cells refer to by number; runs of differently formatted letters are joined."""
        part = self._part("sharedStrings")
        if not part:
            return []
        quick = _quick_strings(self._archive, part)
        return _Strings(self._archive).read(part) if quick is None else quick


_PLAIN = re.compile(r'(<si><t(?: xml:space="preserve")?(?:>([^<]*)</t>|/>)</si>)')
_WINDOW = 4 << 20


def _quick_strings(archive: Archive, part: str) -> list[str] | None:
    """Texts without formatting, as the usual programs write them; None when there is anything else."""
    texts: list[str] = []
    buffer = b""
    began = False
    for piece in archive.pieces(part):
        buffer += piece
        if not began:
            start = buffer.find(b"<si>")
            if start < 0:
                continue
            if b"<!" in buffer[:start] or b"<sst" not in buffer[:start] or b"UTF-16" in buffer[:start].upper():
                return None
            buffer, began = buffer[start:], True
        if len(buffer) > _WINDOW:
            cut = buffer.rfind(b"</si>") + len(b"</si>")
            if cut < len(b"</si>") or not _take_strings(buffer[:cut], texts, archive.file):
                return None
            buffer = buffer[cut:]
    rest, end, _ = buffer.partition(b"</sst>")
    return texts if began and end and _take_strings(rest, texts, archive.file) else None


def _take_strings(window: bytes, texts: list[str], file: str) -> bool:
    try:
        text = window.decode().strip()
    except UnicodeDecodeError:
        return False
    found = _PLAIN.findall(text)
    if sum(len(whole) for whole, _ in found) != len(text):
        return False
    for _, raw in found:
        plain = unescape_xml(raw) if "&" in raw else raw
        if plain is None:
            return False
        if len(plain) > MAX_TEXT:
            raise too_large(file)
        texts.append(unescape_x(plain))
    if len(texts) > MAX_CELLS:
        raise too_large(file)
    return True


class _Strings:
    """The same by way of expat."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._texts: list[str] = []
        self._runs: list[str] = []
        self._size = 0
        self._total = 0
        self._inside = False
        self._phonetic = False

    def read(self, part: str) -> list[str]:
        self._archive.parse(part, self._start, self._end, self._chars)
        return self._texts

    def _start(self, tag: str, _: dict[str, str]) -> None:
        if tag == "si":
            self._runs, self._size = [], 0
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "t":
            self._inside = not self._phonetic

    def _end(self, tag: str) -> None:
        if tag == "t":
            self._inside = False
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "si":
            self._texts.append(unescape_x("".join(self._runs)))
            if len(self._texts) > MAX_CELLS:
                raise too_large(self._archive.file)

    def _chars(self, text: str) -> None:
        if self._inside:
            self._size += len(text)
            self._total += len(text)
            if self._size > MAX_TEXT or self._total > _MAX_TEXT_TOTAL:
                raise too_large(self._archive.file)
            self._runs.append(text)


def _is_date(code: str) -> bool:
    """Whether a number format such as ``dd/mm/yyyy;@`` shows a date: letters of days and hours outside quotes."""
    plain = _NOT_CODE.sub("", code.split(";")[0].lower())
    return "general" not in plain and any(letter in plain for letter in "dmyhs")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else -1
