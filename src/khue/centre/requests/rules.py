"""What may be asked and what may be answered, when an answer is due, and who is told first. Pure."""

from __future__ import annotations

import datetime as dt
import enum
import zoneinfo
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from khue.centre.access.refusals import Text, Verdict
from khue.centre.access.rules import Right
from khue.centre.errors import Invalid
from khue.centre.requests.refusing import Declined
from khue.model.regulation.terms import BreakGlass, Deadline, Refusals, UsePurpose

# What a request can be about; to decide, to audit and to administer is given by appointment only.
REQUESTABLE = frozenset({Right.SEE, Right.LIVE, Right.PLAYBACK, Right.EXPORT, Right.PTZ, Right.MANAGE, Right.ONBOARD})
SECOND_WORD = dt.timedelta(minutes=60)
EMERGENCY = "emergency"  # the purpose that stands on every use
_LONGEST = dt.timedelta(days=366)
_MOST_CAMERAS = 500
_WORDS = 2000  # characters of a reason
_NUL = "\x00"  # PostgreSQL keeps every character but this
_WORKING = 5  # days of a week, from Monday


class State(enum.StrEnum):
    """Of a request."""

    OPEN = "open"
    APPROVED = "approved"
    NARROWED = "narrowed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class Target(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which cameras: all conditions hold at once, one that is null or empty holds for every camera."""

    units: tuple[str, ...] | None = None
    fleets: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    cameras: tuple[str, ...] | None = None
    defence: bool = False


