"""`khue check`: proves that index, log and disk say the same, and prints where they do not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec

from khue.model.camera import StreamName
from khue.model.time import Micros
from khue.video.block import NO_HASH
from khue.video.index import BlockRow, FileRow, Index
from khue.video.reading import scan


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as it should be. ``kind``: disk, log, index or chain."""

    kind: str
    where: str
    what: str


class Report(msgspec.Struct, frozen=True):
    files: int
    blocks: int
    bytes: int
    streams: int
    differences: int
    details: tuple[Difference, ...]


class _Chains:
    """Follows the hash chain of every stream; blocks come in file order, so a stream's come in its own order mostly."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, StreamName], dict[int, tuple[bytes, bytes, str]]] = {}

    def add(self, camera: str, name: StreamName, sequence: int, previous: bytes, digest: bytes, where: str) -> None:
        self.seen.setdefault((camera, name), {})[sequence] = (previous, digest, where)

    def breaks(self) -> Iterator[Difference]:
        for (camera, name), blocks in self.seen.items():
            for sequence, (previous, _, where) in blocks.items():
                before = blocks.get(sequence - 1)
                if sequence == 0 and previous != NO_HASH:
                    yield Difference("chain", where, f"{camera}/{name}: the first block names a predecessor")
                if before and before[1] != previous:
                    what = f"{camera}/{name}: block {sequence} does not follow block {sequence - 1}; one of them was replaced"
                    yield Difference("chain", where, what)


def check(root: Path, index: Index, *, until: Micros | None = None) -> Report:
    """Compare everything. ``until``: blocks that arrived later are left out, so a node can be checked while it records."""
    details: list[Difference] = []
    chains = _Chains()
    files = index.files()
    on_disk = {str(path.relative_to(root)) for path in root.glob("*/*.khl")}
    details += [
        Difference("disk", path, "a log file the index does not know; restart the node to take it in")
        for path in sorted(on_disk - {file.path for file in files})
    ]
    blocks = total = 0
    for file in files:
        if file.path not in on_disk:
            if index.file(file.id) is not None:  # retention may have deleted it just now
                details.append(Difference("disk", file.path, "the index names this file, the disk does not have it"))
            continue
        found, length = _check_file(root / file.path, file, index, chains, details, until)
        blocks += found
        total += length
    details += chains.breaks()
    details += _missing_between(index, chains)
    return Report(len(files), blocks, total, len(index.streams()), len(details), tuple(details))


def _check_file(
    path: Path, file: FileRow, index: Index, chains: _Chains, details: list[Difference], until: Micros | None
) -> tuple[int, int]:
    streams = {row.id: row for row in index.streams()}
    rows: dict[int, BlockRow] = {row.offset: row for row in index.blocks_of_file(file.id)}
    blocks = length = 0
    for item in scan(path):
        where = f"{file.path} at {item.offset}"
        beyond = file.state == "open" and item.offset >= file.length
        row = rows.pop(item.offset, None)
        if item.block is None:
            if not beyond:
                details.append(Difference("log", where, item.problem))
            continue
        meta = item.block.meta
        if row is None:
            if not beyond and (until is None or meta.last <= until):
                details.append(
                    Difference("index", where, "a whole block without an index row; run recovery by a restart")
                )
            continue
        blocks += 1
        length += item.length
        chains.add(meta.camera, meta.stream, meta.sequence, item.block.previous, item.block.digest, where)
        stream = streams.get(row.stream)
        said = (stream.camera, stream.name) if stream else None
        if said != (meta.camera, meta.stream) or (row.first, row.last, row.sequence, row.length) != (
            meta.first, meta.last, meta.sequence, item.length,
        ):  # fmt: skip
            details.append(Difference("index", where, "the index row and the block's header disagree"))
    for row in rows.values():
        details.append(
            Difference("index", f"{file.path} at {row.offset}", "an index row where the log has no such block")
        )
    return blocks, length


def _missing_between(index: Index, chains: _Chains) -> Iterator[Difference]:
    """A hole in a stream's sequence that no recorded deletion explains."""
    for (camera, name), blocks in chains.seen.items():
        stream = index.find_stream(camera, name)
        deletions = index.deletions(stream) if stream else []
        known = sorted(blocks)
        for before, after in itertools.pairwise(known):
            missing = after - before - 1
            gone = sum(max(0, min(last, after - 1) - max(first, before + 1) + 1) for first, last in deletions)
            if missing > gone:
                what = f"{missing - gone} blocks are missing between {before} and {after}, and no deletion is on record"
                yield Difference("chain", f"{camera}/{name}", what)
