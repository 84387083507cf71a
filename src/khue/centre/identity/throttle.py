"""Failed sign-ins slow the next one, whichever replica it comes to."""

from __future__ import annotations

from collections.abc import Sequence

from khue.centre.access.rules import ThrottleKey, backoff
from khue.centre.errors import Throttled
from khue.centre.ports import Database
from khue.centre.sql import Queries

_SQL = Queries(__file__)


class Throttle:
    """Attempts are counted before they are looked at, so that many side by side are all counted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def attempt(self, keys: Sequence[ThrottleKey]) -> None:
        """Count one. Raises Throttled, and counts nothing, while an earlier failure still makes them wait."""
        free = {key.key: key.free for key in keys}
        async with self._database.transaction() as session:
            rows = await session.fetch(_SQL["count_attempt"], list(free))
            wait = max(row["wait"] for row in rows)
            if wait > 0:
                raise Throttled(f"too many failed sign-ins; try again in {wait:.0f} s", wait)
            blocks = [(row["key"], backoff(row["failures"], free[row["key"]])) for row in rows]
            await session.executemany(_SQL["block"], blocks)

    async def forgive(self, keys: Sequence[ThrottleKey], attempts: int = 1) -> None:
        """It was the right person: take back so many attempts, and let the strict key (the first) start anew."""
        names = [key.key for key in keys]
        await self._database.execute(_SQL["forgive"], names[0], names[1:], attempts)
