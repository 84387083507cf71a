"""Measured truth: what nodes report and probes find decides whether a camera is seen working, in real PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from centre_world import FakeNode, World, add_camera, until, world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inventory_world import ask

from khue.centre.inventory.seen import record_probe, see_streams, set_rule
from khue.model.camera import CameraState, StreamName
from khue.model.time import to_micros
from khue.wire.link import EventBatch, StreamStatus

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world(lease_s=30) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def admin(here: World) -> httpx.AsyncClient:
    return await here.client()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def node(here: World) -> FakeNode:
    return await here.node("eyes", sites=("eyes",))


async def _placed(here: World, admin: httpx.AsyncClient, name: str) -> str:
    camera = str((await add_camera(admin, name, site="eyes"))["id"])

    async def there() -> bool:
        return await here.engines.database.fetchval("select node from sighting where camera = $1", camera) == "eyes"

    assert await until(there)
    return camera


def _status(camera: str, state: CameraState, at: dt.datetime, stream: StreamName = StreamName.MAIN) -> StreamStatus:
    return StreamStatus(camera=camera, stream=stream, state=state, since=to_micros(at), detail=f"{state} then")


async def _seen(here: World, camera: str) -> dict[str, Any]:
    row = await here.engines.database.fetchrow("select * from camera_now where camera = $1", camera)
    assert row is not None
    return dict(row)


async def _told(here: World, *statuses: StreamStatus) -> None:
    async with here.engines.database.transaction() as session:
        await see_streams(session, [("eyes", status) for status in statuses])


async def test_what_a_node_reports_is_seen_in_the_list(here: World, admin: httpx.AsyncClient, node: FakeNode) -> None:
    camera = await _placed(here, admin, "reported")
    (row,) = (await ask(admin, "cameras", q=camera))["items"]
    assert (row["state"], row["seen_working"]) == ("connecting", None)
    recording = _status(camera, CameraState.RECORDING, NOW - HOUR)
    await node.report(EventBatch(node="eyes", first=1, transitions=(recording,)))

    async def seen() -> Any:
        (found,) = (await ask(admin, "cameras", q=camera))["items"]
        return found if found["seen_working"] is not None else None

    row = await until(seen)
    assert (row["state"], row["seen_working"], row["node"]) == ("recording", True, "eyes")
    assert dt.datetime.fromisoformat(row["seen_since"]) == NOW - HOUR
    assert {item["id"] for item in (await ask(admin, "cameras", seen="yes", q="reported"))["items"]} == {camera}


async def test_a_recording_counts_for_a_day_after_it_ended(
    here: World, admin: httpx.AsyncClient, node: FakeNode
) -> None:
    camera = await _placed(here, admin, "ended")
    await _told(here, _status(camera, CameraState.RECORDING, NOW - 9 * DAY))
    await _told(here, _status(camera, CameraState.UNREACHABLE, NOW - 23 * HOUR))
    seen = await _seen(here, camera)
    assert (seen["seen_working"], seen["seen_since"], seen["seen_how"]) == (True, NOW - 9 * DAY, "recording")
    assert (seen["state"], seen["seen_detail"]) == ("unreachable", "unreachable then")
    late = await _placed(here, admin, "ended long ago")
    await _told(here, _status(late, CameraState.RECORDING, NOW - 9 * DAY))
    await _told(here, _status(late, CameraState.UNREACHABLE, NOW - 25 * HOUR))
    seen = await _seen(here, late)
    assert (seen["seen_working"], seen["seen_since"]) == (False, NOW - 25 * HOUR)
    await _told(here, _status(late, CameraState.RECORDING, NOW - HOUR))
    seen = await _seen(here, late)
    assert (seen["seen_working"], seen["seen_since"]) == (True, NOW - HOUR)


async def test_a_recording_within_one_batch_counts(here: World, admin: httpx.AsyncClient, node: FakeNode) -> None:
    camera = await _placed(here, admin, "blinked")
    await _told(
        here,
        _status(camera, CameraState.RECORDING, NOW - 3 * HOUR),
        _status(camera, CameraState.STALLED, NOW - 2 * HOUR),
        _status(camera, CameraState.UNREACHABLE, NOW - HOUR),
    )
    row = await here.engines.database.fetchrow("select * from sighting where camera = $1", camera)
    assert row is not None and row["recorded_at"] == NOW - 2 * HOUR and row["state"] == "unreachable"
    assert (await _seen(here, camera))["seen_working"] is True


async def test_what_never_worked_is_not_seen_working_and_what_nobody_looked_at_is_unknown(
    here: World, admin: httpx.AsyncClient, node: FakeNode
) -> None:
    camera = await _placed(here, admin, "never")
    await _told(here, _status(camera, CameraState.CONNECTING, NOW - 3 * HOUR))
    assert (await _seen(here, camera))["seen_working"] is None
    await _told(here, _status(camera, CameraState.REFUSED, NOW - 2 * HOUR))
    seen = await _seen(here, camera)
    assert (seen["seen_working"], seen["seen_since"]) == (False, NOW - 2 * HOUR)
    await _told(here, _status(camera, CameraState.RECORDING, NOW, StreamName.SUB))
    assert (await _seen(here, camera))["seen_working"] is False


async def test_a_probe_counts_for_a_week(here: World, admin: httpx.AsyncClient, node: FakeNode) -> None:
    database = here.engines.database
    camera = await _placed(here, admin, "probed")
    await record_probe(database, camera, NOW - 8 * DAY, True, "answered")
    assert (await _seen(here, camera))["seen_working"] is False
    await record_probe(database, camera, NOW - 6 * DAY, True, "answered again")
    await record_probe(database, camera, NOW - DAY, False, "no answer")
    seen = await _seen(here, camera)
    assert (seen["seen_working"], seen["seen_since"], seen["seen_how"]) == (
        True,
        NOW - 8 * DAY,
        "probe",
    )  # a run without a break that counts
    assert seen["seen_detail"] == "no answer"
    await record_probe(database, "without-streams", NOW - DAY, False, "no answer")
    seen = await _seen(here, "without-streams")
    assert (seen["seen_working"], seen["state"]) == (False, None)


async def test_the_rule_is_the_configured_one(here: World, admin: httpx.AsyncClient, node: FakeNode) -> None:
    database = here.engines.database
    camera = await _placed(here, admin, "ruled")
    await _told(here, _status(camera, CameraState.RECORDING, NOW - 9 * DAY))
    await _told(here, _status(camera, CameraState.STALLED, NOW - 5 * HOUR))
    try:
        await set_rule(database, recorded_hours=4, probe_days=7)
        assert (await _seen(here, camera))["seen_working"] is False
        await record_probe(database, camera, NOW - 3 * DAY, True)
        assert (await _seen(here, camera))["seen_how"] == "probe"
        await set_rule(database, recorded_hours=4, probe_days=2)
        assert (await _seen(here, camera))["seen_working"] is False
    finally:
        await set_rule(database, recorded_hours=24, probe_days=7)


async def test_a_silent_node_takes_its_word_with_it(here: World, admin: httpx.AsyncClient, node: FakeNode) -> None:
    database = here.engines.database
    camera = await _placed(here, admin, "silent")
    await _told(here, _status(camera, CameraState.RECORDING, NOW - 9 * DAY))
    async with database.transaction() as session:
        await session.execute("update node set lease_until = now() - interval '1 hour' where id = 'eyes'")
        row = await session.fetchrow("select * from camera_now where camera = $1", camera)
        assert row is not None and (row["state"], row["seen_working"]) == ("unreachable", True)
        await session.execute("update node set lease_until = now() - interval '25 hours' where id = 'eyes'")
        row = await session.fetchrow(
            "select *, now() - seen_since as silent_for from camera_now where camera = $1", camera
        )
        assert row is not None and (row["seen_working"], row["silent_for"]) == (False, 25 * HOUR)
        await session.execute("update node set lease_until = now() - interval '2 hours' where id = 'eyes'")
        await session.execute("update placement set node = null where camera = $1", camera)
        row = await session.fetchrow("select * from camera_now where camera = $1", camera)
        assert row is not None and (row["state"], row["node"], row["seen_working"]) == ("unreachable", None, True)
        kept = await session.fetchval("select now() - recorded_at from sighting where camera = $1", camera)
        assert kept == 2 * HOUR
        await session.execute("update node set lease_until = now() + interval '1 minute' where id = 'eyes'")


async def test_only_the_cameras_own_node_is_believed(here: World, admin: httpx.AsyncClient, node: FakeNode) -> None:
    camera = await _placed(here, admin, "faithful")
    async with here.engines.database.transaction() as session:
        await see_streams(session, [("impostor", _status(camera, CameraState.RECORDING, NOW))])
    assert (await _seen(here, camera))["seen_working"] is None


_STATES = st.sampled_from(list(CameraState))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(_STATES, st.integers(1, 30)), min_size=1, max_size=8), data=st.data())
async def test_batches_may_be_cut_anywhere_and_come_twice(
    here: World, admin: httpx.AsyncClient, node: FakeNode, steps: list[tuple[CameraState, int]], data: st.DataObject
) -> None:
    """Whether events come one by one, all at once, or a part of them again: the same is seen in the end."""
    database = here.engines.database
    at, statuses = NOW - 10 * DAY, []
    for state, hours in steps:
        at += hours * HOUR
        statuses.append((state, at))
    cut = data.draw(st.integers(0, len(statuses)))
    again = data.draw(st.integers(0, cut))
    orders = {
        "one": [[status] for status in statuses],
        "all": [statuses],
        "cut": [statuses[:cut], statuses[again:]],
    }
    ends = []
    for name, batches in orders.items():
        async with database.transaction() as session:
            await session.execute(
                "insert into sighting (camera, node, state) values ($1, 'eyes', 'connecting')", f"cut-{name}"
            )
            for batch in batches:
                told = [_status(f"cut-{name}", state, when) for state, when in batch]
                await see_streams(session, [("eyes", status) for status in told])
            row = await session.fetchrow(
                "select state, recorded_at, detail from sighting where camera = $1", f"cut-{name}"
            )
            assert row is not None
            ends.append(tuple(row[column] for column in ("state", "recorded_at", "detail")))
            await session.execute("delete from sighting where camera = $1", f"cut-{name}")
    assert ends[0] == ends[1] == ends[2]


async def test_the_fleets_states_are_those_of_the_streams(
    here: World, admin: httpx.AsyncClient, node: FakeNode
) -> None:
    """The narrow table that lists and maps read says what the view of streams says."""
    database = here.engines.database
    for number, state in enumerate([*CameraState, CameraState.RECORDING]):
        camera = await _placed(here, admin, f"same {number}")
        status = _status(camera, state, NOW - HOUR)
        await node.report(EventBatch(node="eyes", first=100 + number, transitions=(status,)))
    assert (await admin.patch(f"/api/v1/cameras/{camera}", json={"enabled": False})).status_code == 200
    await add_camera(admin, "same nowhere", site="no-node-reaches-it")

    async def applied() -> bool:
        told = await database.fetchval("select count(*) from transition where camera = $1", camera)
        nowhere = await database.fetchval("select count(*) from sighting where node is null and state = 'unreachable'")
        return bool(told and nowhere)

    assert await until(applied)
    listed = {item["id"]: item["state"] for item in (await ask(admin, "cameras", q="same"))["items"]}
    streams = await database.fetch(
        "select camera, state from stream_view where name = 'main' and camera = any($1)", list(listed)
    )
    assert listed == {row["camera"]: row["state"] for row in streams} and len(listed) == 8
    for state in CameraState:
        found = {item["id"] for item in (await ask(admin, "cameras", q="same", state=state))["items"]}
        assert found == {camera for camera, shown in listed.items() if shown == state}, state
