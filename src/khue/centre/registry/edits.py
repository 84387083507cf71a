"""One change of many cameras: looked at before it is made, made in one transaction, and undone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from khue.centre.access.rules import Account, Right
from khue.centre.access.scope import as_reader, seen, terms_of
from khue.centre.errors import Invalid
from khue.centre.fleet.service import Fleet
from khue.centre.ids import new_id
from khue.centre.inventory.filters import parse, where
from khue.centre.ports import Database, Row, Statements
from khue.centre.registry.actor import as_actor
from khue.centre.registry.edit_rules import (
    HIDES,
    SAMPLE,
    Kept,
    Plan,
    Refused,
    Sample,
    columns_of,
    editable,
    plan,
    restore,
    samples,
)
from khue.centre.registry.fields import SCOPE, TOLD, Facts
from khue.centre.registry.record import facts_of
from khue.centre.sql import Queries
from khue.model.errors import Conflict, Denied, NotFound

_SQL = Queries(__file__)
_LONGEST = 100_000  # numbers in one edit
_AT_ONCE = 1000  # cameras; in between the centre answers others


class Outcome(msgspec.Struct):
    """What an edit did, or would do."""

    count: int = 0
    changed: list[str] = []
    refused: list[Refused] = []
    sample: list[Sample] = []
    fields: set[str] = set()
    told: set[str] = set()

    def add(self, made: Plan) -> None:
        self.count += len(made.rows)
        self.changed += made.changes
        self.refused += made.refused
        if len(self.sample) < SAMPLE:
            self.sample = [*self.sample, *samples(made)][:SAMPLE]
        self.fields.update(*made.changes.values())


class Edits:
    def __init__(self, database: Database, fleet: Fleet) -> None:
        self._database = database
        self._fleet = fleet

    async def meant(self, by: Account, query: Mapping[str, str] | None, numbers: Sequence[int] | None) -> list[str]:
        """The ids of the cameras that are meant and seen. Raises Invalid; NotFound for a number that is not there."""
        if (query is None) == (numbers is None):
            raise Invalid("an edit names its cameras by query or by numbers, one of the two")
        async with as_reader(self._database, by, right=Right.MANAGE) as session:
            if numbers is not None:
                if len(numbers) > _LONGEST or any(not 0 < number < 2**31 for number in numbers):
                    raise Invalid(f"numbers are those of cameras, at most {_LONGEST}")
                rows = await session.fetch(_SQL["seen_numbers"], list(numbers))
                if len(rows) != len(set(numbers)):
                    raise NotFound(f"{len(set(numbers)) - len(rows)} of the numbers are of no camera; look again")
                return [row["id"] for row in rows]
            wanted = parse(query or {})
            if wanted.asof is not None:
                raise Invalid("only what is now can be changed; leave asof out")
            condition, arguments = where(wanted)
            rows = await session.fetch(_SQL["seen_matching"].replace("{condition}", condition), *arguments)
            return [row["id"] for row in rows]

    async def preview(self, by: Account, cameras: Sequence[str], facts: Facts) -> Outcome:
        """What would happen now. Raises Invalid."""
        given, terms = editable(facts), await terms_of(self._database, by, Right.MANAGE)
        outcome = Outcome()
        for some in _batches(cameras):
            outcome.add(plan(terms, await self._database.fetch(_SQL["show_records"], some), given))
        return outcome

    async def apply(
        self, by: Account, cameras: Sequence[str], facts: Facts, reason: str, query: Mapping[str, Any]
    ) -> tuple[str, Outcome]:
        """(id of the edit, what it did): all that is not refused, in one transaction. Raises Invalid, Denied."""
        given, terms = editable(facts), await terms_of(self._database, by, Right.MANAGE)
        if not reason.strip():
            raise Invalid("an edit needs a reason: what it corrects, who decided it")
        edit, outcome = new_id(), Outcome()
        async with self._database.transaction() as session:
            await as_actor(session, by.username, reason.strip(), f"bulk edit {edit}")
            who = (edit, by.id, by.username, reason.strip())
            await session.execute(_SQL["add_edit"], *who, _json(query), _json(given))
            for some in _batches(cameras):
                visible = await seen(session, by, some, right=Right.MANAGE)
                rows = await session.fetch(_SQL["lock_records"], [camera for camera in some if camera in visible])
                made = plan(terms, rows, given)
                outcome.told |= await self._write(session, made.rows, made.changes)
                if made.changes.keys() - await seen(session, by, list(made.changes), right=Right.MANAGE):
                    raise Denied(HIDES)
                await self._remember(session, edit, made)
                outcome.add(made)
            await session.execute(_SQL["edit_done"], edit, len(outcome.changed))
        moved = bool(outcome.fields & SCOPE)
        await self._fleet.announce(outcome.changed, sorted(outcome.told), look_again=moved)
        return edit, outcome

    async def undo(self, by: Account, edit: str) -> tuple[int, list[Kept]]:
        """(cameras restored, what was kept and why). A field somebody changed since keeps what they wrote.

        Raises NotFound, Conflict when it was undone already, Denied when it would take cameras out of one's sight.
        """
        restored: list[str] = []
        kept: list[Kept] = []
        told: set[str] = set()
        async with self._database.transaction() as session:
            row = await session.fetchrow(_SQL["lock_edit"], edit)
            if row is None or not (by.sees_everything or row["account"] == by.id):
                raise NotFound("there is no such edit")
            if row["undone"] is not None:
                raise Conflict(f"it was undone at {row['undone']:%Y-%m-%d %H:%M} UTC")
            await as_actor(session, by.username, "undone", f"undo of bulk edit {edit}")
            cameras = [line["camera"] for line in await session.fetch(_SQL["edit_cameras"], edit)]
            for some in _batches(cameras):
                wrote = {line["camera"]: line for line in await session.fetch(_SQL["edit_rows"], edit, some)}
                visible = await seen(session, by, some, right=Right.MANAGE)
                rows = {one["id"]: one for one in await session.fetch(_SQL["lock_records"], sorted(visible))}
                back, as_it_is = restore(rows, wrote)
                told |= await self._write(session, rows, back)
                if back.keys() - await seen(session, by, list(back), right=Right.MANAGE):
                    raise Denied("undoing it would hide cameras from you; ask somebody who sees them all")
                restored += back
                kept += as_it_is
            await session.execute(_SQL["edit_undone"], edit, by.username)
        await self._fleet.announce(restored, sorted(told), look_again=True)
        return len(restored), kept

    async def past(self, by: Account, limit: int) -> list[Row]:
        """Newest first: everybody's for who sees every camera, one's own for others."""
        own = None if by.sees_everything else by.id
        return list(await self._database.fetch(_SQL["list_edits"], own, limit))

    async def _write(
        self, session: Statements, rows: Mapping[str, Row], changes: Mapping[str, Mapping[str, Any]]
    ) -> set[str]:
        """The nodes that have to be told."""
        if not changes:
            return set()
        units = {row["code"]: row["name"] for row in await session.fetch(_SQL["list_units"])}
        agencies = {row["id"]: row["name"] for row in await session.fetch(_SQL["list_agencies"])}
        columns = [_json(columns_of(rows[camera], given, units, agencies)) for camera, given in changes.items()]
        await session.execute(_SQL["change_records"], list(changes), columns)
        if not any(given.keys() & TOLD for given in changes.values()):
            return set()
        return {node["id"] for node in await session.fetch(_SQL["bump_nodes_of"], list(changes))}

    async def _remember(self, session: Statements, edit: str, made: Plan) -> None:
        before = [_json(facts_of(made.rows[camera], changes)) for camera, changes in made.changes.items()]
        after = [_json(changes) for changes in made.changes.values()]
        await session.execute(_SQL["add_edit_rows"], edit, list(made.changes), before, after)


def _batches(cameras: Sequence[str]) -> Iterator[list[str]]:
    return (list(cameras[at : at + _AT_ONCE]) for at in range(0, len(cameras), _AT_ONCE))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
