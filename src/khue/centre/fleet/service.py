"""The fleet as routes use it: each change is stored, then told to the nodes and to whoever watches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence

from khue.centre.access.rules import Account
from khue.centre.access.scope import as_reader
from khue.centre.events.board import Board, CameraNews, Resync
from khue.centre.fleet.cameras import CameraFields, Cameras
from khue.centre.fleet.nodes import Nodes
from khue.centre.fleet.retention import Retention
from khue.centre.link import NodeLink
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries
from khue.model.errors import NotFound
from khue.wire.link import ProbeReply, ProbeRequest

_SQL = Queries(__file__)
_MANY = 200  # cameras; beyond, whoever watches is told to look afresh


class Fleet:
    """Cameras, nodes, retention and their placement."""

    def __init__(
        self,
        database: Database,
        link: NodeLink,
        board: Board,
        cameras: Cameras,
        nodes: Nodes,
        retention: Retention,
        place: Callable[[], Awaitable[None]],
    ) -> None:
        self.cameras = cameras
        self.nodes = nodes
        self.retention = retention
        self._database = database
        self._link = link
        self._board = board
        self._place = place

    async def add_camera(self, fields: CameraFields, by: Account | None = None) -> str:
        camera = await self.cameras.add(fields, by)
        await self._place()
        await self._board.announce([CameraNews(camera, "added")])
        return camera

    async def change_camera(self, camera: str, fields: CameraFields, by: Account | None = None) -> None:
        told = await self.cameras.change(camera, fields, by)
        await self._place()  # its site may be another now
        await self.nodes.tell(told)
        await self._board.announce([CameraNews(camera, "changed")])
        await self._board.announce_streams([camera])

    async def delete_camera(self, camera: str, by: Account | None = None) -> None:
        told = await self.cameras.delete(camera, by)
        await self.nodes.tell(told)
        await self._board.announce([CameraNews(camera, "deleted")])

    async def announce(
        self, cameras: Sequence[str], told: Sequence[str], change: str = "changed", *, look_again: bool = False
    ) -> None:
        """After ``cameras`` changed: place them, tell the nodes in ``told``, and whoever watches.

        ``look_again`` when who may see them changed: whoever lost one would not be told by news of a camera it cannot see.
        """
        await self._place()
        await self.nodes.tell(told)
        if look_again or len(cameras) > _MANY:
            await self._board.announce([Resync()])
            return
        await self._board.announce([CameraNews(camera, change) for camera in cameras])
        await self._board.announce_streams(cameras)

    async def placements(self, reader: Account) -> list[Row]:
        async with as_reader(self._database, reader) as session:
            return list(await session.fetch(_SQL["list_placement"]))

    async def probe(self, request: ProbeRequest, node: str) -> ProbeReply:
        """Through ``node``, or the live node with the fewest cameras. Raises NotFound, LinkError."""
        if not node:
            alive = [row for row in await self.nodes.all() if row["alive"]]
            if not alive:
                raise NotFound("no node is alive that could ask the camera; start one")
            node = str(min(alive, key=lambda row: (row["cameras"], row["id"]))["id"])
        return await self._link.probe(node, request)

    async def put_retention(self, name: str, days: float, priority: int) -> None:
        await self.nodes.tell(await self.retention.put_class(name, days, priority))

    async def add_hold(
        self, camera: str, start: dt.datetime, end: dt.datetime, reason: str, review: dt.datetime, by: str
    ) -> str:
        hold, told = await self.retention.add_hold(camera, start, end, reason, review, by)
        await self.nodes.tell(told)
        return hold

    async def release_hold(self, hold: str, by: str) -> None:
        await self.nodes.tell(await self.retention.release_hold(hold, by))
