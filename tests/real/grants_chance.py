"""Organisations made by chance: agencies, posts, tenures, groups, grants within grants, and what is done to them afterwards."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from typing import Any

from centre_world import World
from inventory_world import put

from khue.centre.ids import digest, new_id
from khue.model.errors import Denied

RIGHTS = ("see", "live", "playback", "export", "ptz", "manage", "onboard", "approve", "audit", "administer")
UNITS = ("00004", "00070", "00166")
KINDS = (
    "duty_officer",
    "shift_commander",
    "ward_police",
    "investigator",
    "approver",
    "engineer",
    "inspector",
    "contractor",
)
PURPOSES = ("security", "environment", "traffic_safety", "defence")
STATED = ("duty", "investigation", "traffic", "maintenance")
PEOPLE, CAMERAS, AGENCIES, POSTS = 10, 16, 8, 12
_GIVE = """
insert into access_grant (id, post, agency, rights, units, fleets, camera_purposes, groups, cameras, defence, purposes, hours_from,
    hours_to, weekdays, valid_to, passes, origin, parent, lineage, given_by, basis)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 'given', $17, '{}', $18, 'x')
"""


class Chance:
    """One world, by one seed."""

    def __init__(self, world: World, seed: int, now: dt.datetime) -> None:
        self.world, self.database = world, world.engines.database
        self.chance = random.Random(seed)
        self.now = now
        self.people: list[str] = []
        self.posts: list[str] = []
        self.agencies: list[str] = []
        self.cameras: list[str] = []
        self.groups = ["g-0", "g-1"]
        self.tokens: dict[str, tuple[str, frozenset[str] | None]] = {}  # secret to account and grants

    async def make(self) -> None:
        chance = self.chance
        for number in range(AGENCIES):
            parent = chance.choice([None, *self.agencies]) if number else None
            await self.database.execute(
                "insert into agency (id, name, kind, parent, search) values ($1, $1, 'other', $2, $1)",
                *(f"agency-{number}", parent),
            )
            self.agencies.append(f"agency-{number}")
        fleet = [self._camera(number) for number in range(CAMERAS)]
        self.cameras = [camera["id"] for camera in await put(self.world, fleet)]
        for group in self.groups:
            await self.database.execute(
                "insert into camera_group (id, name, created_by) values ($1, $1, 'test')", group
            )
            for camera in chance.sample(self.cameras, 6):
                await self.database.execute("insert into camera_group_member values ($1, $2)", group, camera)
        for number in range(PEOPLE):
            role = chance.choice(("member", "member", "member", "viewer", "operator", "auditor"))
            await self.database.execute(
                """insert into account (id, username, display_name, role, password_hash, units, defence)
                   values ($1, $1, $1, $2, '-', $3, $4)""",
                *(f"person-{number}", role, chance.sample(UNITS, 1), chance.random() < 0.2),
            )
            self.people.append(f"person-{number}")
        for number in range(POSTS):
            kind, agency = chance.choice(KINDS), chance.choice(self.agencies)
            await self.database.execute(
                "insert into post (id, agency, kind, title) values ($1, $2, $3, $1)", f"post-{number}", agency, kind
            )
            self.posts.append(f"post-{number}")
        for _ in range(PEOPLE * 2):
            await self.appoint()
        for _ in range(120):
            await self.give()
        for person in self.people:
            await self._token(person, None)
        await self._held_tokens()

    def _camera(self, number: int) -> dict[str, Any]:
        chance = self.chance
        return {
            "id": f"camera-{number:02}",
            "name": f"Camera {number}",
            "unit": chance.choice((*UNITS, None)),
            "owner": chance.choice((*self.agencies, None)),
            "manager": chance.choice((*self.agencies, None)),
            "purpose": chance.choice((*PURPOSES, None)),
            "latitude": 21.03,
            "longitude": 105.84,
            "state": "recording",
            "node": "n",
            "seen": True,
        }

    def _period(self) -> tuple[dt.datetime, dt.datetime | None]:
        day = dt.timedelta(days=1)
        now = [(self.now - day, None), (self.now - day, None), (self.now - day, self.now + day)]
        return self.chance.choice([*now, (self.now - 2 * day, self.now - day), (self.now + day, None)])

    async def appoint(self) -> None:
        start, end = self._period()
        await self.database.execute(
            "insert into tenure (account, post, valid_from, valid_to, basis, given_by) values ($1, $2, $3, $4, 'x', 'x')",
            *(self.chance.choice(self.people), self.chance.choice(self.posts), start, end),
        )

    async def give(self) -> None:
        """By somebody, out of some grant: the database takes it or not."""
        chance = self.chance
        rows = await self.database.fetch(
            "select id, passes, post from access_grant where revoked is null and passes > 0 order by created, id"
        )
        parent = chance.choice([rows[0], *rows])
        holders = await self.database.fetch(
            "select account from tenure where post = $1 order by account", parent["post"]
        )
        giver = chance.choice(holders)["account"] if holders and chance.random() < 0.9 else chance.choice(self.people)
        values = (
            *(new_id(), *self._holder(), chance.sample(RIGHTS, chance.choice((1, 3, 8))), *self._target()),
            *(chance.choice((None, None, chance.sample(STATED, 2))), *self._hours()),
            chance.choice((None, self.now + dt.timedelta(days=2))),
            *(max(parent["passes"] - chance.choice((0, 1, 1, 2)), 0), parent["id"], giver),
        )
        with contextlib.suppress(Denied):
            await self.database.execute(_GIVE, *values)

    def _holder(self) -> tuple[str | None, str | None]:
        if self.chance.random() < 0.25:
            return None, self.chance.choice(self.agencies)
        return self.chance.choice(self.posts), None

    def _target(self) -> tuple[Any, ...]:
        chance = self.chance
        return (
            chance.choice((None, None, chance.sample(UNITS, 2))),
            chance.choice((None, None, chance.sample(self.agencies, 3))),
            chance.choice((None, None, None, chance.sample(PURPOSES, 3))),
            chance.choice((None, None, None, None, chance.sample(self.groups, chance.choice((1, 2))))),
            chance.choice((None, None, chance.sample(self.cameras, 10))),
            chance.random() < 0.3,
        )

    def _hours(self) -> tuple[Any, ...]:
        """Well inside or well outside of now, across midnight too, so that no minute decides."""
        local = self.now.astimezone(dt.timezone(dt.timedelta(hours=7)))
        hour = self.chance.choice((None, None, None, -4, 4))
        if hour is None:
            return None, None, self.chance.choice((None, None, [1, 2, 3, 4, 5, 6, 7], [local.isoweekday() % 7 + 1]))
        start = (local + dt.timedelta(hours=hour)).time().replace(microsecond=0)
        end = (local + dt.timedelta(hours=hour + self.chance.choice((2, 8)))).time().replace(microsecond=0)
        return start, end, None

    async def _token(self, person: str, grants: frozenset[str] | None) -> None:
        secret = f"khue_{new_id()}"
        await self.database.execute(
            """insert into api_token (id, account, name, token_hash, expires, grants)
               values ($1, $2, 'test', $3, now() + interval '1 day', $4)""",
            *(new_id(), person, digest(secret), None if grants is None else sorted(grants)),
        )
        self.tokens[secret] = (person, grants)

    async def _held_tokens(self) -> None:
        for person in self.people[:4]:
            rows = await self.database.fetch("select (s.holds).id from standing($1, now(), null) s order by 1", person)
            if rows:
                await self._token(person, frozenset({self.chance.choice(rows)["id"]}))

    async def disturb(self) -> None:
        """Something changes: a revocation, the end of a tenure, a moved agency, a camera that becomes another's, more grants."""
        chance, database = self.chance, self.database
        rows = await database.fetch(
            "select id from access_grant where revoked is null and origin = 'given' order by created, id"
        )
        for row in chance.sample(rows, min(2, len(rows))):
            await database.execute(
                "update access_grant set revoked = now(), revoked_by = 'test' where id = $1 and revoked is null",
                row["id"],
            )
        await database.execute("update post set closed = now() where id = $1", chance.choice(self.posts))
        agency, parent = chance.sample(self.agencies, 2)
        below = await database.fetchval(
            "select b.path <@ a.path from agency a, agency b where a.id = $1 and b.id = $2", agency, parent
        )
        if not below:
            await database.execute("update agency set parent = $2 where id = $1", agency, parent)
        async with database.transaction() as session:
            await session.execute("select set_config('khue.actor', 'test', true)")
            await session.execute(
                "update camera set purpose = $2, disclosure = 'counted', owner = $3 where id = $1",
                *(chance.choice(self.cameras), chance.choice(PURPOSES), chance.choice(self.agencies)),
            )
        await database.execute(
            "delete from camera_group_member where camera_group = 'g-0' and camera = $1", chance.choice(self.cameras)
        )
        for _ in range(5):
            await self.appoint()
        for _ in range(30):
            await self.give()
