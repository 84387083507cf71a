"""Codes beside the password: time-based ones from a phone, and ten on paper for when the phone is gone."""

from __future__ import annotations

import io

import msgspec
import segno

from khue.centre.access.rules import Account
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.errors import Invalid
from khue.centre.identity.totp import as_base32, new_totp_secret, step_of, uri_of
from khue.centre.ids import digest, new_password
from khue.centre.ports import Database, Statements
from khue.centre.secrets import Vault
from khue.centre.sql import Queries
from khue.model.errors import Conflict
from khue.model.time import Clock

_SQL = Queries(__file__)
_RECOVERY_CODES = 10
_ISSUER = "khue"


class NewTotp(msgspec.Struct, frozen=True):
    """``secret`` in base 32 for typing, ``uri`` and ``qr`` (an SVG of it) for scanning; shown this once."""

    secret: str
    uri: str
    qr: str


class SecondFactors:
    """Secrets are sealed in the database; recovery codes, already random, are kept as digests."""

    def __init__(self, database: Database, log: AccessLog, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._log = log
        self._vault = vault
        self._clock = clock

    async def begin_totp(self, account: Account) -> NewTotp:
        """A new secret, which counts for nothing until ``confirm_totp``. Raises Conflict when there is one already."""
        secret = new_totp_secret()
        sealed = self._vault.seal_bytes(secret, _context(account.id))
        if await self._database.fetchrow(_SQL["begin_totp"], account.id, sealed) is None:
            raise Conflict("codes are set up already; remove them first, with your password")
        uri = uri_of(secret, account.username, _ISSUER)
        picture = io.BytesIO()
        segno.make(uri, error="m").save(
            picture, kind="svg", scale=4, border=3, xmldecl=False, dark="#000", light="#fff"
        )
        return NewTotp(as_base32(secret), uri, picture.getvalue().decode())

    async def confirm_totp(self, account: Account, code: str, address: str) -> list[str]:
        """Ten recovery codes, shown this once. Raises Invalid when the code is wrong, Conflict when nothing was begun."""
        row = await self._database.fetchrow(_SQL["totp"], account.id)
        if row is None or row["confirmed"] is not None:
            raise Conflict("there are no codes waiting to be confirmed; begin anew")
        step = self._step(account.id, row["secret"], row["last_step"], code)
        if step is None:
            raise Invalid("the code is wrong; take the one shown now, and check the phone's clock")
        await self._log.write(Entry(account.id, account.username, "totp:enrol", address, "allowed"))
        async with self._database.transaction() as session:
            if await session.fetchrow(_SQL["confirm_totp"], account.id, step, row["secret"]) is None:
                raise Conflict("somebody else confirmed or began anew at the same time")
            return await self._new_recovery_codes(session, account.id)

    async def renew_recovery_codes(self, account: Account, address: str) -> list[str]:
        """Ten new ones; the earlier ones end. Raises Conflict without confirmed codes of a phone."""
        row = await self._database.fetchrow(_SQL["totp"], account.id)
        if row is None or row["confirmed"] is None:
            raise Conflict("recovery codes go with codes of a phone; set those up first")
        await self._log.write(Entry(account.id, account.username, "recovery:renew", address, "allowed"))
        async with self._database.transaction() as session:
            return await self._new_recovery_codes(session, account.id)

    async def remove_totp(self, account: str, by: Account, address: str) -> None:
        """With the recovery codes. Whoever asks has shown the password, or administers accounts."""
        await self._log.write(Entry(by.id, by.username, "totp:remove", address, "allowed", detail=f"of {account}"))
        async with self._database.transaction() as session:
            await session.execute(_SQL["remove_totp"], account)
            await session.execute(_SQL["remove_recovery_codes"], account)

    async def state_of(self, account: str) -> tuple[bool, int]:
        """(whether codes of a phone are set up, how many recovery codes are left)."""
        row = await self._database.fetchrow(_SQL["factors_of"], account)
        assert row is not None
        return row["totp"], row["recovery"]

    async def use_totp(self, account: str, code: str) -> bool:
        """Whether it is right and was never used before."""
        row = await self._database.fetchrow(_SQL["totp"], account)
        if row is None or row["confirmed"] is None:
            return False
        step = self._step(account, row["secret"], row["last_step"], code)
        return step is not None and await self._database.fetchrow(_SQL["use_totp"], account, step) is not None

    async def use_recovery_code(self, account: str, code: str) -> bool:
        """Whether it is one of the account's and was never used before."""
        spoken = "".join(mark for mark in code.lower() if mark.isalnum())
        return await self._database.fetchrow(_SQL["use_recovery_code"], account, digest(spoken)) is not None

    async def _new_recovery_codes(self, session: Statements, account: str) -> list[str]:
        codes = [new_password() for _ in range(_RECOVERY_CODES)]
        await session.execute(_SQL["remove_recovery_codes"], account)
        hashes = [digest(code.replace("-", "")) for code in codes]
        await session.execute(_SQL["add_recovery_codes"], account, hashes)
        return codes

    def _step(self, account: str, sealed: bytes, last: int, code: str) -> int | None:
        secret = self._vault.open_bytes(sealed, _context(account))
        return step_of(secret, code, self._clock.now() / 1_000_000, last)


def _context(account: str) -> str:
    return f"totp {account}"
