"""What asking rests on: the terms in force, the post somebody asks for, and who has to be told."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from khue.centre.access.refusals import Clause, Refusal, Text, Verdict
from khue.centre.access.rules import Account, Right
from khue.centre.errors import Invalid
from khue.centre.ports import Database, Row, Statements
from khue.centre.requests.refusing import Declined, TooLate
from khue.centre.requests.rules import Holder, Rule, Target, Terms, barred, read_terms
from khue.centre.requests.rules import told as nearest
from khue.centre.sql import Queries

_SQL = Queries(__file__)


class Desk(msgspec.Struct, frozen=True):
    """A post somebody holds now; ``agency`` None for the personal one."""

    id: str
    agency: str | None
    kind: str
    title: str


class People:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def terms(self, session: Statements | None = None) -> Terms:
        """Raises Conflict while no regulation is in force: then nothing can be asked either."""
        row = await (session or self._database).fetchrow(_SQL["terms"])
        if row is None:
            raise TooLate("no_regulation")
        return read_terms(row["id"], row["timezone"], row["settings"])

    async def desks(self, account: Account) -> list[Desk]:
        """What the account holds now; posts of agencies first."""
        rows = await self._database.fetch(_SQL["posts_of"], account.id)
        return [Desk(row["id"], row["agency"], row["kind"], row["title"]) for row in rows]

    async def desk(self, account: Account, stated: str, suits: Collection[str] | None = None) -> Desk:
        """The post stated; else the first of a kind that ``suits``, else the first. Raises Denied, Invalid."""
        desks = await self.desks(account)
        if stated:
            for desk in desks:
                if desk.id == stated:
                    return desk
            raise Declined("not_your_post")
        if not desks:
            raise Invalid("you hold no post to ask for")
        fitting = [desk for desk in desks if suits is None or desk.kind in suits]
        return (fitting or desks)[0]

    async def suitable(self, account: Account, stated: str, rights: Collection[Right], purpose: str, case: str) -> Desk:
        """The post it would be used in: the one stated, else the first the regulation lets use all of it.

        Raises Refusal, with the clause, when there is none.
        """
        desks = [await self.desk(account, stated)] if stated else await self.desks(account)
        if not desks:
            raise Invalid("you hold no post to ask for")
        worst: Refusal | None = None
        for desk in desks:
            rules = await self.rules(desk.kind)
            why = barred(rules, {*rights, Right.SEE}, purpose, case)
            if why is None:
                return desk
            worst = worst or await self._refusal(*why, rules)
        assert worst is not None
        raise worst

    async def rules(self, kind: str) -> dict[Right, Rule]:
        """What the regulation in force lets such posts do."""
        rows = await self._database.fetch(_SQL["rules_of_kind"], kind)
        return {
            Right(row["right_name"]): Rule(
                None if row["purposes"] is None else frozenset(row["purposes"]), row["needs_case"], row["clause"]
            )
            for row in rows
        }

    async def clause(self, version: str, number: str) -> Clause | None:
        row = await self._database.fetchrow(_SQL["clause"], version, number)
        return None if row is None else Clause(version, number, row["vi"], row["en"])

    async def _refusal(self, verdict: Verdict, right: Right, rules: dict[Right, Rule]) -> Refusal:
        terms = await self.terms()
        number = rules[right].clause if right in rules else terms.kind_clause
        return Refusal(verdict, right, "", terms.version, await self.clause(terms.version, number))

    # -- who is told -----------------------------------------------------------------------------------------------

    async def holders(self, session: Statements, right: Right, target: Target) -> list[Holder]:
        """Who holds a right to some of these cameras."""
        return _holders(await session.fetch(_SQL["holders"], right, *columns_of(target)))

    async def of_kinds(self, session: Statements, kinds: Sequence[str]) -> list[Holder]:
        """Who holds a post of one of these kinds."""
        return _holders(await session.fetch(_SQL["holders_of_kind"], list(kinds)))

    async def parts(self, session: Statements, target: Target) -> list[tuple[str | None, Target]]:
        """(owner, what of it is asked there). A place is asked of whoever decides there, whatever stands in it."""
        if target.cameras is not None:
            rows = await session.fetch(_SQL["owners"], list(target.cameras))
            return [(row["owner"], Target(cameras=tuple(row["cameras"]))) for row in rows]
        if target.fleets is None:
            return [(None, target)]
        return [(fleet, msgspec.structs.replace(target, fleets=(fleet,))) for fleet in target.fleets]

    async def watching(self, session: Statements, target: Target, told: Collection[str]) -> set[str]:
        """Whom the regulation wants ``told`` of these cameras: owner, those who decide there; auditor, those who audit."""
        found: set[str] = set()
        if "owner" in told:
            for owner, part in await self.parts(session, target):
                path = await self.path(session, owner)
                found |= nearest(await self.holders(session, Right.APPROVE, part), path)
        if "auditor" in told:
            found |= {holder.account for holder in await self.holders(session, Right.AUDIT, target)}
        return found

    async def path(self, session: Statements, agency: str | None) -> tuple[str, ...]:
        """From the top of the tree to the agency."""
        path = None if agency is None else await session.fetchval(_SQL["agency_path"], agency)
        return () if path is None else tuple(path.split("."))

    async def name(self, session: Statements, account: str) -> str:
        return str(await session.fetchval(_SQL["display_name"], account) or "")


def purpose_text(terms: Terms, purpose: str) -> Text:
    """The regulation's word for it."""
    return terms.purposes.get(purpose, Text(purpose, purpose))


def target_of(row: Row) -> Target:
    """From the columns cameras, units, fleets, camera_purposes."""
    columns = ("units", "fleets", "camera_purposes", "cameras")
    units, fleets, purposes, cameras = (None if row[name] is None else tuple(row[name]) for name in columns)
    return Target(units, fleets, purposes, None, cameras)


def columns_of(target: Target) -> tuple[list[str] | None, ...]:
    """cameras, units, fleets, camera_purposes as they are stored."""
    return _listed(target.cameras), _listed(target.units), _listed(target.fleets), _listed(target.purposes)


def _listed(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _holders(rows: Sequence[Row]) -> list[Holder]:
    return [Holder(row["account"], None if row["path"] is None else tuple(row["path"].split("."))) for row in rows]
