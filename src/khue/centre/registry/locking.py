"""One camera, held for a change by somebody who sees it."""

from __future__ import annotations

from khue.centre.access.rules import Account
from khue.centre.access.scope import NO_SUCH_CAMERA, must_see, seen
from khue.centre.ports import Row, Statements
from khue.centre.sql import Queries
from khue.model.errors import Denied, NotFound

_SQL = Queries(__file__)


async def lock_seen(session: Statements, by: Account, camera: str) -> Row:
    """The row, locked until the transaction ends. Raises NotFound, for a hidden camera too."""
    row = await session.fetchrow(_SQL["lock_record"], camera)
    if row is None:
        raise NotFound(NO_SUCH_CAMERA)
    await must_see(session, by, camera)
    return row


async def must_still_see(session: Statements, by: Account, camera: str) -> None:
    """After a change. Raises Denied."""
    if not await seen(session, by, [camera]):
        raise Denied("you would no longer see this camera; ask somebody who also sees where it is to go")
