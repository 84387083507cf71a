"""Recorded media: streams with credit, stills, coverage from several nodes, clips that survive their maker."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from centre_world import INIT, ORIGIN, OTHER_INIT, FakeNode, World, add_camera, fragment, until, world

from khue.model.camera import StreamName
from khue.model.coverage import Gap, GapCause, Span
from khue.model.time import to_datetime
from khue.wire.link import CoverageReply, EventBatch, GapChange, SpanChange

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECOND = 1_000_000
CHUNK = 256 * 1024


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=4) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def admin(here: World) -> httpx.AsyncClient:
    return await here.client()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(here: World) -> FakeNode:
    return await here.node("play-1", sites=("play-net",))


@pytest_asyncio.fixture(loop_scope="module")
async def camera(admin: httpx.AsyncClient, node: FakeNode) -> str:
    return await _camera(admin, node, "play-net")


async def _camera(admin: httpx.AsyncClient, node: FakeNode, site: str) -> str:
    made = await add_camera(admin, "played", site=site)

    async def placed() -> bool:
        return made["id"] in node.cameras()

    await until(placed)
    node.read_requests.clear()
    node.chunks_sent = node.reads_ended = 0
    return str(made["id"])


def _period(start: int, end: int) -> dict[str, str]:
    """Seconds after the origin."""
    return {"from": _text(ORIGIN + start * SECOND), "to": _text(ORIGIN + end * SECOND)}


def _text(moment: int) -> str:
    return to_datetime(moment).isoformat().replace("+00:00", "Z")


async def test_playback_is_what_the_node_sent(admin: httpx.AsyncClient, node: FakeNode, camera: str) -> None:
    node.recorded = [INIT + fragment(1), *(fragment(number, 3000) for number in range(2, 60))]
    reply = await admin.get(f"/api/v1/cameras/{camera}/playback", params=_period(0, 60))
    assert reply.status_code == 200
    assert reply.content == b"".join(node.recorded)
    assert reply.headers["content-type"] == "video/mp4"
    assert reply.headers["x-khue-mime"] == "video/mp4"
    assert reply.headers["cache-control"] == "private, no-store"
    request = node.read_requests[-1]
    assert (request.start, request.end) == (ORIGIN, ORIGIN + 60 * SECOND)
    assert (request.keyframes_only, request.zero_based) == (False, False)
    await admin.get(f"/api/v1/cameras/{camera}/playback", params={**_period(0, 60), "keyframes": 1})
    assert node.read_requests[-1].keyframes_only


async def test_a_reader_that_stops_stops_the_node(here: World, node: FakeNode, camera: str) -> None:
    node.recorded = [INIT, *(fragment(number, CHUNK) for number in range(400))]
    client = await here.client()
    async with client.stream("GET", f"/api/v1/cameras/{camera}/playback", params=_period(0, 60)) as reply:
        pieces = reply.aiter_raw()
        await anext(pieces)
        sent = -1
        async with asyncio.timeout(20):
            while sent != node.chunks_sent:
                sent = node.chunks_sent
                await asyncio.sleep(0.5)
        assert node.chunks_sent < 60  # the rest waits for credit: sockets hold some megabytes, nobody a hundred
        assert node.reads_ended == 0
    await client.aclose()
    assert await until(lambda: _ended(node, 1))
    assert node.chunks_sent < 80


async def _ended(node: FakeNode, number: int) -> bool:
    return node.reads_ended >= number


async def test_what_is_not_there_is_said_before_the_first_byte(
    admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    node.recorded = []
    path = f"/api/v1/cameras/{camera}/playback"
    nothing = await admin.get(path, params=_period(0, 60))
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (404, "not_found")
    for period in (
        _period(60, 0),
        {"from": "2026-01-01T00:00:00", "to": "2026-01-01T00:00:01Z"},
        {"from": "x", "to": "y"},
    ):
        assert (await admin.get(path, params=period)).status_code == 400
    assert (await admin.get("/api/v1/cameras/none/playback", params=_period(0, 60))).status_code == 404


async def test_a_still_and_when_it_was_taken(admin: httpx.AsyncClient, node: FakeNode, camera: str) -> None:
    path = f"/api/v1/cameras/{camera}/snapshot"
    still = await admin.get(path, params={"at": _text(ORIGIN + 5 * SECOND), "width": 320})
    assert (still.content, still.headers["content-type"]) == (b"\xff\xd8 jpeg", "image/jpeg")
    assert still.headers["x-khue-at"] == _text(ORIGIN)
    assert (await admin.get(path)).status_code == 200
    assert (await admin.get(path, params={"width": -1})).status_code == 400


async def test_coverage_comes_from_the_node_and_without_it_from_what_it_reported(
    here: World, admin: httpx.AsyncClient
) -> None:
    node = await here.node("cover-1", sites=("cover-net",))
    camera = await _camera(admin, node, "cover-net")
    span, gap = (
        Span(ORIGIN, ORIGIN + 30 * SECOND),
        Gap(ORIGIN + 30 * SECOND, ORIGIN + 40 * SECOND, GapCause.LINK, "cut"),
    )
    lost = Gap(ORIGIN + 5 * SECOND, ORIGIN + 6 * SECOND, GapCause.LINK, "3 packets lost", partial=True)
    node.coverage = CoverageReply(spans=(span,), gaps=(gap, lost))
    path = f"/api/v1/cameras/{camera}/coverage"
    asked = (await admin.get(path, params=_period(0, 50))).json()
    assert asked["spans"] == [{"start": _text(span.start), "end": _text(span.end)}]
    assert [(item["cause"], item["detail"], item["partial"]) for item in asked["gaps"]] == [
        ("link", "3 packets lost", True),
        ("link", "cut", False),
    ]
    assert (asked["away"], asked["from"]) == ([], _text(ORIGIN))
    batch = EventBatch(
        node="cover-1",
        first=1,
        spans=(
            SpanChange(camera=camera, stream=StreamName.MAIN, span=Span(ORIGIN, ORIGIN + 9 * SECOND)),
            SpanChange(camera=camera, stream=StreamName.MAIN, span=span),
        ),
        gaps=(
            GapChange(camera=camera, stream=StreamName.MAIN, gap=Gap(gap.start, None, GapCause.LINK, "open")),
            GapChange(camera=camera, stream=StreamName.MAIN, gap=gap),
            GapChange(camera=camera, stream=StreamName.MAIN, gap=lost),
            GapChange(camera=camera, stream=StreamName.MAIN, gap=Gap(1, 2, GapCause.NODE)),
            GapChange(camera=camera, stream=StreamName.MAIN, gap=Gap(1, 2, GapCause.NODE), withdrawn=True),
        ),
    )
    await node.report(batch)
    await node.stop()

    async def away() -> Any:
        told = (await admin.get(path, params=_period(0, 50))).json()
        return told if told["away"] and told["gaps"] else None

    told = await until(away)
    assert (told["spans"], told["gaps"]) == (asked["spans"], asked["gaps"])
    kept = await here.engines.database.fetchval("select count(*) from gap where camera = $1", camera)
    assert kept == 2


async def test_a_period_two_nodes_recorded_is_read_from_both(here: World, admin: httpx.AsyncClient) -> None:
    old = await here.node("move-1", sites=("move-net",))
    camera = await _camera(admin, old, "move-net")
    new = await here.node("move-2", sites=("move-net",))
    await here.engines.database.execute(
        "insert into placed_once values ('move-2', $1)", camera
    )  # it had it for a while
    old.recorded, new.recorded = [INIT + fragment(1)], [INIT + fragment(2)]
    for number, (node, start, end) in enumerate(((old, 0, 10), (new, 20, 30)), 1):
        span = Span(ORIGIN + start * SECOND, ORIGIN + end * SECOND)
        change = SpanChange(camera=camera, stream=StreamName.MAIN, span=span)
        await node.report(EventBatch(node=node.id, first=number, spans=(change,)))

    async def both() -> bool:
        reply = await admin.get(f"/api/v1/cameras/{camera}/playback", params=_period(0, 30))
        return reply.content == INIT + fragment(1) + INIT + fragment(2)

    assert await until(both)
    assert new.read_requests[-1].start == ORIGIN + 20 * SECOND
    order = {"camera": camera, "stream": "main", **_period(0, 30)}
    made = (await admin.post("/api/v1/clips", json=order)).json()
    failed = await until(lambda: _in_state(admin, made["id"], "failed"))
    assert "move-1 to move-2" in failed["error"]
    order = {"camera": camera, "stream": "main", **_period(21, 29)}
    made = (await admin.post("/api/v1/clips", json=order)).json()
    assert await until(lambda: _in_state(admin, made["id"], "done"))


async def _in_state(client: httpx.AsyncClient, clip: str, state: str) -> dict[str, Any] | None:
    found: dict[str, Any] = (await client.get(f"/api/v1/clips/{clip}")).json()
    return found if found["state"] == state else None


async def test_a_clip_is_one_file_with_its_hash(admin: httpx.AsyncClient, node: FakeNode, camera: str) -> None:
    media = [fragment(number, CHUNK) for number in range(50)]
    # a second initialisation that says the same is left out: one file has one
    node.recorded = [INIT + media[0], media[1][:1000], media[1][1000:] + INIT + media[2], *media[3:]]
    order = {"camera": camera, "stream": "main", **_period(0, 50)}
    ordered = await admin.post("/api/v1/clips", json=order)
    assert (ordered.status_code, ordered.json()["state"]) == (202, "running")
    clip = ordered.json()["id"]
    done = await until(lambda: _in_state(admin, clip, "done"))
    expected = INIT + b"".join(media)
    assert (done["bytes"], done["progress"]) == (len(expected), 1.0)
    assert done["sha256"] == hashlib.sha256(expected).hexdigest()
    assert node.read_requests[-1].zero_based
    file = await admin.get(f"/api/v1/clips/{clip}/file")
    assert file.content == expected
    assert file.headers["x-content-sha256"] == done["sha256"]
    assert file.headers["content-length"] == str(len(expected))
    assert file.headers["content-disposition"].startswith('attachment; filename="')
    assert clip in [item["id"] for item in (await admin.get("/api/v1/clips")).json()["items"]]
    assert (done["from"], done["to"]) == (order["from"], order["to"])


async def test_a_clip_whose_picture_format_changes_fails_with_the_time(
    admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    node.recorded = [INIT + fragment(1), OTHER_INIT + fragment(2)]
    order = {"camera": camera, "stream": "main", **_period(0, 50)}
    clip = (await admin.post("/api/v1/clips", json=order)).json()["id"]
    failed = await until(lambda: _in_state(admin, clip, "failed"))
    assert "changed its picture format" in failed["error"]
    assert (await admin.get(f"/api/v1/clips/{clip}/file")).status_code == 409


async def test_clips_are_their_makers_and_the_administrators(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    node.recorded = [INIT + fragment(1)]
    for name in ("maker", "other"):
        await admin.post("/api/v1/accounts", json={"username": name, "password": "long enough 1", "role": "operator"})
    maker, other = await here.client("maker", "long enough 1"), await here.client("other", "long enough 1")
    order = {"camera": camera, "stream": "main", **_period(0, 50)}
    clip = (await maker.post("/api/v1/clips", json=order)).json()["id"]
    await until(lambda: _in_state(maker, clip, "done"))
    assert (await other.get(f"/api/v1/clips/{clip}")).status_code == 404
    assert (await other.get(f"/api/v1/clips/{clip}/file")).status_code == 404
    assert (await other.get("/api/v1/clips")).json()["items"] == []
    assert (await admin.get(f"/api/v1/clips/{clip}/file")).status_code == 200


async def test_a_clip_left_by_a_killed_replica_is_made_by_another(
    here: World, admin: httpx.AsyncClient, node: FakeNode, camera: str
) -> None:
    node.recorded = [INIT + fragment(1)]
    database = here.engines.database
    account = await database.fetchval("select id from account where username = 'admin'")
    insert = """
        insert into clip (id, account, camera, stream, started, ended, attempts, worker, lease_until)
        values ($1, $2, $3, 'main', $4, $5, $6, 'a dead replica', now() + $7)
    """
    start, end = to_datetime(ORIGIN), to_datetime(ORIGIN + 9 * SECOND)
    soon, past = dt.timedelta(seconds=1), dt.timedelta(seconds=-1)
    await database.execute(insert, "left", account, camera, start, end, 1, soon)
    await database.execute(insert, "hopeless", account, camera, start, end, 3, past)
    assert await until(lambda: _in_state(admin, "left", "done"))
    hopeless = await until(lambda: _in_state(admin, "hopeless", "failed"))
    assert "interrupted 3 times" in hopeless["error"]


async def test_a_clip_waits_for_a_node_that_is_away_and_a_stopped_centre_goes_on_later(
    here: World, admin: httpx.AsyncClient
) -> None:
    node = await here.node("away-1", sites=("away-net",))
    camera = await _camera(admin, node, "away-net")
    gate = asyncio.Event()
    node.recorded = [INIT + fragment(1), fragment(2)]
    send = node._send

    async def held(request: Any) -> None:
        await gate.wait()
        await send(request)

    node._send = held  # type: ignore[method-assign]
    order = {"camera": camera, "stream": "main", **_period(0, 50)}
    clip = (await admin.post("/api/v1/clips", json=order)).json()["id"]
    await until(lambda: _reading(node))
    await here.centre.stop()
    row = await here.engines.database.fetchrow("select state, attempts from clip where id = $1", clip)
    assert row is not None
    assert (row["state"], row["attempts"]) == ("running", 0)  # a stop in order is no failed try
    await here.start_centre()
    gate.set()
    again = await here.client()
    done = await until(lambda: _in_state(again, clip, "done"))
    assert done["sha256"] == hashlib.sha256(INIT + fragment(1) + fragment(2)).hexdigest()
    with contextlib.suppress(httpx.HTTPError):
        await admin.aclose()


async def _reading(node: FakeNode) -> bool:
    return bool(node.read_requests)
