"""Live pictures from a node through NATS and the centre to WebSockets."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets
from centre_world import INIT, ORIGIN, OTHER_INIT, FakeNode, World, add_camera, fragment, picture, start, until, world

from khue.model.camera import CameraState, StreamName
from khue.model.coverage import GapCause
from khue.wire.link import EventBatch, StreamStatus
from khue.wire.token import verify

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def admin(here: World) -> httpx.AsyncClient:
    return await here.client()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(here: World) -> FakeNode:
    return await here.node("live-1")


@pytest_asyncio.fixture(loop_scope="module")
async def camera(here: World, admin: httpx.AsyncClient, node: FakeNode) -> str:
    made = await add_camera(admin, "shown", sub_url="rtsp://192.0.2.9/small")

    async def placed() -> bool:
        return made["id"] in node.cameras()

    await until(placed)
    node.live_requests.clear()
    return str(made["id"])


async def _asked(node: FakeNode, camera: str, number: int = 1) -> bool:
    async def asked() -> bool:
        return len([request for request in node.live_requests if request.camera == camera]) >= number

    return bool(await until(asked))


async def _next(socket: websockets.ClientConnection, kind: str | None = None) -> Any:
    """The next binary message, or the next text of a kind."""
    async with asyncio.timeout(15):
        while True:
            message = await socket.recv()
            if kind is None and isinstance(message, bytes):
                return message
            if kind is not None and isinstance(message, str) and json.loads(message)["type"] == kind:
                return json.loads(message)


async def test_viewers_share_one_relay_and_a_second_starts_with_one_message(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    first = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    await _asked(node, camera)
    assert node.live_requests[0].fresh
    await node.send_live(camera, "main", start(range(1, 4), seq=1))
    told = await _next(first, "start")
    assert told == {"type": "start", "mime": 'video/mp4; codecs="avc1.64001f"', "width": 640, "height": 360}
    assert await _next(first) == INIT + fragment(1) + fragment(2) + fragment(3)
    await node.send_live(camera, "main", picture(4, seq=2))
    assert await _next(first) == fragment(4)
    second = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    assert (await _next(second, "start"))["width"] == 640
    assert await _next(second) == INIT + b"".join(fragment(number) for number in range(1, 5))
    await node.send_live(camera, "main", picture(5, keyframe=True, seq=3))
    assert (await _next(first), await _next(second)) == (fragment(5), fragment(5))
    third = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    assert await _next(third) == INIT + fragment(5)
    asked = len(node.live_requests)
    assert asked <= 2  # three viewers, one relay
    await _asked(node, camera, asked + 1)  # which is renewed
    assert not node.live_requests[-1].fresh
    for socket in (first, second, third):
        await socket.close()


async def test_a_relay_ends_when_nobody_watches(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    socket = await here.socket(f"/api/v1/cameras/{camera}/live?stream=sub", admin)
    await _asked(node, camera)
    assert node.live_requests[-1].stream is StreamName.SUB
    await socket.close()
    asked = len(node.live_requests)
    await asyncio.sleep(4)  # longer than a renewal
    assert len(node.live_requests) == asked


async def test_what_is_lost_on_the_way_costs_pictures_until_the_next_keyframe(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    socket = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    await _asked(node, camera)
    await node.send_live(camera, "main", start(range(1, 2), seq=1))
    assert await _next(socket) == INIT + fragment(1)
    await node.send_live(camera, "main", picture(3, seq=3))  # 2 never came
    await node.send_live(camera, "main", picture(4, seq=4))
    late = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    await node.send_live(camera, "main", picture(5, keyframe=True, seq=5))
    await node.send_live(camera, "main", picture(6, seq=6))
    assert (await _next(socket), await _next(socket)) == (fragment(5), fragment(6))
    assert (await _next(late), await _next(late)) == (INIT + fragment(5), fragment(6))
    await socket.close()
    await late.close()


async def test_a_new_init_starts_everybody_anew_and_a_repeated_one_nobody(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    socket = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    await _asked(node, camera)
    await node.send_live(camera, "main", start(range(1, 3), seq=1))
    assert await _next(socket) == INIT + fragment(1) + fragment(2)
    await node.send_live(camera, "main", start(range(1, 3), seq=2))  # another replica asked
    await node.send_live(camera, "main", picture(3, seq=3))
    assert await _next(socket) == fragment(3)
    await node.send_live(camera, "main", start(range(4, 5), seq=4, init=OTHER_INIT))
    assert (await _next(socket, "start"))["type"] == "start"
    assert await _next(socket) == OTHER_INIT + fragment(4)
    await socket.close()


async def test_a_slow_viewer_misses_pictures_and_the_others_none(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    quick = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    slow = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    await _asked(node, camera)
    await node.send_live(camera, "main", start(range(1, 2), seq=1))
    assert await _next(quick) == INIT + fragment(1)
    slow.transport.pause_reading()
    size, number = 200_000, 240
    seen = 0
    for index in range(2, number):
        await node.send_live(camera, "main", picture(index, keyframe=index % 30 == 0, seq=index, size=size))
        assert await _next(quick) == fragment(index, size)
        seen += 1
    assert seen == number - 2
    slow.transport.resume_reading()
    await node.send_live(camera, "main", picture(number, keyframe=number % 30 == 0, seq=number, size=size))
    got: list[int] = []
    async with asyncio.timeout(20):
        while not got or got[-1] != number:
            message = await slow.recv()
            if isinstance(message, bytes):
                at = message.rindex(b"picture ")
                got.append(int(message[at + 8 : at + 16]))
    assert got == sorted(set(got))
    assert len(got) < number - 50
    for before, after in itertools.pairwise(got):
        assert after == before + 1 or after % 30 == 0  # it goes on at a keyframe
    await quick.close()
    await slow.close()


async def test_why_there_is_no_picture_is_said_and_when_it_changes(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    def batch(first: int, state: CameraState, detail: str) -> EventBatch:
        status = StreamStatus(
            camera=camera,
            stream=StreamName.MAIN,
            state=state,
            since=ORIGIN,
            detail=detail,
            cause=GapCause.CAMERA if detail else None,
        )
        return EventBatch(node="live-1", first=first, transitions=(status,))

    await node.report(batch(1, CameraState.REFUSED, "401 with digest: password refused"))
    socket = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    async with asyncio.timeout(15):
        while (told := await _next(socket, "state"))["state"] != "refused":
            pass
    assert told["detail"] == "401 with digest: password refused"
    assert (told["cause"], told["since"]) == ("camera", "2025-10-09T08:53:20Z")
    await node.report(batch(2, CameraState.RECORDING, ""))
    assert (await _next(socket, "state"))["state"] == "recording"
    await socket.close()


async def test_what_the_node_says_is_said_once(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    node.live_error = "this worker has no room for another viewer"
    socket = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    assert (await _next(socket, "state"))["detail"] == node.live_error
    await _asked(node, camera, 3)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(socket.recv(), 0.5)
    node.live_error = ""
    assert (await _next(socket, "state"))["detail"] == ""
    await socket.close()


async def test_a_socket_without_a_right_is_told_why(here: World, admin: httpx.AsyncClient, camera: str) -> None:
    anonymous = here.anonymous()
    socket = await here.socket(f"/api/v1/cameras/{camera}/live", anonymous)
    assert (await _next(socket, "error"))["code"] == "unauthenticated"
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    url = str(admin.base_url).replace("http", "ws", 1) + f"/api/v1/cameras/{camera}/live"
    headers = {"Cookie": f"khue_session={admin.cookies['khue_session']}", "Origin": "https://elsewhere.example"}
    foreign = await websockets.connect(url, additional_headers=headers)
    assert (await _next(foreign, "error"))["code"] == "denied"
    await foreign.close()
    missing = await here.socket("/api/v1/cameras/none/live", admin)
    assert "no such camera" in (await _next(missing, "error"))["message"]
    await missing.close()


async def test_a_second_replica_has_its_own_viewers_and_all_the_news(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    replica = await here.another_centre()
    await replica.start()
    other = await here.client(url=replica.url)
    near = await here.socket(f"/api/v1/cameras/{camera}/live", admin)
    await _asked(node, camera)
    await node.send_live(camera, "main", start(range(1, 2), seq=1))
    assert await _next(near) == INIT + fragment(1)
    far = await here.socket(f"/api/v1/cameras/{camera}/live", other)
    await until(lambda: _fresh_again(node))
    await node.send_live(camera, "main", start(range(1, 2), seq=2))
    assert await _next(far) == INIT + fragment(1)
    await node.send_live(camera, "main", picture(2, seq=3))
    assert (await _next(near), await _next(far)) == (fragment(2), fragment(2))
    events = [await here.socket("/api/v1/events", client) for client in (admin, other)]
    await admin.patch(f"/api/v1/cameras/{camera}", json={"name": "renamed"})
    for socket in events:
        assert (await _next(socket, "camera")) == {"type": "camera", "id": camera, "change": "changed"}
    for socket in (near, far, *events):
        await socket.close()
    await replica.stop()


async def _fresh_again(node: FakeNode) -> bool:
    return len([request for request in node.live_requests if request.fresh]) >= 2


async def test_stopping_the_centre_ends_viewers_quickly(here: World, node: FakeNode, camera: str) -> None:
    replica = await here.another_centre()
    await replica.start()
    client = await here.client(url=replica.url)
    socket = await here.socket(f"/api/v1/cameras/{camera}/live", client)
    async with asyncio.timeout(10):
        await replica.stop()
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await socket.recv()


async def test_a_lan_token_opens_one_stream_at_the_node(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    got = (await admin.get(f"/api/v1/cameras/{camera}/lan", params={"stream": "sub"})).json()
    assert got["url"] == "http://192.0.2.1:9000"
    grant = verify(got["token"], node.desired[-1].token_key, ORIGIN)
    assert (grant.camera, grant.stream, grant.sub) == (camera, StreamName.SUB, "admin")
    assert "live" in grant.actions
