"""The map of a fleet as one compact payload: 40,210 cameras in less than 400 kB of gzip.

What a client gets from ``GET /api/v1/inventory/map`` (``application/vnd.khue.map``), all integers little-endian::

    4 bytes   "KMAP"
    4 bytes   length of the head
    head      JSON: {"version": 1, "count": n, "unplaced": m, "scale": 100000, "columns": [column, ...]}
    columns   one after the other, in the order of the head

``unplaced`` cameras are meant too but have no position, and are in no column. Cameras come by ascending number. A column is
``{"name", "bytes", "values"}``: ``bytes`` is 1 or 4.

- ``bytes`` 4 (``number``, ``lat``, ``lon``; degrees times ``scale``): the n lowest bytes, then the n second ones, then the n
  third, then the n highest, of the zigzag of each value's difference from the one before (the first from 0). In JavaScript::

      let value = 0;
      for (let i = 0; i < n; i++) {
        const z = (b[i] | b[n + i] << 8 | b[2 * n + i] << 16 | b[3 * n + i] << 24) >>> 0;
        out[i] = value += (z >>> 1) ^ -(z & 1);
      }

- ``bytes`` 1 (``unit``, ``state``, ``purpose``, ``life``, ``link``, ``kind``, ``seen``, ``declared``): n bytes, each an index into
  ``values``; ``values[0]`` is null and means that it is not known or does not apply. ``seen`` and ``declared`` are
  "no" and "yes".

Neighbours in number come from the same list of the same agency: small differences, and bytes that repeat.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from khue.centre.access.rules import Account
from khue.centre.errors import Invalid
from khue.centre.inventory.filters import Filter
from khue.centre.inventory.past import source
from khue.centre.inventory.reading import reading
from khue.centre.ports import Database
from khue.centre.sql import Queries
from khue.model.camera import CameraState
from khue.model.registry import Kind, Life, LinkKind, Purpose

_SQL = Queries(__file__)
MAGIC = b"KMAP"
MEDIA_TYPE = "application/vnd.khue.map"
SCALE = 100_000  # a step is 1.1 m
_FAST = 3  # of gzip: a tenth larger than the best, in a third of the time
_WORDS: dict[str, list[str]] = {
    "state": list(CameraState),
    "purpose": list(Purpose),
    "life": list(Life),
    "link": list(LinkKind),
    "kind": list(Kind),
}
_ANSWERS = ("seen", "declared")
_PACKED = np.dtype([(name, ">i4") for name in ("number", "lat", "lon", "unit", *_WORDS, *_ANSWERS)])
Hashes = Mapping[str, int]


class MapPayload(NamedTuple):
    """``etag`` names the content: the same while nothing that is drawn has changed."""

    body: bytes
    etag: str


class Column(msgspec.Struct, frozen=True):
    name: str
    bytes: int
    values: list[str | None] = []


class _Head(msgspec.Struct, frozen=True):
    version: int
    count: int
    unplaced: int
    scale: int
    columns: list[Column]


class FleetMap:
    """Draws what the account may see."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hashes: dict[str, int] = {}

    async def payload(self, account: Account, wanted: Filter) -> MapPayload:
        rows_from, condition, arguments = source(wanted, measured=True)
        async with reading(self._database, account) as session:
            if not self._hashes:
                words = [*(str(word) for words in _WORDS.values() for word in words), ""]
                found = await session.fetch(_SQL["hashes"], words)
                self._hashes = {row["word"]: row["hash"] for row in found}
            placed = f"{rows_from} where {condition} and c.latitude is not null"
            packed = await session.fetchval(f"{_SQL['map']} {placed}", *arguments)
            unplaced = 0
            if wanted.box is None:
                rows_from, condition, arguments = source(wanted)
                count = f"select count(*) {rows_from} where {condition} and c.latitude is null"
                unplaced = int(await session.fetchval(count, *arguments))
        return await asyncio.to_thread(_payload, packed or b"", unplaced, self._hashes)


def _payload(packed: bytes, unplaced: int, hashes: Hashes) -> MapPayload:
    body = encode(packed, unplaced, hashes)
    return MapPayload(body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')


def compress(body: bytes) -> bytes:
    """The same bytes for the same map, so that caches agree."""
    return gzip.compress(body, _FAST, mtime=0)


def encode(packed: bytes, unplaced: int, hashes: Hashes) -> bytes:
    """The payload of rows as the statement ``map`` packs them. Raises Invalid for more units than a byte tells apart."""
    rows = np.frombuffer(packed, dtype=_PACKED)
    rows = rows[np.argsort(rows["number"])]
    columns, parts = [], []
    for name in ("number", "lat", "lon"):
        columns.append(Column(name, 4))
        parts.append(_planes(rows[name]))
    codes, unit = np.unique(rows["unit"], return_inverse=True)
    units = [f"{code:05}" for code in codes if code]
    if len(units) > 255:
        raise Invalid("the map shows cameras of at most 255 units at once; choose fewer")
    columns.append(Column("unit", 1, [None, *units]))
    parts.append((unit + (len(codes) == len(units))).astype("u1").tobytes())
    for name, words in _WORDS.items():
        columns.append(Column(name, 1, [None, *map(str, words)]))
        parts.append(_indices(rows[name], [hashes[word] for word in ("", *words)]))
    for name in _ANSWERS:
        columns.append(Column(name, 1, [None, "no", "yes"]))
        parts.append(rows[name].astype("u1").tobytes())
    head = msgspec.json.encode(_Head(1, len(rows), unplaced, SCALE, columns))
    return b"".join((MAGIC, len(head).to_bytes(4, "little"), head, *parts))


def _indices(values: NDArray[Any], hashes: Sequence[int]) -> bytes:
    """Of each value its place among the hashes; 0 for one that is not there."""
    order = np.argsort(hashes)
    ordered = np.asarray(hashes, dtype="i8")[order]
    found = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.where(ordered[found] == values, order[found], 0).astype("u1").tobytes()


def _planes(values: NDArray[Any]) -> bytes:
    differences = np.diff(values.astype("<i8"), prepend=0)
    zigzag = ((differences << 1) ^ (differences >> 63)).astype("<u4")
    return zigzag.view("u1").reshape(-1, 4).T.tobytes()


def decode(body: bytes) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """(head, values by column): what a client makes of a payload; places are in degrees."""
    if body[:4] != MAGIC:
        raise Invalid("this is not a map")
    length = int.from_bytes(body[4:8], "little")
    head = msgspec.json.decode(body[8 : 8 + length], type=_Head)
    found: dict[str, list[Any]] = {}
    at, count = 8 + length, head.count
    for column in head.columns:
        data = np.frombuffer(body, "u1", count * column.bytes, at)
        at += count * column.bytes
        if column.bytes == 1:
            found[column.name] = [column.values[index] for index in data]
            continue
        zigzag = np.ascontiguousarray(data.reshape(4, count).T).view("<u4").reshape(count).astype("i8")
        values = np.cumsum((zigzag >> 1) ^ -(zigzag & 1))
        degrees = column.name in ("lat", "lon")
        found[column.name] = [value / head.scale if degrees else value for value in values.tolist()]
    return msgspec.to_builtins(head), found
