"""Signing in: a password and what comes second, or a passkey alone."""

from __future__ import annotations

import datetime as dt

import msgspec

from khue.centre.access.rules import Account, ThrottleKey, throttle_keys
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.errors import Invalid, Unauthenticated
from khue.centre.identity.account_row import account_of
from khue.centre.identity.passkeys import Credential, Options, Passkeys, Site
from khue.centre.identity.passwords import Passwords
from khue.centre.identity.second_factors import SecondFactors
from khue.centre.identity.sessions import Sessions
from khue.centre.identity.throttle import Throttle
from khue.centre.identity.tickets import Kind, Tickets
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries

_SQL = Queries(__file__)
_TRIES = 5  # codes one ticket is good for
_FROM_FREE = 60  # as the loosest key of a sign-in by password
_AGAIN = "begin the sign-in anew: it took too long, or was used already"
_WRONG = "the user name or the password is wrong"


class Browser(msgspec.Struct, frozen=True):
    """Where somebody signs in from: address, what the browser calls itself, and under which name it knows the centre."""

    address: str
    agent: str
    site: Site | None  # None where passkeys cannot be used


class Opened(msgspec.Struct, frozen=True):
    """A sign-in. ``cookie`` is told to the browser and to nobody else."""

    account: Account
    cookie: str
    expires: dt.datetime


class Half(msgspec.Struct, frozen=True):
    """The password was right. ``ticket`` goes with one of ``second``: totp, passkey (for ``options``), recovery."""

    ticket: str
    second: tuple[str, ...]
    options: Options | None = None


class Second(msgspec.Struct, frozen=True):
    """Exactly one of these."""

    totp: str = ""
    recovery: str = ""
    passkey: Credential | None = None

    @property
    def method(self) -> str:
        """Raises Invalid."""
        given = [name for name in ("totp", "recovery", "passkey") if getattr(self, name)]
        if len(given) != 1:
            raise Invalid("give one of totp, recovery and passkey")
        return given[0]


