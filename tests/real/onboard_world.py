"""A centre, a simulated city on loopback addresses of its own, and a node with the real answers of onboarding."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import msgspec
from centre_world import FakeNode, World, until, world
from sim_peer import small_camera

from khue.camera.password import change_password
from khue.camera.probe import probe
from khue.model.errors import KhueError
from khue.model.ranges import parse_ranges
from khue.model.time import SystemClock
from khue.node.scan import ScanServer
from khue.sim.camera import SimCamera
from khue.sim.city import SimCity
from khue.video.sps import picture_size
from khue.wire.bus import Received
from khue.wire.link import ProbeReply, ProbeRequest
from khue.wire.onboarding import PasswordReply, PasswordRequest, ScanReply, ScanRequest

RTSP, WEB, PASSWORD = 18554, 18080, "Khue-2026"
RANGES = ("127.8.0.0/24",)


def camera(name: str, last: int, **changes: object) -> SimCamera:
    at = {"host": f"127.8.0.{last}", "rtsp_port": RTSP, "onvif_port": WEB, "onvif": True, "family": "hanwha"}
    return small_camera(name, **{**at, **changes})


def real_answers(scans: ScanServer) -> dict[str, Callable[[Received], Any]]:
    """The parts of a real node that look for cameras and ask them."""

    def answering(request: type, reply: type, work: Callable[[Any], Awaitable[Any]]) -> Callable[[Received], Any]:
        async def handler(message: Received) -> bytes:
            try:
                return msgspec.msgpack.encode(await work(msgspec.msgpack.decode(message.data, type=request)))
            except KhueError as error:
                return msgspec.msgpack.encode(reply(error=str(error)))

        return handler

    return {
        "scan": answering(ScanRequest, ScanReply, scans.asked),
        "password": answering(PasswordRequest, PasswordReply, change_password),
        "probe": answering(ProbeRequest, ProbeReply, lambda request: probe(request, sps_size=picture_size)),
    }


class Scene(msgspec.Struct):
    world: World
    city: SimCity
    node: FakeNode
    scans: ScanServer
    client: httpx.AsyncClient

    async def register(self, name: str, **fields: object) -> str:
        body = {"fields": {"name": name, "life": "operating", **fields}, "reason": "found in the street"}
        reply = await self.client.post("/api/v1/registry/cameras", json=body)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    async def adopt(self, record: str, name: str, password: str = PASSWORD) -> None:
        body = {"rtsp_main": self.city.url(name), "username": "admin", "password": password}
        reply = await self.client.post(f"/api/v1/registry/cameras/{record}/streams", json=body)
        assert reply.status_code == 200, reply.text
        await until(self.placed(record))

    def placed(self, record: str) -> Callable[[], Awaitable[bool]]:
        async def there() -> bool:
            return record in self.node.cameras()

        return there

    async def rotate(self, record: str, **body: str) -> dict[str, Any]:
        reply = await self.client.post(f"/api/v1/registry/cameras/{record}/rotate-password", json=body)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def discover(self, **body: object) -> dict[str, Any]:
        started = await self.client.post("/api/v1/discoveries", json={"node": "n1", "ports": [RTSP, WEB], **body})
        assert started.status_code == 202, started.text
        where = f"/api/v1/discoveries/{started.json()['id']}"

        async def over() -> dict[str, Any] | None:
            told = (await self.client.get(where)).json()
            return told if told["state"] != "running" else None

        return dict(await until(over, 30))


@contextlib.asynccontextmanager
async def scene(*cameras: SimCamera, rate: float = 1000.0, ranges: tuple[str, ...] = RANGES) -> AsyncIterator[Scene]:
    city = SimCity()
    async with world() as made:
        await city.start(cameras)
        token = await made.centre.enrol("n1", [])
        node = FakeNode(made.engines.bus_url, "n1", token)
        node.join = msgspec.structs.replace(node.join, ranges=ranges)
        scans = ScanServer(parse_ranges(ranges), rate, SystemClock())
        made._nodes.append(node)
        node.answers = real_answers(scans)
        await node.start()
        try:
            yield Scene(made, city, node, scans, await made.client())
        finally:
            await scans.stop()
            await city.stop()
