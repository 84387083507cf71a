"""How long recordings are kept, and what may not be deleted."""

from __future__ import annotations

import datetime as dt

from khue.centre.access.rules import Account
from khue.centre.access.scope import as_reader
from khue.centre.errors import Invalid
from khue.centre.ids import new_id
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries
from khue.model.errors import NotFound
from khue.wire.subjects import is_word

_SQL = Queries(__file__)
NO_SUCH_HOLD = "there is no such hold in force"


class Retention:
    """Every method that changes something returns the nodes whose desired state changed, after its result."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def classes(self) -> list[Row]:
        return list(await self._database.fetch(_SQL["list_retention"]))

    async def put_class(self, name: str, days: float, priority: int) -> list[str]:
        """Raises Invalid."""
        if not is_word(name) or name != name.lower() or len(name) > 40 or not 0 < days <= 36500:
            raise Invalid("a retention class has a short lower-case name and above 0, at most 36500, days")
        async with self._database.transaction() as session:
            await session.execute(_SQL["put_retention"], name, days, priority)
            return [row["id"] for row in await session.fetch(_SQL["bump_all"])]

    async def holds(self, reader: Account) -> list[Row]:
        async with as_reader(self._database, reader) as session:
            return list(await session.fetch(_SQL["list_holds"]))

    async def add_hold(
        self, camera: str, start: dt.datetime, end: dt.datetime, reason: str, review: dt.datetime, by: str
    ) -> tuple[str, list[str]]:
        """(id, nodes). Raises Invalid, NotFound."""
        if not reason.strip() or end <= start:
            raise Invalid("a hold has a reason, and ends after it starts")
        hold = new_id()
        async with self._database.transaction() as session:
            await session.execute(_SQL["add_hold"], hold, camera, start, end, reason.strip(), review, by)
            return hold, [row["id"] for row in await session.fetch(_SQL["bump_nodes_with"], camera)]

    async def release_hold(self, hold: str, by: str) -> list[str]:
        """Raises NotFound."""
        async with self._database.transaction() as session:
            camera = await session.fetchval(_SQL["release_hold"], hold, by)
            if camera is None:
                raise NotFound(NO_SUCH_HOLD)
            return [row["id"] for row in await session.fetch(_SQL["bump_nodes_with"], camera)]
