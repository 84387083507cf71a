"""Which cameras somebody means: the filter every list, map, count, export and bulk edit of the registry understands.

Names and values are those of the query string, of saved filters and of the console. A filter that lists values takes them
separated by commas; ``none`` stands for cameras that have no value there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from khue.centre.errors import Invalid
from khue.centre.fleet.rules import fold
from khue.model.camera import CameraState
from khue.model.registry import QUOTA_GROUPS, Disclosure, Kind, Life, LinkKind, Purpose, QuotaGroup, SecurityState

NONE = "none"
_WORDS = 16  # more of them find nothing that fewer do not
_LONGEST = 500  # values of one filter, characters of a search
_ANSWERS = ("yes", "no", "unknown")
_CONSENTS = ("missing", "expired")


class Box(NamedTuple):
    """Degrees of WGS 84; its edges belong to it."""

    west: float
    south: float
    east: float
    north: float


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Every condition must hold; of the values of one condition any will do. Empty is every camera.

    ``agency`` is owner or manager. ``declared`` and ``seen`` are yes, no or unknown. ``consent``: a borrowed line without
    a consent in force (missing), or one whose time is over (expired). ``asof``: as the registry was then.
    """

    q: str = ""
    unit: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    manager: tuple[str, ...] = ()
    agency: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    life: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    disclosure: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    box: Box | None = None
    consent: tuple[str, ...] = ()
    asof: dt.datetime | None = None


# Words a filter may use; the others take any text, because what there is of them is data.
_VOCABULARY: dict[str, frozenset[str]] = {
    "kind": frozenset({*Kind, NONE}),
    "purpose": frozenset({*Purpose, NONE}),
    "group": frozenset({*QuotaGroup, NONE}),
    "link": frozenset({*LinkKind, NONE}),
    "life": frozenset(Life),
    "state": frozenset({*CameraState, NONE}),
    "declared": frozenset(_ANSWERS),
    "seen": frozenset(_ANSWERS),
    "security": frozenset(SecurityState),
    "disclosure": frozenset(Disclosure),
    "consent": frozenset(_CONSENTS),
}


def parse(query: Mapping[str, str]) -> Filter:
    """The filter of a query string or a saved filter. Raises Invalid naming what is wrong; an unknown name is wrong."""
    values: dict[str, Any] = {}
    for name, text in query.items():
        if name not in Filter.__struct_fields__:
            raise Invalid(f"there is no filter {name[:40]!r}; there are {', '.join(Filter.__struct_fields__)}")
        if not text.strip():
            continue
        values[name] = _READ.get(name, _read_list)(name, text)
    return Filter(**values)


def unparse(wanted: Filter) -> dict[str, str]:
    """The shortest query that ``parse`` reads as this filter."""
    query: dict[str, str] = {}
    for name in Filter.__struct_fields__:
        value = getattr(wanted, name)
        if isinstance(value, dt.datetime):
            query[name] = value.isoformat()
        elif value:
            query[name] = value if isinstance(value, str) else ",".join(map(str, value))
    return query


def parse_time(name: str, text: str) -> dt.datetime:
    """A time with its offset, or a date: the end of that day in Hanoi. Raises Invalid."""
    try:
        if len(text) == len("2026-01-31"):
            day = dt.date.fromisoformat(text)
            at = dt.datetime.combine(day, dt.time(), HANOI) + dt.timedelta(days=1, microseconds=-1)
        else:
            at = dt.datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise Invalid(f"{name} needs an offset from UTC, such as 2026-01-31T08:00:00+07:00")
        return at.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{name} is a date such as 2026-01-31, or a time such as 2026-01-31T08:00:00+07:00") from error


HANOI = dt.timezone(dt.timedelta(hours=7))  # without summer time since 1975


def _read_text(name: str, text: str) -> str:
    if len(text) > _LONGEST:
        raise Invalid(f"{name} has at most {_LONGEST} characters")
    if "\0" in text:
        raise Invalid(f"{name} holds a character that no camera has")
    return text.strip()


def _read_list(name: str, text: str) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(value.strip() for value in text.split(",") if value.strip()))
    if len(values) > _LONGEST or "\0" in text:
        raise Invalid(f"{name} takes at most {_LONGEST} values")
    known = _VOCABULARY.get(name)
    if known is not None and (wrong := [value for value in values if value not in known]):
        raise Invalid(f"{name} is {wrong[0][:40]!r}; there are {', '.join(sorted(known))}")
    return values


def _read_box(name: str, text: str) -> Box:
    try:
        box = Box(*(float(part) for part in text.split(",")))
    except (ValueError, TypeError) as error:
        raise Invalid(f"{name} is west,south,east,north in degrees, such as 105.8,21.0,105.9,21.1") from error
    if not (-180 <= box.west <= box.east <= 180 and -90 <= box.south <= box.north <= 90):
        raise Invalid(f"{name} is west,south,east,north in degrees, the smaller of each pair first")
    return box


_READ: dict[str, Callable[[str, str], Any]] = {"q": _read_text, "box": _read_box, "asof": parse_time}


# -- as SQL ------------------------------------------------------------------------------------------------------------


