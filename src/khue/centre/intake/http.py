"""Imports and mappings over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.intake.fields import FIELDS
from khue.centre.intake.mapping import Mapping as SheetMapping
from khue.centre.intake.messages import SheetOut
from khue.centre.intake.reading import Note, Problem
from khue.centre.intake.service import Imports
from khue.centre.intake.table import MAX_BYTES
from khue.centre.intake.words import REASONS
from khue.centre.ports import Row

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_COUNTS = ("read", "created", "changed", "unchanged", "duplicate", "refused", "skipped", "lost")


class ImportIn(msgspec.Struct):
    """``agency`` is whose rows are that name none; ``mapping`` names one to prefer."""

    name: str
    agency: str = ""
    mapping: str = ""


class ReasonOut(msgspec.Struct):
    outcome: str
    code: str
    count: int
    vi: str
    en: str


class KeptOut(msgspec.Struct):
    """What undoing left alone: a field, or with ``field`` null the whole camera."""

    camera: str
    number: int
    name: str
    field: str | None
    why: str


class FileOut(msgspec.Struct):
    name: str
    bytes: int
    sheets: list[SheetOut]


class ImportOut(msgspec.Struct):
    """``counts``: read = created + changed + unchanged + duplicate + refused; lost is what is missing, always 0."""

    id: str
    name: str
    agency: str
    state: str
    progress: float
    counts: dict[str, int]
    by_reason: list[ReasonOut]
    error: str
    actor: str
    kept: list[KeptOut]
    created: dt.datetime
    planned: dt.datetime | None
    applied: dt.datetime | None
    undone: dt.datetime | None


class FullImportOut(ImportOut):
    files: list[FileOut]


class ImportsOut(msgspec.Struct):
    items: list[ImportOut]


class SheetsOut(msgspec.Struct):
    sheets: list[SheetOut]


class MappingIn(msgspec.Struct):
    """``columns``: heading text to field, "" is not read. ``save_as`` keeps it for the next sheet with these headings."""

    file: str
    sheet: str
    columns: dict[str, str]
    agency: str = ""
    encoding: str = "auto"
    save_as: str = ""
    defaults: dict[str, str] = {}


class MappingOut(msgspec.Struct):
    id: str
    name: str
    agency: str
    columns: dict[str, str]
    created: dt.datetime
    created_by: str


class MappingsOut(msgspec.Struct):
    items: list[MappingOut]


class PlaceOut(msgspec.Struct):
    file: str
    sheet: str
    row: int


class ProblemOut(msgspec.Struct):
    code: str
    field: str
    column: str
    vi: str
    en: str


class NoteOut(msgspec.Struct):
    code: str
    field: str
    vi: str
    en: str


class ChangeOut(msgspec.Struct):
    field: str
    before: Any
    after: Any


class RowOut(msgspec.Struct):
    """A row of a sheet and what becomes of it."""

    file: str
    sheet: str
    row: int
    outcome: str
    camera: str | None
    duplicate_of: PlaceOut | None
    values: dict[str, Any]
    problems: list[ProblemOut]
    notes: list[NoteOut]
    changes: list[ChangeOut]


class RowsOut(msgspec.Struct):
    items: list[RowOut]
    next: int | None


class ImportController(Controller):
    path = "/api/v1/imports"
    tags = ("imports",)

    @get(summary="Imports, newest first")
    async def list_imports(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 50,
    ) -> ImportsOut:
        await access.permit(caller, Action.IMPORT_READ)
        return ImportsOut([_import(row) for row in await imports.find(caller.account, limit)])

    @post(summary="Open an import")
    async def add_import(
        self,
        data: JSONBody[ImportIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
    ) -> FullImportOut:
        await access.permit(caller, Action.IMPORT_WRITE, detail=f"open {data.name}")
        return await _full(imports, await imports.open(caller.account, data.name, data.agency, data.mapping))

    @get("/{import_id:str}", summary="How far an import is, and what it counts")
    async def get_import(
        self,
        import_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
    ) -> FullImportOut:
        await access.permit(caller, Action.IMPORT_READ)
        return await _full(imports, await imports.get(caller.account, import_id))

    @delete("/{import_id:str}", summary="Abandon an import that is not applied")
    async def abandon(
        self,
        import_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
    ) -> None:
        await access.permit(caller, Action.IMPORT_WRITE, detail=f"abandon {import_id}")
        await imports.abandon(caller.account, import_id)

    @put("/{import_id:str}/files/{name:str}", summary="Upload a file", request_max_body_size=MAX_BYTES)
    async def add_file(
        self,
        request: Request[Any, Any, Any],
        import_id: FromPath[str],
        name: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
    ) -> SheetsOut:
        """The body is the file itself, XLSX or CSV. One of the same name is replaced."""
        await access.permit(caller, Action.IMPORT_WRITE, detail=f"upload {name} to {import_id}")
        return SheetsOut(await imports.add_file(caller.account, import_id, name, request.stream()))

    @put("/{import_id:str}/mapping", summary="What a sheet's columns mean")
    async def set_mapping(
        self,
        import_id: FromPath[str],
        data: JSONBody[MappingIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
    ) -> SheetOut:
        await access.permit(caller, Action.IMPORT_WRITE, detail=f"map {data.file} of {import_id}")
        mapping = SheetMapping(data.columns, data.agency, data.encoding, data.defaults)
        return await imports.set_mapping(
            caller.account, import_id, data.file, data.sheet, mapping, data.save_as.strip()
        )

    @post("/{import_id:str}/plan", summary="Dry run", status_code=202)
    async def plan(
        self,
        import_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
    ) -> None:
        """What each row would do; nothing of the registry changes. Goes on after this answer."""
        await access.permit(caller, Action.IMPORT_WRITE, detail=f"plan {import_id}")
        await imports.plan(caller.account, import_id)

    @post("/{import_id:str}/apply", summary="Write what was planned, in one transaction", status_code=202)
    async def apply(
        self,
        import_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
    ) -> None:
        """Rows whose camera changed since the plan are refused. Goes on after this answer."""
        await access.permit(caller, Action.IMPORT_WRITE, detail=f"apply {import_id}")
        await imports.apply(caller.account, import_id)

    @post("/{import_id:str}/undo", summary="Take an applied import back", status_code=202)
    async def undo(
        self,
        import_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
    ) -> None:
        """What somebody changed since stays, and is listed in ``kept``. Goes on after this answer."""
        await access.permit(caller, Action.IMPORT_WRITE, detail=f"undo {import_id}")
        await imports.undo(caller.account, import_id)

    @get("/{import_id:str}/rows", summary="What becomes of each row")
    async def rows(
        self,
        import_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
        outcome: FromQuery[str] = "",
        reason: FromQuery[str] = "",
        after: FromQuery[int] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=2000)] = 200,
    ) -> RowsOut:
        """In the order of the sheets; ``after`` is ``next`` of the page before."""
        await access.permit(caller, Action.IMPORT_READ)
        await imports.get(caller.account, import_id)
        rows = await imports.rows(import_id, outcome, reason, after, limit)
        return RowsOut([_row(row) for row in rows], rows[-1]["ordinal"] if len(rows) == limit else None)

    @get("/{import_id:str}/corrected.xlsx", summary="The sheets, corrected", media_type=_XLSX)
    async def corrected(
        self,
        import_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
    ) -> Stream:
        """The agency's own columns with outcome and reason, bad cells coloured, nothing secret."""
        await access.permit(caller, Action.IMPORT_READ)
        name = (await imports.get(caller.account, import_id))["name"]
        pieces = imports.corrected(caller.account, import_id)
        first = await anext(pieces, b"")  # an error comes before the headers
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}.xlsx",
            "Cache-Control": "private, no-store",
        }
        return Stream(_with(first, pieces), media_type=_XLSX, headers=headers)


