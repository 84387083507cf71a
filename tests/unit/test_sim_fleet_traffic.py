"""A simulated node against a bus in memory: what it tells, and that it tells it once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from khue.model.camera import CameraState, StreamName
from khue.model.coverage import GapCause
from khue.model.errors import ConfigError, LinkError
from khue.model.time import SystemClock
from khue.sim.fleet.fates import Fate, fate, load
from khue.sim.fleet.generate import write_fleet
from khue.sim.fleet.traffic import AT_ONCE, Pace, SimulatedNode
from khue.wire import subjects
from khue.wire.bus import Handler, Received, Subscription
from khue.wire.link import (
    CameraSpec,
    CoverageReply,
    CoverageRequest,
    Desired,
    EventBatch,
    Heartbeat,
    HeartbeatAck,
    Join,
    StreamSpec,
)

WORKS = Fate(CameraState.RECORDING, codec="h264", width=1920, height=1080)
DEAD = Fate(CameraState.UNREACHABLE, "no route to host", GapCause.LINK)


class Nobody(Subscription):
    async def unsubscribe(self) -> None:
        return


class MemoryBus:
    """The centre's end: gives out ``desired``, keeps what it is told. ``refusals`` publishes fail first."""

    def __init__(self, desired: Desired) -> None:
        self.desired = desired
        self.connected = True
        self.refusals = 0
        self.batches: list[EventBatch] = []
        self.identities: list[str] = []
        self.beats: list[Heartbeat] = []
        self.told = asyncio.Event()
        self.handlers: dict[str, Handler] = {}

    async def publish(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        raise AssertionError("nothing is published without a receipt")

    async def request(self, subject: str, data: bytes, timeout: float) -> bytes:
        if subject == subjects.join("nut"):
            return msgspec.msgpack.encode(self.desired)
        self.beats.append(msgspec.msgpack.decode(data, type=Heartbeat))
        return msgspec.msgpack.encode(HeartbeatAck(revision=self.desired.revision))

    async def subscribe(self, subject: str, handler: Handler, queue: str = "", *, concurrency: int = 1) -> Nobody:
        self.handlers[subject] = handler
        return Nobody()

    async def publish_durable(self, subject: str, data: bytes, msg_id: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise LinkError("not now")
        self.identities.append(msg_id)
        self.batches.append(msgspec.msgpack.decode(data, type=EventBatch))
        self.told.set()

    def on_connect(self, callback: Callable[[], Awaitable[None]]) -> None:
        self._joining = asyncio.ensure_future(callback())

    async def drain(self) -> None:
        return

    async def close(self) -> None:
        return

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self.told.clear()
                await self.told.wait()


def _desired(revision: int, *hosts: str, enabled: bool = True) -> Desired:
    cameras = tuple(
        CameraSpec(
            id=f"c{host}",
            name=host,
            streams=(StreamSpec(name=StreamName.MAIN, url=f"rtsp://{host}:554/main"),),
            enabled=enabled,
        )
        for host in hosts
    )
    return Desired(node="nut", revision=revision, cameras=cameras)


def _node(bus: MemoryBus, fates: Mapping[str, Fate]) -> SimulatedNode:
    join = Join(node="nut", sites=("mang-nut",), capacity=10_000)
    return SimulatedNode(join, bus, fates, SystemClock(), Pace(beat_s=0.01, span_s=3600, flap_s=3600))


async def test_it_tells_what_becomes_of_each_camera() -> None:
    bus = MemoryBus(_desired(1, "10.1.1.1", "10.1.1.2", "10.1.1.3"))
    node = _node(bus, {"10.1.1.1": WORKS, "10.1.1.2": DEAD})
    await node.start()
    await bus.until(lambda: bool(bus.batches))
    assert node.states == {
        "c10.1.1.1": CameraState.RECORDING,
        "c10.1.1.2": CameraState.UNREACHABLE,
        "c10.1.1.3": CameraState.UNREACHABLE,  # an address nobody knows answers nothing
    }
    (batch,) = bus.batches
    assert [status.state for status in batch.transitions] == list(node.states.values())
    assert [span.camera for span in batch.spans] == ["c10.1.1.1"]
    assert [(gap.camera, gap.gap.end) for gap in batch.gaps] == [("c10.1.1.2", None), ("c10.1.1.3", None)]
    async with asyncio.timeout(10):
        while not bus.beats:
            await asyncio.sleep(0)
    await node.stop()
    assert [counter.camera for counter in bus.beats[0].counters] == ["c10.1.1.1"]
    asked = CoverageRequest(camera="c10.1.1.2", stream=StreamName.MAIN, start=0, end=1)
    reply = await bus.handlers[subjects.of_node("nut", "coverage")](Received("", msgspec.msgpack.encode(asked), "r"))
    assert reply is not None
    assert msgspec.msgpack.decode(reply, type=CoverageReply).gaps[0].cause is GapCause.LINK


async def test_it_tells_changes_once_and_in_batches() -> None:
    hosts = [f"10.2.{number // 200}.{number % 200}" for number in range(AT_ONCE)]
    bus = MemoryBus(_desired(1, *hosts))
    bus.refusals = 1
    node = _node(bus, dict.fromkeys(hosts, WORKS))
    await node.start()
    await bus.until(lambda: sum(len(batch.transitions) for batch in bus.batches) == len(hosts))
    assert len(bus.batches) == 2
    assert all(len(batch.transitions) + len(batch.spans) <= AT_ONCE for batch in bus.batches)
    assert len(set(bus.identities)) == len(bus.identities)
    push = bus.handlers[subjects.of_node("nut", "desired")]
    for revision in (2, 3):  # the second says nothing new
        bus.desired = _desired(revision, *hosts[:3], enabled=False)
        await push(Received("", msgspec.msgpack.encode(bus.desired), ""))
        await bus.until(lambda: len(bus.batches) == 3)
    for _ in range(50):
        await asyncio.sleep(0)
    assert set(node.states.values()) == {CameraState.DISABLED}
    assert len(bus.batches) == 3
    bus.desired = _desired(4, *hosts[:3])
    await push(Received("", msgspec.msgpack.encode(bus.desired), ""))
    await bus.until(lambda: len(bus.batches) == 4)
    await node.stop()
    assert set(node.states.values()) == {CameraState.RECORDING}
    assert [len(batch.transitions) for batch in bus.batches] == [AT_ONCE // 2, AT_ONCE // 2, 3, 3]
    assert bus.batches[2].first > bus.batches[1].first


def test_fates_follow_the_registry(tmp_path: Path) -> None:
    report = write_fleet(600, 3, tmp_path / "fleet")
    known = load(tmp_path / "fleet" / "registry.jsonl")
    works = sum(one.state is CameraState.RECORDING for one in known.hosts.values())
    assert works == pytest.approx(len(known.hosts) * report.working / report.installed, rel=0.15)
    truth = map(msgspec.json.decode, (tmp_path / "fleet" / "truth.jsonl").read_bytes().splitlines())
    assert known.sites == Counter(row["values"]["site"] for row in truth if "site" in row["values"])
    assert fate("10.3.3.3", False) == fate("10.3.3.3", False)
    assert fate("10.3.3.3", False).cause is not None


def test_another_file_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("[1]\n")
    with pytest.raises(ConfigError, match=r"x\.jsonl is no registry\.jsonl"):
        load(tmp_path / "x.jsonl")
