"""Where a log departs from what its tree says it was, and how. Pure."""

from __future__ import annotations

import enum

import msgspec

from khue.model.merkle import SIZE


class Change(enum.StrEnum):
    """What was done to a log."""

    EDITED = "edited"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    UNKNOWN = "unknown"


class Difference(msgspec.Struct, frozen=True):
    """``seq`` is the first entry concerned; ``until`` the last it may be, where it cannot be told exactly."""

    seq: int
    change: Change
    why: str
    until: int | None = None


class Leaves:
    """Leaf hashes one after the other; the first is of entry ``first``."""

    def __init__(self, hashes: bytes | bytearray, first: int = 0) -> None:
        self.hashes = hashes
        self.first = first

    def __len__(self) -> int:
        return len(self.hashes) // SIZE

    def __getitem__(self, place: int) -> bytes:
        return bytes(self.hashes[place * SIZE : (place + 1) * SIZE])

    def find(self, value: bytes, start: int = 0) -> int:
        """The place of a leaf from ``start`` on, or -1."""
        at = start * SIZE
        while (at := self.hashes.find(value, at)) >= 0:
            if at % SIZE == 0:
                return at // SIZE
            at += 1
        return -1


def first_difference(found: Leaves, true: Leaves, noted: Leaves | None = None) -> Difference | None:
    """The first place at which ``found`` is not ``true``, and what happened there; None when it is all of it.

    ``noted`` are the hashes written beside what was found: by them an entry is recognised whose content was changed.
    """
    count = min(len(found), len(true))
    place = _first_unequal(found.hashes, true.hashes, count)
    if place is None:
        if len(found) >= len(true):
            return None
        seq = true.first + count
        return Difference(
            seq, Change.TRUNCATED, f"the log ends before entry {seq}; {len(true) - count} entries are missing"
        )
    seq = true.first + place
    if true.find(found[place], place) >= 0:
        return _displaced(found, true, place, seq, found[place])
    if noted is not None and noted[place] != true[place] and true.find(noted[place], place) >= 0:
        return _displaced(noted, true, place, seq, noted[place])
    if found.find(true[place], place) >= 0:
        return Difference(seq, Change.INSERTED, f"what stands at entry {seq}'s place was never written there")
    return Difference(seq, Change.EDITED, f"entry {seq} is not what was written")


def _displaced(found: Leaves, true: Leaves, place: int, seq: int, here: bytes) -> Difference:
    """At entry ``seq``'s place stands a later one."""
    other = true.first + true.find(here, place)
    if found.find(true[place], place) >= 0:
        return Difference(seq, Change.REORDERED, f"entry {seq} is not in its place; entry {other} stands there")
    return Difference(seq, Change.REMOVED, f"entry {seq} is missing; entry {other} follows in its place")


def _first_unequal(one: bytes | bytearray, other: bytes | bytearray, count: int) -> int | None:
    step = 4096
    for first in range(0, count, step):
        end = min(first + step, count)
        if one[first * SIZE : end * SIZE] != other[first * SIZE : end * SIZE]:
            for place in range(first, end):
                if one[place * SIZE : (place + 1) * SIZE] != other[place * SIZE : (place + 1) * SIZE]:
                    return place
    return None
