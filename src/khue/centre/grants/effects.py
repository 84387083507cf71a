"""What would change if a grant were given or revoked: done, looked at, and rolled back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from khue.centre.access.refusals import Text
from khue.centre.access.rules import Account, Right
from khue.centre.grants.refusing import Withheld, in_words
from khue.centre.grants.service import Grants
from khue.centre.grants.terms import GrantIn
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.errors import Denied

_SQL = Queries(__file__)
_SAMPLE = 10
Reached = dict[str, dict[str, int]]  # account to right to cameras, a bit for each by its number


class Touched(msgspec.Struct, frozen=True):
    account: str
    display_name: str
    cameras: int


class Change(msgspec.Struct, frozen=True):
    """How many people, with how many cameras between them, of those the asker sees; the most touched first."""

    people: int = 0
    cameras: int = 0
    sample: list[Touched] = []


class Effect(msgspec.Struct, frozen=True):
    """``refused`` says why it cannot be done at all; ``refused_text`` for people, in both languages."""

    gained: Change
    lost: Change
    refused: str | None = None
    refused_text: Text | None = None


class _Undone(Exception):
    """Nothing of this is kept."""


class Effects:
    def __init__(self, database: Database, grants: Grants) -> None:
        self._database = database
        self._grants = grants

    async def of_giving(self, asker: Account, wish: GrantIn) -> Effect:
        """Raises Invalid, NotFound, Conflict as giving would."""
        columns = await self._grants.checked(asker, wish)
        refused: Denied = Withheld("grant_not_held")
        for parent in await self._grants.parents(asker, wish, columns):
            told: list[Effect] = []
            try:
                async with self._database.transaction() as session:
                    fleet = await Fleet.read(session)
                    grant = await self._grants.insert(session, asker, parent, columns)
                    people = await _affected(session, [grant])
                    after = await _reached(session, fleet, people)
                    before = await _reached(session, fleet, people, without={grant})
                    told.append(await self._effect(session, asker, before, after))
                    raise _Undone
            except _Undone:
                return told[0]
            except Denied as error:
                refused = in_words(error)
        return _refusing(refused)

    async def of_revoking(self, asker: Account, grant: str) -> Effect:
        """Raises NotFound."""
        try:
            await self._grants.may_revoke(asker, grant)
        except Denied as error:
            return _refusing(error)
        async with self._database.transaction("repeatable_read", readonly=True) as session:
            fleet = await Fleet.read(session)
            below = {row["id"] for row in await session.fetch(_SQL["lineage_below"], grant)}
            people = await _affected(session, sorted(below))
            before = await _reached(session, fleet, people)
            after = await _reached(session, fleet, people, without=below)
            return await self._effect(session, asker, before, after)

    async def _effect(self, session: Statements, asker: Account, before: Reached, after: Reached) -> Effect:
        row = await self._grants.reach(asker, Right.SEE)
        sight = int.from_bytes(row["bits"], "little")
        return Effect(await _change(session, before, after, sight), await _change(session, after, before, sight))


def _refusing(error: Denied) -> Effect:
    return Effect(Change(), Change(), str(error), error.text if isinstance(error, Withheld) else None)


class Fleet:
    """Cameras by what grants ask of them, as bits by number: what a grant reaches is a few operations on whole integers."""

    def __init__(self, cameras: Iterable[Row], members: Iterable[Row], paths: Mapping[str, str]) -> None:
        self._units: dict[str, int] = {}
        self._holders: dict[str, int] = {}
        self._purposes: dict[str, int] = {}
        self._cameras: dict[str, int] = {}
        parts: list[dict[str, list[int]]] = [{}, {}, {}]
        numbers: list[int] = []
        for row in cameras:
            number = row["number"]
            numbers.append(number)
            self._cameras[row["id"]] = 1 << number
            keyed = ((parts[0], row["unit"]), (parts[1], row["owner"]), (parts[1], row["manager"]))
            for part, key in (*keyed, (parts[2], row["purpose"])):
                if key is not None:
                    part.setdefault(key, []).append(number)
        self.all = _bits(numbers)
        self._units, self._holders, self._purposes = ({k: _bits(v) for k, v in part.items()} for part in parts)
        self._groups = {row["camera_group"]: self._named(row["cameras"]) for row in members}
        self._below: dict[str, list[str]] = {}
        for agency, path in paths.items():
            for above in path.split("."):
                self._below.setdefault(above, []).append(agency)

    @classmethod
    async def read(cls, session: Statements) -> Fleet:
        paths = {row["id"]: row["path"] for row in await session.fetch(_SQL["paths"])}
        return cls(await session.fetch(_SQL["fleet_facts"]), await session.fetch(_SQL["members"]), paths)

    def reach(self, grant: Row) -> int:
        """The cameras a grant is about."""
        found = self.all if grant["defence"] else self.all & ~self._purposes.get("defence", 0)
        if grant["units"] is not None:
            found &= _any(self._units, grant["units"])
        if grant["fleets"] is not None:
            found &= _any(self._holders, {below for fleet in grant["fleets"] for below in self._below.get(fleet, ())})
        if grant["camera_purposes"] is not None:
            found &= _any(self._purposes, grant["camera_purposes"])
        if grant["cameras"] is not None:
            found &= self._named(grant["cameras"])
        for group in grant["groups"] or ():
            found &= self._groups.get(group, 0)
        return found

    def _named(self, cameras: Iterable[str]) -> int:
        return _any(self._cameras, cameras)


def _any(parts: Mapping[str, int], keys: Iterable[str]) -> int:
    found = 0
    for key in keys:
        found |= parts.get(key, 0)
    return found


def _bits(numbers: Sequence[int]) -> int:
    made = bytearray(max(numbers, default=0) // 8 + 1)
    for number in numbers:
        made[number // 8] |= 1 << number % 8
    return int.from_bytes(made, "little")


async def _affected(session: Statements, grants: Sequence[str]) -> list[str]:
    return [row["account"] for row in await session.fetch(_SQL["affected"], list(grants))]


async def _reached(
    session: Statements, fleet: Fleet, people: Sequence[str], without: frozenset[str] | set[str] = frozenset()
) -> Reached:
    """What each may do now, were it not for some grants. Nobody does anything with a camera they do not see."""
    held = [row for row in await session.fetch(_SQL["held_by"], list(people)) if row["id"] not in without]
    terms = await session.fetch(_SQL["terms_of"], list({row["id"] for row in held}))
    reach = {row["id"]: fleet.reach(row) for row in terms}
    found: Reached = {person: {} for person in people}
    for row in held:
        rights = found[row["account"]]
        for right in row["rights"]:
            rights[right] = rights.get(right, 0) | reach[row["id"]]
    for rights in found.values():
        seen = rights.get(Right.SEE, 0)
        for right in rights:
            rights[right] &= seen
    return found


async def _change(session: Statements, before: Reached, after: Reached, sight: int) -> Change:
    """What is in ``after`` and was not in ``before``."""
    new = {
        person: _any({right: bits & ~before[person].get(right, 0) & sight for right, bits in rights.items()}, rights)
        for person, rights in after.items()
    }
    new = {person: bits for person, bits in new.items() if bits}
    most = sorted(new, key=lambda person: (-new[person].bit_count(), person))[:_SAMPLE]
    names = {row["id"]: row["display_name"] for row in await session.fetch(_SQL["names_of"], most)}
    sample = [Touched(person, names[person], new[person].bit_count()) for person in most]
    return Change(len(new), _any(new, new).bit_count(), sample)
