"""Agencies in their tree, and the filters people keep."""

from __future__ import annotations

import re

import msgspec

from khue.centre.access.rules import Account, Right
from khue.centre.access.scope import terms_of
from khue.centre.errors import Invalid
from khue.centre.fleet.rules import fold, search_words
from khue.centre.ids import new_id
from khue.centre.inventory.filters import parse
from khue.centre.ports import Database, Row, Statements
from khue.centre.registry.actor import as_actor
from khue.centre.sql import Queries
from khue.model.errors import Conflict, Denied, NotFound

_SQL = Queries(__file__)
KINDS = ("city", "police", "department", "ward", "commune", "broadcaster", "contractor", "other")
_LONGEST = 200


class Agency(msgspec.Struct, frozen=True):
    """Who owns or manages cameras. ``parent`` sees what those below it have."""

    id: str
    name: str
    kind: str
    parent: str | None = None
    unit: str | None = None


class Agencies:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Agency]:
        rows = await self._database.fetch(_SQL["list_agencies"])
        return [_agency(row) for row in rows]

    async def units(self) -> list[Row]:
        return list(await self._database.fetch(_SQL["list_units"]))

    async def add(self, by: Account, name: str, kind: str, parent: str | None, unit: str | None) -> Agency:
        """Its id is its name, folded. Raises Invalid, Denied, Conflict, NotFound (no such parent or unit)."""
        agency = Agency(slug(name), name.strip(), kind, parent, unit)
        await _check(self._database, by, agency)
        await self._database.execute(_SQL["add_agency"], *_columns(agency))
        return agency

    async def change(self, by: Account, agency: str, changes: dict[str, str | None]) -> Agency:
        """Its id stays. Its cameras are found by its new name. Raises Invalid, Denied, Conflict, NotFound."""
        async with self._database.transaction() as session:
            row = await session.fetchrow(_SQL["agency_by_id"], agency)
            if row is None:
                raise NotFound("there is no such agency")
            before = _agency(row)
            after = msgspec.convert({**msgspec.to_builtins(before), **changes}, Agency)
            await _check(session, by, after)
            if after.parent is not None and await session.fetchval(_SQL["agency_below"], agency, after.parent):
                raise Conflict("an agency cannot be below itself")
            await session.execute(_SQL["change_agency"], *_columns(after))
            if after.name != before.name:
                await as_actor(session, by.username, f"{before.name} is called {after.name}", f"agency {agency}")
                cameras = await session.fetch(_SQL["owned_by"], agency)
                found_by = [_words(camera) for camera in cameras]
                await session.execute(_SQL["set_search"], [camera["id"] for camera in cameras], found_by)
        return after


class Filters:
    """Each account's own, and those others share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seen_by(self, account: Account) -> list[Row]:
        return list(await self._database.fetch(_SQL["list_filters"], account.id))

    async def keep(self, account: Account, name: str, query: dict[str, str], shared: bool) -> str:
        """Its id. Under a name one has already, the new one replaces it. Raises Invalid."""
        if not 1 <= len(name.strip()) <= _LONGEST:
            raise Invalid(f"a filter's name has 1 to {_LONGEST} characters")
        parse(query)
        kept = msgspec.json.encode(query).decode()
        return str(await self._database.fetchval(_SQL["add_filter"], new_id(), account.id, name.strip(), kept, shared))

    async def drop(self, account: Account, saved: str) -> None:
        """One's own. Raises NotFound."""
        if await self._database.fetchrow(_SQL["drop_filter"], saved, account.id) is None:
            raise NotFound("you have no such filter")


def slug(name: str) -> str:
    """The id of an agency: its name, folded, as one word. Raises Invalid when nothing is left of it."""
    made = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:64].rstrip("-")
    if not made:
        raise Invalid("an agency's name has letters or digits")
    return made


async def _check(session: Statements, by: Account, agency: Agency) -> None:
    if not any(term.whole_city for term in await terms_of(session, by, Right.MANAGE)):
        raise Denied("agencies are kept by those who see the whole city; ask one of them")
    if not 1 <= len(agency.name.strip()) <= _LONGEST:
        raise Invalid(f"an agency's name has 1 to {_LONGEST} characters")
    if agency.kind not in KINDS:
        raise Invalid(f"an agency is one of {', '.join(KINDS)}")


def _agency(row: Row) -> Agency:
    return Agency(row["id"], row["name"], row["kind"], row["parent"], row["unit"])


def _columns(agency: Agency) -> tuple[str | None, ...]:
    found_by = fold(f"{agency.name} {agency.id}")
    return agency.id, agency.name.strip(), agency.kind, agency.parent, agency.unit, found_by


def _words(row: Row) -> str:
    words = {name: row[name] for name in ("code", "address", "vendor", "model", "serial")}
    return search_words(row["id"], row["name"], owner=row["owner_name"], unit=row["unit_name"], **words)