class SignIns:
    """Attempts are slowed together, whichever factor they are at; each is in the log, whatever became of it."""

    def __init__(
        self,
        database: Database,
        log: AccessLog,
        passwords: Passwords,
        sessions: Sessions,
        factors: SecondFactors,
        passkeys: Passkeys,
        tickets: Tickets,
    ) -> None:
        self._database = database
        self._log = log
        self._passwords = passwords
        self._sessions = sessions
        self._factors = factors
        self._passkeys = passkeys
        self._tickets = tickets
        self._throttle = Throttle(database)

    async def by_password(self, username: str, password: str, browser: Browser) -> Opened | Half:
        """Raises Unauthenticated, Throttled."""
        username = username.strip().lower()[:200].replace("\0", "")
        keys = throttle_keys(username, browser.address)
        await self._throttle.attempt(keys)
        row = await self._database.fetchrow(_SQL["account_by_username"], username)
        stored = None if row is None else row["password_hash"]
        if not await self._passwords.verify(stored, password) or row is None:
            await self._refuse("", username, browser, "wrong password")
            raise Unauthenticated(_WRONG)
        if self._passwords.outdated(row["password_hash"]):
            again = await self._passwords.hash(password)
            await self._database.execute(_SQL["set_password_hash"], row["id"], row["password_hash"], again)
        half = await self._half(row, browser)
        if half is not None:  # the attempt stays counted: whoever knows the password may not try codes without end
            return half
        await self._throttle.forgive(keys)
        return await self._open(account_of(row), browser, "password")

    async def by_second(self, token: str, second: Second, browser: Browser) -> Opened:
        """Raises Unauthenticated, Throttled, Invalid when not exactly one is given."""
        method = second.method
        ticket = await self._tickets.look(Kind.SECOND, token, browser.address)
        row = None if ticket is None else await self._database.fetchrow(_SQL["enabled_account"], ticket.account)
        if row is None:
            await self._unknown_ticket(browser)
            raise Unauthenticated(_AGAIN)
        account = account_of(row)
        keys = throttle_keys(account.username, browser.address)
        await self._throttle.attempt(keys)
        ticket = await self._tickets.answer(Kind.SECOND, token, browser.address, spend=method == "passkey")
        if ticket is None or ticket.attempts > _TRIES:
            await self._refuse(account.id, account.username, browser, "ticket used up")
            raise Unauthenticated(_AGAIN)
        why = await self._why_not(account, method, second, ticket.challenge, browser)
        if why:
            await self._refuse(account.id, account.username, browser, why)
            raise Unauthenticated("this was not accepted; try again, or sign in anew")
        if await self._tickets.take(Kind.SECOND, token, browser.address) is None:
            await self._refuse(account.id, account.username, browser, "ticket used at the same time")
            raise Unauthenticated(_AGAIN)
        await self._throttle.forgive(keys, 2)  # of the password and of this
        return await self._open(account, browser, method)

    async def begin_passkey(self, browser: Browser) -> tuple[str, Options]:
        """(ticket, options) for a passkey alone. Raises Invalid where passkeys cannot be used, Throttled."""
        challenge, options = await self._passkeys.ask(_site(browser))
        return await self._tickets.issue(Kind.PASSKEY, "", browser.address, challenge), options

    async def by_passkey(self, token: str, credential: Credential, browser: Browser) -> Opened:
        """Raises Unauthenticated, Throttled."""
        site = _site(browser)
        keys = (ThrottleKey(f"passkey {browser.address}", _FROM_FREE),)
        await self._throttle.attempt(keys)
        ticket = await self._tickets.take(Kind.PASSKEY, token, browser.address)
        if ticket is None or ticket.challenge is None:
            await self._refuse("", "", browser, "unknown ticket")
            raise Unauthenticated(_AGAIN)
        try:
            row = await self._passkeys.verify(credential, ticket.challenge, site)
        except Unauthenticated as error:
            await self._refuse("", "", browser, str(error))
            raise Unauthenticated("the passkey was not accepted; begin the sign-in anew") from error
        await self._throttle.forgive(keys)
        return await self._open(account_of(row), browser, "passkey")

    async def _half(self, row: Row, browser: Browser) -> Half | None:
        """None when the account has no second factor."""
        has = await self._database.fetchrow(_SQL["factors_of"], row["id"])
        assert has is not None
        if not has["totp"] and not has["passkeys"]:
            return None
        second, challenge, options = [], None, None
        if has["totp"]:
            second.append("totp")
        if has["passkeys"] and browser.site is not None:
            second.append("passkey")
            challenge, options = await self._passkeys.ask(browser.site, row["id"])
        if has["recovery"]:
            second.append("recovery")
        ticket = await self._tickets.issue(Kind.SECOND, row["id"], browser.address, challenge)
        await self._log.write(
            Entry(row["id"], row["username"], "session:second", browser.address, "allowed", detail=" ".join(second))
        )
        return Half(ticket, tuple(second), options)

    async def _why_not(
        self, account: Account, method: str, second: Second, challenge: bytes | None, browser: Browser
    ) -> str:
        """ "" when it is right."""
        if method == "totp":
            return "" if await self._factors.use_totp(account.id, second.totp) else "wrong code"
        if method == "recovery":
            right = await self._factors.use_recovery_code(account.id, second.recovery)
            return "" if right else "wrong recovery code"
        if challenge is None or second.passkey is None:
            return "challenge answered already"
        try:
            await self._passkeys.verify(second.passkey, challenge, _site(browser), account.id)
        except Unauthenticated as error:
            return str(error)
        return ""

    async def _open(self, account: Account, browser: Browser, method: str) -> Opened:
        cookie, expires = await self._sessions.open_session(account, browser.address, browser.agent, method)
        return Opened(account, cookie, expires)

    async def _unknown_ticket(self, browser: Browser) -> None:
        await self._throttle.attempt((ThrottleKey(f"ticket {browser.address}", _FROM_FREE),))
        await self._refuse("", "", browser, "unknown ticket")

    async def _refuse(self, account: str, username: str, browser: Browser, why: str) -> None:
        await self._log.write(Entry(account, username, "session:create", browser.address, "refused", detail=why[:500]))


def _site(browser: Browser) -> Site:
    if browser.site is None:
        raise Invalid("passkeys need the console's name instead of its address; on this machine that is localhost")
    return browser.site
