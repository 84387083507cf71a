"""Sign-ins that are listed and ended, tokens held to grants, and what the regulation asks of passwords."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from centre_world import World, until, world

from khue.centre.access.caller import COOKIE

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSWORD = "long enough 1"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


async def _account(here: World, username: str, role: str = "viewer") -> httpx.AsyncClient:
    admin = await here.client()
    made = {"username": username, "password": PASSWORD, "role": role}
    reply = await admin.post("/api/v1/accounts", json=made)
    assert reply.status_code == 201, reply.text
    return await here.client(username, PASSWORD)


async def _sessions(client: httpx.AsyncClient, path: str = "/api/v1/me/sessions") -> list[dict[str, Any]]:
    return list((await client.get(path)).json()["items"])


async def _works(client: httpx.AsyncClient) -> bool:
    return (await client.get("/api/v1/session")).status_code == 200


async def _entries(here: World, action: str, outcome: str = "allowed") -> list[str]:
    rows = await here.engines.database.fetch(
        "select username, detail from audit_entry where action = $1 and outcome = $2 order by seq", action, outcome
    )
    return [f"{row['username']}: {row['detail']}" for row in rows]


@contextlib.asynccontextmanager
async def _regulation(here: World, **passwords: object) -> AsyncIterator[None]:
    """Another version is in force meanwhile, with these rules about passwords and everything else as it was."""
    database = here.engines.database
    async with database.transaction() as session:
        before = await session.fetchval("select regulation_in_force(now())")
        settings = json.loads(await session.fetchval("select settings from regulation_version where id = $1", before))
        settings["passwords"] = passwords
        await session.execute(
            "insert into regulation_version (id, title, title_en, document, files, digest, settings, loaded_by, valid_from) "
            "select 'for-the-test', title, title_en, document, files, digest, $2::jsonb, 'test', now() "
            "from regulation_version where id = $1",
            *(before, json.dumps(settings)),
        )
        for table in ("regulation_clause", "regulation_rule"):
            rows = await session.fetch(f"select to_jsonb(t) as row from {table} t where version = $1", before)
            for row in rows:
                values = {**json.loads(row["row"]), "version": "for-the-test"}
                await session.execute(
                    f"insert into {table} select * from jsonb_populate_record(null::{table}, $1::jsonb)",
                    json.dumps(values),
                )
    try:
        yield
    finally:
        await database.execute("delete from regulation_version where id = 'for-the-test'")


async def test_one_s_own_sign_ins_are_listed_and_ended(here: World) -> None:
    first = await _account(here, "many")
    second, third = await here.client("many", PASSWORD), await here.client("many", PASSWORD)
    second.headers["User-Agent"] = "Firefox on a desk"
    listed = await _sessions(first)
    assert len(listed) == 3
    assert [item["current"] for item in listed].count(True) == 1
    assert {item["address"] for item in listed} == {"127.0.0.1"}
    assert all(item["agent"].startswith("python-httpx") for item in listed)
    assert all(item["method"] == "password" for item in listed)
    assert not any(cookie in str(listed) for cookie in first.cookies.values())
    of_third = next(item["id"] for item in await _sessions(third) if item["current"])
    assert (await first.delete(f"/api/v1/me/sessions/{of_third}")).status_code == 204
    assert (await _works(first), await _works(second), await _works(third)) == (True, True, False)
    assert (await first.delete(f"/api/v1/me/sessions/{of_third}")).status_code == 404
    assert (await first.delete("/api/v1/me/sessions")).status_code == 204
    assert (await _works(first), await _works(second)) == (True, False)
    assert any(line.startswith(f"many: {of_third} of ") for line in await _entries(here, "session:end"))


async def test_nobody_ends_the_sign_in_of_somebody_else(here: World) -> None:
    mine, theirs = await _account(here, "mine"), await _account(here, "theirs")
    target = (await _sessions(theirs))[0]["id"]
    account = (await theirs.get("/api/v1/session")).json()["account"]["id"]
    assert (await mine.delete(f"/api/v1/me/sessions/{target}")).status_code == 404
    for path in (f"/api/v1/accounts/{account}/sessions", f"/api/v1/accounts/{account}/sessions/{target}"):
        assert (await mine.delete(path)).status_code == 403
    assert (await mine.get(f"/api/v1/accounts/{account}/sessions")).status_code == 403
    assert await _works(theirs)


async def test_an_administrator_lists_and_ends_anybody_s(here: World) -> None:
    client = await _account(here, "watched")
    other = await here.client("watched", PASSWORD)
    account = (await client.get("/api/v1/session")).json()["account"]["id"]
    admin = await here.client()
    listed = await _sessions(admin, f"/api/v1/accounts/{account}/sessions")
    assert len(listed) == 2
    assert not any(item["current"] for item in listed)
    ended = next(item["id"] for item in await _sessions(other) if item["current"])
    assert (await admin.delete(f"/api/v1/accounts/{account}/sessions/{ended}")).status_code == 204
    assert (await _works(client), await _works(other)) == (True, False)
    assert (await admin.delete(f"/api/v1/accounts/{account}/sessions")).status_code == 204
    assert not await _works(client)
    assert (await admin.get("/api/v1/accounts/nobody/sessions")).status_code == 404


async def test_an_administrator_of_less_does_not_touch_one_who_sees_more(here: World) -> None:
    admin = await here.client()
    unit = (await admin.get("/api/v1/registry/units")).json()["items"][0]["code"]
    made = {"username": "ward", "password": PASSWORD, "role": "administrator", "units": [unit]}
    assert (await admin.post("/api/v1/accounts", json=made)).status_code == 201
    ward = await here.client("ward", PASSWORD)
    above = (await admin.get("/api/v1/session")).json()["account"]["id"]
    for method, path in (("GET", "sessions"), ("DELETE", "sessions"), ("DELETE", "factors")):
        reply = await ward.request(method, f"/api/v1/accounts/{above}/{path}")
        assert reply.status_code == 403, (method, path, reply.text)
    assert await _works(admin)


async def test_a_cookie_that_was_there_before_signing_in_is_worth_nothing_after(here: World) -> None:
    """Session fixation: whoever planted it, made up or of a real sign-in, is left with nothing."""
    planted = await _account(here, "planter")
    await _account(here, "victim")
    value = planted.cookies[COOKIE]
    for cookie in ("made-up-by-somebody-else", value):
        reply = await here.anonymous().post(
            "/api/v1/session",
            json={"username": "victim", "password": PASSWORD},
            headers={"Cookie": f"{COOKIE}={cookie}"},
        )
        assert reply.status_code == 200
        assert reply.cookies[COOKIE] not in ("made-up-by-somebody-else", value)
        made_up = here.anonymous()
        made_up.cookies.set(COOKIE, cookie)
        assert not await _works(made_up)
    assert not await _works(planted)


async def test_signing_in_twice_gives_two_cookies_and_ends_the_first(here: World) -> None:
    client = await _account(here, "twice")
    first = client.cookies[COOKIE]
    assert (await client.post("/api/v1/session", json={"username": "twice", "password": PASSWORD})).status_code == 200
    assert client.cookies[COOKIE] != first
    assert len(await _sessions(client)) == 1


async def test_time_ends_a_sign_in(here: World) -> None:
    database = here.engines.database
    for change in ("expires = now()", "last_seen = now() - interval '3 hours'"):
        client = await _account(here, f"old-{change.split()[0].replace('_', '-')}")
        account = (await client.get("/api/v1/session")).json()["account"]["id"]
        await database.execute(f"update session set {change} where account = $1", account)
        assert not await _works(client)


async def test_that_it_is_used_is_written_at_most_once_a_minute(here: World) -> None:
    client = await _account(here, "seen")
    account = (await client.get("/api/v1/session")).json()["account"]["id"]
    database = here.engines.database

    async def last_seen() -> Any:
        return await database.fetchval("select last_seen from session where account = $1", account)

    made = await last_seen()
    await _works(client)
    assert await last_seen() == made
    await database.execute("update session set last_seen = now() - interval '61 s' where account = $1", account)
    older = await last_seen()
    await _works(client)
    assert await last_seen() > older


async def test_forged_cookies_and_tokens_are_refused_and_in_the_log(here: World) -> None:
    client = await _account(here, "real")
    token = (await client.post("/api/v1/tokens", json={"name": "t"})).json()
    cookie = client.cookies[COOKIE]
    before = len(await _entries(here, "token:use", "refused")), len(await _entries(here, "session:use", "refused"))
    forged = (token["token"][:-1] + ("A" if token["token"][-1] != "A" else "B"), token["id"], "khue_", "x" * 5000)
    for value in forged:
        program = here.anonymous()
        program.headers["Authorization"] = f"Bearer {value}"
        assert (await program.get("/api/v1/cameras")).status_code == 401
    for value in (cookie[:-1] + ("A" if cookie[-1] != "A" else "B"), "x" * 3000):
        browser = here.anonymous()
        browser.cookies.set(COOKIE, value)
        assert (await browser.get("/api/v1/cameras")).status_code == 401
    await here.engines.database.execute("update api_token set expires = now() where id = $1", token["id"])
    program.headers["Authorization"] = f"Bearer {token['token']}"
    assert (await program.get("/api/v1/cameras")).status_code == 401
    after = len(await _entries(here, "token:use", "refused")), len(await _entries(here, "session:use", "refused"))
    assert (after[0] - before[0], after[1] - before[1]) == (5, 2)


async def test_whoever_tries_tokens_is_slowed_and_does_not_fill_the_log(here: World) -> None:
    program = here.anonymous()
    program.headers["Authorization"] = "Bearer khue_guess"
    answers = [(await program.get("/api/v1/cameras")).status_code for _ in range(70)]
    assert answers[0] == 401
    assert 429 in answers
    assert answers.count(401) < 70
    admin = await here.client()  # one who is known is not held up
    made = (await admin.post("/api/v1/tokens", json={"name": "known"})).json()
    program.headers["Authorization"] = f"Bearer {made['token']}"
    assert (await program.get("/api/v1/cameras")).status_code == 200
    await here.engines.database.execute("delete from login_throttle")


async def test_passwords_tried_side_by_side_are_slowed_too(here: World) -> None:
    await _account(here, "storm")
    client = here.anonymous()

    async def guess(number: int) -> int:
        reply = await client.post("/api/v1/session", json={"username": "storm", "password": f"wrong {number}"})
        return reply.status_code

    answers = await asyncio.gather(*(guess(number) for number in range(30)))
    assert answers.count(401) <= 8
    assert answers.count(429) >= 22
    await here.engines.database.execute("delete from login_throttle")


async def _grants(here: World, client: httpx.AsyncClient) -> list[str]:
    account = (await client.get("/api/v1/session")).json()["account"]["id"]
    rows = await here.engines.database.fetch("select (holds).id as id from standing($1, now(), null)", account)
    return [row["id"] for row in rows]


async def test_a_token_is_held_to_grants_its_maker_holds(here: World) -> None:
    admin = await here.client()
    unit = (await admin.get("/api/v1/registry/units")).json()["items"][0]["code"]
    agency = {"name": "Sở thử nghiệm", "kind": "department"}
    owner = (await admin.post("/api/v1/registry/agencies", json=agency)).json()["id"]
    made = {
        "username": "maker",
        "password": PASSWORD,
        "role": "operator",
        "units": [unit],
        "agencies": [owner],
    }
    assert (await admin.post("/api/v1/accounts", json=made)).status_code == 201
    maker, other = await here.client("maker", PASSWORD), await _account(here, "someone", "operator")
    first, second = await _grants(here, maker)
    foreign = (await _grants(here, other))[0]
    for refused in ([foreign], [first, foreign], ["no such grant"], []):
        reply = await maker.post("/api/v1/tokens", json={"name": "held", "grants": refused})
        assert reply.status_code == 400, refused
    made = (await maker.post("/api/v1/tokens", json={"name": "held", "grants": [first]})).json()
    assert made["grants"] == [first]
    program = here.anonymous()
    program.headers["Authorization"] = f"Bearer {made['token']}"
    assert (await program.get("/api/v1/session")).status_code == 200
    listed = {item["name"]: item for item in (await maker.get("/api/v1/tokens")).json()["items"]}
    assert listed["held"]["grants"] == [first]
    assert listed["held"]["last_used"] is not None
    child = (await program.post("/api/v1/tokens", json={"name": "child"})).json()
    assert child["grants"] == [first]  # never more than it has itself
    for wider in ([second], [first, second]):
        reply = await program.post("/api/v1/tokens", json={"name": "wider", "grants": wider})
        assert reply.status_code == 400


async def test_a_token_held_to_a_grant_that_is_over_reaches_nothing(here: World) -> None:
    client = await _account(here, "revoked", "operator")
    own = await _grants(here, client)
    made = (await client.post("/api/v1/tokens", json={"name": "held", "grants": own})).json()
    program = here.anonymous()
    program.headers["Authorization"] = f"Bearer {made['token']}"
    assert (await program.post("/api/v1/cameras", json={"name": "x", "url": "rtsp://192.0.2.1/"})).status_code == 201
    await here.engines.database.execute(
        "update access_grant set revoked = now(), revoked_by = 'test', revoked_reason = 'test' where id = any($1)", own
    )
    reply = await program.post("/api/v1/cameras", json={"name": "y", "url": "rtsp://192.0.2.1/"})
    assert reply.status_code == 403
    assert (await program.get("/api/v1/cameras")).status_code == 403


async def test_the_regulation_says_which_passwords_are_taken(here: World) -> None:
    admin = await here.client()
    client = await _account(here, "rules")
    async with _regulation(here, min_length=13, banned=["thủ đô"], history=2):
        for bad in ("not enough 1", "Thủ-Đô-2026-2027-2028"):
            made = {"username": "new", "password": bad, "role": "viewer"}
            assert (await admin.post("/api/v1/accounts", json=made)).status_code == 400, bad
            reply = await client.post("/api/v1/session/password", json={"old": PASSWORD, "new": bad})
            assert reply.status_code == 400, bad
        present = PASSWORD
        for new in ("một con vịt xoè ra", "hai cái cánh nó kêu", "ba cạp cạp gặp hồ nước"):
            reply = await client.post("/api/v1/session/password", json={"old": present, "new": new})
            assert reply.status_code == 204, reply.text
            present = new
        for earlier in (present, "hai cái cánh nó kêu", "một con vịt xoè ra"):
            reply = await client.post("/api/v1/session/password", json={"old": present, "new": earlier})
            assert (reply.status_code, "take another one" in reply.text) == (400, True), earlier
        oldest = {"old": present, "new": PASSWORD}
        assert (await client.post("/api/v1/session/password", json=oldest)).status_code == 204


async def test_a_password_that_is_too_old_comes_before_anything_else(here: World) -> None:
    client = await _account(here, "aged")
    database = here.engines.database
    await database.execute("update account set password_changed = now() - interval '100 days' where username = 'aged'")
    async with _regulation(here, max_age_days=90):
        held = await here.client("aged", PASSWORD)
        assert (await held.get("/api/v1/cameras")).status_code == 403
        mine = (await held.get("/api/v1/me")).json()
        assert (mine["must"], mine["held"]) == (["password"], True)
        change = {"old": PASSWORD, "new": "another long one 2"}
        assert (await held.post("/api/v1/session/password", json=change)).status_code == 204
        assert (await held.get("/api/v1/cameras")).status_code == 200
        assert (await held.get("/api/v1/me")).json()["must"] == []
    assert not await _works(client)  # a new password ends the other sign-ins


async def test_who_needs_a_second_factor_sets_one_up_first(here: World) -> None:
    await _account(here, "operator", "operator")
    await _account(here, "viewer", "viewer")
    for needs in (["operator"], ["manage"]):  # a kind of post, or a right
        async with _regulation(here, second_factor_for=needs, second_factor_grace_days=0):
            free = await here.client("viewer", PASSWORD)
            assert (await free.get("/api/v1/me")).json()["must"] == []
            held = await here.client("operator", PASSWORD)
            assert (await held.get("/api/v1/cameras")).status_code == 403
            mine = (await held.get("/api/v1/me")).json()
            assert (mine["must"], mine["held"]) == (["second"], True)
    async with _regulation(here, second_factor_for=["operator"], second_factor_grace_days=7):
        soon = await here.client("operator", PASSWORD)
        assert (await soon.get("/api/v1/cameras")).status_code == 200
        mine = (await soon.get("/api/v1/me")).json()
        assert (mine["must"], mine["held"]) == (["second"], False)


NOTHING = ("%00", "%F0%9F%90%98", "..%2f..", "'%20or%20''='", "x" * 3000)


async def test_ids_that_are_none_break_nothing(here: World) -> None:
    admin = await here.client()
    for value in NOTHING:
        for method, path in (
            ("DELETE", f"/api/v1/me/sessions/{value}"),
            ("DELETE", f"/api/v1/me/passkeys/{value}"),
            ("DELETE", f"/api/v1/tokens/{value}"),
            ("GET", f"/api/v1/accounts/{value}/sessions"),
            ("DELETE", f"/api/v1/accounts/{value}/sessions"),
            ("DELETE", f"/api/v1/accounts/{value}/sessions/{value}"),
            ("DELETE", f"/api/v1/accounts/{value}/factors"),
        ):
            reply = await admin.request(method, path)
            assert reply.status_code in (400, 404, 405), (method, path, reply.text)


async def test_texts_that_are_none_break_nothing(here: World) -> None:
    admin = await here.client()
    for text in ("\0", "a\0b", "'; drop table session; --", "\u202e", "\U0001f418" * 50):
        for path, body in (
            ("/session", {"username": text, "password": text}),
            ("/session/second", {"ticket": text, "totp": text}),
            ("/session/second", {"ticket": text, "recovery": text}),
            ("/session/passkey", {"ticket": text, "credential": {text: text}}),
            ("/tokens", {"name": text, "grants": [text]}),
            ("/tokens", {"name": text}),
            ("/me/totp/confirm", {"code": text}),
            ("/me/passkeys", {"name": text, "credential": {}}),
            ("/session/password", {"old": text, "new": text}),
            ("/accounts", {"username": text, "password": text, "role": "viewer", "display_name": text}),
        ):
            reply = await admin.post(f"/api/v1{path}", json=body)
            assert reply.status_code < 500, (path, text, reply.text)
        await here.engines.database.execute("delete from login_throttle")
    assert await _works(admin)


async def test_rules_that_make_no_sense_do_not_lock_everybody_out(here: World) -> None:
    async with _regulation(here, min_length="many", max_age_days=[]):
        assert (await here.client()).cookies


async def test_a_socket_ends_with_its_sign_in(here: World) -> None:
    client = await _account(here, "socket")
    socket = await here.socket("/api/v1/events", client)
    other = await here.client("socket", PASSWORD)
    await other.delete("/api/v1/me/sessions")

    async def ended() -> bool:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(0.05):
                await socket.recv()
        return socket.close_code is not None

    await until(ended)
    assert socket.close_code == 4401


async def test_what_one_is_shows_one_s_posts(here: World) -> None:
    client = await _account(here, "officer", "member")
    account = (await client.get("/api/v1/session")).json()["account"]["id"]
    database = here.engines.database
    await database.execute(
        "insert into agency (id, name, kind, search) values ('ca-test', 'Công an thử', 'police', 'cong an thu')"
    )
    for post, days in (("desk-now", 7), ("desk-over", -1)):
        await database.execute(
            "insert into post (id, agency, kind, title) values ($1, 'ca-test', 'ward_police', 'Cảnh sát khu vực')", post
        )
        await database.execute(
            "insert into tenure (account, post, valid_from, valid_to, basis, given_by) "
            "values ($1, $2, now() - interval '9 days', now() + make_interval(days => $3), 'QĐ 1', 'test')",
            *(account, post, days),
        )
    mine = (await client.get("/api/v1/me")).json()
    assert [(post["id"], post["agency_name"], post["kind"]) for post in mine["posts"]] == [
        ("desk-now", "Công an thử", "ward_police")
    ]
    assert mine["account"]["username"] == "officer"
