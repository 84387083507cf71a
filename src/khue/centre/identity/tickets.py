"""What may be answered once, within minutes: a sign-in that is half done, a challenge an authenticator is to sign."""

from __future__ import annotations

import datetime as dt
import enum

import msgspec

from khue.centre.errors import Throttled
from khue.centre.ids import digest, new_secret
from khue.centre.ports import Database
from khue.centre.sql import Queries

_SQL = Queries(__file__)
_LIVES = dt.timedelta(minutes=5)
_MOST = 300  # open at once from one address, which may be that of a whole building


class Kind(enum.StrEnum):
    SECOND = "second"
    PASSKEY = "passkey"
    ENROL = "enrol"


class Ticket(msgspec.Struct, frozen=True):
    """``challenge`` None is one that was answered already."""

    account: str
    challenge: bytes | None
    attempts: int


class Tickets:
    """Kept in the database, so that any replica may be given the answer. Bound to the address that was given it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def issue(
        self, kind: Kind, account: str, address: str, challenge: bytes | None = None, *, token: str = ""
    ) -> str:
        """The ticket; ``token`` when the answer carries its own. Raises Throttled when the address has too many open."""
        token = token or new_secret()
        row = await self._database.fetchrow(
            _SQL["add_ticket"], digest(token), kind, account or None, address, challenge, _LIVES, _MOST
        )
        if row is None:
            raise Throttled("too many sign-ins begun from your address and not finished; wait a few minutes", 60.0)
        return token

    async def look(self, kind: Kind, token: str, address: str) -> Ticket | None:
        """Without using it up. None when it is unknown, too old, or another address shows it."""
        row = await self._database.fetchrow(_SQL["ticket"], digest(token), kind, address)
        return None if row is None else Ticket(row["account"] or "", row["challenge"], row["attempts"])

    async def answer(self, kind: Kind, token: str, address: str, *, spend: bool) -> Ticket | None:
        """Count one more attempt. ``spend``: its challenge is given out this once and no more."""
        row = await self._database.fetchrow(_SQL["answer_ticket"], digest(token), kind, address, spend)
        return None if row is None else Ticket(row["account"] or "", row["challenge"], row["attempts"])

    async def take(self, kind: Kind, token: str, address: str) -> Ticket | None:
        """Use it up: of several who show it at once, one gets it."""
        row = await self._database.fetchrow(_SQL["take_ticket"], digest(token), kind, address)
        return None if row is None else Ticket(row["account"] or "", row["challenge"], row["attempts"])
