"""Days in the registry are days in Hanoi."""

from __future__ import annotations

import datetime as dt

HANOI = dt.timezone(dt.timedelta(hours=7))  # without summer time since 1975


def today() -> dt.date:
    return day_of(dt.datetime.now(dt.UTC))


def day_of(at: dt.datetime) -> dt.date:
    return at.astimezone(HANOI).date()


def start_of(day: dt.date) -> dt.datetime:
    """In UTC."""
    return dt.datetime.combine(day, dt.time(), HANOI).astimezone(dt.UTC)
