"""What waits for one viewer: bounded, and never in the way of another."""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from typing import NamedTuple

_MOST_MESSAGES = 100  # pictures a viewer may be behind: 4 s at 25 a second
_MOST_BYTES = 8 * 1024 * 1024


class Needs(enum.Enum):
    """What a viewer has to be sent before anything else makes sense to it."""

    INIT = "init"
    KEYFRAME = "keyframe"
    NOTHING = "nothing"


class _Waiting(NamedTuple):
    payload: str | bytes
    begins: bool = False  # part of an initialisation


class Viewer:
    """The hub puts, the socket takes. When the socket is too slow, pictures go until the next keyframe; words stay."""

    def __init__(self) -> None:
        self.needs = Needs.INIT
        self.dropped = 0  # messages with pictures
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._ended = False

    async def next(self) -> str | bytes | None:
        """Text or fMP4, in order; None once the hub ended it and all was taken."""
        while not self._waiting:
            if self._ended:
                return None
            self._some.clear()
            await self._some.wait()
        payload = self._waiting.popleft().payload
        if isinstance(payload, bytes):
            self._bytes -= len(payload)
        return payload

    def say(self, text: str) -> None:
        self._push(_Waiting(text))

    def begin(self, start: str, data: bytes) -> None:
        """Initialisation and everything since the last keyframe, in one message."""
        self._drop_pictures()
        self._push(_Waiting(start, begins=True))
        self._push(_Waiting(data, begins=True))
        self.needs = Needs.NOTHING

    def offer(self, data: bytes, keyframe: bool) -> None:
        """One picture, to a viewer that has an init."""
        if len(self._waiting) >= _MOST_MESSAGES or self._bytes + len(data) > _MOST_BYTES:
            self._drop_pictures()
        if self.needs is Needs.KEYFRAME and keyframe:
            self.needs = Needs.NOTHING
        if self.needs is Needs.NOTHING:
            self._push(_Waiting(data))
        else:
            self.dropped += 1

    def skip_to_keyframe(self) -> None:
        """Something was lost before it came here."""
        if self.needs is Needs.NOTHING:
            self.needs = Needs.KEYFRAME

    def end(self) -> None:
        self._ended = True
        self._some.set()

    def _push(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        if isinstance(waiting.payload, bytes):
            self._bytes += len(waiting.payload)
        self._some.set()

    def _drop_pictures(self) -> None:
        if any(waiting.begins for waiting in self._waiting):
            self.needs = Needs.INIT
        else:
            self.skip_to_keyframe()
        self.dropped += sum(isinstance(waiting.payload, bytes) for waiting in self._waiting)
        self._waiting = deque(
            waiting for waiting in self._waiting if isinstance(waiting.payload, str) and not waiting.begins
        )
        self._bytes = 0
