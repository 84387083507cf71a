"""The questions the log answers: who watched this camera, what did this officer do, what was never used, what was refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from khue.centre.access.rules import Account, Right
from khue.centre.access.scope import as_reader
from khue.centre.audit.rows import COLUMNS
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries

_SQL = Queries(__file__)
_SHOWN = f"{COLUMNS}, (select c.name from camera c where c.id = e.camera) as camera_name"
_CAMERA = "(e.camera = {0} or e.named @> array[{0}])"
_CONDITIONS = {
    "camera": _CAMERA,
    "account": "e.account = {0}",
    "post": "e.post = {0}",
    "action": "e.action = {0}",
    "outcome": "e.outcome = {0}",
    "grant": "e.grant_id = {0}",
    "case": "e.case_number = {0}",
    "purpose": "e.purpose = {0}",
    "start": "e.seq >= coalesce((select f.seq from audit_entry f where f.at >= {0} order by f.at, f.seq limit 1), 1::bigint << 62)",
    "end": "e.at < {0}",
    "before": "e.seq < {0}",
}


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which entries; what is empty or null does not narrow. ``account`` is an id or a user name."""

    camera: str = ""
    account: str = ""
    post: str = ""
    action: str = ""
    outcome: str = ""
    grant: str = ""
    case: str = ""
    purpose: str = ""
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    before: int | None = None

    @property
    def text(self) -> str:
        """As it is written down that somebody asked."""
        return " ".join(f"{name}={value}" for name, value in msgspec.to_builtins(self).items()) or "everything"


class Search:
    """Answers as far as the account may audit; hidden entries do not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self, reader: Account, wanted: Wanted, limit: int) -> Sequence[Row]:
        """Newest first."""
        where, values = await self._where(wanted)
        statement = f"select {_SHOWN} from audit_entry e where {where} order by e.seq desc limit ${len(values) + 1}"
        return await self._read(reader, statement, *values, limit)

    async def watchers(self, reader: Account, wanted: Wanted) -> Sequence[Row]:
        """Who looked at pictures of a camera, most often first."""
        return await self._grouped(reader, "watchers", wanted)

    async def doings(self, reader: Account, wanted: Wanted) -> Sequence[Row]:
        """What an account did, action by action."""
        return await self._grouped(reader, "doings", wanted)

    async def cameras_of(self, reader: Account, wanted: Wanted) -> Sequence[Row]:
        """With which cameras, most often first."""
        return await self._grouped(reader, "cameras_of", wanted)

    async def refusals(self, reader: Account, wanted: Wanted) -> Sequence[Row]:
        """What was refused to whom, most often first."""
        return await self._grouped(reader, "refusals", wanted)

    async def unused_grants(self, days: float) -> Sequence[Row]:
        """Grants in force for longer than ``days`` that no entry since refers to."""
        return await self._database.fetch(_SQL["unused_grants"], dt.timedelta(days=days))

    async def entry(self, reader: Account, seq: int) -> Row | None:
        rows = await self._read(reader, f"select {_SHOWN} from audit_entry e where e.seq = $1", seq)
        return rows[0] if rows else None

    async def _grouped(self, reader: Account, name: str, wanted: Wanted) -> Sequence[Row]:
        where, values = await self._where(wanted)
        return await self._read(reader, _SQL[name].replace("/* where */", where), *values)

    async def _read(self, reader: Account, statement: str, *values: object) -> Sequence[Row]:
        async with as_reader(self._database, reader, right=Right.AUDIT) as session:
            return await session.fetch(statement, *values)

    async def _where(self, wanted: Wanted) -> tuple[str, list[object]]:
        """A condition made of fixed pieces, so that each combination finds its index, and its parameters."""
        given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value not in ("", None)}
        if "account" in given:
            given["account"] = await self._database.fetchval(_SQL["account_id"], given["account"])
        pieces = [_CONDITIONS[name].format(f"${place}") for place, name in enumerate(given, 1)]
        return " and ".join(pieces) or "true", list(given.values())
