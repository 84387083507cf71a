"""Which node to read what from, and one coverage out of several nodes' answers. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import msgspec

from khue.model.coverage import Gap, GapCause, Span
from khue.model.time import Micros


class Holding(msgspec.Struct, frozen=True):
    """A node recorded [start, end) of a stream."""

    node: str
    start: Micros
    end: Micros


class Piece(msgspec.Struct, frozen=True):
    """Read [start, end) from ``node``; None: only nodes that are away have it."""

    node: str | None
    start: Micros
    end: Micros


class Answer(msgspec.Struct, frozen=True):
    """What one node, or the centre's tables for it, says of a period."""

    node: str
    spans: tuple[Span, ...] = ()
    gaps: tuple[Gap, ...] = ()


def plan(
    start: Micros, end: Micros, holdings: Iterable[Holding], present: str | None, alive: frozenset[str]
) -> list[Piece]:
    """Pieces in order, without overlap, of everything in [start, end) that may be recorded.

    What no node is known to hold is asked of the present one: it knows of the last seconds before the centre does. Live
    nodes go before others, and the node of the piece before goes before the rest.
    """
    relevant = sorted(
        (holding for holding in holdings if holding.start < end and holding.end > start),
        key=lambda holding: holding.start,
        reverse=True,
    )
    edges = sorted(
        {start, end} | {edge for holding in relevant for edge in (holding.start, holding.end) if start < edge < end}
    )
    pieces: list[Piece] = []
    last = present
    open_now: list[Holding] = []
    for left, right in itertools.pairwise(edges):
        while relevant and relevant[-1].start <= left:
            open_now.append(relevant.pop())
        open_now = [holding for holding in open_now if holding.end >= right]
        having = {holding.node for holding in open_now}
        if having:
            live = sorted(having & alive)
            node = last if last in live else (live[0] if live else None)
        elif present in alive:
            node = present
        else:
            continue
        if pieces and pieces[-1].node == node and (pieces[-1].end == left or node is not None):
            pieces[-1] = Piece(node, pieces[-1].start, right)
        else:
            pieces.append(Piece(node, left, right))
        last = node or last
    return pieces


def merge(answers: Sequence[Answer], start: Micros, end: Micros, expected: Micros, now: Micros) -> Answer:
    """One line of spans and gaps over [start, end): what any node recorded is recorded.

    A gap one node has while another recorded is none. What should have been recorded since ``expected`` and nobody speaks
    of becomes a gap with the cause node. Earlier answers' words go before later ones'. Partial gaps stay as they are.
    """
    spans = union(span for answer in answers for span in answer.spans)
    spans = [
        Span(max(span.start, start), min(span.end, end)) for span in spans if span.start < end and span.end > start
    ]
    covered = list(spans)
    gaps: list[Gap] = []
    for answer in answers:
        for gap in sorted((gap for gap in answer.gaps if not gap.partial), key=lambda gap: gap.start):
            for left, right in subtract(max(gap.start, start), min(gap.end or now, end, now), covered):
                open_end = gap.end is None and right == now
                gaps.append(Gap(left, None if open_end else right, gap.cause, gap.detail))
                covered = union([*covered, Span(left, right)])
    for left, right in subtract(max(start, expected), min(end, now), covered):
        gaps.append(Gap(left, None if right == now else right, GapCause.NODE, "no node has said anything of this time"))
    partial = {
        (gap.start, gap.end): gap
        for answer in answers
        for gap in answer.gaps
        if gap.partial and gap.start < end and (gap.end or now) > start
    }
    ordered = sorted([*gaps, *partial.values()], key=lambda gap: (gap.start, gap.partial))
    return Answer("", tuple(spans), tuple(ordered))


def union(spans: Iterable[Span]) -> list[Span]:
    """Sorted, without overlap; what touches is joined."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if span.end <= span.start:
            continue
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def subtract(start: Micros, end: Micros, covered: Iterable[Span]) -> list[tuple[Micros, Micros]]:
    """The parts of [start, end) that ``covered`` (sorted, without overlap) leaves free."""
    free = []
    for span in covered:
        if span.end <= start:
            continue
        if span.start >= end:
            break
        if span.start > start:
            free.append((start, span.start))
        start = max(start, span.end)
    if start < end:
        free.append((start, end))
    return free
