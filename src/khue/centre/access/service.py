"""Accounts, sign-ins and API tokens; and the permit each access needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from khue.centre.access.gate import Gate
from khue.centre.access.log import AccessLog, Entry
from khue.centre.access.passwords import Passwords
from khue.centre.access.rules import UNLOGGED, Account, Action, Role, backoff, throttle_keys
from khue.centre.access.scope import as_reader
from khue.centre.errors import Invalid, Throttled, Unauthenticated
from khue.centre.identity import TOKEN_PREFIX, digest, new_id, new_password, new_secret
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.errors import Conflict, Denied, NotFound

_SQL = Queries(__file__)
_LONGEST_TOKEN_DAYS = 3650


class Caller(msgspec.Struct, frozen=True):
    """Who asks, from where, and for what they say."""

    account: Account
    address: str
    purpose: str = ""
    by_cookie: bool = False


class Access:
    """Asks the gate, and writes down what it said before anything happens."""

    def __init__(self, gate: Gate, log: AccessLog) -> None:
        self._gate = gate
        self._log = log

    async def permit(
        self,
        caller: Caller,
        action: Action,
        *,
        camera: str = "",
        stream: str = "",
        period: tuple[dt.datetime, dt.datetime] | None = None,
        detail: str = "",
    ) -> None:
        """Return when allowed and recorded.

        Raises Denied, or NotFound for a camera the caller may not know of (both recorded too), or Unavailable (then
        nothing may be shown).
        """
        start, end = period or (None, None)

        async def record(outcome: str, why: str) -> None:
            account = caller.account
            entry = Entry(account.id, account.username, str(action), caller.address, outcome, camera, stream)
            await self._log.write(
                msgspec.structs.replace(
                    entry, period_start=start, period_end=end, purpose=caller.purpose, detail=why[:500]
                )
            )

        try:
            await self._gate.authorize(caller.account, action, camera, caller.purpose)
        except (Denied, NotFound) as refusal:
            await record("refused", str(refusal))
            raise
        if action not in UNLOGGED:
            await record("allowed", detail)


class Accounts:
    """Local accounts. Passwords are Argon2id; cookies and tokens are stored as digests."""

    def __init__(self, database: Database, log: AccessLog, passwords: Passwords, session_hours: float) -> None:
        self._database = database
        self._log = log
        self._passwords = passwords
        self._session = dt.timedelta(hours=session_hours)

    async def ensure_administrator(self) -> str:
        """On the first run make the account ``admin`` and return its password, to be shown once; "" later."""
        async with self._database.transaction() as session:
            await session.execute(_SQL["lock_first_run"])
            if await session.fetchval(_SQL["any_account"]):
                return ""
            password = new_password()
            hashed = await self._passwords.hash(password)
            await session.execute(
                _SQL["add_account"], new_id(), "admin", "Administrator", Role.ADMINISTRATOR, "vi", hashed, [], [], True
            )
        return password

    async def reset_password(self, username: str) -> str:
        """A new password for an account, for whoever runs the machine; its sign-ins end. Raises NotFound."""
        row = await self._database.fetchrow(_SQL["account_by_username"], username.strip().lower())
        if row is None:
            raise NotFound(f"there is no account {username}, or it is disabled")
        password = new_password()
        await self.change_account(row["id"], password=password)
        await self._log.write(Entry(row["id"], username, "password:reset", "this machine", "allowed"))
        return password

    async def machine_token(self) -> str:
        """A token of a day for the first administrator, for whoever runs the machine and may read its keys anyway."""
        row = await self._database.fetchrow(_SQL["first_administrator"])
        if row is None:
            raise NotFound("there is no administrator who may sign in")
        _, token = await self.add_token(_account(row), "this machine", 1)
        await self._log.write(Entry(row["id"], row["username"], "token:create", "this machine", "allowed"))
        return token

    async def sign_in(self, username: str, password: str, address: str) -> tuple[Account, str, dt.datetime]:
        """(account, cookie, expiry). Raises Unauthenticated, Throttled; both are in the access log."""
        username = username.strip().lower()[:200]
        keys = throttle_keys(username, address)
        names = [key.key for key in keys]
        blocked = await self._database.fetchrow(_SQL["blocked_until"], names)
        if blocked is not None and blocked["until"] is not None and blocked["until"] > blocked["now"]:
            wait = (blocked["until"] - blocked["now"]).total_seconds()
            raise Throttled(f"too many failed sign-ins; try again in {wait:.0f} s", wait)
        async with self._database.transaction() as session:
            counts = {row["key"]: row["failures"] for row in await session.fetch(_SQL["count_attempt"], names)}
            await session.executemany(_SQL["block"], [(key.key, backoff(counts[key.key], key.free)) for key in keys])
        row = await self._database.fetchrow(_SQL["account_by_username"], username)
        stored = None if row is None else row["password_hash"]
        if not await self._passwords.verify(stored, password) or row is None:
            await self._log.write(Entry("", username, "session:create", address, "refused", detail="wrong password"))
            raise Unauthenticated("the user name or the password is wrong")
        await self._database.execute(_SQL["forgive"], names[0], names[1:])
        if self._passwords.outdated(row["password_hash"]):
            await self._database.execute(_SQL["set_password_hash"], row["id"], await self._passwords.hash(password))
        account = _account(row)
        cookie, expires = new_secret(), dt.datetime.now(dt.UTC) + self._session
        await self._database.execute(_SQL["add_session"], digest(cookie), account.id, expires, address)
        await self._log.write(Entry(account.id, username, "session:create", address, "allowed"))
        return account, cookie, expires

    async def by_cookie(self, cookie: str) -> Account | None:
        row = await self._database.fetchrow(_SQL["account_by_session"], digest(cookie))
        return None if row is None else _account(row)

    async def by_token(self, token: str) -> Account | None:
        row = await self._database.fetchrow(_SQL["account_by_token"], digest(token))
        return None if row is None else _account(row)

    async def sign_out(self, cookie: str) -> None:
        await self._database.execute(_SQL["end_session"], digest(cookie))

    async def change_own_password(self, account: Account, old: str, new: str, cookie: str) -> None:
        """Ends every other sign-in of the account. Raises Denied when ``old`` is wrong, Invalid when ``new`` is weak."""
        row = await self._database.fetchrow(_SQL["account_by_id"], account.id)
        if row is None or not await self._passwords.verify(row["password_hash"], old):
            raise Denied("the present password is wrong")
        hashed = await self._passwords.hash(new)
        async with self._database.transaction() as session:
            await session.execute(_SQL["set_password_hash"], account.id, hashed)
            await session.execute(_SQL["end_sessions_of"], account.id, digest(cookie))

    # -- API tokens ------------------------------------------------------------------------------------------------

    async def add_token(self, account: Account, name: str, expires_days: int) -> tuple[Row, str]:
        """(row with id, created, expires; the token, never seen again). Raises Invalid."""
        if not name.strip() or not 1 <= expires_days <= _LONGEST_TOKEN_DAYS:
            raise Invalid(f"a token has a name and expires in 1 to {_LONGEST_TOKEN_DAYS} days")
        token, token_id = TOKEN_PREFIX + new_secret(), new_id()
        expires = dt.datetime.now(dt.UTC) + dt.timedelta(days=expires_days)
        await self._database.execute(_SQL["add_token"], token_id, account.id, name.strip(), digest(token), expires)
        rows = [row for row in await self.list_tokens(account) if row["id"] == token_id]
        return rows[0], token

    async def list_tokens(self, account: Account) -> list[Row]:
        return list(await self._database.fetch(_SQL["list_tokens"], account.id))

    async def drop_token(self, account: Account, token: str) -> None:
        if await self._database.fetchrow(_SQL["drop_token"], token, account.id) is None:
            raise NotFound("you have no such token")

    # -- accounts --------------------------------------------------------------------------------------------------

    async def list_accounts(self) -> list[Row]:
        return list(await self._database.fetch(_SQL["list_accounts"]))

    async def add_account(
        self,
        by: Account,
        username: str,
        password: str,
        *,
        display_name: str,
        role: Role,
        language: str,
        units: Sequence[str] | None = None,
        agencies: Sequence[str] | None = None,
        defence: bool = False,
    ) -> Row:
        """Without units and agencies it sees what ``by`` does. Raises Conflict when the user name is taken, Denied, Invalid."""
        if units is None and agencies is None:
            units, agencies = by.units, by.agencies
        units, agencies = list(units or ()), list(agencies or ())
        username = username.strip().lower()
        if not username or len(username) > 100 or language not in ("vi", "en"):
            raise Invalid("a user name has 1 to 100 characters and the language is vi or en")
        _must_cover(by, units, agencies, defence)
        await self._check_scope(self._database, units, agencies)
        account_id, hashed = new_id(), await self._passwords.hash(password)
        arguments: tuple[Any, ...] = (account_id, username, display_name or username, role, language, hashed)
        await self._database.execute(_SQL["add_account"], *arguments, units, agencies, defence)
        row = await self._database.fetchrow(_SQL["account_by_id"], account_id)
        assert row is not None
        return row

    async def change_account(
        self,
        account: str,
        *,
        by: Account | None = None,
        display_name: str | None = None,
        role: Role | None = None,
        language: str | None = None,
        disabled: bool | None = None,
        password: str | None = None,
        units: Sequence[str] | None = None,
        agencies: Sequence[str] | None = None,
        defence: bool | None = None,
    ) -> Row:
        """Sign-ins end when it is disabled or gets a password.

        ``by`` None is whoever runs the machine; nobody else changes an account that sees more than they do, or gives what
        they do not have. Raises NotFound, Denied, Invalid, Conflict for the last administrator.
        """
        hashed = None if password is None else await self._passwords.hash(password)
        async with self._database.transaction() as session:
            if by is not None:
                present = await session.fetchrow(_SQL["lock_account"], account)
                if present is None:
                    raise NotFound("there is no such account")
                was = _account(present)
                _must_cover(by, was.units, was.agencies, was.defence)
                _must_cover(
                    by,
                    was.units if units is None else units,
                    was.agencies if agencies is None else agencies,
                    was.defence if defence is None else defence,
                )
            await self._check_scope(session, units or (), agencies or ())
            demoted = disabled or (role is not None and role != Role.ADMINISTRATOR)
            if demoted and not await session.fetchval(_SQL["other_administrators"], account):
                raise Conflict("this is the last administrator; make another one first")
            row = await session.fetchrow(
                _SQL["change_account"],
                *(account, display_name, role, language, disabled, hashed, units, agencies, defence),
            )
            if row is None:
                raise NotFound("there is no such account")
            if disabled or hashed is not None:
                await session.execute(_SQL["end_sessions_of"], account, b"")
        return row

    async def read_log(self, reader: Account, camera: str, account: str, before: int | None, limit: int) -> list[Row]:
        """Newest first, without what was done to cameras the reader does not see."""
        async with as_reader(self._database, reader) as session:
            return list(await session.fetch(_SQL["read_log"], camera, account, before, limit))

    async def _check_scope(self, session: Statements, units: Sequence[str], agencies: Sequence[str]) -> None:
        unknown = await session.fetch(_SQL["unknown_scope"], list(units), list(agencies))
        if unknown:
            names = ", ".join(row["id"] for row in unknown)
            raise Invalid(f"no such unit or agency: {names}; see /api/v1/registry/units and /api/v1/registry/agencies")


def _must_cover(by: Account, units: Sequence[str], agencies: Sequence[str], defence: bool) -> None:
    if not by.covers(units, agencies, defence):
        raise Denied("that account would see cameras that yours does not; ask an administrator who sees them")


def _account(row: Row) -> Account:
    return Account(
        *(row["id"], row["username"], row["display_name"], Role(row["role"]), row["language"]),
        *(tuple(row["units"]), tuple(row["agencies"]), row["defence"]),
    )
