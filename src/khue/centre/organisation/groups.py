"""Named groups of cameras, as grants name them. Nobody puts a camera into one that they may not decide about."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from khue.centre.access.rules import Account, Right
from khue.centre.access.scope import NO_SUCH_CAMERA, as_reader, filter_seen
from khue.centre.errors import Invalid
from khue.centre.ports import Database
from khue.centre.registry.agencies import slug
from khue.centre.sql import Queries
from khue.model.errors import Denied, NotFound

_SQL = Queries(__file__)
_LONGEST = 200
_MOST = 10_000  # cameras in one call


class Group(msgspec.Struct, frozen=True):
    """``cameras``: how many of them the reader sees."""

    id: str
    name: str
    agency: str | None
    cameras: int


class Groups:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, reader: Account) -> list[Group]:
        """Without groups of nothing but cameras the reader does not see."""
        rows = await self._database.fetch(_SQL["groups"])
        async with as_reader(self._database, reader) as session:
            sizes = {row["id"]: row["cameras"] for row in await session.fetch(_SQL["group_sizes"])}
        return [
            Group(row["id"], row["name"], row["agency"], sizes.get(row["id"], 0))
            for row in rows
            if row["id"] in sizes or not row["any"]
        ]

    async def add(self, by: Account, name: str, agency: str | None) -> Group:
        """Empty. Its id is its name, folded. Raises Invalid, Conflict, NotFound (no such agency)."""
        if not 1 <= len(name.strip()) <= _LONGEST:
            raise Invalid(f"a group's name has 1 to {_LONGEST} characters")
        group = Group(slug(name), name.strip(), agency, 0)
        await self._database.execute(_SQL["add_group"], group.id, group.name, agency, by.id)
        return group

    async def change(self, by: Account, group: str, add: Sequence[str], remove: Sequence[str]) -> int:
        """How many of its cameras ``by`` sees then. Raises NotFound, Denied for cameras ``by`` may not decide about."""
        named = sorted({*add, *remove})
        if len(named) > _MOST:
            raise Invalid(f"at most {_MOST} cameras at a time")
        if len(await filter_seen(self._database, by, named)) < len(named):
            raise NotFound(NO_SUCH_CAMERA)
        if len(await filter_seen(self._database, by, named, right=Right.APPROVE)) < len(named):
            raise Denied("a group takes cameras whose requests you decide; ask whoever decides about these")
        async with self._database.transaction() as session:
            if await session.fetchrow(_SQL["group_by_id"], group) is None:
                raise NotFound("there is no such group")
            if add:
                await session.execute(_SQL["add_members"], group, list(add))
            if remove:
                await session.execute(_SQL["drop_members"], group, list(remove))
        async with as_reader(self._database, by) as session:
            sizes = {row["id"]: row["cameras"] for row in await session.fetch(_SQL["group_sizes"])}
        return int(sizes.get(group, 0))
