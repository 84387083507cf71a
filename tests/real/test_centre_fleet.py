"""Cameras, nodes and placement: the API, and nodes on the real link."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
import pytest_asyncio
from centre_world import ORIGIN, FakeNode, World, add_camera, until, world

from khue.model.camera import CameraState, StreamName, Transport
from khue.model.coverage import GapCause
from khue.model.errors import LinkError
from khue.store.nats import NatsBus
from khue.wire import subjects
from khue.wire.link import (
    CameraSpec,
    Desired,
    EventBatch,
    Heartbeat,
    Join,
    ProbeRequest,
    StreamCounters,
    StreamStatus,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "s3cret@/p"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def admin(here: World) -> httpx.AsyncClient:
    return await here.client()


async def _spec(node: FakeNode, camera: str, revision: int = 0) -> CameraSpec:
    """The camera in the node's desired state, of at least that revision."""

    async def found() -> CameraSpec | None:
        desired = node.desired[-1]
        if desired.revision < revision:
            return None
        return next((spec for spec in desired.cameras if spec.id == camera), None)

    return msgspec.convert(await until(found), CameraSpec, from_attributes=True)


async def _placed(admin: httpx.AsyncClient, camera: str) -> str | None:
    return (await admin.get(f"/api/v1/cameras/{camera}")).json()["node"]


async def test_a_camera_goes_to_the_node_with_its_credentials_and_never_to_a_person(
    here: World, admin: httpx.AsyncClient
) -> None:
    node = await here.node("secrets", sites=("secret-net",))
    password = SECRET.replace("@", "%40").replace("/", "%2F")
    made = await add_camera(
        admin,
        "Cầu Giấy 12",
        url=f"rtsp://admin:{password}@192.0.2.5:554/Streaming/Channels/101?a=1",
        sub_url="rtsp://192.0.2.5/user=admin&password=hunter2&channel=1&stream=1.sdp?",
        site="secret-net",
        transport="udp",
    )
    spec = await _spec(node, made["id"])
    assert (spec.username, spec.password) == ("admin", SECRET)
    urls = {stream.name: stream.url for stream in spec.streams}
    assert urls[StreamName.MAIN] == "rtsp://192.0.2.5:554/Streaming/Channels/101?a=1"
    assert {stream.transport for stream in spec.streams} == {Transport.UDP}
    told = [
        json.dumps(made),
        (await admin.get("/api/v1/cameras", params={"q": "cau giay"})).text,
        (await admin.get(f"/api/v1/cameras/{made['id']}")).text,
        (await admin.get("/api/v1/audit")).text,
    ]
    rows = await here.engines.database.fetch("select * from camera natural join camera_stream")
    told.append(repr([tuple(row.values()) for row in rows]))
    for text in told:
        assert SECRET not in text
        assert password not in text
        assert "hunter2" not in text
    assert made["has_credentials"] is True
    assert made["streams"][0]["name"] == "main"


async def test_changes_reach_the_node_and_leave_the_rest_alone(here: World, admin: httpx.AsyncClient) -> None:
    node = await here.node("changes", sites=("change-net",))
    made = await add_camera(admin, "Kim Mã", username="u", password="p", site="change-net")
    before = await _spec(node, made["id"])
    path = f"/api/v1/cameras/{made['id']}"
    revision = node.desired[-1].revision
    assert (await admin.patch(path, json={"name": "Kim Mã 2", "enabled": False})).json()["state"] == "disabled"
    after = await _spec(node, made["id"], revision + 1)
    assert (after.name, after.enabled) == ("Kim Mã 2", False)
    assert (after.username, after.password, after.streams) == (before.username, before.password, before.streams)
    assert (await admin.patch(path, json={"password": None, "username": None})).json()["has_credentials"] is False
    moved = {"url": "rtsps://192.0.2.7/x", "sub_url": "rtsp://192.0.2.7/y", "enabled": True}
    assert [stream["url"] for stream in (await admin.patch(path, json=moved)).json()["streams"]] == [
        "rtsps://192.0.2.7/x",
        "rtsp://192.0.2.7/y",
    ]
    assert len((await admin.patch(path, json={"sub_url": None})).json()["streams"]) == 1
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.get(path)).status_code == 404
    assert await until(lambda: _lacks(node, made["id"]))


