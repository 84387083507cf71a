"""After a crash: the log is right, the index catches up. Crash states: design/01-recording-log.md.

Run when nobody writes: for the whole log before the workers start, for one worker's files before that worker does.
Every step may be interrupted and run again.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from khue.model.camera import StreamName
from khue.model.coverage import Gap, GapCause, Span
from khue.model.ledger import Change, StreamLedger
from khue.model.time import Micros
from khue.video.chain import chain_end
from khue.video.erasure import forget
from khue.video.index import BlockRow, FileRow, Index
from khue.video.reading import Scanned, scan

HELD = "held"  # the class of what is kept for a legal hold
_BATCH = 500
_POWER = "recorded, but not yet on the disk for good when the power failed"
_UNKNOWN = (GapCause.NODE, "not in the log; the cause was lost with the index")


class Recovered(NamedTuple):
    """What recovery did."""

    blocks: int
    cut_bytes: int
    files_deleted: int
    files_added: int


class _Recovery:
    """One run. Ledgers of the streams met go on from what the index holds, block by block, as they would have live."""

    def __init__(self, root: Path, index: Index, writer: int | None) -> None:
        self._root = root
        self._index = index
        self._writer = writer
        self._ledgers: dict[int, StreamLedger] = {}
        self._touched: dict[int, tuple[str, StreamName, Micros]] = {}

    def run(self) -> Recovered:
        deleted = self._finish_deletions() if self._writer is None else 0
        added = self._adopt()
        blocks = cut = 0
        for file in self._index.files("open"):
            if self._writer not in (None, file.writer):
                continue
            path = self._root / file.path
            file = self._cut_short(path, file)
            if not path.exists():
                self._index.forget_file(file.id)
                continue
            found, lost = self._catch_up(path, file)
            blocks += found
            cut += lost
            self._seal(file)
        self._tell()
        return Recovered(blocks, cut, deleted, added)

    def _seal(self, file: FileRow) -> None:
        """As the writer does it: before a file may be deleted, its streams' rows know where their chains stand."""
        with self._index.transaction():
            rows = self._index.streams()
            self._index.set_chain([(*chain_end(self._root, self._index, row), row.id) for row in rows])
            self._index.set_file_state(file.id, "sealed")

    def _finish_deletions(self) -> int:
        deleting = self._index.files("deleting")
        for file in deleting:
            (self._root / file.path).unlink(missing_ok=True)
            self._index.forget_file(file.id)
        return len(deleting)

    def _adopt(self) -> int:
        """Register log files that have no row: created just before a crash, or the index was lost."""
        known = {file.path for file in self._index.files()}
        pattern = "*/*.khl" if self._writer is None else f"*/*-{self._writer}.khl"
        found = sorted(self._root.glob(pattern), key=lambda path: path.name)
        new = [path for path in found if str(path.relative_to(self._root)) not in known]
        if self._writer is not None:
            new = [path for path in new if path.parent.name != HELD]  # retention's, perhaps being written
        for path in new:
            self._index.open_file(str(path.relative_to(self._root)), path.parent.name, self._writer or 0)
        return len(new)

    def _cut_short(self, path: Path, file: FileRow) -> FileRow:
        """After a power cut the file may end before the index thinks: what it lost is a gap now, not a recording."""
        size = path.stat().st_size if path.exists() else 0
        if size >= file.length:
            return file
        lost = [row for row in self._index.blocks_between(file) if row.offset + row.length > size]
        whole = min((row.offset for row in lost), default=size)
        with self._index.transaction():
            forget(self._index, lost, file.last or 0, _POWER, GapCause.NODE)
            self._index.shorten_file(file.id, whole)
        return file._replace(length=whole)

    def _catch_up(self, path: Path, file: FileRow) -> tuple[int, int]:
        """Index the blocks beyond ``file.length``; cut a tail that is no block. Returns (blocks found, bytes cut)."""
        found: list[Scanned] = []
        total = 0
        end = whole = file.length
        for item in scan(path, file.length):
            end = item.offset + item.length
            if item.block is None:
                continue
            whole = end
            found.append(item)
            if len(found) >= _BATCH:
                total += self._store(file, found)
                found = []
        total += self._store(file, found)
        if whole < end:
            with path.open("r+b") as handle:
                handle.truncate(whole)
        return total, end - whole

    def _store(self, file: FileRow, found: list[Scanned]) -> int:
        rows: list[BlockRow] = []
        with self._index.transaction():
            for offset, length, block, _ in found:
                if block is None:
                    continue
                meta = block.meta
                stream = self._index.stream(meta.camera, meta.stream)
                if meta.sequence >= stream.sequence:
                    self._index.set_chain([(meta.sequence + 1, block.digest, stream.id)])
                row = BlockRow(
                    stream.id, meta.first, meta.sequence, meta.last, file.id, offset, length,
                    len(meta.keyframes), meta.frames, meta.lost,
                )  # fmt: skip
                rows.append(row)
                self._cover(row, meta.camera, meta.stream)
            self._index.add_blocks(rows)
            if rows:
                end = rows[-1].offset + rows[-1].length
                self._index.grow_file(file.id, end, min(r.first for r in rows), max(r.last for r in rows))
        return len(rows)

    def _cover(self, row: BlockRow, camera: str, name: StreamName) -> None:
        ledger = self._ledgers.get(row.stream)
        if ledger is None:
            ledger = self._ledgers[row.stream] = StreamLedger()
            ledger.span, ledger.gap = self._index.open_rows(row.stream)
            self._index.set_expected(row.stream, True)  # it was, when the block was written
            self._touched[row.stream] = (camera, name, row.first)
        changes = ledger.block(row.first, row.last, row.lost, silence=_UNKNOWN)
        self._index.apply(row.stream, camera, name, changes, tell=False)

    def _tell(self) -> None:
        """The centre hears of everything that changed, once."""
        with self._index.transaction():
            for stream, (camera, name, since) in self._touched.items():
                spans, gaps = self._index.coverage(stream, since, 2**62)
                rows: list[Span | Gap] = [*spans, *gaps]
                self._index.tell(camera, name, [Change(row) for row in rows])


def recover(root: Path, index: Index, *, writer: int | None = None) -> Recovered:
    """Finish deletions, take in files and blocks that the index does not know, cut half-written tails.

    With ``writer`` only that worker's files, while the others go on.
    """
    return _Recovery(root, index, writer).run()
