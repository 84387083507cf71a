"""Whether the centre can work, for people and for what watches over processes."""

from __future__ import annotations

import msgspec
from litestar import get
from litestar.di import NamedDependency

import khue
from khue.centre.ports import Database
from khue.model.errors import Unavailable
from khue.wire.bus import Bus


class Health(msgspec.Struct):
    ok: bool
    database: bool
    nats: bool
    version: str


class Engines:
    """What the centre stands on."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database, self._bus = database, bus

    async def look(self) -> Health:
        try:
            await self._database.fetchval("select 1")
            stored = True
        except Unavailable:
            stored = False
        return Health(stored and self._bus.connected, stored, self._bus.connected, khue.__version__)


@get("/api/v1/health", summary="Whether the centre and its engines work", tags=["health"])
async def health(engines: NamedDependency[Engines]) -> Health:
    """Open to all: it says nothing about cameras."""
    return await engines.look()
