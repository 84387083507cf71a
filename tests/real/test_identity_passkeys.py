"""Passkeys against a software authenticator that can lie: what is right gets in, whatever else does not and is in the log."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from centre_world import World, world
from software_authenticator import UP, Authenticator, b64

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSWORD = "long enough 1"
Changed = Callable[[Authenticator, dict[str, Any]], dict[str, Any]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


def _url(here: World) -> str:
    """By its name: authenticators know no addresses."""
    return here.centre.url.replace("127.0.0.1", "localhost")


async def _person(here: World, username: str) -> tuple[httpx.AsyncClient, Authenticator]:
    """Signed in by password, with an authenticator that is not enrolled."""
    admin = await here.client()
    made = {"username": username, "password": PASSWORD, "role": "viewer"}
    assert (await admin.post("/api/v1/accounts", json=made)).status_code == 201
    return await here.client(username, PASSWORD, _url(here)), Authenticator(_url(here))


async def _enrol(client: httpx.AsyncClient, key: Authenticator, name: str = "my phone") -> httpx.Response:
    options = (await client.post("/api/v1/me/passkeys/options")).json()["options"]
    return await client.post("/api/v1/me/passkeys", json={"name": name, "credential": key.create(options)})


async def _enrolled(here: World, username: str) -> tuple[httpx.AsyncClient, Authenticator]:
    client, key = await _person(here, username)
    reply = await _enrol(client, key)
    assert reply.status_code == 201, reply.text
    return client, key


async def _ask(here: World) -> tuple[httpx.AsyncClient, dict[str, Any]]:
    client = here.anonymous(_url(here))
    return client, (await client.post("/api/v1/session/passkey/options", json={})).json()


async def _alone(here: World, key: Authenticator) -> httpx.Response:
    client, asked = await _ask(here)
    body = {"ticket": asked["ticket"], "credential": key.get(asked["options"])}
    return await client.post("/api/v1/session/passkey", json=body)


async def _why(here: World) -> str:
    row = await here.engines.database.fetchrow(
        "select detail from audit_entry where action = 'session:create' and outcome = 'refused' order by seq desc limit 1"
    )
    assert row is not None
    return str(row["detail"])


async def test_a_passkey_signs_in_alone(here: World) -> None:
    client, key = await _enrolled(here, "alone")
    for _ in range(2):
        reply = await _alone(here, key)
        assert (reply.status_code, reply.json()["account"]["username"]) == (200, "alone")
        assert "khue_session=" in reply.headers["set-cookie"]
    listed = (await client.get("/api/v1/me")).json()["passkeys"]
    assert [(item["name"], item["last_used"] is not None) for item in listed] == [("my phone", True)]
    methods = [item["method"] for item in (await client.get("/api/v1/me/sessions")).json()["items"]]
    assert sorted(methods) == ["passkey", "passkey", "password"]


async def test_a_passkey_comes_after_the_password(here: World) -> None:
    _, key = await _enrolled(here, "second")
    client = here.anonymous(_url(here))
    half = (await client.post("/api/v1/session", json={"username": "second", "password": PASSWORD})).json()
    assert half["second"] == ["passkey"]
    assert [item["id"] for item in half["options"]["allowCredentials"]] == [b64(key.id)]
    body = {"ticket": half["ticket"], "passkey": key.get(half["options"])}
    assert (await client.post("/api/v1/session/second", json=body)).status_code == 200
    assert (await client.get("/api/v1/session")).json()["account"]["username"] == "second"


async def test_at_the_second_step_a_challenge_is_answered_once_and_by_its_own_person(here: World) -> None:
    _, mine = await _enrolled(here, "mine")
    _, other = await _enrolled(here, "theirs")
    client = here.anonymous(_url(here))
    half = (await client.post("/api/v1/session", json={"username": "mine", "password": PASSWORD})).json()
    wrong = {"ticket": half["ticket"], "passkey": other.get(half["options"])}
    assert (await client.post("/api/v1/session/second", json=wrong)).status_code == 401
    assert "another account" in await _why(here)
    right = {"ticket": half["ticket"], "passkey": mine.get(half["options"])}
    assert (await client.post("/api/v1/session/second", json=right)).status_code == 401
    assert "answered already" in await _why(here)


async def test_a_removed_passkey_signs_nobody_in(here: World) -> None:
    client, key = await _enrolled(here, "removed")
    listed = (await client.get("/api/v1/me")).json()["passkeys"]
    stranger, _ = await _person(here, "stranger")
    url = f"/api/v1/me/passkeys/{listed[0]['id']}"
    assert (await stranger.delete(url)).status_code == 404
    assert (await client.delete(url)).status_code == 204
    assert (await _alone(here, key)).status_code == 401
    assert "unknown passkey" in await _why(here)
    assert (await here.client("removed", PASSWORD)).cookies


async def test_a_disabled_account_s_passkey_signs_nobody_in(here: World) -> None:
    client, key = await _enrolled(here, "leaver")
    mine = (await client.get("/api/v1/session")).json()["account"]["id"]
    admin = await here.client()
    assert (await admin.patch(f"/api/v1/accounts/{mine}", json={"disabled": True})).status_code == 200
    assert (await _alone(here, key)).status_code == 401


def _other_origin(key: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    key.origin = "https://khue.example"
    return key.get(options)


def _other_site(key: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    key.rp_id = "khue.example"
    return key.get(options)


def _nobody_known(key: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    key.flags = UP
    return key.get(options)


def _nobody_there(key: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    key.flags = 0
    return key.get(options)


def _counter_back(key: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    key.counter = 0
    return key.get(options)


def _other_key(key: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    forger = Authenticator(key.origin)
    forger.id, forger.handle, forger.counter = key.id, key.handle, 100
    return forger.get(options)


def _unknown(key: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    return Authenticator(key.origin).get(options)


def _other_handle(key: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    key.handle = b"somebody else"
    return key.get(options)


def _own_challenge(key: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    return key.get({**options, "challenge": b64(b"a challenge of one's own choice")})


def _creation(key: Authenticator, options: dict[str, Any]) -> dict[str, Any]:
    user = {"id": b64(key.handle)}
    return key.create({"rp": {"id": options["rpId"]}, "user": user, "challenge": options["challenge"]})


LIES: dict[str, Changed] = {
    "origin": _other_origin,
    "RP ID": _other_site,
    "not verified": _nobody_known,
    "not present": _nobody_there,
    "sign count": _counter_back,
    "signature": _other_key,
    "unknown passkey": _unknown,
    "names another account": _other_handle,
    "challenge": _own_challenge,
    "not accepted": _creation,
}


@pytest.mark.parametrize("why", LIES)
async def test_lies_are_refused_and_told_apart_only_in_the_log(here: World, why: str) -> None:
    _, key = await _enrolled(here, f"lie-{why.replace(' ', '-').lower()}")
    assert (await _alone(here, key)).status_code == 200
    client, asked = await _ask(here)
    body = {"ticket": asked["ticket"], "credential": LIES[why](copy.copy(key), asked["options"])}
    reply = await client.post("/api/v1/session/passkey", json=body)
    assert reply.status_code == 401, why
    assert reply.json()["error"]["message"] == "the passkey was not accepted; begin the sign-in anew"
    assert "set-cookie" not in reply.headers
    assert why.casefold() in (await _why(here)).casefold()


async def test_an_answer_is_good_once(here: World) -> None:
    _, key = await _enrolled(here, "again")
    client, asked = await _ask(here)
    body = {"ticket": asked["ticket"], "credential": key.get(asked["options"])}
    replies = await asyncio.gather(*(client.post("/api/v1/session/passkey", json=body) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 401, 401, 401]
    other, fresh = await _ask(here)
    replayed = {"ticket": fresh["ticket"], "credential": body["credential"]}
    assert (await other.post("/api/v1/session/passkey", json=replayed)).status_code == 401
    assert "challenge" in await _why(here)


async def test_a_challenge_is_good_for_minutes_and_one_address(here: World) -> None:
    _, key = await _enrolled(here, "late")
    for change in ("expires = now()", "address = '192.0.2.5'"):
        client, asked = await _ask(here)
        await here.engines.database.execute(f"update ticket set {change}")
        body = {"ticket": asked["ticket"], "credential": key.get(asked["options"])}
        assert (await client.post("/api/v1/session/passkey", json=body)).status_code == 401
    row = await here.engines.database.fetchrow("select max(expires - now()) as left from ticket")
    assert row is not None
    assert row["left"] is None or row["left"].total_seconds() <= 300


async def test_what_is_enrolled_is_what_was_asked_for(here: World) -> None:
    client, key = await _person(here, "enroller")
    stranger, _ = await _person(here, "bystander")
    options = (await client.post("/api/v1/me/passkeys/options")).json()["options"]
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    good = key.create(options)
    body = {"name": "key", "credential": good}
    assert (await stranger.post("/api/v1/me/passkeys", json=body)).status_code == 400  # of somebody else's page
    assert (await client.post("/api/v1/me/passkeys", json=body)).status_code == 400  # and spent by that
    for lie in ({"origin": "https://khue.example"}, {"rp_id": "khue.example"}, {"flags": UP}):
        liar = Authenticator(_url(here))
        for name, value in lie.items():
            setattr(liar, name, value)
        assert (await _enrol(client, liar)).status_code == 400, lie
    assert (await _enrol(client, key)).status_code == 201
    options = (await client.post("/api/v1/me/passkeys/options")).json()["options"]
    assert [item["id"] for item in options["excludeCredentials"]] == [b64(key.id)]
    again = await stranger.post("/api/v1/me/passkeys/options")
    taken = {"name": "key", "credential": key.create(again.json()["options"])}
    assert (await stranger.post("/api/v1/me/passkeys", json=taken)).status_code == 409


HOSTILE: tuple[Any, ...] = (
    {},
    {"response": {}},
    {"response": []},
    {"response": {"clientDataJSON": "!!"}},
    {"response": {"clientDataJSON": b64(b"[]")}},
    {"response": {"clientDataJSON": b64(b'{"challenge": 7}')}},
    {"id": 1, "rawId": 2, "type": [], "response": {"clientDataJSON": b64(b"{}"), "attestationObject": b64(b"\xa1")}},
    {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "AA", "authenticatorData": "AA"}},
    {"id": "\0", "rawId": "\0", "type": "public-key", "response": None},
)


@pytest.mark.parametrize("credential", HOSTILE, ids=str)
async def test_what_no_authenticator_says_is_refused_and_breaks_nothing(here: World, credential: Any) -> None:
    client, asked = await _ask(here)
    alone = {"ticket": asked["ticket"], "credential": credential}
    assert (await client.post("/api/v1/session/passkey", json=alone)).status_code in (400, 401)
    admin = await here.client(url=_url(here))
    assert (await admin.post("/api/v1/me/passkeys", json={"name": "x", "credential": credential})).status_code == 400


async def test_truncated_and_turned_answers_are_refused(here: World) -> None:
    _, key = await _enrolled(here, "mangled")
    for field in ("authenticatorData", "signature", "clientDataJSON"):
        for change in (lambda text: text[:10], lambda text: "", lambda text: text[:-4] + "AAAA", lambda text: text * 2):
            client, asked = await _ask(here)
            credential = key.get(asked["options"])
            credential["response"][field] = change(credential["response"][field])
            body = {"ticket": asked["ticket"], "credential": credential}
            reply = await client.post("/api/v1/session/passkey", json=body)
            assert reply.status_code in (401, 429), (field, reply.text)
            await here.engines.database.execute("delete from login_throttle")


async def test_by_an_address_there_are_no_passkeys_and_the_words_say_why(here: World) -> None:
    client = here.anonymous()
    reply = await client.post("/api/v1/session/passkey/options", json={})
    assert reply.status_code == 400
    assert "localhost" in reply.json()["error"]["message"]


async def test_one_address_may_not_fill_the_table(here: World) -> None:
    await here.engines.database.execute(
        "insert into ticket (token_hash, kind, address, expires) "
        "select sha256(n::text::bytea), 'passkey', '127.0.0.1', now() + interval '5 min' from generate_series(1, 300) n"
    )
    client = here.anonymous(_url(here))
    assert (await client.post("/api/v1/session/passkey/options", json={})).status_code == 429
    await here.engines.database.execute("update ticket set expires = now() - interval '1 s'")
    assert (await client.post("/api/v1/session/passkey/options", json={})).status_code == 200
    row = await here.engines.database.fetchrow("select count(*) as n from ticket")
    assert row is not None
    assert row["n"] < 3
