"""What is open ends when the right to it does: pictures, news, recordings, viewing at the node."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
import websockets
from centre_world import INIT, FakeNode, World, add_camera, fragment, picture, start, until, world
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grants_world import Organisation

from khue.centre.live.lan import LanTokens
from khue.model.camera import StreamName
from khue.model.time import SystemClock
from khue.node.lan import Lan
from khue.node.lan import app as lan_app
from khue.node.serve import AppServer
from khue.wire import subjects
from khue.wire.bus import Received
from khue.wire.link import EndViewing, LiveMessage

pytestmark = pytest.mark.asyncio(loop_scope="module")
_GENEROUS = 10.0  # seconds; what it takes is printed, and measured by the benchmark


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(here: World) -> FakeNode:
    return await here.node("live-1")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def people(here: World) -> Organisation:
    """Somebody in a post, and the camera two posts are about."""
    made = Organisation(here, await here.client())
    agency = await made.agency("Công an thành phố")
    for username in ("lan", "minh"):
        await made.person(username)
    await made.post(agency, "Trực ban", "duty_officer", "lan")
    await made.post(agency, "Trực ban phụ", "duty_officer", "minh")
    return made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def camera(people: Organisation, node: FakeNode) -> str:
    made = await add_camera(people.admin, "watched", sub_url="rtsp://192.0.2.9/small")
    await until(lambda: _placed(node, made["id"]))
    return str(made["id"])


async def _placed(node: FakeNode, camera: str) -> bool:
    return camera in node.cameras()


_DESK = "cong-an-thanh-pho-truc-ban"


async def _open(here: World, client: httpx.AsyncClient, node: FakeNode, camera: str) -> websockets.ClientConnection:
    """A live picture that moves."""
    socket = await here.socket(f"/api/v1/cameras/{camera}/live", client)

    async def shown() -> bool:
        await node.send_live(camera, "main", start(range(1, 3), seq=1))
        with contextlib.suppress(TimeoutError):
            while not isinstance(await asyncio.wait_for(socket.recv(), 0.3), bytes):
                pass
            return True
        return False

    await until(shown)
    return socket


async def _end(socket: websockets.ClientConnection, what: str) -> tuple[int, dict[str, Any]]:
    """(close code, the refusal) of a socket that is closed from the other side."""
    begun = time.perf_counter()
    said: dict[str, Any] = {}
    try:
        async with asyncio.timeout(_GENEROUS):
            while True:
                message = await socket.recv()
                if isinstance(message, str) and json.loads(message)["type"] == "error":
                    said = json.loads(message)
    except websockets.ConnectionClosed as closed:
        print(f"{what}: closed after {time.perf_counter() - begun:.2f} s")
        assert closed.rcvd is not None
        return closed.rcvd.code, said


async def test_a_revoked_grant_ends_the_picture_and_says_why(
    here: World, people: Organisation, node: FakeNode, camera: str
) -> None:
    grant = await people.give(post=_DESK, rights=["live", "playback"])
    lan = await people.client("lan")
    socket = await _open(here, lan, node, camera)
    await people.revoke(grant["id"])
    code, said = await _end(socket, "grant revoked")
    assert code == 4404  # nothing is left by which the camera may be known
    assert said["code"] == "not_found"
    entries = (await people.call("GET", "/audit", camera=camera, outcome="refused"))["items"]
    assert any(entry["detail"].startswith("ended:") and entry["username"] == "lan" for entry in entries)


async def test_what_is_derived_ends_with_it_and_a_lesser_right_stays(
    here: World, people: Organisation, node: FakeNode, camera: str
) -> None:
    other = f"{_DESK}-phu"
    await people.give(post=_DESK, rights=["see"])
    await people.give(post=other, rights=["see"])
    above = await people.give(post=_DESK, passes=1)
    lan = await people.client("lan")
    below = await people.give(by=lan, post=other)
    assert below["parent"] == above["id"]
    minh = await people.client("minh")
    first, second = [await _open(here, client, node, camera) for client in (lan, minh)]
    done = await people.revoke(above["id"])
    assert done["taken_along"] == 1
    for socket in (first, second):
        code, said = await _end(socket, "derived grant")
        assert (code, said["verdict"]) == (4403, "no_right")
        assert said["text"]["vi"]
    reply = await minh.get(f"/api/v1/cameras/{camera}")
    assert reply.status_code == 200


async def test_hours_that_end_end_the_picture(here: World, people: Organisation, node: FakeNode, camera: str) -> None:
    await people.give(post=_DESK, rights=["see"])
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    await people.give(post=_DESK, valid_to=soon)
    socket = await _open(here, await people.client("lan"), node, camera)
    code, said = await _end(socket, "grant ran out")
    assert (code, said["code"]) == (4403, "denied")


@pytest.mark.parametrize("how", ("session", "disabled", "tenure"))
async def test_who_is_gone_sees_nothing_more(
    here: World, people: Organisation, node: FakeNode, camera: str, how: str
) -> None:
    await people.person(f"gone-{how}")
    agency = "cong-an-thanh-pho"
    desk = await people.post(agency, f"Bàn {how}", "duty_officer")
    tenure = await people.appoint(desk, f"gone-{how}")
    await people.give(post=desk)
    client = await people.client(f"gone-{how}")
    socket = await _open(here, client, node, camera)
    news = await here.socket("/api/v1/events", client)
    if how == "session":
        assert (await client.delete("/api/v1/session")).is_success
    elif how == "disabled":
        await people.call("PATCH", f"/accounts/{people.accounts[f'gone-{how}']}", {"disabled": True})
    else:
        await people.call("POST", f"/organisation/tenures/{tenure}/end", {"reason": "moved on"})
    code, _ = await _end(socket, how)
    assert code == {"tenure": 4404}.get(how, 4401)
    code, _ = await _end(news, f"{how}, news")
    assert code == {"tenure": 4403}.get(how, 4401)


async def test_a_dropped_token_ends_what_it_opened(
    here: World, people: Organisation, node: FakeNode, camera: str
) -> None:
    made = await people.call("POST", "/tokens", {"name": "wall", "expires_days": 1})
    url = here.centre.url.replace("http", "ws", 1) + f"/api/v1/cameras/{camera}/live"
    headers = {"Authorization": f"Bearer {made['token']}"}
    socket = await websockets.connect(url, additional_headers=headers, max_size=None)
    await people.call("DELETE", f"/tokens/{made['id']}")
    assert (await _end(socket, "token dropped"))[0] == 4401


async def test_the_news_say_when_other_cameras_are_seen(here: World, people: Organisation, camera: str) -> None:
    first = await add_camera(people.admin, "first")
    second = await add_camera(people.admin, "second")
    await people.person("ha")
    desk = await people.post("cong-an-thanh-pho", "Bàn tin", "duty_officer", "ha")
    await people.give(post=desk, rights=["see"], target={"cameras": [first["id"]]})
    more = await people.give(post=desk, rights=["see"], target={"cameras": [second["id"]]})
    news = await here.socket("/api/v1/events", await people.client("ha"))
    await asyncio.sleep(2.0)
    await people.revoke(more["id"])

    async def resync() -> bool:
        return bool(json.loads(await asyncio.wait_for(news.recv(), _GENEROUS))["type"] == "resync")

    await until(resync)
    await news.close()


async def test_a_recording_on_its_way_is_broken_off(
    here: World, people: Organisation, node: FakeNode, camera: str
) -> None:
    grant = await people.give(post=_DESK, rights=["live", "playback"])
    lan = await people.client("lan")
    node.recorded = [INIT + fragment(1, 60_000), *(fragment(number, 60_000) for number in range(2, 2000))]
    begun = dt.datetime(2025, 10, 9, 9, tzinfo=dt.UTC)
    await here.engines.database.execute(
        "insert into coverage_span (camera, stream, node, started, ended) values ($1, 'main', $2, $3, $4)",
        *(camera, node.id, begun, begun + dt.timedelta(hours=1)),
    )
    query = {"from": "2025-10-09T09:00:00Z", "to": "2025-10-09T09:59:00Z"}
    taken = 0
    with pytest.raises(httpx.TransportError):
        async with lan.stream("GET", f"/api/v1/cameras/{camera}/playback", params=query) as reply:
            assert reply.status_code == 200
            async for piece in reply.aiter_raw():
                if not taken:
                    await people.revoke(grant["id"])
                taken += len(piece)
                await asyncio.sleep(0.02)
    assert 0 < taken < sum(map(len, node.recorded))


async def test_viewing_at_the_node_ends_too(here: World, people: Organisation, node: FakeNode, camera: str) -> None:
    ended: list[str] = []

    async def told(message: Received) -> None:
        ended.extend(msgspec.msgpack.decode(message.data, type=EndViewing).tokens)

    await node.bus.subscribe(subjects.of_node(node.id, "end"), told)
    grant = await people.give(post=_DESK)
    lan = await people.client("lan")
    reply = await lan.get(f"/api/v1/cameras/{camera}/lan")
    assert reply.status_code == 200, reply.text
    begun = time.perf_counter()
    await people.revoke(grant["id"])

    async def heard() -> bool:
        return bool(ended)

    await until(heard)
    print(f"viewing at the node: told after {time.perf_counter() - begun:.2f} s")


class _Pictures:
    """In place of the node's recorders: pictures without end."""

    def watch(self, *_: object) -> Any:
        return self

    async def __aenter__(self) -> Any:
        self._numbers = itertools.count()
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def next(self) -> LiveMessage:
        await asyncio.sleep(0.05)
        number = next(self._numbers)
        return start(range(1, 2), seq=0) if number == 0 else picture(number)


