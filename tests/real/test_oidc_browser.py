"""A real browser signs in at a real provider on another site, where cookies are kept from what other sites begin."""

from __future__ import annotations

import pytest
from console_world import ARGUMENTS, CHROMIUM
from oidc_world import oidc_world, peer
from playwright.async_api import async_playwright

from khue.centre.config import OidcConfig

pytestmark = pytest.mark.browser


async def test_there_and_back() -> None:
    with peer() as provider:
        config = OidcConfig(id="city", name="City", issuer=provider.issuer, client_id="khue", create=True)
        async with oidc_world(config) as here, async_playwright() as playwright:
            # localhost and 127.0.0.1 are two sites
            url = here.centre.url.replace("127.0.0.1", "localhost")
            provider.begin([f"{url}/api/v1/session/oidc/city/callback"])
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
            page = await browser.new_page(locale="en-GB")
            await page.goto(url)
            await page.click("a[href='/api/v1/session/oidc/city/start']")
            await page.fill("input[name=login]", "minh")
            await page.fill("input[name=password]", "x")
            await page.click("button[type=submit]")
            await page.click("button[type=submit]")  # consent
            await page.wait_for_url(f"{url}/**")
            await page.wait_for_selector("text=is not known here")

            await page.context.clear_cookies()
            await page.goto(url)
            await page.click("a[href='/api/v1/session/oidc/city/start']")
            await page.fill("input[name=login]", "lan")
            await page.fill("input[name=password]", "x")
            await page.click("button[type=submit]")
            await page.click("button[type=submit]")
            await page.wait_for_selector("nav")
            assert page.url.startswith(f"{url}/")
            who = await page.evaluate("fetch('/api/v1/session').then(answer => answer.json())")
            assert who["account"]["username"] == "lan@city.example"
            kept = {one["name"]: one for one in await page.context.cookies(url)}
            assert kept["khue_session"]["sameSite"] == "Strict"
            assert "khue_oidc" not in kept
            await browser.close()
