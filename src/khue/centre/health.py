"""Whether the centre can work, for people and for what watches over processes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from litestar import get
from litestar.di import NamedDependency

import khue
from khue.centre.ports import Database
from khue.model.errors import Unavailable
from khue.wire.bus import Bus


class Health(msgspec.Struct):
    """``audit`` false: the log's tree is not the one signed before, and no checkpoint is made; people can still work."""

    ok: bool
    database: bool
    nats: bool
    audit: bool
    version: str


class Engines:
    """What the centre stands on."""

    def __init__(self, database: Database, bus: Bus, audit_trouble: Callable[[], str] = str) -> None:
        self._database, self._bus, self._audit_trouble = database, bus, audit_trouble

    async def look(self) -> Health:
        try:
            await self._database.fetchval("select 1")
            stored = True
        except Unavailable:
            stored = False
        return Health(
            stored and self._bus.connected, stored, self._bus.connected, not self._audit_trouble(), khue.__version__
        )


@get("/api/v1/health", summary="Whether the centre and its engines work", tags=["health"])
async def health(engines: NamedDependency[Engines]) -> Health:
    """Open to all: it says nothing about cameras."""
    return await engines.look()
