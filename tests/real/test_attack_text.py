"""Hostile text in every field, hostile names in every download, forged and foreign sign-ins: refused and harmless."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
import pytest_asyncio
from centre_world import World, add_camera, world
from openapi_walk import operations, value

pytestmark = pytest.mark.asyncio(loop_scope="module")

V1 = "/api/v1"
# A statement that gets through drops the canary, waits, or fails in PostgreSQL's words.
INJECTIONS = (
    "'; drop table canary; -- ' or '1'='1' -- 1; select pg_sleep(30) \\'; drop table canary; --",
    "x') union select password_hash from account -- {0} %s %(x)s :x @x $1::int %27%20or%201=1--",
    "a\x00b",
    "😈\ud7ff\ufffe",
    "\ud800",
)
TRAVERSALS = (
    *("../../../../etc/passwd", "..%2f..%2fkeys%2fcamera.key", "....//....//etc/passwd"),
    *("..\\..\\keys\\camera.key", "file:///etc/passwd", "%00/etc/passwd"),
)
LEAKS = ("syntax error", "psycopg", "asyncpg", "Traceback", "root:x:0:", 'relation "', "$argon2", "/src/khue/")
OWN = ("/api/v1/session", "/api/v1/me")


class Here(msgspec.Struct):
    world: World
    admin: httpx.AsyncClient
    document: dict[str, Any]
    camera: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here() -> AsyncIterator[Here]:
    async with world() as made:
        admin = await made.client()
        await made.engines.database.execute("create table canary (alive boolean)")
        camera = await add_camera(admin)
        document = (await admin.get("/schema/openapi.json")).json()
        yield Here(made, admin, document, camera["id"])


@pytest.mark.parametrize("text", INJECTIONS)
async def test_no_text_reaches_a_statement(here: Here, text: str) -> None:
    sent = text.encode(errors="replace").decode()  # an address cannot hold half a character; a body can
    path_text = quote(sent, safe="")
    for operation in operations(here.document):
        if operation.path.startswith(OWN):
            continue
        path = operation.path
        for one in operation.named("path"):
            path = path.replace("{" + one.name + "}", here.camera if one.name == "camera" else path_text)
        params = {one.name: sent for one in operation.named("query") if _is_text(one.schema)}
        body = None if operation.body is None else value(operation.body, here.document, text)
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"} if content else {}
        if operation.method == "delete" and here.camera in path:
            continue
        reply = await here.admin.request(operation.method, path, params=params, content=content, headers=headers)
        assert reply.status_code < 500 or reply.status_code in (502, 503), (str(operation), reply.text[:300])
        assert not [leak for leak in LEAKS if leak in reply.text], (str(operation), reply.text[:300])
    assert await here.world.engines.database.fetchval("select count(*) from canary") == 0


def _is_text(schema: dict[str, Any]) -> bool:
    kinds = [schema.get("type"), *(one.get("type") for one in schema.get("oneOf", schema.get("anyOf", [])))]
    return "string" in kinds and "format" not in schema


@pytest.mark.parametrize("text", TRAVERSALS)
async def test_no_download_leaves_its_folder(here: Here, text: str) -> None:
    for prefix in ("/", "/assets/", f"{V1}/clips/", f"{V1}/imports/", f"{V1}/audit/entries/"):
        for name in (text, quote(text, safe="")):
            reply = await here.admin.request("GET", httpx.URL(str(here.admin.base_url).rstrip("/") + prefix).join(name))
            assert not [leak for leak in LEAKS if leak in reply.text]
    for operation in operations(here.document):
        if operation.method != "get" or not operation.named("path"):
            continue
        path = operation.path
        for one in operation.named("path"):
            path = path.replace("{" + one.name + "}", quote(text, safe=""))
        reply = await here.admin.get(path)
        assert reply.status_code < 500, (str(operation), reply.text[:300])
        assert not [leak for leak in LEAKS if leak in reply.text]


async def test_forged_tokens_and_cookies_are_nobody(here: Here) -> None:
    made = (await here.admin.post(f"{V1}/tokens", json={"name": "t"})).json()
    good = made["token"]
    none_alg = ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', b'{"sub":"admin"}', b"")
    )
    cookie = here.admin.cookies.get("khue_session") or ""
    forged = ["x", none_alg, good[:-1], good[:-1] + ("a" if good[-1] != "a" else "b"), good.upper(), "admin"]
    async with httpx.AsyncClient(base_url=here.admin.base_url) as stranger:
        for token in (*forged, cookie, made["id"]):
            reply = await stranger.get(f"{V1}/cameras", headers={"Authorization": f"Bearer {token}"})
            assert reply.status_code == 401, token
        for value_ in (*forged, made["token"], made["id"], cookie[:-1]):
            reply = await stranger.get(f"{V1}/cameras", headers={"Cookie": f"khue_session={value_}"})
            assert reply.status_code == 401, value_
        ok = await stranger.get(f"{V1}/cameras", headers={"Authorization": f"Bearer {good}"})
        assert ok.status_code == 200
        await here.world.engines.database.execute(
            "update api_token set expires = now() - interval '1 second' where id = $1", made["id"]
        )
        assert (await stranger.get(f"{V1}/cameras", headers={"Authorization": f"Bearer {good}"})).status_code == 401


async def test_a_cookie_after_signing_out_is_replayed_in_vain(here: Here) -> None:
    client = await here.world.client()
    cookie = client.cookies.get("khue_session")
    assert (await client.delete(f"{V1}/session")).is_success
    async with httpx.AsyncClient(base_url=here.admin.base_url) as thief:
        reply = await thief.get(f"{V1}/cameras", headers={"Cookie": f"khue_session={cookie}"})
        assert reply.status_code == 401


async def test_a_session_cannot_be_fixed_before_signing_in(here: Here) -> None:
    planted = "planted-by-somebody-else"
    async with httpx.AsyncClient(base_url=here.admin.base_url) as victim:
        body = {"username": "admin", "password": here.world.password}
        reply = await victim.post(f"{V1}/session", json=body, headers={"Cookie": f"khue_session={planted}"})
        assert reply.status_code == 200
        assert planted not in reply.headers["set-cookie"]
    async with httpx.AsyncClient(base_url=here.admin.base_url) as thief:
        reply = await thief.get(f"{V1}/cameras", headers={"Cookie": f"khue_session={planted}"})
        assert reply.status_code == 401


async def test_every_write_refuses_what_another_site_can_send(here: Here) -> None:
    """By cookie and without our header: what a form, an image or a fetch without preflight can do."""
    cookie = {"Cookie": f"khue_session={here.admin.cookies.get('khue_session')}"}
    async with httpx.AsyncClient(base_url=here.admin.base_url) as browser:
        for operation in operations(here.document):
            if operation.method == "get" or operation.path.startswith((f"{V1}/session", f"{V1}/nodes/enrol")):
                continue
            path = operation.path
            for one in operation.named("path"):
                path = path.replace("{" + one.name + "}", here.camera)
            for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
                headers = {**cookie, "Content-Type": kind, "Origin": "https://evil.example"}
                reply = await browser.request(operation.method, path, content=b"{}", headers=headers)
                assert reply.status_code in (400, 403, 404, 415), (str(operation), reply.status_code, reply.text[:200])
