"""Signing in with an account somewhere else, over HTTP: there and back by redirects of the browser."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from khue.centre.access.caller import COOKIE, address_of
from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.identity.http import AnyRequest, PublicUrl, session_cookie
from khue.centre.identity.oidc import ATTEMPT_S, Answer, NotSignedIn, Oidc
from khue.centre.identity.sessions import Sessions

_PATH = "/api/v1/session/oidc"
_BROWSER = "khue_oidc"


class ProviderOut(msgspec.Struct):
    id: str
    name: str


class ProvidersOut(msgspec.Struct):
    providers: list[ProviderOut]


class LinkOut(msgspec.Struct):
    issuer: str
    subject: str
    created: dt.datetime
    last_used: dt.datetime


class LinksOut(msgspec.Struct):
    items: list[LinkOut]
    next: str | None = None


class LinkController(Controller):
    path = "/api/v1/accounts/{account_id:str}/oidc"
    tags = ("access",)

    @get(summary="The people at providers an account belongs to")
    async def links(
        self,
        account_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        oidc: NamedDependency[Oidc],
    ) -> LinksOut:
        await access.permit(caller, Action.ACCOUNT_WRITE, detail=f"links of {account_id[:80]}")
        names = LinkOut.__struct_fields__
        return LinksOut([LinkOut(*(row[name] for name in names)) for row in await oidc.links(account_id)])

    @delete(summary="Part an account from them")
    async def part(
        self,
        account_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        oidc: NamedDependency[Oidc],
    ) -> None:
        """Its sign-ins under way go on; end them, or disable the account, when it is in the wrong hands."""
        await access.permit(caller, Action.ACCOUNT_WRITE, detail=f"part {account_id[:80]}")
        await oidc.part(account_id)


class OidcController(Controller):
    path = _PATH
    tags = ("access",)

    @get(summary="Other places people may sign in with")
    async def providers(self, oidc: NamedDependency[Oidc]) -> ProvidersOut:
        return ProvidersOut([ProviderOut(config.id, config.name) for config in oidc.providers])

    @get("/{provider:str}/start", summary="Begin to sign in at a provider", status_code=302)
    async def start(
        self,
        request: AnyRequest,
        provider: FromPath[str],
        oidc: NamedDependency[Oidc],
        public_url: NamedDependency[PublicUrl],
        return_to: FromQuery[str] = "",
    ) -> Response[None]:
        """Sends the browser to the provider. ``return_to`` is a place of the console, ``#/...``."""
        try:
            begun = await oidc.begin(
                provider, _redirect_uri(request, public_url, provider), return_to, address_of(request)
            )
        except NotSignedIn as error:
            return _back(f"/#/?sign_in_failed={error.word}")
        cookie = Cookie(
            key=_BROWSER,
            value=begun.browser,
            max_age=ATTEMPT_S,
            path=_PATH,
            httponly=True,
            secure=request.url.scheme == "https",
            samesite="lax",  # the provider's page sends the browser here
        )
        return _back(begun.url, cookie)

    @get("/{provider:str}/callback", summary="Back from a provider", status_code=302)
    async def callback(
        self,
        request: AnyRequest,
        provider: FromPath[str],
        oidc: NamedDependency[Oidc],
        sessions: NamedDependency[Sessions],
        public_url: NamedDependency[PublicUrl],
        shown_state: Annotated[str, QueryParameter(name="state")] = "",
        code: FromQuery[str] = "",
        error: FromQuery[str] = "",
        iss: FromQuery[str | None] = None,
    ) -> Response[None]:
        """Sets the session cookie and sends the browser to the console; what went wrong is one word there."""
        answer = Answer(shown_state, code, error, iss, request.cookies.get(_BROWSER, ""))
        address, agent = address_of(request), request.headers.get("user-agent", "")
        gone = Cookie(key=_BROWSER, value="", max_age=0, path=_PATH)
        try:
            opened, return_to = await oidc.finish(
                provider, _redirect_uri(request, public_url, provider), answer, address, agent
            )
        except NotSignedIn as failure:
            return _back(f"/#/?sign_in_failed={failure.word}", gone)
        # what the browser had before, whoever gave it that, ends
        await sessions.end_cookie(request.cookies.get(COOKIE, ""), address)
        return _back(return_to, gone, session_cookie(request, opened.cookie, opened.expires))


def _redirect_uri(request: AnyRequest, public_url: PublicUrl, provider: str) -> str:
    return f"{(public_url.url or str(request.base_url)).rstrip('/')}{_PATH}/{provider}/callback"


def _back(url: str, *cookies: Cookie) -> Response[None]:
    # ``Redirect`` would quote the address once more
    return Response(
        None, status_code=302, headers={"Location": url, "Cache-Control": "no-store"}, cookies=list(cookies)
    )
