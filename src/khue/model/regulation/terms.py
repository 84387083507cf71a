"""What a version of the regulation consists of, as its files write it."""

from __future__ import annotations

import datetime as dt
import enum

import msgspec


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same words in both languages."""

    vi: str
    en: str


class Need(enum.StrEnum):
    """What a request has to bring, beyond a grant."""

    PURPOSE = "purpose"
    REASON = "reason"
    CASE = "case"
    SECOND = "second"


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of everything a file writes down: an unknown key is an error."""


class Clause(Written, frozen=True):
    """An article ("5", its title) or a clause of it ("5.1", its text)."""

    id: str
    vi: str
    en: str


class UsePurpose(Written, frozen=True):
    """What a camera may be looked through for."""

    id: str
    vi: str
    en: str


class PostKind(Written, frozen=True):
    """``never`` are rights no rule may give it."""

    id: str
    vi: str
    en: str
    never: tuple[str, ...] = ()


class WrittenRule(Written, frozen=True):
    """One rule for several kinds and rights at once. ``purposes`` None: any of the regulation's."""

    kinds: tuple[str, ...]
    rights: tuple[str, ...]
    clause: str
    purposes: tuple[str, ...] | None = None
    default_purpose: str | None = None
    needs: tuple[Need, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """What one kind of post has to bring for one right. ``purposes`` is never None here."""

    kind: str
    right: str
    purposes: tuple[str, ...]
    default_purpose: str | None
    needs: frozenset[Need]
    clause: str


class Addition(Written, frozen=True):
    """What cameras of some purposes ask for over and above the rule, whoever it is."""

    camera_purposes: tuple[str, ...]
    rights: tuple[str, ...]
    needs: tuple[Need, ...]
    clause: str


class RetentionTerm(Written, frozen=True):
    """Days recordings of a camera purpose are kept, in [from, until). ``priority``: what a full disk costs last has the highest."""

    camera_purpose: str
    days: float
    clause: str
    start: dt.date = msgspec.field(name="from")
    until: dt.date | None = None
    priority: int = 0


class DisclosureTier(Written, frozen=True):
    camera_purpose: str
    tier: str
    clause: str


class BreakGlass(Written, frozen=True):
    """Who may open cameras beyond their grants in an emergency, for how long, and who is told."""

    people: int
    minutes: float
    rights: tuple[str, ...]
    opens: tuple[str, ...]
    confirms: tuple[str, ...]
    told: tuple[str, ...]
    defence: bool
    clause: str
    review_clause: str


class Deadline(Written, frozen=True):
    """``hours`` by the clock, or ``working_days`` from Monday to Friday: one of them."""

    id: str
    vi: str
    en: str
    clause: str
    hours: float = 0.0
    working_days: int = 0
    remind_hours: float = 0.0


class PasswordTerms(Written, frozen=True):
    """``second_factor_for`` are kinds of posts; the days count from when an account was made."""

    min_length: int
    max_age_days: int
    history: int
    banned: tuple[str, ...]
    second_factor_for: tuple[str, ...]
    second_factor_grace_days: int
    clause: str


class Refusals(Written, frozen=True):
    """The clause a refusal cites when it breaks no rule of the post itself."""

    unknown: str
    no_right: str
    kind: str
    hours: str
    purpose: str
    purpose_needed: str
    needs_reason: str
    needs_case: str
    needs_second: str


class Case(Written, frozen=True):
    """An example: who wants what and states what, and what has to come of it. ``""`` for what it does not say."""

    name: Text
    kind: str
    right: str
    expect: str
    purpose: str = ""
    case: str = ""
    reason: str = ""
    second: bool = False
    camera_purpose: str = ""
    purpose_taken: str = ""
    clause: str = ""


class Regulation(msgspec.Struct, frozen=True):
    """One version, checked: everything it names exists in it. ``digest`` is the SHA-256 of its files."""

    id: str
    title: Text
    document: str
    timezone: str
    refusals: Refusals
    clauses: dict[str, Clause]
    purposes: dict[str, UsePurpose]
    kinds: dict[str, PostKind]
    rules: dict[tuple[str, str], Rule]
    additions: tuple[Addition, ...]
    ceiling_days: float
    retention: tuple[RetentionTerm, ...]
    disclosure: dict[str, DisclosureTier]
    break_glass: BreakGlass
    deadlines: dict[str, Deadline]
    passwords: PasswordTerms
    cases: tuple[Case, ...]
    digest: str


RIGHTS: dict[str, Text] = {
    "see": Text("Xem danh mục và thông tin", "See the list and particulars"),
    "live": Text("Xem trực tiếp", "Watch live"),
    "playback": Text("Xem lại", "Play back"),
    "export": Text("Trích xuất", "Export"),
    "ptz": Text("Điều khiển camera", "Control the camera"),
    "manage": Text("Quản lý camera", "Manage cameras"),
    "onboard": Text("Đưa camera vào hệ thống", "Bring cameras in"),
    "approve": Text("Phê duyệt đơn đề nghị", "Approve requests"),
    "audit": Text("Xem nhật ký", "Read the log"),
    "administer": Text("Quản trị", "Administer"),
}
"""Everything a grant can be about, in the order people read it."""

PICTURES = frozenset({"live", "playback", "export"})
