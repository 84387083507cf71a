"""A camera's record as JSON."""

from __future__ import annotations

import datetime as dt

import msgspec

from khue.centre.fleet.http import StreamOut, stream_out
from khue.centre.registry.consents import Contact, problem, state_of
from khue.centre.registry.days import day_of, today
from khue.centre.registry.fields import plain
from khue.centre.registry.record import Found, facts_of
from khue.model.registry import Disclosure, Kind, Life, LinkKind, Mounting, Purpose, SecurityState, SecurityTopic

_PROBLEMS = {
    "consent_missing": "the line is borrowed and nobody consented; record the consent or change the link",
    "consent_expired": "the consent to use the line has expired; ask for a new one or change the link",
    "consent_withdrawn": "the consent to use the line was withdrawn; take the camera off the line",
}


class ConsentOut(msgspec.Struct):
    """``state`` is in_force, expired or withdrawn. ``contact`` is for operators; each look at it is on the access log."""

    id: str
    state: str
    given_on: dt.date
    expires_on: dt.date | None
    withdrawn_on: dt.date | None
    withdrawn_reason: str
    document: str
    upload_kbps: int | None
    quiet_from: str | None
    quiet_to: str | None
    recorded: dt.datetime
    recorded_by: str
    contact: Contact | None


class TopicOut(msgspec.Struct):
    """``result`` is pass, fail, not_applicable or unknown. Without a finding the day and the actor are null."""

    topic: SecurityTopic
    result: str
    evidence: str
    checked_on: dt.date | None
    actor: str | None


class SecurityOut(msgspec.Struct):
    state: SecurityState
    topics: list[TopicOut]


class ProblemOut(msgspec.Struct):
    code: str
    message: str


class RecordOut(msgspec.Struct, kw_only=True):
    """What is known of one camera; times of the day are local. Of the past, what was measured is null."""

    id: str
    number: int
    name: str
    code: str | None
    vendor: str
    family: str
    model: str
    kind: Kind | None
    megapixels: float | None
    serial: str
    mac: str | None
    host: str
    lat: float | None
    lon: float | None
    address: str
    unit: str | None
    mounting: Mounting | None
    height_m: float | None
    bearing: float | None
    view_angle: float | None
    range_m: float | None
    owner: str | None
    manager: str | None
    purpose: Purpose | None
    link: LinkKind | None
    upload_kbps: int | None
    quiet_from: str | None
    quiet_to: str | None
    declared_working: bool | None
    installed_on: dt.date | None
    contract: str
    supplier: str
    warranty_until: dt.date | None
    disclosure: Disclosure
    sign_present: bool | None
    contact_point: str
    site: str
    retention_class: str
    enabled: bool
    note: str
    life: Life
    life_since: dt.date
    life_steps: list[Life]
    seen_working: bool | None
    seen_since: dt.datetime | None
    seen_how: str | None
    seen_detail: str | None
    state: str | None
    node: str | None
    has_credentials: bool
    streams: list[StreamOut]
    consent: ConsentOut | None
    security: SecurityOut
    problems: list[ProblemOut]
    revision: int | None
    created: dt.datetime
    valid_from: dt.datetime


def record_out(found: Found, contact: Contact | None) -> RecordOut:
    """``contact`` is None for those who may not know it."""
    row = found.row
    day = today() if found.past is None else day_of(found.past)
    wrong = problem(row["link"], found.consent, day)
    same = (
        "id",
        "number",
        "life",
        "life_since",
        "seen_working",
        "seen_since",
        "seen_how",
        "seen_detail",
        "state",
        "node",
    )
    others = {name: row[name] for name in (*same, "has_credentials", "revision", "created", "valid_from")}
    return msgspec.convert(
        {
            **facts_of(row),
            **others,
            "life_steps": found.steps,
            "streams": [stream_out(stream) for stream in found.streams],
            "consent": _consent_out(found, contact, day),
            "security": _security_out(found),
            "problems": [ProblemOut(wrong, _PROBLEMS[wrong])] if wrong else [],
        },
        RecordOut,
    )


def _consent_out(found: Found, contact: Contact | None, day: dt.date) -> ConsentOut | None:
    row = found.consent
    if row is None:
        return None
    same = ("id", "given_on", "expires_on", "withdrawn_on", "withdrawn_reason", "document", "upload_kbps")
    return ConsentOut(
        state=state_of(row, day),
        quiet_from=plain("quiet_from", row["quiet_from"]),
        quiet_to=plain("quiet_to", row["quiet_to"]),
        contact=contact,
        **{name: row[name] for name in (*same, "recorded", "recorded_by")},
    )


def _security_out(found: Found) -> SecurityOut:
    known = {row["topic"]: row for row in found.findings}
    topics = [
        TopicOut(topic, "unknown", "", None, None)
        if (row := known.get(topic)) is None
        else TopicOut(topic, row["result"], row["evidence"], row["checked_on"], row["actor"])
        for topic in SecurityTopic
    ]
    return SecurityOut(SecurityState(found.row["security"]), topics)
