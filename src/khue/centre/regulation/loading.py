"""A version of the regulation into the tables the policies and decisions read it from."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from khue.centre.ports import Statements
from khue.centre.sql import Queries
from khue.model.regulation.comparing import settings_of
from khue.model.regulation.terms import Need, Regulation, Text

_SQL = Queries(__file__)


async def store(session: Statements, regulation: Regulation, files: Mapping[str, str], by: str) -> None:
    """Load a version, not in force. Raises Conflict when there is one of that id."""
    await session.execute(
        _SQL["add_version"],
        *(regulation.id, regulation.title.vi, regulation.title.en, regulation.document, regulation.timezone),
        *(msgspec.json.encode(files).decode(), regulation.digest),
        *(msgspec.json.encode(settings_of(regulation)).decode(), by),
    )
    clauses = [(regulation.id, row.id, row.vi, row.en) for row in regulation.clauses.values()]
    await session.executemany(_SQL["add_clause"], clauses)
    await session.executemany(
        _SQL["add_rule"],
        [
            (
                *(regulation.id, rule.kind, rule.right, list(rule.purposes), rule.default_purpose),
                *(need in rule.needs for need in (Need.PURPOSE, Need.REASON, Need.CASE, Need.SECOND)),
                rule.clause,
            )
            for rule in regulation.rules.values()
        ],
    )


async def clauses_of(session: Statements, version: str) -> dict[str, Text]:
    """Every clause of a version; none for an unknown one."""
    return {row["clause"]: Text(row["vi"], row["en"]) for row in await session.fetch(_SQL["clauses_of"], version)}
