"""Two wards, traffic police and the city above them, with people at their desks, over a centre on real engines."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from centre_world import World, world

from khue.centre.access.scope import NO_SUCH_CAMERA

PASSWORD = "mot-hai-ba-bon-nam-sau"
UNIT, OTHER_UNIT = "00004", "00008"
AGENCIES = (
    ("hanoi", "city", None),
    ("cong-an", "police", "hanoi"),
    ("phuong-a", "police", "cong-an"),
    ("phuong-b", "police", "cong-an"),
    ("giao-thong", "department", "hanoi"),
)
# name, agency, kind of post
PEOPLE = (
    ("asker", "phuong-a", "ward_police"),
    ("colleague", "phuong-a", "ward_police"),
    ("owner", "giao-thong", "approver"),
    ("owner2", "giao-thong", "approver"),
    ("above", "hanoi", "approver"),
    ("planner", "giao-thong", "planner"),
    ("planner2", "giao-thong", "planner"),
    ("inspector", "hanoi", "inspector"),
    ("clerk", "phuong-b", "ward_clerk"),
)


class Person(msgspec.Struct):
    id: str
    post: str
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Any = None, *, expect: int = 200, **more: Any) -> Any:
        """The JSON of the answer; for an error, what it says."""
        reply = await self.client.request(method, f"/api/v1{path}", json=body, **more)
        assert reply.status_code == expect, (reply.status_code, reply.text)
        said: Any = reply.json() if reply.content else None
        return said["error"] if expect >= 400 else said

    async def may(self, camera: str, purpose: str = "", case: str = "", reason: str = "") -> bool:
        """Whether it is let through to a picture; that no node is there to take one does not matter."""
        said = {"purpose": purpose, "case": case, "reason": reason}
        headers = {f"X-Khue-{name}": quote(value) for name, value in said.items() if value}
        reply = await self.client.get(f"/api/v1/cameras/{camera}/snapshot", headers=headers)
        return reply.status_code != 403 and NO_SUCH_CAMERA not in reply.text

    async def told(self) -> list[str]:
        """Kinds of its notices, newest first."""
        return [str(one["kind"]) for one in (await self.ask("GET", "/notices"))["items"]]


class City(msgspec.Struct):
    """``traffic`` and ``traffic2`` are cameras of giao-thong, ``ward`` one of phuong-b, ``defence`` one nobody here sees."""

    world: World
    admin: Person
    people: dict[str, Person]
    traffic: str
    traffic2: str
    ward: str
    defence: str

    def __getitem__(self, name: str) -> Person:
        return self.people[name]

    @property
    def database(self) -> Any:
        return self.world.engines.database

    async def grant(self, post: str, rights: list[str], *, passes: int = 0, valid_to: Any = None, **target: Any) -> str:
        """One nobody derived: as an appointment."""
        made = secrets.token_hex(8)
        await self.database.execute(
            "insert into access_grant (id, post, rights, fleets, units, cameras, camera_purposes, purposes, defence, valid_to,"
            " passes, origin, lineage, given_by, basis) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'appointment',"
            " '{}', 'test', 'QĐ 1')",
            *(made, post, rights, target.get("fleets"), target.get("units"), target.get("cameras")),
            *(target.get("camera_purposes"), target.get("purposes"), target.get("defence", False), valid_to, passes),
        )
        return made


def at(**period: float) -> dt.datetime:
    """From now."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(**period)


def later(**period: float) -> str:
    """From now, as JSON has it."""
    return at(**period).isoformat()


async def _stating_nothing(here: World, name: str) -> httpx.AsyncClient:
    client = await here.client(name, PASSWORD)
    for what in ("Purpose", "Case", "Reason"):
        client.headers.pop(f"X-Khue-{what}", None)
    return client


@contextlib.asynccontextmanager
async def city() -> AsyncIterator[City]:
    async with world() as here:
        client = await here.client()
        admin = Person("", "", client)
        for name, kind, parent in AGENCIES:
            body = {"name": name, "kind": kind, "parent": parent}
            await admin.ask("POST", "/registry/agencies", body, expect=201)
        database = here.engines.database
        people = {}
        for name, agency, kind in PEOPLE:
            account = {"username": name, "display_name": name.title(), "password": PASSWORD, "role": "member"}
            made = await admin.ask("POST", "/accounts", account, expect=201)
            post = f"{agency}-{name}"
            await database.execute(
                "insert into post (id, agency, kind, title) values ($1, $2, $3, $4)", post, agency, kind, name
            )
            await database.execute(
                "insert into tenure (account, post, basis, given_by) values ($1, $2, 'QĐ 1', 'test')", made["id"], post
            )
            people[name] = Person(made["id"], post, await _stating_nothing(here, name))
        cameras: list[str] = []
        for name, owner, purpose in (
            ("Nút giao 1", "giao-thong", "traffic_safety"),
            ("Nút giao 2", "giao-thong", "traffic_safety"),
            ("Ngõ 3", "phuong-b", "security"),
            ("Kho 4", "giao-thong", "defence"),
        ):
            fields = {"name": name, "owner": owner, "purpose": purpose, "unit": UNIT, "lat": 21.0, "lon": 105.8}
            fields["rtsp_main"] = f"rtsp://192.0.2.9/{len(cameras)}"
            made = await admin.ask("POST", "/registry/cameras", {"fields": fields, "reason": "test"}, expect=201)
            cameras.append(made["id"])
        admin.id = await database.fetchval("select id from account where username = 'admin'")
        made_city = City(here, admin, people, *cameras)
        fleet = ["see", "live", "playback", "ptz", "approve"]
        for name in ("owner", "owner2"):
            await made_city.grant(people[name].post, fleet, passes=2, fleets=["giao-thong"])
        await made_city.grant(people["above"].post, fleet, passes=3)
        await made_city.grant(people["asker"].post, ["see"], fleets=["giao-thong"])
        for name in ("planner", "planner2"):
            await made_city.grant(people[name].post, ["see", "playback"], fleets=["giao-thong"])
        await made_city.grant(people["inspector"].post, ["see", "audit"])
        yield made_city
