"""What the regulation in force asks of an account's password and second factor."""

from __future__ import annotations

import datetime as dt
import logging

import msgspec

from khue.centre.identity.password_rules import PasswordRules
from khue.centre.ports import Database
from khue.centre.sql import Queries

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
PASSWORD = "password"
SECOND = "second"


class Demands:
    """Read anew each time: another version of the regulation may be in force since the last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rules(self) -> PasswordRules:
        """Those in force; our own where it says nothing or nothing that can be understood."""
        said = await self._database.fetchval(_SQL["password_settings"])
        if said is None:
            return PasswordRules()
        try:
            return msgspec.json.decode(said, type=PasswordRules, strict=False)
        except msgspec.ValidationError as error:
            _log.error("passwords in the regulation in force: %s; our own rules hold instead", error)
            return PasswordRules()

    async def of_account(self, account: str) -> tuple[str, ...]:
        """What an account has to do, ``password`` or ``second``, at once or before the time it was given is over."""
        return tuple(name for name, _ in await self._open(account))

    async def of_sign_in(self, account: str, method: str) -> tuple[str, ...]:
        """What has to be done before a new sign-in may do anything else. Other providers answer for theirs."""
        if method == "oidc":
            return ()
        return tuple(name for name, now in await self._open(account) if now)

    async def _open(self, account: str) -> list[tuple[str, bool]]:
        rules = await self.rules()
        row = await self._database.fetchrow(_SQL["standing_of_factors"], account, list(rules.second_factor_for))
        if row is None:
            return []
        found = []
        if rules.max_age_days > 0 and row["password_age"] > dt.timedelta(days=rules.max_age_days):
            found.append((PASSWORD, True))
        if row["needs_second"] and not row["has_second"]:
            found.append((SECOND, row["account_age"] >= dt.timedelta(days=rules.second_factor_grace_days)))
        return found
