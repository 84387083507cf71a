"""The one authority that deletes recordings: whole files, index first, legal holds outrank everything.

Steps for one file (each may be followed by a crash; recovery goes on from there):
1. blocks under a hold are copied, bit for bit, into a file of the class ``held`` and the index points there;
2. the file is marked ``deleting`` and its block rows go, in one transaction;
3. the file is unlinked; 4. its row goes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from khue.model.coverage import GapCause
from khue.model.errors import RecordingError
from khue.model.retention import DAY, choose_deletions
from khue.model.time import Micros
from khue.video.erasure import forget
from khue.video.index import FileRow, Index
from khue.video.reading import LogReader
from khue.video.recovery import HELD
from khue.wire.link import Hold, RetentionPolicy


class Disk(NamedTuple):
    """Bytes on the disk the log lives on."""

    total: int
    free: int


class Kept(NamedTuple):
    """What one run did. ``starved``: the watermark asks for more room than the holds leave. ``problem``: why a file stayed."""

    deleted: list[str]
    held_blocks: int
    starved: bool
    problem: str = ""


def disk(root: Path) -> Disk:
    stat = os.statvfs(root)
    return Disk(stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize)


def retain(
    root: Path,
    index: Index,
    policies: Sequence[RetentionPolicy],
    holds: Sequence[Hold],
    now: Micros,
    *,
    space: Disk,
    free_target: int,
) -> Kept:
    """Delete what is past its term, and the oldest of the least important while less than ``free_target`` bytes are free."""
    files = index.files("sealed")
    _release(root, index, [file for file in files if file.retention_class == HELD], holds, now)
    doomed, starved = choose_deletions(
        [(f.id, f.retention_class, f.first or 0, f.last or 0, f.length) for f in files],
        {p.name: (p.days, p.priority) for p in policies},
        now,
        missing=max(0, free_target - space.free),
    )
    by_id = {file.id: file for file in files}
    deleted: list[str] = []
    held, problem = 0, ""
    for file in (by_id[file_id] for file_id in doomed):
        try:
            held += delete_file(root, index, file, holds, now, _reason(file, policies, now))
        except RecordingError as error:  # one damaged file must not keep all others on the disk
            problem = f"{file.path} cannot be deleted: {error}"
        else:
            deleted.append(file.path)
    return Kept(deleted, held, starved, problem)


def _reason(file: FileRow, policies: Sequence[RetentionPolicy], now: Micros) -> str:
    policy = next(p for p in policies if p.name == file.retention_class)
    if now - (file.last or 0) > policy.days * DAY:
        return f"deleted: the retention of {policy.days:g} days of class {policy.name} has ended"
    return f"deleted before its {policy.days:g} days were over: the disk was full and class {policy.name} matters least"


def delete_file(root: Path, index: Index, file: FileRow, holds: Sequence[Hold], now: Micros, reason: str) -> int:
    """Delete one file; returns how many blocks a hold kept."""
    kept = _keep_held(root, index, file, holds, now)
    with index.transaction():
        index.set_file_state(file.id, "deleting")
        forget(index, index.blocks_between(file), now, reason, GapCause.POLICY)
    (root / file.path).unlink(missing_ok=True)
    index.forget_file(file.id)
    return kept


def _held_rows(index: Index, file: FileRow, holds: Sequence[Hold]) -> set[tuple[int, Micros, int]]:
    """Keys of the blocks in ``file`` that some hold covers."""
    keys: set[tuple[int, Micros, int]] = set()
    streams = index.streams() if holds else []
    for hold in holds:
        for stream in streams:
            if stream.camera == hold.camera:
                rows = index.blocks(stream.id, hold.start, hold.end)
                keys.update((r.stream, r.first, r.sequence) for r in rows if r.file == file.id)
    return keys


def _release(root: Path, index: Index, files: list[FileRow], holds: Sequence[Hold], now: Micros) -> None:
    """Files kept for a hold go when no hold covers anything in them any more."""
    for file in files:
        if not _held_rows(index, file, holds):
            delete_file(root, index, file, (), now, "deleted: the legal hold on it was lifted")


def _keep_held(root: Path, index: Index, file: FileRow, holds: Sequence[Hold], now: Micros) -> int:
    keys = _held_rows(index, file, holds)
    if not keys:
        return 0
    rows = [r for r in index.blocks_between(file) if (r.stream, r.first, r.sequence) in keys]
    relative = f"{HELD}/{file.first or 0}-{file.id}-{now}.khl"  # never the name of an earlier copy
    path = root / relative
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")  # a copy cut short by a crash is not taken in
    reader = LogReader(root, index)
    moved = []
    offset = 0
    try:
        with (root / file.path).open("rb") as source, part.open("wb") as target:
            for row in rows:
                reader.read(row)  # verifies: damage is found now, not when the case is heard
                source.seek(row.offset)
                target.write(source.read(row.length))
                moved.append(row._replace(offset=offset))
                offset += row.length
            target.flush()
            os.fsync(target.fileno())
        part.replace(path)
    except OSError as error:
        raise RecordingError(
            f"blocks under a hold could not be copied ({error.strerror}); nothing was deleted"
        ) from error
    finally:
        reader.close()
        part.unlink(missing_ok=True)
    with index.transaction():
        held_id = index.open_file(relative, HELD, 0)
        index.add_blocks([row._replace(file=held_id) for row in moved])
        index.grow_file(held_id, offset, min(r.first for r in rows), max(r.last for r in rows))
        index.set_file_state(held_id, "sealed")
    return len(moved)
