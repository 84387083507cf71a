"""The node's clock: never back, at once forward, and level with the wall clock again when it was set back."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from khue.model.clock import STEP, SteadyClock

SECOND = 1_000_000
START = 1_700_000_000 * SECOND


class Machine:
    """The machine's clocks: time passes, and somebody sets the wall clock."""

    def __init__(self) -> None:
        self.wall = START
        self.elapsed = 100.0

    def now(self) -> int:
        return self.wall

    def monotonic(self) -> float:
        return self.elapsed

    def pass_by(self, micros: int) -> None:
        self.wall += micros
        self.elapsed += micros / SECOND

    def step(self, micros: int) -> None:
        self.wall += micros


passing = st.integers(0, 5 * SECOND)
stepping = st.one_of(st.just(0), st.integers(-SECOND // 2, SECOND // 2), st.integers(-7200 * SECOND, 7200 * SECOND))


@example([(2_000_003, -1_000_001)])
@given(st.lists(st.tuples(passing, stepping), max_size=60))
def test_it_never_goes_back_and_always_catches_up(events: list[tuple[int, int]]) -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    shown = clock.now()
    for passed, step in events:
        machine.pass_by(passed)
        machine.step(step)
        before, shown = shown, clock.now()
        assert shown >= before
        assert shown >= machine.wall, "what the wall clock says has happened has happened"
        assert shown - machine.wall <= max(STEP, clock.ahead)
    behind = shown - machine.wall
    for _ in range(100):
        machine.pass_by(2 * behind // 90 + SECOND)
        clock.now()
    assert clock.now() == machine.wall
    assert clock.ahead == 0


def test_a_step_forward_is_followed_at_once() -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    machine.step(3600 * SECOND)
    assert clock.now() == START + 3600 * SECOND


def test_after_a_step_back_it_runs_at_half_speed() -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    machine.step(-10 * SECOND)
    machine.pass_by(4 * SECOND)
    assert clock.now() == START + 2 * SECOND
    assert clock.ahead == 8 * SECOND
    machine.pass_by(16 * SECOND)
    assert clock.now() == START + 10 * SECOND == machine.wall
    assert clock.ahead == 0


def test_small_corrections_are_taken_over_without_alarm() -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    for _ in range(100):
        machine.pass_by(SECOND)
        machine.step(-500)  # the wall clock is slewed back by 500 ppm
        before = clock.now()
        assert clock.ahead == 0
        assert before - machine.wall <= STEP
    machine.pass_by(SECOND)
    assert clock.now() == machine.wall


@pytest.mark.parametrize("late_s", [0, 3600])
def test_it_begins_behind_what_was_recorded_before_a_restart(late_s: int) -> None:
    machine = Machine()
    clock = SteadyClock(machine, not_before=START + late_s * SECOND)
    assert clock.now() == START + late_s * SECOND
    assert clock.ahead == late_s * SECOND
