"""The gap ledger: from what happened to a stream, what is recorded and why the rest is not. Pure.

For one stream, time from `begin` on is cut into recorded spans and gaps without overlap and without hole;
`partial` gaps lie inside spans and do not count. Instants must not decrease (the node's clock sees to it).
"""

from __future__ import annotations

from collections.abc import Sequence

from khue.model.coverage import Gap, GapCause, Span
from khue.model.time import Micros

SILENCE: Micros = 1_500_000
"""Blocks further apart than this are a gap. Above one second, so that a camera at one picture a second is not one."""


_SILENT = (GapCause.CAMERA, "the camera sent nothing")


class Change:
    """What to store: a span or gap to put (its start identifies it), or a gap to drop."""

    __slots__ = ("drop", "row")

    def __init__(self, row: Span | Gap, *, drop: bool = False) -> None:
        self.row = row
        self.drop = drop

    def __repr__(self) -> str:
        return f"Change({self.row!r}, drop={self.drop})"


class StreamLedger:
    """The state of one stream's ledger: a span that grows, or a gap that lasts, or nothing expected."""

    def __init__(self) -> None:
        self.span: Span | None = None
        self.gap: Gap | None = None
        self.until: Micros = 0  # where what was said before the present span or gap ends

    def begin(self, at: Micros, cause: GapCause, detail: str, *, since: Micros | None = None) -> list[Change]:
        """Recording begins ``at``, where nothing was expected yet or something was; until the first block it is a gap.

        ``since``, not later, is from when a stream was expected that nothing has been said of so far.
        """
        if self.span or self.gap:
            return self.fail(at, cause, detail)
        self.gap = Gap(max(at if since is None else min(at, since), self.until), None, cause, detail)
        return [Change(self.gap)]

    def resume(self, span: Span | None, gap: Gap | None, alive: Micros, at: Micros) -> list[Change]:
        """Take up after the process ended: it was alive until about ``alive`` and is again from ``at``."""
        detail = "the recorder was not running"
        if gap is not None:
            self.gap = gap
            return self.fail(max(alive, gap.start), GapCause.NODE, detail)
        if span is not None:
            self.span = span
            return self.fail(at, GapCause.NODE, detail)
        return self.begin(at, GapCause.NODE, "starting")

    def block(
        self, first: Micros, last: Micros, lost: int = 0, *, silence: tuple[GapCause, str] = _SILENT
    ) -> list[Change]:
        """A block was written that arrived over [first, last]; ``silence`` is why there was none just before it."""
        changes: list[Change] = []
        if self.span and first - self.span.end > SILENCE:
            changes += self.fail(first, *silence)
        before = self.span.end if self.span else first  # packets may have been lost since
        if self.gap:
            start = max(first, self.gap.start)
            changes += self._close_gap(start)
            self.span = Span(start, max(start, last))
        elif self.span:
            self.span = Span(self.span.start, max(self.span.end, last))
        else:
            self.span = Span(first, last)
        changes.append(Change(self.span))
        if lost:
            changes.append(Change(Gap(before, last, GapCause.LINK, f"{lost} packets lost", partial=True)))
        return changes

    def fail(self, at: Micros, cause: GapCause, detail: str) -> list[Change]:
        """From now on nothing arrives, because of ``cause``. What came last ends the span, not the moment it was noticed."""
        changes: list[Change] = []
        start = at
        if self.span:
            start = self.span.end
            changes.append(Change(self.span))  # its last state, for whoever stores a growing span now and then only
            self.span = None
        elif self.gap:
            if self.gap.cause == cause:
                return []
            start = max(at, self.gap.start)
            changes += self._close_gap(start)
        else:
            return []
        self.gap = Gap(start, None, cause, detail)
        return [*changes, Change(self.gap)]

    def end(self, at: Micros) -> list[Change]:
        """Nothing is expected any more from ``at`` on."""
        changes: list[Change] = []
        if self.span and at - self.span.end > SILENCE:
            changes += self.fail(at, *_SILENT)
        self.until = self.span.end if self.span else self.until
        if self.gap:
            self.until = max(at, self.gap.start)
            changes += self._close_gap(self.until)
        if self.span:
            changes.append(Change(self.span))
            self.span = None
        return changes

    def _close_gap(self, at: Micros) -> list[Change]:
        gap, self.gap = self.gap, None
        if gap is None:
            return []
        if at <= gap.start:
            return [Change(gap, drop=True)]
        return [Change(Gap(gap.start, at, gap.cause, gap.detail))]


def erase(
    spans: Sequence[Span],
    gaps: Sequence[Gap],
    start: Micros,
    end: Micros,
    detail: str,
    *,
    cause: GapCause = GapCause.POLICY,
) -> list[Change]:
    """The recording over [start, end] is gone: cut it out of the spans it lies in and put a gap where it was.

    What was a gap before stays that gap. ``gaps`` are those that touch [start, end]; one with the same words that ends
    where the new one begins just grows.
    """
    changes: list[Change] = []
    for span in spans:
        first, last = max(span.start, start), min(span.end, end)
        if first > last or (first == last and span.start < span.end):
            continue
        changes.append(Change(span, drop=True))
        if span.start < first:
            changes.append(Change(Span(span.start, first)))
        if span.end > last:
            changes.append(Change(Span(last, span.end)))
        if first < last:
            same = (g.start for g in gaps if g.end == first and g.detail == detail and not g.partial)
            changes.append(Change(Gap(next(same, first), last, cause, detail)))
    changes += [Change(gap, drop=True) for gap in gaps if gap.partial and start <= gap.start <= end]
    return changes
