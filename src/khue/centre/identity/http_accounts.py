"""Accounts, for those who administer them; API tokens, for everybody."""

from __future__ import annotations

import datetime as dt

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from khue.centre.access.rules import Action, Role
from khue.centre.access.service import Access, Caller
from khue.centre.identity.accounts import Accounts
from khue.centre.identity.http import AccountOut, SessionsOut, sessions_out
from khue.centre.identity.passkeys import Passkeys
from khue.centre.identity.second_factors import SecondFactors
from khue.centre.identity.sessions import Sessions
from khue.centre.identity.tokens import Tokens
from khue.centre.ports import Row


class TokenIn(msgspec.Struct):
    """``grants``: ids of grants one holds, to hold the token to; left out, it may all its account may."""

    name: str
    expires_days: int = 365
    grants: list[str] | None = None


class TokenOut(msgspec.Struct):
    """``last_used`` to the minute."""

    id: str
    name: str
    created: dt.datetime
    expires: dt.datetime
    grants: list[str] | None
    last_used: dt.datetime | None


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


class TokenController(Controller):
    path = "/api/v1/tokens"
    tags = ("access",)

    @get(summary="One's own API tokens")
    async def list_tokens(self, caller: NamedDependency[Caller], tokens: NamedDependency[Tokens]) -> TokensOut:
        return TokensOut([TokenOut(*_token(row)) for row in await tokens.list_of(caller.account)])

    @post(summary="Make an API token")
    async def add_token(
        self, data: JSONBody[TokenIn], caller: NamedDependency[Caller], tokens: NamedDependency[Tokens]
    ) -> NewTokenOut:
        """It acts for the account that made it; it is shown once."""
        row, token = await tokens.add(caller.account, data.name, data.expires_days, data.grants, caller.address)
        return NewTokenOut(*_token(row), token)

    @delete("/{token_id:str}", summary="Revoke an API token")
    async def drop_token(
        self, token_id: FromPath[str], caller: NamedDependency[Caller], tokens: NamedDependency[Tokens]
    ) -> None:
        await tokens.drop(caller.account, token_id, caller.address)


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

    @get("/{account_id:str}/sessions", summary="Where an account is signed in")
    async def list_sessions(
        self,
        account_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        accounts: NamedDependency[Accounts],
        sessions: NamedDependency[Sessions],
    ) -> SessionsOut:
        await access.permit(caller, Action.ACCOUNT_WRITE, detail=f"list sign-ins of {account_id}")
        account = await accounts.must_administer(account_id, caller.account)
        return sessions_out(await sessions.list_of(account.id), caller.session)

    @delete("/{account_id:str}/sessions", summary="End all sign-ins of an account")
    async def end_sessions(
        self,
        account_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        accounts: NamedDependency[Accounts],
        sessions: NamedDependency[Sessions],
    ) -> None:
        await access.permit(caller, Action.ACCOUNT_WRITE, detail=f"end sign-ins of {account_id}")
        account = await accounts.must_administer(account_id, caller.account)
        await sessions.end_all(account.id, caller.account, caller.address)

    @delete("/{account_id:str}/sessions/{session_id:str}", summary="End one sign-in of an account")
    async def end_session(
        self,
        account_id: FromPath[str],
        session_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        accounts: NamedDependency[Accounts],
        sessions: NamedDependency[Sessions],
    ) -> None:
        await access.permit(caller, Action.ACCOUNT_WRITE, detail=f"end sign-in {session_id} of {account_id}")
        account = await accounts.must_administer(account_id, caller.account)
        await sessions.end(account.id, session_id, caller.account, caller.address)

    @delete("/{account_id:str}/factors", summary="Remove an account's second factors")
    async def remove_factors(
        self,
        account_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        accounts: NamedDependency[Accounts],
        factors: NamedDependency[SecondFactors],
        passkeys: NamedDependency[Passkeys],
        sessions: NamedDependency[Sessions],
    ) -> None:
        """For a person who lost them. Codes, recovery codes and passkeys are gone, and every sign-in ends."""
        await access.permit(caller, Action.ACCOUNT_WRITE, detail=f"remove second factors of {account_id}")
        account = await accounts.must_administer(account_id, caller.account)
        await factors.remove_totp(account.id, caller.account, caller.address)
        await passkeys.remove_all(account.id)
        await sessions.end_all(account.id, caller.account, caller.address)


def _token(row: Row) -> tuple[str, str, dt.datetime, dt.datetime, list[str] | None, dt.datetime | None]:
    return row["id"], row["name"], row["created"], row["expires"], row["grants"], row["last_used"]


def _full(row: Row) -> FullAccountOut:
    return FullAccountOut(
        *(row["id"], row["username"], row["display_name"], Role(row["role"]), row["language"]),
        *(row["disabled"], row["created"], row["units"], row["agencies"], row["defence"]),
    )
