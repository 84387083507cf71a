"""Bulk edits, agencies, units, types and saved filters as JSON."""

from __future__ import annotations

import datetime as dt
import functools
import importlib.resources
from typing import Annotated, Any

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.ports import Row
from khue.centre.registry.agencies import Agency
from khue.centre.registry.edit_rules import Kept, Refused, Sample
from khue.centre.registry.fields import Facts
from khue.centre.registry.service import Registry


class EditIn(msgspec.Struct, rename={"facts": "set"}):
    """The cameras are those of ``query`` (the filters of the fleet table) or of ``numbers``."""

    facts: Facts
    reason: str = ""
    query: dict[str, str] | None = None
    numbers: list[int] | None = None
    preview: bool = True


class EditOut(msgspec.Struct):
    """``id`` is null in a preview. ``count`` = ``changed`` + ``unchanged`` + those refused."""

    id: str | None
    count: int
    changed: int
    unchanged: int
    refused: list[Refused]
    sample: list[Sample]


class UndoneOut(msgspec.Struct):
    restored: int
    kept: list[Kept]


class PastEditOut(msgspec.Struct, rename={"facts": "set"}):
    id: str
    actor: str
    reason: str
    query: Any
    facts: dict[str, Any]
    changed: int
    applied: dt.datetime
    undone: dt.datetime | None
    undone_by: str | None


class PastEditsOut(msgspec.Struct):
    items: list[PastEditOut]


class AgencyIn(msgspec.Struct):
    name: str
    kind: str
    parent: str | None = None
    unit: str | None = None


class AgencyChange(msgspec.Struct):
    name: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    parent: str | UnsetType | None = UNSET
    unit: str | UnsetType | None = UNSET


class AgenciesOut(msgspec.Struct):
    items: list[Agency]


class UnitOut(msgspec.Struct):
    code: str
    name: str
    kind: str
    lat: float
    lon: float
    area_km2: float


class UnitsOut(msgspec.Struct):
    items: list[UnitOut]


class TypeOut(msgspec.Struct):
    vendor: str
    family: str


class TypesOut(msgspec.Struct):
    items: list[TypeOut]


class FilterIn(msgspec.Struct):
    name: str
    query: dict[str, str]
    shared: bool = False


class FilterOut(FilterIn, kw_only=True):
    """``own`` ones can be dropped; the others are shared by ``owner``."""

    id: str
    owner: str
    own: bool
    created: dt.datetime


class FiltersOut(msgspec.Struct):
    items: list[FilterOut]


