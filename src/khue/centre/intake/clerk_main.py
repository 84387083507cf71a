"""The process that reads sheets for the centre: untrusted files and long arithmetic stay out of the one that serves people.

Run as ``python -m khue.centre.intake.clerk_main KEYS``; jobs come on standard input, answers go to standard output. A file
that takes all memory or never ends costs this process and nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from khue.centre.fleet.rules import fold
from khue.centre.intake import books as book_shelf
from khue.centre.intake.ahead import ForkDied, in_forks
from khue.centre.intake.fields import SECRET, plain
from khue.centre.intake.mapping import Mapping, propose
from khue.centre.intake.messages import (
    Asked,
    Data,
    Down,
    Failed,
    Finished,
    HeadingOut,
    Job,
    JudgedRow,
    Looked,
    Planned,
    PlannedRow,
    SheetOut,
    Up,
)
from khue.centre.intake.plan import KnownCamera, Planner, ReadSheet, understand
from khue.centre.intake.report import ADDED, ADDED_FIELDS, Corrected
from khue.centre.intake.sealing import Sealer
from khue.centre.intake.sheet import read_tables
from khue.centre.intake.table import SheetError, Table, column_letter
from khue.centre.intake.values import read_row
from khue.centre.secrets import load_vault
from khue.model.address import redact

_MEMORY = 3 << 30  # bytes of address space; the largest allowed sheet takes a third of it
_BATCH = 500
_PIECE = 1 << 20
_SAMPLES = 3
_AHEAD = 2  # files read ahead, each in a fork
_SHELF = 3_000_000  # cells kept for the next job: a city's sheets, in some 300 MB, until this process is idle

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Down] = msgspec.msgpack.Decoder(Down)
_known = msgspec.json.Decoder(list[KnownCamera]).decode
_judged = msgspec.msgpack.Decoder(list[JudgedRow]).decode


class ReadFile(msgspec.Struct, tag_field="type", tag="read"):
    sheets: list[ReadSheet]


_read_decoder: msgspec.msgpack.Decoder[ReadFile | Failed] = msgspec.msgpack.Decoder(ReadFile | Failed)
_read_sheets = _read_decoder.decode


class Clerk:
    """Works on one job after the other."""

    def __init__(self, source: BinaryIO, sink: BinaryIO, keys: Path) -> None:
        self._source, self._sink = source, sink
        self._sealer = Sealer(load_vault(keys))
        self._books = book_shelf.load()
        self._shelf: dict[tuple[str, bytes], list[Table]] = {}

    def serve(self) -> None:
        """Until the other end closes."""
        while (job := self._receive()) is not None:
            if not isinstance(job, Job):
                continue
            try:
                {"look": self._look, "plan": self._plan, "correct": self._correct}[job.kind](job)
            except SheetError as error:
                self._send(_failed(error))
            except ForkDied:
                self._send(_failed(_too_large("")))

    # -- jobs ------------------------------------------------------------------------------------------------------

    def _look(self, job: Job) -> None:
        tables = self._tables(job.files[0], self._file(job.files[0]))
        self._send(Looked([self._sheet(table) for table in tables]))

    def _plan(self, job: Job) -> None:
        known = (camera for batch in self._pieces("known") for camera in _known(batch))
        planner = Planner(job, self._sealer, known)
        tasks = (functools.partial(self._read, job, name, self._file(name)) for name in job.files)
        for number, read in enumerate(in_forks(tasks, _AHEAD)):
            sheets = _read_sheets(read)
            if isinstance(sheets, Failed):
                self._send(sheets)
                return
            rows: list[PlannedRow] = []
            total, done = sum(len(sheet.rows) + len(sheet.skipped) for sheet in sheets.sheets) or 1, 0
            for row in (row for sheet in sheets.sheets for row in planner.rows(sheet)):
                rows.append(row)
                if len(rows) == _BATCH:
                    done += _BATCH
                    self._send(Planned(rows, (number + done / total) / len(job.files)))
                    rows = []
            self._send(Planned(rows, (number + 1) / len(job.files)))
        self._send(Finished(planner.read, planner.skipped, planner.new_agencies))

    def _read(self, job: Job, name: str, data: bytes) -> bytes:
        """In a fork: the file as it is understood."""
        try:
            sheets = [self._understood(job, table) for table in self._tables(name, data)]
        except SheetError as error:
            return _encode(_failed(error))
        return _encode(ReadFile(sheets))

    def _understood(self, job: Job, table: Table) -> ReadSheet:
        mapping = self._mapping(job, table)
        rows = [
            (row.number, understand(read_row(row, table, mapping, self._books), job.retention)) for row in table.rows
        ]
        return ReadSheet(table.file, table.sheet, rows, table.skipped)

    def _correct(self, job: Job) -> None:
        with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
            names = {agency.id: agency.name for agency in job.agencies}
            with Corrected(Path(file.name), job.units, names) as book:
                for name in job.files:
                    judged = {
                        (row.sheet, row.row): row for batch in self._pieces("rows", name) for row in _judged(batch)
                    }
                    for table in self._tables(name, self._file(name)):
                        book.add(table, self._mapping(job, table), judged)
            file.seek(0)
            while piece := file.read(_PIECE):
                self._send(Data(piece))
        self._send(Finished())

    # -- parts -----------------------------------------------------------------------------------------------------

    def _file(self, name: str) -> bytes:
        return b"".join(self._pieces("file", name))

    def _tables(self, name: str, data: bytes) -> list[Table]:
        """From the last look when the bytes are the same: a plan mostly follows the uploads at once."""
        key = (name, hashlib.sha256(data).digest())
        tables = self._shelf.pop(key, None)
        if tables is None:
            tables = self._read_tables(name, data)
        self._shelf[key] = tables  # the newest at the end
        while sum(map(_cells, self._shelf.values())) > _SHELF and len(self._shelf) > 1:
            del self._shelf[next(iter(self._shelf))]
        return tables

    @staticmethod
    def _read_tables(name: str, data: bytes) -> list[Table]:
        try:
            return read_tables(name, data)
        except (MemoryError, RecursionError) as error:
            raise _too_large(name) from error

    def _mapping(self, job: Job, table: Table) -> Mapping:
        """What a person or a named mapping decided, or what the headings say; and whose list it is."""
        decided = job.mappings.get(table.file, {}).get(table.sheet)
        mapping = decided or propose(table)
        ours = {heading: ADDED_FIELDS[heading] for heading in table.headings if heading in ADDED_FIELDS}
        agency = mapping.agency or self._agency(table) or job.agency
        return msgspec.structs.replace(mapping, columns=mapping.columns | ours, agency=agency)

    def _agency(self, table: Table) -> str:
        return book_shelf.agency_of(table, table.file) or ""

    def _sheet(self, table: Table) -> SheetOut:
        mapping = propose(table)
        headings = []
        for index, text in enumerate(table.headings):
            field = mapping.columns.get(text) or None
            headings.append(HeadingOut(column_letter(index), text, field, _sample(table, index, field in SECRET)))
        return SheetOut(
            sheet=table.sheet,
            header_rows=table.header_rows,
            headings=headings,
            agency=mapping.agency or self._agency(table) or None,
            encoding=table.encoding,
            rows=len(table.rows),
            signature=signature(table.headings),
        )

    # -- pipes -----------------------------------------------------------------------------------------------------

    def _pieces(self, what: str, file: str = "") -> Iterator[bytes]:
        self._send(Asked(what, file))
        while isinstance(piece := self._receive(), Data) and piece.data:
            yield piece.data

    def _receive(self) -> Job | Data | None:
        head = self._source.read(4)
        if len(head) < 4:
            return None
        return _decoder.decode(self._source.read(int.from_bytes(head, "big")))

    def _send(self, message: Up) -> None:
        body = _encode(message)
        self._sink.write(len(body).to_bytes(4, "big") + body)
        self._sink.flush()


def _cells(tables: list[Table]) -> int:
    return sum(len(table.rows) * len(table.headings) for table in tables)


def signature(headings: tuple[str, ...]) -> str:
    """The same for two sheets with the same columns, however their marks and capitals are written; ours do not count."""
    words = "\x1f".join(fold(heading).strip() for heading in headings if heading not in ADDED)
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _too_large(name: str) -> SheetError:
    vi, en = "tệp cần quá nhiều bộ nhớ; chia nhỏ nó", "the file needs too much memory; split it"
    return SheetError("too_large", vi, en, file=name)


def _failed(error: SheetError) -> Failed:
    return Failed(error.code, error.vi, error.en, error.file, error.sheet, error.row, error.column)


def _sample(table: Table, index: int, secret: bool) -> list[str]:
    found: list[str] = []
    for row in table.rows:
        cell = plain(row.cells[index]) if index < len(row.cells) else None
        if cell not in (None, ""):
            found.append("***" if secret else redact(str(cell))[:80])
            if len(found) == _SAMPLES:
                break
    return found


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with contextlib.suppress(BrokenPipeError):  # the centre is gone
        Clerk(sys.stdin.buffer, sys.stdout.buffer, Path(sys.argv[1])).serve()


if __name__ == "__main__":
    main()
