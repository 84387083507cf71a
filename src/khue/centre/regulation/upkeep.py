"""What the regulation in force says of recordings and of the public, made true: retention classes and what new cameras take."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import zoneinfo
from collections.abc import Awaitable, Callable, Sequence

from khue.centre.ports import Database
from khue.centre.regulation.service import Regulations
from khue.centre.sql import Queries
from khue.model.errors import KhueError
from khue.model.regulation.checks import term_on
from khue.model.regulation.terms import Regulation

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_EVERY = 20.0  # seconds: a version may begin to hold, and a dated term may begin, at any of them


def class_of(camera_purpose: str) -> str:
    """The retention class the regulation keeps for cameras of a purpose."""
    return f"purpose-{camera_purpose}"


class Upkeep:
    """Every replica does it; what is so already is left alone. ``tell`` hears the nodes whose desired state changed."""

    def __init__(
        self, database: Database, regulations: Regulations, tell: Callable[[Sequence[str]], Awaitable[None]]
    ) -> None:
        self._database = database
        self._regulations = regulations
        self._tell = tell

    async def run(self) -> None:
        while True:
            try:
                await self.keep(dt.datetime.now(dt.UTC))
            except KhueError as error:
                _log.warning("the regulation's retention could not be looked after: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self._regulations.changed.wait()
            self._regulations.changed.clear()

    async def keep(self, now: dt.datetime) -> None:
        """Make the terms true that hold at ``now``. A class of the regulation somebody else changed is put back."""
        regulation = await self._regulations.in_force()
        day = now.astimezone(zoneinfo.ZoneInfo(regulation.timezone)).date()
        terms = [(purpose, term_on(regulation, purpose, day)) for purpose in regulation.disclosure]
        found = [(purpose, term) for purpose, term in terms if term is not None]
        async with self._database.transaction() as session:
            await session.execute(_SQL["lock_upkeep"])
            changed = await session.fetch(
                _SQL["keep_classes"],
                [class_of(purpose) for purpose, _ in found],
                [term.days for _, term in found],
                [term.priority for _, term in found],
            )
            await session.execute(_SQL["put_purposes"], *_columns(regulation, {purpose for purpose, _ in found}))
            told = [row["id"] for row in await session.fetch(_SQL["bump_nodes"])] if changed else []
        if told:
            await self._tell(told)


def _columns(regulation: Regulation, kept: set[str]) -> tuple[list[str], list[str | None], list[str]]:
    """(purposes, classes, tiers); without a term today the class is left to whoever registers the camera."""
    purposes = list(regulation.disclosure)
    classes = [class_of(purpose) if purpose in kept else None for purpose in purposes]
    return purposes, classes, [regulation.disclosure[purpose].tier for purpose in purposes]
