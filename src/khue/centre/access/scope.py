"""What an account may see of the registry; the database itself decides, row by row.

An account sees the whole city, or the cameras in its units together with those its agencies (and the agencies below
them) own or manage. Cameras of defence it sees only when it was given that.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from khue.centre.access.rules import Account
from khue.centre.ports import Database, Statements
from khue.centre.sql import Queries
from khue.model.errors import NotFound

_SQL = Queries(__file__)
NO_SUCH_CAMERA = "there is no such camera"


@contextlib.asynccontextmanager
async def as_reader(
    database: Database, account: Account, isolation: str = "read_committed"
) -> AsyncIterator[Statements]:
    """A read-only transaction in which hidden rows do not exist."""
    async with database.transaction(isolation, readonly=True) as session:
        await _become(session, account)
        yield session


async def seen(session: Statements, account: Account, cameras: Sequence[str]) -> set[str]:
    """Which of these the account sees, in the transaction that is under way: what it just changed counts as changed."""
    if account.sees_everything:
        return set(cameras)
    await _become(session, account)
    rows = await session.fetch(_SQL["seen"], list(cameras))
    await session.execute(_SQL["return"])
    return {row["id"] for row in rows}


async def must_see(session: Statements, account: Account, camera: str) -> None:
    """As above for one. Raises NotFound, in the words for a camera that does not exist."""
    if not await seen(session, account, [camera]):
        raise NotFound(NO_SUCH_CAMERA)


async def filter_seen(database: Database, account: Account, cameras: Sequence[str]) -> set[str]:
    """Which of these the account sees."""
    if account.sees_everything:
        return set(cameras)
    async with as_reader(database, account) as session:
        return {row["id"] for row in await session.fetch(_SQL["seen"], list(cameras))}


async def _become(session: Statements, account: Account) -> None:
    whole = "yes" if account.sees_whole_city else "no"
    defence = "yes" if account.defence else "no"
    await session.execute(_SQL["become"], list(account.units), list(account.agencies), whole, defence)
