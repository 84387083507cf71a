"""What the rules say to one request, and what changes from one version to the next."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.model.regulation.checks import term_on
from khue.model.regulation.comparing import compare
from khue.model.regulation.deciding import Wanted, decide, run_case, run_cases
from khue.model.regulation.reading import packaged_files, read
from khue.model.regulation.terms import PICTURES, RIGHTS, Need, Regulation

FILES = packaged_files()
MADE = read(FILES)
WANTED = st.builds(
    Wanted,
    kind=st.sampled_from([*MADE.kinds, "nobody"]),
    right=st.sampled_from([*RIGHTS]),
    purpose=st.sampled_from(["", *MADE.purposes, "holiday"]),
    case=st.sampled_from(["", " ", "VV-1"]),
    reason=st.sampled_from(["", "\t", "why"]),
    second=st.booleans(),
    camera_purpose=st.sampled_from(["", "security", "defence"]),
)


def altered(*changes: tuple[str, str, str], new_id: str = "other") -> Regulation:
    files = dict(FILES)
    for name, before, after in (("regulation.toml", f'id = "{MADE.id}"', f'id = "{new_id}"'), *changes):
        assert before in files[name]
        files[name] = files[name].replace(before, after, 1)
    return read(files)


def test_every_example_of_the_packaged_version_passes() -> None:
    assert [result for result in run_cases(MADE) if not result.ok] == []


def test_an_example_fails_by_its_verdict_its_clause_and_its_purpose() -> None:
    case = MADE.cases[0]
    assert run_case(MADE, case).ok
    for wrong, expected, got in (
        ({"expect": "kind"}, "kind (5.1) for duty", "allowed (5.1) for duty"),
        ({"clause": "7.1"}, "allowed (7.1) for duty", "allowed (5.1) for duty"),
        ({"purpose_taken": "traffic"}, "allowed (5.1) for traffic", "allowed (5.1) for duty"),
    ):
        result = run_case(MADE, msgspec.structs.replace(case, **wrong))
        assert (result.ok, result.expected, result.got) == (False, expected, got)


@given(WANTED)
def test_bringing_more_never_takes_away(wanted: Wanted) -> None:
    """Whoever is allowed stays so with a case, a reason and a second person too."""
    more = msgspec.structs.replace(wanted, case="VV-1", reason="why", second=True)
    if decide(MADE, wanted).verdict == "allowed":
        assert decide(MADE, more) == decide(MADE, wanted)
    assert decide(MADE, more).verdict in ("allowed", "kind", "purpose", "purpose_needed")


@given(WANTED)
def test_every_answer_cites_a_clause_there_is(wanted: Wanted) -> None:
    answer = decide(MADE, wanted)
    assert answer.clause in MADE.clauses
    if answer.verdict == "allowed" and wanted.right in PICTURES:
        assert answer.purpose in MADE.purposes  # nobody looks without one
    if wanted.kind in ("auditor", "inspector", "member", "nobody") and wanted.right in PICTURES:
        assert answer.verdict == "kind"
    if answer.verdict == "allowed" and wanted.right == "export":
        assert wanted.purpose and wanted.case.strip() and wanted.reason.strip()
        assert wanted.second or wanted.camera_purpose != "defence"


def test_what_is_missing_is_said_one_by_one() -> None:
    said = Wanted("planner", "playback")
    order = []
    for brought in ({}, {"reason": "why"}, {"second": True}):
        said = msgspec.structs.replace(said, **brought)
        order.append(decide(MADE, said).verdict)
    assert order == ["needs_reason", "needs_second", "allowed"]
    exporting = Wanted("operator", "export")
    order = [decide(MADE, exporting).verdict]
    for brought in ({"purpose": "investigation"}, {"case": "VV-1"}, {"reason": "why"}):
        exporting = msgspec.structs.replace(exporting, **brought)
        order.append(decide(MADE, exporting).verdict)
    assert order == ["purpose_needed", "needs_case", "needs_reason", "allowed"]


@pytest.mark.parametrize(
    ("day", "days"), [(dt.date(2025, 6, 30), None), (dt.date(2025, 7, 1), 30), (dt.date(2030, 1, 1), 30)]
)
def test_a_term_holds_from_its_day(day: dt.date, days: float | None) -> None:
    term = term_on(MADE, "security", day)
    assert (term.days if term else None) == days


def test_a_version_is_the_same_as_itself() -> None:
    found = compare(MADE, MADE)
    assert (found.rules, found.clauses, found.settings) == ((), (), ())


def test_what_changes_is_said_for_whom() -> None:
    after = altered(
        ("rights.toml", 'purposes = ["planning"]\ndefault_purpose = "planning"\nneeds = ["purpose", "reason", "second"]',
         'purposes = ["planning"]\ndefault_purpose = "planning"\nneeds = ["purpose", "reason"]'),
        ("rights.toml", '["broadcaster"]\nrights = ["live"]', '["broadcaster"]\nrights = ["live", "ptz"]'),
        ("retention.toml", "days = 90", "days = 60"),
        ("break_glass.toml", "minutes = 60", "minutes = 30"),
        ("clauses.toml", "trong 60 phút", "trong 30 phút"),
        ("cases.toml", 'expect = "needs_second"\nclause = "6.5"', 'expect = "allowed"\nclause = "6.5"'),
    )  # fmt: skip
    found = compare(MADE, after)
    playback, ptz = found.rules
    assert (playback.kind, playback.right) == ("planner", "playback")
    assert playback.before and playback.after
    assert {*playback.before.needs} - {*playback.after.needs} == {Need.SECOND}
    assert (ptz.kind, ptz.right, ptz.before) == ("broadcaster", "ptz", None) and ptz.after
    assert {setting.key: (setting.before, setting.after) for setting in found.settings} == {
        "retention.violation@2025-07-01.days": (90.0, 60.0),
        "break_glass.minutes": (60.0, 30.0),
    }
    (clause,) = found.clauses
    assert clause.id == "12.1" and clause.before and clause.after and "30 phút" in clause.after.vi


def test_a_difference_read_backwards_is_its_opposite() -> None:
    after = altered(
        (
            "rights.toml",
            '["broadcaster"]\nrights = ["live"]',
            '["broadcaster"]\nrights = ["live", "ptz"]',
        )
    )
    there, back = compare(MADE, after), compare(after, MADE)
    assert [(rule.kind, rule.right, rule.before, rule.after) for rule in there.rules] == [
        (rule.kind, rule.right, rule.after, rule.before) for rule in back.rules
    ]
    (lost,) = back.rules
    assert lost.after is None and lost.clause == MADE.refusals.kind
