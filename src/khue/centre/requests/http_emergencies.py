"""Emergencies and notices as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from khue.centre.access.refusals import Text
from khue.centre.access.rules import Account, Action
from khue.centre.access.service import Access, Caller
from khue.centre.errors import Invalid
from khue.centre.ports import Row
from khue.centre.requests.asking import Asking
from khue.centre.requests.emergencies import STATES, Declared
from khue.centre.requests.http import NamedCamera, cameras_out
from khue.centre.requests.people import target_of
from khue.centre.requests.rules import EMERGENCY, Target

_LINKS = {"request": "#/requests/{}", "emergency": "#/requests?emergency={}"}  # places of the console


class EmergencyIn(msgspec.Struct):
    """``purpose`` says what kind of emergency it is; whoever watches then states the purpose ``emergency``."""

    rights: list[str]
    reason: str
    purpose: str = EMERGENCY
    cameras: list[str] | None = None
    target: Target | None = None
    case: str = ""
    post: str = ""


class EndIn(msgspec.Struct):
    reason: str = ""


class ReviewIn(msgspec.Struct):
    verdict: str
    text: str


class EmergencyOut(msgspec.Struct):
    """``state``: waiting for the second person, in_force, ended, lapsed (nobody confirmed in time), reviewed.

    ``overdue``: its review is. ``mine``: the reader is one of the two. ``may_confirm``: the reader may be the second.
    """

    id: str
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
    version: str
    clause: str
    created: dt.datetime
    confirm_by: dt.datetime
    confirmed: dt.datetime | None
    confirmed_by: str | None
    confirmed_by_name: str | None
    until: dt.datetime | None
    ended: dt.datetime | None
    ended_by: str | None
    ended_by_name: str | None
    ended_reason: str
    grant: str | None
    review_due: dt.datetime | None
    overdue: bool
    verdict: str | None
    review: str
    reviewed: dt.datetime | None
    reviewed_by: str | None
    reviewed_by_name: str | None
    mine: bool
    may_confirm: bool


class EmergenciesOut(msgspec.Struct):
    items: list[EmergencyOut]
    next: str | None


class Subject(msgspec.Struct, omit_defaults=True):
    """What a notice is about: one of them."""

    request: str = ""
    emergency: str = ""


class NoticeOut(msgspec.Struct):
    id: int
    at: dt.datetime
    kind: str
    subject: Subject
    text: Text
    read: bool
    link: str


class NoticesOut(msgspec.Struct):
    """Newest first, at most 200; ``unread`` of all there are."""

    items: list[NoticeOut]
    unread: int


class ReadIn(msgspec.Struct):
    """Without ``ids``: all."""

    ids: list[Annotated[int, msgspec.Meta(ge=0, lt=2**62)]] | None = None


class UnreadOut(msgspec.Struct):
    unread: int


class EmergencyController(Controller):
    path = "/api/v1/emergencies"
    tags = ("emergencies",)

    @post(summary="Declare an emergency")
    async def declare(
        self, data: JSONBody[EmergencyIn], caller: NamedDependency[Caller], asking: NamedDependency[Asking]
    ) -> EmergencyOut:
        """It opens nothing until a second person confirms it, and is given up when nobody does in time."""
        cameras = None if data.cameras is None else tuple(data.cameras)
        declared = Declared(tuple(data.rights), data.reason, data.purpose, cameras, data.target, data.case, data.post)
        return await _shown(asking, caller, await asking.emergencies.declare(caller, declared))

    @get(summary="Emergencies, newest first")
    async def list_emergencies(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        asking: NamedDependency[Asking],
        wanted: Annotated[str, QueryParameter(name="state")] = "",
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    ) -> EmergenciesOut:
        """One's own, those waiting for a second person like the caller, those of cameras one decides about or audits."""
        if wanted and wanted not in STATES:
            raise Invalid(f"state is one of {', '.join(STATES)}")
        await access.permit(caller, Action.ORGANISATION_READ)
        rows, following, names = await asking.emergencies.find(caller, wanted, after, limit)
        confirms = await asking.emergencies.may_confirm(caller)
        return EmergenciesOut([_out(row, names, caller.account, confirms=confirms) for row in rows], following)

    @get("/{emergency_id:str}", summary="One emergency")
    async def get_emergency(
        self, emergency_id: FromPath[str], caller: NamedDependency[Caller], asking: NamedDependency[Asking]
    ) -> EmergencyOut:
        return await _shown(asking, caller, emergency_id)

    @post("/{emergency_id:str}/confirm", summary="Confirm it, as the second person", status_code=200)
    async def confirm(
        self, emergency_id: FromPath[str], caller: NamedDependency[Caller], asking: NamedDependency[Asking]
    ) -> EmergencyOut:
        """In force for as long as the regulation says; the owner and the auditors are told at once."""
        await asking.emergencies.confirm(caller, emergency_id)
        return await _shown(asking, caller, emergency_id)

    @post("/{emergency_id:str}/end", summary="End it before its time", status_code=200)
    async def end(
        self,
        emergency_id: FromPath[str],
        caller: NamedDependency[Caller],
        asking: NamedDependency[Asking],
        data: JSONBody[EndIn | None] = None,
    ) -> EmergencyOut:
        """By either of the two, or by whoever decides about the cameras."""
        await asking.emergencies.end(caller, emergency_id, "" if data is None else data.reason)
        return await _shown(asking, caller, emergency_id)

    @post("/{emergency_id:str}/review", summary="Say whether it was justified", status_code=200)
    async def review(
        self,
        emergency_id: FromPath[str],
        data: JSONBody[ReviewIn],
        caller: NamedDependency[Caller],
        asking: NamedDependency[Asking],
    ) -> EmergencyOut:
        """By an auditor who had no part in it, when it is over."""
        await asking.emergencies.review(caller, emergency_id, data.verdict, data.text)
        return await _shown(asking, caller, emergency_id)


