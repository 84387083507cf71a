"""A node speaks for itself alone: not for another node, not for a camera it never had, and it hears nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import nats
import pytest
import pytest_asyncio
from centre_world import ORIGIN, FakeNode, World, add_camera, until, world
from nats.aio.client import Client

from khue.model.camera import CameraState, StreamName
from khue.model.coverage import Gap, GapCause, Span
from khue.wire import subjects
from khue.wire.bus import Received
from khue.wire.link import (
    Desired,
    EventBatch,
    GapChange,
    Heartbeat,
    HeartbeatAck,
    Join,
    LiveMessage,
    SpanChange,
    StreamCounters,
    StreamStatus,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
MAIN = StreamName.MAIN


class Sites:
    """Two wards, each with a node and a camera; ``rogue`` is the first ward's credentials in other hands."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mine: FakeNode
        self.theirs: FakeNode
        self.my_camera = self.their_camera = ""
        self.rogue: Client
        self.refused: list[str] = []

    async def start(self) -> None:
        admin = await self.world.client()
        self.mine = await self.world.node("ward-a", sites=("a",))
        self.theirs = await self.world.node("ward-b", sites=("b",))
        self.my_camera = (await add_camera(admin, "A 1", site="a"))["id"]
        self.their_camera = (await add_camera(admin, "B 1", site="b"))["id"]

        async def placed() -> bool:
            return self.my_camera in self.mine.cameras() and self.their_camera in self.theirs.cameras()

        await until(placed)
        self.rogue = await self._connect()

    async def _connect(self) -> Client:
        # the client library itself, so that nothing of ours stands between the attempt and the server
        async def noted(error: Exception) -> None:
            self.refused.append(str(error).casefold())

        seed = self.mine.bus._seed  # what a thief of the node's disk has
        return await nats.connect(
            self.world.engines.bus_url, nkeys_seed_str=seed, error_cb=noted, allow_reconnect=False
        )

    async def was_refused(self, kind: str, subject: str) -> None:
        """Until the server has said so."""

        async def said() -> bool:
            return any(f'permissions violation for {kind} to "{subject}"'.casefold() in one for one in self.refused)

        await until(said, 5)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sites() -> AsyncIterator[Sites]:
    async with world(lease_s=30) as made:
        found = Sites(made)
        await found.start()
        yield found
        await found.rogue.close()


def _spoken_for(node: str, camera: str) -> dict[str, bytes]:
    """Everything a node says, under another one's name."""
    status = StreamStatus(camera=camera, stream=MAIN, state=CameraState.RECORDING, since=ORIGIN, detail="all is well")
    counters = (StreamCounters(camera=camera, stream=MAIN, recorded_until=ORIGIN),)
    return {
        subjects.join(node): msgspec.msgpack.encode(
            Join(node=node, sites=("b",), lan_url="http://192.0.2.66", version="rogue", capacity=1)
        ),
        subjects.heartbeat(node): msgspec.msgpack.encode(
            Heartbeat(node=node, at=ORIGIN, revision=1, counters=counters, alert="rogue")
        ),
        subjects.events(node): msgspec.msgpack.encode(EventBatch(node=node, first=1, transitions=(status,))),
        subjects.live(node, camera, "main"): msgspec.msgpack.encode(LiveMessage(init=True, data=b"other pictures")),
        subjects.read_inbox(node, "x"): b"other recordings",
        subjects.of_node(node, "desired"): msgspec.msgpack.encode(Desired(node=node, revision=10_000)),
        subjects.of_node(node, "live"): b"",
        "khue.news": b"",
        "khue.centre.join": b"",
        f"_INBOX.{node}.x": b"",
        "$JS.API.STREAM.DELETE.events": b"",
        "$SYS.REQ.SERVER.PING": b"",
    }


async def test_no_other_node_s_voice(sites: Sites) -> None:
    database = sites.world.engines.database
    before = await database.fetchrow("select version, lan_url, alert, revision from node where id = 'ward-b'")
    told = len(sites.theirs.desired)
    for subject, data in _spoken_for("ward-b", sites.their_camera).items():
        await sites.rogue.publish(subject, data)
        await sites.was_refused("publish", subject)
    after = await database.fetchrow("select version, lan_url, alert, revision from node where id = 'ward-b'")
    assert dict(after.items()) == dict(before.items())  # type: ignore[attr-defined]
    assert len(sites.theirs.desired) == told
    assert not await database.fetchval("select count(*) from transition where camera = $1", sites.their_camera)


async def test_no_other_node_s_ear(sites: Sites) -> None:
    overheard: list[str] = []

    async def overhear(message: object) -> None:
        overheard.append(str(message))

    wanted = (
        *("khue.node.ward-b.>", "khue.node.ward-b.desired", "khue.node.*.desired", "khue.node.>"),
        *("khue.live.>", f"khue.live.ward-b.{sites.their_camera}.main", "khue.read.ward-b.>", "khue.read.>"),
        *(
            subjects.EVENTS,
            subjects.JOINS,
            subjects.HEARTBEATS,
            "khue.>",
            ">",
            "_INBOX.>",
            "_INBOX.centre.>",
            "_INBOX.ward-b.>",
        ),
        *("khue.news.>", "$JS.>", "$SYS.>"),
    )
    for subject in wanted:
        await sites.rogue.subscribe(subject, cb=overhear)
        await sites.was_refused("subscription", subject)
    await sites.theirs.ask_to_join()
    await sites.theirs.beat_once()
    await sites.theirs.send_live(sites.their_camera, "main", LiveMessage(data=b"picture"))
    await sites.rogue.flush()
    assert overheard == []


