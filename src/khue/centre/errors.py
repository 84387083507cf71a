"""What only the centre says to its callers, beside the tree in ``khue.model.errors``."""

from __future__ import annotations

from khue.model.errors import KhueError


class Invalid(KhueError):
    """What was sent cannot be understood or contradicts itself."""


class Unauthenticated(KhueError):
    """Nobody is signed in, or the token is not, or no longer, valid."""


class Throttled(KhueError):
    """Too many attempts; ``retry_after`` seconds until the next is looked at."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
