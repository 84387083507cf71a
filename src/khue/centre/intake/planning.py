"""The dry run: the registry and the files go to a clerk, its verdicts come back into the plan's table."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import msgspec

from khue.centre.access.rules import Account, Right, Term
from khue.centre.access.scope import terms_of
from khue.centre.intake.apply import Progress, balanced, count
from khue.centre.intake.clerk import Answer, Clerks
from khue.centre.intake.files import Files
from khue.centre.intake.mapping import Mapping
from khue.centre.intake.messages import AgencyRow, Asked, Finished, Job, JudgedRow, Planned, PlannedRow
from khue.centre.ports import Database, Row, Session, Statements
from khue.centre.sql import Queries
from khue.model.errors import Conflict

_SQL = Queries(__file__)
_KNOWN = 2000  # cameras at a time
_JUDGED = 2000
_HANOI = dt.timezone(dt.timedelta(hours=7))
_ROW = (
    *(
        "import",
        "ordinal",
        "file",
        "sheet",
        "row",
        "outcome",
        "reasons",
        "camera",
        "revision",
        "duplicate_of",
        "values",
    ),
    *("search", "written", "before", "problems", "notes"),
)
_SEALED = ("import", "ordinal", "kind", "value", "shown", "before", "before_shown")
_agencies = msgspec.json.Decoder(list[AgencyRow]).decode
_mappings = msgspec.json.Decoder(dict[str, Mapping]).decode


class Planning:
    """Plans and corrected sheets, by the clerks."""

    def __init__(self, database: Database, files: Files, clerks: Clerks) -> None:
        self._database, self._files, self._clerks = database, files, clerks

    async def scope_of(self, by: Account) -> tuple[Term, ...]:
        """What the account may write now."""
        return await terms_of(self._database, by, Right.MANAGE)

    async def plan(self, by: Account, row: Row, worker: str, progress: Progress) -> None:
        """In one transaction. Raises Invalid (SheetInvalid), Conflict, Unavailable, NotFound; then there is no plan."""
        scope = await self.scope_of(by)
        async with self._database.transaction("repeatable_read", readonly=True) as registry:
            job, objects = await self._job("plan", row, scope, registry)
            seen = int(await registry.fetchval(_SQL["newest_version"]))

            async def give(asked: Asked) -> AsyncIterator[bytes]:
                pieces = self._files.read(objects[asked.file]) if asked.what == "file" else _known(registry)
                async for piece in pieces:
                    yield piece

            async with self._database.transaction() as session:
                await session.execute(_SQL["drop_rows"], row["id"])
                await session.execute(_SQL["drop_sealed"], row["id"])
                finished = Finished()
                async for answer in self._clerks.work(job, give):
                    if isinstance(answer, Planned):
                        await _store(session, row["id"], answer.rows)
                        progress(min(answer.progress, 0.98))
                    elif isinstance(answer, Finished):
                        finished = answer
                counts, reasons = await count(session, row["id"])
                done = await session.fetchval(
                    _SQL["finish_plan"],
                    *(row["id"], worker, _text(balanced(counts, finished.read)), _text(reasons)),
                    *(_text(finished.agencies), _text(scope), seen),
                )
                if done is None:
                    raise Conflict("the import was taken over by another replica; look at its state")

    async def correct(self, row: Row) -> AsyncIterator[Answer]:
        """The corrected sheets, in pieces."""
        job, objects = await self._job(
            "correct", row, msgspec.json.decode(row["scope"], type=tuple[Term, ...]), self._database
        )

        async def give(asked: Asked) -> AsyncIterator[bytes]:
            if asked.what == "file":
                async for piece in self._files.read(objects[asked.file]):
                    yield piece
                return
            after = 0
            while rows := await self._database.fetch(_SQL["judged_rows"], row["id"], asked.file, after, _JUDGED):
                after = rows[-1]["ordinal"]
                names = JudgedRow.__struct_fields__
                yield msgspec.msgpack.encode([JudgedRow(*(one[name] for name in names)) for one in rows])

        async for answer in self._clerks.work(job, give):
            yield answer

    async def _job(
        self, kind: str, row: Row, scope: tuple[Term, ...], session: Statements
    ) -> tuple[Job, dict[str, str]]:
        """(what the clerk is told, the object of each file)."""
        files = await self._database.fetch(_SQL["files_of"], row["id"])
        if any(not file["kept"] for file in files):
            raise Conflict("the files of this import are no longer kept; upload them again")
        known = await session.fetch(_SQL["list_agencies"])
        agencies = {a["id"]: AgencyRow(a["id"], a["name"], a["kind"], a["unit"]) for a in known}
        if kind == "correct":  # those the plan would add have names too
            agencies = {a.id: a for a in _agencies(row["agencies"])} | agencies
        units = {unit["code"]: unit["name"] for unit in await session.fetch(_SQL["list_units"])}
        job = Job(
            kind=kind,
            files=tuple(file["name"] for file in files),
            import_id=row["id"],
            agency=row["agency"],
            scope=scope,
            agencies=tuple(agencies.values()),
            units=units,
            retention=tuple(r["name"] for r in await session.fetch(_SQL["retention_names"])),
            life_steps=tuple((s["before"], s["after"]) for s in await session.fetch(_SQL["life_steps"])),
            mappings={file["name"]: _mappings(file["mappings"]) for file in files},
            today=dt.datetime.now(_HANOI).date().isoformat(),
        )
        return job, {file["name"]: file["object"] for file in files}


async def _known(registry: Statements) -> AsyncIterator[bytes]:
    after = ""
    while True:
        row = await registry.fetchrow(_SQL["known_cameras"], after, _KNOWN)
        if row is None or row["last"] is None:
            return
        after = row["last"]
        yield row["cameras"].encode()


async def _store(session: Session, import_id: str, rows: list[PlannedRow]) -> None:
    if not rows:
        return
    plain = [(import_id, *msgspec.structs.astuple(row)[:-1]) for row in rows]
    await session.copy_records("import_row", _ROW, plain)
    sealed = [
        (import_id, row.ordinal, one.kind, one.value, one.shown, one.before, one.before_shown)
        for row in rows
        for one in row.sealed
    ]
    if sealed:
        await session.copy_records("import_sealed", _SEALED, sealed)
    await asyncio.sleep(0)  # a long plan lets others have their turn


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
