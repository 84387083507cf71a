"""Signing in with an account somewhere else: attempts under way, and which account here a person there is."""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Sequence

import msgspec

from khue.centre.access.rules import Account, Role
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.config import OidcConfig
from khue.centre.errors import Throttled
from khue.centre.identity.account_row import account_of
from khue.centre.identity.oidc_provider import Person, Provider, Untrusted
from khue.centre.identity.passwords import Passwords
from khue.centre.identity.sessions import Sessions
from khue.centre.identity.sign_ins import Opened
from khue.centre.ids import digest, new_id, new_secret
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.errors import Conflict, Denied, NotFound, Unavailable

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
ATTEMPT_S = 600  # people look for their second factor meanwhile
_LONGEST_RETURN = 500
_UNDER_WAY = 300  # from one address; an office has one


class NotSignedIn(Denied):
    """``word`` says to the page why: provider, cancelled, ended, browser, token, unknown, disabled, taken."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word


class Begun(msgspec.Struct, frozen=True):
    """Where the browser goes, and the cookie that says it was this one."""

    url: str
    browser: str


class Answer(msgspec.Struct, frozen=True):
    """What the browser brings back from the provider; "" is what it does not bring."""

    state: str
    code: str
    error: str
    issuer: str | None
    browser: str


class Oidc:
    """Of a person at a provider, ``(issuer, sub)`` is what counts; names and addresses count once, to find the account."""

    def __init__(
        self,
        configs: Sequence[OidcConfig],
        database: Database,
        log: AccessLog,
        sessions: Sessions,
        passwords: Passwords,
    ) -> None:
        """Raises ConfigError."""
        self._providers = {config.id: Provider(config) for config in configs}
        self._database = database
        self._log = log
        self._sessions = sessions
        self._passwords = passwords

    @property
    def providers(self) -> list[OidcConfig]:
        return [provider.config for provider in self._providers.values()]

    async def begin(self, provider: str, redirect_uri: str, return_to: str, address: str) -> Begun:
        """Raises NotFound; NotSignedIn when the provider is away; Throttled when too many are under way from there."""
        chosen = self._provider(provider)
        state, nonce, browser = new_secret(), new_secret(), new_secret()
        verifier = secrets.token_urlsafe(64)
        try:
            url = await chosen.begin(redirect_uri, state=state, nonce=nonce, verifier=verifier)
        except (Unavailable, Untrusted) as error:
            _log.warning("sign-in by %s: %s", provider, error)
            raise NotSignedIn("provider", str(error)) from error
        row = await self._database.fetchrow(
            _SQL["add_oidc_attempt"],
            *(digest(state), provider, digest(browser), nonce, verifier, safe_return(return_to), ATTEMPT_S),
            *(address, _UNDER_WAY),
        )
        if row is None:
            raise Throttled("too many sign-ins are under way from this address; try again in a few minutes", 60.0)
        return Begun(url, browser)

    async def finish(
        self, provider: str, redirect_uri: str, answer: Answer, address: str, agent: str
    ) -> tuple[Opened, str]:
        """(the sign-in, where the person wanted to go). Raises NotFound; NotSignedIn, which is in the log."""
        chosen = self._provider(provider)
        try:
            person, return_to = await self._person(chosen, redirect_uri, answer)
            account = await self._account(chosen.config, person, address)
        except NotSignedIn as error:
            entry = Entry("", f"oidc {provider}", "session:create", address, "refused", detail=str(error)[:500])
            await self._log.write(entry)
            raise
        cookie, expires = await self._sessions.open_session(account, address, agent, "oidc")
        return Opened(account, cookie, expires), return_to

    async def links(self, account: str) -> list[Row]:
        """Which people at which providers the account belongs to."""
        return list(await self._database.fetch(_SQL["oidc_links"], account))

    async def part(self, account: str) -> None:
        """The account belongs to nobody elsewhere any more; who signs in there next under its name, gets it. Raises NotFound."""
        if not await self._database.fetch(_SQL["drop_oidc_links"], account):
            raise NotFound("the account belongs to nobody at a provider")

    def _provider(self, provider: str) -> Provider:
        chosen = self._providers.get(provider)
        if chosen is None:
            raise NotFound("there is no such provider; the sign-in page lists those there are")
        return chosen

    # -- the attempt -----------------------------------------------------------------------------------------------

    async def _person(self, provider: Provider, redirect_uri: str, answer: Answer) -> tuple[Person, str]:
        attempt = await self._take(provider.config.id, answer)
        try:
            await provider.check_answerer(answer.issuer)
            if answer.error or not answer.code:
                raise NotSignedIn("cancelled", f"the provider said {answer.error[:100] or 'nothing'}")
            person = await provider.finish(
                answer.code, redirect_uri, verifier=attempt["verifier"], nonce=attempt["nonce"]
            )
        except Untrusted as error:
            raise NotSignedIn("token", str(error)) from error
        except Unavailable as error:
            raise NotSignedIn("provider", str(error)) from error
        return person, str(attempt["return_to"])

    async def _take(self, provider: str, answer: Answer) -> Row:
        """The attempt this is the answer to. It counts once, whatever comes of it."""
        row = await self._database.fetchrow(_SQL["take_oidc_attempt"], digest(answer.state))
        if row is None or row["ended"]:
            raise NotSignedIn(
                "ended", "no sign-in is under way with this state; it was used, took too long, or is made up"
            )
        if not hmac.compare_digest(row["browser_hash"], digest(answer.browser)):
            raise NotSignedIn("browser", "the sign-in was begun in another browser")
        if row["provider"] != provider:
            raise NotSignedIn("token", f"the sign-in was begun at {row['provider']}")
        return row

    # -- which account ---------------------------------------------------------------------------------------------

    async def _account(self, config: OidcConfig, person: Person, address: str) -> Account:
        async with self._database.transaction() as session:
            row = await session.fetchrow(_SQL["oidc_account"], person.issuer, person.subject)
            made = False
            if row is None:
                row, made = await self._link(session, config, person)
            if row["disabled"]:
                raise NotSignedIn("disabled", f"the account {row['username']} is disabled")
            account = account_of(row)
        if made:
            entry = Entry(account.id, account.username, "account:write", address, "allowed")
            await self._log.write(msgspec.structs.replace(entry, detail=f"made as a member by provider {config.id}"))
        return account

    async def _link(self, session: Statements, config: OidcConfig, person: Person) -> tuple[Row, bool]:
        """(the account, whether it is new): the one with the name the provider vouches for, or a new one that may nothing."""
        if not person.username or len(person.username) > 100 or not person.username.isprintable():
            raise NotSignedIn("unknown", f"the provider does not vouch for a {config.claim} of this person")
        row = await session.fetchrow(_SQL["account_by_any_username"], person.username)
        made = row is None
        if row is None:
            if not config.create:
                raise NotSignedIn(
                    "unknown", f"there is no account {person.username} here; an administrator can make one of that name"
                )
            row = await self._make(session, person)
        elif row["disabled"]:
            raise NotSignedIn("disabled", f"the account {row['username']} is disabled")
        try:
            await session.execute(_SQL["add_oidc_link"], person.issuer, person.subject, row["id"])
        except Conflict as error:
            raise NotSignedIn(
                "taken",
                f"the account {row['username']} belongs to another person at this provider; an administrator can part them",
            ) from error
        return row, made

    async def _make(self, session: Statements, person: Person) -> Row:
        """Its password is nobody's: 256 bits that were never told."""
        account, hashed = new_id(), await self._passwords.hash(new_secret())
        name = person.display_name or person.username
        await session.execute(
            _SQL["add_account"], account, person.username, name, Role.MEMBER, "vi", hashed, [], [], False
        )
        row = await session.fetchrow(_SQL["account_by_id"], account)
        assert row is not None
        return row


def safe_return(wanted: str) -> str:
    """A place of our own console, whatever was asked for: only what stands behind ``#`` is taken over."""
    place = wanted.removeprefix("/")
    if not place.startswith("#/") or place.startswith("#//") or len(place) > _LONGEST_RETURN:
        return "/"
    if not place.isascii() or not place.isprintable():
        return "/"
    return "/" + place.replace(" ", "%20")
