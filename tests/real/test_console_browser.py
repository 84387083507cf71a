"""The console in a real Chromium, in front of a real centre, node and simulated cameras."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_world import CHROMIUM, READ_NUMBER, World, running, until
from playwright.sync_api import Page, expect

from khue.centre.console import DIST

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="needs Debian's chromium"),
    pytest.mark.skipif(not (DIST / "index.html").is_file(), reason="the console is not built: make console"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("console")) as made:
        yield made


SHOWN = "Math.max(...window.__khue.players.map(player => player.wallTime))"  # milliseconds since 1970


def players(page: Page) -> dict[str, dict[str, Any]]:
    """What the console says of its players, by camera and stream; the console's own diagnostics."""
    return {f"{p['camera']}/{p['stream']}": p for p in page.evaluate("window.__khue.players")}


def player(page: Page, world: World, name: str, stream: str = "sub") -> dict[str, Any]:
    return players(page).get(f"{world.ids[name]}/{stream}", {"frames": 0, "mode": "", "state": ""})


def number(page: Page, world: World, name: str, stream: str = "sub") -> int | None:
    """The number burned into the picture on screen."""
    video = page.locator(f"video[data-camera='{world.ids[name]}'][data-stream={stream}]").first
    read: int | None = video.evaluate(READ_NUMBER)
    return read


def playing(page: Page, world: World, name: str, stream: str = "sub", mode: str = "live") -> None:
    """Waits for a picture in that mode that moves on."""

    def moving() -> bool:
        now = player(page, world, name, stream)
        return now["mode"] == mode and now["state"] == "playing" and now["frames"] > 0

    until(moving, 40)
    before = player(page, world, name, stream)["frames"]
    until(lambda: player(page, world, name, stream)["frames"] > before, 20)


def sent_at(world: World, name: str, shown: int) -> list[float]:
    """When the camera sent pictures with that number: milliseconds since 1970."""
    return [
        wall / 1000
        for session in world.city.sent(name, "sub")
        for wall, burned in zip(session.wall, session.numbers, strict=True)
        if burned == shown
    ]


def test_a_visitor_signs_in_and_is_told_when_the_password_is_wrong(world: World) -> None:
    with world.page(signed_in=False, language="vi-VN") as page:
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", "not the password")
        page.click("form button")
        expect(page.get_by_role("alert")).to_have_text("Tên đăng nhập hoặc mật khẩu không đúng.")
        page.fill("input[name=password]", world.password)
        page.click("form button")
        expect(page.get_by_role("link", name="Giám sát")).to_be_visible()


def test_every_tile_of_the_wall_moves(world: World) -> None:
    with world.page("lake,station") as page:
        for name in ("lake", "station"):
            playing(page, world, name)
            first = until(lambda name=name: number(page, world, name))
            until(lambda name=name, first=first: number(page, world, name) not in (None, first))


def test_a_dead_camera_says_why_there_is_no_picture_and_since_when(world: World) -> None:
    until(lambda: world.state("dead") in ("unreachable", "refused"), 40)
    with world.page("dead,lake") as page:
        tile = page.get_by_role("region", name="Tile 1: Hầm Kim Liên")
        expect(tile).to_contain_text("cannot be reached", timeout=20_000)
        expect(tile).to_contain_text("since ")
        playing(page, world, "lake")


def test_the_focus_shows_the_main_stream_and_falls_back_when_it_is_h265(world: World) -> None:
    with world.page("lake,station") as page:
        playing(page, world, "lake")
        page.keyboard.press("Enter")
        playing(page, world, "lake", "main")
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        focus = page.locator("section.focus")
        expect(focus).to_contain_text("does not play the H.265 main stream")
        expect(focus.locator("video")).to_have_attribute("data-stream", "sub")
        until(lambda: focus.locator("video").evaluate(READ_NUMBER) is not None)


def test_playback_shows_the_picture_of_the_instant_sought_and_steps_by_frames(world: World) -> None:
    with world.page("lake,station") as page:
        playing(page, world, "lake")
        began = min(wall for session in world.city.sent("lake", "sub") for wall in session.wall) / 1e6
        until(lambda: time.time() - began > 15)
        wanted = time.time() * 1000 - 10_000
        page.keyboard.press("j")
        playing(page, world, "lake", mode="playback")
        page.keyboard.press(" ")
        expect(page.locator(".mode")).to_have_text("PAUSED")

        def at_rest() -> tuple[float, int] | None:
            now = player(page, world, "lake")
            shown = number(page, world, "lake")
            again = player(page, world, "lake")
            settled = shown is not None and now["wallTime"] == again["wallTime"] and now["frames"] == again["frames"]
            return (now["wallTime"], shown) if settled and shown is not None else None

        wall, shown = until(at_rest)
        assert -1500 < wall - wanted < 15_000
        assert min(abs(wall - sent) for sent in sent_at(world, "lake", shown)) < 250
        for key, step in ((".", 1), (".", 1), (",", -1)):
            expected = (shown + step) % 600
            page.keyboard.press(key)
            until(lambda expected=expected: number(page, world, "lake") == expected)
            shown = expected


def test_tiles_play_the_same_instant(world: World) -> None:
    # Both cameras show one scene, so the numbers themselves must agree.
    with world.page("lake,station") as page:
        playing(page, world, "lake")
        page.keyboard.press("j")
        playing(page, world, "lake", mode="playback")
        playing(page, world, "station", mode="playback")

        def together() -> bool:
            walls = [player(page, world, name)["wallTime"] for name in ("lake", "station")]
            return abs(walls[0] - walls[1]) < 120

        until(together)
        page.keyboard.press("l")
        playing(page, world, "lake", mode="live")


