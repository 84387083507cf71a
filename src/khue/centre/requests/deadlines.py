"""What the clock does to requests and emergencies: reminders, lapsing, ending, overdue reviews. One replica at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from khue.centre.access.rules import Right
from khue.centre.ports import Database, Row, Session
from khue.centre.requests import rules
from khue.centre.requests.notices import Notices
from khue.centre.requests.people import People, purpose_text, target_of
from khue.centre.requests.service import Requests
from khue.centre.requests.words import sentence
from khue.centre.sql import Queries
from khue.model.errors import Conflict, Unavailable

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_EVERY_S = 2.0


class Deadlines:
    """Nothing depends on its being in time: what is over is over by the dates, whatever the state says."""

    def __init__(self, database: Database, requests: Requests, people: People, notices: Notices) -> None:
        self._database = database
        self._requests = requests
        self._people = people
        self._notices = notices

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.run_once()
            except Unavailable as error:
                _log.info("deadlines wait: %s", error)
            except Conflict as error:
                _log.warning("deadlines wait: %s", error)
            await asyncio.sleep(_EVERY_S)

    async def run_once(self) -> None:
        """Raises Unavailable."""
        async with self._database.transaction() as session:
            if not await session.fetchval(_SQL["lock_deadlines"]):
                return  # another replica does it
            told = await self._of_requests(session) | await self._of_emergencies(session)
            await session.execute(_SQL["prune_notices"])
        await self._notices.announce(told)

    async def _of_requests(self, session: Session) -> set[str]:
        told: set[str] = set()
        for row in await session.fetch(_SQL["lapse_requests"]):
            told |= await self._tell_request(session, row, {row["account"]}, "request_lapsed")
        for reminded, kind in ((1, "request_above"), (0, "request_reminder")):
            for row in await session.fetch(_SQL["remind_requests"], reminded):
                deciders = await self._requests.deciders(session, row, above=reminded == 1)
                told |= await self._tell_request(session, row, deciders, kind)
        return told

    async def _of_emergencies(self, session: Session) -> set[str]:
        told: set[str] = set()
        for row in await session.fetch(_SQL["lapse_emergencies"]):
            told |= await self._tell_emergency(session, row, {row["account"]}, "emergency_lapsed")
        for row in await session.fetch(_SQL["end_emergencies"]):
            watching = await self._people.watching(session, target_of(row), ("owner", "auditor"))
            told |= await self._tell_emergency(session, row, watching | {row["account"]}, "emergency_ended")
        for row in await session.fetch(_SQL["remind_reviews"], 0):
            auditors = await self._people.watching(session, target_of(row), ("auditor",))
            told |= await self._tell_emergency(session, row, auditors, "emergency_review")
        for row in await session.fetch(_SQL["remind_reviews"], 1):
            late = await self._people.watching(session, target_of(row), ("auditor", "owner"))
            for owner, part in await self._people.parts(session, target_of(row)):
                holders = await self._people.holders(session, Right.APPROVE, part)
                late |= rules.told(holders, await self._people.path(session, owner), above=True)
            told |= await self._tell_emergency(session, row, late, "emergency_overdue")
        return told

    async def _tell_request(self, session: Session, row: Row, accounts: Collection[str], kind: str) -> set[str]:
        terms = await self._people.terms(session)
        facts = await self._requests.facts(session, row["account"], row["agency"], row["rights"], row["purpose"], terms)
        text = sentence(kind, facts, at=row["due"], purpose=purpose_text(terms, row["purpose"]))
        await self._notices.tell(session, accounts, kind, ("request", row["id"]), text)
        return set(accounts)

    async def _tell_emergency(self, session: Session, row: Row, accounts: Collection[str], kind: str) -> set[str]:
        terms = await self._people.terms(session)
        facts = await self._requests.facts(session, row["account"], row["agency"], row["rights"], row["purpose"], terms)
        text = sentence(kind, facts, at=row["review_due"])
        await self._notices.tell(session, accounts, kind, ("emergency", row["id"]), text)
        return set(accounts)