async def test_no_other_node_s_desired_state(sites: Sites) -> None:
    """It holds the cameras' passwords. Asked under the right name, for another node."""
    inbox: list[bytes] = []

    async def answered(message: nats.aio.msg.Msg) -> None:
        inbox.append(message.data)

    await sites.rogue.subscribe("_INBOX.ward-a.mine.*", cb=answered)
    lie = msgspec.msgpack.encode(Join(node="ward-b", sites=("b",), lan_url="", version="1", capacity=400))
    await sites.rogue.publish(subjects.join("ward-a"), lie, reply="_INBOX.ward-a.mine.1")

    async def arrived() -> bool:
        return bool(inbox)

    await until(arrived)
    desired = msgspec.msgpack.decode(inbox[0], type=Desired)
    assert "its token was made for ward-a" in desired.error
    assert desired.cameras == ()


async def test_the_centre_is_nobody_s_mouthpiece(sites: Sites) -> None:
    """The bus lets an asker name any subject for the answer, and the centre may publish on all of them."""
    sent: list[Received] = []

    async def hear(message: Received) -> None:
        sent.append(message)

    aims = ("khue.node.ward-b.desired", "khue.events.ward-b", "_INBOX.ward-b.x", "khue.news")
    listening = [await sites.world.engines.bus.subscribe(aim, hear) for aim in aims]
    right = msgspec.msgpack.encode(Join(node="ward-a", sites=("a",), lan_url="", version="1", capacity=400))
    beat = msgspec.msgpack.encode(Heartbeat(node="ward-a", at=ORIGIN, revision=0))
    for aim in aims:
        await sites.rogue.publish(subjects.join("ward-a"), right, reply=aim)
        await sites.rogue.publish(subjects.heartbeat("ward-a"), beat, reply=aim)
    await sites.rogue.flush()
    for _ in range(16):  # more than are answered side by side
        await sites.mine.ask_to_join()
        await sites.mine.beat_once()
    assert sent == []
    for subscription in listening:
        await subscription.unsubscribe()


async def test_no_claim_on_a_camera_it_never_had(sites: Sites) -> None:
    """Under its own name, of another site's camera: neither its state, nor that it recorded it, nor a gap."""
    theirs, mine = sites.their_camera, sites.my_camera
    database = sites.world.engines.database

    def said(camera: str) -> EventBatch:
        status = StreamStatus(camera=camera, stream=MAIN, state=CameraState.RECORDING, since=ORIGIN)
        gap = Gap(ORIGIN, ORIGIN + 10, GapCause.LINK, "claimed")
        return EventBatch(
            node="ward-a",
            first=1,
            transitions=(status,),
            spans=(SpanChange(camera=camera, stream=MAIN, span=Span(ORIGIN, ORIGIN + 1_000_000)),),
            gaps=(GapChange(camera=camera, stream=MAIN, gap=gap),),
        )

    await sites.rogue.publish(subjects.events("ward-a"), msgspec.msgpack.encode(said(theirs)))
    await sites.rogue.publish(subjects.events("ward-a"), msgspec.msgpack.encode(said(mine)))

    async def taken() -> bool:
        return bool(await database.fetchval("select count(*) from coverage_span where camera = $1", mine))

    await until(taken)
    for table in ("transition", "coverage_span", "gap", "stream_status"):
        assert not await database.fetchval(f"select count(*) from {table} where camera = $1", theirs), table
        assert await database.fetchval(f"select count(*) from {table} where camera = $1", mine), table


async def test_its_heartbeat_says_nothing_of_others(sites: Sites) -> None:
    counters = (StreamCounters(camera=sites.their_camera, stream=MAIN, recorded_until=ORIGIN + 5),)
    beat = Heartbeat(node="ward-a", at=ORIGIN, revision=0, counters=counters)
    data = await sites.mine.bus.request(subjects.heartbeat("ward-a"), msgspec.msgpack.encode(beat), 5)
    assert not msgspec.msgpack.decode(data, type=HeartbeatAck).error
    admin = await sites.world.client()
    camera = (await admin.get(f"/api/v1/cameras/{sites.their_camera}")).json()
    assert camera["streams"][0]["recorded_until"] is None
    assert camera["node"] == "ward-b"


async def test_a_revoked_node_is_cut_off_and_stays_out(sites: Sites) -> None:
    here = sites.world
    admin = await here.client()
    gone = await here.node("gone", sites=("c",))
    assert (await admin.delete("/api/v1/nodes/gone")).status_code == 204

    async def cut() -> bool:
        return not gone.bus.connected

    await until(cut)
    await asyncio.sleep(0.5)
    assert not gone.bus.connected
