"""The organisation in one place, for the routes."""

from __future__ import annotations

from khue.centre.organisation.agencies import AgencyTree
from khue.centre.organisation.groups import Groups
from khue.centre.organisation.people import People
from khue.centre.organisation.posts import Posts
from khue.centre.ports import Database


class Organisation:
    def __init__(self, database: Database) -> None:
        self.agencies = AgencyTree(database)
        self.posts = Posts(database)
        self.people = People(database)
        self.groups = Groups(database)
