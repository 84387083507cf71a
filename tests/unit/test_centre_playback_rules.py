"""Reading from several nodes, and one coverage out of what they say: recorded + gaps == expected."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from khue.centre.playback.rules import Answer, Holding, Piece, merge, plan, subtract, union
from khue.model.coverage import Gap, GapCause, Span

END = 60
moments = st.integers(-5, END + 5)
spans = st.builds(lambda a, b: Span(min(a, b), max(a, b) + 1), moments, moments)
gaps = st.builds(
    lambda span, cause, is_open, partial: Gap(
        span.start, None if is_open and not partial else span.end, cause, "", partial
    ),
    spans,
    st.sampled_from(GapCause),
    st.booleans(),
    st.booleans(),
)
answers = st.lists(
    st.builds(
        lambda node, s, g: Answer(node, tuple(s), tuple(g)),
        st.sampled_from("ab"),
        st.lists(spans, max_size=4),
        st.lists(gaps, max_size=4),
    ),
    max_size=3,
)
holdings = st.lists(
    st.builds(lambda node, span: Holding(node, span.start, span.end), st.sampled_from("abc"), spans), max_size=8
)
nodes = st.frozensets(st.sampled_from("abc"))


@given(holdings, st.sampled_from(["a", "b", "c", None]), nodes)
def test_a_plan_is_in_order_and_asks_who_has_it(
    held: list[Holding], present: str | None, alive: frozenset[str]
) -> None:
    pieces = plan(0, END, held, present, alive)
    assert all(0 <= piece.start < piece.end <= END for piece in pieces)
    assert all(before.end <= after.start for before, after in itertools.pairwise(pieces))
    for moment in range(END):
        having = {h.node for h in held if h.start <= moment < h.end}
        piece = next((p for p in pieces if p.start <= moment < p.end), None)
        if having & alive:
            assert piece is not None
            assert piece.node in having & alive
        elif having:
            assert piece is None or piece.node is None or piece.node in alive
        elif present in alive:
            assert piece is not None


def test_one_node_is_one_read() -> None:
    held = [Holding("a", 0, 10), Holding("a", 20, 30)]
    assert plan(0, 40, held, "a", frozenset("a")) == [Piece("a", 0, 40)]


def test_a_reader_does_not_change_nodes_without_need() -> None:
    held = [Holding("a", 0, 20), Holding("b", 10, 40)]
    assert plan(0, 40, held, "b", frozenset("ab")) == [Piece("a", 0, 10), Piece("b", 10, 40)] or plan(
        0, 40, held, "b", frozenset("ab")
    ) == [Piece("a", 0, 20), Piece("b", 20, 40)]
    assert plan(0, 40, held, "b", frozenset("b")) == [Piece(None, 0, 10), Piece("b", 10, 40)]
    assert plan(0, 40, [], None, frozenset()) == []


@given(answers, st.integers(-5, END + 5), st.integers(1, END + 20))
def test_recorded_and_gaps_are_what_was_expected(told: list[Answer], expected: int, now: int) -> None:
    merged = merge(told, 0, END, expected, now)
    recorded = {m for m in range(END) if any(s.start <= m < s.end for a in told for s in a.spans)}
    shown = {m for span in merged.spans for m in range(span.start, span.end)}
    assert shown == recorded
    missing = [gap for gap in merged.gaps if not gap.partial]
    open_ended = [gap for gap in missing if gap.end is None]
    assert len(open_ended) <= 1
    counted = [m for gap in missing for m in range(gap.start, now if gap.end is None else gap.end)]
    assert len(counted) == len(set(counted))  # no second is missing twice
    assert not set(counted) & shown
    due = set(range(max(0, expected), min(END, now)))
    assert due <= shown | set(counted)


@given(answers)
def test_losses_inside_spans_are_all_told(told: list[Answer]) -> None:
    merged = merge(told, 0, END, END, END)
    partial = {(g.start, g.end) for a in told for g in a.gaps if g.partial and g.start < END and (g.end or END) > 0}
    assert {(gap.start, gap.end) for gap in merged.gaps if gap.partial} == partial


def test_the_first_answers_words_count() -> None:
    told = [
        Answer("now", (Span(20, 30),), (Gap(10, 20, GapCause.CAMERA, "refused"),)),
        Answer("before", (Span(0, 5),), (Gap(5, 15, GapCause.LINK, "cut"), Gap(30, None, GapCause.NODE, "off"))),
    ]
    assert merge(told, 0, 50, 0, 40).gaps == (
        Gap(5, 10, GapCause.LINK, "cut"),
        Gap(10, 20, GapCause.CAMERA, "refused"),
        Gap(30, None, GapCause.NODE, "off"),
    )


@given(st.lists(spans, max_size=6))
def test_union_and_subtract_share_the_line_between_them(parts: list[Span]) -> None:
    joined = union(parts)
    assert all(before.end < after.start for before, after in itertools.pairwise(joined))
    free = {m for left, right in subtract(0, END, joined) for m in range(left, right)}
    covered = {m for m in range(END) if any(s.start <= m < s.end for s in parts)}
    assert free | covered == set(range(END))
    assert not free & covered
