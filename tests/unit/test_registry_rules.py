"""The registry's rules: what security follows from findings, what an edit may do, what an undo keeps."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.centre.access.rules import Account, Role, Term
from khue.centre.errors import Invalid
from khue.centre.registry.agencies import slug
from khue.centre.registry.consents import problem
from khue.centre.registry.days import day_of, start_of
from khue.centre.registry.edit_rules import plan, restore
from khue.centre.registry.fields import DEFAULTS, FACTS, Facts, check, column_of, differences, said
from khue.centre.registry.history import findings, versions
from khue.centre.registry.security import Result, overall
from khue.model.registry import SecurityState, SecurityTopic

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ANYWHERE = (Term(defence=True),)


def row(camera: str = "c", number: int = 1, **facts: Any) -> dict[str, Any]:
    """A row of ``camera``, as the database gives it."""
    full = {**dict.fromkeys(FACTS), **DEFAULTS, "name": camera, **facts}
    return {"id": camera, "number": number, **{column_of(name): value for name, value in full.items()}}


# -- security ----------------------------------------------------------------------------------------------------------

NEWEST = st.dictionaries(st.sampled_from(SecurityTopic), st.sampled_from(Result))


@given(NEWEST)
def test_the_state_is_what_the_newest_findings_say(newest: dict[SecurityTopic, Result]) -> None:
    results = [newest.get(topic, Result.UNKNOWN) for topic in SecurityTopic]
    state = overall(newest)
    assert (state is SecurityState.FAILS) == (Result.FAIL in results)
    assert (state is SecurityState.UNKNOWN) == all(result is Result.UNKNOWN for result in results)
    assert (state is SecurityState.MEETS) == all(result in (Result.PASS, Result.NOT_APPLICABLE) for result in results)


@given(NEWEST, st.sampled_from(SecurityTopic))
def test_a_failure_makes_no_camera_better_and_a_pass_no_camera_worse(
    newest: dict[SecurityTopic, Result], topic: SecurityTopic
) -> None:
    order = [SecurityState.FAILS, SecurityState.UNKNOWN, SecurityState.PARTIAL, SecurityState.MEETS]
    now = order.index(overall(newest))
    assert order.index(overall({**newest, topic: Result.FAIL})) <= now
    assert order.index(overall({**newest, topic: Result.PASS})) >= now


# -- facts -------------------------------------------------------------------------------------------------------------


def test_a_mac_is_written_one_way_and_a_code_of_blanks_is_none() -> None:
    facts = msgspec.convert({"mac": "AABB.CC00.1122", "code": "  ", "name": " x "}, Facts)
    assert said(facts) == {"mac": "aa:bb:cc:00:11:22", "code": None, "name": "x"}
    with pytest.raises(Invalid, match="mac"):
        said(Facts(mac="aa:bb"))


def test_what_defends_is_counted_without_being_told() -> None:
    assert differences({"purpose": None, "disclosure": "area"}, {"purpose": "defence"}) == {
        "purpose": "defence",
        "disclosure": "counted",
    }
    assert check({"name": "x", "purpose": "defence", "disclosure": "area"})


@pytest.mark.parametrize(("bearing", "fine"), [(0.0, True), (359.999, True), (360.0, False), (-1.0, False)])
def test_a_bearing_is_below_a_full_turn(bearing: float, fine: bool) -> None:
    assert (check({"name": "x", "bearing": bearing}) is None) == fine


def test_the_id_of_an_agency_is_its_name() -> None:
    assert slug("UBND Phường Đống Đa (số 2)") == "ubnd-phuong-dong-da-so-2"
    with pytest.raises(Invalid):
        slug("— —")


# -- who sees what -----------------------------------------------------------------------------------------------------

SOME = st.frozensets(st.sampled_from("abc"))


def _terms(units: frozenset[str], agencies: frozenset[str], defence: bool) -> list[Term]:
    """What an account appointed to this is granted: a place, a fleet, or the whole city."""
    if not units and not agencies:
        return [Term(defence=defence)]
    places = [Term(units=units, defence=defence)] if units else []
    return places + ([Term(fleets=agencies, defence=defence)] if agencies else [])


def covered(terms: list[Term], facts: dict[str, Any]) -> bool:
    return any(term.covers(facts) for term in terms)


@given(SOME, SOME, st.booleans(), SOME, SOME, st.booleans())
def test_who_covers_a_scope_sees_all_that_it_sees(
    units: frozenset[str],
    agencies: frozenset[str],
    defence: bool,
    his_units: frozenset[str],
    his_agencies: frozenset[str],
    his_defence: bool,
) -> None:
    mine = Account("1", "m", "M", Role.OPERATOR, "vi", tuple(units), tuple(agencies), defence)
    my_terms = _terms(units, agencies, defence)
    his_terms = _terms(his_units, his_agencies, his_defence)
    if mine.covers(his_units, his_agencies, his_defence):
        for unit in (None, *"abc"):
            for owner in (None, *"abc"):
                for purpose in (None, "security", "defence"):
                    facts = {"unit": unit, "owner": owner, "manager": None, "purpose": purpose}
                    assert covered(my_terms, facts) or not covered(his_terms, facts)


# -- edits -------------------------------------------------------------------------------------------------------------

VALUE = st.sampled_from(["", "a", "b"])
ROWS = st.lists(st.tuples(VALUE, VALUE), max_size=5)


@given(ROWS, st.dictionaries(st.sampled_from(["contract", "supplier"]), VALUE, min_size=1), ROWS)
def test_an_undo_restores_exactly_what_nobody_touched_since(
    before: list[tuple[str, str]], given_: dict[str, str], since: list[tuple[str, str]]
) -> None:
    rows = [row(f"c{at}", at, contract=one, supplier=two) for at, (one, two) in enumerate(before)]
    made = plan(ANYWHERE, rows, given_)
    assert not made.refused
    wrote = {
        camera: {
            "before": msgspec.json.encode({name: made.rows[camera][name] for name in changes}),
            "after": msgspec.json.encode(changes),
        }
        for camera, changes in made.changes.items()
    }
    now = {one["id"]: {**one, **made.changes.get(one["id"], {})} for one in rows}
    for at, (one, two) in enumerate(since[: len(rows)]):
        now[f"c{at}"] |= {"contract": one, "supplier": two}
    back, kept = restore(now, wrote)
    for camera, line in wrote.items():
        for name, value in msgspec.json.decode(line["after"]).items():
            touched = now[camera][name] != value
            restored = back.get(camera, {}).get(name)
            assert (restored is None) == touched
            assert touched or restored == made.rows[camera][name]
            assert touched == any(name in one.why for one in kept if one.number == now[camera]["number"])


def test_an_edit_leaves_out_what_it_would_make_wrong_or_hide() -> None:
    ward = _terms(frozenset({"00004"}), frozenset({"police"}), True)
    rows = [row("one", 1, unit="00004"), row("two", 2, unit="00004", manager="police")]
    made = plan(ward, rows, {"unit": "00008"})
    assert [one.number for one in made.refused] == [1]
    assert list(made.changes) == ["two"]
    wrong = plan(ANYWHERE, [row("defends", purpose="defence", disclosure="counted")], {"disclosure": "area"})
    assert (wrong.changes, "counted" in wrong.refused[0].why) == ({}, True)


def test_an_undo_says_which_cameras_are_gone() -> None:
    back, kept = restore({}, {"gone": {"before": "{}", "after": "{}"}})
    assert (back, kept[0].number) == ({}, None)


# -- history and consent -----------------------------------------------------------------------------------------------


def version(source: str = "", **facts: Any) -> dict[str, Any]:
    return {
        "facts": msgspec.json.encode({"id": "c", "number": 1, **facts}).decode(),
        "valid_from": NOW,
        "recorded": NOW,
        "actor": "an",
        "reason": "",
        "source": source,
    }


def test_versions_tell_what_changed_in_the_words_of_the_api() -> None:
    rows = [
        version(name="x", latitude=21.0, note=""),
        version(name="x", latitude=21.5, note="", declared_working=False, quiet_from="22:00:00"),
        version("life", name="x", latitude=21.5, note="", declared_working=False, quiet_from="22:00:00", life="faulty"),
    ]
    told = [[(one.field, one.before, one.after) for one in event.changes] for event in versions(rows)]
    assert told == [
        [("lat", None, 21.0), ("name", None, "x")],
        [("declared_working", None, False), ("lat", 21.0, 21.5), ("quiet_from", None, "22:00")],
    ]


def test_findings_tell_what_was_thought_before() -> None:
    line = {"topic": "passwords", "evidence": "", "checked_on": NOW.date(), "actor": "an", "recorded": NOW}
    line |= {"reason": "", "source": ""}
    told = list(findings([{**line, "result": "fail"}, {**line, "result": "pass"}]))
    assert [(event.changes[0].before, event.changes[0].after) for event in told] == [(None, "fail"), ("fail", "pass")]


@pytest.mark.parametrize(
    ("link", "consent", "wrong"),
    [
        ("leased", None, None),
        ("borrowed", None, "consent_missing"),
        ("borrowed", {}, None),
        ("borrowed", {"expires_on": dt.date(2026, 1, 1)}, "consent_expired"),
        ("borrowed", {"expires_on": dt.date(2026, 1, 2)}, None),
        ("borrowed", {"withdrawn_on": dt.date(2025, 12, 1)}, "consent_withdrawn"),
        ("borrowed", {"withdrawn_on": dt.date(2026, 2, 1)}, None),
    ],
)
def test_a_borrowed_line_is_a_problem_without_a_consent_in_force(
    link: str, consent: dict[str, Any] | None, wrong: str | None
) -> None:
    base = {"expires_on": None, "withdrawn_on": None, "withdrawn_reason": ""}
    assert problem(link, None if consent is None else base | consent, NOW.date()) == wrong


def test_a_day_begins_in_hanoi() -> None:
    assert start_of(dt.date(2026, 1, 2)) == dt.datetime(2026, 1, 1, 17, tzinfo=dt.UTC)
    assert day_of(dt.datetime(2026, 1, 1, 17, tzinfo=dt.UTC)) == dt.date(2026, 1, 2)