def where(wanted: Filter, first: int = 1) -> tuple[str, list[Any]]:
    """(condition over a row ``c`` of the registry, its arguments from ``$first`` on).

    ``c`` is the table ``camera``; when the filter looks into the past, what `khue.centre.inventory.past` puts in its place.
    Deleted cameras are never meant.
    """
    made = _Condition(first)
    made.add("c.deleted is null")
    line = "c.search" if wanted.asof is None else "c.folded"
    for word in words(wanted.q):
        made.add(f"{line} like {{}}", f"%{word}%")
    for name in ("unit", "owner", "manager", "kind", "purpose", "link"):
        made.add_list(f"c.{name}", getattr(wanted, name))
    for name in ("vendor", "family"):
        made.add_list(f"nullif(c.{name}, '')", getattr(wanted, name))
    for name in ("life", "security", "disclosure"):
        made.add_list(f"c.{name}", getattr(wanted, name))
    if wanted.agency:
        made.add("(c.owner = any({0}::text[]) or c.manager = any({0}::text[]))", list(wanted.agency))
    if wanted.group:
        purposes = [str(purpose) for purpose, group in QUOTA_GROUPS.items() if group in wanted.group]
        made.add_list("c.purpose", [*purposes, NONE] if NONE in wanted.group else purposes)
    if wanted.declared:
        made.add(f"({_answers('c.declared_working', wanted.declared)})")
    if wanted.box is not None:
        made.add("c.longitude >= {} and c.latitude >= {} and c.longitude <= {} and c.latitude <= {}", *wanted.box)
    _add_measured(made, wanted)
    _add_consent(made, wanted)
    return made.sql, made.arguments


def words(text: str) -> list[str]:
    """What a search looks for, ready for LIKE: without marks and case, wildcards meaning themselves. Raises Invalid."""
    found = list(dict.fromkeys(fold(text).split()))
    if len(found) > _WORDS:
        raise Invalid(f"a search has at most {_WORDS} words; leave some out")
    # The longest first: it fails soonest.
    found.sort(key=len, reverse=True)
    return [word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for word in found]


class _Condition:
    """Conditions joined by ``and``, with numbered parameters."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._parts: list[str] = []
        self.arguments: list[Any] = []

    @property
    def sql(self) -> str:
        return "\n  and ".join(self._parts)

    def add(self, template: str, *arguments: object) -> None:
        """``{}`` or ``{0}`` stand for the arguments."""
        places = [f"${self._next + index}" for index in range(len(arguments))]
        self._parts.append(template.format(*places))
        self._next += len(arguments)
        self.arguments += arguments

    def add_list(self, column: str, values: Iterable[str]) -> None:
        """One of the values; "none" is null."""
        chosen = [str(value) for value in values]
        if chosen == [NONE]:
            self.add(f"{column} is null")
        elif NONE in chosen:
            self.add(f"({column} = any({{}}::text[]) or {column} is null)", [one for one in chosen if one != NONE])
        elif chosen:
            self.add(f"{column} = any({{}}::text[])", chosen)


_ANSWER = {"yes": "{0}", "no": "not {0}", "unknown": "{0} is null"}


def _answers(column: str, answers: Iterable[str]) -> str:
    return " or ".join(_ANSWER[answer].format(column) for answer in answers)


def _add_measured(made: _Condition, wanted: Filter) -> None:
    """What the registry does not say but nodes and probes do. Of the past it is in the row itself."""
    if wanted.asof is not None:
        made.add_list("c.state", wanted.state)
        made.add_list("c.node", wanted.node)
        if wanted.seen:
            made.add(f"({_answers('c.seen_working', wanted.seen)})")
        return
    if wanted.state:
        _add_state(made, wanted.state)
    if wanted.node:
        nodes = [node for node in wanted.node if node != NONE]
        placed = "c.id in (select m.camera from camera_now m where m.node = any({}::text[]))"
        nowhere = "c.id not in (select m.camera from camera_now m where m.node is not null)"
        made.add(f"({placed} or {nowhere})" if NONE in wanted.node else placed, nodes)
    if wanted.seen:
        # Cameras nobody looked at have no row: unknown is whatever is not known to be something else.
        unknown = "unknown" in wanted.seen
        told = {"yes", "no"} - {*wanted.seen} if unknown else wanted.seen
        rows = f"(select m.camera from camera_now m where {_answers('m.seen_working', sorted(told)) or 'false'})"
        made.add(f"c.id {'not in' if unknown else 'in'} {rows}")


def _add_state(made: _Condition, states: Iterable[str]) -> None:
    """The columns that ``state`` is made of, because the database knows how common their values are, but not its."""
    silent = "or m.silent" if CameraState.UNREACHABLE in states else "and not m.silent"
    parts = [f"c.enabled and c.id in (select m.camera from camera_now m where m.told = any({{}}::text[]) {silent})"]
    if CameraState.DISABLED in states:
        parts.append("not c.enabled and c.id in (select m.camera from camera_now m where m.told is not null)")
    if NONE in states:
        parts.append("c.id not in (select m.camera from camera_now m where m.told is not null)")
    made.add(" or ".join(f"({part})" for part in parts).join("()"), [str(state) for state in states])


_IN_FORCE = """select from consent k where k.camera = c.id and k.given_on <= {0}
  and (k.withdrawn_on is null or k.withdrawn_on > {0})"""
_CONSENT = {
    "missing": f"c.link = 'borrowed' and not exists ({_IN_FORCE})",
    "expired": f"exists ({_IN_FORCE} and k.expires_on <= {{0}})",
}


def _add_consent(made: _Condition, wanted: Filter) -> None:
    if wanted.consent:
        parts = " or ".join(f"({_CONSENT[name]})" for name in wanted.consent)
        day = "(coalesce({0}::timestamptz, now()) at time zone 'Asia/Ho_Chi_Minh')::date"
        made.add(f"({parts.format(day)})", wanted.asof)
