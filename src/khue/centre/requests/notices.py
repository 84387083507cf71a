"""Notices: what an account is told, kept until it is read, and the news that moves its bell."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from khue.centre.access.refusals import Text
from khue.centre.access.rules import Account
from khue.centre.events.board import Board, NoticeNews
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_SHOWN = 200


class Notices:
    def __init__(self, database: Database, board: Board) -> None:
        self._database = database
        self._board = board

    async def tell(
        self, session: Statements, accounts: Collection[str], kind: str, subject: tuple[str, str], text: Text
    ) -> None:
        """Part of the transaction that makes it true. ``subject`` is (request or emergency, its id)."""
        rows = [(account, kind, *subject, text.vi, text.en) for account in sorted(accounts)]
        await session.executemany(_SQL["add_notice"], rows)

    async def announce(self, accounts: Collection[str]) -> None:
        """After the commit: their consoles look afresh at once. One that misses it does so by itself later."""
        await self._board.announce([NoticeNews(account) for account in sorted(accounts)])

    async def of(self, account: Account) -> tuple[Sequence[Row], int]:
        """(newest first, how many are unread)."""
        rows = await self._database.fetch(_SQL["notices_of"], account.id, _SHOWN)
        return rows, int(await self._database.fetchval(_SQL["unread"], account.id))

    async def read(self, account: Account, ids: Sequence[int] | None) -> int:
        """One's own of these, None for all; how many are still unread."""
        await self._database.execute(_SQL["read_notices"], account.id, None if ids is None else list(ids))
        await self.announce([account.id])  # the bells of its other windows
        return int(await self._database.fetchval(_SQL["unread"], account.id))
