"""The access log: a line is durable before anything is shown."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging

import msgspec

from khue.centre.ports import Database
from khue.centre.sql import Queries
from khue.model.errors import Unavailable

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)


class Entry(msgspec.Struct, frozen=True):
    """Who did what, to which camera and period, for what, from where, and whether they might."""

    account: str
    username: str
    action: str
    address: str
    outcome: str  # allowed, refused
    camera: str = ""
    stream: str = ""
    period_start: dt.datetime | None = None
    period_end: dt.datetime | None = None
    purpose: str = ""
    detail: str = ""


class AccessLog:
    """Entries that arrive while one commit runs share the next: a durable commit costs milliseconds, a row nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Return once it is stored. Raises Unavailable; what was to be shown must then not be."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, stored))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush(), name="access log")
        await stored

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            rows = [msgspec.structs.astuple(entry) for entry, _ in batch]
            try:
                await self._database.execute(_SQL["write_log"], *map(list, zip(*rows, strict=True)))
            except Unavailable as error:
                for _, stored in batch:
                    if not stored.done():  # its writer may have given up
                        stored.set_exception(error)
            else:
                for _, stored in batch:
                    if not stored.done():
                        stored.set_result(None)
