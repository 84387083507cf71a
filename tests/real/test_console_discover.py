"""The discovery room in a real Chromium: a node really looks, and what it finds becomes a camera of the registry."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
from centre_world import World
from console_world import CHROMIUM
from fleet_console_world import FleetWorld, watched
from onboard_world import PASSWORD, camera, scene
from playwright.sync_api import expect

from khue.centre.console import DIST

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="needs Debian's chromium"),
    pytest.mark.skipif(not (DIST / "index.html").is_file(), reason="the console is not built: make console"),
]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 900}}
RANGES = ("127.8.3.0/28", "127.8.4.0/30")
# Ports of the catalogue that need no root.
_PORTS = {"rtsp_port": 8554, "onvif_port": 8899}


@contextlib.asynccontextmanager
async def _street() -> AsyncIterator[World]:
    """Two cameras in what the node may look through, and a node that may look nowhere."""
    cameras = [camera(name, 0, host=f"127.8.3.{last}", **_PORTS) for name, last in (("gate", 3), ("yard", 4))]
    async with scene(*cameras, ranges=RANGES) as it:
        it.node.join = msgspec.structs.replace(it.node.join, sites=("street",))
        await it.node.ask_to_join()
        await it.world.node("blind", sites=("elsewhere",))
        yield it.world


@pytest.fixture(scope="module")
def world() -> Iterator[FleetWorld]:
    with watched(_street) as made:
        yield made


def test_what_a_node_finds_becomes_a_camera(world: FleetWorld) -> None:
    with world.page("discover", **DESK) as page:
        node = page.locator(".card", has=page.get_by_role("heading", name="n1"))
        expect(node.get_by_label(RANGES[0])).to_be_checked()
        node.get_by_label(RANGES[1]).uncheck()
        node.get_by_role("button", name="Look for cameras").click()
        found = page.locator("li", has_text="127.8.3.3")
        expect(found).to_be_visible(timeout=60_000)
        expect(page.locator("p[role=status]")).to_have_text("14 of 14 addresses asked, 2 devices answered.")
        expect(page.locator("main header")).to_contain_text(f"done · {RANGES[0]} ·")

        found.get_by_role("button", name="Take into the registry").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("User name at the camera").fill("admin")
        dialog.get_by_label("Password at the camera").fill("not this one")
        dialog.get_by_role("button", name="Probe now").click()
        expect(dialog.locator(".verdict")).to_contain_text("The camera could not be read", timeout=60_000)
        expect(dialog.get_by_role("button", name="Take into the registry")).to_have_count(0)
        dialog.get_by_label("Password at the camera").fill(PASSWORD)
        dialog.get_by_role("button", name="Probe now").click()
        adopt = dialog.get_by_role("button", name="Take into the registry")
        expect(adopt).to_be_disabled(timeout=60_000)
        expect(dialog).to_contain_text("Give the camera a name first.")
        dialog.get_by_label("Name", exact=True).fill("Cổng chợ Hôm")
        assert world.fetch("select id from camera") == [], "a probe registers nothing"
        adopt.click()
        expect(page.get_by_role("heading", name="Cổng chợ Hôm")).to_be_visible()
        expect(page.locator(".stream").first).to_contain_text("rtsp://127.8.3.3:8554/")
        (row,) = world.fetch("select id, host, site from camera where deleted is null")
        assert row["id"] in page.url and (row["host"], row["site"]) == ("127.8.3.3", "street")

        page.go_back()
        expect(found.get_by_role("link", name="In the registry")).to_be_visible()
        found.get_by_role("link", name="In the registry").click()
        page.get_by_role("button", name="Probe now").click()
        expect(page.locator(".verdict.good")).to_be_visible(timeout=60_000)


def test_a_node_without_ranges_says_how_to_declare_them(world: FleetWorld) -> None:
    with world.page("discover", **DESK) as page:
        node = page.locator(".card", has=page.get_by_role("heading", name="blind"))
        expect(node).to_contain_text('scan_ranges = ["192.168.1.0/24"]')
        expect(node.get_by_role("button")).to_have_count(0)


def test_the_room_fits_a_telephone_in_vietnamese(world: FleetWorld) -> None:
    with world.page("discover", language="vi-VN", **PHONE) as page:
        expect(page.get_by_role("button", name="Bắt đầu dò")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.get_by_role("button", name="Bắt đầu dò").click()
        expect(page.locator("li", has_text="127.8.3.4")).to_be_visible(timeout=60_000)
        page.locator("li", has_text="127.8.3.4").get_by_role("button").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
