"""Who changes the registry, why and from when on; the database writes it into the history."""

from __future__ import annotations

import datetime as dt

from khue.centre.ports import Statements
from khue.centre.sql import Queries

_SQL = Queries(__file__)


async def as_actor(
    session: Statements, actor: str, reason: str = "", source: str = "", effective: dt.datetime | None = None
) -> None:
    """Say it for the rest of the transaction: a change of a camera without an actor is refused by the database.

    ``source`` names what made many changes at once ('import ID', 'bulk edit ID'); ``effective`` is since when it is true
    in the street, at most now.
    """
    said = "" if effective is None else effective.isoformat()
    await session.execute(_SQL["say"], actor, reason, source, said)
