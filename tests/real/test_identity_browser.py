"""Passkeys in a real browser: Chromium's own authenticator signs what the centre asks, under the console's own origin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from centre_world import World, world
from console_world import ARGUMENTS, CHROMIUM
from playwright.async_api import BrowserContext, CDPSession, Page, async_playwright

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSWORD = "long enough 1"
# What the console does, and nothing more: our answers into the browser's own parsers, its answers back as they are.
ASK = """async ([method, path, body]) => {
  const reply = await fetch('/api/v1' + path, {
    method, headers: { 'Content-Type': 'application/json', 'X-Khue': '1' }, body: body === null ? null : JSON.stringify(body)
  });
  const text = await reply.text();
  return { status: reply.status, body: text ? JSON.parse(text) : null };
}"""
CREATE = """async options => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  try { return (await navigator.credentials.create({ publicKey })).toJSON(); } catch (error) { return { error: error.name }; }
}"""
GET = """async options => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  try { return (await navigator.credentials.get({ publicKey })).toJSON(); } catch (error) { return { error: error.name }; }
}"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def profile(here: World) -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield await browser.new_context()
        await browser.close()


class Desk:
    """A page of the centre with an authenticator beside it."""

    def __init__(self, page: Page, tools: CDPSession, authenticator: str) -> None:
        self.page = page
        self.tools = tools
        self.authenticator = authenticator

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        reply = await self.page.evaluate(ASK, [method, path, body])
        assert reply["status"] < 300, reply
        return reply["body"]

    async def create(self, options: dict[str, Any]) -> dict[str, Any]:
        return dict(await self.page.evaluate(CREATE, options))

    async def get(self, options: dict[str, Any]) -> dict[str, Any]:
        return dict(await self.page.evaluate(GET, options))

    async def verifies(self, person: bool) -> None:
        """Whether the authenticator recognises its person from now on."""
        about = {"authenticatorId": self.authenticator, "isUserVerified": person}
        await self.tools.send("WebAuthn.setUserVerified", about)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(here: World, profile: BrowserContext) -> AsyncIterator[Desk]:
    page = await profile.new_page()
    await page.goto(here.centre.url.replace("127.0.0.1", "localhost") + "/api/v1/health")
    tools = await profile.new_cdp_session(page)
    await tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = await tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield Desk(page, tools, made["authenticatorId"])
    await page.close()
    await profile.clear_cookies()


async def _account(here: World, username: str) -> None:
    admin = await here.client()
    made = {"username": username, "password": PASSWORD, "role": "viewer"}
    assert (await admin.post("/api/v1/accounts", json=made)).status_code == 201


async def _enrol(desk: Desk, username: str) -> dict[str, Any]:
    await desk.ask("POST", "/session", {"username": username, "password": PASSWORD})
    options = (await desk.ask("POST", "/me/passkeys/options"))["options"]
    credential = await desk.create(options)
    return dict(await desk.ask("POST", "/me/passkeys", {"name": "this computer", "credential": credential}))


async def test_a_browser_s_passkey_signs_in_alone_without_a_name(here: World, desk: Desk) -> None:
    await _account(here, "lan")
    await _enrol(desk, "lan")
    await desk.ask("DELETE", "/session")
    for _ in range(2):
        asked = await desk.ask("POST", "/session/passkey/options", {})
        credential = await desk.get(asked["options"])
        done = await desk.ask("POST", "/session/passkey", {"ticket": asked["ticket"], "credential": credential})
        assert done["account"]["username"] == "lan"
    sessions = (await desk.ask("GET", "/me/sessions"))["items"]
    assert [item["method"] for item in sessions if item["current"]] == ["passkey"]


async def test_a_browser_s_passkey_comes_after_the_password(here: World, desk: Desk) -> None:
    await _account(here, "minh")
    await _enrol(desk, "minh")
    await desk.ask("DELETE", "/session")
    half = await desk.ask("POST", "/session", {"username": "minh", "password": PASSWORD})
    assert half["second"] == ["passkey"]
    credential = await desk.get(half["options"])
    done = await desk.ask("POST", "/session/second", {"ticket": half["ticket"], "passkey": credential})
    assert done["account"]["username"] == "minh"
    assert (await desk.ask("GET", "/me"))["account"]["username"] == "minh"


async def test_one_authenticator_holds_one_passkey_of_an_account(here: World, desk: Desk) -> None:
    await _account(here, "hoa")
    await _enrol(desk, "hoa")
    options = (await desk.ask("POST", "/me/passkeys/options"))["options"]
    assert await desk.create(options) == {"error": "InvalidStateError"}


async def test_an_authenticator_that_does_not_know_its_person_gives_nothing(here: World, desk: Desk) -> None:
    await _account(here, "nam")
    await _enrol(desk, "nam")
    await desk.verifies(False)
    asked = await desk.ask("POST", "/session/passkey/options", {})
    assert await desk.get(asked["options"]) == {"error": "NotAllowedError"}


async def test_a_copied_key_is_found_out_by_its_counter(here: World, desk: Desk) -> None:
    """The same key in a second authenticator, where it was used less often."""
    await _account(here, "copy")
    await _enrol(desk, "copy")
    about = {"authenticatorId": desk.authenticator}
    credential = (await desk.tools.send("WebAuthn.getCredentials", about))["credentials"][0]
    asked = await desk.ask("POST", "/session/passkey/options", {})
    used = {"ticket": asked["ticket"], "credential": await desk.get(asked["options"])}
    await desk.ask("POST", "/session/passkey", used)
    await desk.tools.send("WebAuthn.clearCredentials", about)
    await desk.tools.send("WebAuthn.addCredential", {**about, "credential": credential})
    asked = await desk.ask("POST", "/session/passkey/options", {})
    replayed = {"ticket": asked["ticket"], "credential": await desk.get(asked["options"])}
    reply = await desk.page.evaluate(ASK, ["POST", "/session/passkey", replayed])
    assert reply["status"] == 401
