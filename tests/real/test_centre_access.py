"""Signing in, tokens, rights and the access log, over HTTP and a real PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from centre_world import World, add_camera, until, world

# What answers somebody who is not signed in: signing in itself, and what a machine asks before it is known.
OPEN = {
    *(("get", "/api/v1/health"), ("post", "/api/v1/session"), ("post", "/api/v1/session/second")),
    *(("post", "/api/v1/session/passkey"), ("post", "/api/v1/session/passkey/options")),
    *(("get", "/api/v1/session/oidc"), ("get", "/api/v1/session/oidc/{provider}/start")),
    *(("get", "/api/v1/session/oidc/{provider}/callback"), ("get", "/api/v1/nodes/authority")),
    *(("post", "/api/v1/nodes/enrol"), ("get", "/api/v1/audit/checkpoint"), ("get", "/api/v1/audit/key")),
}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def _account(here: World, username: str, role: str) -> httpx.AsyncClient:
    admin = await here.client()
    made = {"username": username, "password": "long enough 1", "role": role}
    assert (await admin.post("/api/v1/accounts", json=made)).status_code == 201
    return await here.client(username, "long enough 1")


async def test_the_first_run_makes_one_administrator_and_says_the_password_once(here: World) -> None:
    assert len(here.password) == 19
    assert await here.centre.accounts.ensure_administrator() == ""


async def test_nothing_is_answered_without_signing_in(here: World) -> None:
    anonymous = here.anonymous()
    schema = (await anonymous.get("/schema/openapi.json")).json()
    assert schema["openapi"].startswith("3.1")
    asked = 0
    for path, methods in schema["paths"].items():
        for method, described in methods.items():
            assert described["summary"], (method, path)
            if (method, path) in OPEN:
                continue
            url = re.sub(r"\{\w+\}", "1", path)
            period = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:01:00Z"}
            reply = await anonymous.request(method, url, params=period, headers={"X-Khue": "1"}, json={})
            assert reply.status_code in (400, 401), (method, path, reply.status_code)
            asked += 1
            if reply.status_code == 401:
                assert set(reply.json()["error"]) == {"code", "message", "remedy"}
    assert asked > 20


async def test_the_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites(here: World) -> None:
    client = here.anonymous()
    reply = await client.post("/api/v1/session", json={"username": "ADMIN ", "password": here.password})
    cookie = reply.headers["set-cookie"]
    assert "khue_session=" in cookie
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "Secure" not in cookie  # plain http
    assert reply.json()["account"]["username"] == "admin"
    assert (await client.get("/api/v1/session")).json()["account"]["role"] == "administrator"


async def test_a_write_by_cookie_needs_the_header_and_a_socket_our_origin(here: World) -> None:
    client = await here.client()
    del client.headers["X-Khue"]
    reply = await client.post("/api/v1/cameras", json={"name": "x", "url": "rtsp://192.0.2.1/"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "denied")
    assert (await client.get("/api/v1/cameras")).status_code == 200


async def test_a_form_of_another_site_cannot_sign_anybody_in(here: World) -> None:
    body = f'{{"username": "admin", "password": "{here.password}"}}'
    client = here.anonymous()
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        reply = await client.post("/api/v1/session", content=body, headers={"Content-Type": kind})
        assert reply.status_code == 400
        assert "set-cookie" not in reply.headers


async def test_whoever_runs_the_machine_can_reset_a_password(here: World) -> None:
    signed_in = await _account(here, "forgetful", "viewer")
    password = await here.centre.accounts.reset_password("Forgetful")
    assert (await signed_in.get("/api/v1/session")).status_code == 401
    assert (await here.client("forgetful", password)).cookies


async def test_signing_out_ends_the_session(here: World) -> None:
    client = await here.client()
    kept = dict(client.cookies)
    assert (await client.delete("/api/v1/session")).status_code == 204
    client.cookies.update(kept)
    assert (await client.get("/api/v1/cameras")).status_code == 401


async def test_wrong_passwords_are_slowed_down_and_a_right_one_still_waits(here: World) -> None:
    await _account(here, "throttled", "viewer")
    client = here.anonymous()

    async def attempt(password: str) -> httpx.Response:
        return await client.post("/api/v1/session", json={"username": "throttled", "password": password})

    answers = [await attempt("wrong") for _ in range(8)]
    assert [answer.status_code for answer in answers[:5]] == [401] * 5
    assert 429 in [answer.status_code for answer in answers]
    refused = await attempt("long enough 1")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 0
    assert (await until(lambda: _signed_in(attempt))).status_code == 200
    unknown = await client.post("/api/v1/session", json={"username": "nobody", "password": "wrong"})
    assert unknown.json()["error"]["message"] == answers[0].json()["error"]["message"]


async def _signed_in(attempt: object) -> httpx.Response | None:
    reply: httpx.Response = await attempt("long enough 1")  # type: ignore[operator]
    return reply if reply.status_code == 200 else None


async def test_a_token_acts_for_its_account_until_it_is_revoked(here: World) -> None:
    client = await here.client()
    made = (await client.post("/api/v1/tokens", json={"name": "script", "expires_days": 3})).json()
    assert made["token"].startswith("khue_")
    listed = (await client.get("/api/v1/tokens")).json()["items"]
    assert [item["name"] for item in listed] == ["script"]
    assert "token" not in listed[0]
    program = here.anonymous()
    program.headers["Authorization"] = f"Bearer {made['token']}"
    written = await program.post("/api/v1/cameras", json={"name": "by token", "url": "rtsp://192.0.2.1/"})
    assert written.status_code == 201  # no cookie, so no header is needed
    assert (await client.delete(f"/api/v1/tokens/{made['id']}")).status_code == 204
    assert (await program.get("/api/v1/cameras")).status_code == 401
    assert (await client.post("/api/v1/tokens", json={"name": "", "expires_days": 3})).status_code == 400


async def test_roles_allow_what_they_say(here: World) -> None:
    viewer = await _account(here, "viewer", "viewer")
    operator = await _account(here, "operator", "operator")
    camera = {"name": "y", "url": "rtsp://192.0.2.1/"}
    assert (await viewer.get("/api/v1/cameras")).status_code == 200
    assert (await viewer.post("/api/v1/cameras", json=camera)).status_code == 403
    assert (await viewer.get("/api/v1/nodes")).status_code == 403
    assert (await operator.post("/api/v1/cameras", json=camera)).status_code == 201
    assert (await operator.post("/api/v1/nodes", json={"id": "n"})).status_code == 403
    assert (await operator.get("/api/v1/audit")).status_code == 403


async def test_the_last_administrator_stays_and_a_disabled_account_is_out_at_once(here: World) -> None:
    admin = await here.client()
    accounts = {item["username"]: item for item in (await admin.get("/api/v1/accounts")).json()["items"]}
    own = accounts["admin"]["id"]
    assert (await admin.patch(f"/api/v1/accounts/{own}", json={"disabled": True})).status_code == 409
    guest = await _account(here, "guest", "viewer")
    guest_id = next(
        item["id"] for item in (await admin.get("/api/v1/accounts")).json()["items"] if item["username"] == "guest"
    )
    assert (await admin.patch(f"/api/v1/accounts/{guest_id}", json={"disabled": True})).json()["disabled"] is True
    assert (await guest.get("/api/v1/cameras")).status_code == 401
    again = {"username": "guest", "password": "long enough 1", "role": "viewer"}
    assert (await admin.post("/api/v1/accounts", json=again)).status_code == 409
    short = {"username": "short", "password": "123", "role": "viewer"}
    assert (await admin.post("/api/v1/accounts", json=short)).status_code == 400


async def test_changing_the_password_ends_the_other_sign_ins(here: World) -> None:
    one = await _account(here, "changer", "viewer")
    other = await here.client("changer", "long enough 1")
    wrong = {"old": "not it", "new": "another long one"}
    assert (await one.post("/api/v1/session/password", json=wrong)).status_code == 403
    right = {"old": "long enough 1", "new": "another long one"}
    assert (await one.post("/api/v1/session/password", json=right)).status_code == 204
    assert (await one.get("/api/v1/session")).status_code == 200
    assert (await other.get("/api/v1/session")).status_code == 401


async def test_every_access_is_on_the_log_also_the_refused_and_failed(here: World) -> None:
    admin = await here.client()
    camera = await add_camera(admin, "logged")
    viewer = await _account(here, "watched", "viewer")
    period = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:01:00Z"}
    stated = {"X-Khue-Purpose": "investigation", "X-Khue-Case": "12"}
    asked = await viewer.get(f"/api/v1/cameras/{camera['id']}/playback", params=period, headers=stated)
    assert asked.status_code == 404  # nothing is recorded, and still it was asked for
    order = {"camera": camera["id"], "stream": "main", **period}
    assert (await viewer.post("/api/v1/clips", json=order)).status_code == 403
    lines = (await admin.get("/api/v1/audit", params={"camera": camera["id"]})).json()["items"]
    told = [(line["username"], line["action"], line["outcome"], line["purpose"]) for line in lines]
    assert ("watched", "camera:playback", "allowed", "investigation") in told
    assert ("watched", "clip:create", "refused") in [line[:3] for line in told]
    played = next(line for line in lines if line["action"] == "camera:playback")
    assert (played["period_start"], played["period_end"]) == (period["from"], period["to"])
    assert played["address"] == "127.0.0.1"


async def test_the_log_cannot_be_changed(here: World) -> None:
    for statement in ("update audit_entry set username = 'x'", "delete from audit_entry", "truncate audit_entry"):
        with pytest.raises(Exception, match="never changed or deleted"):
            await here.engines.database.execute(statement)


async def test_nothing_secret_is_in_the_tables(here: World) -> None:
    rows = await here.engines.database.fetch("select password_hash from account")
    assert all(row["password_hash"].startswith("$argon2id$") for row in rows)
    assert {path.stat().st_mode & 0o777 for path in here.config.keys.iterdir()} == {0o600}
    assert {path.name for path in Path(here.config.keys).iterdir()} == {"audit.key", "camera.key", "token.key"}


async def test_every_answer_carries_the_security_headers(here: World) -> None:
    client = here.anonymous()
    for path in ("/", "/api/v1/cameras", "/some/room", "/api/v1/none"):
        headers = (await client.get(path)).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert (await client.get("/api/v1/none")).json()["error"]["code"] == "not_found"
