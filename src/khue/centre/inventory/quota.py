"""The quota board: how many cameras the scheme needs, and how many are proposed, installed, said to work and seen to work."""

from __future__ import annotations

import datetime as dt

import msgspec

from khue.centre.access.rules import Account
from khue.centre.access.scope import reach_of
from khue.centre.errors import Invalid
from khue.centre.inventory.filters import HANOI, Filter
from khue.centre.inventory.past import source
from khue.centre.inventory.reading import reading
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.registry import INSTALLED, QUOTA_GROUPS, LinkKind, Purpose, QuotaGroup

_SQL = Queries(__file__)
_KEYS = {
    "purpose": "c.purpose",
    "group": "(select p.quota_group from purpose p where p.id = c.purpose)",
    "unit": "c.unit",
    "owner": "c.owner",
    "manager": "c.manager",
    "type": "nullif(concat_ws('/', nullif(c.vendor, ''), nullif(c.family, '')), '')",
    "link": "c.link",
}
# Of these every word has a row, also when no camera has it.
_FIXED: dict[str, list[str]] = {"purpose": list(Purpose), "group": list(QuotaGroup), "link": list(LinkKind)}


class Counts(msgspec.Struct, kw_only=True):
    """Cameras. ``proposed`` are those that do not hang yet, ``approved`` those of them that are approved. ``needed`` is null
    where the scheme says nothing; declared_* and the rest are among the installed. ``both``: declared and seen working.
    """

    needed: int | None = None
    proposed: int = 0
    approved: int = 0
    installed: int = 0
    declared_working: int = 0
    declared_unknown: int = 0
    seen_working: int = 0
    seen_unknown: int = 0
    both: int = 0
    only_declared: int = 0
    only_seen: int = 0


class QuotaRow(Counts, kw_only=True):
    """``key`` null: cameras of which it is not stated. ``name`` is a unit's or an agency's; else the key itself."""

    key: str | None
    name: str


class QuotaBoard(msgspec.Struct, frozen=True):
    by: str
    at: dt.datetime
    rows: list[QuotaRow]
    total: Counts


_COUNTED = tuple(name for name in Counts.__struct_fields__ if name != "needed")


class Quota:
    """Counts what the account may see; what the scheme needs is the whole city's, and is shown to who sees all of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def board(self, account: Account, by: str, asof: dt.datetime | None) -> QuotaBoard:
        """Raises Invalid for something it cannot be counted by."""
        if by not in _KEYS:
            raise Invalid(f"by is {by[:40]!r}; there are {', '.join(_KEYS)}")
        at = asof or dt.datetime.now(dt.UTC)
        rows_from, condition, arguments = source(Filter(asof=asof), measured=True)
        counts = _SQL["counts"].format(installed=f"${len(arguments) + 1}::text[]")
        statement = f"select {_KEYS[by]} as key, {counts} {rows_from} where {condition} group by 1"
        async with reading(self._database, account) as session:
            found = {row["key"]: row for row in await session.fetch(statement, *arguments, sorted(INSTALLED))}
            names = await _names(session, by)
            reach = await reach_of(session)
            needed = await _needed(session, by, at) if reach["whole"] else {}
        hidden = () if reach["defence"] else (Purpose.DEFENCE, QuotaGroup.DEFENCE)
        keys = [key for key in _FIXED.get(by, ()) if key not in hidden]
        if by == "unit" and reach["whole"]:
            keys = list(names)
        keys += sorted(key for key in found if key is not None and key not in set(keys))
        rows = [_row(key, names.get(key, key), found.get(key), needed.get(key)) for key in map(str, keys)]
        if None in found:
            rows.append(_row(None, "", found[None], None))
        return QuotaBoard(by, at, rows, _total(rows))


def _row(key: str | None, name: str, counted: Row | None, needed: int | None) -> QuotaRow:
    counts = {} if counted is None else {column: int(counted[column]) for column in _COUNTED}
    return QuotaRow(key=key, name=name, needed=needed, **counts)


def _total(rows: list[QuotaRow]) -> Counts:
    needed = [row.needed for row in rows if row.needed is not None]
    counts = {column: sum(getattr(row, column) for row in rows) for column in _COUNTED}
    return Counts(needed=sum(needed) if needed else None, **counts)


async def _names(session: Statements, by: str) -> dict[str, str]:
    if by not in ("unit", "owner", "manager"):
        return {}
    rows = await session.fetch(_SQL["unit_names" if by == "unit" else "agency_names"])
    return {row["key"]: row["name"] for row in rows}


async def _needed(session: Statements, by: str, at: dt.datetime) -> dict[str, int]:
    """By group; by purpose where a group has but one."""
    if by not in ("group", "purpose"):
        return {}
    rows = await session.fetch(_SQL["needed"], at.astimezone(HANOI).date())
    by_group = {str(row["quota_group"]): int(row["needed"]) for row in rows}
    if by == "group":
        return by_group
    groups = list(QUOTA_GROUPS.values())
    return {
        str(purpose): by_group[group]
        for purpose, group in QUOTA_GROUPS.items()
        if groups.count(group) == 1 and group in by_group
    }
