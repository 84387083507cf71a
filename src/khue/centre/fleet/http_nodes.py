"""Nodes, placement, retention and legal holds as JSON."""

from __future__ import annotations

import datetime as dt

import msgspec
from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.fleet.retention import NO_SUCH_HOLD
from khue.centre.fleet.service import Fleet
from khue.model.errors import NotFound
from khue.wire.subjects import node_permissions


class NodeIn(msgspec.Struct):
    """``sites`` are the networks it may serve; without any, those it says itself."""

    id: str
    sites: list[str] = []


class NewNodeOut(msgspec.Struct):
    """``token`` is shown this once. ``publish`` and ``subscribe`` are what an external NATS has to allow ``bus_key``."""

    id: str
    token: str
    publish: list[str]
    subscribe: list[str]


class NodeOut(msgspec.Struct):
    """``ranges`` are those its administrator lets it look for cameras in."""

    id: str
    sites: list[str]
    version: str
    lan_url: str
    capacity: int
    lease_until: dt.datetime | None
    alive: bool
    cameras: int
    disk_used: int
    disk_total: int
    cpu_seconds: float
    rss_bytes: int
    alert: str
    revision: int
    ranges: list[str]


class NodesOut(msgspec.Struct):
    items: list[NodeOut]


class PlacementOut(msgspec.Struct):
    """``node`` is null while none can take the camera; ``reason`` says why."""

    camera: str
    node: str | None
    since: dt.datetime
    reason: str


class PlacementsOut(msgspec.Struct):
    items: list[PlacementOut]


class RetentionIn(msgspec.Struct):
    """What a full disk costs first has the lowest ``priority``."""

    days: float
    priority: int = 0


class RetentionOut(msgspec.Struct):
    name: str
    days: float
    priority: int


class RetentionsOut(msgspec.Struct):
    items: list[RetentionOut]


class HoldIn(msgspec.Struct):
    """[start, end) of a camera is kept whatever its age, until somebody releases it; ``review`` is when to decide."""

    camera: str
    start: dt.datetime
    end: dt.datetime
    reason: str
    review: dt.datetime


class HoldOut(HoldIn):
    id: str
    created: dt.datetime
    created_by: str


class HoldsOut(msgspec.Struct):
    items: list[HoldOut]


class NodeController(Controller):
    path = "/api/v1"
    tags = ("nodes",)

    @get("/nodes", summary="Nodes")
    async def list_nodes(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], fleet: NamedDependency[Fleet]
    ) -> NodesOut:
        await access.permit(caller, Action.NODE_READ)
        names = NodeOut.__struct_fields__
        return NodesOut([NodeOut(*(row[name] for name in names)) for row in await fleet.nodes.seen_by(caller.account)])

    @post("/nodes", summary="Register a node")
    async def add_node(
        self,
        data: JSONBody[NodeIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
    ) -> NewNodeOut:
        await access.permit(caller, Action.NODE_WRITE, detail=f"add {data.id}")
        token = await fleet.nodes.enrol(data.id, data.sites)
        allowed = node_permissions(data.id)
        return NewNodeOut(data.id, token, list(allowed.publish), list(allowed.subscribe))

    @delete("/nodes/{node:str}", summary="Revoke a node")
    async def remove_node(
        self,
        node: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
    ) -> None:
        """Its token ends now and its cameras go to others. What it recorded stays on its disk."""
        await access.permit(caller, Action.NODE_WRITE, detail=f"remove {node}")
        await fleet.nodes.remove(node)

    @get("/placement", summary="Which node pulls which camera")
    async def list_placement(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], fleet: NamedDependency[Fleet]
    ) -> PlacementsOut:
        await access.permit(caller, Action.NODE_READ)
        rows = await fleet.placements(caller.account)
        return PlacementsOut([PlacementOut(row["camera"], row["node"], row["since"], row["reason"]) for row in rows])


class RetentionController(Controller):
    path = "/api/v1"
    tags = ("retention",)

    @get("/retention", summary="Retention classes")
    async def list_retention(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], fleet: NamedDependency[Fleet]
    ) -> RetentionsOut:
        await access.permit(caller, Action.RETENTION_READ)
        rows = await fleet.retention.classes()
        return RetentionsOut([RetentionOut(row["name"], row["days"], row["priority"]) for row in rows])

    @put("/retention/{name:str}", summary="Set a retention class")
    async def put_retention(
        self,
        name: FromPath[str],
        data: JSONBody[RetentionIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
    ) -> RetentionOut:
        await access.permit(caller, Action.RETENTION_WRITE, detail=f"{name}: {data.days} days")
        await fleet.put_retention(name, data.days, data.priority)
        return RetentionOut(name, data.days, data.priority)

    @get("/holds", summary="Legal holds in force")
    async def list_holds(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], fleet: NamedDependency[Fleet]
    ) -> HoldsOut:
        await access.permit(caller, Action.RETENTION_READ)
        return HoldsOut(
            [
                HoldOut(
                    *(row["camera"], row["started"], row["ended"], row["reason"], row["review"]),
                    *(row["id"], row["created"], row["created_by"]),
                )
                for row in await fleet.retention.holds(caller.account)
            ]
        )

    @post("/holds", summary="Place a legal hold")
    async def add_hold(
        self,
        data: JSONBody[HoldIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
    ) -> HoldOut:
        await access.permit(
            caller,
            Action.RETENTION_WRITE,
            camera=data.camera,
            period=(data.start, data.end),
            detail=f"hold: {data.reason}",
        )
        hold = await fleet.add_hold(
            data.camera, data.start, data.end, data.reason, data.review, caller.account.username
        )
        return HoldOut(
            *(data.camera, data.start, data.end, data.reason, data.review),
            *(hold, dt.datetime.now(dt.UTC), caller.account.username),
        )

    @delete("/holds/{hold:str}", summary="Release a legal hold")
    async def release_hold(
        self,
        hold: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
    ) -> None:
        await access.permit(caller, Action.RETENTION_WRITE, detail=f"release hold {hold}")
        if hold not in {row["id"] for row in await fleet.retention.holds(caller.account)}:
            raise NotFound(NO_SUCH_HOLD)
        await fleet.release_hold(hold, caller.account.username)
