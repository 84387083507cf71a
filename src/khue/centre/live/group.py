"""The group of pictures so far, so that a second viewer starts with one message. Pure."""

from __future__ import annotations

from khue.centre.boxes import split_init
from khue.wire.link import LiveMessage

_MOST_BYTES = 16 * 1024 * 1024  # a stream that sends no keyframe for this long has no cache


class GroupCache:
    """Follows one stream's messages. ``init`` is empty until the first; ``whole`` says whether the group has its start."""

    def __init__(self) -> None:
        self.mime = ""
        self.width = 0
        self.height = 0
        self.init = b""
        self.whole = False
        self.wall = 0
        self._sequence: int | None = None
        self._group: list[bytes] = []
        self._bytes = 0

    def begin(self, message: LiveMessage) -> bool:
        """Take an init message. Returns whether viewers have to begin again.

        They need not when it only repeats what they have: another replica asked for it. Raises MediaError.
        """
        init, media = split_init(message.data)
        known = init == self.init and message.mime == self.mime and self._follows(message)
        repeats = known and self.whole and message.wall <= self.wall
        self.init, self.mime, self.width, self.height = init, message.mime, message.width, message.height
        self._sequence, self.wall = message.seq, max(message.wall, self.wall)
        if not repeats:
            self._group, self._bytes, self.whole = [media], len(media), True
        return not repeats

    def add(self, message: LiveMessage) -> bool:
        """Take a picture. Returns False when something before it was lost: viewers wait for a keyframe then."""
        followed = self._follows(message)
        self._sequence, self.wall = message.seq, max(message.wall, self.wall)
        if message.keyframe:
            self._group, self._bytes, self.whole = [message.data], len(message.data), True
        elif not followed or self._bytes + len(message.data) > _MOST_BYTES:
            self._group, self._bytes, self.whole = [], 0, False
        elif self.whole:
            self._group.append(message.data)
            self._bytes += len(message.data)
        return followed

    def start(self) -> bytes:
        """What a viewer starts with: the initialisation segment and every picture since the keyframe."""
        return b"".join((self.init, *self._group))

    def _follows(self, message: LiveMessage) -> bool:
        return self._sequence is None or message.seq == self._sequence + 1
