"""Signed checkpoints: made when there is something new, never over a log that is not the one signed before, and published."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
from pathlib import Path

import msgspec

from khue.centre.audit.tree import consistency_proof, edge_at, stored_edge
from khue.centre.config import AuditConfig
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.checkpoint import Checkpoint, LogKey, Signed, Signer, parse_checkpoint
from khue.model.errors import AuditError, Conflict, Unavailable
from khue.model.merkle import consistent

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_LOOK = 2.0  # seconds between looks at whether one is due
_FRESH = dt.timedelta(
    seconds=30
)  # whoever asks for the newest gets one no older than this, when there is something new


class Stored(msgspec.Struct, frozen=True):
    """A checkpoint and when it was made; the time is not signed."""

    at: dt.datetime
    signed: Signed

    @property
    def size(self) -> int:
        return self.signed.checkpoint.size


class Checkpoints:
    """``trouble`` says why none can be signed; "" when all is well."""

    def __init__(self, database: Database, signer: Signer, config: AuditConfig, folder: Path) -> None:
        """``folder``: where each is published as a file of its own that is never written again."""
        self._database = database
        self._signer = signer
        self._config = config
        self._folder = folder
        self._turn = asyncio.Lock()
        self.trouble = ""

    @property
    def key(self) -> LogKey:
        return self._signer.public

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(Unavailable, AuditError):
                if await self._due():
                    await self.make()
            await asyncio.sleep(_LOOK)

    async def latest(self) -> Stored | None:
        """The newest there is."""
        row = await self._database.fetchrow(_SQL["newest"])
        return None if row is None else _stored(row)

    async def current(self) -> Stored:
        """The newest; another is made when it is older than half a minute and no longer of all there is.

        Raises AuditError, Unavailable. While none can be signed, the last one that could is still given.
        """
        latest = await self.latest()
        if latest is None or await self._behind(_FRESH):
            try:
                return await self.make()
            except AuditError:
                if latest is None:
                    raise
        return latest

    async def _behind(self, patience: dt.timedelta) -> bool:
        row = await self._database.fetchrow(_SQL["due"])
        return row is not None and row["size"] != row["signed"] and row["waited"] >= patience

    async def make(self) -> Stored:
        """Over all there is now, unless that was signed already. Raises AuditError when the log was tampered with."""
        async with self._turn:
            try:
                made = await self._make()
            except Conflict:  # another replica signed the same size at this moment
                made = await self._of_another()
            except AuditError as error:
                if str(error) != self.trouble:
                    _log.critical("no checkpoint of the audit log is signed: %s", error)
                self.trouble = str(error)
                raise
            self.trouble = ""
            return made

    async def _of_another(self) -> Stored:
        stored = await self.latest()
        if stored is None:
            raise AuditError("checkpoints of the audit log were removed")
        return stored

    async def _due(self) -> bool:
        row = await self._database.fetchrow(_SQL["due"])
        if row is None or row["size"] in (0, row["signed"]):
            return False
        return (
            row["signed"] is None
            or row["size"] - row["signed"] >= self._config.every_entries
            or row["waited"] >= dt.timedelta(minutes=self._config.every_minutes)
        )

    async def _make(self) -> Stored:
        async with self._database.transaction("repeatable_read") as session:
            edge = await stored_edge(session)
            root = edge.root()
            newest = await session.fetchrow(_SQL["newest"])
            if newest is not None:
                last = _stored(newest)
                if not self.key.signed(last.signed):
                    raise AuditError("the newest checkpoint is not signed with the key in keys/audit.key")
                await _must_follow(session, last.signed.checkpoint, edge.size, root)
            published = await asyncio.to_thread(self._newest_published)
            if published is not None:
                await _must_follow(session, published, edge.size, root)
            elif newest is None and (await edge_at(session, edge.size)).root() != root:
                raise AuditError("the audit log's tree is not the one over its leaves")
            if newest is not None and newest["size"] == edge.size:
                return _stored(newest)
            signed = self._signer.sign(edge.size, root)
            at = await session.fetchval(_SQL["add_checkpoint"], edge.size, root, signed.note)
        await asyncio.to_thread(self._publish, signed)
        return Stored(at, signed)

    def _publish(self, signed: Signed) -> None:
        path = self._folder / f"checkpoint-{signed.checkpoint.size:012}.txt"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(signed.note)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            pass
        except OSError as error:
            _log.error("checkpoint %s cannot be published: %s", path, error)

    def _newest_published(self) -> Checkpoint | None:
        """Of those this centre signed and put outside the database: who can change that, cannot change these too."""
        for path in sorted(self._folder.glob("checkpoint-*.txt"), reverse=True):
            with contextlib.suppress(AuditError, OSError, UnicodeDecodeError):
                signed = parse_checkpoint(path.read_text(encoding="utf-8"))
                if self.key.signed(signed):
                    return signed.checkpoint
        return None


async def _must_follow(session: Statements, last: Checkpoint, size: int, root: bytes) -> None:
    """Raises AuditError unless the log of ``size`` grew out of the one ``last`` was signed for."""
    if last.size > size:
        raise AuditError(
            f"a checkpoint was signed for {last.size} entries and the log has {size}; entries were taken away"
        )
    if not consistent(last.size, size, last.root, root, await consistency_proof(session, last.size, size)):
        raise AuditError(f"the log is not the one whose {last.size} entries were signed; one of them was changed")


def _stored(row: Row) -> Stored:
    """Raises AuditError when the row was tampered with."""
    signed = parse_checkpoint(row["note"])
    if (signed.checkpoint.size, signed.checkpoint.root) != (row["size"], row["root"]):
        raise AuditError(f"the checkpoint stored for {row['size']} entries is not the one that was signed")
    return Stored(row["at"], signed)
