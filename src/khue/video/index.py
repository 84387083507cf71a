"""The node's index of the recording log (SQLite, WAL): blocks, files, spans, gaps, and what the centre must still hear.

Several processes hold it open: each recorder worker writes its own blocks in batches, the node's main process reads,
and retention deletes. Writers wait for one another (`busy_timeout`), readers for nobody.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from khue.model.camera import StreamName
from khue.model.coverage import Gap, GapCause, Span
from khue.model.errors import RecordingError
from khue.model.ledger import Change
from khue.model.time import Micros
from khue.wire.link import GapChange, SpanChange, StreamStatus


class BlockRow(NamedTuple):
    """Where one block lies and what it covers."""

    stream: int
    first: Micros
    sequence: int
    last: Micros
    file: int
    offset: int
    length: int
    keyframes: int
    frames: int
    lost: int


class FileRow(NamedTuple):
    id: int
    path: str
    retention_class: str
    writer: int
    first: Micros | None
    last: Micros | None
    length: int
    state: str


class StreamRow(NamedTuple):
    id: int
    camera: str
    name: StreamName
    sequence: int
    hash: bytes
    expected: bool


_ENCODE = msgspec.msgpack.Encoder().encode
_KINDS: dict[str, type[SpanChange] | type[GapChange] | type[StreamStatus]] = {
    "span": SpanChange,
    "gap": GapChange,
    "status": StreamStatus,
}


class Index:
    """One connection. Use it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 30000;"
                "PRAGMA cache_size = -8000;"
            )
            if self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                self._db.executescript(importlib.resources.files("khue.video").joinpath("index.sql").read_text())
        except sqlite3.DatabaseError as error:
            raise RecordingError(
                f"the index {path} cannot be opened ({error}); move it away and start again: it is rebuilt from the log"
            ) from error

    def close(self) -> None:
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a lock is taken at once so that two writers never deadlock."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")  # on a full disk this too may fail
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    # -- settings

    def setting(self, name: str) -> object:
        row = self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def latest(self) -> Micros:
        """The latest instant that is spoken of: no clock may begin before it, or the order of things would be lost."""
        alive, arrival = self._db.execute(
            "SELECT (SELECT max(value) FROM setting WHERE name LIKE 'alive-%'), (SELECT max(last) FROM file)"
        ).fetchone()
        return max(alive or 0, arrival or 0)

    def set_setting(self, name: str, value: int | str | bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    # -- files

    def open_file(self, path: str, retention_class: str, writer: int) -> int:
        return int(
            self._db.execute(
                "INSERT INTO file (path, class, writer, state) VALUES (?, ?, ?, 'open') RETURNING id",
                (path, retention_class, writer),
            ).fetchone()[0]
        )

    def files(self, state: str | None = None) -> list[FileRow]:
        """Files, oldest first."""
        rows = self._db.execute(
            "SELECT id, path, class, writer, first, last, length, state FROM file WHERE ?1 IS NULL OR state = ?1 ORDER BY id",
            (state,),
        )
        return [FileRow(*row) for row in rows]

    def file(self, file_id: int) -> FileRow | None:
        row = self._db.execute(
            "SELECT id, path, class, writer, first, last, length, state FROM file WHERE id = ?", (file_id,)
        ).fetchone()
        return FileRow(*row) if row else None

    def set_file_state(self, file_id: int, state: str) -> None:
        self._db.execute("UPDATE file SET state = ? WHERE id = ?", (state, file_id))

    def grow_file(self, file_id: int, length: int, first: Micros, last: Micros) -> None:
        self._db.execute(
            "UPDATE file SET length = ?1, first = min(coalesce(first, ?2), ?2), last = max(coalesce(last, ?3), ?3)"
            " WHERE id = ?4",
            (length, first, last, file_id),
        )

    def forget_file(self, file_id: int) -> None:
        self._db.execute("DELETE FROM file WHERE id = ?", (file_id,))

    def forget_blocks(self, rows: Iterable[BlockRow]) -> None:
        keys = [(row.stream, row.first, row.sequence) for row in rows]
        self._db.executemany("DELETE FROM block WHERE stream = ? AND first = ? AND sequence = ?", keys)

    def shorten_file(self, file_id: int, length: int) -> None:
        self._db.execute("UPDATE file SET length = ? WHERE id = ?", (length, file_id))

    # -- streams and blocks

    def stream(self, camera: str, name: StreamName) -> StreamRow:
        """The stream's row, made when it is new."""
        self._db.execute("INSERT OR IGNORE INTO stream (camera, name) VALUES (?, ?)", (camera, name))
        row = self._db.execute(
            "SELECT id, camera, name, sequence, hash, expected FROM stream WHERE camera = ? AND name = ?",
            (camera, name),
        ).fetchone()
        return _stream_row(row)

    def find_stream(self, camera: str, name: StreamName) -> int | None:
        row = self._db.execute("SELECT id FROM stream WHERE camera = ? AND name = ?", (camera, name)).fetchone()
        return int(row[0]) if row else None

    def streams(self) -> list[StreamRow]:
        rows = self._db.execute("SELECT id, camera, name, sequence, hash, expected FROM stream ORDER BY id")
        return [_stream_row(row) for row in rows]

    def set_expected(self, stream: int, expected: bool) -> None:
        self._db.execute("UPDATE stream SET expected = ? WHERE id = ?", (expected, stream))

    def add_blocks(self, rows: Iterable[BlockRow]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def set_chain(self, rows: Iterable[tuple[int, bytes, int]]) -> None:
        """Per stream (next sequence, hash of its last block, stream id)."""
        self._db.executemany("UPDATE stream SET sequence = ?, hash = ? WHERE id = ?", rows)

    def blocks(self, stream: int, start: Micros, end: Micros) -> list[BlockRow]:
        """Blocks that overlap [start, end), in order. A block spans about a second, so the search starts a little early."""
        rows = self._db.execute(
            "SELECT * FROM block WHERE stream = ? AND first >= ? AND first < ? AND last >= ? ORDER BY first, sequence",
            (stream, start - 10_000_000, end, start),
        )
        return [BlockRow(*row) for row in rows]

    def keyframe_block(self, stream: int, at: Micros, *, not_before: Micros = 0) -> BlockRow | None:
        """The last block that began at or before ``at`` and holds the start of a group of pictures."""
        row = self._db.execute(
            "SELECT * FROM block WHERE stream = ? AND first <= ? AND first >= ? AND keyframes > 0"
            " ORDER BY first DESC, sequence DESC LIMIT 1",
            (stream, at, not_before),
        ).fetchone()
        return BlockRow(*row) if row else None

    def last_block(self, stream: int) -> BlockRow | None:
        """The newest block of a stream."""
        row = self._db.execute(
            "SELECT * FROM block WHERE stream = ? ORDER BY first DESC, sequence DESC LIMIT 1", (stream,)
        ).fetchone()
        return BlockRow(*row) if row else None

    def block_before(self, stream: int, first: Micros) -> BlockRow | None:
        """The newest block that began before an instant."""
        row = self._db.execute(
            "SELECT * FROM block WHERE stream = ? AND first < ? ORDER BY first DESC, sequence DESC LIMIT 1",
            (stream, first),
        ).fetchone()
        return BlockRow(*row) if row else None

    def blocks_of_file(self, file_id: int) -> list[BlockRow]:
        """In file order. Walks the whole table: for `khue check` and recovery, not for the hot path."""
        return [
            BlockRow(*row) for row in self._db.execute("SELECT * FROM block WHERE file = ? ORDER BY offset", (file_id,))
        ]

    def blocks_between(self, file: FileRow) -> list[BlockRow]:
        """Those of a file, stream by stream: one range of the table each, so that retention holds up no writer."""
        if file.first is None or file.last is None:
            return []
        return [
            BlockRow(*row)
            for (stream,) in self._db.execute("SELECT id FROM stream").fetchall()
            for row in self._db.execute(
                "SELECT * FROM block WHERE stream = ? AND first BETWEEN ? AND ? AND file = ? ORDER BY first, sequence",
                (stream, file.first, file.last, file.id),
            )
        ]

    def totals(self, stream: int, start: Micros = 0, end: Micros = 2**62) -> tuple[int, int, int]:
        """(blocks, frames, lost packets) that began in [start, end)."""
        row = self._db.execute(
            "SELECT count(*), coalesce(sum(frames), 0), coalesce(sum(lost), 0) FROM block"
            " WHERE stream = ? AND first >= ? AND first < ?",
            (stream, start, end),
        ).fetchone()
        return row[0], row[1], row[2]

    # -- coverage

    def apply(
        self, stream: int, camera: str, name: StreamName, changes: Sequence[Change], *, tell: bool = True
    ) -> None:
        """Store ledger changes, and queue them for the centre when ``tell``."""
        for change in changes:
            row = change.row
            if isinstance(row, Span):
                if change.drop:
                    self._db.execute("DELETE FROM span WHERE stream = ? AND start = ?", (stream, row.start))
                else:
                    self._db.execute("INSERT OR REPLACE INTO span VALUES (?, ?, ?)", (stream, row.start, row.end))
            elif change.drop:
                self._db.execute(
                    "DELETE FROM gap WHERE stream = ? AND start = ? AND partial = ?", (stream, row.start, row.partial)
                )
            else:
                self._db.execute(
                    "INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?, ?, ?)",
                    (stream, row.start, row.partial, row.end, row.cause, row.detail),
                )
        if tell:
            self.tell(camera, name, changes)

    def grow(self, stream: int, camera: str, name: StreamName, span: Span) -> None:
        """Store a span that is new or has grown, and queue it. Retention may have cut off its beginning meanwhile."""
        row = self._db.execute("SELECT max(start) FROM span WHERE stream = ? AND start >= ?", (stream, span.start))
        start = row.fetchone()[0]
        if start is None:
            start = min(max(span.start, self.covered_until(stream)), span.end)
        self.apply(stream, camera, name, [Change(Span(start, span.end))])

    def tell(self, camera: str, name: StreamName, changes: Iterable[Change]) -> None:
        """Queue ledger changes for the centre."""
        for change in changes:
            row = change.row
            if isinstance(row, Span):
                told = SpanChange(camera=camera, stream=name, span=row, withdrawn=change.drop)
                self.queue("span", told, f"span {camera} {name} {row.start}")
            else:
                gap = GapChange(camera=camera, stream=name, gap=row, withdrawn=change.drop)
                self.queue("gap", gap, f"gap {camera} {name} {row.start} {row.partial}")

    # -- deletion

    def record_deletion(self, stream: int, first: int, last: int, at: Micros, reason: str) -> None:
        """Remember that blocks of these sequence numbers were deleted on purpose."""
        self._db.execute("INSERT INTO deletion VALUES (?, ?, ?, ?, ?)", (stream, first, last, at, reason))

    def deletions(self, stream: int) -> list[tuple[int, int]]:
        """Ranges of sequence numbers that were deleted on purpose."""
        rows = self._db.execute("SELECT first, last FROM deletion WHERE stream = ? ORDER BY first", (stream,))
        return [(first, last) for first, last in rows]

    def open_rows(self, stream: int) -> tuple[Span | None, Gap | None]:
        """The latest span and the gap that still lasts, as the ledger was left. An open gap ends a span before it."""
        gap = self._db.execute(
            "SELECT start, stop, cause, detail FROM gap WHERE stream = ? AND partial = 0 AND stop IS NULL"
            " ORDER BY start DESC LIMIT 1",
            (stream,),
        ).fetchone()
        if gap:
            return None, Gap(gap[0], gap[1], GapCause(gap[2]), gap[3])
        span = self._db.execute(
            "SELECT start, stop FROM span WHERE stream = ? ORDER BY start DESC LIMIT 1", (stream,)
        ).fetchone()
        return (self._grown(stream, Span(*span)), None) if span else (None, None)

    def _grown(self, stream: int, span: Span) -> Span:
        """A span that still grows is stored every ten seconds only; its newest block says how far it reaches by now."""
        ended = self._db.execute(
            "SELECT 1 FROM gap WHERE stream = ? AND partial = 0 AND start >= ?", (stream, span.start)
        ).fetchone()
        last = None if ended else self.last_block(stream)
        return Span(span.start, max(span.end, last.last)) if last else span

    def covered_until(self, stream: int) -> Micros:
        """Where the last span or gap ends; 0 when there is none, or one that lasts."""
        row = self._db.execute(
            "SELECT max(coalesce((SELECT max(stop) FROM span WHERE stream = ?1), 0),"
            " coalesce((SELECT max(stop) FROM gap WHERE stream = ?1 AND partial = 0), 0))",
            (stream,),
        ).fetchone()
        return int(row[0])

    def coverage(self, stream: int, start: Micros, end: Micros) -> tuple[list[Span], list[Gap]]:
        """Spans and gaps that touch [start, end), in order, not clipped."""
        spans = [
            Span(*row)
            for row in self._db.execute(
                "SELECT start, stop FROM span WHERE stream = ?1 AND start < ?2"
                " AND (stop >= ?3 OR start = (SELECT max(start) FROM span WHERE stream = ?1)) ORDER BY start",
                (stream, end, start),
            )
        ]
        if spans:
            spans[-1] = self._grown(stream, spans[-1])
        gaps = self._db.execute(
            "SELECT start, stop, cause, detail, partial FROM gap"
            " WHERE stream = ? AND start < ? AND (stop IS NULL OR stop >= ?) ORDER BY start",
            (stream, end, start),
        )
        return (
            [span for span in spans if span.end >= start],
            [Gap(g[0], g[1], GapCause(g[2]), g[3], bool(g[4])) for g in gaps],
        )

    # -- what the centre must still hear

    def queue(self, kind: str, body: SpanChange | GapChange | StreamStatus, key: str | None = None) -> None:
        """At the end; what is still queued under the same ``key`` is out of date and goes."""
        self._db.execute("INSERT OR REPLACE INTO outbox (key, kind, body) VALUES (?, ?, ?)", (key, kind, _ENCODE(body)))

    def queued(self, limit: int) -> list[tuple[int, SpanChange | GapChange | StreamStatus]]:
        rows = self._db.execute("SELECT n, kind, body FROM outbox ORDER BY n LIMIT ?", (limit,))
        return [(n, msgspec.msgpack.decode(body, type=_KINDS[kind])) for n, kind, body in rows]

    def acknowledged(self, n: int) -> None:
        """The centre has everything up to and including ``n``."""
        self._db.execute("DELETE FROM outbox WHERE n <= ?", (n,))


def _stream_row(row: tuple[int, str, str, int, bytes | None, int]) -> StreamRow:
    return StreamRow(row[0], row[1], StreamName(row[2]), row[3], row[4] or bytes(32), bool(row[5]))
