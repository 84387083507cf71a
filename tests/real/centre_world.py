"""A centre on real engines, people who use it over HTTP, and nodes that speak the real link with made-up media."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import websockets
from argon2 import PasswordHasher

from khue.centre.centre import Centre
from khue.centre.config import AccessConfig, CentreConfig, FleetConfig, ListenConfig
from khue.model.errors import LinkError
from khue.store.engines import Engines, EngineSettings
from khue.store.event_log import EventLog
from khue.store.nats import NatsBus
from khue.wire import subjects
from khue.wire.bus import Received
from khue.wire.link import (
    CoverageReply,
    Desired,
    EventBatch,
    Heartbeat,
    HeartbeatAck,
    Join,
    LiveMessage,
    LiveReply,
    LiveRequest,
    ProbeReply,
    ReadChunk,
    ReadCredit,
    ReadReply,
    ReadRequest,
    SnapshotReply,
    StreamCounters,
)

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
ORIGIN = 1_760_000_000_000_000  # some instant in 2025, microseconds


async def until(condition: Callable[[], Awaitable[Any]], timeout: float = 20.0) -> Any:
    """The first true value ``condition`` gives."""
    async with asyncio.timeout(timeout):
        while True:
            with contextlib.suppress(LinkError, httpx.TransportError):
                if value := await condition():
                    return value
            await asyncio.sleep(0.02)


def box(kind: str, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind.encode()) + payload


INIT = box("ftyp", b"iso6") + box("moov", b"tracks of the first kind")
OTHER_INIT = box("ftyp", b"iso6") + box("moov", b"tracks of another kind")


def fragment(number: int, size: int = 100) -> bytes:
    """One picture; its number can be found in it."""
    return box("moof", b"head") + box("mdat", b"picture %08d " % number + b"." * size)


def picture(number: int, *, keyframe: bool = False, seq: int | None = None, size: int = 100) -> LiveMessage:
    at = ORIGIN + number * 66_667
    return LiveMessage(
        seq=number if seq is None else seq, keyframe=keyframe, wall=at, sent=at, data=fragment(number, size)
    )


def start(numbers: range, *, seq: int, init: bytes = INIT) -> LiveMessage:
    """An init message with the group of pictures so far."""
    return LiveMessage(
        seq=seq,
        init=True,
        keyframe=True,
        mime='video/mp4; codecs="avc1.64001f"',
        width=640,
        height=360,
        wall=ORIGIN + numbers[-1] * 66_667,
        data=init + b"".join(fragment(number) for number in numbers),
    )


class FakeNode:
    """Joins, beats, answers; ``recorded`` is what a read sends, ``on_live`` what happens when the centre wants pictures."""

    def __init__(self, url: str, node: str, token: str, *, sites: tuple[str, ...] = (), capacity: int = 400) -> None:
        self.id = node
        self.bus = NatsBus(url, name=node, seed=token)
        self.join = Join(node=node, sites=sites, lan_url="http://192.0.2.1:9000", version="1", capacity=capacity)
        self.desired: list[Desired] = []
        self.counters: tuple[StreamCounters, ...] = ()
        self.recorded: list[bytes] = [INIT + fragment(1), fragment(2)]
        self.read_requests: list[ReadRequest] = []
        self.chunks_sent = 0
        self.reads_ended = 0
        self.live_requests: list[LiveRequest] = []
        self.live_error = ""
        self.coverage = CoverageReply()
        self.snapshot = SnapshotReply(jpeg=b"\xff\xd8 jpeg", at=ORIGIN)
        self.probed = ProbeReply(reachable=True, manufacturer="Acme", onvif=True)
        self.requests: list[bytes] = []
        self.answers: dict[str, Callable[[Received], Awaitable[bytes | None]]] = {}  # in place of its own
        self.beating = True
        self._task: asyncio.Task[None] | None = None
        self._reads: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.bus.start()
        for what, handler in {
            "desired": self._desired,
            "live": self._live,
            "read": self._read,
            "coverage": self._answer(lambda: self.coverage),
            "snapshot": self._answer(lambda: self.snapshot),
            "probe": self._answer(lambda: self.probed),
            **self.answers,
        }.items():
            await self.bus.subscribe(subjects.of_node(self.id, what), handler, concurrency=4)
        self._task = asyncio.create_task(self._beat())
        await until(self._joined)

    async def stop(self) -> None:
        for task in [*self._reads, *([self._task] if self._task else [])]:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.bus.close()

    async def ask_to_join(self) -> Desired:
        data = await self.bus.request(subjects.join(self.id), msgspec.msgpack.encode(self.join), 5)
        return msgspec.msgpack.decode(data, type=Desired)

    async def beat_once(self) -> HeartbeatAck:
        revision = self.desired[-1].revision if self.desired else 0
        beat = Heartbeat(node=self.id, at=ORIGIN, revision=revision, counters=self.counters, disk_used=7, disk_total=9)
        data = await self.bus.request(subjects.heartbeat(self.id), msgspec.msgpack.encode(beat), 5)
        return msgspec.msgpack.decode(data, type=HeartbeatAck)

    async def report(self, batch: EventBatch) -> None:
        message_id = f"{self.id}-{batch.first}"
        await self.bus.publish_durable(subjects.events(self.id), msgspec.msgpack.encode(batch), message_id)

    async def send_live(self, camera: str, stream: str, message: LiveMessage) -> None:
        await self.bus.publish(subjects.live(self.id, camera, stream), msgspec.msgpack.encode(message))

    def cameras(self) -> set[str]:
        """Of the newest desired state."""
        return {camera.id for camera in self.desired[-1].cameras} if self.desired else set()

    async def _joined(self) -> bool:
        desired = await self.ask_to_join()
        assert not desired.error, desired.error
        self.desired.append(desired)
        return True

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(0.3)
            if self.beating and self.bus.connected:
                with contextlib.suppress(LinkError):
                    ack = await self.beat_once()
                    if self.desired and ack.revision > self.desired[-1].revision:
                        await self._joined()

    async def _desired(self, message: Received) -> None:
        desired = msgspec.msgpack.decode(message.data, type=Desired)
        if not self.desired or desired.revision > self.desired[-1].revision:
            self.desired.append(desired)

    async def _live(self, message: Received) -> bytes:
        request = msgspec.msgpack.decode(message.data, type=LiveRequest)
        self.live_requests.append(request)
        return msgspec.msgpack.encode(LiveReply(error=self.live_error))

    def _answer(self, value: Callable[[], Any]) -> Callable[[Received], Awaitable[bytes]]:
        async def handler(message: Received) -> bytes:
            self.requests.append(message.data)
            return msgspec.msgpack.encode(value())

        return handler

    async def _read(self, message: Received) -> bytes:
        request = msgspec.msgpack.decode(message.data, type=ReadRequest)
        self.read_requests.append(request)
        if not self.recorded:
            return msgspec.msgpack.encode(ReadReply(error="nothing was recorded then"))
        task = asyncio.create_task(self._send(request))
        self._reads.add(task)
        return msgspec.msgpack.encode(ReadReply(credit=subjects.credit(request.inbox), mime="video/mp4"))

    async def _send(self, request: ReadRequest) -> None:
        credit = asyncio.Semaphore(request.credit)
        ended = asyncio.Event()

        async def credited(message: Received) -> None:
            chunks = msgspec.msgpack.decode(message.data, type=ReadCredit).chunks
            if chunks == 0:
                ended.set()
            for _ in range(max(chunks, 1)):
                credit.release()

        subscription = await self.bus.subscribe(subjects.credit(request.inbox), credited)
        span = request.end - request.start
        for number, data in enumerate(self.recorded):
            await credit.acquire()
            if ended.is_set():
                break
            until_media = request.start + span * (number + 1) // len(self.recorded)
            chunk = ReadChunk(seq=number, data=data, until=until_media)
            await self.bus.publish(request.inbox, msgspec.msgpack.encode(chunk))
            self.chunks_sent += 1
        else:
            await self.bus.publish(request.inbox, msgspec.msgpack.encode(ReadChunk(seq=len(self.recorded), last=True)))
        self.reads_ended += 1
        await subscription.unsubscribe()


class World:
    """Engines and one centre. ``client()`` is a signed-in administrator unless told otherwise."""

    def __init__(self, directory: Path, *, lease_s: float = 3.0) -> None:
        self.engines = Engines(EngineSettings(data_dir=directory))
        self.config = CentreConfig(
            data_dir=str(directory),
            listen=ListenConfig(port=0),
            fleet=FleetConfig(lease_s=lease_s, place_every_s=0.2),
            access=AccessConfig(session_hours=1),
        )
        self.centre: Centre
        self.password = ""
        self._nodes: list[FakeNode] = []
        self._clients: list[httpx.AsyncClient] = []
        self._buses: list[NatsBus] = []

    async def start_centre(self) -> Centre:
        centre = self._centre(self.engines.bus, self.engines.events)
        await centre.start()
        self.centre = centre
        self.password = centre.admin_password or self.password
        return centre

    async def another_centre(self) -> Centre:
        """One more replica over the same engines, with connections of its own."""
        assert self.engines.nats is not None
        bus = NatsBus(self.engines.bus_url, name="centre", seed=self.engines.nats.seed)
        events = EventLog(bus)
        bus.start()
        await bus.wait_connected(10)
        self._buses.append(bus)
        return self._centre(bus, events)

    def _centre(self, bus: NatsBus, events: EventLog) -> Centre:
        engines = self.engines
        return Centre(
            self.config,
            database=engines.database,
            bus=bus,
            events=events,
            objects=engines.objects,
            node_keys=engines.node_keys,
            hasher=QUICK,
        )

    def anonymous(self, url: str = "") -> httpx.AsyncClient:
        client = httpx.AsyncClient(base_url=url or self.centre.url, timeout=20)
        self._clients.append(client)
        return client

    async def client(self, username: str = "admin", password: str = "", url: str = "") -> httpx.AsyncClient:
        client = self.anonymous(url)
        client.headers.update(
            {"X-Khue": "1", "X-Khue-Purpose": "situation", "X-Khue-Case": "KH-1", "X-Khue-Reason": "a test"}
        )
        credentials = {"username": username, "password": password or self.password}
        reply = await client.post("/api/v1/session", json=credentials)
        assert reply.status_code == 200, reply.text
        return client

    async def node(
        self, node: str, *, sites: tuple[str, ...] = (), says: tuple[str, ...] = (), capacity: int = 400
    ) -> FakeNode:
        """An enrolled node that has joined."""
        token = await self.centre.enrol(node, sites)
        fake = FakeNode(self.engines.bus_url, node, token, sites=says, capacity=capacity)
        self._nodes.append(fake)
        await fake.start()
        return fake

    async def socket(self, path: str, client: httpx.AsyncClient) -> websockets.ClientConnection:
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        url = str(client.base_url).rstrip("/").replace("http", "ws", 1) + path
        return await websockets.connect(url, additional_headers={"Cookie": cookies}, max_size=None, compression=None)

    async def stop(self) -> None:
        for node in self._nodes:
            await node.stop()
        for client in self._clients:
            await client.aclose()
        for bus in self._buses:
            await bus.close()
        await self.centre.stop()
        await self.engines.stop()


@contextlib.asynccontextmanager
async def world(*, lease_s: float = 3.0) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="khue-test-") as directory:
        Path(directory).chmod(0o755)  # as root, PostgreSQL runs as nobody
        made = World(Path(directory), lease_s=lease_s)
        await made.engines.start()
        await made.start_centre()
        try:
            yield made
        finally:
            await made.stop()


async def add_camera(client: httpx.AsyncClient, name: str = "Hàng Bài 1", **fields: object) -> dict[str, Any]:
    url = f"rtsp://192.0.2.9/{name.replace(' ', '')}"
    reply = await client.post("/api/v1/cameras", json={"name": name, "url": url, **fields})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())