class EditController(Controller):
    path = "/api/v1/registry/edits"
    tags = ("registry",)

    @post(summary="Change many cameras at once", status_code=200)
    async def edit(
        self,
        data: JSONBody[EditIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> EditOut:
        """A preview unless ``preview`` is false. What cannot be changed is refused, with why; the rest is done."""
        what = "preview of a bulk edit" if data.preview else f"bulk edit: {data.reason}"
        await access.permit(caller, Action.REGISTRY_WRITE, detail=what)
        cameras = await registry.edits.meant(caller.account, data.query, data.numbers)
        if data.preview:
            edit, made = None, await registry.edits.preview(caller.account, cameras, data.facts)
        else:
            meant = {"query": data.query} if data.numbers is None else {"numbers": data.numbers}
            edit, made = await registry.edits.apply(caller.account, cameras, data.facts, data.reason, meant)
        changed = len(made.changed)
        unchanged = made.count - changed - len(made.refused)
        return EditOut(edit, made.count, changed, unchanged, made.refused, made.sample)

    @get(summary="Bulk edits, newest first")
    async def edits(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 50,
    ) -> PastEditsOut:
        await access.permit(caller, Action.REGISTRY_READ)
        return PastEditsOut([_past(row) for row in await registry.edits.past(caller.account, limit)])

    @post("/{edit:str}/undo", summary="Undo a bulk edit", status_code=200)
    async def undo(
        self,
        edit: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> UndoneOut:
        """Fields that were changed since keep their new value; they are listed."""
        await access.permit(caller, Action.REGISTRY_WRITE, detail=f"undo of bulk edit {edit}")
        return UndoneOut(*await registry.edits.undo(caller.account, edit))


class BookController(Controller):
    path = "/api/v1/registry"
    tags = ("registry",)

    @get("/agencies", summary="Agencies")
    async def agencies(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], registry: NamedDependency[Registry]
    ) -> AgenciesOut:
        await access.permit(caller, Action.REGISTRY_READ)
        return AgenciesOut(await registry.agencies.all())

    @post("/agencies", summary="Add an agency")
    async def add_agency(
        self,
        data: JSONBody[AgencyIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> Agency:
        await access.permit(caller, Action.REGISTRY_WRITE, detail=f"add agency {data.name[:100]}")
        return await registry.agencies.add(caller.account, data.name, data.kind, data.parent, data.unit)

    @patch("/agencies/{agency:str}", summary="Change an agency")
    async def change_agency(
        self,
        agency: FromPath[str],
        data: JSONBody[AgencyChange],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> Agency:
        # Whoever moves an agency gives its posts what was granted to the one above.
        action = Action.REGISTRY_WRITE if data.parent is UNSET else Action.ORGANISATION_WRITE
        await access.permit(caller, action, detail=f"change agency {agency}")
        return await registry.agencies.change(caller.account, agency, msgspec.to_builtins(data))

    @get("/units", summary="The 126 wards and communes")
    async def units(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], registry: NamedDependency[Registry]
    ) -> UnitsOut:
        await access.permit(caller, Action.REGISTRY_READ)
        columns = ("code", "name", "kind", "latitude", "longitude", "area_km2")
        return UnitsOut([UnitOut(*(row[name] for name in columns)) for row in await registry.agencies.units()])

    @get("/types", summary="The 33 types that were found installed")
    async def types(self, caller: NamedDependency[Caller], access: NamedDependency[Access]) -> TypesOut:
        await access.permit(caller, Action.REGISTRY_READ)
        return TypesOut(_types())

    @get("/filters", summary="Saved filters: one's own and those others share")
    async def filters(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], registry: NamedDependency[Registry]
    ) -> FiltersOut:
        await access.permit(caller, Action.REGISTRY_READ)
        return FiltersOut([_filter(row) for row in await registry.filters.seen_by(caller.account)])

    @post("/filters", summary="Save a filter")
    async def keep_filter(
        self,
        data: JSONBody[FilterIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> FilterOut:
        """Under a name one has already, it takes the place of that one."""
        await access.permit(caller, Action.REGISTRY_READ)
        kept = await registry.filters.keep(caller.account, data.name, data.query, data.shared)
        rows = await registry.filters.seen_by(caller.account)
        return next(_filter(row) for row in rows if row["id"] == kept)

    @delete("/filters/{saved:str}", summary="Drop a saved filter of one's own")
    async def drop_filter(
        self,
        saved: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> None:
        await access.permit(caller, Action.REGISTRY_READ)
        await registry.filters.drop(caller.account, saved)


@functools.cache
def _types() -> list[TypeOut]:
    """From the catalogue of types, in its order."""
    data = importlib.resources.files("khue").joinpath("data", "adapter_catalogue.json").read_bytes()
    return [TypeOut(entry["brand"], entry["family"]) for entry in msgspec.json.decode(data)]


def _past(row: Row) -> PastEditOut:
    query, facts = msgspec.json.decode(row["query"]), msgspec.json.decode(row["changes"])
    return PastEditOut(
        *(row["id"], row["actor"], row["reason"], query, facts, row["changed"], row["applied"]),
        *(row["undone"], row["undone_by"]),
    )


def _filter(row: Row) -> FilterOut:
    return FilterOut(
        *(row["name"], msgspec.json.decode(row["query"]), row["shared"]),
        id=row["id"],
        owner=row["owner"],
        own=row["own"],
        created=row["created"],
    )
