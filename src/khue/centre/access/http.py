"""Sign-in, API tokens, accounts and the access log."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from khue.centre.access.caller import COOKIE, address_of
from khue.centre.access.rules import Account, Action, Role
from khue.centre.access.service import Access, Accounts, Caller
from khue.centre.errors import Invalid
from khue.centre.ports import Row

AnyRequest = Request[Any, Any, Any]


class SignIn(msgspec.Struct):
    username: str
    password: str


class AccountOut(msgspec.Struct):
    id: str
    username: str
    display_name: str
    role: Role
    language: str


class SessionOut(msgspec.Struct):
    account: AccountOut


class PasswordChange(msgspec.Struct):
    old: str
    new: str


class TokenIn(msgspec.Struct):
    name: str
    expires_days: int = 365


class TokenOut(msgspec.Struct):
    id: str
    name: str
    created: dt.datetime
    expires: dt.datetime


class NewTokenOut(TokenOut):
    """``token`` is shown this once."""

    token: str


class TokensOut(msgspec.Struct):
    items: list[TokenOut]


class AccountIn(msgspec.Struct):
    username: str
    password: str
    role: Role
    display_name: str = ""
    language: str = "vi"
    units: list[str] | None = None
    agencies: list[str] | None = None
    defence: bool = False


class AccountChange(msgspec.Struct):
    display_name: str | None = None
    role: Role | None = None
    language: str | None = None
    disabled: bool | None = None
    password: str | None = None
    units: list[str] | None = None
    agencies: list[str] | None = None
    defence: bool | None = None


class FullAccountOut(AccountOut):
    """With neither ``units`` nor ``agencies`` it sees the whole city; cameras of defence only with ``defence``."""

    disabled: bool
    created: dt.datetime
    units: list[str]
    agencies: list[str]
    defence: bool


class AccountsOut(msgspec.Struct):
    items: list[FullAccountOut]


class LogLine(msgspec.Struct):
    id: int
    at: dt.datetime
    account: str
    username: str
    action: str
    camera: str
    stream: str
    period_start: dt.datetime | None
    period_end: dt.datetime | None
    purpose: str
    address: str
    outcome: str
    detail: str


class LogOut(msgspec.Struct):
    items: list[LogLine]
    next: int | None


class SessionController(Controller):
    path = "/api/v1/session"
    tags = ("access",)

    @post(summary="Sign in", status_code=200)
    async def sign_in(
        self, request: AnyRequest, data: JSONBody[SignIn], accounts: NamedDependency[Accounts]
    ) -> Response[SessionOut]:
        """Sets the session cookie. The next attempts are slowed after failed ones."""
        if request.content_type[0] != "application/json":  # what another site's form can send is never JSON
            raise Invalid("send the user name and the password as application/json")
        account, cookie, expires = await accounts.sign_in(data.username, data.password, address_of(request))
        seconds = int((expires - dt.datetime.now(dt.UTC)).total_seconds())
        return Response(
            SessionOut(_account(account)),
            cookies=[
                Cookie(
                    key=COOKIE,
                    value=cookie,
                    max_age=seconds,
                    httponly=True,
                    secure=request.url.scheme == "https",
                    samesite="strict",
                )
            ],
        )

    @get(summary="Who is signed in")
    async def who(self, caller: NamedDependency[Caller]) -> SessionOut:
        return SessionOut(_account(caller.account))

    @delete(summary="Sign out")
    async def sign_out(
        self, request: AnyRequest, caller: NamedDependency[Caller], accounts: NamedDependency[Accounts]
    ) -> Response[None]:
        if caller.by_cookie:
            await accounts.sign_out(request.cookies.get(COOKIE, ""))
        response: Response[None] = Response(None, status_code=204)
        response.delete_cookie(COOKIE)
        return response

    @post("/password", summary="Change one's own password", status_code=204)
    async def change_password(
        self,
        request: AnyRequest,
        data: JSONBody[PasswordChange],
        caller: NamedDependency[Caller],
        accounts: NamedDependency[Accounts],
    ) -> None:
        """Ends all other sign-ins of the account."""
        await accounts.change_own_password(caller.account, data.old, data.new, request.cookies.get(COOKIE, ""))


class TokenController(Controller):
    path = "/api/v1/tokens"
    tags = ("access",)

    @get(summary="One's own API tokens")
    async def list_tokens(self, caller: NamedDependency[Caller], accounts: NamedDependency[Accounts]) -> TokensOut:
        rows = await accounts.list_tokens(caller.account)
        return TokensOut([TokenOut(row["id"], row["name"], row["created"], row["expires"]) for row in rows])

    @post(summary="Make an API token")
    async def add_token(
        self, data: JSONBody[TokenIn], caller: NamedDependency[Caller], accounts: NamedDependency[Accounts]
    ) -> NewTokenOut:
        """It acts for the account that made it; it is shown once."""
        row, token = await accounts.add_token(caller.account, data.name, data.expires_days)
        return NewTokenOut(row["id"], row["name"], row["created"], row["expires"], token)

    @delete("/{token_id:str}", summary="Revoke an API token")
    async def drop_token(
        self, token_id: FromPath[str], caller: NamedDependency[Caller], accounts: NamedDependency[Accounts]
    ) -> None:
        await accounts.drop_token(caller.account, token_id)


class AccountController(Controller):
    path = "/api/v1/accounts"
    tags = ("access",)

    @get(summary="All accounts")
    async def list_accounts(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], accounts: NamedDependency[Accounts]
    ) -> AccountsOut:
        await access.permit(caller, Action.ACCOUNT_WRITE, detail="list")
        return AccountsOut([_full(row) for row in await accounts.list_accounts()])

    @post(summary="Make an account")
    async def add_account(
        self,
        data: JSONBody[AccountIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        accounts: NamedDependency[Accounts],
    ) -> FullAccountOut:
        await access.permit(caller, Action.ACCOUNT_WRITE, detail=f"add {data.username} as {data.role}")
        row = await accounts.add_account(
            caller.account,
            data.username,
            data.password,
            display_name=data.display_name,
            role=data.role,
            language=data.language,
            units=data.units,
            agencies=data.agencies,
            defence=data.defence,
        )
        return _full(row)

    @patch("/{account_id:str}", summary="Change or disable an account")
    async def change_account(
        self,
        account_id: FromPath[str],
        data: JSONBody[AccountChange],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        accounts: NamedDependency[Accounts],
    ) -> FullAccountOut:
        changed = ", ".join(name for name in AccountChange.__struct_fields__ if getattr(data, name) is not None)
        await access.permit(caller, Action.ACCOUNT_WRITE, detail=f"change {account_id}: {changed}")
        row = await accounts.change_account(
            account_id,
            by=caller.account,
            display_name=data.display_name,
            role=data.role,
            language=data.language,
            disabled=data.disabled,
            password=data.password,
            units=data.units,
            agencies=data.agencies,
            defence=data.defence,
        )
        return _full(row)


@get("/api/v1/access-log", summary="Who accessed what", tags=["access"])
async def read_log(
    caller: NamedDependency[Caller],
    access: NamedDependency[Access],
    accounts: NamedDependency[Accounts],
    camera: FromQuery[str] = "",
    account: FromQuery[str] = "",
    before: FromQuery[int | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
) -> LogOut:
    """Newest first; ``before`` is ``next`` of the page before."""
    await access.permit(caller, Action.LOG_READ, camera=camera)
    rows = await accounts.read_log(caller.account, camera, account, before, limit)
    names = LogLine.__struct_fields__
    lines = [LogLine(*(row[name] for name in names)) for row in rows]
    return LogOut(lines, lines[-1].id if len(lines) == limit else None)


def _account(account: Account) -> AccountOut:
    return AccountOut(account.id, account.username, account.display_name, account.role, account.language)


def _full(row: Row) -> FullAccountOut:
    return FullAccountOut(
        *(row["id"], row["username"], row["display_name"], Role(row["role"]), row["language"]),
        *(row["disabled"], row["created"], row["units"], row["agencies"], row["defence"]),
    )
