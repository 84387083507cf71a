"""The one door every route goes through: a grant that is valid now, as the regulation in force lets such a post use it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

import msgspec

from khue.centre.access.refusals import Ask, Clause, Refusal, Verdict
from khue.centre.access.rules import RIGHT_OF, Account, Action, Right
from khue.centre.access.scope import NO_SUCH_CAMERA
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries
from khue.model.errors import NotFound

_SQL = Queries(__file__)


class Stated(msgspec.Struct, frozen=True):
    """What a caller says it is for."""

    purpose: str = ""
    case: str = ""
    reason: str = ""


class Decision(msgspec.Struct, frozen=True):
    """What allowed it; ``until`` is the next instant at which that can change by the clock alone."""

    grant: str = ""
    post: str = ""
    kind: str = ""
    version: str = ""
    clause: str = ""
    purpose: str = ""
    until: dt.datetime = dt.datetime.max.replace(tzinfo=dt.UTC)


class Gate(Protocol):
    """Decides."""

    async def authorize(self, account: Account, action: Action, camera: str, stated: Stated) -> Decision:
        """Return when allowed; raise Refusal when not. ``camera`` "" is what is about no single camera.

        Raises NotFound for a camera the account may not know of, whether it exists or not.
        """
        ...


class GrantGate:
    """Grants and the regulation, both in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def authorize(self, account: Account, action: Action, camera: str, stated: Stated) -> Decision:
        right = RIGHT_OF[action]
        if right is None:
            return Decision(purpose=stated.purpose)
        row = await self.decide(account, right, camera, stated.purpose)
        verdict = Verdict(row["verdict"])
        if verdict is Verdict.UNKNOWN:
            raise NotFound(NO_SUCH_CAMERA)
        if verdict is Verdict.ALLOWED:
            verdict = await self._missing(account, right, camera, stated, row)
        if verdict is not Verdict.ALLOWED:
            raise await self.refusal(verdict, right, camera, row)
        return Decision(
            *(
                row["grant_id"],
                row["post"],
                row["post_kind"],
                row["version"],
                row["clause"],
                row["purpose"],
                row["until"],
            )
        )

    async def decide(self, account: Account, right: Right, camera: str, purpose: str) -> Row:
        """The database's own word: verdict, grant, post, clause, what it needs, until when."""
        only = None if account.only_grants is None else list(account.only_grants)
        row = await self._database.fetchrow(_SQL["decide"], account.id, right, camera, purpose, only)
        assert row is not None
        return row

    async def refusal(self, verdict: Verdict, right: Right, camera: str, row: Row) -> Refusal:
        """With the clause it rests on, and who may give what is missing."""
        version = row["version"] or ""
        words = await self._database.fetchrow(_SQL["clause"], version, row["clause"] or "", verdict)
        clause = None if words is None else Clause(version, words["id"], words["vi"], words["en"])
        asked = await self._database.fetch(_SQL["ask"], camera)
        return Refusal(verdict, right, camera, version, clause, _by_agency(asked))

    async def _missing(self, account: Account, right: Right, camera: str, stated: Stated, row: Row) -> Verdict:
        """What the regulation asks for and was not said; ALLOWED when nothing is."""
        if row["needs_case"] and not stated.case.strip():
            return Verdict.NEEDS_CASE
        if row["needs_reason"] and not stated.reason.strip():
            return Verdict.NEEDS_REASON
        if row["needs_second"]:
            about = (account.id, right, camera, row["purpose"], stated.case)
            if not await self._database.fetchval(_SQL["second"], *about):
                return Verdict.NEEDS_SECOND
        return Verdict.ALLOWED


def _by_agency(rows: Sequence[Row]) -> tuple[Ask, ...]:
    found: dict[str, Ask] = {}
    for row in rows:
        before = found.get(row["agency"])
        posts = (*(before.posts if before else ()), row["title"])
        found[row["agency"]] = Ask(row["agency"], row["name"], posts)
    return tuple(found.values())
