"""Reads of the whole fleet: as the account sees it, planned for the values asked for."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from khue.centre.access.rules import Account
from khue.centre.access.scope import as_reader
from khue.centre.ports import Database, Statements
from khue.centre.sql import Queries

_SQL = Queries(__file__)


@contextlib.asynccontextmanager
async def reading(database: Database, account: Account) -> AsyncIterator[Statements]:
    """A transaction that sees one moment of what the account may see."""
    async with as_reader(database, account, "repeatable_read") as session:
        await session.execute(_SQL["plan_for_the_values"])
        yield session
