"""A fleet as a file: written to disk a thousand cameras at a time, then sent, so that a slow reader holds up nothing."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from typing import IO, Any

import numpy as np

from khue.centre.access.rules import Account
from khue.centre.errors import Invalid
from khue.centre.inventory.filters import Filter
from khue.centre.inventory.formats import FORMATS, Form, Format
from khue.centre.inventory.past import numbered, source
from khue.centre.inventory.reading import reading
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries

_SQL = Queries(__file__)
_BATCH = 1000
_AT_ONCE = 2  # exports a replica writes at the same time
_CHUNK = 256 * 1024


def format_of(name: str) -> Format:
    """Raises Invalid."""
    if name not in FORMATS:
        raise Invalid(f"format is {name[:40]!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]


class Export:
    """Writes what the account may see."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def write(self, account: Account, wanted: Filter, form: Format) -> IO[bytes]:
        """A file without a name, at its beginning; it is gone when it is closed."""
        file = await asyncio.to_thread(tempfile.TemporaryFile)
        try:
            async with self._turn:
                await self._write(account, wanted, form, file)
        except BaseException:
            file.close()
            raise
        return file

    async def _write(self, account: Account, wanted: Filter, form: Format, file: IO[bytes]) -> None:
        rows_from, condition, arguments = source(wanted)
        statement = f"""select string_agg(int4send(x.number), ''::bytea) from (
            select c.number {rows_from} where {condition} order by c.number) x"""
        async with reading(self._database, account) as session:
            packed = await session.fetchval(statement, *arguments) or b""
            numbers = np.frombuffer(packed, dtype=">i4").tolist()
            begun: Form | None = None
            for first in range(0, max(len(numbers), 1), _BATCH):
                rows_from, condition, arguments = numbered(numbers[first : first + _BATCH], wanted.asof)
                found = await session.fetch(
                    f"{_SQL['exported']} {rows_from} {_SQL['exported_names']} where {condition} order by c.number",
                    *arguments,
                )
                begun = await asyncio.to_thread(_add, begun, form, file, found)
        await asyncio.to_thread(_finish, begun, file)


COLUMNS = (
    *("id", "number", "code", "name", "vendor", "family", "model"),
    *("kind", "megapixels", "serial", "mac", "host", "lat", "lon"),
    *("address", "unit", "unit_name", "mounting", "height_m", "bearing", "view_angle"),
    *("range_m", "owner", "owner_name", "manager", "manager_name", "purpose", "link"),
    *("upload_kbps", "quiet_from", "quiet_to", "life", "life_since", "declared_working", "seen_working"),
    *("seen_since", "seen_how", "state", "node", "installed_on", "contract", "supplier"),
    *("warranty_until", "disclosure", "sign_present", "contact_point", "site", "retention_class", "enabled"),
    *("security", "note", "created"),
)  # of the statement ``exported``


def _add(begun: Form | None, form: Format, file: IO[bytes], found: Sequence[Row]) -> Form:
    begun = begun or form.begin(file, COLUMNS)
    begun.add([{name: row[name] for name in COLUMNS} for row in found])
    return begun


def _finish(begun: Form | None, file: IO[bytes]) -> None:
    if begun is not None:
        begun.finish()
    file.seek(0)


async def chunks(file: IO[Any]) -> AsyncIterator[bytes]:
    """Its content; it is closed at the end, or when nobody wants the rest."""
    with file:
        while data := await asyncio.to_thread(file.read, _CHUNK):
            yield data
