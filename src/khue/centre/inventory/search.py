"""Lists of cameras: pages in any order, the numbers of all that are meant, and rows by number."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from khue.centre.access.rules import Account
from khue.centre.errors import Invalid
from khue.centre.inventory.filters import Filter
from khue.centre.inventory.past import numbered, source
from khue.centre.inventory.reading import reading
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries

_SQL = Queries(__file__)
LARGEST_PAGE = 1000
MOST_ROWS = 500


class CameraRow(msgspec.Struct, frozen=True):
    """One camera in a list. ``state`` is its main stream's; null when it has none. ``revision`` is null in a past that has
    changed since."""

    id: str
    number: int
    code: str | None
    name: str
    vendor: str
    family: str
    model: str
    kind: str | None
    lat: float | None
    lon: float | None
    address: str
    unit: str | None
    owner: str | None
    manager: str | None
    purpose: str | None
    link: str | None
    life: str
    life_since: dt.date
    installed_on: dt.date | None
    declared_working: bool | None
    seen_working: bool | None
    seen_since: dt.datetime | None
    state: str | None
    node: str | None
    security: str
    disclosure: str
    revision: int | None


class Page(msgspec.Struct, frozen=True):
    """``next`` goes into ``after`` for the next page; null on the last."""

    items: list[CameraRow]
    next: str | None


class Index(msgspec.Struct, frozen=True):
    """``numbers``: base64 of little-endian unsigned integers of four bytes, in the order asked for."""

    total: int
    numbers: str


class _Order(NamedTuple):
    """What a list goes by: an expression that is never null, and its type."""

    key: str
    kind: str


_ORDERS = {
    "name": _Order("c.search", "text"),
    "code": _Order("coalesce(c.code, '')", "text"),
    "unit": _Order("coalesce(c.unit, '')", "text"),
    "life_since": _Order("c.life_since", "date"),
    "installed_on": _Order("coalesce(c.installed_on, 'infinity'::date)", "date"),
    "number": _Order("c.number", "integer"),
}


class Search:
    """Every method shows what the account may see, and nothing else."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, account: Account, wanted: Filter, sort: str, after: str, limit: int) -> Page:
        """Raises Invalid. Each camera comes once over all pages, as long as what it is sorted by does not change."""
        order, down = _order(sort, wanted)
        rows_from, condition, arguments = source(wanted)
        if after:
            key, number = _open_cursor(after, order.kind)
            arguments += [key, number]
            place = f"(${len(arguments) - 1}::text::{order.kind}, ${len(arguments)}::integer)"
            condition += f" and ({order.key}, c.number) {'<' if down else '>'} {place}"
        way = " desc" if down else ""
        statement = f"""select c.number, ({order.key})::text as key {rows_from} where {condition}
            order by {order.key}{way}, c.number{way} limit {limit + 1}"""
        async with reading(self._database, account) as session:
            found = await session.fetch(statement, *arguments)
            items = await _rows(session, [row["number"] for row in found[:limit]], wanted.asof)
        last = found[limit - 1] if len(found) > limit else None
        return Page(items, None if last is None else _cursor(last["key"], last["number"]))

    async def index(self, account: Account, wanted: Filter, sort: str) -> Index:
        """All numbers at once: 40,210 of them are 215 kB. Raises Invalid."""
        order, down = _order(sort, wanted)
        rows_from, condition, arguments = source(wanted)
        way = " desc" if down else ""
        statement = f"""select string_agg(int4send(x.number), ''::bytea) from (
            select c.number {rows_from} where {condition} order by {order.key}{way}, c.number{way}) x"""
        async with reading(self._database, account) as session:
            packed = await session.fetchval(statement, *arguments) or b""
        numbers = np.frombuffer(packed, dtype=">u4").astype("<u4")
        return Index(len(numbers), b64encode(numbers.tobytes()).decode())

    async def rows(self, account: Account, numbers: Sequence[int], asof: dt.datetime | None) -> list[CameraRow]:
        """In the order asked for; those that are not there, or not for this account, are left out. Raises Invalid."""
        if len(numbers) > MOST_ROWS:
            raise Invalid(f"{len(numbers)} rows at once; ask for at most {MOST_ROWS}")
        if any(not 0 < number < 2**31 for number in numbers):
            raise Invalid("a camera's number is 1 to 2147483647")
        async with reading(self._database, account) as session:
            return await _rows(session, numbers, asof)


async def _rows(session: Statements, numbers: Sequence[int], asof: dt.datetime | None) -> list[CameraRow]:
    rows_from, condition, arguments = numbered(numbers, asof)
    found = await session.fetch(f"{_SQL['row']} {rows_from} where {condition}", *arguments)
    by_number = {row["number"]: camera_row(row) for row in found}
    return [by_number[number] for number in numbers if number in by_number]


def camera_row(row: Row) -> CameraRow:
    """Of a row of the statement ``row``."""
    return CameraRow(*(row[name] for name in CameraRow.__struct_fields__))


def _order(sort: str, wanted: Filter) -> tuple[_Order, bool]:
    name = sort.removeprefix("-")
    if name not in _ORDERS:
        raise Invalid(f"sort is {sort[:40]!r}; there are {', '.join(_ORDERS)}, and each with - before it")
    if name == "name" and wanted.asof is not None:
        return _Order("c.folded", "text"), sort.startswith("-")
    return _ORDERS[name], sort.startswith("-")


def _cursor(key: str, number: int) -> str:
    return urlsafe_b64encode(msgspec.json.encode((key, number))).decode().rstrip("=")


def _open_cursor(text: str, kind: str) -> tuple[str, int]:
    try:
        padded = text.encode() + b"=" * (-len(text) % 4)
        key, number = msgspec.json.decode(urlsafe_b64decode(padded), type=tuple[str, int])
        if kind == "date" and key != "infinity":
            dt.date.fromisoformat(key)
        if kind == "integer":
            int(key)
    except ValueError as error:  # also of base64 and of msgspec
        raise Invalid("after is not what next said; take it from there, or leave it out to begin anew") from error
    if "\0" in key or not 0 < number < 2**31:
        raise Invalid("after is not what next said; take it from there, or leave it out to begin anew")
    return key, number
