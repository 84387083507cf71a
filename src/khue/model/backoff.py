"""How long to wait before trying again: exponential with full jitter, so that a thousand cameras do not return at once."""

from __future__ import annotations

import random


class Backoff:
    """Seconds to wait after each failure in a row."""

    def __init__(self, base_s: float, cap_s: float, chance: random.Random, *, least_s: float = 0.05) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._least_s = least_s
        self._chance = chance
        self._failures = 0

    def next(self) -> float:
        """Uniform between 0 and min(cap, base * 2^failures), but never less than ``least_s``."""
        ceiling = min(self._cap_s, self._base_s * 2 ** min(self._failures, 16))
        self._failures += 1
        return max(self._least_s, self._chance.uniform(0, ceiling))

    def reset(self) -> None:
        self._failures = 0
