"""Grants and the questions asked of them as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from khue.centre.access.rules import Action, Right
from khue.centre.access.service import Access, Caller
from khue.centre.errors import Invalid
from khue.centre.grants.book import GrantBook
from khue.centre.grants.effects import Effect
from khue.centre.grants.questions import Check, What, Who
from khue.centre.grants.terms import Grant, GrantIn


class GrantsOut(msgspec.Struct):
    items: list[Grant]
    next: str | None


class RevokeIn(msgspec.Struct):
    reason: str


class RevokedOut(msgspec.Struct):
    """``taken_along``: how many derived from it ended with it."""

    revoked: str
    taken_along: int


class WhatIfIn(msgspec.Struct):
    """One of both: a grant to give, or the id of one to revoke."""

    give: GrantIn | None = None
    revoke: str | None = None


class GrantController(Controller):
    path = "/api/v1/grants"
    tags = ("grants",)

    @get(summary="Grants: one's own, and those of cameras one answers for")
    async def find(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        book: NamedDependency[GrantBook],
        post: FromQuery[str] = "",
        agency: FromQuery[str] = "",
        account: FromQuery[str] = "",
        camera: FromQuery[str] = "",
        standing: Annotated[str, QueryParameter(name="state")] = "in_force",
        unused_days: Annotated[int | None, QueryParameter(ge=0, le=10_000)] = None,
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> GrantsOut:
        """Newest first. ``state`` is in_force, ended, revoked or all."""
        await access.permit(caller, Action.GRANT_READ, detail="list")
        items, following = await book.grants.find(
            caller.account,
            post=post,
            agency=agency,
            account=account,
            camera=camera,
            state=standing,
            unused_days=unused_days,
            after=after,
            limit=limit,
        )
        return GrantsOut(items, following)

    @post(summary="Give a grant")
    async def give(
        self,
        data: JSONBody[GrantIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        book: NamedDependency[GrantBook],
    ) -> Grant:
        """Within what the giver holds and may hand on; the centre finds what it is derived from unless ``parent`` says it."""
        what = f"give {','.join(data.rights)} to {data.post or data.agency}: {data.basis[:100]}"
        await access.permit(caller, Action.GRANT_WRITE, detail=what)
        return await book.grants.give(caller.account, data)

    @get("/who", summary="Who may do something with this camera?")
    async def who(
        self,
        camera: FromQuery[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        book: NamedDependency[GrantBook],
        right: FromQuery[Right | None] = None,
        at: FromQuery[dt.datetime | None] = None,
    ) -> Who:
        """By person, post and grant, at this instant or another. Those who answer for the camera learn of everybody."""
        await access.permit(caller, Action.CAMERA_READ, camera=camera)
        await access.permit(caller, Action.GRANT_READ, camera=camera, detail="who")
        return await book.questions.who(caller.account, camera, right, at)

    @get("/what", summary="What may this post, or this person, do?")
    async def what(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        book: NamedDependency[GrantBook],
        post: FromQuery[str] = "",
        account: FromQuery[str] = "",
    ) -> What:
        """Right by right and place by place, now; of cameras the caller sees."""
        if bool(post) == bool(account):
            raise Invalid("ask about a post or about an account")
        await access.permit(caller, Action.GRANT_READ, detail=f"what {post or account}")
        return await book.questions.what(caller.account, post, account)

    @post("/what-if", summary="What would change?", status_code=200)
    async def what_if(
        self,
        data: JSONBody[WhatIfIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        book: NamedDependency[GrantBook],
    ) -> Effect:
        """Changes nothing."""
        await access.permit(caller, Action.GRANT_READ, detail="what if")
        if data.give is not None and data.revoke is None:
            return await book.effects.of_giving(caller.account, data.give)
        if data.revoke is not None and data.give is None:
            return await book.effects.of_revoking(caller.account, data.revoke)
        raise Invalid("say what is given, or what is revoked")

    @get("/{grant:str}", summary="One grant")
    async def read(
        self,
        grant: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        book: NamedDependency[GrantBook],
    ) -> Grant:
        await access.permit(caller, Action.GRANT_READ, detail=f"grant {grant[:64]}")
        return await book.grants.read(caller.account, grant)

    @post("/{grant:str}/revoke", summary="Revoke a grant, and everything derived from it", status_code=200)
    async def revoke(
        self,
        grant: FromPath[str],
        data: JSONBody[RevokeIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        book: NamedDependency[GrantBook],
    ) -> RevokedOut:
        """Live pictures it allowed end within two seconds."""
        what = f"revoke {grant[:64]}: {data.reason[:200]}"
        await access.permit(caller, Action.GRANT_WRITE, detail=what)
        return RevokedOut(grant, await book.grants.revoke(caller.account, grant, data.reason))


@get("/api/v1/access/check", summary="May I?", tags=["grants"])
async def check(
    right: FromQuery[Right],
    caller: NamedDependency[Caller],
    access: NamedDependency[Access],
    book: NamedDependency[GrantBook],
    camera: FromQuery[str] = "",
    purpose: FromQuery[str] = "",
) -> Check:
    """What the gate would say, without doing anything; of oneself."""
    if camera:
        await access.permit(caller, Action.CAMERA_READ, camera=camera)
    return await book.questions.check(caller.account, camera, right, purpose)
