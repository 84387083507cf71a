"""What the regulation alone says to a request: the plain-Python model of the database's ``decide()``. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from khue.model.regulation.terms import Case, Need, Regulation, Rule

_UNMET = ((Need.CASE, "needs_case"), (Need.REASON, "needs_reason"), (Need.SECOND, "needs_second"))


class Wanted(msgspec.Struct, frozen=True):
    """A post of ``kind`` wants ``right`` and states this. ``camera_purpose`` "" for a camera nobody gave one."""

    kind: str
    right: str
    purpose: str = ""
    case: str = ""
    reason: str = ""
    second: bool = False
    camera_purpose: str = ""


class Answer(msgspec.Struct, frozen=True):
    """``verdict``: allowed, kind, purpose, purpose_needed, needs_reason, needs_case, needs_second. ``clause`` is cited for it."""

    verdict: str
    clause: str
    purpose: str = ""


def decide(regulation: Regulation, wanted: Wanted) -> Answer:
    """As if there were a grant for everything: what of the request the regulation refuses, and by which clause."""
    rule = regulation.rules.get((wanted.kind, wanted.right))
    if rule is None:
        return Answer("kind", regulation.refusals.kind)
    said = wanted.purpose or rule.default_purpose or ""
    if Need.PURPOSE in rule.needs:
        if not said:
            return Answer("purpose_needed", rule.clause)
        if said not in rule.purposes:
            return Answer("purpose", rule.clause, said)
    brought = {
        Need.REASON: bool(wanted.reason.strip()),
        Need.CASE: bool(wanted.case.strip()),
        Need.SECOND: wanted.second,
    }
    needed = needs_of(regulation, rule, wanted.camera_purpose)
    for need, verdict in _UNMET:
        if need in needed and not brought[need]:
            return Answer(verdict, needed[need], said)
    return Answer("allowed", rule.clause, said)


def needs_of(regulation: Regulation, rule: Rule, camera_purpose: str) -> dict[Need, str]:
    """What has to be brought, and the clause that says so: the rule's, or that of an addition for such cameras."""
    needed = dict.fromkeys(rule.needs, rule.clause)
    for addition in regulation.additions:
        if rule.right in addition.rights and camera_purpose in addition.camera_purposes:
            for need in addition.needs:
                needed.setdefault(need, addition.clause)
    return needed


class Result(msgspec.Struct, frozen=True):
    """One example case: what was expected and what came of it, as "verdict", "verdict (clause)" where they differ."""

    name: str
    name_en: str
    ok: bool
    expected: str
    got: str


def run_case(regulation: Regulation, case: Case) -> Result:
    """Whether the regulation says to the example what the example says it says."""
    answer = decide(
        regulation,
        Wanted(case.kind, case.right, case.purpose, case.case, case.reason, case.second, case.camera_purpose),
    )
    expected = _words(case.expect, case.clause, case.purpose_taken)
    got = _words(answer.verdict, answer.clause if case.clause else "", answer.purpose if case.purpose_taken else "")
    return Result(case.name.vi, case.name.en, expected == got, expected, got)


def run_cases(regulation: Regulation) -> Iterator[Result]:
    """Every example of the version, in order."""
    return (run_case(regulation, case) for case in regulation.cases)


def _words(verdict: str, clause: str, purpose: str) -> str:
    return " ".join([verdict, *([f"({clause})"] if clause else []), *([f"for {purpose}"] if purpose else [])])
