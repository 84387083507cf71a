"""Everything the OpenAPI says may be sent, and what it says may not, by each kind of post: never a failure of ours."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from centre_world import World, add_camera, world
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(500)]

V1 = "/api/v1"
PASSWORD = "mot-hai-ba-bon"
ROLES = ("administrator", "operator", "viewer", "auditor", "member")
EXAMPLES = 1  # of each operation in each mode, sent by each post
LEAKS = ("Traceback", "asyncpg", "syntax error", "$argon2")


async def _token(here: World, role: str) -> str:
    admin = await here.client()
    body = {"username": role, "password": PASSWORD, "role": role}
    assert (await admin.post(f"{V1}/accounts", json=body)).status_code == 201
    client = await here.client(role, PASSWORD)
    return str((await client.post(f"{V1}/tokens", json={"name": "all"})).json()["token"])


def _cases(document: dict[str, Any], url: str) -> list[Any]:
    """Of every operation, some requests as it is described and some that break the description."""
    cases: list[Any] = []
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=url)
    for result in schema.get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(
                max_examples=EXAMPLES,
                derandomize=True,
                database=None,
                deadline=None,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            )
            @given(case=result.ok().as_strategy(generation_mode=mode))
            def collect(case: Any) -> None:
                cases.append(case)

            try:
                collect()
            except Exception as error:
                if type(error).__name__ not in ("Unsatisfiable", "UnsatisfiableParameter"):
                    raise
    return cases


def _run(cases: list[Any], token: str) -> list[str]:
    """What was wrong with the answers."""
    wrong = []
    for case in cases:
        reply = case.call(headers={"Authorization": f"Bearer {token}"}, timeout=60)
        # 502 and 503: a camera or a node that is not there.
        if reply.status_code == 500 or any(leak in reply.text for leak in LEAKS):
            wrong.append(f"{case.method} {case.formatted_path} {case.body!r}: {reply.text[:300]}")
    return wrong


async def test_no_post_makes_the_centre_fail() -> None:
    async with world() as here:
        admin = await here.client()
        await add_camera(admin)
        document = (await admin.get("/schema/openapi.json")).json()
        cases = await asyncio.to_thread(_cases, document, here.centre.url)
        assert len({(case.method, case.path) for case in cases}) > 150
        for role in ROLES:
            token = await _token(here, role)
            wrong = await asyncio.to_thread(_run, cases, token)
            assert not wrong, (role, wrong[:5])
