"""A plan becomes true in one transaction, by statements over the plan's own rows; a reader sees all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from khue.centre.fleet.rules import fold
from khue.centre.intake.words import CHANGED_SINCE_PLAN
from khue.centre.ports import Database, Row, Statements
from khue.centre.registry.actor import as_actor
from khue.centre.sql import Queries
from khue.model.errors import Conflict, KhueError

_SQL = Queries(__file__)
_BATCH = 2000  # rows a statement: the progress people see, and far from any time limit
# What a new camera is that says nothing, as the columns default to it. Its disclosure and retention follow its purpose.
_DEFAULTS = {
    **dict.fromkeys(("vendor", "family", "model", "serial", "host", "address", "contract", "supplier"), ""),
    **dict.fromkeys(("contact_point", "site", "note"), ""),
    "life": "operating",
    "enabled": True,
}
Progress = Callable[[float], None]


class RowsLost(KhueError):
    """A row of a sheet has no outcome. Never to be seen: it stops the import."""


async def apply(database: Database, row: Row, worker: str, progress: Progress) -> list[str]:
    """Returns the nodes whose desired state changed. Raises Conflict when the registry moved under it; then nothing is done."""
    import_id = row["id"]
    async with database.transaction() as session:
        await session.execute(_SQL["lock_intake"])
        await session.execute(_SQL["measure_rows"])
        await as_actor(session, row["actor"], row["name"], f"import {import_id}")
        await _refuse_stale(session, import_id, row["seen"])
        agencies = [{**agency, "search": fold(f"{agency['name']} {agency['id']}")} for agency in _json(row["agencies"])]
        await session.execute(_SQL["add_agencies"], _text(agencies))
        last = int(await session.fetchval(_SQL["ordinals"], import_id))
        for first in range(1, last + 1, _BATCH):
            await _write(session, row, first, first + _BATCH - 1)
            progress(min((first + _BATCH) / (last + 1), 0.98))
        await session.execute(_SQL["forget_applied"], import_id)
        told = [node["id"] for node in await session.fetch(_SQL["tell_nodes"], import_id)]
        counts, reasons = await count(session, import_id)
        counts = balanced(counts, _json(row["counts"])["read"])
        finished = await session.fetchval(_SQL["finish_apply"], import_id, worker, _text(counts), _text(reasons))
        if finished is None:
            raise Conflict("the import was taken over by another replica; look at its state")
    return told


async def _refuse_stale(session: Statements, import_id: str, seen: int) -> None:
    """Rows whose camera somebody changed, or registered, since the plan are refused rather than overwritten."""
    problems = _text([CHANGED_SINCE_PLAN])
    await session.execute(_SQL["refuse_changed"], import_id, problems)
    await session.execute(_SQL["refuse_known_since"], import_id, problems, seen)


async def _write(session: Statements, row: Row, first: int, last: int) -> None:
    import_id = row["id"]
    await session.execute(_SQL["create_cameras"], import_id, first, last, _text(_DEFAULTS))
    changed = await session.fetchrow(_SQL["change_cameras"], import_id, first, last)
    if changed is None or changed["changed"] != changed["wanted"]:
        raise Conflict("somebody changed a camera while the import was applied; nothing was done; apply it again")
    await session.execute(_SQL["step_lives"], import_id, first, last, row["name"], row["actor"])
    await session.execute(_SQL["put_streams"], import_id, first, last)
    await session.execute(_SQL["add_consents"], import_id, first, last, row["actor"])


async def count(session: Statements, import_id: str) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """(rows by outcome, rows by reason with an example's words) of a plan."""
    counts = dict.fromkeys(("created", "changed", "unchanged", "duplicate", "refused", "skipped"), 0)
    for row in await session.fetch(_SQL["count_outcomes"], import_id):
        counts[row["outcome"]] = row["count"]
    reasons = [
        {"outcome": row["outcome"], "code": row["code"], "count": row["count"]}
        for row in await session.fetch(_SQL["count_reasons"], import_id)
    ]
    return counts, reasons


def balanced(counts: dict[str, int], read: int) -> dict[str, int]:
    """The counts with what was read; every row that was read has one outcome. Raises RowsLost."""
    lost = read - sum(number for outcome, number in counts.items() if outcome != "skipped")
    if lost:
        raise RowsLost(f"{lost} rows have no outcome; nothing was done; report this with the files")
    return {"read": read, **counts, "lost": lost}


def _json(text: str) -> Any:
    return msgspec.json.decode(text)


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
