"""When was it? RTP timestamps on the wall clock of whoever received them; the camera's own clock is never believed.

A timestamp is placed by the arrival of the first packet, then by counting. Arrivals correct the count: a picture cannot
arrive before it was taken, so an early arrival pulls the line back quickly; a late one may be the network's fault and
pushes it on slowly, just faster than clocks drift.
"""

from __future__ import annotations

from khue.model.time import Micros

FARTHEST_S = 2.0  # between line and arrival; beyond, the camera's timestamps or our clock jumped
BACK_S = 0.5  # pictures sent out of display order (B-frames) step back less than this
PULL_BACK = 50  # a 50th of the time that passed: too little to be seen, a second is made good in a minute
PUSH_ON = 2000  # a 2000th: 500 ppm
AT_ONCE_S = 10.0  # of media in one read; what claims to be later stands still until the next read


class WallLine:
    """Maps 32-bit RTP timestamps of one source to ticks of its clock since 1970. Raises nothing, whatever comes."""

    def __init__(self, clock_rate: int, *, slew: bool = True) -> None:
        """``slew`` False: once placed, only the timestamps count, so that a clip moves as evenly as the camera took it."""
        self.rate = clock_rate
        self._slew = slew
        self._farthest = round(FARTHEST_S * clock_rate)
        self._back = round(BACK_S * clock_rate)
        self._at_once = round(AT_ONCE_S * clock_rate)
        self._count = 0  # timestamps without their wrap at 2**32
        self._offset = 0  # ticks since 1970 minus count
        self._corrected = 0  # count at the last correction
        self._earliest = self._farthest  # least delay since then
        self._interval = clock_rate // 25  # between the last two
        self._limit = 0
        self._anchored = False

    def restart(self) -> None:
        """What comes next has nothing to do with what came before, except that it is later."""
        self._anchored = False

    def place(self, timestamp: int, arrival: Micros | None) -> int:
        """Ticks since 1970 UTC. ``arrival`` is None where only the count is known: inside what was read at once."""
        step = ((timestamp - self._count + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        here = None if arrival is None else arrival * self.rate // 1_000_000
        if not self._anchored or not -self._back <= step <= self._farthest:
            self._anchor(timestamp, here)
        else:
            self._count += step
            if step > 0:
                self._interval = step
            if here is not None:
                self._correct(here)
        at = self._count + self._offset
        if here is not None:
            self._limit = max(here + self._at_once, at + self._farthest)
        elif at > self._limit:
            self._offset += self._limit - at
        return self._count + self._offset

    def _anchor(self, timestamp: int, here: int | None) -> None:
        """Start counting anew: at the arrival, but always after what was placed before."""
        follows = self._count + self._offset + self._interval
        at = follows if here is None else max(here, follows)
        self._anchored = True
        self._count = self._corrected = timestamp
        self._offset = at - timestamp
        self._earliest = self._farthest

    def _correct(self, here: int) -> None:
        """Once a second of media, by the packet that was least delayed."""
        late = here - (self._count + self._offset)
        if late > self._farthest:
            self._offset += late
            self._corrected = self._count
        if not self._slew:
            return
        self._earliest = min(self._earliest, late)
        passed = self._count - self._corrected
        if passed < self.rate:
            return
        if self._earliest > 0:
            self._offset += min(self._earliest, passed // PUSH_ON)
        else:
            self._offset -= min(-self._earliest, passed // PULL_BACK, self._interval // 2)
        self._corrected = self._count
        self._earliest = self._farthest
