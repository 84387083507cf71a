"""Local accounts: made, changed, disabled, and their passwords."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from khue.centre.access.rules import Account, Role, throttle_keys
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.errors import Invalid
from khue.centre.identity.account_row import account_of
from khue.centre.identity.demands import PASSWORD, Demands
from khue.centre.identity.password_rules import check_password
from khue.centre.identity.passwords import Passwords
from khue.centre.identity.throttle import Throttle
from khue.centre.identity.tokens import Tokens
from khue.centre.ids import new_id, new_password
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.errors import Conflict, Denied, NotFound

_SQL = Queries(__file__)
_MACHINE = "this machine"  # the address of whoever runs it


class Accounts:
    """Passwords are Argon2id; which are good enough, the regulation in force says."""

    def __init__(
        self, database: Database, log: AccessLog, passwords: Passwords, demands: Demands, tokens: Tokens
    ) -> None:
        self._database = database
        self._log = log
        self._passwords = passwords
        self._demands = demands
        self._tokens = tokens
        self._throttle = Throttle(database)

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
        await self._log.write(Entry(row["id"], username, "password:reset", _MACHINE, "allowed"))
        return password

    async def machine_token(self) -> str:
        """A token of a day for the first administrator, for whoever runs the machine and may read its keys anyway."""
        row = await self._database.fetchrow(_SQL["first_administrator"])
        if row is None:
            raise NotFound("there is no administrator who may sign in")
        _, token = await self._tokens.add(account_of(row), "this machine", 1, None, _MACHINE)
        return token

    async def change_own_password(self, account: Account, old: str, new: str, session: str, address: str) -> None:
        """Ends every other sign-in of the account.

        Raises Denied when ``old`` is wrong, Throttled when it was too often, Invalid when ``new`` breaks the rules.
        """
        stored = await self.must_know_password(account, old, address)
        hashed = await self._acceptable(account.id, account.username, account.display_name, new, stored)
        await self._log.write(Entry(account.id, account.username, "password:change", address, "allowed"))
        async with self._database.transaction() as database:
            await self._set_password(database, account.id, hashed)
            await database.execute(_SQL["end_sessions_of"], account.id, session)

    async def must_know_password(self, account: Account, password: str, address: str) -> str:
        """What is stored of it. Raises Denied when it is not the account's, Throttled when that was said too often."""
        keys = throttle_keys(account.username, address)
        await self._throttle.attempt(keys)
        row = await self._database.fetchrow(_SQL["account_by_id"], account.id)
        if row is None or not await self._passwords.verify(row["password_hash"], password):
            entry = Entry(account.id, account.username, "password:change", address, "refused", detail="wrong password")
            await self._log.write(entry)
            raise Denied("the present password is wrong")
        await self._throttle.forgive(keys)
        return str(row["password_hash"])

    async def _given(self, account: str, password: str, by: Account | None) -> str:
        """Hashed, by somebody for somebody. What the machine makes up needs no judging. Raises Invalid, NotFound."""
        if by is None:
            return await self._passwords.hash(password)
        row = await self._database.fetchrow(_SQL["account_by_id"], account)
        if row is None:
            raise NotFound("there is no such account")
        return await self._acceptable(account, row["username"], row["display_name"], password, row["password_hash"])

    async def _acceptable(self, account: str, username: str, display_name: str, new: str, present: str) -> str:
        """Hashed. Raises Invalid saying which rule of the regulation it breaks."""
        rules = await self._demands.rules()
        check_password(rules, new, (username, display_name))
        earlier = [present] if present else []
        if account and rules.history > 0:
            rows = await self._database.fetch(_SQL["earlier_passwords"], account, rules.history)
            earlier += [row["password_hash"] for row in rows]
        for stored in earlier:
            if await self._passwords.verify(stored, new):
                raise Invalid("this is or was the account's password; take another one")
        return await self._passwords.hash(new)

    async def _set_password(self, session: Statements, account: str, hashed: str) -> None:
        await session.execute(_SQL["set_password"], account, hashed)
        await session.execute(_SQL["met"], account, PASSWORD)

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
        account_id, hashed = new_id(), await self._acceptable("", username, display_name, password, "")
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
        hashed = None if password is None else await self._given(account, password, by)
        async with self._database.transaction() as session:
            if by is not None:
                present = await session.fetchrow(_SQL["lock_account"], account)
                if present is None:
                    raise NotFound("there is no such account")
                was = account_of(present)
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
                *(account, display_name, role, language, disabled, units, agencies, defence),
            )
            if row is None:
                raise NotFound("there is no such account")
            if hashed is not None:
                await self._set_password(session, account, hashed)
            if disabled or hashed is not None:
                await session.execute(_SQL["end_sessions_of"], account, "")
        return row

    async def must_administer(self, account: str, by: Account) -> Account:
        """The account, for one who sees all it sees. Raises NotFound, Denied."""
        row = await self._database.fetchrow(_SQL["account_by_id"], account)
        if row is None:
            raise NotFound("there is no such account")
        found = account_of(row)
        _must_cover(by, found.units, found.agencies, found.defence)
        return found

    async def posts_of(self, account: str) -> list[Row]:
        """The posts it holds now, its personal one left out."""
        return list(await self._database.fetch(_SQL["posts_of"], account))

    async def _check_scope(self, session: Statements, units: Sequence[str], agencies: Sequence[str]) -> None:
        unknown = await session.fetch(_SQL["unknown_scope"], list(units), list(agencies))
        if unknown:
            names = ", ".join(row["id"] for row in unknown)
            raise Invalid(f"no such unit or agency: {names}; see /api/v1/registry/units and /api/v1/registry/agencies")


def _must_cover(by: Account, units: Sequence[str], agencies: Sequence[str], defence: bool) -> None:
    if not by.covers(units, agencies, defence):
        raise Denied("that account would see cameras that yours does not; ask an administrator who sees them")
