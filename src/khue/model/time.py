"""Time is an argument. Wall-clock instants are aware UTC datetimes at the rim and integer microseconds since 1970 inside."""

from __future__ import annotations

import datetime as dt
import time
from typing import Protocol

Micros = int  # microseconds since 1970-01-01T00:00:00Z

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class Clock(Protocol):
    """What a part that needs time is given."""

    def now(self) -> Micros:
        """The wall clock, microseconds since 1970 UTC. May step."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step; for durations and time-outs."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Micros:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


def to_micros(moment: dt.datetime) -> Micros:
    """An aware datetime as microseconds. Naive datetimes are refused: nobody knows what they mean."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone was given; write it with an offset, e.g. 2026-01-31T08:00:00+07:00")
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(moment: Micros) -> dt.datetime:
    """Microseconds as an aware UTC datetime."""
    return _EPOCH + dt.timedelta(microseconds=moment)
