"""The centre looks at its own log: every row against the tree's record of it, and the tree against what was signed."""

from __future__ import annotations

import msgspec

from khue.centre.audit.rows import entry_of
from khue.centre.audit.tree import STORED_LEVELS, stored_edge, stored_leaves
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries
from khue.model.audit_compare import Change, Difference, Leaves, first_difference
from khue.model.checkpoint import LogKey, parse_checkpoint
from khue.model.errors import AuditError
from khue.model.merkle import SIZE, Frontier, Subtree

_SQL = Queries(__file__)
_STEP = 2048  # entries read at a time
_NOWHERE = b"\0" * SIZE  # stands where a row is missing


class Finding(msgspec.Struct, frozen=True):
    """``first_bad`` is the first entry concerned, null when none can be named; ``root`` hex, over what the log held."""

    ok: bool
    size: int
    root: str
    checkpoints: int
    first_bad: int | None = None
    until: int | None = None
    change: Change | None = None
    why: str = ""


async def verify_own(database: Database, key: LogKey) -> Finding:
    """Reads all of it, some thousand entries at a time. Raises Unavailable."""
    return await _Look(database, key).all()


class _Look:
    def __init__(self, database: Database, key: LogKey) -> None:
        self._database = database
        self._key = key
        self._edge = Frontier()
        self._made: dict[Subtree, bytes] = {}
        self._signed: list[Row] = []
        self._good = 0  # checkpoints that hold
        self._sure = 0  # entries the last of them vouches for

    async def all(self) -> Finding:
        try:
            wanted = await stored_edge(self._database)
        except AuditError as error:
            return self._found(0, Difference(0, Change.UNKNOWN, str(error)))
        self._signed = list(await self._database.fetch(_SQL["checkpoints_between"], -1, wanted.size, 1 << 40))
        for first in range(0, wanted.size, _STEP):
            difference = await self._stretch(first, min(first + _STEP, wanted.size))
            if difference is not None:
                return self._found(wanted.size, difference)
        if self._edge.root() != wanted.root():
            why = "the tree's edge is not the one over its leaves"
            return self._found(wanted.size, Difference(self._sure, Change.UNKNOWN, why, wanted.size - 1))
        beyond = await self._database.fetchval(_SQL["beyond"])
        if beyond is not None:
            why = f"entry {beyond} stands in the table and was never written by the centre"
            return self._found(wanted.size, Difference(beyond, Change.INSERTED, why))
        return self._found(wanted.size, None)

    async def _stretch(self, first: int, end: int) -> Difference | None:
        try:
            record = await stored_leaves(self._database, first, end)
        except AuditError as error:
            return Difference(first, Change.UNKNOWN, str(error), end - 1)
        rows = {row["seq"]: row for row in await self._database.fetch(_SQL["entries"], first, end)}
        entries, noted = bytearray(), bytearray()
        for seq in range(first, end):
            row = rows.get(seq)
            entries += _NOWHERE if row is None else entry_of(row).leaf
            noted += _NOWHERE if row is None else row["leaf"].ljust(SIZE, b"\0")[:SIZE]
        if entries != record or noted != record:
            difference = first_difference(Leaves(entries, first), Leaves(record, first), Leaves(noted, first))
            if difference is None:
                difference = first_difference(Leaves(noted, first), Leaves(record, first))
                assert difference is not None
                return Difference(difference.seq, Change.EDITED, f"the leaf beside entry {difference.seq} was changed")
            if difference.seq not in rows:
                return Difference(difference.seq, Change.REMOVED, f"entry {difference.seq} was removed")
            return difference
        return await self._grow(record, first, end)

    async def _grow(self, record: bytes, first: int, end: int) -> Difference | None:
        """The tree over this stretch, and the checkpoints and stored subtrees that end in it."""
        difference = self._checkpoints()
        for at in range(0, len(record), SIZE):
            if difference is not None:
                return difference
            self._edge.append(record[at : at + SIZE], self._keep)
            difference = self._checkpoints()
        for level in {made.level for made in self._made}:
            ours = {made.place: value for made, value in self._made.items() if made.level == level}
            rows = await self._database.fetch(_SQL["node_range"], level, min(ours), max(ours) + 1)
            if {row["position"]: row["hash"] for row in rows} != ours:
                why = f"hashes of level {level} of the tree are not those over its leaves"
                return Difference(first, Change.UNKNOWN, why, end - 1)
        self._made.clear()
        return difference

    def _checkpoints(self) -> Difference | None:
        while self._good < len(self._signed) and self._signed[self._good]["size"] == self._edge.size:
            row = self._signed[self._good]
            try:
                note = parse_checkpoint(row["note"])
            except AuditError as error:
                return Difference(self._edge.size, Change.UNKNOWN, f"checkpoint of {row['size']} entries: {error}")
            if not self._key.signed(note):
                why = f"the checkpoint of {row['size']} entries is not signed by this centre"
                return Difference(self._sure, Change.UNKNOWN, why, self._edge.size - 1)
            if note.checkpoint.root != self._edge.root() or note.checkpoint.size != self._edge.size:
                why = (
                    f"entries and tree were changed together: the checkpoint signed for {row['size']} entries is of "
                    f"others, and the one of {self._sure} still holds"
                )
                return Difference(self._sure, Change.EDITED, why, self._edge.size - 1)
            self._good += 1
            self._sure = self._edge.size
        return None

    def _keep(self, subtree: Subtree, value: bytes) -> None:
        if subtree.level in STORED_LEVELS:
            self._made[subtree] = value

    def _found(self, size: int, difference: Difference | None) -> Finding:
        root = self._edge.root().hex()
        if difference is None:
            return Finding(True, size, root, self._good)
        return Finding(
            *(False, size, root, self._good, difference.seq, difference.until, difference.change, difference.why)
        )
