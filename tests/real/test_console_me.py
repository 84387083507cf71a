"""One's own account in a real Chromium: passkeys of its virtual authenticator, codes, sessions, password, tokens."""

from __future__ import annotations

import base64
import contextlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from centre_world import world as bare_world
from console_world import CHROMIUM, until
from fleet_console_world import FleetWorld, watched
from playwright.sync_api import Locator, Page, expect

from khue.centre.console import DIST
from khue.centre.identity.totp import code_at

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="needs Debian's chromium"),
    pytest.mark.skipif(not (DIST / "index.html").is_file(), reason="the console is not built: make console"),
]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
SECRET = "hoa sen nở tháng sáu"


@pytest.fixture(scope="module")
def world() -> Iterator[FleetWorld]:
    with watched(bare_world) as made:
        yield made


@pytest.fixture
def officer(world: FleetWorld, request: pytest.FixtureRequest) -> str:
    """The name of an account of its own for each test."""
    name = request.node.name.removeprefix("test_")[:40].replace("_", "-")
    admin = world.call(world.world.client())
    account = {"username": name, "password": SECRET, "role": "operator", "display_name": "Trần Thị Hoa"}
    reply = world.call(admin.post("/api/v1/accounts", json=account))
    assert reply.status_code == 201, reply.text
    return name


@contextlib.contextmanager
def visit(world: FleetWorld, *, key: bool = False, **context: Any) -> Iterator[Page]:
    """A page in front of the sign-in, by a name: passkeys know no addresses of numbers. ``key``: an authenticator is in."""
    with world.browser.new_context(locale="en-GB", **context) as profile:
        page = profile.new_page()
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        if key:
            devtools = profile.new_cdp_session(page)
            devtools.send("WebAuthn.enable", {"enableUI": False})
            options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "isUserVerified": True}
            options |= {"hasUserVerification": True, "automaticPresenceSimulation": True}
            devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.goto(f"{console(world)}/#/me")
        yield page
        assert failures == []


def console(world: FleetWorld) -> str:
    return world.world.centre.url.replace("127.0.0.1", "localhost")


def give_password(page: Page, username: str, password: str = SECRET) -> None:
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title)


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("input[name=username]")).to_be_visible()


def test_a_passkey_is_added_and_signs_in_without_a_password(world: FleetWorld, officer: str) -> None:
    with visit(world, key=True) as page:
        give_password(page, officer)
        keys = card(page, "Passkeys")
        expect(keys).to_contain_text("No passkeys yet.")
        keys.get_by_label("A name to know it by").fill("Máy trực ban")
        keys.get_by_role("button", name="Add a passkey").click()
        expect(keys.locator("li")).to_contain_text("Máy trực ban")
        sign_out(page)
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("heading", name="My account")).to_be_visible()
        expect(card(page, "Sessions").locator("li").first).to_contain_text("passkey")
        # With the key as the second step, the password alone is no longer enough.
        sign_out(page)
        give_password(page, officer)
        page.get_by_role("button", name="Use a passkey").click()
        expect(card(page, "Passkeys").locator("li")).to_contain_text("last used")
        card(page, "Passkeys").get_by_role("button", name="Remove Máy trực ban").click()
        page.get_by_role("button", name="Remove the passkey").click()
        expect(card(page, "Passkeys")).to_contain_text("No passkeys yet.")
        sign_out(page)
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("alert")).to_contain_text("did not work")


def test_codes_of_a_phone_are_set_up_and_asked_for(world: FleetWorld, officer: str) -> None:
    with visit(world) as page:
        give_password(page, officer)
        codes = card(page, "6-digit codes from an app")
        codes.get_by_role("button", name="Set up an app").click()
        drawn = codes.get_by_role("img", name="QR code for the app")
        until(lambda: drawn.evaluate("image => image.naturalWidth") > 50)
        secret = base64.b32decode(str(codes.locator("[data-secret]").get_attribute("data-secret")))
        codes.get_by_label("6-digit code").fill("000000")
        codes.get_by_role("button", name="Confirm and switch on").click()
        expect(codes.get_by_role("alert")).to_contain_text("wrong")
        first = code_at(secret, int(time.time()) // 30)
        codes.get_by_label("6-digit code").fill(f"{first[:3]} {first[3:]}")
        codes.get_by_role("button", name="Confirm and switch on").click()
        shown = codes.get_by_role("group", name="Recovery codes").locator("li")
        expect(shown).to_have_count(10)
        paper = shown.all_inner_texts()
        codes.get_by_role("button", name="I have kept them").click()
        expect(codes).to_contain_text("10 recovery codes left")

        sign_out(page)
        give_password(page, officer)
        page.get_by_label("6-digit code from the app").fill(first)  # used before
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("alert")).to_contain_text("wrong or too old")
        page.get_by_role("button", name="Lost the telephone? Use a recovery code").click()
        page.get_by_label("Recovery code").fill(paper[0])
        page.get_by_role("button", name="Confirm").click()
        expect(codes).to_contain_text("9 recovery codes left")
        codes.get_by_role("button", name="Switch codes off").click()
        codes.get_by_label("Type your password").fill(SECRET)
        codes.get_by_role("button", name="Switch codes off").click()
        expect(codes).to_contain_text("Not set up")


