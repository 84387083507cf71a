"""Everything about the audit log but writing it, brought together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from khue.centre.access.rules import Account
from khue.centre.audit.checkpoints import Checkpoints, Stored
from khue.centre.audit.export import Export
from khue.centre.audit.search import Search
from khue.centre.audit.tree import consistency_proof, inclusion_proof, stored_edge, stored_leaves
from khue.centre.audit.verify import Finding, verify_own
from khue.centre.config import CentreConfig
from khue.centre.ports import Database
from khue.centre.secrets import load_audit_key
from khue.centre.sql import Queries
from khue.model.checkpoint import Signer, parse_checkpoint
from khue.model.errors import NotFound

_SQL = Queries(__file__)
_NO_ENTRY = "there is no such entry"


class Audit:
    """Reading, proving and signing the log."""

    def __init__(self, database: Database, config: CentreConfig) -> None:
        """Raises ConfigError for a key others can read, AuditError for an origin no log can have."""
        folder = Path(config.audit.publish) if config.audit.publish else Path(config.data_dir) / "audit"
        signer = Signer(config.audit.origin, load_audit_key(config.keys))
        self._database = database
        self.checkpoints = Checkpoints(database, signer, config.audit, folder)
        self.search = Search(database)
        self.export = Export(database, self.checkpoints)

    async def run(self) -> None:
        """Sign checkpoints until cancelled."""
        await self.checkpoints.run()

    async def verify(self) -> Finding:
        return await verify_own(self._database, self.checkpoints.key)

    async def inclusion(self, reader: Account, seq: int, size: int | None) -> tuple[int, bytes, list[bytes]]:
        """(size, leaf, proof) of an entry the reader may see. Raises NotFound, AuditError."""
        if await self.search.entry(reader, seq) is None:
            raise NotFound(_NO_ENTRY)
        async with self._database.transaction("repeatable_read", readonly=True) as session:
            whole = (await stored_edge(session)).size
            wanted = whole if size is None else size
            if not seq < wanted <= whole:
                raise NotFound(f"{_NO_ENTRY} in a log of {wanted}; it has {whole} entries now")
            leaf = await stored_leaves(session, seq, seq + 1)
            return wanted, leaf, await inclusion_proof(session, seq, wanted)

    async def consistency(self, old: int, size: int | None) -> tuple[int, list[bytes]]:
        """(size, proof that the log of ``old`` is the beginning of the one of ``size``). Raises NotFound, AuditError."""
        async with self._database.transaction("repeatable_read", readonly=True) as session:
            whole = (await stored_edge(session)).size
            wanted = whole if size is None else size
            if not 0 <= old <= wanted <= whole:
                raise NotFound(f"the log has {whole} entries; it was never one of {old} within one of {wanted}")
            return wanted, await consistency_proof(session, old, wanted)

    async def all_checkpoints(self, before: int | None, limit: int) -> Sequence[Stored]:
        """Newest first."""
        rows = await self._database.fetch(_SQL["list_checkpoints"], before, limit)
        return [Stored(row["at"], parse_checkpoint(row["note"])) for row in rows]
