"""The audit log, written: an entry is durable, and its leaf in the tree, before anything is shown."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
from collections.abc import Sequence

import msgspec

from khue.centre.audit.tree import STORED_LEVELS
from khue.centre.ports import Database
from khue.centre.sql import Queries
from khue.model.audit import FORM, AuditEntry, cleaned
from khue.model.errors import KhueError, Unavailable
from khue.model.merkle import Frontier, Subtree, leaf_hash
from khue.model.time import to_datetime, to_micros

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_MOST = 2000  # entries of one commit
_HARMLESS = 2000  # bytes of an entry in which no field can be too long
_AWAY = "the audit log cannot be written, and without an entry nothing is done; try again in a few seconds"


class Entry(msgspec.Struct, frozen=True):
    """Who did what, to which camera and period, for what, from where, and whether they might."""

    account: str
    username: str
    action: str
    address: str
    outcome: str  # allowed, refused
    camera: str = ""
    stream: str = ""
    period_start: dt.datetime | None = None
    period_end: dt.datetime | None = None
    purpose: str = ""
    detail: str = ""
    post: str = ""
    case_number: str = ""
    reason: str = ""
    grant: str = ""
    clause: str = ""
    version: str = ""  # of the regulation
    cameras: int = 0  # how many, when it is about several
    named: tuple[str, ...] = ()  # which, where they were named one by one


class AccessLog:
    """Entries that arrive while one commit runs share the next: a durable commit costs milliseconds, a row nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Return once it is stored. Raises Unavailable; what was to be shown must then not be."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, stored))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush(), name="audit log")
        await stored

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            failed: Exception | None = None
            try:
                await self._store([entry for entry, _ in batch])
            except Unavailable as error:
                failed = error
            except Exception as error:  # noqa: BLE001 - whatever it was: nobody may wait for ever, and nothing may be shown
                _log.critical("the audit log cannot be written", exc_info=error)
                failed = Unavailable(_AWAY)
            for _, stored in batch:
                if stored.done():  # its writer may have given up
                    continue
                if failed is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(failed)

    async def _store(self, entries: Sequence[Entry]) -> None:
        """One transaction: the lock that orders replicas, rows without a hole, and the tree over them."""
        async with self._database.transaction() as session:
            tree = await session.fetchrow(_SQL["lock_tree"])
            if tree is None:
                raise KhueError("the audit log has lost its tree; restore the database")
            now = max(tree["now"], tree["at"])
            edge = Frontier(tree["size"], tree["edge"])
            rows, leaves, made = _grown(entries, to_micros(now), edge)
            columns = [list(column) for column in zip(*rows, strict=True)]
            levels, positions, hashes = zip(*made, strict=True) if made else ((), (), ())
            await session.execute(
                _SQL["append"],
                *(*columns, tree["size"], b"".join(leaves), edge.size, now, edge.hashes),
                *(list(levels), list(positions), list(hashes)),
            )


def _grown(
    entries: Sequence[Entry], at: int, edge: Frontier
) -> tuple[list[tuple[object, ...]], list[bytes], list[tuple[int, int, bytes]]]:
    """(rows in the order of ``append``, leaves, subtrees to keep) of entries put after what ``edge`` stands for."""
    made: list[tuple[int, int, bytes]] = []

    def keep(subtree: Subtree, value: bytes) -> None:
        if subtree.level in STORED_LEVELS:
            made.append((subtree.level, subtree.place, value))

    rows: list[tuple[object, ...]] = []
    leaves = []
    moment = to_datetime(at)
    salts = os.urandom(16 * len(entries)).hex()
    for number, entry in enumerate(entries):
        full, content = _written(entry, edge.size, at, salts[32 * number : 32 * (number + 1)])
        leaf = leaf_hash(content)
        edge.append(leaf, keep)
        leaves.append(leaf)
        values = msgspec.structs.astuple(full)
        rows.append(
            (
                *(full.seq, moment, *values[3:11], entry.period_start, entry.period_end),
                *(*values[13:20], ",".join(full.named), *values[21:], leaf),
            )
        )
    return rows, leaves, made


def _written(entry: Entry, seq: int, at: int, salt: str) -> tuple[AuditEntry, bytes]:
    """With its canonical bytes. Nearly every entry is harmless as it is; what is not is made so."""
    full = _full(entry, seq, at, salt)
    with contextlib.suppress(UnicodeEncodeError):
        content = full.canonical
        if len(content) <= _HARMLESS and b"\\u0000" not in content:
            return full, content
    full = cleaned(full)
    return full, full.canonical


def _full(entry: Entry, seq: int, at: int, salt: str) -> AuditEntry:
    start, end, named = entry.period_start, entry.period_end, entry.named
    return AuditEntry(
        FORM,
        seq,
        at,
        entry.account,
        entry.username,
        entry.post,
        entry.action,
        entry.address,
        entry.outcome,
        entry.camera,
        entry.stream,
        None if start is None else to_micros(start),
        None if end is None else to_micros(end),
        entry.purpose,
        entry.case_number,
        entry.reason,
        entry.grant,
        entry.clause,
        entry.version,
        entry.cameras or len(named),
        tuple([name.replace(",", "") for name in named if name]) if named else (),
        entry.detail,
        salt,
    )
