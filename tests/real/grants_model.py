"""The rules of access once more, in plain Python over plain rows: what the database and the API are held against."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Record = Mapping[str, Any]


class Asker(NamedTuple):
    """An account, perhaps held to some of its grants by a token."""

    account: str
    only: frozenset[str] | None = None


class Held(NamedTuple):
    grant: Record
    kind: str


class Model:
    """Everything there is, read once; ``now`` is when."""

    def __init__(self, now: dt.datetime, tables: Mapping[str, Iterable[Record]], timezone: str) -> None:
        self.now, self.local = now, now.astimezone(ZoneInfo(timezone))
        self.cameras = {row["id"]: row for row in tables["camera"] if row["deleted"] is None}
        self.grants = {row["id"]: row for row in tables["access_grant"]}
        self.rules = {(row["kind"], row["right_name"]): row for row in tables["regulation_rule"]}
        self._posts = {row["id"]: row for row in tables["post"]}
        self._covered: dict[tuple[str, str], bool] = {}
        self._standing: dict[Asker, list[Held]] = {}
        self._tenures = list(tables["tenure"])
        self._parent = {row["id"]: row["parent"] for row in tables["agency"]}
        self._members = {(row["camera_group"], row["camera"]) for row in tables["camera_group_member"]}

    def above(self, agency: str | None) -> Iterator[str]:
        """The agency and those above it."""
        while agency is not None:
            yield agency
            agency = self._parent[agency]

    def standing(self, who: Asker) -> list[Held]:
        """All somebody holds now, whatever the hour."""
        if who not in self._standing:
            self._standing[who] = [*self._holds(who)]
        return self._standing[who]

    def _holds(self, who: Asker) -> Iterator[Held]:
        for tenure in self._tenures:
            post = self._posts[tenure["post"]]
            if tenure["account"] != who.account or post["closed"] is not None or not self._now(tenure):
                continue
            places = set(self.above(post["agency"]))
            for grant in self.grants.values():
                held = grant["post"] == post["id"] or grant["agency"] in places
                if (
                    held
                    and grant["revoked"] is None
                    and self._now(grant)
                    and (who.only is None or grant["id"] in who.only)
                ):
                    yield Held(grant, post["kind"])

    def covers(self, grant: Record, camera: Record) -> bool:
        """Whether the grant is about the camera."""
        place = grant["id"], camera["id"]
        if place not in self._covered:
            self._covered[place] = self._covers(grant, camera)
        return self._covered[place]

    def _covers(self, grant: Record, camera: Record) -> bool:
        owners = {*self.above(camera["owner"]), *self.above(camera["manager"])}
        return (
            (grant["defence"] or camera["purpose"] != "defence")
            and (grant["units"] is None or camera["unit"] in grant["units"])
            and (grant["camera_purposes"] is None or camera["purpose"] in grant["camera_purposes"])
            and (grant["cameras"] is None or camera["id"] in grant["cameras"])
            and (grant["fleets"] is None or bool(owners & {*grant["fleets"]}))
            and all((group, camera["id"]) in self._members for group in grant["groups"] or ())
        )

    def on(self, grant: Record) -> bool:
        """Whether it holds at this hour."""
        clock, start, end = self.local.time(), grant["hours_from"], grant["hours_to"]
        inside = start is None or (start <= clock < end if start <= end else clock >= start or clock < end)
        return inside and (grant["weekdays"] is None or self.local.isoweekday() in grant["weekdays"])

    def reaches(self, who: Asker, right: str, camera: str) -> bool:
        """What row security shows for a right."""
        return any(
            self.covers(held.grant, self.cameras[camera]) for held in self.standing(who) if self._gives(held, right)
        )

    def verdict(self, who: Asker, right: str, camera: str, stated: str = "") -> str:
        """``unknown``, ``allowed``, ``needs`` (something was not said), or ``no``."""
        row = self.cameras.get(camera)
        if camera and (row is None or not self.reaches(who, "see", camera)):
            return "unknown"
        able = []
        for held in self.standing(who):
            if self._gives(held, right) and (row is None or self.covers(held.grant, row)):
                rule = self.rules[held.kind, right]
                if self._may_say(held.grant, rule, right, stated or rule["default_purpose"]):
                    able.append(tuple(rule[f"needs_{name}"] for name in ("second", "case", "reason")))
        if not able:
            return "no"
        return "needs" if any(min(able)) else "allowed"

    def may_ever(self, who: Asker, right: str, camera: str) -> bool:
        """Whether some purpose may be stated for it."""
        purposes = {name for rule in self.rules.values() for name in rule["purposes"] or ()}
        return any(self.verdict(who, right, camera, purpose) in ("allowed", "needs") for purpose in {"", *purposes})

    def _gives(self, held: Held, right: str) -> bool:
        return right in held.grant["rights"] and (held.kind, right) in self.rules and self.on(held.grant)

    def _may_say(self, grant: Record, rule: Record, right: str, said: str | None) -> bool:
        if right == "see":
            return True
        if said is None:
            return not rule["needs_purpose"] and grant["purposes"] is None
        if rule["needs_purpose"] and rule["purposes"] is not None and said not in rule["purposes"]:
            return False
        return grant["purposes"] is None or said in grant["purposes"]

    def _now(self, row: Record) -> bool:
        return row["valid_from"] <= self.now and (row["valid_to"] is None or row["valid_to"] > self.now)
