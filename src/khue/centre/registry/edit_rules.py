"""What a bulk edit may do to each camera, and what its undo keeps. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from khue.centre.access.rules import Term
from khue.centre.access.scope import NO_SUCH_CAMERA
from khue.centre.errors import Invalid
from khue.centre.fleet.rules import search_words
from khue.centre.ports import Row
from khue.centre.registry.fields import CHECKED, SCOPE, SEARCHED, UNIQUE, Facts, check, column_of, differences, said
from khue.centre.registry.record import facts_of

SAMPLE = 20
HIDES = "you would no longer see it; ask somebody who also sees where it is to go"


class Refused(msgspec.Struct, frozen=True):
    number: int
    name: str
    why: str


class Sample(msgspec.Struct, frozen=True):
    number: int
    name: str
    field: str
    before: Any
    after: Any


class Kept(msgspec.Struct, frozen=True):
    """A camera, or some of its fields, an undo left as it is now. ``number`` is null for one that is not there any more."""

    number: int | None
    why: str


class Plan(msgspec.Struct):
    """What an edit would do. ``changes`` are those of each camera, by id."""

    rows: dict[str, Row]
    changes: dict[str, dict[str, Any]]
    refused: list[Refused]


def editable(facts: Facts) -> dict[str, Any]:
    """What many cameras can be given together. Raises Invalid."""
    given = said(facts)
    if not given:
        raise Invalid("an edit sets at least one field")
    if alone := sorted(given.keys() & (UNIQUE | {"name"})):
        raise Invalid(f"{', '.join(alone)} is of one camera alone; change it on the camera's own page")
    return given


def plan(terms: Sequence[Term], rows: Sequence[Row], given: Mapping[str, Any]) -> Plan:
    """What the given fields change of each row, and which rows may not be changed so. Pure."""
    made = Plan({row["id"]: row for row in rows}, {}, [])
    looked_at = {*given, *CHECKED, *SCOPE}
    for row in rows:
        before = facts_of(row, looked_at)
        changes = differences(before, given)
        after = {**before, **changes}
        if not changes:
            continue
        if why := check(after):
            made.refused.append(Refused(row["number"], row["name"], why))
        elif not any(term.covers({**after, "id": row["id"]}) for term in terms):
            made.refused.append(Refused(row["number"], row["name"], HIDES))
        else:
            made.changes[row["id"]] = changes
    return made


def samples(made: Plan) -> list[Sample]:
    """The first changes, to look at before they are made."""
    shown = []
    for camera, changes in list(made.changes.items())[:SAMPLE]:
        row = made.rows[camera]
        before = facts_of(row, changes)
        shown += [Sample(row["number"], row["name"], name, before[name], value) for name, value in changes.items()]
    return shown[:SAMPLE]


def restore(rows: Mapping[str, Row], wrote: Mapping[str, Row]) -> tuple[dict[str, dict[str, Any]], list[Kept]]:
    """(what to write back to each camera, what is kept and why). Pure."""
    back: dict[str, dict[str, Any]] = {}
    kept = []
    for camera, line in wrote.items():
        row = rows.get(camera)
        if row is None:
            kept.append(Kept(None, NO_SUCH_CAMERA))
            continue
        now, before, after = facts_of(row), msgspec.json.decode(line["before"]), msgspec.json.decode(line["after"])
        changed = sorted(name for name, value in after.items() if now[name] != value)
        mine = {name: before[name] for name in after if name not in changed}
        if mine and (why := check({**now, **mine})):
            kept.append(Kept(row["number"], why))
            continue
        if changed:
            kept.append(Kept(row["number"], f"{', '.join(changed)} was changed since"))
        if mine:
            back[camera] = mine
    return back, kept


def columns_of(
    row: Row, given: Mapping[str, Any], units: Mapping[str, str], agencies: Mapping[str, str]
) -> dict[str, Any]:
    """What is written into the table; also what the camera is found by, when that follows from it. Names by id."""
    put = {column_of(name): value for name, value in given.items()}
    if given.keys() & SEARCHED:
        facts = {**facts_of(row), **given}
        words = {name: facts[name] for name in ("code", "address", "vendor", "model", "serial")}
        owner, unit = agencies.get(facts["owner"] or ""), units.get(facts["unit"] or "")
        put["search"] = search_words(row["id"], facts["name"], owner=owner, unit=unit, **words)
    return put
