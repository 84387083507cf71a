"""A camera's life: dated, reasoned steps, of which only some may follow one another."""

from __future__ import annotations

import datetime as dt

from khue.centre.access.rules import Account
from khue.centre.errors import Invalid
from khue.centre.fleet.service import Fleet
from khue.centre.ports import Database
from khue.centre.registry.actor import as_actor
from khue.centre.registry.days import start_of, today
from khue.centre.registry.locking import lock_seen
from khue.centre.sql import Queries
from khue.model.errors import Conflict
from khue.model.registry import Life

_SQL = Queries(__file__)


class Lives:
    """Which steps there are stands in the table ``life_step``."""

    def __init__(self, database: Database, fleet: Fleet) -> None:
        self._database = database
        self._fleet = fleet

    async def step(self, by: Account, camera: str, after: Life, happened: dt.date | None, reason: str) -> None:
        """Raises NotFound, Conflict naming the steps that are allowed, Invalid for a day that cannot be."""
        happened, reason = happened or today(), reason.strip()
        if not reason:
            raise Invalid("a step of a camera's life needs a reason: a decision, a report, who said so")
        if happened > today():
            raise Invalid(f"{happened} is in the future; say it when it has happened")
        async with self._database.transaction() as session:
            row = await lock_seen(session, by, camera)
            before = row["life"]
            allowed = [step["after"] for step in await session.fetch(_SQL["life_steps"], before)]
            if after not in allowed:
                raise Conflict(f"a camera that is {before} cannot become {after}; it can become {_in_words(allowed)}")
            if happened < row["life_since"]:
                raise Invalid(f"it is {before} since {row['life_since']}; the next step is not before that day")
            await as_actor(session, by.username, reason, "life", start_of(happened))
            await session.execute(_SQL["add_life_step"], camera, happened, before, after, reason, by.username)
            await session.execute(_SQL["set_life"], camera, after, happened)
            told = [node["id"] for node in await session.fetch(_SQL["bump_node_of"], camera)]
        await self._fleet.announce([camera], told)


def _in_words(steps: list[str]) -> str:
    return "nothing else" if not steps else " or ".join([", ".join(steps[:-1]), steps[-1]] if steps[1:] else steps)
