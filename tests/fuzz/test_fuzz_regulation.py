"""The files of the regulation, spoilt and random: what is wrong is said, and nothing worse happens."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from regulation_checks import CHECKS, PACKAGED, SEEDS
from test_fuzz_camera import spoilt

from khue.model.regulation.reading import RegulationError, read


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_file(name: str) -> None:
    check = CHECKS[name]

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(spoilt(SEEDS[name]))
    def run(data: bytes) -> None:
        check(data)

    run()
    for data in SEEDS[name]:
        check(data)


HOSTILE = {
    "rights.toml": "rule = " + "[" * 100_000,
    "clauses.toml": '[[clause]]\nid = "1"\nvi = "x"\nen = "x"\n' * 5_000,
    "kinds.toml": ("a." * 900 + "b = 1\n") * 140,
    "cases.toml": "x = " + "9" * 100_000,
    "purposes.toml": "#" * 2_000_000,
    "retention.toml": "ceiling_days = nan\nretention = []",
    "deadlines.toml": "ceiling = 1e999",
    "break_glass.toml": "minutes = inf",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_file_is_refused_in_a_bounded_time(name: str) -> None:
    with pytest.raises(RegulationError):
        read({**PACKAGED, name: HOSTILE[name]})


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("retention.toml", "days = 90", "days = nan"),
        ("retention.toml", "ceiling_days = 365 ", "ceiling_days = nan "),
        ("break_glass.toml", "minutes = 60 ", "minutes = nan "),
        ("deadlines.toml", "remind_hours = 4", "remind_hours = nan"),
        ("deadlines.toml", "hours = 0.25", "hours = inf"),
        ("passwords.toml", "history = 3 ", "history = 99999999999999999999 "),
        ("retention.toml", "priority = 50 ", "priority = 2000000000 "),
        ("clauses.toml", 'en = "Scope and principles"', 'en = "Scope\\u0000"'),
    ],
)
def test_values_no_table_keeps_are_refused(name: str, before: str, after: str) -> None:
    assert before in PACKAGED[name]
    with pytest.raises(RegulationError):
        read({**PACKAGED, name: PACKAGED[name].replace(before, after, 1)})
