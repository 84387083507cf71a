"""What a grant says, as it is asked for and as it is told."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from khue.centre.access.rules import Right
from khue.centre.errors import Invalid
from khue.centre.ports import Row
from khue.model.registry import Purpose

_LONGEST = 200
_MOST = 5_000  # names in one condition
_MOST_PASSES = 7
_WITH_SEE = {Right.LIVE, Right.PLAYBACK, Right.EXPORT, Right.PTZ, Right.MANAGE, Right.ONBOARD, Right.APPROVE}


class Target(msgspec.Struct, frozen=True):
    """Which cameras: all conditions hold at once, null is none. ``fleets`` with the agencies below; all of ``groups``."""

    units: list[str] | None = None
    fleets: list[str] | None = None
    purposes: list[str] | None = None
    groups: list[str] | None = None
    cameras: list[str] | None = None
    defence: bool = False


class Hours(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """Local to the city, ``HH:MM``; past midnight when it ends before it starts. Weekdays 1 Monday to 7 Sunday."""

    start: str | None = None
    end: str | None = None
    weekdays: list[int] | None = None


class GrantIn(msgspec.Struct, frozen=True, kw_only=True):
    """``passes``: how many times it may be handed on. Without ``parent`` one is found among what the giver holds."""

    rights: list[Right]
    basis: str
    target: Target = Target()
    post: str | None = None
    agency: str | None = None
    purposes: list[str] | None = None
    hours: Hours | None = None
    valid_from: dt.datetime | None = None
    valid_to: dt.datetime | None = None
    passes: int = 0
    parent: str | None = None
    note: str = ""


class Revoked(msgspec.Struct, frozen=True, rename={"with_grant": "with"}):
    """``with``: the grant above it that was revoked."""

    at: dt.datetime
    by: str
    reason: str
    with_grant: str | None


class Grant(msgspec.Struct, frozen=True):
    """``holder`` is the post's title or the agency's name. ``uses`` are counted up to ten thousand."""

    id: str
    post: str | None
    agency: str | None
    holder: str
    rights: list[str]
    target: Target
    purposes: list[str] | None
    hours: Hours | None
    valid_from: dt.datetime
    valid_to: dt.datetime | None
    passes: int
    origin: str
    parent: str | None
    lineage: list[str]
    given_by: str
    given_by_name: str
    basis: str
    note: str
    created: dt.datetime
    revoked: Revoked | None
    last_used: dt.datetime | None
    uses: int
    children: int


def grant_of(row: Row) -> Grant:
    revoked = None
    if row["revoked"] is not None:
        revoked = Revoked(row["revoked"], row["revoked_by_name"] or "", row["revoked_reason"], row["revoked_with"])
    names = ("units", "fleets", "camera_purposes", "groups", "cameras", "defence")
    made: dict[str, Any] = {
        "holder": row["holder"] or "",
        "target": Target(*(row[name] for name in names)),
        "hours": hours_of(row),
        "revoked": revoked,
    }
    return Grant(**{name: made[name] if name in made else row[name] for name in Grant.__struct_fields__})


def hours_of(row: Row) -> Hours | None:
    """Null for a grant that holds at every hour."""
    if row["hours_from"] is None and row["weekdays"] is None:
        return None
    return Hours(_clock(row["hours_from"]), _clock(row["hours_to"]), row["weekdays"])


def columns_of(wish: GrantIn) -> dict[str, Any]:
    """Columns of access_grant, for JSON; ``see`` comes with what needs it. Raises Invalid for what contradicts itself."""
    rights = list(dict.fromkeys(wish.rights))
    if not rights:
        raise Invalid("say what is granted: at least one right")
    if _WITH_SEE & {*rights} and Right.SEE not in rights:
        rights.append(Right.SEE)
    if (wish.post is None) == (wish.agency is None):
        raise Invalid("a grant is for a post or for an agency: name one of them")
    if not wish.basis.strip() or len(wish.basis) > _LONGEST or len(wish.note) > 2000:
        raise Invalid(f"name the document it rests on (basis), at most {_LONGEST} characters")
    if not 0 <= wish.passes <= _MOST_PASSES:
        raise Invalid(f"a grant may be handed on 0 to {_MOST_PASSES} times")
    begins = wish.valid_from or dt.datetime.now(dt.UTC)
    if wish.valid_to is not None and wish.valid_to <= max(begins, dt.datetime.now(dt.UTC)):
        raise Invalid("a grant ends after it begins, and in the future")
    target = wish.target
    lists = {
        "units": target.units,
        "fleets": target.fleets,
        "camera_purposes": target.purposes,
        "groups": target.groups,
        "cameras": target.cameras,
        "purposes": wish.purposes,
    }
    for name, values in lists.items():
        if values is not None and not 0 < len(values) <= _MOST:
            raise Invalid(f"{name}: leave it out, or name 1 to {_MOST}; an empty list would mean nothing at all")
    if strange := {*(target.purposes or ())} - {*Purpose}:
        raise Invalid(f"no camera has such a purpose: {', '.join(sorted(strange))[:200]}")
    times = {"valid_from": wish.valid_from, "valid_to": wish.valid_to}
    return {
        **{name: values and sorted({*values}) for name, values in lists.items()},
        **{name: value and value.isoformat() for name, value in times.items()},
        **_hours(wish.hours),
        "post": wish.post,
        "agency": wish.agency,
        "rights": rights,
        "defence": target.defence,
        "passes": wish.passes,
        "basis": wish.basis.strip(),
        "note": wish.note.strip(),
    }


def _hours(hours: Hours | None) -> dict[str, Any]:
    if hours is None:
        return {}
    if (hours.start is None) != (hours.end is None):
        raise Invalid("hours have a beginning and an end")
    days = hours.weekdays
    if days is not None and (not days or not {*days} <= {*range(1, 8)}):
        raise Invalid("weekdays are numbers, 1 Monday to 7 Sunday")
    try:
        start, end = (value and dt.time.fromisoformat(value) for value in (hours.start, hours.end))
    except ValueError as error:
        raise Invalid("hours are HH:MM, such as 22:00") from error
    if start and end and start == end:
        raise Invalid("hours that begin when they end are none; leave them out for the whole day")
    return {
        "hours_from": hours.start and str(start),
        "hours_to": hours.end and str(end),
        "weekdays": days and sorted({*days}),
    }


def _clock(value: dt.time | None) -> str | None:
    return None if value is None else value.strftime("%H:%M")
