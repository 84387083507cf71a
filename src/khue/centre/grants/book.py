"""Grants, questions and effects in one place, for the routes."""

from __future__ import annotations

from khue.centre.access.watch import AccessWatch
from khue.centre.grants.effects import Effects
from khue.centre.grants.questions import Questions
from khue.centre.grants.service import Grants
from khue.centre.ports import Database


class GrantBook:
    def __init__(self, database: Database, watch: AccessWatch) -> None:
        self.grants = Grants(database, watch)
        self.questions = Questions(database, self.grants)
        self.effects = Effects(database, self.grants)
