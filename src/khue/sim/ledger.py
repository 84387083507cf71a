"""What a simulated camera really sent: every picture whose last byte the kernel took, so that a test can count losses."""

from __future__ import annotations

from array import array
from collections.abc import Set as AbstractSet

import msgspec

from khue.model.time import Micros

KEPT = 1 << 18  # pictures remembered per session, 4 MB; about five hours at 15 per second


class SentSession(msgspec.Struct, frozen=True):
    """One PLAY. The lists run in parallel, one entry per picture wholly sent, in order.

    ``index`` counts pictures since the scene began and never repeats; the number burned into the picture is
    ``index % loop`` (while no picture fault is in force). ``timestamp`` is the RTP timestamp, ``wall`` when the kernel took
    the last byte. ``damaged`` are indexes of pictures sent only in part, ``skipped`` of those left out on a slow link.
    ``forgotten`` pictures at the start of the lists were dropped to bound memory.
    """

    id: str
    transport: str
    started: Micros
    ended: Micros | None
    loop: int
    fps: float
    index: list[int]
    timestamp: list[int]
    wall: list[Micros]
    keyframe: list[bool]
    damaged: list[int]
    skipped: list[int]
    forgotten: int = 0

    @property
    def numbers(self) -> list[int]:
        """The frame numbers burned into the pictures sent."""
        return [index % self.loop for index in self.index]


class Ledger:
    """Grows by 16 bytes a picture, up to ``kept`` pictures; then the older half goes."""

    def __init__(self, session: str, transport: str, started: Micros, kept: int = KEPT) -> None:
        self.session, self.transport, self.started = session, transport, started
        self.ended: Micros | None = None
        self.total = 0
        self._kept = kept
        self._index = array("I")
        self._timestamp = array("I")
        self._wall = array("q")
        self._damaged = array("I")
        self._skipped = array("I")

    def sent(self, index: int, timestamp: int, wall: Micros) -> None:
        self._index.append(index)
        self._timestamp.append(timestamp)
        self._wall.append(wall)
        self.total += 1
        if len(self._index) > self._kept:
            half = self._kept // 2
            for column in (self._index, self._timestamp, self._wall):
                del column[:half]

    def damaged(self, index: int) -> None:
        if len(self._damaged) < self._kept:
            self._damaged.append(index)

    def skipped(self, index: int) -> None:
        if len(self._skipped) < self._kept:
            self._skipped.append(index)

    def report(self, loop: int, fps: float, keyframes: AbstractSet[int]) -> SentSession:
        """A copy for whoever asks; ``loop``, ``fps`` and ``keyframes`` are the scene's."""
        return SentSession(
            id=self.session,
            transport=self.transport,
            started=self.started,
            ended=self.ended,
            loop=loop,
            fps=fps,
            index=self._index.tolist(),
            timestamp=self._timestamp.tolist(),
            wall=self._wall.tolist(),
            keyframe=[index % loop in keyframes for index in self._index],
            damaged=self._damaged.tolist(),
            skipped=self._skipped.tolist(),
            forgotten=self.total - len(self._index),
        )