class Hours(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """``HH:MM`` local to the city; past midnight when it ends before it starts. ``weekdays``: 1 Monday to 7 Sunday."""

    start: str | None = None
    end: str | None = None
    weekdays: tuple[int, ...] | None = None

    def clock(self) -> tuple[dt.time | None, dt.time | None]:
        """Raises Invalid."""
        if (self.start is None) != (self.end is None):
            raise Invalid("hours are from and to, or neither")
        try:
            read = [None if text is None else dt.time.fromisoformat(text) for text in (self.start, self.end)]
        except ValueError as error:
            raise Invalid("hours are written HH:MM") from error
        if any(one is not None and one.tzinfo is not None for one in read):
            raise Invalid("hours are local to the city: HH:MM")
        if self.weekdays is not None and (not self.weekdays or not {*self.weekdays} <= {*range(1, 8)}):
            raise Invalid("weekdays are 1 (Monday) to 7 (Sunday)")
        return read[0], read[1]


class Wish(msgspec.Struct, frozen=True):
    """What was asked for, or what of it is given. ``cameras`` None: those of the request's place or fleet."""

    rights: frozenset[Right]
    cameras: tuple[str, ...] | None
    purposes: tuple[str, ...]
    valid_to: dt.datetime


class Answer(msgspec.Struct, frozen=True):
    """What whoever decides changes; None leaves it as it was asked."""

    rights: tuple[Right, ...] | None = None
    cameras: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    hours: Hours | None = None
    valid_to: dt.datetime | None = None


def narrowed(asked: Wish, answer: Answer, decidable: Collection[str] | None) -> tuple[Wish, bool]:
    """(what is given, whether it is less than was asked); every right carries ``see`` with it.

    ``decidable``: of the cameras asked for, those the one who decides may decide about; None for a request by place.
    Raises Denied for more than was asked, Invalid for nothing.
    """
    rights = asked.rights if answer.rights is None else frozenset(answer.rights)
    if not rights <= asked.rights | {Right.SEE}:
        raise Declined("wider_rights")
    cameras = asked.cameras
    if answer.cameras is not None:
        if asked.cameras is not None and not {*answer.cameras} <= {*asked.cameras}:
            raise Declined("wider_cameras")
        cameras = tuple(dict.fromkeys(answer.cameras))
    if cameras is not None and decidable is not None:
        cameras = tuple(one for one in cameras if one in decidable)
    purposes = asked.purposes if answer.purposes is None else answer.purposes
    if not {*purposes} <= {*asked.purposes}:
        raise Declined("wider_purposes")
    valid_to = asked.valid_to if answer.valid_to is None else answer.valid_to
    if valid_to > asked.valid_to:
        raise Declined("wider_period")
    if not rights or not purposes or (cameras is not None and not cameras):
        raise Invalid("nothing of what was asked is left; refuse instead")
    given = Wish(rights, cameras, tuple(purposes), valid_to)
    less = (
        not asked.rights - {Right.SEE} <= rights
        or _set(cameras) != _set(asked.cameras)
        or valid_to < asked.valid_to
        or answer.hours is not None
    )
    return given, less


class Rule(msgspec.Struct, frozen=True):
    """What the regulation says of one kind of post and one right; ``purposes`` None is any."""

    purposes: frozenset[str] | None
    needs_case: bool
    clause: str


def barred(
    rules: Mapping[Right, Rule], rights: Iterable[Right], purpose: str, case: str
) -> tuple[Verdict, Right] | None:
    """Why the regulation would not let such a post use what is asked for; None when it would."""
    for right in sorted(rights):
        rule = rules.get(right)
        if rule is None:
            return Verdict.KIND, right
        if rule.purposes is not None and purpose not in rule.purposes:
            return Verdict.PURPOSE, right
        if rule.needs_case and not case.strip():
            return Verdict.NEEDS_CASE, right
    return None


def checked_rights(names: Sequence[str], allowed: Collection[Right] = REQUESTABLE) -> frozenset[Right]:
    """Raises Invalid for none, or one that cannot be asked for."""
    known = {str(right): right for right in allowed}
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        raise Invalid(f"ask for one or more of {', '.join(sorted(known))}")
    return frozenset(known[name] for name in names)


def checked_target(cameras: Sequence[str] | None, target: Target | None) -> Target:
    """Cameras one by one, or a place, a fleet and a purpose. Raises Invalid."""
    named = tuple(dict.fromkeys(cameras or (target.cameras if target is not None else None) or ()))
    if len(named) > _MOST_CAMERAS:
        raise Invalid(f"at most {_MOST_CAMERAS} cameras one by one; ask for a place or a fleet")
    place = target or Target()
    if any(_NUL in word for word in (*named, *(place.units or ()), *(place.fleets or ()), *(place.purposes or ()))):
        raise Invalid("no id has such a character")
    if place.groups or place.defence:
        raise Invalid(
            "name the cameras, or units, fleets and purposes; groups and the defence compartment are not asked for"
        )
    if named:
        if place.units or place.fleets or place.purposes:
            raise Invalid("either cameras one by one, or units, fleets and purposes")
        return Target(cameras=named)
    if not place.units and not place.fleets:
        raise Invalid("name cameras, a place (units) or a fleet (agencies)")
    return Target(_distinct(place.units), _distinct(place.fleets), _distinct(place.purposes))


def checked_words(**said: str) -> None:
    """Each has to be said, and briefly. Raises Invalid."""
    for name, text in said.items():
        if not text.strip():
            raise Invalid(f"say the {name}")
        if len(text) > _WORDS or _NUL in text:
            raise Invalid(f"the {name} has at most {_WORDS} characters, none of them NUL")


def checked_period(
    start: dt.datetime | None, end: dt.datetime | None, now: dt.datetime
) -> tuple[dt.datetime, dt.datetime]:
    """From now on unless a later start is stated; at most a year. Raises Invalid."""
    if end is None:
        raise Invalid("say until when: valid_to")
    begins = now if start is None else max(start, now)
    if end <= begins:
        raise Invalid("the period ends before it begins, or is over")
    if end - now > _LONGEST:
        raise Invalid("nothing is asked for beyond a year; ask again then")
    return begins, end


def _set(values: Sequence[str] | None) -> set[str] | None:
    return None if values is None else {*values}


def _distinct(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(dict.fromkeys(values)) if values else None


# -- deadlines ---------------------------------------------------------------------------------------------------------


class Dates(msgspec.Struct, frozen=True):
    """``remind`` and ``escalate`` None: nobody is reminded."""

    due: dt.datetime
    remind: dt.datetime | None
    escalate: dt.datetime | None


def dates(start: dt.datetime, deadline: Deadline, timezone: str) -> Dates:
    """When it is due, when those who decide are reminded, and, half of what is then left later, the agency above."""
    if deadline.working_days:
        due = _working_days_later(start, deadline.working_days, zoneinfo.ZoneInfo(timezone))
    else:
        due = start + dt.timedelta(hours=deadline.hours)
    if not deadline.remind_hours:
        return Dates(due, None, None)
    before = min(dt.timedelta(hours=deadline.remind_hours), due - start)
    return Dates(due, due - before, due - before / 2)


def _working_days_later(start: dt.datetime, days: int, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """The same hour of the day, so many days from Monday to Friday later; what comes at a weekend counts as of its end."""
    local = start.astimezone(zone)
    for _ in range(days):
        local += dt.timedelta(days=1)
        while local.weekday() >= _WORKING:
            local += dt.timedelta(days=1)
    return local.astimezone(dt.UTC)


class Terms(msgspec.Struct, frozen=True):
    """What the version in force says about asking."""

    version: str
    timezone: str
    break_glass: BreakGlass
    deadlines: Mapping[str, Deadline]
    purposes: Mapping[str, Text]
    kind_clause: str  # cited when a kind of post has no such right

    def dates(self, name: str, start: dt.datetime) -> Dates:
        """Of the deadline ``name``, counted from ``start``."""
        return dates(start, self.deadlines[name], self.timezone)


def read_terms(version: str, timezone: str, settings: bytes | str) -> Terms:
    """From a version's settings as they are stored."""
    stored = msgspec.json.decode(settings, type=_Settings)
    purposes = {one.id: Text(one.vi, one.en) for one in stored.purposes}
    deadlines = {one.id: one for one in stored.deadlines}
    return Terms(version, timezone, stored.break_glass, deadlines, purposes, stored.refusals.kind)


class _Settings(msgspec.Struct):
    break_glass: BreakGlass
    deadlines: list[Deadline]
    purposes: list[UsePurpose]
    refusals: Refusals


# -- who is told -------------------------------------------------------------------------------------------------------


class Holder(msgspec.Struct, frozen=True):
    """Somebody who may decide or audit; ``agency`` is the path of the post's agency from the top, None for a personal post."""

    account: str
    agency: tuple[str, ...] | None


_ELSEWHERE, _NOWHERE = 98, 99


def distance(holder: Holder, owner: Sequence[str]) -> int:
    """0 in the owner's agency or below it, 1 in the agency above it, and so on; other agencies, then personal posts, last."""
    if holder.agency is None:
        return _NOWHERE
    if holder.agency[: len(owner)] == tuple(owner):
        return 0
    if tuple(owner[: len(holder.agency)]) == holder.agency:
        return len(owner) - len(holder.agency)
    return _ELSEWHERE


def told(holders: Iterable[Holder], owner: Sequence[str], *, above: bool = False) -> set[str]:
    """Accounts of those nearest to the owner; ``above``: of the next ones who are not among these, if there are any."""
    nearest: dict[str, int] = {}
    for holder in holders:
        far = distance(holder, owner)
        nearest[holder.account] = min(far, nearest.get(holder.account, far))
    steps = sorted({*nearest.values()})
    if not steps:
        return set()
    step = steps[min(1, len(steps) - 1)] if above else steps[0]
    return {account for account, far in nearest.items() if far == step}
