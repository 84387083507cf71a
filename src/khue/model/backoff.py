"""How long to wait before trying again: exponential with full jitter, so that a thousand cameras do not return at once."""

from __future__ import annotations

import random


class Backoff:
    """Seconds to wait after each failure in a row. ``least`` is the share of the wait that is not left to chance."""

    def __init__(self, base_s: float, cap_s: float, chance: random.Random, *, least: float = 0.0) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._least = least
        self._chance = chance
        self._failures = 0

    def next(self) -> float:
        """Uniform up to min(cap, base * 2^failures), but never a busy loop."""
        ceiling = min(self._cap_s, self._base_s * 2 ** min(self._failures, 16))
        self._failures += 1
        return max(0.05, self._chance.uniform(self._least * ceiling, ceiling))

    def reset(self) -> None:
        self._failures = 0
