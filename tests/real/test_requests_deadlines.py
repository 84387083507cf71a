"""Requests that nobody answers: reminded, then the agency above, then lapsed; with several replicas each once."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from requests_world import City, city, later

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[City]:
    async with city() as made:
        another = await made.world.another_centre()
        await another.start()
        try:
            yield made
        finally:
            await another.stop()


async def asked(here: City) -> Any:
    wish = {"rights": ["live"], "cameras": [here.traffic], "purpose": "situation", "reason": "đám đông"}
    return await here["asker"].ask("POST", "/requests", {**wish, "valid_to": later(days=30)}, expect=201)


async def told(here: City, name: str, kind: str, request: str) -> int:
    """How often somebody was told this of a request."""
    notices = (await here[name].ask("GET", "/notices"))["items"]
    return sum(one["kind"] == kind and one["subject"] == {"request": request} for one in notices)


async def until_told(here: City, name: str, kind: str, request: str) -> None:
    async with asyncio.timeout(30):
        while not await told(here, name, kind, request):
            await asyncio.sleep(0.2)


async def test_reminded_then_above_then_lapsed(here: City) -> None:
    made = await asked(here)
    due = dt.datetime.fromisoformat(made["due"])
    row = await here.database.fetchrow("select due, remind, escalate from access_request where id = $1", made["id"])
    assert (row["due"] - row["remind"], row["due"] - row["escalate"]) == (dt.timedelta(hours=4), dt.timedelta(hours=2))
    assert due.astimezone(dt.UTC) == row["due"]
    assert await told(here, "above", "request_new", made["id"]) == 0
    await here.database.execute("update access_request set remind = now() where id = $1", made["id"])
    await until_told(here, "owner", "request_reminder", made["id"])
    assert await told(here, "above", "request_above", made["id"]) == 0
    assert (await here["asker"].ask("GET", f"/requests/{made['id']}"))["reminded"] == 1
    await here.database.execute("update access_request set escalate = now() where id = $1", made["id"])
    await until_told(here, "above", "request_above", made["id"])
    assert await told(here, "owner", "request_above", made["id"]) == 0
    await here.database.execute("update access_request set due = now() where id = $1", made["id"])
    late = await here["owner"].client.post(f"/api/v1/requests/{made['id']}/approve", json={"basis": "CV 1"})
    assert late.status_code == 409  # whether or not it was seen to be over yet
    await until_told(here, "asker", "request_lapsed", made["id"])
    answer = await here["asker"].ask("GET", f"/requests/{made['id']}")
    assert (answer["state"], answer["decided_by"], answer["grant"]) == ("lapsed", None, None)
    for name, kind in (("owner", "request_reminder"), ("above", "request_above"), ("asker", "request_lapsed")):
        assert await told(here, name, kind, made["id"]) == 1, kind  # by one of the replicas


async def test_deadlines_are_the_regulation_s(here: City) -> None:
    kept = await here.database.fetchval("select settings::text from regulation_version where valid_from is not null")
    settings = json.loads(kept)
    for one in settings["deadlines"]:
        if one["id"] == "request":
            one |= {"hours": 2 / 3600, "working_days": 0, "remind_hours": 1 / 3600}
    change = "update regulation_version set settings = $1::text::jsonb where valid_from is not null"
    await here.database.execute(change, json.dumps(settings))
    try:
        made = await asked(here)
        await until_told(here, "asker", "request_lapsed", made["id"])
    finally:
        await here.database.execute(change, kept)
    assert (await here["asker"].ask("GET", f"/requests/{made['id']}"))["state"] == "lapsed"


async def test_decided_ones_are_left_alone(here: City) -> None:
    made = await asked(here)
    await here["owner"].ask("POST", f"/requests/{made['id']}/refuse", {"reason": "không"})
    await here.database.execute(
        "update access_request set remind = created, escalate = created, due = created where id = $1", made["id"]
    )
    other = await asked(here)
    await here.database.execute("update access_request set due = now() where id = $1", other["id"])
    await until_told(here, "asker", "request_lapsed", other["id"])
    assert await told(here, "asker", "request_lapsed", made["id"]) == 0
    assert await told(here, "owner", "request_reminder", made["id"]) == 0
