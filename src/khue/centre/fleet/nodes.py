"""Nodes: enrolment, join, heartbeats, and the desired state each is to have."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from khue.centre.access.rules import Account
from khue.centre.access.scope import as_reader
from khue.centre.errors import Invalid
from khue.centre.fleet.cameras import Cameras
from khue.centre.link import NodeLink
from khue.centre.ports import Database, NodeKeys, Row
from khue.centre.sql import Queries
from khue.model.camera import StreamName, Transport
from khue.model.errors import KhueError, LinkError, NotFound
from khue.model.time import to_micros
from khue.wire import subjects
from khue.wire.bus import Received, Subscription
from khue.wire.link import (
    CameraSpec,
    Desired,
    Heartbeat,
    HeartbeatAck,
    Hold,
    Join,
    RetentionPolicy,
    StreamSpec,
)

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_QUEUE = "centre"  # of all replicas one answers


class Nodes:
    """Answers nodes and keeps them told. ``on_change`` is awaited when there is something to place."""

    def __init__(
        self,
        database: Database,
        link: NodeLink,
        cameras: Cameras,
        keys: NodeKeys,
        *,
        token_key: bytes,
        lease_s: float,
        on_change: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._link = link
        self._cameras = cameras
        self._keys = keys
        self._token_key = token_key
        self._lease_s = lease_s
        self._on_change = on_change
        self._subscriptions: list[Subscription] = []

    async def start(self) -> None:
        await self.allow_all()
        bus = self._link.bus
        self._subscriptions = [
            await bus.subscribe(subjects.JOINS, self._joined, _QUEUE, concurrency=8),
            await bus.subscribe(subjects.HEARTBEATS, self._heard, _QUEUE, concurrency=8),
        ]

    async def stop(self) -> None:
        """Other replicas answer from now on."""
        for subscription in self._subscriptions:
            await subscription.unsubscribe()

    async def enrol(self, node: str, sites: Iterable[str]) -> str:
        """Register a node; the token it connects with is returned once. Raises Invalid, Conflict."""
        if not subjects.is_word(node):
            raise Invalid("a node's id is 1 to 64 letters, digits, - and _")
        token, public = self._keys.new_key()
        await self._database.execute(_SQL["add_node"], node, sorted({site.strip() for site in sites} - {""}), public)
        await self.allow_all()
        return token

    async def remove(self, node: str) -> None:
        """Revoke its token and give its cameras to others; what it recorded stays with it. Raises NotFound."""
        async with self._database.transaction() as session:
            await session.execute(_SQL["empty_node"], node)
            if await session.fetchrow(_SQL["drop_node"], node) is None:
                raise NotFound(f"there is no node {node}")
        await self.allow_all()
        await self._on_change()

    async def allow_all(self) -> None:
        """Let the message bus know who may connect."""
        rows = await self._database.fetch(_SQL["node_keys"])
        await self._keys.allow({row["id"]: row["bus_key"] for row in rows})

    async def seen_by(self, reader: Account) -> list[Row]:
        """All of them; cameras the reader does not see are not counted."""
        async with as_reader(self._database, reader) as session:
            return list(await session.fetch(_SQL["list_nodes"]))

    async def all(self) -> list[Row]:
        return list(await self._database.fetch(_SQL["list_nodes"]))

    async def lan_url(self, camera: str) -> tuple[str, str]:
        """The camera's node and its address. Raises NotFound when it has none or is not heard of."""
        row = await self._database.fetchrow(_SQL["node_lan_url"], camera)
        if row is None or not row["alive"] or not row["lan_url"]:
            raise NotFound("this camera's node cannot be reached directly; watch through the centre")
        return row["id"], row["lan_url"]

    async def tell(self, nodes: Iterable[str]) -> None:
        """Push the desired state. Whom it does not reach is told by its next heartbeat."""
        for node in sorted(set(nodes)):
            try:
                await self._link.push_desired(await self.desired(node))
            except LinkError as error:
                _log.info("node %s is told later: %s", node, error)

    async def desired(self, node: str) -> Desired:
        """All of it, from one snapshot of the database. Raises NotFound for a node that is not enrolled."""
        async with self._database.transaction("repeatable_read", readonly=True) as session:
            revision = await session.fetchval(_SQL["desired_revision"], node)
            if revision is None:
                raise NotFound(f"node {node} is not enrolled here; register it and give it the token")
            cameras = await session.fetch(_SQL["desired_cameras"], node)
            streams = await session.fetch(_SQL["desired_streams"], node)
            holds = await session.fetch(_SQL["desired_holds"], node)
            classes = await session.fetch(_SQL["list_retention"])
        specs: dict[str, list[StreamSpec]] = {}
        for row in streams:
            url = self._cameras.open_url(row["camera"], row["name"], row["url"])
            transport = Transport(row["transport"])
            spec = StreamSpec(name=StreamName(row["name"]), url=url, transport=transport, record=row["record"])
            specs.setdefault(row["camera"], []).append(spec)
        return Desired(
            node=node,
            revision=revision,
            cameras=tuple(self._camera_spec(row, specs.get(row["id"], [])) for row in cameras),
            retention=tuple(
                RetentionPolicy(name=row["name"], days=row["days"], priority=row["priority"]) for row in classes
            ),
            holds=tuple(_hold(row) for row in holds),
            token_key=self._token_key,
        )

    def _camera_spec(self, row: Row, streams: list[StreamSpec]) -> CameraSpec:
        credentials = self._cameras.open_credentials(row["id"], row["credentials"])
        return CameraSpec(
            id=row["id"],
            name=row["name"],
            streams=tuple(streams),
            username=credentials.username,
            password=credentials.password,
            retention_class=row["retention_class"],
            enabled=row["enabled"],
            since=to_micros(row["expected_since"]),
        )

    # -- what nodes ask --------------------------------------------------------------------------------------------

    async def _joined(self, message: Received) -> bytes | None:
        node = subjects.speaker(message.subject)
        if not _may_hear(node, message):
            return None
        try:
            join = msgspec.msgpack.decode(message.data, type=Join)
            if join.node != node:
                raise Invalid(f"node {node} joined under the name {join.node}; its token was made for {node}")
            joined = await self._database.fetchrow(
                _SQL["join"],
                *(node, sorted(set(join.sites)), join.lan_url, join.version, max(join.capacity, 1), self._lease_s),
                list(join.ranges),
            )
            if joined is None:
                raise NotFound(f"node {node} is not enrolled here; register it and give it the token")
            desired = await self.desired(node)
        except msgspec.DecodeError as error:
            desired = Desired(node=node, revision=0, error=f"the join could not be read: {error}")
        except KhueError as error:
            _log.warning("node %s was not let in: %s", node, error)
            desired = Desired(node=node, revision=0, error=str(error))
        else:
            await self._on_change()
        return msgspec.msgpack.encode(desired)

    async def _heard(self, message: Received) -> bytes | None:
        node = subjects.speaker(message.subject)
        if not _may_hear(node, message):
            return None
        try:
            beat = msgspec.msgpack.decode(message.data, type=Heartbeat)
            revision = await self._renew(node, beat)
        except msgspec.DecodeError as error:
            return msgspec.msgpack.encode(HeartbeatAck(revision=0, error=f"the heartbeat could not be read: {error}"))
        except KhueError as error:
            return msgspec.msgpack.encode(HeartbeatAck(revision=0, error=str(error)))
        return msgspec.msgpack.encode(HeartbeatAck(revision=revision))

    async def _renew(self, node: str, beat: Heartbeat) -> int:
        told = [one for one in beat.counters if one.recorded_until]
        streams = [f"{one.camera}/{one.stream}" for one in told]
        until = [one.recorded_until for one in told]
        digest = hashlib.blake2b("\n".join(streams).encode(), digest_size=16).digest()
        row = await self._database.fetchrow(
            _SQL["heartbeat"],
            *(node, self._lease_s, beat.disk_used, beat.disk_total, beat.cpu_seconds, beat.rss_bytes, beat.alert),
            *(until, digest),
        )
        if row is None:
            raise NotFound(f"node {node} is not enrolled here; register it and give it the token")
        if told and not row["known"]:
            await self._database.execute(_SQL["put_progress"], node, streams, digest, until)
        return int(row["revision"])


def _may_hear(node: str, message: Received) -> bool:
    """Whether the answer goes to the node that asks. The bus lets a sender name any subject for it, and we may publish on
    all of them: a node could have us send its own desired state to another one."""
    if not message.reply or message.reply.startswith(f"{subjects.answers(node)}."):
        return True
    _log.error("node %s wants its answer sent to %s; it gets none", node, message.reply)
    return False


def _hold(row: Row) -> Hold:
    return Hold(
        id=row["id"],
        camera=row["camera"],
        start=to_micros(row["started"]),
        end=to_micros(row["ended"]),
        reason=row["reason"],
        review=to_micros(row["review"]),
    )
