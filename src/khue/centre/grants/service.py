"""Grants are given within what the giver holds, and revoked with everything derived from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from khue.centre.access.rules import Account, Right
from khue.centre.access.scope import NO_SUCH_CAMERA, filter_seen
from khue.centre.access.watch import AccessWatch
from khue.centre.errors import Invalid
from khue.centre.grants.refusing import Withheld, in_words
from khue.centre.grants.terms import Grant, GrantIn, columns_of, grant_of
from khue.centre.ids import new_id
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.errors import Conflict, Denied, NotFound

_SQL = Queries(__file__)
NO_SUCH_GRANT = "there is no such grant"
ANSWERS_FOR = (Right.APPROVE, Right.AUDIT, Right.ADMINISTER)  # who holds one of these reads others' grants
STATES = ("in_force", "ended", "revoked", "all")


class Sight(msgspec.Struct, frozen=True):
    """What of others' grants somebody may read: all, those of defence, and by bits the cameras they answer for."""

    everybody: bool
    defence: bool
    bits: bytes


class Grants:
    def __init__(self, database: Database, watch: AccessWatch) -> None:
        self._database = database
        self._watch = watch

    async def find(
        self,
        reader: Account,
        *,
        post: str = "",
        agency: str = "",
        account: str = "",
        camera: str = "",
        state: str = "in_force",
        unused_days: int | None = None,
        after: str = "",
        limit: int = 100,
    ) -> tuple[list[Grant], str | None]:
        """Newest first, one's own and those of cameras one answers for; and the cursor of the next page."""
        if state not in STATES:
            raise Invalid(f"state is one of {', '.join(STATES)}")
        if camera and not await filter_seen(self._database, reader, [camera]):
            raise NotFound(NO_SUCH_CAMERA)
        sight = await self.sight(reader)
        rows = await self._database.fetch(
            _SQL["find"],
            *(post, agency, account, camera, state, unused_days, after, limit),
            *(reader.id, sight.everybody, sight.defence, sight.bits),
        )
        ids = [row["id"] for row in rows]
        return await self.whole(ids), ids[-1] if len(ids) == limit else None

    async def read(self, reader: Account, grant: str) -> Grant:
        """Raises NotFound, for one the reader may not know of too."""
        if not await self.readable(reader, [grant]):
            raise NotFound(NO_SUCH_GRANT)
        return (await self.whole([grant]))[0]

    async def readable(self, reader: Account, grants: Sequence[str]) -> list[str]:
        """Which of these the reader may read, in their order."""
        sight = await self.sight(reader)
        rows = await self._database.fetch(
            _SQL["readable"], list(grants), *(reader.id, sight.everybody, sight.defence, sight.bits)
        )
        found = {row["id"] for row in rows}
        return [grant for grant in grants if grant in found]

    async def whole(self, grants: Sequence[str]) -> list[Grant]:
        return [grant_of(row) for row in await self._database.fetch(_SQL["grant_rows"], list(grants))]

    async def give(self, giver: Account, wish: GrantIn) -> Grant:
        """Raises Invalid, NotFound, Conflict (the post is closed), Denied when it is more than the giver holds."""
        columns = await self.checked(giver, wish)
        refused: Denied | None = None
        for parent in await self.parents(giver, wish, columns):
            try:
                async with self._database.transaction() as session:
                    grant = await self.insert(session, giver, parent, columns)
            except Denied as error:
                refused = in_words(error)
            else:
                await self._watch.changed()
                return (await self.whole([grant]))[0]
        raise refused or Withheld("grant_not_held")

    async def checked(self, giver: Account, wish: GrantIn) -> dict[str, Any]:
        """The columns of a grant that makes sense and names nothing the giver may not know of."""
        columns = columns_of(wish)
        held = await self._database.fetchrow(_SQL["holder"], wish.post, wish.agency)
        if held is None:
            raise NotFound("there is no such post or agency")
        if held["closed"]:
            raise Conflict("this post is closed; open it first, or choose another")
        names = (columns["units"], columns["fleets"], columns["groups"], columns["purposes"])
        unknown = await self._database.fetch(_SQL["unknown"], *(value or [] for value in names))
        if unknown:
            raise Invalid(
                f"there is no such unit, agency, group or purpose: {', '.join(r['id'] for r in unknown)[:200]}"
            )
        cameras = columns["cameras"]
        if cameras and len(await filter_seen(self._database, giver, cameras)) < len(cameras):
            raise NotFound(NO_SUCH_CAMERA)
        return columns

    async def parents(self, giver: Account, wish: GrantIn, columns: dict[str, Any]) -> list[str]:
        """Grants it may be derived from, the likeliest first; the one named, if one is."""
        only = None if giver.only_grants is None else list(giver.only_grants)
        if wish.parent is not None:
            return [wish.parent] if only is None or wish.parent in only else []
        wanted = msgspec.json.encode(columns).decode()
        return [row["id"] for row in await self._database.fetch(_SQL["parents"], giver.id, only, wish.passes, wanted)]

    async def insert(self, session: Statements, giver: Account, parent: str, columns: dict[str, Any]) -> str:
        """Its id. Raises Denied with what the database says."""
        if await session.fetchrow(_SQL["grant_by_id"], parent) is None:
            raise Withheld("grant_not_held")
        grant = new_id()
        await session.execute(_SQL["add_grant"], grant, parent, giver.id, msgspec.json.encode(columns).decode())
        return grant

    async def revoke(self, by: Account, grant: str, reason: str) -> int:
        """How many derived from it ended with it. Raises NotFound, Denied, Conflict (it has ended, or nobody would be left)."""
        if not reason.strip():
            raise Invalid("say why it is revoked")
        row = await self.may_revoke(by, grant)
        async with self._database.transaction() as session:
            if await session.fetchrow(_SQL["revoke"], grant, by.id, reason.strip()[:2000]) is None:
                raise Conflict("this grant was revoked already")
            if "administer" in row["rights"] and not await session.fetchval(_SQL["any_administrator"]):
                raise Conflict("nobody would administer the whole system any more; give that to somebody else first")
            along = await session.fetchval(_SQL["taken_along"], grant)
        await self._watch.changed()
        return int(along)

    async def may_revoke(self, by: Account, grant: str) -> Row:
        """Raises NotFound when ``by`` may not know of it, Denied when it is not theirs to take back."""
        row = await self._database.fetchrow(_SQL["grant_by_id"], grant)
        if row is None or not await self.readable(by, [grant]):
            raise NotFound(NO_SUCH_GRANT)
        if row["revoked"] is not None:
            raise Conflict("this grant was revoked already")
        only = None if by.only_grants is None else list(by.only_grants)
        if not await self._database.fetchval(_SQL["may_revoke"], grant, by.id, only):
            raise Withheld("revoke")
        return row

    async def sight(self, reader: Account) -> Sight:
        bits, everybody, defence = 0, False, False
        for right in ANSWERS_FOR:
            row = await self.reach(reader, right)
            bits |= int.from_bytes(row["bits"], "little")
            everybody = everybody or row["whole"]
            defence = defence or row["defence"]
        return Sight(everybody, defence, bits.to_bytes((bits.bit_length() + 7) // 8, "little"))

    async def reach(self, account: Account, right: Right) -> Row:
        """``bits`` by camera number (the first is the lowest of the first byte), ``whole``, ``everything``, ``defence``."""
        only = "" if account.only_grants is None else ",".join(account.only_grants)
        await self._database.execute(_SQL["keep_reach"], account.id, right, only)
        row = await self._database.fetchrow(_SQL["reach_bits"], account.id, right, only)
        assert row is not None
        return row