class NoticeController(Controller):
    path = "/api/v1/notices"
    tags = ("notices",)

    @get(summary="What one was told")
    async def list_notices(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], asking: NamedDependency[Asking]
    ) -> NoticesOut:
        await access.permit(caller, Action.ORGANISATION_READ)
        rows, unread = await asking.notices.of(caller.account)
        return NoticesOut([_notice(row) for row in rows], unread)

    @post("/read", summary="Mark notices as read", status_code=200)
    async def read_notices(
        self,
        data: JSONBody[ReadIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        asking: NamedDependency[Asking],
    ) -> UnreadOut:
        await access.permit(caller, Action.ORGANISATION_READ)
        return UnreadOut(await asking.notices.read(caller.account, data.ids))


async def _shown(asking: Asking, caller: Caller, emergency: str) -> EmergencyOut:
    row, names = await asking.emergencies.get(caller, emergency)
    return _out(row, names, caller.account, confirms=await asking.emergencies.may_confirm(caller))


def _out(row: Row, names: dict[str, str], reader: Account, *, confirms: bool) -> EmergencyOut:
    """What is over by its date is over, whatever the state says."""
    now = dt.datetime.now(dt.UTC)
    state = row["state"]
    if state == "waiting" and row["confirm_by"] <= now:
        state = "lapsed"
    if state == "in_force" and row["until"] <= now:
        state = "ended"
    plain = (
        *(
            "id",
            "account",
            "display_name",
            "post",
            "post_title",
            "agency",
            "agency_name",
            "rights",
            "purpose",
            "reason",
        ),
        *("version", "clause", "created", "confirm_by", "confirmed", "confirmed_by", "confirmed_by_name", "until"),
        *("ended_by", "ended_by_name", "ended_reason", "review_due", "verdict", "review", "reviewed", "reviewed_by"),
        "reviewed_by_name",
    )
    mine = reader.id in (row["account"], row["confirmed_by"])
    return EmergencyOut(
        **{name: row[name] for name in plain},
        state=state,
        cameras=cameras_out(row, names),
        target=None if row["cameras"] is not None else target_of(row),
        case=row["case_number"],
        ended=row["until"] if state == "ended" and row["ended"] is None else row["ended"],
        grant=row["access_grant"],
        overdue=state == "ended" and row["review_due"] <= now,
        mine=mine,
        may_confirm=confirms and state == "waiting" and row["account"] != reader.id,
    )


def _notice(row: Row) -> NoticeOut:
    subject = Subject(**{row["subject_kind"]: row["subject"]})
    link = _LINKS[row["subject_kind"]].format(row["subject"])
    return NoticeOut(row["id"], row["at"], row["kind"], subject, Text(row["vi"], row["en"]), row["read"], link)
