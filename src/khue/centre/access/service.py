"""The permit each access needs."""

from __future__ import annotations

import datetime as dt

import msgspec

from khue.centre.access.gate import Decision, Gate, Stated
from khue.centre.access.refusals import Refusal
from khue.centre.access.rules import UNLOGGED, Account, Action
from khue.centre.audit.log import AccessLog, Entry
from khue.model.errors import Denied, NotFound


class Caller(msgspec.Struct, frozen=True):
    """Who asks, from where, and for what they say."""

    account: Account
    address: str
    stated: Stated = Stated()
    by_cookie: bool = False
    session: str = ""  # its public id; "" for a token
    token: bytes = b""  # its digest


class Access:
    """Asks the gate, and writes down what it said before anything happens."""

    def __init__(self, gate: Gate, log: AccessLog) -> None:
        self._gate = gate
        self._log = log

    async def permit(
        self,
        caller: Caller,
        action: Action,
        *,
        camera: str = "",
        stream: str = "",
        period: tuple[dt.datetime, dt.datetime] | None = None,
        detail: str = "",
        cameras: int = 0,
    ) -> Decision:
        """Return what allowed it, when allowed and recorded. ``cameras``: how many, when it is about several.

        Raises Refusal, or NotFound for a camera the caller may not know of (both recorded too), or Unavailable (then
        nothing may be shown).
        """
        start, end = period or (None, None)
        account, stated = caller.account, caller.stated
        entry = Entry(
            *(account.id, account.username, str(action), caller.address, "allowed", camera, stream),
            period_start=start,
            period_end=end,
            purpose=stated.purpose,
            case_number=stated.case,
            reason=stated.reason,
            cameras=cameras,
            detail=detail[:500],
        )
        try:
            decision = await self._gate.authorize(account, action, camera, stated)
        except (Denied, NotFound) as refusal:
            entry = msgspec.structs.replace(entry, outcome="refused", detail=str(refusal)[:500])
            if isinstance(refusal, Refusal):
                clause = "" if refusal.clause is None else refusal.clause.id
                entry = msgspec.structs.replace(entry, version=refusal.version, clause=clause)
            await self._log.write(entry)
            raise
        if action not in UNLOGGED:
            by = {
                "grant": decision.grant,
                "post": decision.post,
                "clause": decision.clause,
                "version": decision.version,
            }
            await self._log.write(msgspec.structs.replace(entry, purpose=decision.purpose or stated.purpose, **by))
        return decision

    async def allows(self, caller: Caller, action: Action, camera: str = "") -> bool:
        """Whether it would be permitted; for what is shown to some and left out for others. Writes no entry."""
        try:
            await self._gate.authorize(caller.account, action, camera, caller.stated)
        except (Denied, NotFound):
            return False
        return True
