"""Requests as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, TypeVar

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from khue.centre.access.rules import Action, Right
from khue.centre.access.service import Access, Caller
from khue.centre.errors import Invalid
from khue.centre.ports import Row
from khue.centre.requests.answers import Given
from khue.centre.requests.asking import Asking
from khue.centre.requests.people import target_of
from khue.centre.requests.rules import Answer, Hours, State, Target
from khue.centre.requests.service import BOXES, Asked

_T = TypeVar("_T")


class RequestIn(msgspec.Struct):
    """``kind`` access: cameras of somebody else, or a ``target``; second: one right that needs a second person.

    ``post`` is the desk it is for; left out, the first of the caller's that may use it.
    """

    rights: list[str]
    reason: str
    kind: str = "access"
    purpose: str = ""
    cameras: list[str] | None = None
    target: Target | None = None
    case: str = ""
    valid_from: dt.datetime | None = None
    valid_to: dt.datetime | None = None
    basis: str = ""
    post: str = ""


class ApprovalIn(msgspec.Struct):
    """What is left out stays as it was asked; never wider. ``basis`` is not needed for a second word."""

    basis: str = ""
    rights: list[Right] | None = None
    cameras: list[str] | None = None
    purposes: list[str] | None = None
    hours: Hours | None = None
    valid_to: dt.datetime | None = None
    note: str = ""


class ReasonIn(msgspec.Struct):
    reason: str


class NamedCamera(msgspec.Struct):
    id: str
    name: str


class RequestOut(msgspec.Struct):
    """``cameras`` are those the reader may know of; null for a ``target``. ``reminded``: 0 nobody, 1 the owner, 2 above."""

    id: str
    kind: str
    state: str
    account: str
    display_name: str
    post: str
    post_title: str
    agency: str | None
    agency_name: str | None
    rights: list[str]
    cameras: list[NamedCamera] | None
    target: Target | None
    purpose: str
    case: str
    reason: str
    basis: str
    valid_from: dt.datetime
    valid_to: dt.datetime
    owner: str | None
    owner_name: str | None
    created: dt.datetime
    due: dt.datetime
    overdue: bool
    reminded: int
    decided: dt.datetime | None
    decided_by: str | None
    decided_by_name: str | None
    decision: str
    grant: str | None


class RequestedOut(RequestOut, kw_only=True):
    """The first of ``items``: one for each owner of the cameras."""

    items: list[RequestOut]


class RequestsOut(msgspec.Struct):
    items: list[RequestOut]
    next: str | None


class RequestController(Controller):
    path = "/api/v1/requests"
    tags = ("requests",)

    @post(summary="Ask for cameras, or for a second person's word")
    async def ask(
        self, data: JSONBody[RequestIn], caller: NamedDependency[Caller], asking: NamedDependency[Asking]
    ) -> RequestedOut:
        """Cameras of several owners make a request for each of them. It is answered, or lapses, by its deadline."""
        asked = Asked(
            rights=tuple(data.rights),
            purpose=data.purpose,
            reason=data.reason,
            cameras=_tuple(data.cameras),
            target=data.target,
            case=data.case,
            valid_from=_aware(data.valid_from),
            valid_to=_aware(data.valid_to),
            basis=data.basis,
            post=data.post,
        )
        if data.kind == "second":
            made = [await asking.answers.ask_second(caller, asked)]
        elif data.kind == "access":
            made = await asking.requests.ask(caller, asked)
        else:
            raise Invalid("a request is of kind access or second")
        items = [request_out(*await asking.requests.get(caller, one)) for one in made]
        return RequestedOut(**{name: getattr(items[0], name) for name in RequestOut.__struct_fields__}, items=items)

    @get(summary="Requests, newest first")
    async def list_requests(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        asking: NamedDependency[Asking],
        box: FromQuery[str] = "inbox",
        wanted: Annotated[State | None, QueryParameter(name="state")] = None,
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    ) -> RequestsOut:
        """``box``: inbox, what waits for the caller's answer; mine; all, that and what the caller decides about or audits."""
        if box not in BOXES:
            raise Invalid(f"box is one of {', '.join(BOXES)}")
        await access.permit(caller, Action.ORGANISATION_READ)
        rows, following, names = await asking.requests.find(caller, box, wanted or "", after, limit)
        return RequestsOut([request_out(row, names) for row in rows], following)

    @get("/{request_id:str}", summary="One request")
    async def get_request(
        self, request_id: FromPath[str], caller: NamedDependency[Caller], asking: NamedDependency[Asking]
    ) -> RequestOut:
        return request_out(*await asking.requests.get(caller, request_id))

    @post("/{request_id:str}/approve", summary="Give what was asked for, or less", status_code=200)
    async def approve(
        self,
        request_id: FromPath[str],
        data: JSONBody[ApprovalIn],
        caller: NamedDependency[Caller],
        asking: NamedDependency[Asking],
    ) -> RequestOut:
        """A grant for the post of who asked, derived from one the caller holds and may hand on."""
        answer = Answer(
            *(_tuple(data.rights), _tuple(data.cameras), _tuple(data.purposes), data.hours, _aware(data.valid_to))
        )
        await asking.answers.approve(caller, request_id, Given(answer, data.basis, data.note))
        return request_out(*await asking.requests.get(caller, request_id))

    @post("/{request_id:str}/refuse", summary="Refuse it, with a reason", status_code=200)
    async def refuse(
        self,
        request_id: FromPath[str],
        data: JSONBody[ReasonIn],
        caller: NamedDependency[Caller],
        asking: NamedDependency[Asking],
    ) -> RequestOut:
        await asking.answers.refuse(caller, request_id, data.reason)
        return request_out(*await asking.requests.get(caller, request_id))

    @post("/{request_id:str}/withdraw", summary="Take one's own request back", status_code=200)
    async def withdraw(
        self, request_id: FromPath[str], caller: NamedDependency[Caller], asking: NamedDependency[Asking]
    ) -> RequestOut:
        await asking.requests.withdraw(caller, request_id)
        return request_out(*await asking.requests.get(caller, request_id))


def request_out(row: Row, names: dict[str, str]) -> RequestOut:
    """As its reader may see it; what is over by its date is over."""
    late = row["state"] == State.OPEN and row["due"] <= dt.datetime.now(dt.UTC)
    plain = (
        *("id", "kind", "state", "account", "display_name", "post", "post_title", "agency", "agency_name", "rights"),
        *("purpose", "reason", "basis", "valid_from", "valid_to", "owner", "owner_name", "created", "due", "reminded"),
        *("decided", "decided_by", "decided_by_name", "decision"),
    )
    return RequestOut(
        **{name: row[name] for name in plain},
        cameras=cameras_out(row, names),
        target=None if row["cameras"] is not None else target_of(row),
        case=row["case_number"],
        overdue=late,
        grant=row["access_grant"],
    )


def cameras_out(row: Row, names: dict[str, str]) -> list[NamedCamera] | None:
    """Those the reader may know of."""
    if row["cameras"] is None:
        return None
    return [NamedCamera(camera, names[camera]) for camera in row["cameras"] if camera in names]


def _tuple(values: list[_T] | None) -> tuple[_T, ...] | None:
    return None if values is None else tuple(values)


def _aware(at: dt.datetime | None) -> dt.datetime | None:
    """Raises Invalid."""
    if at is not None and at.tzinfo is None:
        raise Invalid("times are RFC 3339, with their zone")
    return at
