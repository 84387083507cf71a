"""kill -9 of PostgreSQL and NATS while people and nodes use the centre: clean refusals, then all is as before."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from centre_world import INIT, ORIGIN, FakeNode, World, add_camera, fragment, start, until, world

from khue.model.camera import CameraState, StreamName
from khue.model.errors import LinkError
from khue.wire.link import EventBatch, StreamStatus

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=3) as made:
        yield made


def _kill(here: World, engine: str) -> None:
    server = getattr(here.engines, engine)
    assert server.process.pid is not None
    os.kill(server.process.pid, signal.SIGKILL)


async def _fine(client: httpx.AsyncClient) -> bool:
    reply = await client.get("/api/v1/health")
    assert reply.status_code == 200, reply.text
    return reply.json()["ok"] is True


async def test_the_database_dies_under_requests(here: World) -> None:
    client = await here.client()
    for number in range(5):
        await add_camera(client, f"db {number}", site="none")
    answers: Counter[int] = Counter()
    said: list[str] = []
    stop = asyncio.Event()

    async def ask() -> None:
        while not stop.is_set():
            reply = await client.get("/api/v1/cameras")
            answers[reply.status_code] += 1
            if reply.status_code != 200:
                said.append(reply.json()["error"]["code"])
                assert reply.json()["error"]["remedy"]
                assert reply.headers["Retry-After"]

    people = [asyncio.create_task(ask()) for _ in range(4)]
    for _ in range(2):
        before = answers[200]
        _kill(here, "postgres")
        async with asyncio.timeout(30):
            while answers[200] < before + 40:
                assert not any(person.done() for person in people)
                await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*people)
    assert set(answers) <= {200, 503}
    assert set(said) <= {"unavailable"}
    assert await until(lambda: _fine(client))
    assert (await client.get("/api/v1/cameras", params={"q": "db"})).json()["total"] == 5


async def test_while_the_database_is_away_nothing_is_shown_and_nobody_is_signed_out(here: World) -> None:
    client = await here.client()
    camera = (await add_camera(client, "away"))["id"]
    assert here.engines.postgres is not None
    await here.engines.postgres.stop()
    health = (await client.get("/api/v1/health")).json()
    assert (health["ok"], health["database"], health["nats"]) == (False, False, True)
    refused = await client.get(f"/api/v1/cameras/{camera}/snapshot")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
    socket = await here.socket(f"/api/v1/cameras/{camera}/live", client)
    assert json.loads(await socket.recv())["code"] == "unavailable"
    await socket.close()
    await here.engines.postgres.start()
    assert await until(lambda: _works(client, camera))


async def _works(client: httpx.AsyncClient, camera: str) -> bool:
    return (await client.get(f"/api/v1/cameras/{camera}")).status_code == 200


async def test_an_outage_of_the_message_bus_moves_no_camera_and_loses_no_event(here: World) -> None:
    client = await here.client()
    node = await here.node("bus-1", sites=("bus-net",))
    spare = await here.node("bus-2", sites=("bus-net",))
    camera = (await add_camera(client, "bus", site="bus-net"))["id"]
    await until(lambda: _placed(client, camera))
    at = (await client.get(f"/api/v1/cameras/{camera}")).json()["node"]
    mine = node if at == "bus-1" else spare
    events = await here.socket("/api/v1/events", client)
    for number in range(3):
        _kill(here, "nats")
        state = CameraState.RECORDING if number % 2 else CameraState.STALLED
        status = StreamStatus(camera=camera, stream=StreamName.MAIN, state=state, since=ORIGIN + number)
        batch = EventBatch(node=at, first=number, transitions=(status,))
        await until(lambda batch=batch: _report(mine, batch))
    rows = await until(lambda: _transitions(here, camera, 3))
    assert [row["state"] for row in rows] == ["stalled", "recording", "stalled"]
    assert json.loads(await events.recv())["type"] in ("resync", "status", "node")
    await events.close()
    assert await until(lambda: _fine(client))
    placement = {item["camera"]: item for item in (await client.get("/api/v1/placement")).json()["items"]}
    assert (placement[camera]["node"], placement[camera]["reason"]) == (at, "first placement")


async def _placed(client: httpx.AsyncClient, camera: str) -> bool:
    return (await client.get(f"/api/v1/cameras/{camera}")).json()["node"] is not None


async def _report(node: FakeNode, batch: EventBatch) -> bool:
    try:
        await node.report(batch)
    except LinkError:
        return False
    return True


async def _transitions(here: World, camera: str, number: int) -> object:
    rows = await here.engines.database.fetch("select state from transition where camera = $1 order by since", camera)
    return rows if len(rows) == number else None


async def test_an_outage_of_the_database_longer_than_a_lease_moves_no_camera(here: World) -> None:
    client = await here.client()
    nodes = [await here.node(name, sites=("lease-net",)) for name in ("lease-1", "lease-2")]
    cameras = [(await add_camera(client, f"lease {number}", site="lease-net"))["id"] for number in range(4)]

    async def settled() -> bool:
        return all(len(node.cameras()) == 2 for node in nodes)

    await until(settled)
    before = {node.id: node.cameras() for node in nodes}
    assert here.engines.postgres is not None
    await here.engines.postgres.stop()
    await asyncio.sleep(here.config.fleet.lease_s + 1)
    await here.engines.postgres.start()
    assert await until(lambda: _fine(client))
    await asyncio.sleep(2)
    assert {node.id: node.cameras() for node in nodes} == before
    listed = (await client.get("/api/v1/cameras", params={"q": "lease"})).json()["items"]
    assert {item["id"]: item["node"] for item in listed} == {
        camera: node for node, held in before.items() for camera in held
    }
    assert set(cameras) == before["lease-1"] | before["lease-2"]


async def test_live_pictures_go_on_after_the_message_bus_was_killed(here: World) -> None:
    client = await here.client()
    node = await here.node("again-1", sites=("again-net",))
    camera = (await add_camera(client, "again", site="again-net"))["id"]
    await until(lambda: _placed(client, camera))
    socket = await here.socket(f"/api/v1/cameras/{camera}/live", client)

    async def asked(number: int) -> bool:
        return len(node.live_requests) >= number

    async def shown(init_number: int) -> None:
        await until(lambda: _send(node, camera, init_number))
        async with asyncio.timeout(15):
            while await socket.recv() != INIT + fragment(init_number):
                pass

    await until(lambda: asked(1))
    await shown(1)
    _kill(here, "nats")
    before = len(node.live_requests)
    await until(lambda: asked(before + 1))
    await shown(2)
    await socket.close()


async def _send(node: FakeNode, camera: str, number: int) -> bool:
    await node.send_live(camera, "main", start(range(number, number + 1), seq=1))
    return True
