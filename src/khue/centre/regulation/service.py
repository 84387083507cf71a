"""The regulation: which version is in force, what its clauses say, and how another one takes its place."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from khue.centre.errors import Invalid
from khue.centre.ports import Database, Row, Statements
from khue.centre.regulation import loading
from khue.centre.regulation.trial import try_cases
from khue.centre.sql import Queries
from khue.model.errors import Conflict, NotFound, Unavailable
from khue.model.regulation.comparing import Difference, compare
from khue.model.regulation.deciding import Result
from khue.model.regulation.reading import RegulationError, packaged_files, read
from khue.model.regulation.terms import Regulation, Text

_SQL = Queries(__file__)
_LONG_AGO = dt.datetime(2025, 7, 1, tzinfo=dt.UTC)  # the first version holds for everything that was ever recorded
_SLACK = dt.timedelta(minutes=1)  # between a person's clock and ours
_YEARS = 100
_NO_SUCH = "there is no such version of the regulation"


class Regulations:
    """The versions in the database. A loaded version never changes, so what was read of it is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._clauses: dict[str, dict[str, Text]] = {}
        self._read: dict[str, Regulation] = {}
        self.changed = asyncio.Event()  # another version was put in force here

    async def ensure(self) -> None:
        """Load the packaged version and put it in force when there is none at all."""
        async with self._database.transaction() as session:
            await session.execute(_SQL["lock_first_run"])
            if await session.fetchval(_SQL["any_version"]):
                return
            files = packaged_files()
            regulation = read(files)
            await loading.store(session, regulation, files, "khue")
            await session.execute(_SQL["put_in_force"], regulation.id, _LONG_AGO, "khue")

    # -- what holds ------------------------------------------------------------------------------------------------

    async def in_force(self) -> Regulation:
        """The version that holds now, read. Raises Unavailable when none does."""
        version = await self._database.fetchval(_SQL["in_force"])
        if version is None:
            raise Unavailable("no version of the regulation is in force; activate one with `khue regulation activate`")
        return await self.version(version)

    async def version(self, version: str) -> Regulation:
        """A loaded version. Raises NotFound."""
        if version not in self._read:
            self._read[version] = read(await self.files(version), stored=True)
        return self._read[version]

    async def clause(self, version: str, clause: str) -> Text | None:
        """What a clause of a version says; None when there is no such clause."""
        known = self._clauses.get(version)
        if known is None:
            known = await loading.clauses_of(self._database, version)
            if known:
                self._clauses[version] = known
        return known.get(clause)

    async def rules_of(self, account: str) -> Sequence[Row]:
        """What holds for each post of an account, right by right."""
        return await self._database.fetch(_SQL["rules_of_account"], account)

    # -- versions --------------------------------------------------------------------------------------------------

    async def versions(self) -> Sequence[Row]:
        """All that were loaded, newest first."""
        return await self._database.fetch(_SQL["versions"])

    async def row(self, version: str) -> Row:
        """One of ``versions``. Raises NotFound."""
        for row in await self.versions():
            if row["id"] == version:
                return row
        raise NotFound(_NO_SUCH)

    async def files(self, version: str) -> dict[str, str]:
        """A loaded version's files as they were loaded. Raises NotFound."""
        row = await self._database.fetchrow(_SQL["files_of"], version)
        if row is None:
            raise NotFound(_NO_SUCH)
        return msgspec.json.decode(row["files"], type=dict[str, str])

    async def load(self, files: Mapping[str, str], by: str) -> Regulation:
        """Check and keep a version; it is not in force. Raises Invalid with all that is wrong, Conflict for a known id."""
        try:
            regulation = await asyncio.to_thread(read, files)
        except RegulationError as error:
            raise Invalid(str(error)) from error
        async with self._database.transaction() as session:
            await session.execute(_SQL["lock_activation"])
            if await session.fetchrow(_SQL["files_of"], regulation.id) is not None:
                raise Conflict(f"version {regulation.id} was loaded before; give the changed one another id")
            await loading.store(session, regulation, files, by)
        return regulation

    async def compare(self, before: str, after: str) -> Difference:
        """What changes for whom, with how many posts and people each rule touches. Raises NotFound."""
        difference = compare(await self.version(before), await self.version(after))
        touched = {row["kind"]: row for row in await self._database.fetch(_SQL["touched"])}

        def count(kind: str, what: str) -> int:
            return int(touched[kind][what]) if kind in touched else 0

        rules = tuple(
            msgspec.structs.replace(rule, posts=count(rule.kind, "posts"), people=count(rule.kind, "people"))
            for rule in difference.rules
        )
        return msgspec.structs.replace(difference, rules=rules)

    async def test(self, version: str) -> list[Result]:
        """Its example cases, by the rules and by the database. Raises NotFound."""
        return await try_cases(self._database, await self.version(version))

    # -- putting in force ------------------------------------------------------------------------------------------

    async def activate(self, version: str, valid_from: dt.datetime | None, by: str) -> dt.datetime:
        """From when it holds: at once, or later. Applies to everybody, those who are watching too. Going back is the same.

        Raises NotFound, Invalid for a time that is over, Conflict when a case fails or it is in force already.
        """
        regulation = await self.version(version)
        try:
            read(await self.files(version))
        except RegulationError as error:
            raise Conflict(f"version {version} does not stand up to the checks any more: {error}") from error
        if failed := [result for result in await self.test(version) if not result.ok]:
            first = failed[0]
            raise Conflict(
                f"{len(failed)} of {len(regulation.cases)} example cases fail, such as {first.name_en!r}: expected "
                f"{first.expected}, got {first.got}; mend the version, or the case"
            )
        async with self._database.transaction() as session:
            begins = await self._put_in_force(session, version, valid_from, by)
        self.changed.set()
        return begins

    async def _put_in_force(
        self, session: Statements, version: str, valid_from: dt.datetime | None, by: str
    ) -> dt.datetime:
        await session.execute(_SQL["lock_activation"])
        row = await session.fetchrow(_SQL["lock_version"], version)
        if row is None:
            raise NotFound(_NO_SUCH)
        if row["in_force"]:
            raise Conflict(f"version {version} is in force already; to keep it, withdraw the one that is to follow it")
        at: dt.datetime = row["at"]
        if valid_from is not None and valid_from < at - _SLACK:
            raise Invalid(
                "valid_from is over; a regulation holds from now on or from later, never for what was done before"
            )
        if valid_from is not None and valid_from.year > at.year + _YEARS:
            raise Invalid(f"valid_from is more than {_YEARS} years away; nobody decides for then")
        begins = max(valid_from or at, at)
        await session.execute(_SQL["put_in_force"], version, begins, by)
        return begins

    async def withdraw(self, version: str) -> None:
        """A version that was to hold from later does not. Raises Conflict when it holds, held, or was never to."""
        if await self._database.fetchrow(_SQL["withdraw"], version) is None:
            raise Conflict(
                "only a version that is to hold from a later day can be withdrawn; activate another one instead"
            )
