"""Onboarding over the centre's HTTP interface: real engines, real simulated cameras, a node's real answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from centre_world import until
from onboard_world import PASSWORD, RANGES, RTSP, WEB, Scene, camera, scene

from khue.centre.fleet.cameras import Credentials


async def test_a_discovery_finds_matches_and_is_kept() -> None:
    cameras = [
        camera("a", 3, shows_itself=True, serial="SN-3", mac="02:00:00:00:00:03"),
        camera("b", 4),
        camera("c", 9),
    ]
    async with scene(*cameras) as it:
        by_mac = await it.register("by mac", mac="02:00:00:00:00:03", serial="another")
        by_host = await it.register("by host", host="127.8.0.4")
        told = await it.discover()
        assert (told["state"], told["progress"], told["asked"], told["total"]) == ("done", 1.0, 254, 254), told
        found = {one["address"]: one for one in told["found"]}
        assert sorted(found) == ["127.8.0.3", "127.8.0.4", "127.8.0.9"]
        assert (found["127.8.0.3"]["camera"], found["127.8.0.3"]["matched_by"]) == (by_mac, "mac")
        assert (found["127.8.0.4"]["camera"], found["127.8.0.4"]["matched_by"]) == (by_host, "host")
        assert found["127.8.0.9"]["camera"] is None and found["127.8.0.3"]["family"] == "hanwha"
        nodes = (await it.client.get("/api/v1/nodes")).json()["items"]
        assert nodes[0]["ranges"] == list(RANGES)
        listed = (await it.client.get("/api/v1/discoveries")).json()["items"]
        assert [one["devices"] for one in listed] == [3] and listed[0]["created_by"] == "admin"
        page = (await it.client.get(f"/api/v1/discoveries/{told['id']}", params={"limit": 2})).json()
        rest = (await it.client.get(f"/api/v1/discoveries/{told['id']}", params={"after": page["next"]})).json()
        assert len(page["found"]) == 2 and len(rest["found"]) == 1 and rest["next"] is None


async def test_what_may_not_be_looked_in() -> None:
    async with scene() as it:
        for body, status, words in (
            ({"node": "n1", "ranges": ["127.9.0.0/24"]}, 400, "outside what the administrator"),
            ({"node": "n1", "ranges": ["127.8.0.1/24"]}, 400, "host bits"),
            ({"node": "n1", "ranges": []}, 400, "nothing to look in"),
            ({"node": "n1", "ports": [0]}, 400, "ports"),
            ({"node": "n2"}, 404, "no node n2"),
        ):
            reply = await it.client.post("/api/v1/discoveries", json=body)
            assert reply.status_code == status and words in reply.json()["error"]["message"], reply.text
        await it.world.node("bare")
        reply = await it.client.post("/api/v1/discoveries", json={"node": "bare"})
        assert reply.status_code == 400 and "declared no scan_ranges" in reply.json()["error"]["message"]


async def test_a_node_that_refuses_is_believed() -> None:
    """It holds to what it declared even when the centre thinks that more is allowed."""
    async with scene(ranges=("127.8.0.0/30",)) as it:
        await it.world.engines.database.execute("update node set ranges = '{127.8.0.0/24}'")
        told = await it.discover(ranges=["127.8.0.0/24"])
        assert told["state"] == "failed" and "nothing was scanned" in told["error"] and told["found"] == []


async def test_one_at_a_time_cancelled_and_forgotten_by_its_node() -> None:
    async with scene(rate=20.0) as it:
        started = (await it.client.post("/api/v1/discoveries", json={"node": "n1", "ports": [WEB]})).json()["id"]
        again = await it.client.post("/api/v1/discoveries", json={"node": "n1"})
        assert again.status_code == 409 and "already" in again.json()["error"]["message"]

        async def told() -> dict[str, Any]:
            return dict((await it.client.get(f"/api/v1/discoveries/{started}")).json())

        async def moving() -> bool:
            return (await told())["asked"] > 0

        await until(moving)
        assert (await it.client.post(f"/api/v1/discoveries/{started}/cancel")).status_code == 202

        async def over() -> bool:
            return (await told())["state"] == "cancelled"

        await until(over)
        assert 0 < (await told())["progress"] < 1
        started = (await it.client.post("/api/v1/discoveries", json={"node": "n1", "ports": [WEB]})).json()["id"]
        await until(moving)
        it.scans._id = "somebody else's"

        async def failed() -> bool:
            return (await told())["state"] == "failed"

        await until(failed)
        assert "started anew" in (await told())["error"]


async def test_another_replica_takes_a_discovery_up() -> None:
    async with scene(*(camera(f"c{n}", n, onvif=False) for n in range(1, 6)), rate=60.0) as it:
        started = (await it.client.post("/api/v1/discoveries", json={"node": "n1", "ports": [RTSP]})).json()["id"]
        database = it.world.engines.database

        async def half() -> bool:
            return bool(await database.fetchval("select asked > 20 from discovery where id = $1", started))

        await until(half)
        await it.world.centre.stop()
        await database.execute("update discovery set lease_until = now()")
        await it.world.start_centre()
        client = await it.world.client()

        async def over() -> dict[str, Any] | None:
            reply = (await client.get(f"/api/v1/discoveries/{started}")).json()
            return reply if reply["state"] != "running" else None

        told = await until(over, 30)
        assert told["state"] == "done" and len(told["found"]) == 5


async def test_a_registered_camera_is_probed_and_nothing_overwritten() -> None:
    async with scene(camera("a", 3, serial="SN-3", mac="02:00:00:00:00:03", clock_offset_s=60.0)) as it:
        record = await it.register("wrong in the books", host=f"127.8.0.3:{WEB}", serial="OTHER", family="hanwha")
        reply = await _probe(it, record, username="admin", password=PASSWORD)
        assert reply["resolved_by"] == "onvif" and reply["seen"] and reply["node"] == "n1"
        assert reply["mac"] == "02:00:00:00:00:03" and reply["clock_offset_s"] == pytest.approx(60, abs=5)
        assert (reply["snapshot_width"], reply["snapshot_height"]) == (320, 180) and reply["snapshot_bytes"] > 1000
        stream = reply["streams"][0]
        assert stream["kbps"] > 0 and stream["kbps_limit"] == 400 and stream["profile"] == "main"
        differences = {one["field"]: (one["registry"], one["device"]) for one in reply["differences"]}
        assert differences["serial"] == ("OTHER", "SN-3") and differences["mac"] == ("", "02:00:00:00:00:03")
        after = (await it.client.get(f"/api/v1/registry/cameras/{record}")).json()
        assert after["serial"] == "OTHER" and after["mac"] is None


async def _probe(it: Scene, record: str, **body: str) -> dict[str, Any]:
    reply = await it.client.post(f"/api/v1/registry/cameras/{record}/probe", json=body)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


# -- passwords


async def test_a_password_is_rotated_and_the_recorder_told() -> None:
    async with scene(camera("a", 3)) as it:
        record = await it.register("a", host=f"127.8.0.3:{WEB}")
        await it.adopt(record, "a")
        outcome = await it.rotate(record)
        assert outcome == {"state": "done", "changed": True, "verified": True, "rolled_back": False, "detail": ""}
        new = it.city.password("a")
        assert new != PASSWORD and len(new) == 14

        async def told() -> bool:
            specs = {spec.id: spec for spec in it.node.desired[-1].cameras}
            return specs[record].password == new

        await until(told)
        rows = await it.world.engines.database.fetch("select to_jsonb(r)::text as r from password_rotation r")
        log = await it.world.engines.database.fetch("select to_jsonb(l)::text as r from audit_entry l")
        assert all(new not in row["r"] and PASSWORD not in row["r"] for row in [*rows, *log])
        assert any("camera:rotate-password" in row["r"] for row in log)
        past = (await it.client.get(f"/api/v1/registry/cameras/{record}/rotate-password")).json()["items"]
        assert [(one["state"], one["created_by"]) for one in past] == [("done", "admin")]
        given = await it.rotate(record, password="Chon-lay-2027")
        assert given["changed"] and it.city.password("a") == "Chon-lay-2027" and it.city.sign_ins("a")[1] == 0


@pytest.mark.parametrize(
    ("behaviour", "rolled_back", "words"),
    [
        ("unsupported", False, "own page"),
        ("ignored", False, "and did not"),
        ("onvif-only", True, "not for its stream"),
    ],
)
async def test_what_does_not_hold_is_not_kept(behaviour: str, rolled_back: bool, words: str) -> None:
    async with scene(camera("a", 3, set_user=behaviour)) as it:
        record = await it.register("a", host=f"127.8.0.3:{WEB}")
        await it.adopt(record, "a")
        outcome = await it.rotate(record)
        assert (outcome["state"], outcome["changed"], outcome["rolled_back"]) == ("failed", False, rolled_back), outcome
        assert words in outcome["detail"]
        assert it.city.password("a") == PASSWORD
        assert {spec.password for spec in it.node.desired[-1].cameras} == {PASSWORD}


async def test_what_was_cut_off_is_settled_later() -> None:
    """The answer never comes back; the sealed new password is there, and is found to hold."""
    async with scene(camera("a", 3)) as it:
        record = await it.register("a", host=f"127.8.0.3:{WEB}")
        await it.adopt(record, "a")
        database = it.world.engines.database
        rotations = it.world.centre._onboarding.rotations
        cut = asyncio.create_task(it.rotate(record))

        async def written() -> bool:
            return bool(await database.fetchval("select count(*) from password_rotation where secret is not null"))

        await until(written)
        await asyncio.gather(cut, return_exceptions=True)
        # As if this replica had been killed between the camera's yes and the commit.
        await database.execute(
            "update password_rotation set state = 'pending', settled = null, lease_until = now(), secret = $1",
            rotations._vault.seal(it.city.password("a"), f"password_rotation/{await _rotation(database)}/secret"),
        )
        old = it.world.centre._fleet.cameras.seal_credentials(record, Credentials("admin", PASSWORD))
        async with database.transaction() as session:
            await session.execute("select set_config('khue.actor', 'test', true)")
            await session.execute("update camera set credentials = $2 where id = $1", record, old)

        async def done() -> bool:
            return bool(await database.fetchval("select state = 'done' and secret is null from password_rotation"))

        await until(done, 30)
        sealed = await database.fetchval("select credentials from camera where id = $1", record)
        assert it.world.centre._fleet.cameras.open_credentials(record, sealed).password == it.city.password("a")


async def _rotation(database: Any) -> str:
    return str(await database.fetchval("select id from password_rotation"))


async def test_two_at_once_are_one() -> None:
    async with scene(camera("a", 3, set_user="slow")) as it:
        record = await it.register("a", host=f"127.8.0.3:{WEB}")
        await it.adopt(record, "a")
        first = asyncio.create_task(it.rotate(record))
        await until(lambda: _pending(it))
        second = await it.client.post(f"/api/v1/registry/cameras/{record}/rotate-password", json={})
        assert second.status_code == 409 and "on its way" in second.json()["error"]["message"]
        assert (await first)["changed"] and it.city.sign_ins("a")[1] == 0


async def _pending(it: Scene) -> bool:
    return bool(await it.world.engines.database.fetchval("select count(*) from password_rotation"))


async def test_a_hidden_camera_is_hidden_here_too() -> None:
    """An account that does not see cameras of defence is told nothing of one: not by a match, a probe or a change."""
    async with scene(camera("a", 3, shows_itself=True, mac="02:00:00:00:00:03")) as it:
        secret = {"mac": "02:00:00:00:00:03", "purpose": "defence", "disclosure": "counted", "host": "127.8.0.3"}
        record = await it.register("secret", **secret)
        account = {"username": "other", "password": "a long enough one", "role": "administrator"}
        assert (await it.client.post("/api/v1/accounts", json=account)).status_code == 201
        other = await it.world.client("other", "a long enough one")
        told = await it.discover(ranges=["127.8.0.0/29"])
        assert told["found"][0]["camera"] == record
        seen = (await other.get(f"/api/v1/discoveries/{told['id']}")).json()
        assert seen["found"][0]["camera"] is None and seen["found"][0]["mac"] == "02:00:00:00:00:03"
        for what in ("probe", "rotate-password", "streams"):
            body = {"rtsp_main": "rtsp://127.8.0.3/x"} if what == "streams" else {}
            for camera_id in (record, "nothing"):
                reply = await other.post(f"/api/v1/registry/cameras/{camera_id}/{what}", json=body)
                assert reply.status_code == 404 and reply.json()["error"]["message"] == "there is no such camera"


async def test_what_cannot_be_rotated_is_said() -> None:
    async with scene(camera("a", 3)) as it:
        record = await it.register("a", host=f"127.8.0.3:{WEB}")
        where = f"/api/v1/registry/cameras/{record}/rotate-password"
        reply = await it.client.post(where, json={})
        assert reply.status_code == 400 and "are not kept here" in reply.json()["error"]["message"]
        await it.adopt(record, "a")
        for bad in ("short", "với dấu tiếng Việt", "has a space in it", PASSWORD, "x" * 65):
            assert (await it.client.post(where, json={"password": bad})).status_code == 400
        assert (await it.client.post("/api/v1/registry/cameras/nope/rotate-password", json={})).status_code == 404
        assert it.city.sign_ins("a")[0] == 0
