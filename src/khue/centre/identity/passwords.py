"""Argon2id (RFC 9106, its second recommended setting), off the event loop and a few at a time."""

from __future__ import annotations

import asyncio
import os

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from khue.centre.errors import Invalid

_SHORTEST = 10


class Passwords:
    """64 MiB a hash: ``at_once`` bounds what sign-ins can cost."""

    def __init__(self, hasher: PasswordHasher | None = None, at_once: int | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._gate = asyncio.Semaphore(at_once or os.cpu_count() or 1)
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """Raises Invalid when it is too short."""
        if len(password) < _SHORTEST:
            raise Invalid(f"the password is too short; use at least {_SHORTEST} characters")
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Takes the same time for an account that does not exist (``stored`` None)."""
        if not self._nobody:
            self._nobody = await self.hash("nobody has this password")
        async with self._gate:
            return await asyncio.to_thread(self._matches, stored or self._nobody, password) and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether it was hashed with weaker settings than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
