"""Events into tables: once and in order, by several replicas, over restarts and the loss of the stream itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from centre_world import ORIGIN, FakeNode, World, add_camera, until, world

from khue.centre.events.board import Board, StatusNews
from khue.centre.playback.pruning import Pruning
from khue.model.camera import CameraState, StreamName
from khue.model.coverage import Gap, GapCause, Span
from khue.model.errors import LinkError
from khue.wire.link import EventBatch, GapChange, SpanChange, StreamStatus

pytestmark = pytest.mark.asyncio(loop_scope="module")
MAIN = StreamName.MAIN


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(here: World) -> FakeNode:
    made = await here.node("told")
    cameras = [
        "many",
        "again",
        "after-nonsense",
        "anew",
        "leaving",
    ]  # of the past: that it had them is all there is left
    await here.engines.database.execute("insert into placed_once select 'told', unnest($1::text[])", cameras)
    return made


def _batch(number: int, camera: str = "c") -> EventBatch:
    """A state, a span that grows, and a gap that opens and closes."""
    state = CameraState.RECORDING if number % 2 else CameraState.STALLED
    gap = Gap(ORIGIN, None if number % 2 else ORIGIN + number, GapCause.LINK, f"after {number}")
    return EventBatch(
        node="told",
        first=number,
        transitions=(StreamStatus(camera=camera, stream=MAIN, state=state, since=ORIGIN + number),),
        spans=(SpanChange(camera=camera, stream=MAIN, span=Span(ORIGIN, ORIGIN + 10 + number)),),
        gaps=(GapChange(camera=camera, stream=MAIN, gap=gap),),
    )


async def _position(here: World) -> int:
    return int(await here.engines.database.fetchval("select sequence from event_position"))


async def _at(here: World, position: int) -> bool:
    return await _position(here) >= position


async def test_many_replicas_apply_each_batch_once_and_in_order(here: World, node: FakeNode) -> None:
    replicas = [await here.another_centre() for _ in range(2)]
    for replica in replicas:
        await replica.start()
    before = await _position(here)
    for number in range(1, 61):
        await node.report(_batch(number, "many"))
    assert await until(lambda: _at(here, before + 60))
    for replica in replicas:
        await replica.stop()
    database = here.engines.database
    states = await database.fetch("select state, since from transition where camera = 'many' order by since")
    assert [row["state"] for row in states] == ["recording", "stalled"] * 30
    span = await database.fetchrow("select ended - started as length from coverage_span where camera = 'many'")
    assert span is not None and span["length"].microseconds == 70
    gap = await database.fetchrow("select ended, detail from gap where camera = 'many'")
    assert gap is not None and gap["detail"] == "after 60" and gap["ended"] is not None


async def test_a_batch_that_was_applied_but_not_counted_changes_nothing_the_second_time(
    here: World, node: FakeNode
) -> None:
    database = here.engines.database
    for number in range(1, 5):
        await node.report(_batch(number + 100, "again"))
    position = await until(lambda: _at(here, 1)) and await _position(here)
    await until(lambda: _count(here, 4))

    async def everything() -> list[str]:
        tables = ("transition", "coverage_span", "gap", "stream_status")
        return [repr(await database.fetch(f"select * from {table} order by 1, 2, 3, 4")) for table in tables]

    before = await everything()
    assert position
    await database.execute("update event_position set sequence = 0")
    end = await here.engines.events.last_sequence()
    assert await until(lambda: _at(here, end))
    assert await everything() == before


async def _count(here: World, number: int) -> bool:
    count = await here.engines.database.fetchval("select count(*) from transition where camera = 'again'")
    return bool(count == number)


async def test_what_cannot_be_read_stops_nothing(here: World, node: FakeNode) -> None:
    before = await _position(here)
    await node.bus.publish_durable("khue.events.told", b"\xc1 nonsense", "nonsense")
    await node.report(_batch(300, "after-nonsense"))
    assert await until(lambda: _at(here, before + 2))
    count = await here.engines.database.fetchval("select count(*) from transition where camera = 'after-nonsense'")
    assert count == 1


async def test_a_stream_that_was_lost_with_its_server_starts_anew(here: World, node: FakeNode) -> None:
    nats = here.engines.nats
    assert nats is not None
    assert await _position(here) > 60
    directory = Path(here.config.data_dir) / "nats" / "jetstream"
    await nats.stop()
    shutil.rmtree(directory)
    await nats.start()

    async def reported() -> bool:
        try:
            await node.report(_batch(400, "anew"))
        except LinkError:
            return False
        return True

    assert await until(reported)

    async def applied() -> bool:
        found = await here.engines.database.fetchval("select count(*) from transition where camera = 'anew'")
        return bool(found == 1)

    assert await until(applied)
    assert await _position(here) == 1


async def test_applied_events_leave_the_stream(here: World, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("khue.centre.events.consumer._KEEP", 2)
    before = await _position(here)
    for number in range(500, 512):
        await node.report(_batch(number, "leaving"))
    assert await until(lambda: _at(here, before + 12))

    async def left() -> bool:
        stored = await here.engines.events.fetch(0, 50, 0.5)
        return 2 <= len(stored) < 10 and stored[-1].sequence == before + 12

    assert await until(left)


async def test_the_view_and_the_news_say_the_same(here: World, node: FakeNode) -> None:
    """Snapshot + news == a fresh snapshot, whatever happens in between."""
    admin = await here.client()
    camera = (await add_camera(admin, "same"))["id"]
    board = Board(here.engines.database, here.engines.bus)
    await board.start()
    watcher = board.watch()
    known: dict[str, str] = {}

    async def follow() -> None:
        while True:
            for news in await watcher.next():
                if isinstance(news, StatusNews) and news.camera == camera:
                    known["state"] = news.state

    following = asyncio.create_task(follow())

    async def placed() -> bool:
        return camera in node.cameras()

    await until(placed)
    path = f"/api/v1/cameras/{camera}"
    for number, state in enumerate((CameraState.RECORDING, CameraState.STALLED, CameraState.REFUSED)):
        status = StreamStatus(camera=camera, stream=MAIN, state=state, since=ORIGIN + number)
        await node.report(EventBatch(node="told", first=600 + number, transitions=(status,)))
        await admin.patch(path, json={"enabled": number % 2 == 1})

    async def agrees() -> bool:
        listed = (await admin.get(path)).json()["state"]
        return bool(known.get("state") == listed == "disabled")

    assert await until(agrees)
    await admin.patch(path, json={"enabled": True})

    async def agrees_again() -> bool:
        listed = (await admin.get(path)).json()["state"]
        return bool(known.get("state") == listed == "refused")

    assert await until(agrees_again)
    following.cancel()
    await board.stop()


async def test_what_is_older_than_its_retention_goes_unless_it_is_held(here: World, tmp_path: Path) -> None:
    admin = await here.client()
    database = here.engines.database
    cameras = {name: (await add_camera(admin, name))["id"] for name in ("old", "held")}
    for camera in cameras.values():
        for age in (40, 5):
            await database.execute(
                "insert into coverage_span values ($1, 'main', 'gone', now() - $2 * interval '1 day', "
                "now() - $2 * interval '1 day' + interval '1 hour')",
                *(camera, age),
            )
    await database.execute(
        "insert into legal_hold (id, camera, started, ended, reason, review, created_by) "
        "values ('h', $1, now() - interval '50 days', now(), 'case', now(), 'admin')",
        cameras["held"],
    )
    account = await database.fetchval("select id from account limit 1")
    for clip, age in (("fresh", 1), ("stale", 31)):
        await database.execute(
            "insert into clip (id, account, camera, stream, started, ended, state, sha256, finished) "
            "values ($1, $2, $3, 'main', now() - interval '1 day', now(), 'done', 'x', now() - $4 * interval '1 day')",
            *(clip, account, cameras["old"], age),
        )
        writer = here.engines.objects.create(f"clips/{clip}.mp4")
        await writer.write(b"x")
        await writer.close()
    await Pruning(database, here.engines.objects, 30).run_once()
    spans = await database.fetch("select camera, count(*) as number from coverage_span where node = 'gone' group by 1")
    assert {row["camera"]: row["number"] for row in spans} == {cameras["old"]: 1, cameras["held"]: 2}
    assert [row["id"] for row in await database.fetch("select id from clip")] == ["fresh"]
    clips = Path(here.config.data_dir) / "objects" / "clips"
    assert [path.name for path in clips.iterdir()] == ["fresh.mp4"]
