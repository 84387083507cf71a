"""Short-lived tokens for viewers beside a node."""

from __future__ import annotations

import datetime as dt

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from khue.model.camera import StreamName
from khue.model.time import Clock, to_datetime
from khue.wire.token import Grant, sign

_LIVES = 5 * 60 * 1_000_000  # microseconds; a viewer asks again while it watches


class LanTokens:
    def __init__(self, key: Ed25519PrivateKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    @property
    def public_key(self) -> bytes:
        """Raw, as nodes get it in their desired state."""
        return self._key.public_key().public_bytes_raw()

    def make(self, camera: str, stream: StreamName, subject: str) -> tuple[str, dt.datetime]:
        """(token for live and playback of one stream, when it ends)."""
        expires = self._clock.now() + _LIVES
        return sign(Grant(camera, stream, ("live", "playback"), expires, subject), self._key), to_datetime(expires)
