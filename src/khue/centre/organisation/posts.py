"""Posts and who holds them. Whoever fills a post administers everything it may touch: nobody appoints beyond that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from khue.centre.access.rules import Account
from khue.centre.access.scope import as_reader, reach_of
from khue.centre.errors import Invalid
from khue.centre.fleet.rules import fold
from khue.centre.ports import Database, Row
from khue.centre.registry.agencies import slug
from khue.centre.sql import Queries
from khue.model.errors import Conflict, Denied, NotFound

_SQL = Queries(__file__)
_LONGEST = 200
_NO_SUCH_POST = "there is no such post"


class Holder(msgspec.Struct, frozen=True):
    """A person in a post; ``valid_to`` null: until further notice. ``basis`` is the decision's number."""

    tenure: int
    account: str
    username: str
    display_name: str
    valid_from: dt.datetime
    valid_to: dt.datetime | None
    basis: str


class Post(msgspec.Struct, frozen=True):
    """``agency`` null: an account's personal post. ``holders`` with those to come."""

    id: str
    agency: str | None
    agency_name: str | None
    kind: str
    title: str
    title_en: str
    closed: dt.datetime | None
    grants: int
    holders: list[Holder]


class Posts:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self,
        reader: Account,
        *,
        agency: str = "",
        below: bool = False,
        kind: str = "",
        account: str = "",
        words: str = "",
        after: str = "",
        limit: int = 200,
    ) -> tuple[list[Post], str | None]:
        """By title; and the cursor of the next page."""
        async with as_reader(self._database, reader) as session:
            defence = (await reach_of(session))["defence"]
        ids = await named(self._database, _SQL["post_words"], words) if words else None
        rows = await self._database.fetch(_SQL["posts"], agency, below, kind, account, ids, defence, after, limit)
        return await self._whole(rows), rows[-1]["id"] if len(rows) == limit else None

    async def read(self, reader: Account, post: str) -> Post:
        """Raises NotFound."""
        rows = await self._database.fetch(_SQL["posts"], "", False, "", "", [post], reader.defence, "", 1)
        if not rows:
            raise NotFound(_NO_SUCH_POST)
        return (await self._whole(rows))[0]

    async def add(self, by: Account, agency: str, kind: str, title: str, title_en: str, post: str = "") -> str:
        """Its id. Raises Invalid, Denied, Conflict (the id is taken), NotFound (no such agency)."""
        _check_title(title, title_en)
        await self._check_kind(kind)
        await self._within(by, "", agency)
        if not post:
            base = f"{agency[:31].rstrip('-')}-{slug(title)[:28]}".rstrip("-")
            taken = {row["id"] for row in await self._database.fetch(_SQL["same_ids"], base)}
            post = next(name for name in (base, *(f"{base}-{n}" for n in range(2, 1000))) if name not in taken)
        elif slug(post) != post or post.startswith("of-"):
            raise Invalid("a post's id has small letters, digits and dashes, and does not begin with of-")
        await self._database.execute(_SQL["add_post"], post, agency, kind, title.strip(), title_en.strip())
        return post

    async def change(
        self, by: Account, post: str, title: str | None, title_en: str | None, closed: bool | None
    ) -> None:
        """A closed post gives nothing to who holds it. Raises Invalid, Denied, NotFound."""
        _check_title(title or "x", title_en or "")
        row = await self._must_be(post)
        if closed is not None:
            await self._within(by, post, row["agency"])
        if await self._database.fetchrow(_SQL["change_post"], post, title, title_en, closed) is None:
            raise NotFound(_NO_SUCH_POST)

    async def appoint(
        self,
        by: Account,
        post: str,
        account: str,
        basis: str,
        valid_from: dt.datetime | None = None,
        valid_to: dt.datetime | None = None,
    ) -> int:
        """The tenure's id. Raises Invalid, Denied, Conflict (the post is closed), NotFound (no such post or account)."""
        row = await self._must_be(post)
        if row["closed"] is not None:
            raise Conflict("this post is closed; open it first, or choose another")
        if not basis.strip() or len(basis) > _LONGEST:
            raise Invalid("name the decision that appoints (basis), at most 200 characters")
        if valid_to is not None and valid_to <= (valid_from or dt.datetime.now(dt.UTC)):
            raise Invalid("a tenure ends after it begins")
        await self._within(by, post, row["agency"])
        arguments = (account, post, valid_from, valid_to, basis.strip(), by.id)
        return int(await self._database.fetchval(_SQL["add_tenure"], *arguments))

    async def end_tenure(self, by: Account, tenure: int, reason: str) -> None:
        """Now. Raises Denied, Conflict (it has ended), NotFound."""
        row = await self._database.fetchrow(_SQL["tenure_by_id"], tenure)
        if row is None:
            raise NotFound("there is no such tenure")
        if row["personal"] is not None:
            raise Conflict("an account's own post ends with the account; disable it")
        await self._within(by, row["post"], row["agency"])
        why = f"; {reason.strip()[:_LONGEST]}" if reason.strip() else ""
        if await self._database.fetchrow(_SQL["end_tenure"], tenure, why) is None:
            raise Conflict("this tenure has ended already")

    async def _must_be(self, post: str) -> Row:
        row = await self._database.fetchrow(_SQL["post_by_id"], post)
        if row is None:
            raise NotFound(_NO_SUCH_POST)
        if row["account"] is not None:
            raise Conflict("an account's own post follows from its role; change the account")
        return row

    async def _within(self, by: Account, post: str, agency: str) -> None:
        """Raises Denied when the post may do something with cameras that ``by`` does not administer."""
        only = None if by.only_grants is None else list(by.only_grants)
        if await self._database.fetchval(_SQL["beyond"], post, agency, by.id, only) is not None:
            raise Denied("this post reaches cameras that you do not administer; ask an administrator who does")

    async def _check_kind(self, kind: str) -> None:
        if not await self._database.fetchval(_SQL["known_kind"], kind):
            raise Invalid(
                f"the regulation in force knows no posts of the kind {kind[:40]!r}; see /api/v1/regulation/now"
            )

    async def _whole(self, rows: Sequence[Row]) -> list[Post]:
        held: dict[str, list[Holder]] = {row["id"]: [] for row in rows}
        for one in await self._database.fetch(_SQL["holders"], list(held)):
            names = ("id", "account", "username", "display_name", "valid_from", "valid_to", "basis")
            held[one["post"]].append(Holder(*(one[name] for name in names)))
        fields = Post.__struct_fields__[:-1]
        return [Post(**{name: row[name] for name in fields}, holders=held[row["id"]]) for row in rows]


async def named(database: Database, sql: str, words: str) -> list[str]:
    """Ids whose words hold all of these, with or without marks."""
    wanted = fold(words).split()
    rows: Sequence[Any] = await database.fetch(sql)
    return [row["id"] for row in rows if all(word in fold(row["words"]) for word in wanted)]


def _check_title(title: str, title_en: str) -> None:
    if not title.strip() or len(title) > _LONGEST or len(title_en) > _LONGEST:
        raise Invalid(f"a post's title has 1 to {_LONGEST} characters")