async def _lacks(node: FakeNode, camera: str) -> bool:
    return camera not in node.cameras()


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "url": "rtsp://192.0.2.1/"},
        {"name": "x"},
        {"name": "x", "url": "http://192.0.2.1/"},
        {"name": "x", "url": "rtsp://:99999/"},
        {"name": "x", "url": "rtsp://u:geheim@/"},
        {"name": "x", "url": "rtsp://192.0.2.1/", "lat": 21.0},
        {"name": "x", "url": "rtsp://192.0.2.1/", "lat": 210.0, "lon": 1.0},
        {"name": "x", "url": "rtsp://192.0.2.1/", "transport": "carrier pigeon"},
    ],
)
async def test_what_makes_no_camera_is_refused_with_a_reason(
    admin: httpx.AsyncClient, fields: dict[str, object]
) -> None:
    reply = await admin.post("/api/v1/cameras", json=fields)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"]
    assert "geheim" not in reply.text


async def test_an_unknown_retention_class_is_named(admin: httpx.AsyncClient) -> None:
    fields = {"name": "x", "url": "rtsp://192.0.2.1/", "retention_class": "no-such"}
    reply = await admin.post("/api/v1/cameras", json=fields)
    assert (reply.status_code, "no-such" in reply.json()["error"]["message"]) == (404, True)


