"""API tokens: for programs that act for an account, held to some of its grants when they need no more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from khue.centre.access.rules import Account
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.errors import Invalid
from khue.centre.ids import TOKEN_PREFIX, digest, new_id, new_secret
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries
from khue.model.errors import NotFound

_SQL = Queries(__file__)
_LONGEST_DAYS = 3650


class Tokens:
    """Shown once; of each the database keeps a digest."""

    def __init__(self, database: Database, log: AccessLog) -> None:
        self._database = database
        self._log = log

    async def add(
        self, account: Account, name: str, days: int, grants: Sequence[str] | None, address: str
    ) -> tuple[Row, str]:
        """(row with id, name, created, expires, grants, last_used; the token, never seen again).

        ``grants`` None is all the account has, then and later; for an account that itself speaks by a held token, what
        that one is held to. Raises Invalid, also for grants the account does not hold.
        """
        if not name.strip() or len(name) > 200 or not 1 <= days <= _LONGEST_DAYS:
            raise Invalid(f"a token has a name of at most 200 characters and expires in 1 to {_LONGEST_DAYS} days")
        held = None if account.only_grants is None else list(account.only_grants)
        wanted = held if grants is None else list(dict.fromkeys(grants))
        if wanted is not None:
            if not wanted:
                raise Invalid("a token held to no grant may do nothing; name at least one, or leave the grants out")
            rows = await self._database.fetch(_SQL["grants_not_held"], account.id, wanted, held)
            if rows:
                raise Invalid(f"you do not hold these grants: {', '.join(row['id'] for row in rows)}")
        token, token_id = TOKEN_PREFIX + new_secret(), new_id()
        expires = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        what = f"{token_id} {name.strip()}" + ("" if wanted is None else f" held to {len(wanted)} grants")
        await self._log.write(
            Entry(account.id, account.username, "token:create", address, "allowed", detail=what[:500])
        )
        row = await self._database.fetchrow(
            _SQL["add_token"], token_id, account.id, name.strip(), digest(token), expires, wanted
        )
        assert row is not None
        return row, token

    async def list_of(self, account: Account) -> list[Row]:
        return list(await self._database.fetch(_SQL["list_tokens"], account.id))

    async def drop(self, account: Account, token: str, address: str) -> None:
        """Raises NotFound."""
        if await self._database.fetchrow(_SQL["drop_token"], token, account.id) is None:
            raise NotFound("you have no such token")
        await self._log.write(Entry(account.id, account.username, "token:end", address, "allowed", detail=token[:500]))
