"""A city's police and two wards with people at their desks, what they were given, and a browser in front of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import centre_world
import httpx
from fleet_console_world import FleetWorld, watched
from playwright.sync_api import Page, expect

PASSWORD = "mot-hai-ba-bon-nam-sau"
UNIT, OTHER_UNIT = "00004", "00008"
DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
# name, kind, the one above
AGENCIES = (
    ("Công an Thành phố", "police", None),
    ("Phòng Cảnh sát giao thông", "police", "Công an Thành phố"),
    ("Công an phường Ba Đình", "police", "Công an Thành phố"),
    ("Công an phường Ngọc Hà", "police", "Công an Thành phố"),
    ("Sở Xây dựng", "department", None),
)
# user name, name, agency, kind of post, title
PEOPLE = (
    ("hung", "Nguyễn Văn Hùng", "Công an Thành phố", "approver", "Trưởng phòng phê duyệt"),
    ("mai", "Trần Thị Mai", "Công an phường Ba Đình", "ward_police", "Trực ban phường Ba Đình"),
    ("anh", "Lê Quốc Anh", "Công an phường Ba Đình", "ward_police", "Cảnh sát khu vực Ba Đình"),
    ("tuan", "Lê Minh Tuấn", "Công an phường Ngọc Hà", "ward_police", "Trực ban phường Ngọc Hà"),
    ("chi", "Phạm Thùy Chi", "Phòng Cảnh sát giao thông", "shift_commander", "Chỉ huy ca trực giao thông"),
    ("dung", "Vũ Tiến Dũng", "Phòng Cảnh sát giao thông", "duty_officer", "Trực ban giao thông"),
    ("lan", "Hoàng Lan", "Sở Xây dựng", "inspector", "Thanh tra Sở"),
)
# name, owner, unit, purpose
CAMERAS = (
    ("Ngã tư Điện Biên Phủ", "Phòng Cảnh sát giao thông", UNIT, "traffic_safety"),
    ("Nút Hùng Vương", "Phòng Cảnh sát giao thông", UNIT, "traffic_safety"),
    ("Phố Đội Cấn", "Phòng Cảnh sát giao thông", OTHER_UNIT, "traffic_safety"),
    ("Chợ Ngọc Hà", "Công an phường Ngọc Hà", OTHER_UNIT, "security"),
    ("Kho K9", "Công an Thành phố", UNIT, "defence"),
)


class City:
    """Ids by the names above."""

    def __init__(self, world: centre_world.World, admin: httpx.AsyncClient) -> None:
        self.world, self.admin = world, admin
        self.agencies: dict[str, str] = {}
        self.posts: dict[str, str] = {}
        self.people: dict[str, str] = {}
        self.cameras: dict[str, str] = {}

    async def ask(self, method: str, path: str, body: object = None, *, by: str = "") -> Any:
        client = await self.world.client(by, PASSWORD) if by else self.admin
        reply = await client.request(method, f"/api/v1{path}", json=body)
        assert reply.is_success, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None

    async def give(self, title: str, rights: list[str], **wish: Any) -> str:
        """A grant to a post, by the administrator."""
        body = {"post": self.posts[title], "rights": rights, "basis": "12/QĐ-CATP", "target": {}, **wish}
        return str((await self.ask("POST", "/grants", body))["id"])

    async def settle(self) -> None:
        for name, kind, above in AGENCIES:
            parent = self.agencies[above] if above else None
            body = {"name": name, "kind": kind, "parent": parent}
            self.agencies[name] = (await self.ask("POST", "/registry/agencies", body))["id"]
        for username, name, agency, kind, title in PEOPLE:
            account = {"username": username, "display_name": name, "password": PASSWORD, "role": "member"}
            self.people[username] = (await self.ask("POST", "/accounts", account))["id"]
            post = {"agency": self.agencies[agency], "kind": kind, "title": title}
            self.posts[title] = (await self.ask("POST", "/organisation/posts", post))["id"]
            tenure = {"account": self.people[username], "basis": "5/QĐ-CATP"}
            await self.ask("POST", f"/organisation/posts/{self.posts[title]}/tenures", tenure)
        for number, (name, owner, unit, purpose) in enumerate(CAMERAS):
            facts = {"owner": self.agencies[owner], "unit": unit, "purpose": purpose, "lat": 21.03, "lon": 105.83}
            fields = {"name": name, "rtsp_main": f"rtsp://192.0.2.9/{number}", **facts}
            made = await self.ask("POST", "/registry/cameras", {"fields": fields, "reason": "test"})
            self.cameras[name] = made["id"]
        traffic = {"fleets": [self.agencies["Phòng Cảnh sát giao thông"]]}
        everything = ["see", "live", "playback", "ptz", "approve"]
        await self.give("Trưởng phòng phê duyệt", everything, passes=4)
        await self.give("Chỉ huy ca trực giao thông", everything, passes=2, target=traffic)
        await self.give("Trực ban giao thông", ["see", "live"], target=traffic)
        await self.give("Trực ban phường Ba Đình", ["see", "live"], target={"units": [UNIT]})
        await self.give("Trực ban phường Ngọc Hà", ["see"], target={"units": [UNIT, OTHER_UNIT]})
        await self.give("Thanh tra Sở", ["see", "audit"])


class AccessWorld:
    """``call`` runs a coroutine where the centre lives; ``page`` is signed in as one of the people, or as the administrator."""

    def __init__(self, fleet: FleetWorld, city: City) -> None:
        self.fleet, self.city = fleet, city

    def ask(self, method: str, path: str, body: object = None, *, by: str = "") -> Any:
        return self.fleet.call(self.city.ask(method, path, body, by=by))

    def fetch(self, statement: str, *arguments: object) -> list[Any]:
        return self.fleet.fetch(statement, *arguments)

    @contextlib.contextmanager
    def page(self, address: str, by: str = "admin", *, language: str = "vi-VN", **context: Any) -> Iterator[Page]:
        """At ``#/address``; nothing on it may fail or be wider than the window when it is left."""
        with self.fleet.browser.new_context(locale=language, **{**DESK, **context}) as profile:
            page = profile.new_page()
            failures: list[str] = []
            page.on("pageerror", lambda error: failures.append(str(error)))
            page.goto(f"{self.city.world.centre.url}/#/{address}")
            page.fill("input[name=username]", by)
            page.fill("input[name=password]", self.city.world.password if by == "admin" else PASSWORD)
            page.click("form button")
            page.wait_for_selector("nav")
            yield page
            assert failures == []
            assert overflow(page) <= 0


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(
        page.evaluate("() => { const m = document.querySelector('main'); return m.scrollWidth - m.clientWidth }")
    )


@contextlib.contextmanager
def running() -> Iterator[AccessWorld]:
    """The city settled; all of it gone afterwards."""
    cities: list[City] = []

    @contextlib.asynccontextmanager
    async def settled() -> AsyncIterator[centre_world.World]:
        async with centre_world.world() as world:
            city = City(world, await world.client())
            await city.settle()
            cities.append(city)
            yield world

    expect.set_options(timeout=20_000)  # a busy machine is no failure
    with watched(settled) as fleet:
        yield AccessWorld(fleet, cities[0])
