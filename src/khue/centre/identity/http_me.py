"""One's own account: posts, second factors, passkeys, sign-ins."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from khue.centre.access.service import Caller
from khue.centre.identity.accounts import Accounts
from khue.centre.identity.demands import SECOND, Demands
from khue.centre.identity.http import (
    AccountOut,
    PublicUrl,
    SessionsOut,
    account_out,
    must_be_a_person,
    sessions_out,
    site_for,
)
from khue.centre.identity.passkeys import Passkeys
from khue.centre.identity.second_factors import NewTotp, SecondFactors
from khue.centre.identity.sessions import Sessions
from khue.centre.ports import Row


class PostOut(msgspec.Struct):
    id: str
    title: str
    title_en: str
    agency_name: str
    kind: str
    valid_to: dt.datetime | None


class PasskeyOut(msgspec.Struct):
    id: str
    name: str
    created: dt.datetime
    last_used: dt.datetime | None


class MeOut(msgspec.Struct):
    """``must``: password, second. While ``held``, nothing but this account's own settings answers until that is done."""

    account: AccountOut
    posts: list[PostOut]
    totp: bool
    passkeys: list[PasskeyOut]
    recovery_left: int
    sessions: int
    must: list[str]
    held: bool


class PasswordIn(msgspec.Struct):
    password: str


class CodeIn(msgspec.Struct):
    code: str


class RecoveryOut(msgspec.Struct):
    """Each signs in once, in place of the phone's code; shown this once."""

    recovery: list[str]


class EnrolmentOptions(msgspec.Struct):
    """For ``navigator.credentials.create``, through ``PublicKeyCredential.parseCreationOptionsFromJSON``."""

    options: dict[str, Any]


class NewPasskey(msgspec.Struct):
    """``credential``: what ``toJSON()`` of the new credential gives."""

    name: str
    credential: dict[str, Any]


class MeController(Controller):
    path = "/api/v1/me"
    tags = ("me",)

    @get(summary="One's own account")
    async def me(
        self,
        caller: NamedDependency[Caller],
        accounts: NamedDependency[Accounts],
        demands: NamedDependency[Demands],
        factors: NamedDependency[SecondFactors],
        passkeys: NamedDependency[Passkeys],
        sessions: NamedDependency[Sessions],
    ) -> MeOut:
        who = caller.account.id
        names = PostOut.__struct_fields__
        posts = [PostOut(*(row[name] for name in names)) for row in await accounts.posts_of(who)]
        totp, recovery_left = await factors.state_of(who)
        keys = [_passkey(row) for row in await passkeys.list_of(who)]
        open_now = await sessions.list_of(who)
        must = await demands.of_account(who)
        return MeOut(
            *(account_out(caller.account), posts, totp, keys, recovery_left, len(open_now)),
            must=list(must),
            held=any(row["id"] == caller.session and row["must"] for row in open_now),
        )

    @post("/totp", summary="Begin to set up codes on a phone")
    async def begin_totp(self, caller: NamedDependency[Caller], factors: NamedDependency[SecondFactors]) -> NewTotp:
        """Counts for nothing until a code came back."""
        must_be_a_person(caller)
        return await factors.begin_totp(caller.account)

    @post("/totp/confirm", summary="Confirm the codes of a phone with one of them", status_code=200)
    async def confirm_totp(
        self,
        data: JSONBody[CodeIn],
        caller: NamedDependency[Caller],
        factors: NamedDependency[SecondFactors],
        sessions: NamedDependency[Sessions],
    ) -> RecoveryOut:
        must_be_a_person(caller)
        codes = await factors.confirm_totp(caller.account, data.code, caller.address)
        await sessions.meet(caller.account.id, SECOND)
        return RecoveryOut(codes)

    @delete("/totp", summary="Remove the codes of a phone")
    async def remove_totp(
        self,
        data: JSONBody[PasswordIn],
        caller: NamedDependency[Caller],
        accounts: NamedDependency[Accounts],
        factors: NamedDependency[SecondFactors],
    ) -> None:
        """With the recovery codes; needs the password."""
        must_be_a_person(caller)
        await accounts.must_know_password(caller.account, data.password, caller.address)
        await factors.remove_totp(caller.account.id, caller.account, caller.address)

    @post("/recovery", summary="Make new recovery codes", status_code=200)
    async def renew_recovery(
        self,
        data: JSONBody[PasswordIn],
        caller: NamedDependency[Caller],
        accounts: NamedDependency[Accounts],
        factors: NamedDependency[SecondFactors],
    ) -> RecoveryOut:
        """The earlier ones end; needs the password."""
        must_be_a_person(caller)
        await accounts.must_know_password(caller.account, data.password, caller.address)
        return RecoveryOut(await factors.renew_recovery_codes(caller.account, caller.address))

    @post("/passkeys/options", summary="Begin to add a passkey", status_code=200)
    async def begin_passkey(
        self,
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        passkeys: NamedDependency[Passkeys],
        public_url: NamedDependency[PublicUrl],
    ) -> EnrolmentOptions:
        must_be_a_person(caller)
        site = site_for(request, public_url)
        return EnrolmentOptions(await passkeys.begin_enrolment(caller.account, site, caller.address))

    @post("/passkeys", summary="Add a passkey")
    async def add_passkey(
        self,
        request: Request[Any, Any, Any],
        data: JSONBody[NewPasskey],
        caller: NamedDependency[Caller],
        passkeys: NamedDependency[Passkeys],
        sessions: NamedDependency[Sessions],
        public_url: NamedDependency[PublicUrl],
    ) -> PasskeyOut:
        must_be_a_person(caller)
        site = site_for(request, public_url)
        row = await passkeys.enrol(caller.account, data.name, data.credential, site, caller.address)
        await sessions.meet(caller.account.id, SECOND)
        return _passkey(row)

    @delete("/passkeys/{key_id:str}", summary="Remove a passkey")
    async def remove_passkey(
        self, key_id: FromPath[str], caller: NamedDependency[Caller], passkeys: NamedDependency[Passkeys]
    ) -> None:
        must_be_a_person(caller)
        await passkeys.remove(caller.account.id, key_id, caller.account, caller.address)

    @get("/sessions", summary="Where one is signed in")
    async def list_sessions(self, caller: NamedDependency[Caller], sessions: NamedDependency[Sessions]) -> SessionsOut:
        return sessions_out(await sessions.list_of(caller.account.id), caller.session)

    @delete("/sessions", summary="End all one's other sign-ins")
    async def end_others(self, caller: NamedDependency[Caller], sessions: NamedDependency[Sessions]) -> None:
        must_be_a_person(caller)
        await sessions.end_all(caller.account.id, caller.account, caller.address, but=caller.session)

    @delete("/sessions/{session_id:str}", summary="End one of one's sign-ins")
    async def end_session(
        self, session_id: FromPath[str], caller: NamedDependency[Caller], sessions: NamedDependency[Sessions]
    ) -> None:
        must_be_a_person(caller)
        await sessions.end(caller.account.id, session_id, caller.account, caller.address)


def _passkey(row: Row) -> PasskeyOut:
    return PasskeyOut(row["id"], row["name"], row["created"], row["last_used"])
