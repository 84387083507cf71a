"""The one door every route goes through."""

from __future__ import annotations

from typing import Protocol

from khue.centre.access.rules import ALLOWED, Account, Action
from khue.centre.access.scope import NO_SUCH_CAMERA, filter_seen
from khue.centre.ports import Database
from khue.model.errors import Denied, NotFound


class Gate(Protocol):
    """Decides. A model of agencies, grants and purposes replaces the implementation and nothing else."""

    async def authorize(self, account: Account, action: Action, camera: str, purpose: str) -> None:
        """Return when allowed; raise Denied, with the reason for the person, when not. ``camera`` "" is all of them.

        Raises NotFound for a camera the account may not know of, whether it exists or not.
        """
        ...


class RoleGate:
    """Three roles, the cameras the account sees, any purpose."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def authorize(self, account: Account, action: Action, camera: str, purpose: str) -> None:
        if action not in ALLOWED[account.role]:
            raise Denied(f"the role {account.role} does not allow {action}; ask an administrator")
        if camera and not await filter_seen(self._database, account, [camera]):
            raise NotFound(NO_SUCH_CAMERA)