@pytest.mark.parametrize("renewed", (False, True))
async def test_a_node_ends_what_the_centre_took_back(
    tmp_path: Path, here: World, people: Organisation, renewed: bool
) -> None:
    tokens = LanTokens(Ed25519PrivateKey.generate(), SystemClock())
    pictures: Any = _Pictures()
    lan = Lan(tmp_path, pictures, SystemClock(), lambda: tokens.public_key)
    server = AppServer(lan_app(lan), "127.0.0.1", 0, tls=("", ""), name="")
    url = (await server.start()).replace("http", "ws", 1)
    try:
        made = tokens.make("c", StreamName.MAIN, "lan")
        socket = await websockets.connect(f"{url}/live/c/main?token={made.token}", max_size=None)
        assert json.loads(await socket.recv())["type"] == "start"
        if renewed:
            made = tokens.make("c", StreamName.MAIN, "lan")
            await socket.send(made.token)
            await asyncio.sleep(0.2)
        lan.end([made.id])
        code, said = await _end(socket, "node")
        assert code == 4403 and said["message"]
        again = await websockets.connect(f"{url}/live/c/main?token={made.token}", max_size=None)
        assert (await _end(again, "node, again"))[0] == 4403
        other = await websockets.connect(f"{url}/live/c/main?token={tokens.make('c', StreamName.MAIN, 'lan').token}")
        await other.send(tokens.make("c", StreamName.MAIN, "somebody").token)
        assert (await _end(other, "somebody else's token"))[0] == 4403
    finally:
        await server.stop()
