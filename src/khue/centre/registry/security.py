"""QCVN 11:2026/BCA for one camera: what was found about each of its eleven groups, and what follows from it."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping

import msgspec

from khue.centre.access.rules import Account
from khue.centre.errors import Invalid
from khue.centre.fleet.service import Fleet
from khue.centre.ports import Database
from khue.centre.registry.actor import as_actor
from khue.centre.registry.locking import lock_seen
from khue.centre.sql import Queries
from khue.model.registry import SecurityState, SecurityTopic

_SQL = Queries(__file__)


class Result(enum.StrEnum):
    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class Finding(msgspec.Struct, frozen=True):
    """What somebody found about one topic, on what evidence."""

    topic: SecurityTopic
    result: Result
    checked_on: dt.date
    evidence: str = ""


def overall(newest: Mapping[SecurityTopic, Result]) -> SecurityState:
    """From the newest finding of each topic: one fail fails; all eleven pass or not applicable meets; none known is unknown."""
    known = [result for result in newest.values() if result is not Result.UNKNOWN]
    if Result.FAIL in known:
        return SecurityState.FAILS
    if not known:
        return SecurityState.UNKNOWN
    return SecurityState.MEETS if len(known) == len(SecurityTopic) else SecurityState.PARTIAL


class Security:
    """Findings are added, never changed; the newest by the day of the check counts."""

    def __init__(self, database: Database, fleet: Fleet) -> None:
        self._database = database
        self._fleet = fleet

    async def add(self, by: Account, camera: str, finding: Finding) -> None:
        """Raises NotFound, Invalid."""
        if finding.checked_on > dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1):
            raise Invalid("checked_on is a day in the future; say when the check was made")
        async with self._database.transaction() as session:
            await lock_seen(session, by, camera)
            await as_actor(session, by.username, source="security")
            await session.execute(
                _SQL["add_finding"],
                *(camera, finding.topic, finding.result, finding.evidence.strip(), finding.checked_on, by.username),
            )
            rows = await session.fetch(_SQL["newest_findings"], camera)
            newest = {SecurityTopic(row["topic"]): Result(row["result"]) for row in rows}
            await session.execute(_SQL["set_security"], camera, overall(newest))
        await self._fleet.announce([camera], [])
