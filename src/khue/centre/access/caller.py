"""Who a request comes from: a session cookie, or an API token."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from litestar import Request
from litestar.connection import ASGIConnection

from khue.centre.access.gate import Stated
from khue.centre.access.service import Caller
from khue.centre.errors import Unauthenticated
from khue.centre.identity.sessions import Sessions
from khue.centre.ids import digest
from khue.model.errors import Denied

COOKIE = "khue_session"
_LONGEST = 500  # characters of what is stated
_OWN_SETTINGS = ("/api/v1/session/", "/api/v1/me/")  # what a sign-in that is held may still do
_FIRST = {
    "password": "your password is older than the regulation allows; change it first",
    "second": "the regulation asks you for a second factor; set up codes or a passkey first",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
Connection = ASGIConnection[Any, Any, Any, Any]


def address_of(connection: Connection) -> str:
    """The client's address; behind trusted proxies the one they forward."""
    return connection.client.host if connection.client is not None else "unknown"


async def find_caller(connection: Connection, sessions: Sessions) -> Caller:
    """Raises Unauthenticated; Denied when another site's page uses our cookie (CSRF), or something has to be done first."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    address = address_of(connection)
    by_cookie = not (scheme.lower() == "bearer" and token)
    if by_cookie:
        cookie = connection.cookies.get(COOKIE, "")
        signed = await sessions.by_cookie(cookie, address) if cookie else None
    else:
        signed = await sessions.by_token(token.strip(), address)
    if signed is None:
        raise Unauthenticated("you are not signed in, or no longer")
    if by_cookie:
        _refuse_foreign(connection)
    if signed.must and not f"{connection.url.path}/".startswith(_OWN_SETTINGS):
        raise Denied(_FIRST[signed.must[0]])
    shown = b"" if by_cookie else digest(token.strip())
    return Caller(signed.account, address, _stated(connection), by_cookie, signed.session, shown)


def _stated(connection: Connection) -> Stated:
    """From headers, percent-encoded UTF-8; from the address where a browser sends no headers: sockets, plain links."""

    def of(name: str) -> str:
        said = connection.headers.get(f"x-khue-{name}")
        return (unquote(said) if said is not None else connection.query_params.get(f"stated_{name}", ""))[:_LONGEST]

    return Stated(of("purpose"), of("case"), of("reason"))


def _refuse_foreign(connection: Connection) -> None:
    """Writes need a header no form can send; sockets, which browsers open across sites, need our own origin."""
    if isinstance(connection, Request):
        if connection.method not in _SAFE and connection.headers.get("x-khue") != "1":
            raise Denied("a write by cookie needs the header X-Khue: 1")
        return
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host", ""):
        raise Denied("this page may not open our sockets; use the console of this centre")
