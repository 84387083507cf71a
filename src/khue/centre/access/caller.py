"""Who a request comes from: a session cookie, or an API token."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection

from khue.centre.access.rules import Account
from khue.centre.access.service import Accounts, Caller
from khue.centre.errors import Unauthenticated
from khue.model.errors import Denied

COOKIE = "khue_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
Connection = ASGIConnection[Any, Any, Any, Any]


def address_of(connection: Connection) -> str:
    """The client's address; behind trusted proxies the one they forward."""
    return connection.client.host if connection.client is not None else "unknown"


async def find_caller(connection: Connection, accounts: Accounts) -> Caller:
    """Raises Unauthenticated; Denied when another site's page uses our cookie (CSRF)."""
    purpose = connection.headers.get("x-khue-purpose", "")[:200]
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    account: Account | None
    if scheme.lower() == "bearer" and token:
        account = await accounts.by_token(token.strip())
        by_cookie = False
    else:
        cookie = connection.cookies.get(COOKIE, "")
        account = await accounts.by_cookie(cookie) if cookie else None
        by_cookie = True
    if account is None:
        raise Unauthenticated("you are not signed in, or no longer")
    if by_cookie:
        _refuse_foreign(connection)
    return Caller(account, address_of(connection), purpose, by_cookie)


def _refuse_foreign(connection: Connection) -> None:
    """Writes need a header no form can send; sockets, which browsers open across sites, need our own origin."""
    if isinstance(connection, Request):
        if connection.method not in _SAFE and connection.headers.get("x-khue") != "1":
            raise Denied("a write by cookie needs the header X-Khue: 1")
        return
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host", ""):
        raise Denied("this page may not open our sockets; use the console of this centre")
