"""Packets of one RTP source in sequence order (RFC 3550 appendix A.1), waiting only when one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from khue.model.time import Micros

HELD_AT_MOST = 32  # packets: more than any network swaps, about 0.2 s of a 2 Mb/s stream
HELD_FOR = 200_000  # µs
LARGEST_LOSS = 3000  # a larger step is a source that started anew
LARGEST_DELAY = 100  # a packet older than this is one too

Item = TypeVar("Item")


class ReorderBuffer(Generic[Item]):
    """Gives items on in order, each with whether some were lost before it.

    ``expected`` lets a caller skip `push` for what comes in order: when a sequence number equals it, the item may be used
    at once and ``expected`` moved on by one (modulo 65536). It is -1 while items are held back, and before the first.
    """

    def __init__(self) -> None:
        self.expected = -1
        self._next = -1
        self._held: dict[int, Item] = {}
        self._waiting_since: Micros | None = None  # the first read that did not bring what is missing
        self._stray: tuple[int, Item] | None = None

    def push(self, sequence: int, item: Item) -> Iterator[tuple[Item, bool]]:
        """Take an item; give what is in order now."""
        if self.expected >= 0:
            self._next = self.expected
        elif self._next < 0:
            self._next = sequence
        ahead = (sequence - self._next) & 0xFFFF
        if ahead == 0:
            yield item, False
            self._next = (sequence + 1) & 0xFFFF
            self._waiting_since = None
            yield from self._in_order()
        elif ahead <= LARGEST_LOSS:
            self._held[sequence] = item
            if len(self._held) > HELD_AT_MOST:
                yield from self._skip()
        elif ahead < 0x10000 - LARGEST_DELAY:
            yield from self._restart(sequence, item)
        self.expected = -1 if self._held else self._next

    def overdue(self, arrival: Micros) -> Iterator[tuple[Item, bool]]:
        """A read begins: give up on what was missed for too long (also when the clock of arrivals was set back)."""
        if not self._held:
            return
        if self._waiting_since is None:
            self._waiting_since = arrival
        elif abs(arrival - self._waiting_since) > HELD_FOR:
            yield from self.flush()

    def flush(self) -> Iterator[tuple[Item, bool]]:
        """Give everything held; what is missing among it counts as lost."""
        while self._held:
            yield from self._skip()
        self.expected = self._next

    def _in_order(self) -> Iterator[tuple[Item, bool]]:
        while self._next in self._held:
            yield self._held.pop(self._next), False
            self._next = (self._next + 1) & 0xFFFF

    def _skip(self) -> Iterator[tuple[Item, bool]]:
        self._waiting_since = None
        nearest = min(self._held, key=lambda sequence: (sequence - self._next) & 0xFFFF)
        yield self._held.pop(nearest), True
        self._next = (nearest + 1) & 0xFFFF
        yield from self._in_order()

    def _restart(self, sequence: int, item: Item) -> Iterator[tuple[Item, bool]]:
        """Two in a row far from where we are: the source began anew. One alone is noise."""
        if self._stray is None or (self._stray[0] + 1) & 0xFFFF != sequence:
            self._stray = (sequence, item)
            return
        yield from self.flush()
        yield self._stray[1], True
        yield item, False
        self._stray = None
        self._next = (sequence + 1) & 0xFFFF
