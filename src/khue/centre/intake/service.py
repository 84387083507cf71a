"""Imports: files come in, a plan says what they would do, applying does it, undoing takes it back.

Planning, applying and undoing go on after the request that asked for them has ended. Whoever works on an import holds a
lease on it; a replica that dies leaves a transaction that was rolled back, and the import as it was before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from khue.centre.access.rules import Account, Role, Term
from khue.centre.errors import Invalid
from khue.centre.fleet.service import Fleet
from khue.centre.ids import new_id
from khue.centre.intake.apply import Progress, apply
from khue.centre.intake.clerk import Clerks, SheetInvalid
from khue.centre.intake.fields import COLUMNS, SECRET
from khue.centre.intake.files import Files
from khue.centre.intake.mapping import Mapping as SheetMapping
from khue.centre.intake.messages import Asked, Data, Job, Looked, SheetOut
from khue.centre.intake.planning import Planning
from khue.centre.intake.undo import undo
from khue.centre.ports import Database, Objects, Row
from khue.centre.secrets import Vault
from khue.centre.sql import Queries
from khue.model.errors import Conflict, Denied, KhueError, NotFound, Unavailable

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)

_LEASE_S = 15.0
_SAY_S = 0.5  # between notes of progress; each renews the lease
_LOOK_S = 60.0  # between looks for what others left and what is too old
_KEEP_DAYS = 30  # an import's files and secrets, after it was last worked on
_BUSY = frozenset({"planning", "applying", "undoing"})
_FIELDS = frozenset({*COLUMNS, *SECRET, "consent_given_on", "consent_expires_on"})
_sheets = msgspec.json.Decoder(list[SheetOut]).decode
_mappings = msgspec.json.Decoder(dict[str, SheetMapping]).decode


Work = Callable[[Row, Progress], Awaitable[None]]


class Imports:
    """Everybody sees their own imports; an administrator from whom nothing is hidden sees all."""

    def __init__(self, database: Database, objects: Objects, vault: Vault, keys: Path, fleet: Fleet) -> None:
        self._database, self._fleet = database, fleet
        self._files = Files(objects, vault)
        self._clerks = Clerks(keys)
        self._planning = Planning(database, self._files, self._clerks)
        self._worker = new_id()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled: tidy up. Work under way is cancelled with it, and rolled back."""
        try:
            while True:
                try:
                    await self._tidy()
                except Unavailable as error:
                    _log.info("old imports wait: %s", error)
                await asyncio.sleep(_LOOK_S)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._clerks.stop()

    # -- imports and their files -------------------------------------------------------------------------------------

    async def open(self, by: Account, name: str, agency: str, mapping: str) -> Row:
        """Raises Invalid, NotFound (no mapping of that name)."""
        if not name.strip() or len(name) > 200:
            raise Invalid("an import has a name of 1 to 200 characters")
        if mapping and await self._database.fetchrow(_SQL["mapping_by_name"], mapping) is None:
            raise NotFound(f"there is no mapping {mapping!r}; GET /mappings lists them")
        import_id = new_id()
        await self._database.execute(
            _SQL["add_import"], import_id, name.strip(), by.id, by.username, agency.strip(), mapping
        )
        return await self.get(by, import_id)

    async def get(self, by: Account, import_id: str) -> Row:
        """Raises NotFound, also for what somebody else imports."""
        await self._database.execute(_SQL["interrupt"])
        row = await self._database.fetchrow(_SQL["import_by_id"], import_id)
        if row is None or not (row["account"] == by.id or _sees_all(by)):
            raise NotFound("there is no such import")
        return row

    async def find(self, by: Account, limit: int) -> Sequence[Row]:
        """Newest first."""
        await self._database.execute(_SQL["interrupt"])
        return await self._database.fetch(_SQL["list_imports"], None if _sees_all(by) else by.id, limit)

    async def abandon(self, by: Account, import_id: str) -> None:
        """Forget an import that is not applied, files and all. Raises NotFound, Conflict."""
        await self.get(by, import_id)
        objects = [row["object"] for row in await self._database.fetch(_SQL["file_objects"], import_id, None)]
        if await self._database.fetchval(_SQL["drop_import"], import_id) is None:
            raise Conflict("an import that is applied or under way cannot be abandoned; undo it first")
        for name in objects:
            await self._files.drop(name)

    async def files(self, import_id: str) -> Sequence[Row]:
        return await self._database.fetch(_SQL["files_of"], import_id)

    async def add_file(self, by: Account, import_id: str, name: str, data: AsyncIterator[bytes]) -> list[SheetOut]:
        """Keep a file and say what is in it; one of the same name is replaced. Raises Invalid, NotFound, Conflict."""
        row = await self.get(by, import_id)
        name = Path(name.replace("\\", "/")).name
        if not name or len(name) > 200 or not name.isprintable():
            raise Invalid("a file's name has 1 to 200 printable characters")
        await self._reopen(import_id)
        before = [r["object"] for r in await self._database.fetch(_SQL["file_objects"], import_id, name)]
        stored, size = await self._files.put(import_id, data)
        try:
            sheets = await self._look(name, stored, by)
            sheets, mappings = await self._known_mappings(sheets, row["mapping"])
            await self._database.execute(
                _SQL["put_file"], import_id, name, stored, size, _text(sheets), _text(mappings)
            )
        except BaseException:
            await asyncio.shield(self._files.drop(stored))
            raise
        for old in before:
            await self._files.drop(old)
        return sheets

    async def _look(self, name: str, stored: str, by: Account) -> list[SheetOut]:
        async def give(_: Asked) -> AsyncIterator[bytes]:
            async for piece in self._files.read(stored):
                yield piece

        looked: Looked | None = None
        try:
            # To the end: a clerk that is left in the middle of its answer is ended, and what it has read is gone with it.
            async for answer in self._clerks.work(Job("look", (name,)), give):
                looked = answer if isinstance(answer, Looked) else looked
        except SheetInvalid as error:
            raise Invalid(error.words(by.language)) from error
        if looked is None:
            raise Unavailable("the sheet was not read; upload it again")
        return looked.sheets

    async def _known_mappings(
        self, sheets: list[SheetOut], preferred: str
    ) -> tuple[list[SheetOut], dict[str, SheetMapping]]:
        """A named mapping whose headings are these is used without asking."""
        mappings: dict[str, SheetMapping] = {}
        for number, sheet in enumerate(sheets):
            found = await self._database.fetchrow(_SQL["mapping_by_signature"], sheet.signature, preferred)
            if found is not None and sheet.headings:
                mapping = msgspec.json.decode(found["mapping"], type=SheetMapping)
                mappings[sheet.sheet] = mapping
                sheets[number] = msgspec.structs.replace(_mapped(sheet, mapping), mapping_name=found["name"])
        return sheets, mappings

    # -- mappings ----------------------------------------------------------------------------------------------------

    async def set_mapping(
        self, by: Account, import_id: str, file: str, sheet: str, mapping: SheetMapping, save_as: str
    ) -> SheetOut:
        """What a sheet's columns mean; with ``save_as`` also for the next file of that shape. Raises Invalid, NotFound."""
        await self.get(by, import_id)
        row = next((row for row in await self.files(import_id) if row["name"] == file), None)
        sheets = [] if row is None else _sheets(row["sheets"])
        found = next((number for number, one in enumerate(sheets) if one.sheet == sheet), None)
        if row is None or found is None:
            raise NotFound("there is no such file or sheet in this import; upload it first")
        _check_mapping(mapping, sheets[found])
        await self._reopen(import_id)
        sheets[found] = msgspec.structs.replace(_mapped(sheets[found], mapping), mapping_name=save_as or None)
        mappings = _mappings(row["mappings"]) | {sheet: mapping}
        if save_as:
            await self._database.execute(
                _SQL["put_mapping"],
                *(new_id(), save_as[:200], mapping.agency, sheets[found].signature, _text(mapping), by.username),
            )
        await self._database.execute(_SQL["set_mappings"], import_id, file, _text(mappings), _text(sheets))
        return sheets[found]

    async def mappings(self) -> Sequence[Row]:
        return await self._database.fetch(_SQL["list_mappings"])

    async def drop_mapping(self, mapping: str) -> None:
        """Raises NotFound."""
        if await self._database.fetchval(_SQL["drop_mapping"], mapping) is None:
            raise NotFound("there is no such mapping")

    async def _reopen(self, import_id: str) -> None:
        if await self._database.fetchval(_SQL["reopen"], import_id) is None:
            raise Conflict("the import is applied or under way; undo it, or open another")

    # -- work --------------------------------------------------------------------------------------------------------

    async def plan(self, by: Account, import_id: str) -> None:
        """Begin the dry run. Raises NotFound, Conflict, Invalid (no files)."""
        await self.get(by, import_id)
        if not await self.files(import_id):
            raise Invalid("the import has no files; upload some first")

        async def work(row: Row, progress: Progress) -> None:
            await self._planning.plan(by, row, self._worker, progress)

        await self._begin(by, import_id, "planning", ("open", "planned", "undone", "failed"), work)

    async def apply(self, by: Account, import_id: str) -> None:
        """Begin to write what the plan says. Raises NotFound, Conflict, Denied."""
        row = await self.get(by, import_id)
        if not _sees_all(by) and msgspec.json.decode(
            row["scope"], type=tuple[Term, ...]
        ) != await self._planning.scope_of(by):
            raise Denied("what you may change is not what it was when this was planned; plan again")

        async def work(row: Row, progress: Progress) -> None:
            told = await apply(self._database, row, self._worker, progress)
            await self._fleet.announce([], told, look_again=True)

        await self._begin(by, import_id, "applying", ("planned",), work)

    async def undo(self, by: Account, import_id: str) -> None:
        """Begin to take it back. Raises NotFound, Conflict."""
        await self.get(by, import_id)

        async def work(row: Row, progress: Progress) -> None:
            told = await undo(self._database, row, self._worker, by.username, progress)
            await self._fleet.announce([], told, look_again=True)

        await self._begin(by, import_id, "undoing", ("applied",), work)

    async def _begin(self, by: Account, import_id: str, state: str, start: Sequence[str], work: Work) -> None:
        row = await self._database.fetchrow(
            _SQL["claim"], import_id, state, self._worker, _LEASE_S, list(start), by.username
        )
        if row is None:
            present = (await self.get(by, import_id))["state"]
            raise Conflict(f"the import is {present}; this needs it to be {' or '.join(start)}")
        back = "failed" if state == "planning" else start[0]
        task = asyncio.create_task(self._guarded(row, back, work), name=f"import {import_id}")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def _guarded(self, row: Row, back: str, work: Work) -> None:
        """A failure leaves the import where it was, with the words for whoever asked."""
        progress = [0.0]
        beat = asyncio.create_task(self._beat(row["id"], progress), name=f"progress of import {row['id']}")

        def say(done: float) -> None:
            progress[0] = done

        try:
            await work(row, say)
        except asyncio.CancelledError:
            await asyncio.shield(self._give_up(row, "open" if back == "failed" else back, "the centre was stopped"))
            raise
        except SheetInvalid as error:
            await self._give_up(row, back, str(error))
        except KhueError as error:
            _log.warning("import %s: %s", row["id"], error)
            await self._give_up(row, back, str(error))
        finally:
            beat.cancel()

    async def _give_up(self, row: Row, back: str, why: str) -> None:
        try:
            await self._database.execute(_SQL["give_up"], row["id"], self._worker, back, why)
        except Unavailable as error:  # its lease ends, and then it is given up
            _log.warning("import %s stays until its lease ends: %s", row["id"], error)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("an import failed", exc_info=error)

    async def _beat(self, import_id: str, progress: list[float]) -> None:
        """Say how far it is, from a connection of its own, and renew the lease, until cancelled."""
        while True:
            try:
                await self._database.execute(_SQL["advance"], import_id, self._worker, progress[0], _LEASE_S)
            except Unavailable as error:
                _log.info("progress of import %s is not told: %s", import_id, error)
            await asyncio.sleep(_SAY_S)

    # -- what became of it ---------------------------------------------------------------------------------------------

    async def rows(self, import_id: str, outcome: str, reason: str, after: int, limit: int) -> list[Row]:
        """In the order of the sheets."""
        return list(await self._database.fetch(_SQL["rows_of"], import_id, outcome, reason, after, limit))

    async def corrected(self, by: Account, import_id: str) -> AsyncIterator[bytes]:
        """The sheets as XLSX with what became of each row. Raises NotFound, Conflict at the first piece."""
        row = await self.get(by, import_id)
        if row["state"] not in ("planned", "applying", "applied", "undoing", "undone"):
            raise Conflict("plan the import first; then there is something to correct")
        async for answer in self._planning.correct(row):
            if isinstance(answer, Data):
                yield answer.data

    async def _tidy(self) -> None:
        await self._database.execute(_SQL["interrupt"])
        for row in await self._database.fetch(_SQL["old_files"], _KEEP_DAYS):
            await self._files.drop(row["object"])
            await self._database.execute(_SQL["forget_file"], row["import"], row["name"])
        await self._database.execute(_SQL["forget_sealed"], _KEEP_DAYS)


def _sees_all(by: Account) -> bool:
    return by.role is Role.ADMINISTRATOR and by.sees_everything


def _mapped(sheet: SheetOut, mapping: SheetMapping) -> SheetOut:
    headings = [
        msgspec.structs.replace(heading, field=mapping.columns.get(heading.text) or None) for heading in sheet.headings
    ]
    return msgspec.structs.replace(sheet, headings=headings, agency=mapping.agency or sheet.agency)


def _check_mapping(mapping: SheetMapping, sheet: SheetOut) -> None:
    headings = {heading.text for heading in sheet.headings}
    if unknown := sorted(set(mapping.columns) - headings):
        raise Invalid(f"the sheet has no column {unknown[0]!r}")
    if wrong := sorted({field for field in mapping.columns.values() if field} - _FIELDS):
        raise Invalid(f"there is no field {wrong[0]!r}; it is one of {', '.join(sorted(_FIELDS))}")


def mappings_by_file(files: Sequence[Row]) -> Mapping[str, Mapping[str, SheetMapping]]:
    """Of rows of ``files_of``."""
    return {row["name"]: _mappings(row["mappings"]) for row in files}


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
