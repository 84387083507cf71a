"""An import taken back in one transaction: its cameras leave the registry, what it changed gets back what it had.

What somebody changed since is theirs now; it is left alone and listed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from khue.centre.fleet.rules import search_words
from khue.centre.intake.apply import Progress
from khue.centre.intake.fields import FIELDS
from khue.centre.ports import Database, Row, Statements
from khue.centre.registry.actor import as_actor
from khue.centre.sql import Queries
from khue.model.errors import Conflict

_SQL = Queries(__file__)
_BATCH = 2000
_LISTED = 1000  # of what stays; more nobody reads


async def undo(database: Database, row: Row, worker: str, actor: str, progress: Progress) -> list[str]:
    """Returns the nodes whose desired state changed. Raises Conflict; then nothing is done."""
    import_id = row["id"]
    async with database.transaction() as session:
        await session.execute(_SQL["lock_intake"])
        await session.execute(_SQL["measure_rows"])
        await as_actor(session, actor, f"undo: {row['name']}", f"undo of import {import_id}")
        kept, touched = await _kept(session, import_id)
        told = [node["id"] for node in await session.fetch(_SQL["tell_nodes"], import_id)]
        last = int(await session.fetchval(_SQL["ordinals"], import_id))
        for first in range(1, last + 1, _BATCH):
            await session.execute(_SQL["remove_created"], import_id, first, first + _BATCH - 1)
            await session.execute(_SQL["restore_cameras"], import_id, first, first + _BATCH - 1)
            progress(min((first + _BATCH) / (last + 1), 0.98))
        for name in ("restore_streams", "drop_new_streams", "withdraw_consents"):
            await session.execute(_SQL[name], import_id)
        await _search_again(session, touched)
        told += [node["id"] for node in await session.fetch(_SQL["unplace_created"], import_id)]
        if await session.fetchval(_SQL["finish_undo"], import_id, worker, _text(kept)) is None:
            raise Conflict("the import was taken over by another replica; look at its state")
    return sorted(set(told))


async def _kept(session: Statements, import_id: str) -> tuple[list[dict[str, Any]], list[str]]:
    """(what stays and why, cameras of which only a part goes back)."""
    kept = [
        {**_named(row), "field": None, "why": f"{row['actor']} changed it on {row['recorded']:%Y-%m-%d %H:%M} UTC"}
        for row in await session.fetch(_SQL["keep_created"], import_id)
    ]
    touched = []
    for row in await session.fetch(_SQL["fields_kept"], import_id):
        why = "the camera was removed since" if row["why"] == "removed" else f"{row['actor']} changed it since"
        kept.append({**_named(row), "field": FIELDS.get(row["field"], row["field"]), "why": why})
        touched.append(row["camera"])
    return kept[:_LISTED], list(dict.fromkeys(touched))


def _named(row: Row) -> dict[str, Any]:
    return {"camera": row["camera"], "number": row["number"], "name": row["name"]}


async def _search_again(session: Statements, cameras: list[str]) -> None:
    """What a camera is found by follows from fields of which some went back and some did not."""
    if not cameras:
        return
    names = ("code", "address", "vendor", "model", "serial", "owner", "unit")
    texts = [
        (row["id"], search_words(row["id"], row["name"], **{name: row[name] for name in names}))
        for row in await session.fetch(_SQL["words_of"], cameras)
    ]
    await session.executemany(_SQL["set_search"], texts)


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
