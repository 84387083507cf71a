"""The recording log's writer: one thread per worker that seals blocks, appends them with large aligned writes and indexes them.

Order of steps (design/01-recording-log.md): bytes first, then the index rows, spans and gaps in one transaction. Killed in
between, `khue.video.recovery` finds the bytes by scanning. The sockets never wait for this thread: when it falls behind, the
arena runs dry and blocks are dropped into a gap row.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from khue.model.camera import StreamName
from khue.model.coverage import GapCause, Span
from khue.model.errors import RecordingError
from khue.model.ledger import Change, StreamLedger
from khue.model.time import Clock, Micros
from khue.video.arena import Arena, Slot
from khue.video.block import NO_HASH, BlockMeta, seal
from khue.video.chain import chain_end
from khue.video.index import BlockRow, Index
from khue.wire.link import StreamStatus

FILE_SIZE = 256 * 1024 * 1024
FILE_AGE_S = (
    600.0  # a file is deleted whole, so its length in time bounds how far past its term the last second is kept
)
BATCH_S = 0.1
ALIVE_EVERY_S = 1.0
RESERVE = 64 * 1024 * 1024  # room the log leaves, so that the index can still say what is missing
SPAN_TOLD_EVERY: Micros = 10_000_000
_VECTORS = 32

_log = logging.getLogger(__name__)


class _Sealed(NamedTuple):
    stream: LoggedStream
    slot: Slot
    payload_length: int
    meta: BlockMeta


class _Happened(NamedTuple):
    """A change of the ledger that is not a block."""

    stream: LoggedStream
    kind: str  # begin, fail, end
    at: Micros
    cause: GapCause
    detail: str
    since: Micros


class _Status(NamedTuple):
    status: StreamStatus


class _Barrier(NamedTuple):
    done: Callable[[], None]


_Item = _Sealed | _Happened | _Status | _Barrier


class LoggedStream:
    """A stream as the writer knows it: identity, chain and ledger. Only the writer thread touches what follows ``name``."""

    def __init__(self, camera: str, name: StreamName, retention_class: str) -> None:
        self.camera = camera
        self.name = name
        self.retention_class = retention_class
        self.id = 0  # in the index; 0 until the writer thread has looked it up
        self.sequence = 0
        self.digest = NO_HASH
        self.ledger = StreamLedger()
        self.told: Span | None = None


class _OpenFile:
    """One file being appended to."""

    def __init__(
        self, root: Path, index: Index, retention_class: str, writer: int, now: Micros, monotonic: float
    ) -> None:
        while (path := root / (relative := f"{retention_class}/{now}-{writer}.khl")).exists():
            now += 1  # a clock that was set back
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            self.fd = os.open(path, flags | os.O_DIRECT, 0o640)
        except OSError as error:
            if error.errno != errno.EINVAL:  # tmpfs and some network file systems have no O_DIRECT
                raise
            self.fd = os.open(path, flags, 0o640) if not path.exists() else os.open(path, os.O_WRONLY)
        try:
            self.id = index.open_file(relative, retention_class, writer)
        except sqlite3.Error:
            os.close(self.fd)
            path.unlink()
            raise
        self.offset = 0
        self.opened = monotonic


class LogWriter:
    """Appends blocks. Thread-safe entry points: `write`, `happened`, `status`, `barrier`, `stream`."""

    def __init__(
        self,
        root: Path,
        *,
        writer: int,
        arena: Arena,
        clock: Clock,
        on_alert: Callable[[str], None] = lambda text: None,
        on_failure: Callable[[], None] = lambda: None,
        file_size: int = FILE_SIZE,
        file_age_s: float = FILE_AGE_S,
        reserve: int = RESERVE,
    ) -> None:
        self.root = root
        self.writer = writer
        self.arena = arena
        self.clock = clock
        self.dropped = 0
        self._on_alert = on_alert
        self._on_failure = on_failure
        self._file_size = file_size
        self._file_age_s = file_age_s
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._urgent = threading.Event()
        self._stopping = False
        self._backlog: list[Callable[[], None]] = []
        self._committed = 0.0
        self._reserve = reserve
        self._index = Index(root / "index.sqlite")
        self._files: dict[str, _OpenFile] = {}
        self._streams: dict[tuple[str, StreamName], LoggedStream] = {}
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._alert = ""
        self._disk_trouble = self._index_trouble = ""

    # -- for the event loop's thread

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, close the files. Blocks until done."""
        self._stopping = True
        self._urgent.set()
        self._thread.join()
        self._index.close()

    def stream(self, camera: str, name: StreamName, retention_class: str) -> LoggedStream:
        """The stream's handle. Its chain and ledger go on where they stood when the writer thread first meets it."""
        stream = self._streams.setdefault((camera, name), LoggedStream(camera, name, retention_class))
        stream.retention_class = retention_class
        return stream

    def write(self, stream: LoggedStream, slot: Slot, payload_length: int, meta: BlockMeta) -> None:
        """Hand a full slot over; it comes back to the arena once it is on disk."""
        self._queue.put(_Sealed(stream, slot, payload_length, meta))

    def happened(
        self, stream: LoggedStream, kind: str, at: Micros, cause: GapCause, detail: str, *, since: Micros = 0
    ) -> None:
        """Ledger events, in order with the blocks: ``begin`` (of what was expected ``since``), ``fail`` or ``end``."""
        self._queue.put(_Happened(stream, kind, at, cause, detail, since or at))

    def status(self, status: StreamStatus) -> None:
        """Queue a state transition for the centre."""
        self._queue.put(_Status(status))

    def barrier(self, done: Callable[[], None]) -> None:
        """Call ``done`` (in the writer thread) when everything queued so far is written and indexed."""
        self._queue.put(_Barrier(done))
        self._urgent.set()

    # -- the thread

    def _run(self) -> None:
        try:
            self._write_until_stopped()
        except Exception:  # noqa: BLE001 - nothing may fail silently here: nobody else would notice that no block is written
            _log.exception("the log writer failed")
            self._on_failure()

    def _write_until_stopped(self) -> None:
        while True:
            # One nap a tenth of a second long, not a wake-up per block: each takes the interpreter from the sockets.
            self._urgent.wait(BATCH_S)
            self._urgent.clear()
            stopping = self._stopping
            self._work(self._drain())
            if stopping and self._queue.empty():
                break
        self._seal(list(self._files))
        self._commit()

    def _drain(self) -> list[_Item]:
        batch: list[_Item] = []
        try:
            while len(batch) < 1024:
                batch.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _work(self, batch: list[_Item]) -> None:
        batch = [item for item in batch if self._is_met(item)]
        rows, failed = self._append([item for item in batch if isinstance(item, _Sealed)])
        self._store(batch, rows, failed)
        self._seal([name for name, file in self._files.items() if self._is_old(file)])
        if batch or self._backlog or self.clock.monotonic() - self._committed >= ALIVE_EVERY_S:
            self._commit()
        self._tell()
        for item in batch:
            if isinstance(item, _Barrier):
                item.done()

    def _is_met(self, item: _Item) -> bool:
        """Whether the item's stream is known. One that cannot be looked up while the log is being stopped is let go."""
        if not isinstance(item, _Sealed | _Happened) or item.stream.id:
            return True
        while True:
            try:
                self._meet(item.stream, item.at if isinstance(item, _Happened) else item.meta.first)
            except (OSError, sqlite3.Error) as error:
                self._index_trouble = _disk_words(error) if isinstance(error, OSError) else _index_words(error)
                self._tell()
            if item.stream.id or self._stopping:
                break
            self._urgent.clear()
            self._urgent.wait(1.0)
        if item.stream.id == 0 and isinstance(item, _Sealed):
            self.arena.give(item.slot)
        return item.stream.id != 0

    def _meet(self, stream: LoggedStream, at: Micros) -> None:
        """Look a stream up, for which something happened ``at``: its id, the end of its chain, what its ledger stood at."""
        row = self._index.stream(stream.camera, stream.name)
        stream.sequence, stream.digest = chain_end(self.root, self._index, row)
        if row.expected:
            alive = self._index.setting(f"alive-{self.writer}")
            span, gap = self._index.open_rows(row.id)
            resumed = stream.ledger.resume(span, gap, alive if isinstance(alive, int) else at, at)
            self._backlog.append(functools.partial(self._index.apply, row.id, stream.camera, stream.name, resumed))
        else:
            stream.ledger.until = self._index.covered_until(row.id)
        stream.id = row.id

    def _commit(self) -> None:
        """Store what has happened. A disk without room for the index keeps it in memory until there is some."""
        self._committed = self.clock.monotonic()
        try:
            with self._index.transaction():
                self._index.set_setting(f"alive-{self.writer}", self.clock.now())
                for step in self._backlog:
                    step()
        except sqlite3.Error as error:
            self._index_trouble = _index_words(error)
        else:
            self._index_trouble = ""
            self._backlog.clear()

    def _append(self, blocks: list[_Sealed]) -> tuple[dict[int, BlockRow], dict[int, str]]:
        """Write blocks class by class; returns rows, and reasons of failure, by position in ``blocks``."""
        rows: dict[int, BlockRow] = {}
        failed: dict[int, str] = {}
        by_class: dict[str, list[int]] = {}
        for position, item in enumerate(blocks):
            by_class.setdefault(item.stream.retention_class, []).append(position)
        for retention_class, positions in by_class.items():
            for start in range(0, len(positions), _VECTORS):
                part = positions[start : start + _VECTORS]
                try:
                    self._append_part(retention_class, [(p, blocks[p]) for p in part], rows)
                except (OSError, sqlite3.Error) as error:
                    reason = _disk_words(error) if isinstance(error, OSError) else _index_words(error)
                    failed.update(dict.fromkeys(part, reason))
        for item in blocks:
            self.arena.give(item.slot)
        if blocks:
            self._disk_trouble = next(iter(failed.values()), "")
        if failed:  # files that are being written cannot be deleted: hand them to retention, so that it can make room
            self._seal([name for name, file in self._files.items() if file.offset])
        return rows, failed

    def _append_part(self, retention_class: str, part: list[tuple[int, _Sealed]], rows: dict[int, BlockRow]) -> None:
        disk = os.statvfs(self.root)
        if disk.f_bavail * disk.f_frsize < self._reserve:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        file = self._file(retention_class)
        offset = file.offset
        vectors: list[memoryview] = []
        made: dict[int, BlockRow] = {}
        chain: dict[int, tuple[int, bytes]] = {}
        for position, item in part:
            stream, meta = item.stream, item.meta
            sequence, previous = chain.get(stream.id, (stream.sequence, stream.digest))
            meta.sequence = sequence
            length, digest = seal(item.slot.buffer, item.payload_length, meta, previous)
            chain[stream.id] = (sequence + 1, digest)
            made[position] = BlockRow(
                stream.id,
                meta.first,
                sequence,
                meta.last,
                file.id,
                offset,
                length,
                len(meta.keyframes),
                meta.frames,
                meta.lost,
            )
            vectors.append(item.slot.buffer[:length])
            offset += length
        written = os.pwritev(file.fd, vectors, file.offset)
        if written != offset - file.offset:
            os.ftruncate(file.fd, file.offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        file.offset = offset
        rows.update(made)
        for _, item in part:
            item.stream.sequence, item.stream.digest = chain[item.stream.id]

    def _file(self, retention_class: str) -> _OpenFile:
        """The file to append to, a new one when the old is long or old enough."""
        file = self._files.get(retention_class)
        if file and (file.offset >= self._file_size or self._is_old(file)):
            self._seal([retention_class])
            file = None
        if file is None:
            now, monotonic = self.clock.now(), self.clock.monotonic()
            file = _OpenFile(self.root, self._index, retention_class, self.writer, now, monotonic)
            self._files[retention_class] = file
        return file

    def _is_old(self, file: _OpenFile) -> bool:
        return self.clock.monotonic() - file.opened >= self._file_age_s

    def _seal(self, classes: list[str]) -> None:
        """Close files for good. Where chains stand is stored now: until a file is sealed, its own blocks tell."""
        for retention_class in classes:
            file = self._files.pop(retention_class)
            os.close(file.fd)
            chains = [(s.sequence, s.digest, s.id) for s in list(self._streams.values()) if s.id]
            self._backlog.append(functools.partial(self._index.set_chain, chains))
            self._backlog.append(functools.partial(self._index.set_file_state, file.id, "sealed"))

    def _store(self, batch: list[_Item], rows: dict[int, BlockRow], failed: dict[int, str]) -> None:
        """Put rows, chains, spans and gaps of one batch on the backlog, in the order things happened."""
        spans: dict[LoggedStream, Span] = {}
        position = -1
        for item in batch:
            if isinstance(item, _Status):
                self._backlog.append(functools.partial(self._index.queue, "status", item.status))
            elif isinstance(item, _Happened):
                self._apply(item.stream, _happened(item), spans)
                if item.kind != "fail":
                    expect = functools.partial(self._index.set_expected, item.stream.id, item.kind == "begin")
                    self._backlog.append(expect)
            elif isinstance(item, _Sealed):
                position += 1
                if position in failed:
                    changes = item.stream.ledger.fail(item.meta.first, GapCause.DISK, failed[position])
                else:
                    changes = item.stream.ledger.block(item.meta.first, item.meta.last, item.meta.lost)
                self._apply(item.stream, changes, spans)
        for stream, span in spans.items():
            self._put_span(stream, span, tell=stream.ledger.span is None)
        if not rows:
            return
        self._backlog.append(functools.partial(self._index.add_blocks, list(rows.values())))
        for file in {row.file for row in rows.values()}:
            mine = [row for row in rows.values() if row.file == file]
            length = max(row.offset + row.length for row in mine)
            first, last = min(r.first for r in mine), max(r.last for r in mine)
            self._backlog.append(functools.partial(self._index.grow_file, file, length, first, last))

    def _apply(self, stream: LoggedStream, changes: list[Change], spans: dict[LoggedStream, Span]) -> None:
        """A span that only grows is stored once a batch; whatever ends it must find it stored."""
        for change in changes:
            if isinstance(change.row, Span):
                pending = spans.get(stream)
                if pending is not None and pending.start != change.row.start:
                    self._put_span(stream, pending, tell=True)
                spans[stream] = change.row
                continue
            if stream in spans and not change.row.partial:
                self._put_span(stream, spans.pop(stream), tell=True)
            self._backlog.append(functools.partial(self._index.apply, stream.id, stream.camera, stream.name, [change]))

    def _put_span(self, stream: LoggedStream, span: Span, *, tell: bool = False) -> None:
        told = stream.told
        tell = tell or told is None or told.start != span.start or span.end - told.end >= SPAN_TOLD_EVERY
        if tell:  # between, the newest block's row says how far the span reaches: one write a block is enough
            stream.told = span
            self._backlog.append(functools.partial(self._index.grow, stream.id, stream.camera, stream.name, span))

    def _tell(self) -> None:
        alert = self._disk_trouble or self._index_trouble
        if alert != self._alert:
            self._alert = alert
            self._on_alert(alert)


def _happened(item: _Happened) -> list[Change]:
    ledger = item.stream.ledger
    if item.kind == "begin":
        return ledger.begin(item.at, item.cause, item.detail, since=item.since)
    if item.kind == "fail":
        return ledger.fail(item.at, item.cause, item.detail)
    if item.kind == "end":
        return ledger.end(item.at)
    raise RecordingError(f"the ledger knows no event {item.kind!r}")


def _disk_words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full: free room on it, shorten a retention period or add a disk"
    return f"the disk refuses writes ({error.strerror}): check it and its mount"


def _index_words(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
        return "the disk is full, even the index cannot be written: free room on it"
    return f"the index cannot be written ({error}): check the disk; if it stays so, restart the node"
