"""Asking and answering as routes use it."""

from __future__ import annotations

from khue.centre.access.gate import GrantGate
from khue.centre.access.service import Access
from khue.centre.audit.log import AccessLog
from khue.centre.events.board import Board
from khue.centre.ports import Database
from khue.centre.requests.answers import Answers
from khue.centre.requests.deadlines import Deadlines
from khue.centre.requests.emergencies import Emergencies
from khue.centre.requests.notices import Notices
from khue.centre.requests.people import People
from khue.centre.requests.service import Requests


class Asking:
    """Requests, answers, emergencies and notices over one database."""

    def __init__(self, database: Database, access: Access, log: AccessLog, board: Board) -> None:
        people = People(database)
        self.notices = Notices(database, board)
        self.requests = Requests(database, access, log, people, self.notices)
        self.answers = Answers(database, access, GrantGate(database), self.requests, people, self.notices)
        self.emergencies = Emergencies(database, access, self.requests, people, self.notices)
        self.deadlines = Deadlines(database, self.requests, people, self.notices)

    async def run(self) -> None:
        """Deadlines. Until cancelled."""
        await self.deadlines.run()
