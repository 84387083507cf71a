"""The node's clock: follows the wall clock, never goes back. See design/02-time-and-clocks.md."""

from __future__ import annotations

from khue.model.time import Clock, Micros

STEP: Micros = 1_000_000
"""A difference larger than this between wall clock and elapsed time is a step, not drift."""


class SteadyClock:
    """A wall clock that only moves forward.

    Small corrections of the wall clock (NTP slewing) are taken over. A step forward is followed at once: the ledger shows the
    hole it tears. After a step back this clock runs at half speed until the wall clock has caught up, so that no two
    recorded instants change their order; `ahead` says by how much it is still ahead. ``not_before`` is the latest instant
    that was recorded before a restart, for the same reason.
    """

    def __init__(self, source: Clock, *, not_before: Micros = 0) -> None:
        self._source = source
        self._shown = source.now()
        self._elapsed = source.monotonic()
        self.ahead: Micros = max(0, not_before - self._shown)
        self._shown += self.ahead

    def now(self) -> Micros:
        wall, elapsed = self._source.now(), self._source.monotonic()
        passed = int((elapsed - self._elapsed) * 1_000_000)
        self._elapsed = elapsed
        expected = self._shown + passed
        if wall >= expected:
            self._shown = wall
            self.ahead = 0
        elif expected - wall > STEP or self.ahead:
            self._shown = max(self._shown + passed // 2, wall)
            self.ahead = self._shown - wall
        else:
            self._shown = max(self._shown, wall)
        return self._shown

    def monotonic(self) -> float:
        return self._source.monotonic()
