"""What a grant says: what makes sense, what is told, and what a fleet of whole integers reaches."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.centre.access.refusals import Text
from khue.centre.access.rules import Right
from khue.centre.errors import Invalid
from khue.centre.grants.effects import Fleet
from khue.centre.grants.refusing import Withheld, in_words
from khue.centre.grants.terms import GrantIn, Hours, Target, columns_of, hours_of
from khue.centre.problems import problem_of
from khue.model.errors import Denied

_NOW = dt.datetime.now(dt.UTC)


def _wish(**more: Any) -> GrantIn:
    return GrantIn(**{"post": "p", "rights": [Right.LIVE], "basis": "QĐ 1", **more})


def test_see_comes_with_what_needs_it() -> None:
    assert columns_of(_wish())["rights"] == ["live", "see"]
    assert columns_of(_wish(rights=[Right.AUDIT]))["rights"] == ["audit"]


@pytest.mark.parametrize(
    "wrong",
    (
        {"rights": []},
        {"post": None},
        {"agency": "a"},
        {"basis": "  "},
        {"passes": 8},
        {"passes": -1},
        {"valid_to": _NOW - dt.timedelta(hours=1)},
        {"valid_from": _NOW + dt.timedelta(days=2), "valid_to": _NOW + dt.timedelta(days=1)},
        {"target": Target(units=[])},
        {"target": Target(cameras=["c"] * 5001)},
        {"target": Target(purposes=["espionage"])},
        {"purposes": []},
        {"hours": Hours("22:00", None)},
        {"hours": Hours("22:00", "22:00")},
        {"hours": Hours("late", "06:00")},
        {"hours": Hours(weekdays=[0])},
        {"hours": Hours(weekdays=[])},
    ),
)
def test_what_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        columns_of(_wish(**wrong))


def test_hours_are_told_as_they_were_said() -> None:
    columns = columns_of(_wish(hours=Hours("22:00", "06:30", [5, 1, 5])))
    row = {name: columns[name] for name in ("hours_from", "hours_to", "weekdays")}
    row |= {name: dt.time.fromisoformat(row[name]) for name in ("hours_from", "hours_to")}
    assert hours_of(row) == Hours("22:00", "06:30", [1, 5])
    assert hours_of({"hours_from": None, "hours_to": None, "weekdays": None}) is None


def test_the_database_s_word_becomes_a_sentence_in_both_languages() -> None:
    said = in_words(Denied("grant_hours: wider than the grant it is derived from: weekdays"))
    assert isinstance(said, Withheld) and isinstance(said.text, Text)
    status, problem = problem_of(said)
    assert (status, problem.code, problem.text) == (403, "denied", said.text)
    other = Denied("something else: entirely")
    assert in_words(other) is other


_UNITS, _AGENCIES, _PURPOSES = ("u", "v", None), ("top", "mid", "low", "other", None), ("security", "defence", None)
_PATHS = {"top": "top", "mid": "top.mid", "low": "top.mid.low", "other": "other"}
_cameras = st.lists(
    st.tuples(*map(st.sampled_from, (_UNITS, _AGENCIES, _AGENCIES, _PURPOSES))), min_size=1, max_size=20
)


def _some(values: tuple[str | None, ...]) -> Any:
    return st.none() | st.lists(st.sampled_from([value for value in values if value]), min_size=1, max_size=3)


@given(_cameras, _some(_UNITS), _some(_AGENCIES), _some(_PURPOSES), _some(("g", "h")), st.booleans(), st.booleans())
def test_a_fleet_of_integers_reaches_what_the_conditions_say(
    facts: list[tuple[Any, ...]], units: Any, fleets: Any, purposes: Any, groups: Any, defence: bool, named: bool
) -> None:
    rows = [
        dict(zip(("number", "id", "unit", "owner", "manager", "purpose"), (n, f"c{n}", *fact), strict=True))
        for n, fact in enumerate(facts, 3)
    ]
    members = [{"camera_group": "g", "cameras": [row["id"] for row in rows[::2]]}]
    cameras = [row["id"] for row in rows[::3]] if named else None
    grant = {"units": units, "fleets": fleets, "camera_purposes": purposes, "groups": groups, "cameras": cameras}
    found = Fleet(rows, members, _PATHS).reach({**grant, "defence": defence})

    def covered(row: dict[str, Any]) -> bool:
        above = {up for held in (row["owner"], row["manager"]) if held for up in _PATHS[held].split(".")}
        return (
            (defence or row["purpose"] != "defence")
            and (units is None or row["unit"] in units)
            and (fleets is None or bool(above & {*fleets}))
            and (purposes is None or row["purpose"] in purposes)
            and (cameras is None or row["id"] in cameras)
            and all(group == "g" and row["id"] in members[0]["cameras"] for group in groups or ())
        )

    assert found == sum(1 << row["number"] for row in rows if covered(row))
