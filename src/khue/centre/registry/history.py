"""What happened to one camera: who changed what from what to what, when, why; five books merged into one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from khue.centre.access.rules import Account
from khue.centre.access.scope import NO_SUCH_CAMERA, as_reader
from khue.centre.ports import Database, Row
from khue.centre.registry.days import start_of
from khue.centre.registry.fields import field_of, plain
from khue.centre.sql import Queries
from khue.model.errors import NotFound

_SQL = Queries(__file__)
_FIXED = frozenset({"id", "number", "created"})
# Facts that another book tells in its own words when it was that book that changed them.
_TOLD_BY = {"life": frozenset({"life", "life_since"}), "security": frozenset({"security"})}


class Change(msgspec.Struct, frozen=True):
    field: str
    before: Any
    after: Any


class Event(msgspec.Struct, frozen=True):
    """``at`` is when it became true in the street, ``recorded`` when somebody said so."""

    at: dt.datetime
    recorded: dt.datetime
    actor: str
    reason: str
    source: str
    kind: str
    changes: list[Change]


class History:
    """Reads; the database writes it whoever changes a camera."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, reader: Account, camera: str) -> list[Event]:
        """Newest first. Raises NotFound."""
        async with as_reader(self._database, reader, "repeatable_read") as session:
            if await session.fetchval(_SQL["record_known"], camera) is None:
                raise NotFound(NO_SUCH_CAMERA)
            events = [
                *versions(await session.fetch(_SQL["versions"], camera)),
                *lives(await session.fetch(_SQL["life_history"], camera)),
                *consents(await session.fetch(_SQL["consent_history"], camera)),
                *findings(await session.fetch(_SQL["finding_history"], camera)),
                *streams(await session.fetch(_SQL["stream_history"], camera)),
            ]
        return sorted(events, key=lambda event: (event.at, event.recorded), reverse=True)


def versions(rows: Sequence[Row]) -> Iterable[Event]:
    """Rows of ``camera_version``, oldest first. What changed nothing another book does not tell is left out."""
    before: Mapping[str, Any] = {}
    for row in rows:
        after: Mapping[str, Any] = msgspec.json.decode(row["facts"])
        told = _TOLD_BY.get(row["source"], frozenset())
        names = sorted((before.keys() | after.keys()) - _FIXED - told)
        changes = [
            Change(field_of(name), plain(name, before.get(name)), plain(name, after.get(name)))
            for name in names
            if (before.get(name) or None) != (after.get(name) or None) or _is_answer(before, after, name)
        ]
        if changes:
            yield _event(row["valid_from"], row, "facts", changes)
        before = after


def _is_answer(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> bool:
    """Whether no, as opposed to not saying, makes a difference."""
    return before.get(name) is not after.get(name) and False in (before.get(name), after.get(name))


def lives(rows: Iterable[Row]) -> Iterable[Event]:
    for row in rows:
        yield _event(start_of(row["happened"]), row, "life", [Change("life", row["before"], row["after"])])


def consents(rows: Iterable[Row]) -> Iterable[Event]:
    """Without the person, whom the history does not name."""
    for row in rows:
        terms = {name: plain(name, row[name]) for name in ("given_on", "expires_on", "document", "upload_kbps")}
        given = Change("consent", None, {name: value for name, value in terms.items() if value})
        source = f"consent {row['id']}"
        yield Event(start_of(row["given_on"]), row["recorded"], row["recorded_by"], "", source, "consent", [given])
        if row["withdrawn_on"] is not None:
            ended = Change("consent", given.after, None)
            at, recorded = start_of(row["withdrawn_on"]), row["withdrawn_at"] or row["recorded"]
            yield Event(at, recorded, row["withdrawn_by"], row["withdrawn_reason"], source, "consent", [ended])


def findings(rows: Iterable[Row]) -> Iterable[Event]:
    last: dict[str, str] = {}
    for row in rows:
        change = Change(row["topic"], last.get(row["topic"]), row["result"])
        last[row["topic"]] = row["result"]
        at = start_of(row["checked_on"])
        yield Event(at, row["recorded"], row["actor"], row["evidence"], "", "security", [change])


def streams(rows: Iterable[Row]) -> Iterable[Event]:
    for row in rows:
        before, after = (msgspec.json.decode(side) if side else {} for side in (row["before"], row["after"]))
        changes = [
            Change(f"{row['stream']}.{name}", before.get(name), after.get(name))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        ]
        yield _event(row["recorded"], row, "streams", changes)


def _event(at: dt.datetime, row: Row, kind: str, changes: list[Change]) -> Event:
    source = "" if kind == "life" else row["source"]
    return Event(at, row["recorded"], row["actor"], row["reason"], source, kind, changes)