async def test_pages_of_the_list_are_complete_and_in_order(admin: httpx.AsyncClient) -> None:
    names = sorted(f"paged {number % 3} {number:02}" for number in range(11))
    for name in reversed(names):
        await add_camera(admin, name, site="nowhere")
    seen: list[str] = []
    after = None
    while True:
        page = (
            await admin.get("/api/v1/cameras", params={"q": "PAGED", "limit": 4, **({"after": after} if after else {})})
        ).json()
        assert page["total"] == 11
        seen += [item["name"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == names
    unreachable = await admin.get("/api/v1/cameras", params={"q": "paged", "state": "unreachable"})
    assert unreachable.json()["total"] == 11
    assert "no node reaches site nowhere" in (await until(lambda: _detail(admin, "paged 0 00")))
    assert (await admin.get("/api/v1/cameras", params={"q": "100%_"})).json()["total"] == 0


async def _detail(admin: httpx.AsyncClient, name: str) -> str:
    found = (await admin.get("/api/v1/cameras", params={"q": name})).json()["items"][0]
    return found["detail"] if "no node" in found["detail"] else ""


async def test_a_node_that_does_not_belong_here_is_told_so(here: World) -> None:
    node = await here.node("impostor", sites=("i",))
    assert (await node.bus.request(subjects.join("impostor"), b"\xc1", 5)) != b""
    lie = Join(node="somebody", sites=())
    answer = await node.bus.request(subjects.join("impostor"), msgspec.msgpack.encode(lie), 5)
    assert "token was made for impostor" in msgspec.msgpack.decode(answer, type=Desired).error
    strange = msgspec.msgpack.encode(Heartbeat(node="ghost", at=ORIGIN, revision=0))
    assert here.engines.nats is not None
    ghost = NatsBus(here.engines.bus_url, name="ghost", seed=here.engines.nats.seed)  # let in, and not in the books
    ghost.start()
    await ghost.wait_connected(10)
    assert b"not enrolled" in await ghost.request(subjects.heartbeat("ghost"), strange, 5)
    await ghost.close()


async def test_heartbeats_bring_progress_and_are_seen_in_the_list(here: World, admin: httpx.AsyncClient) -> None:
    node = await here.node("beats", sites=("beat-net",))
    made = await add_camera(admin, "heard", site="beat-net")
    await _spec(node, made["id"])
    node.counters = (
        StreamCounters(camera=made["id"], stream=StreamName.MAIN, recorded_until=ORIGIN, frames=5, bytes=50),
    )
    await node.beat_once()
    found = (await admin.get(f"/api/v1/cameras/{made['id']}")).json()
    assert found["streams"][0]["recorded_until"] == "2025-10-09T08:53:20Z"
    assert found["state"] == "connecting"
    nodes = {item["id"]: item for item in (await admin.get("/api/v1/nodes")).json()["items"]}
    assert (nodes["beats"]["alive"], nodes["beats"]["cameras"], nodes["beats"]["disk_used"]) == (True, 1, 7)
    assert nodes["beats"]["sites"] == ["beat-net"]
    another = await here.node("beats-too", sites=("beat-too-net",))
    foreign = await add_camera(admin, "not its own", site="beat-too-net")
    await _spec(another, foreign["id"])
    node.counters = (StreamCounters(camera=foreign["id"], stream=StreamName.MAIN, recorded_until=ORIGIN),)
    await node.beat_once()
    found = (await admin.get(f"/api/v1/cameras/{foreign['id']}")).json()
    assert found["streams"][0]["recorded_until"] is None


async def test_a_dead_nodes_cameras_move_to_one_on_the_same_network_and_stay_there(
    here: World, admin: httpx.AsyncClient
) -> None:
    one = await here.node("fail-1", sites=("fail-net",), capacity=3)
    two = await here.node("fail-2", sites=("fail-net",), capacity=3)
    elsewhere = await here.node("fail-3", sites=("other-net",))
    cameras = [(await add_camera(admin, f"fail {number}", site="fail-net"))["id"] for number in range(6)]
    assert await until(lambda: _shared(cameras, one, two))
    kept = two.cameras()
    one.beating = False
    assert await until(lambda: _has(two, 3))
    assert kept <= two.cameras()
    assert len(kept) == 3  # it was full: nothing could move
    places = {item["camera"]: item for item in (await admin.get("/api/v1/placement")).json()["items"]}
    assert {places[camera]["node"] for camera in cameras} == {"fail-1", "fail-2"}
    assert elsewhere.cameras() == set()
    three = await here.node("fail-4", sites=("fail-net",))
    assert await until(lambda: _has(three, 3))
    places = {item["camera"]: item for item in (await admin.get("/api/v1/placement")).json()["items"]}
    moved = [places[camera] for camera in cameras if places[camera]["node"] == "fail-4"]
    assert {item["reason"] for item in moved} == {"node fail-1 is not heard of"}
    one.beating = True
    await one.ask_to_join()
    assert await until(lambda: _is_alive(admin, "fail-1"))
    await asyncio.sleep(1)
    assert len(three.cameras()) == 3  # balance is not forced
    assert {await _placed(admin, camera) for camera in cameras} == {"fail-2", "fail-4"}


async def _shared(cameras: list[str], one: FakeNode, two: FakeNode) -> bool:
    return one.cameras() | two.cameras() == set(cameras) and len(one.cameras()) == len(two.cameras())


async def _has(node: FakeNode, number: int) -> bool:
    return len(node.cameras()) == number


async def _is_alive(admin: httpx.AsyncClient, node: str) -> bool:
    nodes = {item["id"]: item for item in (await admin.get("/api/v1/nodes")).json()["items"]}
    return bool(nodes[node]["alive"])


async def test_a_silent_node_is_what_its_cameras_say(here: World, admin: httpx.AsyncClient) -> None:
    node = await here.node("silent", sites=("silent-net",))
    made = await add_camera(admin, "silenced", site="silent-net")
    await _spec(node, made["id"])
    status = StreamStatus(
        camera=made["id"], stream=StreamName.MAIN, state=CameraState.RECORDING, since=ORIGIN, codec="h264", width=640
    )
    await node.report(EventBatch(node="silent", first=1, transitions=(status,)))
    assert await until(lambda: _state(admin, made["id"], "recording"))
    events = await here.socket("/api/v1/events", admin)
    node.beating = False
    found = await until(lambda: _state(admin, made["id"], "unreachable"))
    assert (found["cause"], "silent" in found["detail"]) == ("node", True)
    told = await _news(events, "status", made["id"])
    assert (told["state"], told["cause"]) == ("unreachable", "node")
    node.beating = True
    told = await _news(events, "status", made["id"])
    assert told["state"] == "recording"
    await events.close()


async def _state(admin: httpx.AsyncClient, camera: str, state: str) -> dict[str, object] | None:
    found: dict[str, object] = (await admin.get(f"/api/v1/cameras/{camera}")).json()
    return found if found["state"] == state else None


async def _news(events: object, kind: str, camera: str) -> dict[str, object]:
    async with asyncio.timeout(15):
        while True:
            told: dict[str, object] = json.loads(await events.recv())  # type: ignore[attr-defined]
            if told["type"] == kind and told.get("camera") == camera:
                return told


async def test_a_revoked_node_is_out_and_its_cameras_move(here: World, admin: httpx.AsyncClient) -> None:
    bad = await here.node("revoked", sites=("revoke-net",))
    made = await add_camera(admin, "revoke", site="revoke-net")
    await _spec(bad, made["id"])
    good = await here.node("trusted", sites=("revoke-net",))
    assert (await admin.delete("/api/v1/nodes/revoked")).status_code == 204
    await _spec(good, made["id"])
    assert await until(lambda: _cut_off(bad))
    with pytest.raises(LinkError):
        await bad.beat_once()
    assert (await admin.delete("/api/v1/nodes/revoked")).status_code == 404


async def _cut_off(node: FakeNode) -> bool:
    return not node.bus.connected


async def test_a_probe_goes_through_a_node_without_credentials_in_the_log(
    here: World, admin: httpx.AsyncClient
) -> None:
    node = await here.node("prober", sites=("p",))
    asked = {"url": "rtsp://root:geheim@192.0.2.8/", "node": "prober"}
    reply = await admin.post("/api/v1/cameras/probe", json=asked)
    assert (reply.status_code, reply.json()["manufacturer"]) == (200, "Acme")
    request = msgspec.msgpack.decode(node.requests[-1], type=ProbeRequest)
    assert (request.url, request.username, request.password) == ("rtsp://192.0.2.8/", "root", "geheim")
    assert "geheim" not in (await admin.get("/api/v1/audit")).text
    away = await admin.post("/api/v1/cameras/probe", json={"url": "rtsp://192.0.2.8/", "node": "no-such-node"})
    assert (away.status_code, away.json()["error"]["code"]) == (503, "node_away")


async def test_retention_and_holds_reach_the_node(here: World, admin: httpx.AsyncClient) -> None:
    node = await here.node("keeper", sites=("keep-net",))
    made = await add_camera(admin, "kept", site="keep-net")
    await _spec(node, made["id"])
    assert (await admin.put("/api/v1/retention/traffic", json={"days": 7, "priority": 2})).status_code == 200
    hold = {
        "camera": made["id"],
        "start": "2026-01-01T00:00:00Z",
        "end": "2026-01-01T01:00:00Z",
        "reason": "case 7",
        "review": "2026-06-01T00:00:00Z",
    }
    held = (await admin.post("/api/v1/holds", json=hold)).json()

    async def told(holds: int) -> bool:
        desired = node.desired[-1]
        return len(desired.holds) == holds and {policy.name for policy in desired.retention} >= {"default", "traffic"}

    assert await until(lambda: told(1))
    assert node.desired[-1].holds[0].reason == "case 7"
    assert [item["id"] for item in (await admin.get("/api/v1/holds")).json()["items"]] == [held["id"]]
    assert (await admin.delete(f"/api/v1/holds/{held['id']}")).status_code == 204
    assert await until(lambda: told(0))
    assert (await admin.put("/api/v1/retention/Bad Name", json={"days": 7})).status_code == 400
    assert (await admin.post("/api/v1/holds", json={**hold, "camera": "none"})).status_code == 404


async def test_reports_twice_late_or_from_the_wrong_node_change_nothing(here: World, admin: httpx.AsyncClient) -> None:
    right = await here.node("right", sites=("right-net",))
    wrong = await here.node("wrong", sites=("wrong-net",))
    made = await add_camera(admin, "reported", site="right-net")
    await _spec(right, made["id"])
    await here.engines.database.execute("insert into placed_once values ('wrong', $1)", made["id"])  # it had it once

    def status(state: CameraState, since: int, detail: str) -> StreamStatus:
        return StreamStatus(
            camera=made["id"],
            stream=StreamName.MAIN,
            state=state,
            since=since,
            detail=detail,
            cause=GapCause.CAMERA if state is CameraState.STALLED else None,
        )

    first = EventBatch(node="right", first=1, transitions=(status(CameraState.RECORDING, ORIGIN, ""),))
    second = EventBatch(
        node="right", first=2, transitions=(status(CameraState.STALLED, ORIGIN + 9, "no data for 4 s"),)
    )
    await right.report(first)
    await right.report(second)
    await right.report(first)  # the same message id: stored once
    await wrong.report(EventBatch(node="wrong", first=1, transitions=(status(CameraState.REFUSED, ORIGIN + 99, "no"),)))
    await wrong.report(
        EventBatch(node="right", first=3, transitions=(status(CameraState.REFUSED, ORIGIN + 99, "lie"),))
    )
    found = await until(lambda: _state(admin, made["id"], "stalled"))
    assert (found["detail"], found["cause"]) == ("no data for 4 s", "camera")
    await right.report(EventBatch(node="right", first=4, transitions=(status(CameraState.RECORDING, ORIGIN + 5, ""),)))
    assert await until(lambda: _state(admin, made["id"], "recording"))  # the clock went back; the order did not
    rows = await here.engines.database.fetch(
        "select node, state from transition where camera = $1 order by since, node", made["id"]
    )
    told = [(row["node"], row["state"]) for row in rows]
    assert told == [("right", "recording"), ("right", "recording"), ("right", "stalled"), ("wrong", "refused")]
