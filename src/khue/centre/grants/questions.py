"""Who can see this camera? What can this post see? What may I do here? All three say what the gate would."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from khue.centre.access.gate import GrantGate
from khue.centre.access.refusals import Ask, Clause, Text, Verdict
from khue.centre.access.rules import Account, Right
from khue.centre.access.scope import NO_SUCH_CAMERA, as_reader, filter_seen
from khue.centre.grants.service import ANSWERS_FOR, Grants
from khue.centre.grants.terms import Grant, Hours, hours_of
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries
from khue.model.errors import Denied, NotFound

_SQL = Queries(__file__)
NEEDS = ("purpose", "reason", "case", "second")
_ALLOWED = Text("Được phép.", "You may.")


class Watcher(msgspec.Struct, frozen=True):
    """Somebody who may, by one grant through one post; ``rights`` are those it gives with this camera."""

    account: str
    username: str
    display_name: str
    post: str
    title: str
    title_en: str
    agency: str | None
    agency_name: str | None
    rights: list[str]
    grant: str
    purposes: list[str] | None
    hours: Hours | None
    valid_to: dt.datetime | None
    origin: str


class Who(msgspec.Struct, frozen=True):
    camera: str
    name: str
    items: list[Watcher]


class HeldRight(msgspec.Struct, frozen=True):
    """``cameras``: how many the asker sees of those it holds for now. ``needs``: what has to be stated."""

    right: str
    cameras: int
    clause: Clause | None
    purposes: list[str] | None
    default_purpose: str | None
    needs: list[str]


class UnitCount(msgspec.Struct, frozen=True):
    """``unit`` null: cameras without a place."""

    unit: str | None
    name: str | None
    cameras: int


class What(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    post: str | None = None
    account: str | None = None
    rights: list[HeldRight]
    units: list[UnitCount]
    grants: list[Grant]


class Check(msgspec.Struct, frozen=True):
    """What the gate would say, and what would have to be stated."""

    verdict: Verdict
    text: Text
    grant: str | None
    post: str | None
    clause: Clause | None
    needs: list[str]
    ask: tuple[Ask, ...] = ()


class Questions:
    def __init__(self, database: Database, grants: Grants) -> None:
        self._database = database
        self._grants = grants
        self._gate = GrantGate(database)

    async def who(self, asker: Account, camera: str, right: Right | None, at: dt.datetime | None) -> Who:
        """Everybody, for those who answer for the camera; oneself for others. Raises NotFound."""
        named = await self._database.fetchrow(_SQL["camera"], camera)
        if named is None or not await filter_seen(self._database, asker, [camera]):
            raise NotFound(NO_SUCH_CAMERA)
        only = "" if await self._answers_for(asker, camera) else asker.id
        when = at or dt.datetime.now(dt.UTC)
        rows = await self._database.fetch(_SQL["who"], camera, when, right or "", only)
        return Who(camera, named["name"], [_watcher(row) for row in rows])

    async def what(self, asker: Account, post: str, account: str) -> What:
        """Of one post, or of all an account holds. Raises NotFound, Denied for others' when one answers for no camera."""
        about = _SQL["is_post"] if post else _SQL["is_account"]
        if not await self._database.fetchval(about, post or account):
            raise NotFound("there is no such post" if post else "there is no such account")
        own = account == asker.id or bool(post and await self._database.fetchval(_SQL["holds_post"], asker.id, post))
        if not own and not await self._answers_for(asker, ""):
            raise Denied("what others hold is shown to those who decide requests, audit or administer")
        rows = await self._database.fetch(_SQL["standing_of"], "" if post else account, post)
        rights, seen = [], b""
        reached: dict[frozenset[str], bytes] = {}
        for right in Right:
            ruled = [row for row in rows if row["right_name"] == right and row["now_on"]]
            if not ruled:
                continue
            by = frozenset(row["id"] for row in ruled)
            if by not in reached:
                reached[by] = await self._database.fetchval(_SQL["reach_of_grants"], sorted(by)) or b""
            rights.append(await self._held(asker, right, ruled, reached[by]))
            seen = reached[by] if right is Right.SEE else seen
        async with as_reader(self._database, asker) as session:
            counted = await session.fetch(_SQL["count_by_unit"], seen)
        units = [UnitCount(row["unit"], row["name"], row["cameras"]) for row in counted]
        ids = await self._grants.readable(asker, list(dict.fromkeys(row["id"] for row in rows)))
        grants = await self._grants.whole(ids)
        return What(post=post or None, account=account or None, rights=rights, units=units, grants=grants)

    async def check(self, asker: Account, camera: str, right: Right, purpose: str) -> Check:
        """Of oneself. Raises NotFound for a camera one may not know of."""
        row = await self._gate.decide(asker, right, camera, purpose)
        verdict = Verdict(row["verdict"])
        if verdict is Verdict.UNKNOWN:
            raise NotFound(NO_SUCH_CAMERA)
        allowed = verdict is Verdict.ALLOWED
        refusal = await self._gate.refusal(Verdict.NO_RIGHT if allowed else verdict, right, camera, row)
        needs = [name for name in ("reason", "case", "second") if row[f"needs_{name}"]]
        if verdict is Verdict.PURPOSE_NEEDED:
            needs.insert(0, "purpose")
        text, ask = (_ALLOWED, ()) if allowed else (refusal.text, refusal.ask)
        return Check(verdict, text, row["grant_id"], row["post"], refusal.clause, needs, ask)

    async def _answers_for(self, asker: Account, camera: str) -> bool:
        for right in ANSWERS_FOR:
            if (await self._gate.decide(asker, right, camera, ""))["verdict"] == Verdict.ALLOWED:
                return True
        return False

    async def _held(self, asker: Account, right: Right, ruled: Sequence[Row], bits: bytes) -> HeldRight:
        """By the rule that asks for least, as the gate takes it."""
        async with as_reader(self._database, asker) as session:
            cameras = await session.fetchval(_SQL["count_reached"], bits)
        rule = ruled[0]
        clause = Clause(rule["version"], rule["clause"], rule["vi"], rule["en"])
        needs = [name for name in NEEDS if rule[f"needs_{name}"]]
        return HeldRight(right, cameras, clause, _purposes(ruled), rule["default_purpose"], needs)


def _purposes(ruled: Sequence[Row]) -> list[str] | None:
    """That may be stated by one grant or another; null is any."""
    together: set[str] = set()
    for row in ruled:
        both = [{*names} for names in (row["purposes"], row["for_purposes"]) if names is not None]
        if not both:
            return None
        together |= set.intersection(*both)
    return sorted(together)


def _watcher(row: Row) -> Watcher:
    rest = {name: row[name] for name in Watcher.__struct_fields__ if name not in ("grant", "hours")}
    return Watcher(grant=row["grant_id"], hours=hours_of(row), **rest)
