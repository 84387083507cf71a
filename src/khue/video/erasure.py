"""Taking blocks out of the index: chain and coverage must say that they are gone, and why. Index only; files are others' work."""

from __future__ import annotations

from collections.abc import Iterable

from khue.model.coverage import GapCause
from khue.model.ledger import SILENCE, erase
from khue.model.time import Micros
from khue.video.index import BlockRow, Index


def forget(index: Index, rows: Iterable[BlockRow], now: Micros, reason: str, cause: GapCause) -> None:
    """Within a transaction. ``rows`` come stream by stream, in order; runs of neighbours become one gap."""
    names = {row.id: row for row in index.streams()}
    runs: list[list[BlockRow]] = []
    for row in rows:
        before = runs[-1][-1] if runs else None
        if before and (before.stream, before.sequence) == (row.stream, row.sequence - 1):
            runs[-1].append(row)
        else:
            runs.append([row])
    for run in runs:
        first, last = run[0], run[-1]
        stream = names[first.stream]
        index.record_deletion(stream.id, first.sequence, last.sequence, now, reason)
        # Between the last arrival of one block and the first of the next nothing was missing: that goes along.
        kept = index.block_before(stream.id, first.first)
        start = max(kept.last if kept else 0, first.first - SILENCE)
        spans, gaps = index.coverage(stream.id, start, last.last + 1)
        changes = erase(spans, gaps, start, last.last, reason, cause=cause)
        index.apply(stream.id, stream.camera, stream.name, changes)
        index.forget_blocks(run)
