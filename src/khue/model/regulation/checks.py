"""What types cannot say of a regulation: that everything it names exists, and that nothing crosses a line. Pure."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from khue.model.registry import Disclosure, Purpose
from khue.model.regulation.terms import (
    PICTURES,
    RIGHTS,
    Deadline,
    Need,
    PostKind,
    Regulation,
    RetentionTerm,
    UsePurpose,
    WrittenRule,
)

VERDICTS = ("allowed", "unknown", "no_right", "kind", "hours", "purpose", "purpose_needed")
NEEDS = ("needs_reason", "needs_case", "needs_second")
CASE_VERDICTS = ("allowed", "kind", "purpose", "purpose_needed", *NEEDS)
LONGEST_DAYS = 1825.0  # five years: what a toll station keeps of a lane is the longest figure anybody has set
_CLAUSE = re.compile(r"\d{1,3}(\.\d{1,3}[a-zđ]?)?")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CAMERA_PURPOSES = frozenset(Purpose)
_NO_PICTURES = ("auditor", "inspector")  # whatever a file says of them
_DEADLINES = ("request", "second", "emergency_confirm", "emergency_review")  # those the product counts by


def problems_of(regulation: Regulation, written: Sequence[WrittenRule]) -> list[str]:
    """ "file: key: what; remedy" for each."""
    checks = (
        _head,
        _clauses,
        _words,
        _additions,
        _retention,
        _disclosure,
        _break_glass,
        _deadlines,
        _passwords,
        _cases,
    )
    return [*_rights(regulation, written), *(problem for check in checks for problem in check(regulation))]


def _unknown(where: str, what: str, names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    known = tuple(known)
    for name in names:
        if name not in known:
            shown = ", ".join(known[:20])
            yield f"{where}: there is no {what} {name[:60]!r}; write one of {shown}{' ...' if len(known) > 20 else ''}"


def _clause(where: str, clause: str, regulation: Regulation) -> Iterator[str]:
    if clause not in regulation.clauses:
        yield f"{where}: there is no clause {clause[:60]!r}; write it into clauses.toml or cite another"


def _texts(where: str, vi: str, en: str) -> Iterator[str]:
    for language, text in (("vi", vi), ("en", en)):
        if not text.strip():
            yield f"{where}.{language}: is empty; everything people read is in Vietnamese and in English"


def _head(regulation: Regulation) -> Iterator[str]:
    yield from _texts("regulation.toml: title", regulation.title.vi, regulation.title.en)
    if not regulation.document.strip():
        yield "regulation.toml: document: is empty; write the number of the decision"
    for verdict in (*VERDICTS[1:], *NEEDS):
        yield from _clause(f"regulation.toml: refusals.{verdict}", getattr(regulation.refusals, verdict), regulation)


def _clauses(regulation: Regulation) -> Iterator[str]:
    for clause in regulation.clauses.values():
        where = f"clauses.toml: clause {clause.id[:60]!r}"
        yield from _texts(where, clause.vi, clause.en)
        if not _CLAUSE.fullmatch(clause.id):
            yield f"{where}: id: is an article like 5 or a clause like 5.1"
        elif (article := clause.id.partition(".")[0]) not in regulation.clauses:
            yield f"{where}: its article {article} is missing; add a [[clause]] with id = {article!r} and its title"


def _words(regulation: Regulation) -> Iterator[str]:
    rows: list[tuple[str, UsePurpose | PostKind | Deadline]] = [
        *(("purposes.toml: purpose", row) for row in regulation.purposes.values()),
        *(("kinds.toml: kind", row) for row in regulation.kinds.values()),
        *(("deadlines.toml: deadline", row) for row in regulation.deadlines.values()),
    ]
    for table, row in rows:
        where = f"{table} {row.id[:60]!r}"
        yield from _texts(where, row.vi, row.en)
        if not _WORD.fullmatch(row.id):
            yield f"{where}: id: is a lower-case word of at most 40 letters, digits and _"
    for kind in regulation.kinds.values():
        yield from _unknown(f"kinds.toml: kind {kind.id!r}.never", "right", kind.never, RIGHTS)


def _rights(regulation: Regulation, written: Sequence[WrittenRule]) -> Iterator[str]:
    for number, rule in enumerate(written):
        where = f"rights.toml: rule[{number}]"
        yield from _unknown(f"{where}.kinds", "kind", rule.kinds, regulation.kinds)
        yield from _unknown(f"{where}.rights", "right", rule.rights, RIGHTS)
        yield from _unknown(f"{where}.purposes", "purpose", rule.purposes or (), regulation.purposes)
        yield from _clause(f"{where}.clause", rule.clause, regulation)
        yield from _purposes(where, rule, regulation)
        for kind in rule.kinds:
            yield from _never(where, kind, rule.rights, regulation)
        if "export" in rule.rights and not {Need.PURPOSE, Need.CASE, Need.REASON} <= {*rule.needs}:
            yield f"{where}.needs: an export needs purpose, case and reason, whoever it is; write all three"
        if "export" in rule.rights and rule.default_purpose is not None:
            yield f"{where}.default_purpose: the purpose of an export is stated, never taken for granted; remove it"
    if not any(right == "administer" for _, right in regulation.rules):
        yield "rights.toml: no kind may administer, so nobody could put another version in force; give it to one"


def _purposes(where: str, rule: WrittenRule, regulation: Regulation) -> Iterator[str]:
    if rule.purposes is not None and not rule.purposes:
        yield f"{where}.purposes: is empty, so nobody could state one; leave it out for any, or name some"
    if rule.default_purpose is None:
        return
    yield from _unknown(f"{where}.default_purpose", "purpose", [rule.default_purpose], regulation.purposes)
    if rule.purposes is not None and rule.default_purpose not in rule.purposes:
        yield f"{where}.default_purpose: {rule.default_purpose!r} is not among its purposes; add it there"


def _never(where: str, kind: str, rights: Sequence[str], regulation: Regulation) -> Iterator[str]:
    never = {*regulation.kinds[kind].never} if kind in regulation.kinds else set()
    if kind in _NO_PICTURES:
        never |= PICTURES
    if broken := [right for right in rights if right in never]:
        yield f"{where}: a post of kind {kind} may never have {', '.join(broken)} (kinds.toml: never); remove it"


def _additions(regulation: Regulation) -> Iterator[str]:
    for number, row in enumerate(regulation.additions):
        where = f"rights.toml: addition[{number}]"
        yield from _unknown(f"{where}.camera_purposes", "camera purpose", row.camera_purposes, _CAMERA_PURPOSES)
        yield from _unknown(f"{where}.rights", "right", row.rights, RIGHTS)
        yield from _clause(f"{where}.clause", row.clause, regulation)
        if not row.needs or Need.PURPOSE in row.needs:
            yield f"{where}.needs: reason, case or second; a purpose is the rule's business"


def _retention(regulation: Regulation) -> Iterator[str]:
    ceiling = regulation.ceiling_days
    if not 0 < ceiling <= LONGEST_DAYS:
        yield f"retention.toml: ceiling_days: above 0 and at most {LONGEST_DAYS:.0f}; nothing is kept for ever"
    by_purpose: dict[str, list[tuple[int, RetentionTerm]]] = {}
    for number, row in enumerate(regulation.retention):
        where = f"retention.toml: retention[{number}]"
        yield from _unknown(f"{where}.camera_purpose", "camera purpose", [row.camera_purpose], _CAMERA_PURPOSES)
        yield from _clause(f"{where}.clause", row.clause, regulation)
        if not 0 < row.days <= ceiling:
            yield f"{where}.days: {row.days:g} is not above 0 and at most ceiling_days ({ceiling:g}); lower it"
        if not -1_000_000 <= row.priority <= 1_000_000:
            yield f"{where}.priority: between -1000000 and 1000000"
        if row.until is not None and row.until <= row.start:
            yield f"{where}.until: is not after from; the term would never hold"
        by_purpose.setdefault(row.camera_purpose, []).append((number, row))
    for purpose in sorted(_CAMERA_PURPOSES - by_purpose.keys()):
        yield f"retention.toml: no term for cameras of {purpose}; add a [[retention]] for it"
    for rows in by_purpose.values():
        yield from _overlaps(sorted(rows, key=lambda numbered: numbered[1].start))


def _overlaps(rows: Sequence[tuple[int, RetentionTerm]]) -> Iterator[str]:
    for (_, before), (number, row) in itertools.pairwise(rows):
        if before.until is None or before.until > row.start:
            yield (
                f"retention.toml: retention[{number}].from: {row.start} falls into the term of {row.camera_purpose} "
                f"from {before.start}; give that one until = {row.start}"
            )
        elif before.until < row.start:
            yield (
                f"retention.toml: retention[{number}].from: no term of {row.camera_purpose} holds from {before.until} "
                f"to {row.start}; close the gap"
            )


def _disclosure(regulation: Regulation) -> Iterator[str]:
    for row in regulation.disclosure.values():
        where = f"disclosure.toml: disclosure of {row.camera_purpose[:60]!r}"
        yield from _unknown(where, "camera purpose", [row.camera_purpose], _CAMERA_PURPOSES)
        yield from _unknown(f"{where}.tier", "tier", [row.tier], Disclosure)
        yield from _clause(f"{where}.clause", row.clause, regulation)
        if row.camera_purpose == Purpose.DEFENCE and row.tier != Disclosure.COUNTED:
            yield f"{where}.tier: cameras of defence are only counted; write counted"
    for purpose in sorted(_CAMERA_PURPOSES - regulation.disclosure.keys()):
        yield f"disclosure.toml: no tier for cameras of {purpose}; add a [[disclosure]] for it"


def _break_glass(regulation: Regulation) -> Iterator[str]:
    row = regulation.break_glass
    yield from _unknown("break_glass.toml: rights", "right", row.rights, RIGHTS)
    for key in ("opens", "confirms"):
        yield from _unknown(f"break_glass.toml: {key}", "kind", getattr(row, key), regulation.kinds)
        if not getattr(row, key):
            yield f"break_glass.toml: {key}: is empty, so no emergency could begin; name some kinds of posts"
    yield from _unknown("break_glass.toml: told", "party", row.told, ("owner", "auditor"))
    yield from _clause("break_glass.toml: clause", row.clause, regulation)
    yield from _clause("break_glass.toml: review_clause", row.review_clause, regulation)
    if row.people != 2:
        yield "break_glass.toml: people: is 2: one who opens and one who confirms"
    if not 0 < row.minutes <= 24 * 60:
        yield "break_glass.toml: minutes: above 0 and at most a day (1440); an emergency ends"
    if {*row.rights} & {"approve", "audit", "administer", "manage", "onboard", "export"}:
        yield "break_glass.toml: rights: only see, live, playback and ptz; what outlasts an emergency is asked for"
    if {*row.told} < {"owner", "auditor"}:
        yield "break_glass.toml: told: owner and auditor are both told; name both"


def _deadlines(regulation: Regulation) -> Iterator[str]:
    for row in regulation.deadlines.values():
        where = f"deadlines.toml: deadline {row.id[:60]!r}"
        yield from _clause(f"{where}.clause", row.clause, regulation)
        if (row.hours > 0) == (row.working_days > 0):
            yield f"{where}: has either hours or working_days, above 0"
        if not (0 <= row.hours <= 10_000 and 0 <= row.working_days <= 400):
            yield f"{where}: at most 10000 hours or 400 working days"
        if not 0 <= row.remind_hours <= 1000 or (row.hours and row.remind_hours >= row.hours):
            yield f"{where}.remind_hours: is not below 0 and less than the deadline itself"
    for wanted in _DEADLINES:
        if wanted not in regulation.deadlines:
            yield f"deadlines.toml: no deadline {wanted!r}, which the product counts by; add a [[deadline]] for it"


def _passwords(regulation: Regulation) -> Iterator[str]:
    row = regulation.passwords
    yield from _unknown("passwords.toml: second_factor_for", "kind", row.second_factor_for, regulation.kinds)
    yield from _clause("passwords.toml: clause", row.clause, regulation)
    bounds = {
        "min_length": (8, 128),
        "max_age_days": (0, 3650),
        "history": (0, 50),
        "second_factor_grace_days": (0, 366),
    }
    for key, (lowest, highest) in bounds.items():
        if not lowest <= getattr(row, key) <= highest:
            yield f"passwords.toml: {key}: between {lowest} and {highest}"


def _cases(regulation: Regulation) -> Iterator[str]:
    if not regulation.cases:
        yield "cases.toml: there is no [[case]]; a regulation nobody tested is not put in force"
    for number, case in enumerate(regulation.cases):
        where = f"cases.toml: case[{number}]"
        yield from _texts(f"{where}.name", case.name.vi, case.name.en)
        yield from _unknown(f"{where}.kind", "kind", [case.kind], regulation.kinds)
        yield from _unknown(f"{where}.right", "right", [case.right], RIGHTS)
        yield from _unknown(f"{where}.expect", "verdict", [case.expect], CASE_VERDICTS)
        if case.camera_purpose:
            wanted = [case.camera_purpose]
            yield from _unknown(f"{where}.camera_purpose", "camera purpose", wanted, _CAMERA_PURPOSES)
        if case.clause:
            yield from _clause(f"{where}.clause", case.clause, regulation)


def term_on(regulation: Regulation, camera_purpose: str, day: dt.date) -> RetentionTerm | None:
    """The retention that holds for cameras of a purpose on a day."""
    for row in regulation.retention:
        if row.camera_purpose == camera_purpose and row.start <= day and (row.until is None or day < row.until):
            return row
    return None
