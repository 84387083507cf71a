"""The one door every route goes through."""

from __future__ import annotations

from typing import Protocol

from khue.centre.access.rules import ALLOWED, Account, Action
from khue.model.errors import Denied


class Gate(Protocol):
    """Decides. A model of agencies, grants and purposes replaces the implementation and nothing else."""

    async def authorize(self, account: Account, action: Action, camera: str, purpose: str) -> None:
        """Return when allowed; raise Denied, with the reason for the person, when not. ``camera`` "" is all of them."""
        ...


class RoleGate:
    """Three roles, all cameras alike, any purpose."""

    async def authorize(self, account: Account, action: Action, camera: str, purpose: str) -> None:
        if action not in ALLOWED[account.role]:
            raise Denied(f"the role {account.role} does not allow {action}; ask an administrator")