def test_a_time_without_recording_is_skipped_and_its_cause_shown(world: World) -> None:
    world.fault("station", "dead")
    until(lambda: world.state("station") == "unreachable")
    broken = time.time()
    world.clear("station")
    until(lambda: world.state("station") == "recording", 60)
    mended = time.time()
    until(lambda: time.time() - mended > 8)
    with world.page("station") as page:
        playing(page, world, "station")
        while page.evaluate(SHOWN) > (broken - 2) * 1000:
            page.keyboard.press("j")
            playing(page, world, "station", mode="playback")
        tile = page.get_by_role("region", name="Tile 1")
        expect(tile).to_contain_text("Not recorded: ", timeout=60_000)
        expect(tile).to_contain_text("Going on to the next recording.")
        playing(page, world, "station", mode="playback")
        assert page.evaluate(SHOWN) > broken * 1000


def test_a_selected_range_is_downloaded_and_its_fingerprint_shown(world: World, tmp_path: Path) -> None:
    with world.page("lake", accept_downloads=True) as page:
        playing(page, world, "lake", "main")
        page.keyboard.press("j")
        playing(page, world, "lake", "main", mode="playback")
        page.keyboard.press("[")
        page.keyboard.press("k")
        page.keyboard.press("]")
        page.get_by_role("button", name="Download clip").click()
        # The regulation lets nobody take pictures away without saying what for, for which case and why.
        page.get_by_role("combobox", name="Purpose").select_option("investigation")
        page.get_by_label("Case number").fill("VV-2026-0117")
        page.get_by_label("Reason").fill("theo đề nghị của cơ quan điều tra")
        page.get_by_role("button", name="Prepare the clip").click()
        expect(page.get_by_text("The clip is ready")).to_be_visible(timeout=30_000)
        fingerprint = page.locator(".sha").inner_text().strip()
        with page.expect_download() as started:
            page.get_by_role("button", name="Save the file").click()
        saved = tmp_path / "clip.mp4"
        started.value.save_as(saved)
        assert hashlib.sha256(saved.read_bytes()).hexdigest() == fingerprint
        assert started.value.suggested_filename.endswith(".mp4")


def test_the_page_of_a_camera_shows_its_picture_and_its_month(world: World) -> None:
    with world.page(viewport={"width": 1440, "height": 900}) as page:
        page.goto(f"{world.url}/#/camera/{world.ids['lake']}")
        playing(page, world, "lake")
        until(lambda: number(page, world, "lake") is not None, 20)
        month = page.locator(".card", has=page.get_by_role("heading", name="Recorded in the last 30 days"))
        expect(month.locator("ol li")).to_have_count(30)
        share = float(month.locator(".sum strong").inner_text().rstrip(" %"))
        assert 0 < share <= 100, "a part of what is known was recorded"
        expect(month.locator("ol li").last).to_contain_text("Recorded: ")


def test_language_and_appearance_are_chosen_and_remembered(world: World) -> None:
    with world.page("lake", color_scheme="light") as page:
        html = page.locator("html")
        expect(html).to_have_attribute("lang", "en")
        expect(html).to_have_attribute("data-theme", "light")
        page.get_by_role("button", name="Tiếng Việt").click()
        expect(page.get_by_role("link", name="Nút ghi")).to_be_visible()
        page.reload()
        expect(html).to_have_attribute("lang", "vi")
        expect(page.get_by_role("link", name="Nút ghi")).to_be_visible()


def test_cameras_and_nodes_are_listed_with_their_states(world: World) -> None:
    with world.page() as page:
        page.get_by_role("link", name="Cameras").click()
        row = page.get_by_role("row").filter(has_text="Hầm Kim Liên")
        expect(row).to_contain_text("Unreachable")
        page.get_by_placeholder("Name, site, vendor").fill("kiem")
        expect(page.get_by_role("row").filter(has_text="Hồ Hoàn Kiếm")).to_be_visible()
        expect(row).to_have_count(0)
        page.get_by_role("link", name="Nodes").click()
        expect(page.get_by_role("article")).to_contain_text("Alive")


def test_a_camera_is_tested_before_it_is_added(world: World) -> None:
    card = next(card for card in world.city.cards if card["name"] == "lake")
    with world.page() as page:
        page.get_by_role("link", name="Cameras").click()
        page.get_by_role("button", name="Add camera").click()
        page.fill("input[name=url]", card["main"])
        page.fill("input[name=camera-user]", card["username"])
        page.fill("input[name=camera-password]", "wrong")
        page.get_by_role("button", name="Test the connection").click()
        expect(page.get_by_text("The camera could not be read")).to_be_visible(timeout=30_000)
        page.fill("input[name=camera-password]", card["password"])
        page.get_by_role("button", name="Test the connection").click()
        expect(page.get_by_text("The camera answers")).to_be_visible(timeout=30_000)


def test_the_console_fits_a_phone(world: World) -> None:
    with world.page("lake,station", viewport={"width": 390, "height": 844}, has_touch=True) as page:
        playing(page, world, "lake")
        page.get_by_role("button", name="Show camera list").click()
        expect(page.get_by_role("complementary", name="Camera list")).to_be_visible()
        for room in ("Cameras", "Nodes", "Wall"):
            page.get_by_role("link", name=room).click(force=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
