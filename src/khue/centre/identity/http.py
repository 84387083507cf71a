"""Signing in and out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import JSONBody

from khue.centre.access.caller import COOKIE, address_of
from khue.centre.access.rules import Account, Role
from khue.centre.access.service import Caller
from khue.centre.errors import Invalid
from khue.centre.identity.accounts import Accounts
from khue.centre.identity.passkeys import Site, site_of
from khue.centre.identity.sessions import Sessions
from khue.centre.identity.sign_ins import Browser, Half, Opened, Second, SignIns
from khue.centre.ports import Row
from khue.model.errors import Denied

AnyRequest = Request[Any, Any, Any]


class SignIn(msgspec.Struct):
    username: str
    password: str


class SecondIn(msgspec.Struct):
    """``ticket`` of the answer to the password, and one of the three."""

    ticket: str
    totp: str = ""
    recovery: str = ""
    passkey: dict[str, Any] | None = None


class PasskeyIn(msgspec.Struct):
    ticket: str
    credential: dict[str, Any]


class PasskeyOptions(msgspec.Struct):
    """``options`` for ``navigator.credentials``, through ``PublicKeyCredential.parse...OptionsFromJSON``."""

    ticket: str
    options: dict[str, Any]


class AccountOut(msgspec.Struct):
    id: str
    username: str
    display_name: str
    role: Role
    language: str


class SignedOut(msgspec.Struct):
    account: AccountOut


class HalfOut(msgspec.Struct):
    """The password was right; send ``ticket`` with one of ``second`` to ``/session/second`` within five minutes."""

    ticket: str
    second: list[str]
    options: dict[str, Any] | None


class SessionOut(msgspec.Struct):
    """``method``: password, totp, passkey, recovery, oidc. ``last_seen`` to the minute."""

    id: str
    created: dt.datetime
    last_seen: dt.datetime
    expires: dt.datetime
    address: str
    agent: str
    method: str
    current: bool


class SessionsOut(msgspec.Struct):
    items: list[SessionOut]
    next: str | None


class PasswordChange(msgspec.Struct):
    old: str
    new: str


class PublicUrl(msgspec.Struct, frozen=True):
    """How people reach the centre; "" is the way the request came."""

    url: str = ""


class SessionController(Controller):
    path = "/api/v1/session"
    tags = ("access",)

    @post(summary="Sign in", status_code=200)
    async def sign_in(
        self,
        request: AnyRequest,
        data: JSONBody[SignIn],
        sign_ins: NamedDependency[SignIns],
        sessions: NamedDependency[Sessions],
        public_url: NamedDependency[PublicUrl],
    ) -> Response[SignedOut | HalfOut]:
        """Sets the session cookie; 202 when a second factor comes first. The next attempts are slowed after failed ones."""
        _must_be_json(request)
        done = await sign_ins.by_password(data.username, data.password, _browser(request, public_url))
        if isinstance(done, Half):
            return Response(HalfOut(done.ticket, list(done.second), done.options), status_code=202)
        return await _signed_in(request, done, sessions)

    @post("/second", summary="Sign in: the second factor", status_code=200)
    async def second(
        self,
        request: AnyRequest,
        data: JSONBody[SecondIn],
        sign_ins: NamedDependency[SignIns],
        sessions: NamedDependency[Sessions],
        public_url: NamedDependency[PublicUrl],
    ) -> Response[SignedOut | HalfOut]:
        """A ticket is good from the address it was given to, for a few tries, once."""
        _must_be_json(request)
        second = Second(data.totp, data.recovery, data.passkey)
        done = await sign_ins.by_second(data.ticket, second, _browser(request, public_url))
        return await _signed_in(request, done, sessions)

    @post("/passkey/options", summary="Sign in with a passkey alone: what it is to sign", status_code=200)
    async def passkey_options(
        self, request: AnyRequest, sign_ins: NamedDependency[SignIns], public_url: NamedDependency[PublicUrl]
    ) -> PasskeyOptions:
        _must_be_json(request)
        ticket, options = await sign_ins.begin_passkey(_browser(request, public_url))
        return PasskeyOptions(ticket, options)

    @post("/passkey", summary="Sign in with a passkey alone", status_code=200)
    async def passkey(
        self,
        request: AnyRequest,
        data: JSONBody[PasskeyIn],
        sign_ins: NamedDependency[SignIns],
        sessions: NamedDependency[Sessions],
        public_url: NamedDependency[PublicUrl],
    ) -> Response[SignedOut | HalfOut]:
        _must_be_json(request)
        done = await sign_ins.by_passkey(data.ticket, data.credential, _browser(request, public_url))
        return await _signed_in(request, done, sessions)

    @get(summary="Who is signed in")
    async def who(self, caller: NamedDependency[Caller]) -> SignedOut:
        return SignedOut(account_out(caller.account))

    @delete(summary="Sign out")
    async def sign_out(
        self, request: AnyRequest, caller: NamedDependency[Caller], sessions: NamedDependency[Sessions]
    ) -> Response[None]:
        if caller.by_cookie:
            await sessions.end_cookie(request.cookies.get(COOKIE, ""), caller.address)
        response: Response[None] = Response(None, status_code=204)
        response.delete_cookie(COOKIE)
        return response

    @post("/password", summary="Change one's own password", status_code=204)
    async def change_password(
        self,
        data: JSONBody[PasswordChange],
        caller: NamedDependency[Caller],
        accounts: NamedDependency[Accounts],
    ) -> None:
        """Ends all other sign-ins of the account."""
        must_be_a_person(caller)
        await accounts.change_own_password(caller.account, data.old, data.new, caller.session, caller.address)


def must_be_a_person(caller: Caller) -> None:
    """Raises Denied for programs: a token that leaks must not be able to take the account over."""
    if not caller.by_cookie:
        raise Denied("this is for people who are signed in; an API token may not change how its account signs in")


def account_out(account: Account) -> AccountOut:
    return AccountOut(account.id, account.username, account.display_name, account.role, account.language)


def sessions_out(rows: Sequence[Row], current: str) -> SessionsOut:
    names = SessionOut.__struct_fields__[:-1]  # the last says which of them asks
    items = [SessionOut(**{name: row[name] for name in names}, current=row["id"] == current) for row in rows]
    return SessionsOut(items, None)


def site_for(request: AnyRequest, public_url: PublicUrl) -> Site:
    """Raises Invalid where people reach the centre by an address of numbers."""
    return site_of(public_url.url or str(request.base_url))


def _browser(request: AnyRequest, public_url: PublicUrl) -> Browser:
    site: Site | None
    try:
        site = site_for(request, public_url)
    except Invalid:
        site = None
    return Browser(address_of(request), request.headers.get("user-agent", ""), site)


async def _signed_in(request: AnyRequest, opened: Opened, sessions: Sessions) -> Response[SignedOut | HalfOut]:
    """A new cookie each time. What the browser had before, whoever gave it that, ends."""
    await sessions.end_cookie(request.cookies.get(COOKIE, ""), address_of(request))
    return Response(
        SignedOut(account_out(opened.account)), cookies=[session_cookie(request, opened.cookie, opened.expires)]
    )


def session_cookie(request: AnyRequest, cookie: str, expires: dt.datetime) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=cookie,
        max_age=int((expires - dt.datetime.now(dt.UTC)).total_seconds()),
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="strict",
    )


def _must_be_json(request: AnyRequest) -> None:
    """What another site's form can send is never JSON."""
    if request.content_type[0] != "application/json":
        raise Invalid("send this as application/json")
