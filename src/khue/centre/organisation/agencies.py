"""Agencies as a tree, with who works there and what they have, and links across it."""

from __future__ import annotations

import datetime as dt
from typing import Literal, get_args

import msgspec

from khue.centre.access.rules import Account
from khue.centre.access.scope import as_reader
from khue.centre.errors import Invalid
from khue.centre.ports import Database
from khue.centre.sql import Queries
from khue.model.errors import NotFound

_SQL = Queries(__file__)
LinkKind = Literal["directs", "supervises", "coordinates"]


class Link(msgspec.Struct, frozen=True):
    """Across the tree. ``valid_to`` null: it holds."""

    to: str
    kind: LinkKind
    valid_from: dt.date
    valid_to: dt.date | None
    basis: str


class AgencyNode(msgspec.Struct, frozen=True):
    """``path`` are the ids from the root, with dots; ``cameras`` those it owns or manages that the reader sees."""

    id: str
    name: str
    kind: str
    parent: str | None
    unit: str | None
    path: str
    depth: int
    posts: int
    people: int
    cameras: int
    links: list[Link]


class AgencyTree:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, reader: Account) -> list[AgencyNode]:
        """Each after the one above it."""
        async with as_reader(self._database, reader) as session:
            rows = await session.fetch(_SQL["agencies"])
            linked = await session.fetch(_SQL["links"])
        links: dict[str, list[Link]] = {}
        for row in linked:
            link = Link(row["to_agency"], row["kind"], row["valid_from"], row["valid_to"], row["basis"])
            links.setdefault(row["from_agency"], []).append(link)
        names = AgencyNode.__struct_fields__[:-1]
        return [AgencyNode(**{name: row[name] for name in names}, links=links.get(row["id"], [])) for row in rows]

    async def link(self, above: str, below: str, kind: str, basis: str) -> None:
        """Raises Invalid, Conflict (it began today already), NotFound (no such agency)."""
        if kind not in get_args(LinkKind):
            raise Invalid(f"a link is one of {', '.join(get_args(LinkKind))}")
        if above == below:
            raise Invalid("an agency is not linked to itself")
        await self._database.execute(_SQL["add_link"], above, below, kind, basis)

    async def end_link(self, above: str, below: str, kind: str) -> None:
        """From today. Raises NotFound."""
        if not await self._database.fetchval(_SQL["end_link"], above, below, kind):
            raise NotFound("there is no such link")
