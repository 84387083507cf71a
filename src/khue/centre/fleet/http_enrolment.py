"""Letting nodes in, over HTTP. The two routes a node uses ask for no sign-in: its token is the credential."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from litestar import Controller, MediaType, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from khue.centre.access.caller import address_of
from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.fleet.enrolment import Enrolment
from khue.wire.enrolment import Enrol, Enrolled

AnyRequest = Request[Any, Any, Any]


class OfferIn(msgspec.Struct):
    """``sites`` are the networks it may serve; without any, those it says itself. ``again`` gives a node a new key."""

    id: str
    sites: list[str] = []
    again: bool = False


class OfferOut(msgspec.Struct):
    """``token`` is shown this once; the node uses it once, before ``expires``."""

    offer: str
    id: str
    token: str
    expires: dt.datetime


class OpenOfferOut(msgspec.Struct):
    offer: str
    id: str
    sites: list[str]
    again: bool
    created: dt.datetime
    created_by: str
    expires: dt.datetime


class OpenOffersOut(msgspec.Struct):
    items: list[OpenOfferOut]


class EnrolmentController(Controller):
    path = "/api/v1/nodes"
    tags = ("nodes",)

    @post("/enrolments", summary="A token a new node enrols with")
    async def offer(
        self,
        request: AnyRequest,
        data: JSONBody[OfferIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        enrolment: NamedDependency[Enrolment],
    ) -> OfferOut:
        """It lasts an hour and is used once; the node makes its own key. Offers to the same node before it end."""
        await access.permit(caller, Action.NODE_WRITE, detail=f"offer {data.id[:80]}{' again' if data.again else ''}")
        made = await enrolment.offer(
            caller.account.username, data.id, data.sites, again=data.again, url=str(request.base_url)
        )
        return OfferOut(made.id, data.id, made.token, made.expires)

    @get("/enrolments", summary="Tokens that are not used yet")
    async def open_offers(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], enrolment: NamedDependency[Enrolment]
    ) -> OpenOffersOut:
        await access.permit(caller, Action.NODE_WRITE, detail="list offers")
        return OpenOffersOut(
            [
                OpenOfferOut(
                    *(row["id"], row["node"], row["sites"], row["again"], row["created"], row["created_by"]),
                    row["expires"],
                )
                for row in await enrolment.open()
            ]
        )

    @delete("/enrolments/{offer:str}", summary="Withdraw a token")
    async def withdraw(
        self,
        offer: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        enrolment: NamedDependency[Enrolment],
    ) -> None:
        await access.permit(caller, Action.NODE_WRITE, detail=f"withdraw offer {offer[:80]}")
        await enrolment.withdraw(offer)

    @get("/authority", summary="Who signed the centre's certificate", media_type=MediaType.TEXT)
    async def authority(self, enrolment: NamedDependency[Enrolment]) -> str:
        """PEM. A node believes it only when it has the fingerprint its token names; 404 when systems know it anyway."""
        return enrolment.authority()

    @post("/enrol", summary="Enrol a node with its token", status_code=200)
    async def enrol(
        self, request: AnyRequest, data: JSONBody[Enrol], enrolment: NamedDependency[Enrolment]
    ) -> Enrolled:
        """The token is the credential. 403 when it was used, has ended or is unknown; 429 after ten of these a minute."""
        return await enrolment.accept(data, address_of(request), request.url.hostname or "")
