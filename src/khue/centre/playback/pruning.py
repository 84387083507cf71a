"""What the centre keeps of recordings goes when the recordings do; clips go when their time is over."""

from __future__ import annotations

import asyncio
import logging

from khue.centre.playback.clips import clip_key
from khue.centre.ports import Database, Objects
from khue.centre.sql import Queries
from khue.model.errors import Unavailable

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_EVERY_S = 3600.0


class Pruning:
    """Runs in every replica; doing it twice changes nothing.

    Nodes withdraw the spans they delete. What a node says no more, because it is gone for good, ends with its retention here.
    """

    def __init__(self, database: Database, objects: Objects, clip_days: float) -> None:
        self._database, self._objects, self._clip_days = database, objects, clip_days

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.run_once()
            except Unavailable as error:
                _log.warning("old clips and coverage are left for now: %s", error)
            await asyncio.sleep(_EVERY_S)

    async def run_once(self) -> None:
        """Raises Unavailable."""
        for name in ("prune_spans", "prune_gaps"):
            await self._database.execute(_SQL[name])
        for row in await self._database.fetch(_SQL["old_clips"], self._clip_days):
            await self._objects.delete(clip_key(row["id"]))  # first: a row without a file is found again, a file is not
            await self._database.execute(_SQL["drop_clip"], row["id"])
