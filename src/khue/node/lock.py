"""One node at a time on a data folder. The lock lives as long as any process that was given its descriptor."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

from khue.model.errors import ConfigError

WAIT_S = 20.0
PAUSE_S = 0.02


class DataLock:
    """The main process takes it and its workers inherit it, so that a new node waits until the old one's workers are done.

    A node that was killed leaves workers that still write their last second; recovery must not touch the files before.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "node.lock"
        self.fd = -1

    async def take(self, wait_s: float = WAIT_S) -> None:
        """Raises ConfigError when somebody else keeps it."""
        self.fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o640)
        for _ in range(int(wait_s / PAUSE_S)):
            if self._taken():
                return
            await asyncio.sleep(PAUSE_S)
        self.release()
        raise ConfigError(f"another node is using {self._path.parent}; stop it, or give this one a folder of its own")

    def _taken(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Only closes: workers that still run keep the lock."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
