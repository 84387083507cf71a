"""What an account may see of the registry; the database itself decides, row by row, from the grants the account holds."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence

from khue.centre.access.rules import Account, Right, Term
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.errors import NotFound

_SQL = Queries(__file__)
NO_SUCH_CAMERA = "there is no such camera"


@contextlib.asynccontextmanager
async def as_reader(
    database: Database, account: Account, isolation: str = "read_committed", *, right: Right = Right.SEE
) -> AsyncIterator[Statements]:
    """A read-only transaction in which rows of cameras the account has no ``right`` to do not exist."""
    only = _only(account)
    await database.execute(_SQL["keep_reach"], account.id, right, only)
    async with database.transaction(isolation, readonly=True) as session:
        await session.execute(_SQL["become"], account.id, right, only)
        yield session


async def seen(session: Statements, account: Account, cameras: Sequence[str], *, right: Right = Right.SEE) -> set[str]:
    """Which of these it has the right to, in the transaction under way: what that just changed counts as changed."""
    await session.execute(_SQL["become"], account.id, right, _only(account))
    rows = await session.fetch(_SQL["seen"], list(cameras))
    await session.execute(_SQL["return"])
    return {row["id"] for row in rows}


async def must_see(session: Statements, account: Account, camera: str, *, right: Right = Right.SEE) -> None:
    """As above for one. Raises NotFound, in the words for a camera that does not exist."""
    if not await seen(session, account, [camera], right=right):
        raise NotFound(NO_SUCH_CAMERA)


async def filter_seen(
    database: Database, account: Account, cameras: Sequence[str], *, right: Right = Right.SEE
) -> set[str]:
    """Which of these it has the right to."""
    async with as_reader(database, account, right=right) as session:
        return {row["id"] for row in await session.fetch(_SQL["seen"], list(cameras))}


async def reach_of(session: Statements) -> Row:
    """Of the reader whose transaction this is: ``whole`` (no camera but those of defence is hidden), ``defence``."""
    row = await session.fetchrow(_SQL["reach"])
    assert row is not None
    return row


async def terms_of(session: Statements, account: Account, right: Right) -> tuple[Term, ...]:
    """The cameras of each grant that gives the account this right now: for facts that are not stored yet."""
    only = None if account.only_grants is None else list(account.only_grants)
    rows = await session.fetch(_SQL["terms"], account.id, right, only)
    return tuple(
        Term(
            _set(row["units"]), _set(row["fleets"]), _set(row["camera_purposes"]), _set(row["cameras"]), row["defence"]
        )
        for row in rows
    )


def _set(values: Sequence[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _only(account: Account) -> str:
    return "" if account.only_grants is None else ",".join(account.only_grants)
