"""The inventory over HTTP: lists, map, quota board, exports. Filters are those of `khue.centre.inventory.filters`."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Collection
from typing import Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.errors import Invalid
from khue.centre.inventory.export import chunks, format_of
from khue.centre.inventory.filters import HANOI, Filter, parse, parse_time, unparse
from khue.centre.inventory.map import MEDIA_TYPE, compress
from khue.centre.inventory.quota import QuotaBoard
from khue.centre.inventory.search import LARGEST_PAGE, CameraRow, Index, Page
from khue.centre.inventory.service import Inventory

Asked = Request[Any, Any, Any]


class RowsIn(msgspec.Struct):
    """``asof`` as in a filter."""

    numbers: list[int]
    asof: str = ""


class RowsOut(msgspec.Struct):
    items: list[CameraRow]


def _read(request: Asked, beside: Collection[str] = ()) -> tuple[Filter, dict[str, str]]:
    """(the filter, the parameters ``beside`` it). A name given twice counts as a list. Raises Invalid."""
    query = request.query_params
    values = {name: ",".join(query.getall(name)) for name in query}
    given = {name: values.pop(name, "") for name in beside}
    return parse(values), given


def _limit(text: str) -> int:
    if not text:
        return 100
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= LARGEST_PAGE:
        raise Invalid(f"limit is 1 to {LARGEST_PAGE}")
    return int(text)


class InventoryController(Controller):
    path = "/api/v1/inventory"
    tags = ("inventory",)

    @get("/cameras", summary="Cameras by any filter, in pages")
    async def list_cameras(
        self,
        request: Asked,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        inventory: NamedDependency[Inventory],
    ) -> Page:
        """Filters q, unit, owner, manager, agency, vendor, family, kind, purpose, group, link, life, state, declared, seen,
        security, disclosure, node, box, consent, asof; sort (name, code, unit, life_since, installed_on, number, with - the
        other way round), after, limit."""
        await access.permit(caller, Action.REGISTRY_READ)
        wanted, given = _read(request, ("sort", "after", "limit"))
        limit = _limit(given["limit"])
        return await inventory.search.page(caller.account, wanted, given["sort"] or "name", given["after"], limit)

    @get("/index", summary="The numbers of all cameras a filter means, in order")
    async def index(
        self,
        request: Asked,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        inventory: NamedDependency[Inventory],
    ) -> Index:
        """Filters as for cameras, and sort; rows are asked for by number."""
        await access.permit(caller, Action.REGISTRY_READ)
        wanted, given = _read(request, ("sort",))
        return await inventory.search.index(caller.account, wanted, given["sort"] or "name")

    @post("/rows", summary="Cameras by number", status_code=200)
    async def rows(
        self,
        data: JSONBody[RowsIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        inventory: NamedDependency[Inventory],
    ) -> RowsOut:
        """In the order asked for; at most 500."""
        await access.permit(caller, Action.REGISTRY_READ)
        asof = parse_time("asof", data.asof) if data.asof else None
        return RowsOut(await inventory.search.rows(caller.account, data.numbers, asof))

    @get("/map", summary="All cameras a filter means, for a map", media_type=MEDIA_TYPE)
    async def fleet_map(
        self,
        request: Asked,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        inventory: NamedDependency[Inventory],
    ) -> Response[bytes]:
        """Columns of numbers; the module khue.centre.inventory.map says how to read them."""
        await access.permit(caller, Action.REGISTRY_READ)
        wanted, _ = _read(request)
        payload = await inventory.map.payload(caller.account, wanted)
        headers = {"etag": payload.etag, "cache-control": "private, no-cache", "vary": "Accept-Encoding, Cookie"}
        if payload.etag in request.headers.get("if-none-match", ""):
            return Response(b"", status_code=304, headers=headers, media_type=MEDIA_TYPE)
        body = payload.body
        if "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["content-encoding"] = await asyncio.to_thread(compress, body), "gzip"
        return Response(body, headers=headers, media_type=MEDIA_TYPE)

    @get("/quota", summary="The quota board")
    async def quota(
        self,
        request: Asked,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        inventory: NamedDependency[Inventory],
    ) -> QuotaBoard:
        """by (purpose, group, unit, owner, manager, type, link) and asof."""
        await access.permit(caller, Action.REGISTRY_READ)
        known = {name: request.query_params.get(name, "") for name in request.query_params}
        if unknown := known.keys() - {"by", "asof"}:
            raise Invalid(f"the board takes by and asof, not {sorted(unknown)[0][:40]!r}")
        asof = parse_time("asof", known["asof"]) if known.get("asof") else None
        return await inventory.quota.board(caller.account, known.get("by") or "group", asof)

    @get("/export", summary="Cameras a filter means, as a file")
    async def export(
        self,
        request: Asked,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        inventory: NamedDependency[Inventory],
    ) -> Stream:
        """format (xlsx, csv, geojson, ngsi-ld) and filters. It is written down who took what along."""
        wanted, given = _read(request, ("format",))
        form = format_of(given["format"])
        asked = " ".join(f"{name}={value}" for name, value in unparse(wanted).items())
        await access.permit(caller, Action.REGISTRY_EXPORT, detail=f"{given['format']} {asked or 'everything'}")
        file = await inventory.export.write(caller.account, wanted, form)
        name = f"cameras-{dt.datetime.now(HANOI):%Y-%m-%d}.{form.suffix}"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Stream(chunks(file), media_type=form.media_type, headers=headers)
