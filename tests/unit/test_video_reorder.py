"""Packets in order again, and what is missing known as such."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.video.reorder import HELD_AT_MOST, HELD_FOR, ReorderBuffer


def push(buffer: ReorderBuffer[int], sequences: Iterable[int]) -> list[tuple[int, bool]]:
    """Push as `Remuxer.feed` does: what is expected goes past the buffer."""
    out = []
    for sequence in sequences:
        if sequence & 0xFFFF == buffer.expected:
            buffer.expected = (sequence + 1) & 0xFFFF
            out.append((sequence, False))
        else:
            out += buffer.push(sequence & 0xFFFF, sequence)
    return out


def whole(sequences: Iterable[int]) -> list[tuple[int, bool]]:
    return [(sequence, False) for sequence in sequences]


@pytest.mark.parametrize("start", [0, 1, 32767, 65530])
def test_in_order_through_the_wrap(start: int) -> None:
    buffer: ReorderBuffer[int] = ReorderBuffer()
    assert push(buffer, range(start, start + 70000)) == whole(range(start, start + 70000))


@pytest.mark.parametrize("start", [0, 65530])
def test_swapped_and_doubled(start: int) -> None:
    buffer: ReorderBuffer[int] = ReorderBuffer()
    order = [0, 2, 1, 1, 3, 6, 5, 4, 4, 2, 7, 8, 11, 10, 9, 12]
    assert push(buffer, [start + n for n in order]) == whole(range(start, start + 13))
    assert buffer.expected == (start + 13) & 0xFFFF


def test_a_missing_one_is_waited_for_a_while() -> None:
    buffer: ReorderBuffer[int] = ReorderBuffer()
    assert push(buffer, [0, 1]) == whole([0, 1])
    assert push(buffer, range(3, 3 + HELD_AT_MOST)) == []
    assert push(buffer, [3 + HELD_AT_MOST]) == [(3, True), *whole(range(4, 4 + HELD_AT_MOST))]
    assert push(buffer, [2, 4 + HELD_AT_MOST]) == whole([4 + HELD_AT_MOST])


@pytest.mark.parametrize("later", [HELD_FOR + 1, -HELD_FOR - 1])
def test_time_ends_the_wait_also_when_it_is_set_back(later: int) -> None:
    buffer: ReorderBuffer[int] = ReorderBuffer()
    push(buffer, [0, 2, 3, 5])
    assert list(buffer.overdue(1000)) == []
    assert list(buffer.overdue(1000 + HELD_FOR)) == []
    assert list(buffer.overdue(1000 + later)) == [(2, True), (3, False), (5, True)]
    assert push(buffer, [6]) == whole([6])


def test_the_wait_begins_with_the_read_after_the_gap() -> None:
    """A read may be a whole second long: what is missing at its end has all of the next one to come."""
    buffer: ReorderBuffer[int] = ReorderBuffer()
    push(buffer, [0, 2])
    assert list(buffer.overdue(10 * HELD_FOR)) == []
    assert push(buffer, [1, 4]) == whole([1, 2])
    assert list(buffer.overdue(20 * HELD_FOR)) == []
    assert push(buffer, [3]) == whole([3, 4])


def test_a_source_that_starts_anew_and_one_stray_packet() -> None:
    buffer: ReorderBuffer[int] = ReorderBuffer()
    assert push(buffer, [10, 11, 30000, 12, 40000, 13]) == whole([10, 11, 12, 13])
    assert push(buffer, [50000, 50001, 50002]) == [(50000, True), (50001, False), (50002, False)]
    assert push(buffer, [9, 10]) == [(9, True), (10, False)]


def test_flush_gives_the_rest() -> None:
    buffer: ReorderBuffer[int] = ReorderBuffer()
    push(buffer, [65534, 1, 3])
    assert list(buffer.flush()) == [(1, True), (3, True)]
    assert push(buffer, [4]) == whole([4])


@given(st.integers(0, 65535), st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=200))
def test_any_loss_and_any_short_delay(start: int, fates: list[tuple[bool, int]]) -> None:
    """Each packet is lost or late by up to three places: the rest comes in order, and every gap is told exactly."""
    kept = [start + n for n, (lost, _) in enumerate(fates) if not lost]
    late = sorted(kept, key=lambda sequence: sequence + 1.5 * fates[sequence - start][1])
    buffer: ReorderBuffer[int] = ReorderBuffer()
    out = [*push(buffer, late), *buffer.flush()]
    first = late[0] if late else start
    expected = [sequence for sequence in kept if sequence >= first]
    assert [sequence for sequence, _ in out] == expected
    assert [lost for _, lost in out] == [n > 0 and expected[n - 1] != s - 1 for n, s in enumerate(expected)]


@given(st.lists(st.integers(0, 65535), max_size=300))
def test_any_numbers_at_all(sequences: list[int]) -> None:
    buffer: ReorderBuffer[int] = ReorderBuffer()
    out = push(buffer, sequences) + list(buffer.flush())
    assert len(out) <= len(sequences)
    assert len(buffer._held) == 0