def test_another_session_is_ended_and_is_over_at_once(world: FleetWorld, officer: str) -> None:
    other = world.call(world.world.client(officer, SECRET))
    with visit(world) as page:
        give_password(page, officer)
        sessions = card(page, "Sessions")
        expect(sessions.locator("li")).to_have_count(2)
        expect(sessions.locator("li").first).to_contain_text("This session")
        sessions.get_by_role("button", name="End", exact=True).click()
        expect(sessions.locator("li")).to_have_count(1)
    assert world.call(other.get("/api/v1/session")).status_code == 401


def test_the_password_is_changed_by_who_knows_it(world: FleetWorld, officer: str) -> None:
    fresh = "mưa rào cuối hạ Hà Nội"
    with visit(world) as page:
        give_password(page, officer)
        form = card(page, "Password")
        form.get_by_label("Present password").fill("sai rồi nhé")
        form.get_by_label("New password", exact=True).fill(fresh)
        form.get_by_label("New password again").fill(fresh + "!")
        expect(form).to_contain_text("The two new passwords differ.")
        form.get_by_label("New password again").fill(fresh)
        form.get_by_role("button", name="Change the password").click()
        expect(form.get_by_role("alert")).to_be_visible()
        form.get_by_label("Present password").fill(SECRET)
        form.get_by_role("button", name="Change the password").click()
        expect(form).to_contain_text("The password was changed.")
        sign_out(page)
        give_password(page, officer, fresh)
        expect(page.get_by_role("heading", name="My account")).to_be_visible()


def test_a_token_is_held_to_the_grants_chosen(world: FleetWorld) -> None:
    with visit(world) as page:
        give_password(page, "admin", world.world.password)
        tokens = card(page, "API tokens")
        tokens.get_by_role("button", name="Make a token").click()
        tokens.get_by_label("Which program, what for").fill("Bản đồ sở giao thông")
        tokens.get_by_role("checkbox").first.check()
        tokens.get_by_role("button", name="Make a token").click()
        made = tokens.get_by_role("status").locator(".mono").inner_text()
        expect(tokens.locator("li")).to_contain_text("grants: 1")
        headers = {"Authorization": f"Bearer {made}"}
        reply = httpx.get(f"{world.world.centre.url}/api/v1/cameras", headers=headers)
        assert reply.status_code == 200, reply.text
        tokens.get_by_role("button", name="Revoke Bản đồ sở giao thông").click()
        page.get_by_role("button", name="Revoke the token").click()
        expect(tokens).to_contain_text("No tokens.")
        assert httpx.get(f"{world.world.centre.url}/api/v1/cameras", headers=headers).status_code == 401


def test_a_phone_shows_all_of_it_without_scrolling_sideways(world: FleetWorld, officer: str) -> None:
    with visit(world, **PHONE) as page:
        give_password(page, officer)
        expect(card(page, "API tokens")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_those_who_vouch_for_people_have_a_button_and_say_why_they_sent_somebody_back(world: FleetWorld) -> None:
    with visit(world) as page:
        offered = {"providers": [{"id": "vneid", "name": "VNeID"}]}
        page.route("**/api/v1/session/oidc", lambda route: route.fulfill(json=offered))
        page.goto(f"{console(world)}/?again#/?sign_in_failed=unknown")
        expect(page.get_by_role("link", name="Sign in with VNeID")).to_have_attribute(
            "href", "/api/v1/session/oidc/vneid/start"
        )
        expect(page.get_by_role("alert")).to_contain_text("this account is not known here")
