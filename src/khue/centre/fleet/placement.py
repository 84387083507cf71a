"""The loop that gives cameras to nodes and takes them from nodes that are no longer heard of."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from khue.centre.events.board import Board, NodeNews
from khue.centre.fleet.rules import CameraPlace, Move, NodeLoad, place
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.errors import Unavailable
from khue.wire.bus import Bus

_log = logging.getLogger(__name__)
_EVERYTHING_S = 10.0  # seconds between looks at every camera when nothing is known to have changed
_SQL = Queries(__file__)


class Placement:
    """Runs in every replica; for each look the database lets one of them lead.

    A silent node is only dead when this replica could have heard it for a whole lease: after an outage of the database
    or the message bus every lease has run out, and no camera may move because of that.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        board: Board,
        tell: Callable[[Sequence[str]], Awaitable[None]],
        *,
        lease_s: float,
        every_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._bus = bus
        self._board = board
        self._tell = tell
        self._lease_s = lease_s
        self._every_s = every_s
        self._monotonic = monotonic
        self._hearing_since = monotonic()
        self._looked = monotonic()
        self._wanted = asyncio.Event()
        self._due = True  # something may have to be placed; only a look at everything tells
        self._saw_everything = monotonic()

    async def wanted(self) -> None:
        """Look now: a node joined or a camera was added."""
        self._due = True
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled."""
        waiting = False
        while True:
            try:
                await self.run_once()
                waiting = False
            except Unavailable as error:
                self._hearing_since = self._monotonic()
                self._due = True
                _log.log(logging.DEBUG if waiting else logging.WARNING, "placement waits: %s", error)
                waiting = True
            try:
                async with asyncio.timeout(self._every_s):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()

    async def run_once(self) -> list[Move]:
        """One look; the moves that were made. Raises Unavailable."""
        now = self._monotonic()
        if not self._bus.connected or now - self._looked > self._lease_s / 2:
            self._hearing_since = now  # we may have been deaf, or asleep
        self._looked = now
        failover = now - self._hearing_since > self._lease_s
        async with self._database.transaction() as session:
            if not await session.fetchval(_SQL["lead"]):
                return []
            news = await self._note_liveness(session)
            moves = await self._place(session, failover) if self._is_due(now) else []
            told = {node for move in moves for node in (move.node, move.before) if node is not None}
            if told:
                await session.execute(_SQL["bump"], sorted(told))
        for move in moves:
            _log.info("camera %s: %s -> %s (%s)", move.camera, move.before, move.node, move.reason)
        if told:
            await self._tell(sorted(told))
        await self._announce(news, moves)
        return moves

    def _is_due(self, now: float) -> bool:
        """A look at every camera costs the database as much as a city's heartbeats: without news it is taken seldom."""
        due, self._due = self._due or now - self._saw_everything > _EVERYTHING_S, False
        if due:
            self._saw_everything = now
        return due

    async def _place(self, session: Statements, failover: bool) -> list[Move]:
        waiting = await session.fetch(_SQL["cameras_to_place"])
        if not waiting:
            return []
        moves = self._changes(await session.fetch(_SQL["nodes_for_placement"]), waiting, failover)
        if moves:
            await self._move(session, moves)
        return moves

    async def _move(self, session: Statements, moves: Sequence[Move]) -> None:
        cameras = [move.camera for move in moves]
        to, why = [move.node for move in moves], [move.reason for move in moves]
        await session.execute(_SQL["move"], cameras, to, why)
        await session.execute(_SQL["forget_status"], cameras)

    async def _announce(self, news: Sequence[NodeNews], moves: Sequence[Move]) -> None:
        """A node that falls silent or comes back changes what its cameras' tiles say."""
        await self._board.announce(news)
        rows = await self._database.fetch(_SQL["cameras_on"], [node.id for node in news]) if news else []
        cameras = {move.camera for move in moves} | {row["camera"] for row in rows}
        await self._board.announce_streams(sorted(cameras))

    async def _note_liveness(self, session: Statements) -> list[NodeNews]:
        news = []
        for node in await session.fetch(_SQL["node_liveness"]):
            self._due |= node["silent"]
            if node["alive"] != node["told_alive"]:
                await session.execute(_SQL["tell_alive"], node["id"], node["alive"])
                news.append(NodeNews(id=node["id"], alive=node["alive"]))
                self._due = True
        return news

    def _changes(self, nodes: Sequence[Row], cameras: Sequence[Row], failover: bool) -> list[Move]:
        loads = [
            NodeLoad(row["id"], frozenset(row["sites"]), row["capacity"], row["cameras"], row["alive"]) for row in nodes
        ]
        places = [CameraPlace(row["id"], row["site"], row["node"]) for row in cameras]
        reasons = {row["id"]: row["reason"] for row in cameras}
        moves = place(loads, places, failover=failover)
        # that still nobody can take it is no news
        return [move for move in moves if move.node is not None or reasons[move.camera] != move.reason]
