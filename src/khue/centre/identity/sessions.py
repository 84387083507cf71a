"""Sign-ins under way: a cookie each, of which the database keeps a digest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from khue.centre.access.rules import Account, ThrottleKey
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.errors import Throttled
from khue.centre.identity.account_row import account_of
from khue.centre.identity.demands import Demands
from khue.centre.identity.throttle import Throttle
from khue.centre.ids import digest, new_id, new_secret
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries
from khue.model.errors import NotFound

_SQL = Queries(__file__)
_AGENT = 300  # characters of a browser's name that are kept
_UNKNOWN_FREE = 60  # unknown cookies and tokens an hour from one address that are written down


class Signed(msgspec.Struct, frozen=True):
    """Whom a cookie or a token stands for. ``session`` is "" for a token; ``must`` is what has to be done first."""

    account: Account
    session: str = ""
    must: tuple[str, ...] = ()


class Sessions:
    """Made at each sign-in, ended by signing out, by anybody who may, by time, or by nothing happening for long."""

    def __init__(
        self, database: Database, log: AccessLog, demands: Demands, *, session_hours: float, idle_minutes: float
    ) -> None:
        self._database = database
        self._log = log
        self._demands = demands
        self._throttle = Throttle(database)
        self._lasts = dt.timedelta(hours=session_hours)
        self._idle = dt.timedelta(minutes=idle_minutes)

    async def open_session(self, account: Account, address: str, agent: str, method: str) -> tuple[str, dt.datetime]:
        """(cookie, expiry) of a new sign-in. ``method``: password, totp, passkey, recovery or oidc."""
        must = await self._demands.of_sign_in(account.id, method)
        cookie, session = new_secret(), new_id()
        expires = dt.datetime.now(dt.UTC) + self._lasts
        await self._log.write(
            Entry(account.id, account.username, "session:create", address, "allowed", detail=f"{method} {session}")
        )
        await self._database.execute(
            _SQL["add_session"],
            *(digest(cookie), account.id, expires, address, session, agent[:_AGENT], method, list(must)),
        )
        return cookie, expires

    async def by_cookie(self, cookie: str, address: str) -> Signed | None:
        """None when it is unknown, ended or too old."""
        row = await self._database.fetchrow(_SQL["account_by_session"], digest(cookie), self._idle)
        if row is None:
            await self._note_unknown("session", address)
            return None
        if row["stale"]:
            await self._database.execute(_SQL["touch_session"], row["session"])
        return Signed(account_of(row), row["session"], tuple(row["must"]))

    async def by_token(self, token: str, address: str) -> Signed | None:
        """None when it is unknown, revoked or too old. Raises Throttled for an address that tries many."""
        row = await self._database.fetchrow(_SQL["account_by_token"], digest(token))
        if row is None:
            if not await self._note_unknown("token", address):
                raise Throttled("too many unknown tokens; check the program that sends them", 60.0)
            return None
        if row["stale"]:
            await self._database.execute(_SQL["touch_token"], row["token"])
        grants = None if row["grants"] is None else tuple(row["grants"])
        return Signed(msgspec.structs.replace(account_of(row), only_grants=grants))

    async def end_cookie(self, cookie: str, address: str) -> None:
        """Whoever shows a cookie may end it."""
        if not cookie:
            return
        row = await self._database.fetchrow(_SQL["end_session"], digest(cookie))
        if row is not None:
            await self._log_end(row["account"], row["username"], address, f"{row['id']} signed out")

    async def list_of(self, account: str) -> list[Row]:
        """Those that are still good, the last used first."""
        return list(await self._database.fetch(_SQL["list_sessions"], account, self._idle))

    async def end(self, account: str, session: str, by: Account, address: str) -> None:
        """Raises NotFound when the account has no such sign-in."""
        if await self._database.fetchrow(_SQL["end_session_of"], account, session) is None:
            raise NotFound("there is no such sign-in")
        await self._log_end(by.id, by.username, address, f"{session} of {account}")

    async def end_all(self, account: str, by: Account, address: str, *, but: str = "") -> int:
        """All of an account's sign-ins except the one given; how many."""
        rows = await self._database.fetch(_SQL["end_sessions_of"], account, but)
        if rows:
            await self._log_end(by.id, by.username, address, f"{len(rows)} of {account}")
        return len(rows)

    async def still_good(self, sessions: Sequence[str]) -> set[str]:
        """Which of these have not ended, in one question, and count as used: something is open in them."""
        rows = await self._database.fetch(_SQL["still_good"], list(sessions), self._idle)
        await self._database.execute(_SQL["touch_sessions"], [row["id"] for row in rows if row["stale"]])
        return {row["id"] for row in rows}

    async def meet(self, account: str, demand: str) -> None:
        """A demand (``password`` or ``second``) is fulfilled: the account's sign-ins are no longer held to it."""
        await self._database.execute(_SQL["met"], account, demand)

    async def _note_unknown(self, what: str, address: str) -> bool:
        """Written down, as long as one address does not send too many; then False."""
        try:
            await self._throttle.attempt((ThrottleKey(f"unknown {what} {address}", _UNKNOWN_FREE),))
        except Throttled:
            return False
        await self._log.write(Entry("", "", f"{what}:use", address, "refused", detail="unknown or ended"))
        return True

    async def _log_end(self, account: str, username: str, address: str, detail: str) -> None:
        await self._log.write(Entry(account, username, "session:end", address, "allowed", detail=detail))
