"""The log as a file for an outsider: lines of JSON, made as they are read.

First a header; then for every entry a line with its leaf hash and its canonical bytes; after each 1,024 of them the tree's
own record of their leaves; last the checkpoints that fall into it. What the reader may not see is there as a leaf alone, so
that the rest can still be proved.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import AsyncIterator

import msgspec

from khue.centre.access.rules import Account, Right
from khue.centre.access.scope import as_reader
from khue.centre.audit.checkpoints import Checkpoints
from khue.centre.audit.rows import entry_of
from khue.centre.audit.tree import stored_edge, stored_leaves, subtree_hashes
from khue.centre.ports import Database
from khue.centre.sql import Queries
from khue.model.errors import AuditError
from khue.model.merkle import cover

_SQL = Queries(__file__)
_STEP = 1024  # entries at a time
_CHECKPOINTS = 64  # of those that fall into an export
FORMAT = "khue-audit-1"


class Export:
    """Writes what the account may audit."""

    def __init__(self, database: Database, checkpoints: Checkpoints) -> None:
        self._database = database
        self._checkpoints = checkpoints

    async def begin(self, account: Account, start: dt.datetime | None, end: dt.datetime | None) -> AsyncIterator[bytes]:
        """The file in pieces, of the log as it is now; a checkpoint over all of it is made first. Raises Unavailable."""
        try:
            size = (await self._checkpoints.make()).size
        except AuditError:  # it cannot be signed any more: then the file shows why
            size = (await stored_edge(self._database)).size
        first = 0 if start is None else int(await self._database.fetchval(_SQL["first_at"], start))
        last = size if end is None else int(await self._database.fetchval(_SQL["first_at"], end))
        first, last = min(first, size), max(min(first, size), min(last, size))
        return self._pieces(account, first, last, size)

    async def _header(self, first: int, end: int, size: int) -> bytes:
        """``before`` and ``after`` stand for the entries left out: hashes of the subtrees they make up."""
        before, after = cover(0, first), cover(end, size)
        hashes = await subtree_hashes(self._database, [*before, *after])
        return _line(
            {
                "format": FORMAT,
                "origin": self._checkpoints.key.name,
                "key": self._checkpoints.key.text,
                "size": size,
                "from": first,
                "to": end,
                "before": [hashes[part].hex() for part in before],
                "after": [hashes[part].hex() for part in after],
            }
        )

    async def _pieces(self, account: Account, first: int, end: int, size: int) -> AsyncIterator[bytes]:
        yield await self._header(first, end, size)
        for begin in range(first, end, _STEP):
            yield await self._stretch(account, begin, min(begin + _STEP, end))
        for row in await self._database.fetch(_SQL["checkpoints_between"], first, end, _CHECKPOINTS):
            yield _line({"checkpoint": row["note"]})
        for row in await self._database.fetch(_SQL["checkpoints_between"], max(end, size - 1), size, 1):
            yield _line({"checkpoint": row["note"]})  # of all of it, where a part is exported

    async def _stretch(self, account: Account, first: int, end: int) -> bytes:
        rows = await self._database.fetch(_SQL["entries"], first, end)
        async with as_reader(self._database, account, right=Right.AUDIT) as session:
            seen = {row["seq"] for row in await session.fetch(_SQL["seqs"], first, end)}
        lines = []
        for row in rows:
            leaf = row["leaf"].hex().encode()
            if row["seq"] in seen:
                lines.append(b'{"leaf":"%b","entry":%b}\n' % (leaf, entry_of(row).canonical))
            else:
                lines.append(b'{"leaf":"%b","withheld":%d}\n' % (leaf, row["seq"]))
        try:
            record = await stored_leaves(self._database, first, end)
        except AuditError:
            pass  # the file then holds no more than the entries say of themselves
        else:
            lines.append(_line({"leaves": base64.b64encode(record).decode(), "first": first}))
        return b"".join(lines)


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"
