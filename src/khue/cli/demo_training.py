"""Two wards, their people and what they were granted: whom the exercises are done with in ``khue demo --training``."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.table import Table

from khue.cli.api import Api

_BASIS = "Quyết định diễn tập 01"


class Person(msgspec.Struct, frozen=True):
    """Somebody to sign in as. ``does`` are the exercises meant for them."""

    username: str
    password: str
    title: str
    does: str


class Crew(msgspec.Struct, frozen=True):
    """Everybody, and the cameras of each of the two wards."""

    people: tuple[Person, ...]
    ours: tuple[str, ...]
    neighbours: tuple[str, ...]
    neighbour: str  # the agency that owns them

    def table(self) -> Table:
        shown = Table("Sign in as", "Password", "Post", "For", title="Diễn tập / Training")
        for person in self.people:
            shown.add_row(person.username, person.password, person.title, person.does)
        return shown


def make_crew(api: Api, cameras: Sequence[str]) -> Crew:
    """Half of the cameras for each ward. ``api`` is an administrator's. Raises KhueError."""
    half = len(cameras) // 2
    ours, neighbours = tuple(cameras[:half]), tuple(cameras[half:])
    ward = _agency(api, "Công an phường Hoàn Kiếm (diễn tập)", ours)
    other = _agency(api, "Công an phường Cửa Nam (diễn tập)", neighbours)
    watching = ["see", "live", "playback", "export", "ptz"]
    officer = _post(api, ward, "ward_police", "Trực ban", "Officer on duty", {ward: watching, other: ["see"]})
    commander = _post(api, ward, "shift_commander", "Chỉ huy ca", "Shift commander", {ward: [*watching, "approve"]})
    approver = _post(api, other, "approver", "Người phê duyệt", "Approver", {other: ["approve"]})
    people = (
        _person(api, "truc-ban", "member", "Trực ban / Officer on duty", "1, 2, 3, 5, 6", officer),
        _person(api, "chi-huy", "member", "Chỉ huy ca / Shift commander", "6: confirms", commander),
        _person(api, "phuong-ben", "member", "Người phê duyệt phường bên / Approver next door", "3: decides", approver),
        _person(api, "kiem-toan", "auditor", "Kiểm toán / Auditor", "4; 6: reviews"),
    )
    return Crew(people, ours, neighbours, other)


def _agency(api: Api, name: str, cameras: Sequence[str]) -> str:
    """The id of a new agency that owns these cameras."""
    agency = str(api.call("POST", "/registry/agencies", {"name": name, "kind": "police"})["id"])
    for camera in cameras:
        record: dict[str, Any] = api.call("GET", f"/registry/cameras/{camera}")
        change = {"fields": {"owner": agency, "purpose": "security"}, "reason": _BASIS, "revision": record["revision"]}
        api.call("PATCH", f"/registry/cameras/{camera}", change)
    return agency


def _post(api: Api, agency: str, kind: str, title: str, title_en: str, grants: dict[str, list[str]]) -> str:
    """The id of a new post, with rights over the cameras of agencies."""
    body = {"agency": agency, "kind": kind, "title": title, "title_en": title_en}
    made = str(api.call("POST", "/organisation/posts", body)["id"])
    for fleet, rights in grants.items():
        given = {"post": made, "rights": rights, "target": {"fleets": [fleet]}, "basis": _BASIS}
        api.call("POST", "/grants", given)
    return made


def _person(api: Api, username: str, role: str, title: str, does: str, post: str = "") -> Person:
    password = f"dien-tap-{secrets.token_hex(4)}"
    body = {"username": username, "display_name": title.partition(" /")[0], "password": password, "role": role}
    account = api.call("POST", "/accounts", body)["id"]
    if post:
        api.call("POST", f"/organisation/posts/{post}/tenures", {"account": account, "basis": _BASIS})
    return Person(username, password, title, does)
