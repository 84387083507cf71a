"""People and the posts they hold."""

from __future__ import annotations

import datetime as dt

import msgspec

from khue.centre.access.rules import Role
from khue.centre.organisation.posts import named
from khue.centre.ports import Database
from khue.centre.sql import Queries

_SQL = Queries(__file__)


class HeldPost(msgspec.Struct, frozen=True):
    """A post somebody holds, or is about to."""

    id: str
    title: str
    title_en: str
    agency: str | None
    agency_name: str | None
    kind: str
    valid_from: dt.datetime
    valid_to: dt.datetime | None


class Person(msgspec.Struct, frozen=True):
    account: str
    username: str
    display_name: str
    role: Role
    disabled: bool
    posts: list[HeldPost]


class People:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, words: str, agency: str, after: str, limit: int) -> tuple[list[Person], str | None]:
        """By user name, those of an agency with those below it; and the cursor of the next page."""
        ids = await named(self._database, _SQL["people_words"], words) if words else None
        rows = await self._database.fetch(_SQL["people"], ids, agency, after, limit)
        posts: dict[str, list[HeldPost]] = {row["id"]: [] for row in rows}
        names = HeldPost.__struct_fields__
        for one in await self._database.fetch(_SQL["posts_of_people"], list(posts)):
            posts[one["account"]].append(HeldPost(*(one[name] for name in names)))
        people = [
            Person(
                row["id"], row["username"], row["display_name"], Role(row["role"]), row["disabled"], posts[row["id"]]
            )
            for row in rows
        ]
        return people, people[-1].username if len(people) == limit else None
