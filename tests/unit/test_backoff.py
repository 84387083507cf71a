"""Waiting before another try: spread out, growing, bounded; a refused camera is left alone for long."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from khue.model.backoff import Backoff
from khue.node.stream_task import REFUSED_RETRY_S, RETRY_S


@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_waits_stay_within_their_bounds(chance: random.Random, failures: int) -> None:
    waits = Backoff(*RETRY_S, chance)
    for failure in range(failures):
        assert 0.05 <= waits.next() <= max(0.05, min(RETRY_S[1], RETRY_S[0] * 2**failure))
    waits.reset()
    assert waits.next() <= RETRY_S[0]


@given(st.randoms(use_true_random=False))
def test_a_refused_camera_is_tried_a_few_times_a_minute_at_most(chance: random.Random) -> None:
    waits = Backoff(*REFUSED_RETRY_S, chance, least=0.5)
    at, tries = 0.0, 1
    while (at := at + waits.next()) < 60:
        tries += 1
    assert tries <= 4
    late = [waits.next() for _ in range(20)][-1]
    assert REFUSED_RETRY_S[1] / 2 <= late <= REFUSED_RETRY_S[1]


def test_a_thousand_cameras_do_not_return_at_once() -> None:
    first = [Backoff(*RETRY_S, random.Random(seed)).next() for seed in range(1000)]
    busiest = max(sum(start <= wait < start + 0.1 for wait in first) for start in (0.0, 0.1, 0.2, 0.3, 0.4))
    assert busiest < 350
