"""``khue grant``: given, asked about and revoked from a terminal."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from centre_world import World, world
from grants_world import Organisation
from inventory_world import put

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def people() -> AsyncIterator[Organisation]:
    async with world(lease_s=30) as here:
        made = Organisation(here, await here.client())
        await made.agency("Công an thành phố")
        await made.person("lan")
        await put(here, [{"id": "a", "name": "A", "unit": "00004", "purpose": "security"}])
        yield made


async def _khue(world: World, token: str, *words: str) -> tuple[int, str, str]:
    environment = {"KHUE_URL": world.centre.url, "KHUE_TOKEN": token, "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "khue.run", *words),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, failed = await process.communicate()
    return process.returncode or 0, told.decode(), failed.decode()


async def test_a_grant_is_given_asked_about_and_revoked(people: Organisation) -> None:
    post = await people.post("cong-an-thanh-pho", "Trực ban", "duty_officer", "lan")
    token = (await people.call("POST", "/tokens", {"name": "cli", "expires_days": 1}))["token"]

    async def khue(*words: str) -> Any:
        code, told, failed = await _khue(people.world, token, "grant", *words, "--json")
        assert code == 0, failed
        return json.loads(told)

    wish = ("--post", post, "--right", "live", "--unit", "00004", "--hours", "00:00-23:59", "--basis", "QĐ 12")
    effect = await khue("give", *wish, "--try")
    assert (effect["gained"]["people"], effect["gained"]["cameras"], effect["refused"]) == (1, 1, None)
    made = await khue("give", *wish)
    assert made["target"]["units"] == ["00004"] and made["hours"]["to"] == "23:59"
    who = await khue("who", "a", "--right", "live")
    assert {item["username"] for item in who["items"]} == {"admin", "lan"}
    what = await khue("what", post)
    assert {held["right"]: held["cameras"] for held in what["rights"]} == {"see": 1, "live": 1}
    assert [item["id"] for item in (await khue("list", "--post", post))["items"]] == [made["id"]]
    assert (await khue("revoke", made["id"], "--reason", "over", "--try"))["lost"]["people"] == 1
    assert (await khue("revoke", made["id"], "--reason", "over")) == {"revoked": made["id"], "taken_along": 0}
    assert (await khue("what", post))["rights"] == []
    code, _, failed = await _khue(people.world, token, "grant", "who", "nothing")
    assert code == 1 and "there is no such camera" in failed