class MappingController(Controller):
    path = "/api/v1/mappings"
    tags = ("imports",)

    @get(summary="Named mappings")
    async def list_mappings(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], imports: NamedDependency[Imports]
    ) -> MappingsOut:
        await access.permit(caller, Action.IMPORT_READ)
        names = ("id", "name", "agency", "created", "created_by")
        items = [
            MappingOut(columns=msgspec.json.decode(row["mapping"])["columns"], **{name: row[name] for name in names})
            for row in await imports.mappings()
        ]
        return MappingsOut(items)

    @delete("/{mapping_id:str}", summary="Forget a mapping")
    async def drop_mapping(
        self,
        mapping_id: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        imports: NamedDependency[Imports],
    ) -> None:
        await access.permit(caller, Action.IMPORT_WRITE, detail=f"forget mapping {mapping_id}")
        await imports.drop_mapping(mapping_id)


async def _full(imports: Imports, row: Row) -> FullImportOut:
    files = [
        FileOut(file["name"], file["bytes"], msgspec.json.decode(file["sheets"], type=list[SheetOut]))
        for file in await imports.files(row["id"])
    ]
    return FullImportOut(**msgspec.structs.asdict(_import(row)), files=files)


def _import(row: Row) -> ImportOut:
    counts = msgspec.json.decode(row["counts"])
    reasons = []
    for reason in msgspec.json.decode(row["by_reason"]):
        vi, en = REASONS.get(reason["code"], (reason["code"], reason["code"]))
        reasons.append(ReasonOut(reason["outcome"], reason["code"], reason["count"], vi, en))
    names = ("id", "name", "agency", "state", "progress", "error", "actor", "created", "planned", "applied", "undone")
    return ImportOut(
        counts={name: counts.get(name, 0) for name in _COUNTS},
        by_reason=reasons,
        kept=msgspec.json.decode(row["kept"], type=list[KeptOut]),
        **{name: row[name] for name in names},
    )


def _row(row: Row) -> RowOut:
    problems = msgspec.json.decode(row["problems"], type=list[Problem])
    notes = msgspec.json.decode(row["notes"], type=list[Note])
    return RowOut(
        *(row["file"], row["sheet"], row["row"], row["outcome"], row["camera"]),
        None if row["duplicate_of"] is None else msgspec.json.decode(row["duplicate_of"], type=PlaceOut),
        msgspec.json.decode(row["values"]),
        [ProblemOut(p.code, p.field, p.column, p.vi, p.en) for p in problems],
        [NoteOut(n.code, n.field, n.vi, n.en) for n in notes],
        list(_changes(row)),
    )


def _changes(row: Row) -> Iterator[ChangeOut]:
    """Field by field; of a secret only that it is another one."""
    if row["written"] is None or row["outcome"] != "changed":
        return
    before = msgspec.json.decode(row["before"])
    for column, after in msgspec.json.decode(row["written"]).items():
        if column != "search":
            yield ChangeOut(FIELDS[column], before[column], after)
    named = {"credentials": "password", "main": "rtsp_main", "sub": "rtsp_sub", "contact": "consent_name"}
    for kind in row["sealed"] or ():
        yield ChangeOut(named[kind], None, "***")


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
