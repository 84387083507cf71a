"""Signing in at a certified provider: who gets which account, and what happens when keys, accounts or people change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from centre_world import World
from oidc_world import Peer, at_provider, callback, oidc_world, peer, told

from khue.centre.config import OidcConfig

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSWORD = "một câu đủ dài để nhớ 7"


@pytest.fixture(scope="module")
def provider() -> Iterator[Peer]:
    with peer() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(provider: Peer) -> AsyncIterator[World]:
    known = OidcConfig(id="city", name="Thành phố", issuer=provider.issuer, client_id="khue")
    makes = OidcConfig(id="open", name="Open", issuer=provider.issuer, client_id="khue", create=True)
    named = OidcConfig(id="named", name="Named", issuer=provider.issuer, client_id="khue", claim="preferred_username")
    async with oidc_world(known, makes, named) as made:
        provider.begin([callback(made, one) for one in ("city", "open", "named")])
        yield made


async def _account(here: World, username: str, **more: object) -> dict[str, Any]:
    admin = await here.client()
    body = {"username": username, "password": PASSWORD, "role": "viewer", **more}
    reply = await admin.post("/api/v1/accounts", json=body)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def _sign_in(
    here: World, login: str, provider: str = "city", **query: str
) -> tuple[httpx.AsyncClient, httpx.Response]:
    browser = here.anonymous()
    start = str(httpx.URL(f"/api/v1/session/oidc/{provider}/start", params=query))
    back = await at_provider(browser, login, start)
    return browser, await browser.get(back)


async def _refusals(here: World) -> list[tuple[str, str]]:
    rows = await here.engines.database.fetch(
        "select username, detail from audit_entry where outcome = 'refused' order by seq"
    )
    return [(row["username"], row["detail"]) for row in rows]


async def test_the_sign_in_page_lists_providers(here: World) -> None:
    found = (await here.anonymous().get("/api/v1/session/oidc")).json()["providers"]
    assert found[0] == {"id": "city", "name": "Thành phố"}
    assert (await here.anonymous().get("/api/v1/session/oidc/nowhere/start")).status_code == 404
    assert (await here.anonymous().get("/api/v1/session/oidc/nowhere/callback")).status_code == 404


async def test_a_person_gets_the_account_with_the_address_the_provider_verified(here: World) -> None:
    account = await _account(here, "lan@city.example")
    browser, answer = await _sign_in(here, "lan", return_to="#/grants?who=1")
    assert answer.headers["location"] == "/#/grants?who=1"
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("khue_session="))
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    assert (await browser.get("/api/v1/session")).json()["account"]["id"] == account["id"]
    sessions = (await browser.get("/api/v1/me/sessions")).json()["items"]
    assert [one["method"] for one in sessions if one["current"]] == ["oidc"]
    again, _ = await _sign_in(here, "lan")
    assert (await again.get("/api/v1/session")).json()["account"]["id"] == account["id"]
    admin = await here.client()
    links = (await admin.get(f"/api/v1/accounts/{account['id']}/oidc")).json()["items"]
    assert [one["subject"] for one in links] == ["lan"]


async def test_an_account_that_was_renamed_stays_its_person_s(here: World) -> None:
    """Who signs in is who the provider says by its own id; a name counts once."""
    account = await _account(here, "boss@city.example")
    await _sign_in(here, "boss")
    await here.engines.database.execute("update account set username = 'another' where id = $1", account["id"])
    await _account(here, "boss@city.example", display_name="a newcomer with the address")
    browser, _ = await _sign_in(here, "boss")
    assert (await browser.get("/api/v1/session")).json()["account"]["id"] == account["id"]


async def test_an_account_belongs_to_one_person_at_a_provider(here: World) -> None:
    """``boss`` calls itself admin; the account of that name is taken by the person whose it is."""
    browser, answer = await _sign_in(here, "boss", "named")
    assert told(answer) == "", "linked already, by the same issuer and subject: nothing is looked up by name"
    assert (await browser.get("/api/v1/session")).json()["account"]["username"] == "another"


async def test_an_address_nobody_verified_is_nobody_s(here: World) -> None:
    await _account(here, "minh@city.example")
    _, answer = await _sign_in(here, "minh")
    assert told(answer) == "unknown"
    assert ("oidc city", "the provider does not vouch for a email of this person") in await _refusals(here)


async def test_people_without_an_account_become_members_without_rights_where_that_is_wished(here: World) -> None:
    await here.engines.database.execute("delete from oidc_link")
    await here.engines.database.execute("update account set username = 'x' || id where username like '%@city.example'")
    browser, answer = await _sign_in(here, "lan")
    assert told(answer) == "unknown"
    assert (await browser.get("/api/v1/session")).status_code == 401
    browser, answer = await _sign_in(here, "lan", "open")
    assert told(answer) == ""
    account = (await browser.get("/api/v1/session")).json()["account"]
    assert (account["username"], account["role"], account["display_name"]) == (
        "lan@city.example",
        "member",
        "Nguyễn Thị Lan",
    )
    assert (await browser.get("/api/v1/accounts")).status_code == 403
    assert (await browser.get("/api/v1/nodes")).status_code == 403
    cameras = await browser.get("/api/v1/cameras")
    assert cameras.status_code == 403 or cameras.json()["items"] == []
    guess = {"username": "lan@city.example", "password": ""}
    assert (await here.anonymous().post("/api/v1/session", json=guess)).status_code == 401


async def test_a_disabled_account_stays_disabled(here: World) -> None:
    await here.engines.database.execute("update account set disabled = true where username = 'lan@city.example'")
    for provider in ("city", "open"):
        _, answer = await _sign_in(here, "lan", provider)
        assert told(answer) == "disabled"
    await here.engines.database.execute("delete from oidc_link")
    _, answer = await _sign_in(here, "lan", "open")
    assert told(answer) == "disabled", "nobody gets a second account beside the one that was taken away"
    await here.engines.database.execute("update account set disabled = false")


async def test_keys_are_changed_without_a_restart(here: World, provider: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("khue.centre.identity.oidc_provider._KEYS_PAUSE_S", 0.0)
    back = [callback(here, one) for one in ("city", "open", "named")]
    _, answer = await _sign_in(here, "lan", "open")
    assert told(answer) == ""
    for keys, algorithm in ((2, "RS256"), (3, "ES256")):
        provider.begin(back, keys=keys, id_token_signed_response_alg=algorithm)
        _, answer = await _sign_in(here, "lan", "open")
        assert told(answer) == "", algorithm
    provider.begin(back)


async def test_somebody_who_changes_their_mind_is_told_so(here: World) -> None:
    browser = here.anonymous()
    start = await browser.get("/api/v1/session/oidc/city/start")
    asked = parse_qs(urlsplit(start.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert set(asked["scope"][0].split()) == {"openid", "profile", "email"}
    query = {"state": asked["state"][0], "error": "access_denied"}
    assert (
        told(await browser.get("/api/v1/session/oidc/city/callback", params={**query, "iss": "https://other"}))
        == "token"
    )
    start = await browser.get("/api/v1/session/oidc/city/start")
    query["state"] = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
    metadata = httpx.get(f"{_issuer(start)}/.well-known/openid-configuration", trust_env=False).json()
    query["iss"] = metadata["issuer"]
    assert told(await browser.get("/api/v1/session/oidc/city/callback", params=query)) == "cancelled"


def _issuer(start: httpx.Response) -> str:
    parts = urlsplit(start.headers["location"])
    return f"{parts.scheme}://{parts.netloc}"


async def test_a_code_of_another_browser_is_worth_nothing(here: World) -> None:
    """An attacker's code in a victim's sign-in, and an attacker's whole answer in a victim's browser."""
    attacker, victim = here.anonymous(), here.anonymous()
    back = await at_provider(attacker, "lan", "/api/v1/session/oidc/open/start")
    assert told(await victim.get(back)) == "browser"
    assert told(await attacker.get(back)) == "ended", "it counts once, whoever brings it"

    back = await at_provider(attacker, "lan", "/api/v1/session/oidc/open/start")
    code = parse_qs(urlsplit(back).query)["code"][0]
    start = await victim.get("/api/v1/session/oidc/open/start")
    state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
    query = {"code": code, "state": state, "iss": _issuer(start)}
    assert told(await victim.get("/api/v1/session/oidc/open/callback", params=query)) == "token", "PKCE"
    assert (await victim.get("/api/v1/session")).status_code == 401


async def test_a_provider_that_is_away_is_said_to_be(here: World, provider: Peer) -> None:
    away = here.anonymous()
    start = await away.get("/api/v1/session/oidc/city/start")
    assert start.status_code == 302
    provider.stop()
    state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
    query = {"code": "x", "state": state, "iss": provider.issuer}
    assert told(await away.get("/api/v1/session/oidc/city/callback", params=query)) == "provider"
