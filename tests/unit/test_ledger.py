"""Every second is recorded or has a row: recorded + gaps == expected, whatever happens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from khue.model.coverage import Gap, GapCause, Span
from khue.model.ledger import Change, StreamLedger, erase

SECOND = 1_000_000


class Rows:
    """What a table would hold after the changes."""

    def __init__(self) -> None:
        self.spans: dict[int, Span] = {}
        self.gaps: dict[int, Gap] = {}
        self.partial: dict[int, Gap] = {}

    def apply(self, changes: list[Change]) -> None:
        for change in changes:
            row = change.row
            table = self.spans if isinstance(row, Span) else self.partial if row.partial else self.gaps
            if change.drop:
                table.pop(row.start, None)
            else:
                table[row.start] = row

    def pieces(self, end: int) -> list[tuple[int, int]]:
        """Everything that is said about time, in order, open ends closed at ``end``."""
        rows = [(s.start, s.end) for s in self.spans.values()]
        rows += [(g.start, end if g.end is None else g.end) for g in self.gaps.values()]
        return sorted(rows)


def assert_whole(rows: Rows, begin: int, end: int) -> None:
    at = begin
    for start, stop in rows.pieces(end):
        assert start == at, f"hole or overlap at {at}: {rows.pieces(end)}"
        assert stop >= start
        at = stop
    assert at <= end


event = st.tuples(
    st.sampled_from(["block", "fail", "quiet", "begin"]),
    st.integers(0, 5 * SECOND),
    st.integers(1, SECOND),
    st.sampled_from(list(GapCause)),
    st.integers(0, 3),
)


@given(st.lists(event, max_size=40), st.booleans())
def test_recorded_and_gaps_make_up_what_was_expected(events, resumed) -> None:
    ledger, rows, now = StreamLedger(), Rows(), 1_000 * SECOND
    rows.apply(ledger.begin(now, GapCause.NODE, "starting"))
    begin = now
    for number, (kind, wait, length, cause, lost) in enumerate(events):
        now += wait
        if kind == "block":
            rows.apply(ledger.block(now, now + length, lost))
            now += length
        elif kind == "fail":
            rows.apply(ledger.fail(now, cause, "because"))
        elif kind == "begin":
            rows.apply(ledger.begin(now, cause, "again"))
        if resumed and number == len(events) // 2:
            old, alive = ledger, now
            now += SECOND
            ledger = StreamLedger()
            rows.apply(ledger.resume(old.span, old.gap, alive, now))
    now += 10 * SECOND
    rows.apply(ledger.end(now))
    pieces = rows.pieces(now)
    assert_whole(rows, begin, now)
    assert now - max([stop for _, stop in pieces], default=begin) <= 1.5 * SECOND
    assert all(gap.end is not None for gap in rows.gaps.values())


def test_a_gap_begins_with_the_last_byte_not_when_it_was_noticed() -> None:
    ledger = StreamLedger()
    ledger.block(0, SECOND)
    span, gap = ledger.fail(5 * SECOND, GapCause.CAMERA, "stalled")
    assert span.row == Span(0, SECOND)
    assert gap.row == Gap(SECOND, None, GapCause.CAMERA, "stalled")


def test_silence_between_blocks_is_the_cameras_gap() -> None:
    ledger, rows = StreamLedger(), Rows()
    rows.apply(ledger.block(0, SECOND))
    rows.apply(ledger.block(4 * SECOND, 5 * SECOND))
    assert rows.gaps[SECOND] == Gap(SECOND, 4 * SECOND, GapCause.CAMERA, "the camera sent nothing")


def test_lost_packets_are_a_partial_row_inside_the_span() -> None:
    ledger, rows = StreamLedger(), Rows()
    rows.apply(ledger.block(0, SECOND, lost=3))
    assert rows.partial[0] == Gap(0, SECOND, GapCause.LINK, "3 packets lost", partial=True)
    assert rows.spans[0] == Span(0, SECOND)


def test_a_crash_is_the_nodes_gap_and_what_the_camera_did_before_stays_its_own() -> None:
    ledger, rows = StreamLedger(), Rows()
    rows.apply(ledger.resume(None, Gap(SECOND, None, GapCause.CAMERA, "off"), 3 * SECOND, 9 * SECOND))
    rows.apply(ledger.block(10 * SECOND, 11 * SECOND))
    assert rows.gaps[SECOND] == Gap(SECOND, 3 * SECOND, GapCause.CAMERA, "off")
    assert rows.gaps[3 * SECOND].cause is GapCause.NODE
    assert rows.gaps[3 * SECOND].end == 10 * SECOND


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(1, 100))
def test_erasing_leaves_no_hole(a: int, b: int, start: int, length: int) -> None:
    first = Span(0, a)
    second = Span(a + 50, a + 50 + b)
    between = Gap(a, a + 50, GapCause.CAMERA, "off")
    rows = Rows()
    rows.spans = {0: first, a + 50: second} if a else {a + 50: second}
    rows.gaps = {a: between}
    # retention erases whole blocks: inside one span
    lo, hi = second.start, second.end
    start, end = min(lo + start, hi), min(lo + start + length, hi)
    rows.apply(erase([second], [], start, end, "deleted"))
    covered = sorted([*rows.spans.values(), *rows.gaps.values()], key=lambda r: (r.start, r.end or 0))
    at = 0 if a else a
    for row in covered:
        assert row.start <= at
        at = max(at, row.end or 0)
    assert at >= hi


def test_switched_off_and_on_leaves_the_policy_gap_between() -> None:
    ledger, rows = StreamLedger(), Rows()
    rows.apply(ledger.begin(5 * SECOND, GapCause.NODE, "connecting", since=0))
    rows.apply(ledger.block(6 * SECOND, 7 * SECOND))
    rows.apply(ledger.begin(7 * SECOND, GapCause.POLICY, "off", since=0))
    rows.apply(ledger.begin(9 * SECOND, GapCause.NODE, "connecting", since=0))
    rows.apply(ledger.block(10 * SECOND, 11 * SECOND))
    assert [(g.start, g.end, g.cause) for g in sorted(rows.gaps.values(), key=lambda g: g.start)] == [
        (0, 6 * SECOND, GapCause.NODE),
        (7 * SECOND, 9 * SECOND, GapCause.POLICY),
        (9 * SECOND, 10 * SECOND, GapCause.NODE),
    ]
