"""Every exercise that comes with the software can be passed by doing it, and by nothing else."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from centre_world import World, add_camera, world

from khue.centre.config import TrainingConfig
from khue.cli.api import Api
from khue.cli.demo_training import Crew, make_crew

BASE = "/api/v1/training"
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Range(msgspec.Struct):
    """A centre in training mode, and the people of the demo."""

    world: World
    crew: Crew
    clients: dict[str, httpx.AsyncClient]

    def __getitem__(self, username: str) -> httpx.AsyncClient:
        return self.clients[username]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground() -> AsyncIterator[Range]:
    with tempfile.TemporaryDirectory(prefix="khue-test-") as directory:
        Path(directory).chmod(0o755)
        made = World(Path(directory))
        made.config = msgspec.structs.replace(made.config, training=TrainingConfig(enabled=True))
        await made.engines.start()
        await made.start_centre()
        try:
            admin = await made.client()
            cameras = [(await add_camera(admin, f"Cột {number}"))["id"] for number in range(4)]
            body = {"name": "crew", "expires_days": 1}
            token = (await admin.post("/api/v1/tokens", json=body)).json()["token"]

            def crew_of() -> Crew:
                with Api(made.centre.url, token) as api:
                    return make_crew(api, cameras)

            crew = await asyncio.to_thread(crew_of)
            people = {one.username: await made.client(one.username, one.password) for one in crew.people}
            for client in people.values():  # they state what each exercise is about, and nothing else
                for name in ("Purpose", "Case", "Reason"):
                    client.headers.pop(f"X-Khue-{name}", None)
            yield Range(made, crew, {**people, "admin": admin})
        finally:
            await made.stop()


async def states(client: httpx.AsyncClient) -> dict[str, str]:
    reply = await client.get(f"{BASE}/exercises")
    assert reply.status_code == 200, reply.text
    return {item["id"]: item["state"] for item in reply.json()["items"]}


async def start(client: httpx.AsyncClient, exercise: str) -> None:
    reply = await client.post(f"{BASE}/exercises/{exercise}/start")
    assert reply.status_code == 200, reply.text
    assert reply.json()["state"] in ("started", "passed") and not any(step["done"] for step in reply.json()["steps"])


async def check(client: httpx.AsyncClient, exercise: str, **answers: str) -> tuple[str, list[bool]]:
    """(state, which steps are done)."""
    body = {"answers": {number.removeprefix("step"): answer for number, answer in answers.items()}}
    reply = await client.post(f"{BASE}/exercises/{exercise}/check", json=body)
    assert reply.status_code == 200, reply.text
    told = reply.json()
    return told["state"], [step["done"] for step in told["steps"]]


async def watch(ground: Range, username: str, camera: str, purpose: str) -> None:
    """Ask for live pictures; the first that is said of them, that no node has any, comes after the entry."""
    path = f"/api/v1/cameras/{camera}/live?stated_purpose={purpose}"
    socket = await ground.world.socket(path, ground[username])
    async with asyncio.timeout(10):
        await socket.recv()
    await socket.close()


async def look_back(client: httpx.AsyncClient, camera: str, **stated: str) -> httpx.Response:
    end = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    params = {"from": (end - dt.timedelta(minutes=5)).isoformat(), "to": end.isoformat()}
    return await client.get(f"/api/v1/cameras/{camera}/playback", params=params, headers=stated)


async def test_who_is_shown_which(ground: Range) -> None:
    assert {*await states(ground["truc-ban"])} == {
        *("live-with-purpose", "playback-with-case", "ask-a-neighbour", "refused", "break-glass")
    }
    assert "who-watched" in await states(ground["kiem-toan"])
    assert {*(await states(ground["kiem-toan"])).values()} == {"new"}
    assert "live-with-purpose" not in await states(ground["kiem-toan"])
    reply = await ground["kiem-toan"].post(f"{BASE}/exercises/live-with-purpose/start")
    assert reply.status_code == 404
    assert (await ground["truc-ban"].post(f"{BASE}/exercises/refused/check", json={})).status_code == 409
    assert (await ground["truc-ban"].get(f"{BASE}/results")).status_code == 403
    assert (await ground["truc-ban"].get("/api/v1/regulation/now")).json()["training"] is True


async def test_live_for_the_right_purpose(ground: Range) -> None:
    officer, camera = ground["truc-ban"], ground.crew.ours[0]
    await watch(ground, "truc-ban", camera, "situation")  # before it began: counts for nothing
    await start(officer, "live-with-purpose")
    assert await check(officer, "live-with-purpose") == ("started", [False])
    await watch(ground, "truc-ban", camera, "duty")
    await watch(ground, "chi-huy", camera, "situation")
    assert await check(officer, "live-with-purpose") == ("started", [False])
    await watch(ground, "truc-ban", camera, "situation")
    assert await check(officer, "live-with-purpose") == ("passed", [True])
    await start(officer, "live-with-purpose")  # again: what was passed stays passed
    assert (await states(officer))["live-with-purpose"] == "passed"


async def test_yesterday_with_a_case_number(ground: Range) -> None:
    officer, camera = ground["truc-ban"], ground.crew.ours[0]
    await start(officer, "playback-with-case")
    await look_back(officer, camera)
    assert await check(officer, "playback-with-case") == ("started", [False, False])
    await look_back(officer, camera, **{"X-Khue-Case": "DT-2026-014"})
    assert await check(officer, "playback-with-case") == ("passed", [True, True])


async def test_asking_a_neighbour(ground: Range) -> None:
    officer = ground["truc-ban"]
    await start(officer, "ask-a-neighbour")
    now = dt.datetime.now(dt.UTC)
    body: dict[str, Any] = {
        "kind": "access",
        "rights": ["playback"],
        "cameras": [ground.crew.neighbours[0]],
        "purpose": "situation",
        "case": "DT-2026-014",
        "reason": "xe trong hồ sơ chạy sang",
        "valid_from": now.isoformat(),
        "valid_to": (now + dt.timedelta(days=2)).isoformat(),
    }
    reply = await officer.post("/api/v1/requests", json=body)
    assert reply.status_code == 201, reply.text
    assert await check(officer, "ask-a-neighbour") == ("passed", [True, True])


async def test_who_watched_a_camera(ground: Range) -> None:
    auditor, camera = ground["kiem-toan"], ground.crew.ours[1]
    await watch(ground, "truc-ban", camera, "duty")
    await start(auditor, "who-watched")
    assert await check(auditor, "who-watched", step1="truc-ban") == ("started", [False, False])
    assert (await auditor.get("/api/v1/audit/watchers", params={"camera": camera})).status_code == 200
    assert await check(auditor, "who-watched", step1="chi-huy") == ("started", [True, False])
    assert await check(auditor, "who-watched", step1="truc-ban") == ("passed", [True, True])


async def test_being_refused_and_saying_why(ground: Range) -> None:
    officer, camera = ground["truc-ban"], ground.crew.ours[0]
    await start(officer, "refused")
    now = dt.datetime.now(dt.UTC)
    body = {"camera": camera, "from": (now - dt.timedelta(minutes=5)).isoformat(), "to": now.isoformat()}
    stated = {"X-Khue-Purpose": "situation", "X-Khue-Reason": "xin%20ban%20sao"}
    reply = await officer.post("/api/v1/clips", json=body, headers=stated)
    assert reply.status_code == 403, reply.text
    clause = reply.json()["error"]["clause"]["id"]
    assert await check(officer, "refused", step1="1.1") == ("started", [True, False])
    assert await check(officer, "refused", step1=clause) == ("passed", [True, True])
    wrong = await officer.post(f"{BASE}/exercises/refused/check", json={"answers": {"0": "x"}})
    assert wrong.status_code == 400


async def test_breaking_the_glass(ground: Range) -> None:
    officer = ground["truc-ban"]
    await start(officer, "break-glass")
    body = {
        "rights": ["see", "live"],
        "cameras": [ground.crew.neighbours[1]],
        "purpose": "emergency",
        "reason": "trẻ lạc",
    }
    made = await officer.post("/api/v1/emergencies", json=body)
    assert made.status_code == 201, made.text
    path = f"/api/v1/emergencies/{made.json()['id']}"
    assert await check(officer, "break-glass") == ("started", [True, False, False, False])
    steps = (
        ("chi-huy", "confirm", {}),
        ("truc-ban", "end", {"reason": "đã tìm thấy"}),
        ("kiem-toan", "review", {"verdict": "justified", "text": "đúng quy chế"}),
    )
    for number, (username, what, sent) in enumerate(steps, 2):
        reply = await ground[username].post(f"{path}/{what}", json=sent)
        assert reply.status_code == 200, (what, reply.text)
        assert sum((await check(officer, "break-glass"))[1]) == number
    assert (await states(officer))["break-glass"] == "passed"
    results = (await ground["admin"].get(f"{BASE}/results")).json()["items"]
    assert ("truc-ban", "break-glass") in {(row["username"], row["exercise"]) for row in results if row["passed"]}


async def test_a_centre_that_is_not_told_to_has_no_exercises() -> None:
    async with world() as city:
        admin = await city.client()
        for method, path in (("GET", "exercises"), ("POST", "exercises/refused/start"), ("GET", "results")):
            assert (await admin.request(method, f"{BASE}/{path}")).status_code == 404
        assert (await admin.get("/api/v1/regulation/now")).json()["training"] is False
