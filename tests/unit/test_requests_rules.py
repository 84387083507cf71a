"""Pure rules of asking: an answer never exceeds what was asked, deadlines skip weekends, the nearest are told."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khue.centre.access.refusals import Verdict
from khue.centre.access.rules import Right
from khue.centre.errors import Invalid
from khue.centre.requests import rules
from khue.centre.requests.rules import Answer, Holder, Hours, Rule, Target, Wish
from khue.centre.requests.words import KINDS, Facts, sentence
from khue.model.errors import Denied
from khue.model.regulation.terms import Deadline

NOON = dt.datetime(2026, 11, 20, 5, tzinfo=dt.UTC)  # Friday, 12:00 in Hanoi
RIGHTS = st.frozensets(st.sampled_from(sorted(rules.REQUESTABLE)), min_size=1)
CAMERAS = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True).map(tuple)
INSTANTS = st.integers(1, 48).map(lambda hours: NOON + dt.timedelta(hours=hours))
WISHES = st.builds(Wish, RIGHTS, st.none() | CAMERAS, st.just(("duty",)), INSTANTS)
ANSWERS = st.builds(
    Answer,
    st.none() | RIGHTS.map(tuple),
    st.none() | CAMERAS,
    st.sampled_from([None, ("duty",), ("duty", "rescue"), ()]),
    st.none() | st.just(Hours("08:00", "17:00")),
    st.none() | INSTANTS,
)


@settings(max_examples=400)
@given(WISHES, ANSWERS, st.none() | st.frozensets(st.sampled_from("abcdef")))
def test_an_answer_is_never_wider(asked: Wish, answer: Answer, decidable: frozenset[str] | None) -> None:
    try:
        gives, less = rules.narrowed(asked, answer, decidable)
    except Denied:
        wide_rights = answer.rights is not None and not {*answer.rights} <= asked.rights | {Right.SEE}
        wide_cameras = (
            answer.cameras is not None and asked.cameras is not None and not {*answer.cameras} <= {*asked.cameras}
        )
        wide_purposes = answer.purposes is not None and not {*answer.purposes} <= {*asked.purposes}
        assert wide_rights or wide_cameras or wide_purposes or (answer.valid_to or asked.valid_to) > asked.valid_to
        return
    except Invalid:
        return
    assert gives.rights <= asked.rights | {Right.SEE}
    assert gives.valid_to <= asked.valid_to
    assert {*gives.purposes} <= {*asked.purposes}
    if asked.cameras is not None:
        assert gives.cameras and {*gives.cameras} <= {*asked.cameras}
    if decidable is not None and gives.cameras is not None:
        assert {*gives.cameras} <= decidable
    same = (
        gives.rights | {Right.SEE} == asked.rights | {Right.SEE}
        and (gives.cameras is None or asked.cameras is not None)
        and {*(gives.cameras or ())} == {*(asked.cameras or ())}
        and gives.valid_to == asked.valid_to
        and answer.hours is None
    )
    assert less is not same


def test_the_same_cameras_in_another_order_are_all_of_them() -> None:
    asked = Wish(frozenset({Right.LIVE}), ("a", "b"), ("duty",), NOON)
    assert rules.narrowed(asked, Answer(cameras=("b", "a")), None)[1] is False
    with pytest.raises(Invalid):
        rules.narrowed(asked, Answer(), frozenset())
    with pytest.raises(Invalid):
        rules.narrowed(asked, Answer(purposes=()), None)


@given(st.floats(0, 365), st.integers(1, 30), st.floats(0, 100))
def test_working_days(since: float, days: int, remind: float) -> None:
    start = NOON + dt.timedelta(days=since)
    dates = rules.dates(
        start, Deadline(id="x", vi="x", en="x", clause="1", working_days=days, remind_hours=remind), "Asia/Ho_Chi_Minh"
    )
    local = dates.due.astimezone(dt.timezone(dt.timedelta(hours=7)))
    begun = start.astimezone(dt.timezone(dt.timedelta(hours=7)))
    assert local.weekday() < 5 and local.time() == begun.time()
    between = [begun.date() + dt.timedelta(days=n) for n in range(1, (local.date() - begun.date()).days + 1)]
    assert sum(day.weekday() < 5 for day in between) == days
    if remind:
        assert dates.remind is not None and dates.escalate is not None
        assert start <= dates.remind <= dates.escalate <= dates.due
    else:
        assert dates.remind is None


def test_hours_go_by_the_clock() -> None:
    dates = rules.dates(NOON, Deadline(id="x", vi="x", en="x", clause="1", hours=0.25), "Asia/Ho_Chi_Minh")
    assert dates.due - NOON == dt.timedelta(minutes=15)
    # on Friday at noon, two working days: Tuesday at noon
    two = rules.dates(NOON, Deadline(id="x", vi="x", en="x", clause="1", working_days=2), "Asia/Ho_Chi_Minh")
    assert two.due - NOON == dt.timedelta(days=4)


PATHS = st.lists(st.sampled_from("ab"), max_size=3).map(tuple)
HOLDERS = st.lists(st.builds(Holder, st.sampled_from("pqrs"), st.none() | PATHS.filter(bool)), max_size=8)


@given(HOLDERS, PATHS)
def test_the_nearest_are_told_and_then_others(holders: list[Holder], owner: tuple[str, ...]) -> None:
    first, above = rules.told(holders, owner), rules.told(holders, owner, above=True)
    everybody = {holder.account for holder in holders}
    assert bool(first) == bool(above) == bool(everybody)
    assert first <= everybody and above <= everybody
    best = {who: min(rules.distance(one, owner) for one in holders if one.account == who) for who in everybody}
    assert all(best[who] <= best[other] for who in first for other in everybody)
    assert above.isdisjoint(first) or (above == first == everybody)


def test_distance() -> None:
    owner = ("hanoi", "police", "ward")
    assert rules.distance(Holder("x", owner), owner) == 0
    assert rules.distance(Holder("x", (*owner, "post")), owner) == 0
    assert rules.distance(Holder("x", ("hanoi", "police")), owner) == 1
    assert rules.distance(Holder("x", ("hanoi",)), owner) == 2
    assert rules.distance(Holder("x", ("hanoi", "traffic")), owner) > 10
    assert rules.distance(Holder("x", None), owner) > rules.distance(Holder("x", ("hanoi", "traffic")), owner)


def test_what_the_regulation_bars() -> None:
    law = {
        Right.SEE: Rule(None, False, "4.4"),
        Right.LIVE: Rule(frozenset({"duty"}), False, "5.1"),
        Right.EXPORT: Rule(frozenset({"duty"}), True, "7.1"),
    }
    assert rules.barred(law, {Right.LIVE}, "duty", "") is None
    assert rules.barred(law, {Right.PTZ}, "duty", "1") == (Verdict.KIND, Right.PTZ)
    assert rules.barred(law, {Right.LIVE}, "planning", "1") == (Verdict.PURPOSE, Right.LIVE)
    assert rules.barred(law, {Right.EXPORT}, "duty", " ") == (Verdict.NEEDS_CASE, Right.EXPORT)
    assert rules.barred(law, {Right.EXPORT}, "duty", "VV-1") is None


@pytest.mark.parametrize(
    ("cameras", "target"),
    [
        (None, None),
        (["a"], Target(units=("00004",))),
        (None, Target(groups=("g",), units=("00004",))),
        (None, Target(units=("00004",), defence=True)),
        (None, Target(purposes=("security",))),
        ([f"{number}" for number in range(501)], None),
        (["a\x00"], None),
        (None, Target(units=("\x00",))),
    ],
)
def test_what_cannot_be_asked_for(cameras: list[str] | None, target: Target | None) -> None:
    with pytest.raises(Invalid):
        rules.checked_target(cameras, target)


def test_targets_are_told_once_each() -> None:
    assert rules.checked_target(["a", "b", "a"], None) == Target(cameras=("a", "b"))
    assert rules.checked_target(None, Target(cameras=("a",))) == Target(cameras=("a",))
    assert rules.checked_target([], Target(units=("1", "1"), fleets=())) == Target(units=("1",))


@pytest.mark.parametrize(
    "hours",
    [Hours("08:00"), Hours("8 giờ", "9 giờ"), Hours(weekdays=(0,)), Hours(weekdays=()), Hours("08:00+07:00", "09:00")],
)
def test_hours_nobody_can_keep(hours: Hours) -> None:
    with pytest.raises(Invalid):
        hours.clock()


def test_words() -> None:
    for wrong in ({"reason": ""}, {"reason": " "}, {"reason": "x" * 2001}, {"reason": "a\x00b"}):
        with pytest.raises(Invalid):
            rules.checked_words(**wrong)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_notice_is_written_in_both_languages(kind: str) -> None:
    facts = Facts("Nguyễn An", "Phường A", ("live", "playback"), "duty", "Asia/Ho_Chi_Minh")
    text = sentence(kind, facts, at=NOON, said="{không} phải chỗ trống" * 100)
    assert text.vi and text.en and text.vi != text.en
    assert len(text.vi) < 700
