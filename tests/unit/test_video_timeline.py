"""Timestamps on the wall clock: true to the count, near the arrivals, never backwards."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_material import EPOCH

from khue.video.timeline import WallLine

RATE = 90000
START = EPOCH * 9 // 100  # ticks


def places(stamps: list[int], arrivals: list[int | None], rate: int = RATE) -> list[int]:
    line = WallLine(rate)
    return [line.place(s & 0xFFFFFFFF, a) for s, a in zip(stamps, arrivals, strict=True)]


@pytest.mark.parametrize("first", [0, 0xFFFFFFFF - 20000, 12345])
def test_counts_from_the_first_arrival_through_the_wrap(first: int) -> None:
    stamps = [first + 6000 * n for n in range(100)]
    assert places(stamps, [EPOCH] + [None] * 99) == [START + 6000 * n for n in range(100)]


@pytest.mark.parametrize("rate", [90000, 8000, 48000])
def test_jitter_of_the_network_does_not_move_it(rate: int) -> None:
    """Each packet up to 80 ms late, some on time: the line stays at the earliest, to a few ms a minute."""
    step = rate // 15
    jitter = [0 if n % 5 == 0 else (n * 7919) % 80_000 for n in range(900)]
    arrivals: list[int | None] = [EPOCH + n * step * 1_000_000 // rate + late for n, late in enumerate(jitter)]
    out = places([n * step for n in range(900)], arrivals, rate)
    drift = [at - (EPOCH * rate // 1_000_000 + n * step) for n, at in enumerate(out)]
    assert max(map(abs, drift)) <= 2


def test_a_late_start_is_pulled_back_and_drift_is_followed() -> None:
    """The first packet came 100 ms late, and the camera's clock is 200 ppm slow."""
    arrivals: list[int | None] = [EPOCH + round(n / 15 * 1_000_200) + (100_000 if n == 0 else 0) for n in range(9000)]
    out = places([6000 * n for n in range(9000)], arrivals)
    error = [abs(at - (arrival or 0) * 9 // 100) for at, arrival in zip(out, arrivals, strict=True)]
    assert max(error[150:]) < 180  # 2 ms
    steps = [b - a for a, b in itertools.pairwise(out)]
    assert min(steps) > 3000


@pytest.mark.parametrize("jump", [-(2**31) + 1, -1_000_000, 200_000, 2**31 - 1])
def test_a_jump_of_the_camera_is_not_believed(jump: int) -> None:
    stamps = [6000 * n + (jump if n >= 50 else 0) for n in range(100)]
    arrivals: list[int | None] = [EPOCH + n * 1_000_000 // 15 for n in range(100)]
    out = places(stamps, arrivals)
    assert all(abs(at - (START + 6000 * n)) <= 6000 for n, at in enumerate(out))


def test_a_jump_within_one_read_goes_on_from_the_last() -> None:
    out = places([0, 6000, 12000, 900_000, 906_000], [EPOCH, None, None, None, None])
    assert out == [START + 6000 * n for n in range(5)]


def test_our_clock_set_forward_is_followed_and_set_back_is_not() -> None:
    def arrivals(step: int) -> list[int | None]:
        return [EPOCH + n * 1_000_000 // 15 + (step if n >= 30 else 0) for n in range(60)]

    stamps = [6000 * n for n in range(60)]
    forward = places(stamps, arrivals(3_600_000_000))
    assert forward[30] - forward[29] == pytest.approx(3600 * RATE, abs=12000)
    back = places(stamps, arrivals(-3_600_000_000))
    assert back[59] == pytest.approx(START + 59 * 6000, abs=3 * 1800)
    assert all(b > a for a, b in itertools.pairwise(back))


def test_a_new_session_is_later_even_if_its_arrivals_are_not() -> None:
    line = WallLine(RATE)
    last = [line.place(6000 * n, EPOCH + n * 1_000_000 // 15) for n in range(10)][-1]
    line.restart()
    assert line.place(0xDEADBEEF, EPOCH - 5_000_000) > last
    line.restart()
    assert line.place(0, EPOCH + 60_000_000) == START + 60 * RATE


def test_one_read_cannot_run_away_with_time() -> None:
    stamps = [100_000 * n for n in range(100)]
    out = places(stamps, [EPOCH] + [None] * 99)
    assert max(out) == START + 10 * RATE
    assert out == sorted(out)
    line = WallLine(RATE)
    ends = [line.place(100_000 * n, EPOCH if n % 10 == 0 else None) for n in range(200)]
    assert ends[-1] <= START + (10 + 20 * 4) * RATE


def test_pictures_out_of_display_order_keep_their_places() -> None:
    stamps = [0, 18000, 6000, 12000, 36000, 24000, 30000]
    assert places(stamps, [EPOCH] + [None] * 6) == [START + s for s in stamps]


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.none() | st.integers(0, 2**53)), max_size=60))
def test_anything_is_placed(pairs: list[tuple[int, int | None]]) -> None:
    line = WallLine(8000)
    for stamp, arrival in pairs:
        assert isinstance(line.place(stamp, arrival), int)
