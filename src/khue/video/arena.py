"""Page-aligned block buffers, reused: the socket writes into them, the disk reads from them, nothing is copied between."""

from __future__ import annotations

import collections
import contextlib
import mmap

from khue.video.block import MAX_PAYLOAD, PAGE


class Slot:
    """Room for one block: a header page, then payload. Only the pages that are touched cost memory."""

    __slots__ = ("buffer", "payload")

    def __init__(self) -> None:
        memory = mmap.mmap(-1, PAGE + MAX_PAYLOAD)
        with contextlib.suppress(OSError):  # a kernel without huge pages has nothing to switch off
            memory.madvise(mmap.MADV_NOHUGEPAGE)  # one touched byte would cost two megabytes
        self.buffer = memoryview(memory)
        self.payload = self.buffer[PAGE:]


class Arena:
    """At most ``limit`` slots. One thread takes and trims, another may give back."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._made = 0
        self._idle = 0  # free slots that nobody has needed since the last trim
        self._free: collections.deque[Slot] = collections.deque()

    def take(self) -> Slot | None:
        """A slot, or None when the disk holds up so many blocks that no more memory may be spent."""
        try:
            slot = self._free.pop()  # the one given back last: its pages are still there
        except IndexError:
            self._idle = 0
            if self._made >= self.limit:
                return None
            self._made += 1
            return Slot()
        self._idle = min(self._idle, len(self._free))
        return slot

    def give(self, slot: Slot) -> None:
        self._free.append(slot)

    def trim(self) -> None:
        """Return to the system what a burst needed and nothing since the last call did."""
        for _ in range(self._idle):
            self._free.popleft()
        self._made -= self._idle
        self._idle = len(self._free)
