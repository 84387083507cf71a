"""The fleet room and the quota board in a real Chromium, in front of a real centre with a whole fleet in its registry."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
import math
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_world import CHROMIUM, until
from fleet_console_world import FleetWorld, running
from playwright.sync_api import Error, Page, Route, expect

from khue.centre.console import DIST
from khue.model.registry import INSTALLED

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="needs Debian's chromium"),
    pytest.mark.skipif(not (DIST / "index.html").is_file(), reason="the console is not built: make console"),
]
CAMERAS = 6000
HANOI = dt.timezone(dt.timedelta(hours=7))
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture(scope="module")
def world() -> Iterator[FleetWorld]:
    with running(CAMERAS) as made:
        yield made


def found(page: Page) -> int:
    """What the room says it found, once the centre has answered."""
    expect(page.locator(".bar .count:not(.waiting)")).to_have_text(re.compile(r"\d"))
    return int(re.sub(r"\D", "", page.locator(".bar .count").inner_text()))


def finds(page: Page, count: int) -> None:
    until(lambda: found(page) == count, 20)


def counted(world: FleetWorld, condition: str = "true", *arguments: object) -> int:
    rows = world.fetch(f"select count(*) as n from camera c where c.deleted is null and ({condition})", *arguments)
    return int(rows[0]["n"])


def first_row(page: Page) -> str:
    return str(page.locator("#fleet-0").get_attribute("data-number"))


def test_the_whole_fleet_is_one_list_of_which_only_what_is_seen_exists(world: FleetWorld) -> None:
    numbers = [row["number"] for row in world.fetch("select number from camera order by search, number")]
    with world.page(**DESK) as page:
        finds(page, CAMERAS)
        grid = page.get_by_role("grid")
        expect(grid).to_have_attribute("aria-rowcount", str(CAMERAS + 1))
        assert first_row(page) == str(numbers[0])
        grid.focus()
        page.keyboard.press("End")
        last = page.locator(f"#fleet-{CAMERAS - 1}")
        expect(last).to_have_attribute("data-number", str(numbers[-1]))
        name = world.fetch("select name from camera where number = $1", numbers[-1])[0]["name"]
        expect(last).to_contain_text(name)
        assert page.locator(".body .row").count() < 60
        page.keyboard.press("PageUp")
        expect(last).not_to_have_class(re.compile("active"))
        page.keyboard.press("Home")
        expect(page.locator("#fleet-0")).to_have_class(re.compile("active"))


def test_a_search_without_marks_is_shared_as_a_link_and_its_chips_are_taken_off(world: FleetWorld) -> None:
    wanted = counted(world, "search like '%ba trieu%' and life = 'faulty'")
    with world.page(**DESK) as page:
        page.get_by_placeholder("Name, code, address").fill("ba trieu")
        page.get_by_role("checkbox", name="Faulty").check()
        finds(page, wanted)
        assert "life=faulty" in page.url and "q=ba+trieu" in page.url
        page.reload()
        finds(page, wanted)
        expect(page.get_by_placeholder("Name, code, address")).to_have_value("ba trieu")
        page.get_by_role("button", name="Remove filter Life Faulty").click()
        finds(page, counted(world, "search like '%ba trieu%'"))
        page.get_by_placeholder("Name, code, address").fill("")
        finds(page, CAMERAS)
        assert page.url.endswith("#/fleet")


def test_a_late_answer_to_an_old_question_is_not_shown(world: FleetWorld) -> None:
    with world.page(**DESK) as page:
        finds(page, CAMERAS)
        held: list[Route] = []
        page.route("**/inventory/index?*life=faulty*", lambda route: held.append(route))
        page.get_by_role("checkbox", name="Faulty").check()
        until(lambda: len(held) == 1 or page.wait_for_timeout(20))
        page.get_by_role("checkbox", name="Suspended").check()
        until(lambda: len(held) == 2 or page.wait_for_timeout(20))
        held[1].continue_()
        finds(page, counted(world, "life in ('faulty', 'suspended')"))
        with contextlib.suppress(Error):  # the page has given it up, as it should
            held[0].continue_()
        page.wait_for_timeout(300)
        assert found(page) == counted(world, "life in ('faulty', 'suspended')")


def test_columns_sort_and_are_chosen(world: FleetWorld) -> None:
    highest = world.fetch("select number from camera order by code desc limit 1")[0]["number"]
    with world.page(**DESK) as page:
        header = page.get_by_role("columnheader", name="Code")
        header.get_by_role("button").click()
        header.get_by_role("button").click()
        expect(header).to_have_attribute("aria-sort", "descending")
        expect(page.locator("#fleet-0")).to_have_attribute("data-number", str(highest))
        page.get_by_role("button", name="Columns").click()
        page.get_by_role("checkbox", name="Cybersecurity (QCVN 11)").check()
        expect(page.get_by_role("columnheader", name="Cybersecurity")).to_be_visible()
        page.reload()
        expect(page.get_by_role("columnheader", name="Cybersecurity")).to_be_visible()


def test_enter_opens_the_camera_and_the_way_back_leads_to_the_same_list(world: FleetWorld) -> None:
    first = world.fetch("select id from camera where life = 'faulty' order by search, number limit 1")[0]["id"]
    with world.page("fleet?life=faulty", **DESK) as page:
        finds(page, counted(world, "life = 'faulty'"))
        page.get_by_role("grid").focus()
        expect(page.locator("#fleet-0 a")).to_be_visible()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(f"#/camera/{first}$"))
        page.go_back()
        finds(page, counted(world, "life = 'faulty'"))


def test_many_cameras_are_edited_after_a_preview_and_the_edit_is_undone(world: FleetWorld) -> None:
    with world.page("fleet?life=suspended&sort=number", **DESK) as page:
        all_of_them = counted(world, "life = 'suspended'")
        finds(page, all_of_them)
        chosen = [row["number"] for row in world.fetch(
            "select number from camera where life = 'suspended' order by number limit 4")]  # fmt: skip
        grid = page.get_by_role("grid")
        grid.focus()
        page.keyboard.press("Home")
        page.keyboard.press("Space")
        for _ in range(3):
            page.keyboard.press("Shift+ArrowDown")
        expect(page.locator(".choice strong")).to_have_text("4 selected")
        page.get_by_role("button", name="Edit together").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Field 1").select_option(label="Contact point")
        dialog.get_by_role("textbox", name="New value: Contact point").fill("Công an phường, 024 1234567")
        expect(dialog.get_by_role("button", name="Preview")).to_be_disabled()
        dialog.get_by_label("Reason").fill("handed over")
        dialog.get_by_role("button", name="Preview").click()
        expect(dialog.locator(".outcome dd.change")).to_have_text("4")
        assert counted(world, "contact_point <> ''") == 0
        dialog.get_by_role("button", name="Change 4 cameras").click()
        expect(dialog).to_contain_text("4 cameras changed.")
        assert [row["number"] for row in world.fetch(
            "select number from camera where contact_point = 'Công an phường, 024 1234567' order by number")] == chosen  # fmt: skip
        dialog.get_by_role("button", name="Undo").click()
        expect(dialog).to_contain_text("4 cameras are as before")
        assert counted(world, "contact_point <> ''") == 0
        dialog.get_by_role("button", name="Close").last.click()
        page.get_by_role("button", name="Earlier edits").click()
        expect(page.get_by_role("dialog")).to_contain_text("handed over")
        expect(page.get_by_role("dialog")).to_contain_text("undone")


def test_everything_the_filter_finds_is_edited_at_once(world: FleetWorld) -> None:
    removed = counted(world, "life = 'removed'")
    others = counted(world, "life <> 'removed' and declared_working is false")
    with world.page("fleet?life=removed", **DESK) as page:
        finds(page, removed)
        page.get_by_role("checkbox", name="Select all").check()
        page.get_by_role("button", name="Edit together").click()
        dialog = page.get_by_role("dialog", name=f"Edit {removed} cameras together")
        dialog.get_by_label("Field 1").select_option(label="Declared")
        dialog.get_by_label("New value: Declared").select_option(label="No")
        dialog.get_by_label("Reason").fill("taken down")
        dialog.get_by_role("button", name="Preview").click()
        dialog.get_by_role("button", name=re.compile(r"Change \d+ cameras")).click()
        expect(dialog).to_contain_text("cameras changed.")
        assert counted(world, "life = 'removed' and declared_working is not false") == 0
        assert counted(world, "life <> 'removed' and declared_working is false") == others


def test_the_registry_is_seen_as_of_a_date_and_not_changed_then(world: FleetWorld) -> None:
    then = world.fetch(
        "select count(*) as n from camera_version where valid_from < $1 and valid_to >= $1",
        dt.datetime(2021, 1, 1, tzinfo=HANOI),
    )[0]["n"]
    assert 0 < then < CAMERAS
    with world.page(**DESK) as page:
        finds(page, CAMERAS)
        page.get_by_role("button", name="As of date").click()
        page.get_by_label("As of date").last.fill("2020-12-31")
        expect(page.get_by_text("The registry as of 31 Dec 2020. Read only.")).to_be_visible()
        finds(page, then)
        expect(page.get_by_role("grid").get_by_role("checkbox")).to_have_count(0)
        page.get_by_role("button", name="Back to now").first.click()
        finds(page, CAMERAS)


def test_a_filter_is_kept_under_a_name(world: FleetWorld) -> None:
    with world.page("fleet?life=faulty&link=borrowed", **DESK) as page:
        wanted = counted(world, "life = 'faulty' and link = 'borrowed'")
        finds(page, wanted)
        page.get_by_role("button", name="Saved filters").click()
        page.get_by_label("Name of the present filter").fill("Hỏng, mượn mạng")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("button", name="Hỏng, mượn mạng", exact=True)).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Clear all").click()
        finds(page, CAMERAS)
        page.get_by_role("button", name="Saved filters").click()
        page.get_by_role("button", name="Hỏng, mượn mạng", exact=True).click()
        finds(page, wanted)
        page.get_by_role("button", name="Saved filters").click()
        page.get_by_role("button", name="Delete saved filter Hỏng, mượn mạng").click()
        expect(page.get_by_text("You have saved no filter yet.")).to_be_visible()


def test_what_the_filter_finds_is_exported(world: FleetWorld, tmp_path: Path) -> None:
    with world.page("fleet?life=removed", accept_downloads=True, **DESK) as page:
        wanted = counted(world, "life = 'removed'")
        finds(page, wanted)
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as started:
            page.get_by_role("link", name="Text table").click()
        started.value.save_as(tmp_path / "fleet.csv")
    text = (tmp_path / "fleet.csv").read_text(encoding="utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text)))) == wanted + 1


CITY = (105.28, 20.56, 106.02, 21.39)


def spot(page: Page, lon: float, lat: float) -> tuple[float, float]:
    """Where a place is drawn while the map shows the whole city: see registry/map/projection.ts."""
    box = page.get_by_role("application").bounding_box()
    assert box is not None
    narrowing = math.cos(math.radians(21))
    scale = min((box["width"] - 72) / ((CITY[2] - CITY[0]) * narrowing), (box["height"] - 72) / (CITY[3] - CITY[1]))
    x = box["width"] / 2 + (lon - (CITY[0] + CITY[2]) / 2) * scale * narrowing
    y = box["height"] / 2 - (lat - (CITY[1] + CITY[3]) / 2) * scale
    return box["x"] + x, box["y"] + y


def test_a_camera_is_opened_on_the_map(world: FleetWorld) -> None:
    camera = world.fetch("select id, code, name, latitude, longitude from camera where life = 'operating' limit 1")[0]
    with world.page(f"fleet?q={camera['code']}&view=map", **DESK) as page:
        expect(page.get_by_role("application", name="Map of 1 cameras")).to_be_visible()
        at = spot(page, camera["longitude"], camera["latitude"])
        page.mouse.move(*at)
        expect(page.locator(".card b")).to_have_text(camera["name"])
        page.mouse.click(*at)
        expect(page).to_have_url(re.compile(f"#/camera/{camera['id']}$"))


def test_a_box_dragged_on_the_map_filters_the_list(world: FleetWorld) -> None:
    box = (105.80, 21.00, 105.88, 21.06)
    inside = counted(
        world, "longitude between $1 and $2 and latitude between $3 and $4", box[0], box[2], box[1], box[3]
    )
    with world.page("fleet?view=map", **DESK) as page:
        expect(page.get_by_role("application", name="Map of 6,000 cameras")).to_be_visible()
        page.get_by_role("button", name="Filter by an area").click()
        page.mouse.move(*spot(page, box[0], box[3]))
        page.mouse.down()
        page.mouse.move(*spot(page, box[2], box[1]), steps=5)
        page.mouse.up()
        expect(page.get_by_role("button", name="Remove filter Area on the map")).to_be_visible()
        until(lambda: 0 < found(page) < CAMERAS)
        # A pixel of this map is about 150 m.
        assert abs(found(page) - inside) < inside * 0.1


def test_the_board_says_what_the_registry_says_and_leads_to_the_cameras(world: FleetWorld) -> None:
    lives = "', '".join(INSTALLED)
    installed = counted(world, f"life in ('{lives}')")
    declared = counted(world, f"life in ('{lives}') and declared_working")
    with world.page("quota?by=link", **DESK) as page:
        verdict = page.locator(".verdict")
        expect(verdict).to_contain_text(f"The books say {declared:,} work; we saw ")
        total = page.locator("tfoot tr")
        expect(total).to_contain_text(f"{installed:,}")
        borrowed = counted(world, f"life in ('{lives}') and link = 'borrowed' and declared_working")
        row = page.get_by_role("row", name=re.compile("Borrowed"))
        row.get_by_role("link", name=f"{borrowed:,}", exact=True).first.click()
        finds(page, borrowed)
        expect(page.get_by_role("button", name=re.compile("Remove filter Link Borrowed"))).to_be_visible()


def test_the_board_is_counted_anew_by_every_way(world: FleetWorld, tmp_path: Path) -> None:
    with world.page("quota", accept_downloads=True, language="vi-VN", **DESK) as page:
        for way, rows in (("Phường/xã", 126), ("Đường truyền", 3), ("Nhóm theo đề án", 4)):
            page.get_by_role("button", name=way).click()
            expect(page.locator("thead th").first).to_have_text(way)
            expect(page.locator("tbody tr")).to_have_count(rows)
        page.get_by_role("button", name="Phường/xã").click()
        expect(page.locator("tbody tr")).to_have_count(126)
        with page.expect_download() as started:
            page.get_by_role("button", name="Tải bảng (CSV)").click()
        started.value.save_as(tmp_path / "board.csv")
    lines = list(csv.reader(io.StringIO((tmp_path / "board.csv").read_text(encoding="utf-8-sig"))))
    assert len(lines) == 128
    at = lines[0].index("Đã lắp")
    assert sum(int(line[at]) for line in lines[1:-1]) == int(lines[-1][at])


@pytest.mark.parametrize("language", ["vi-VN", "en-GB"])
def test_the_rooms_fit_a_phone_and_a_desk(world: FleetWorld, language: str) -> None:
    for size in (PHONE, DESK):
        with world.page(language=language, **size) as page:
            for address in ("fleet", "fleet?view=map", "quota", "quota?by=unit", "nodes", "wall"):
                page.evaluate(f"location.hash = '#/{address}'")
                expect(page.locator("main > *").first).to_be_visible()
                page.wait_for_load_state("networkidle")
                assert page.evaluate("document.documentElement.scrollWidth") <= size["viewport"]["width"], address
                nav = "nav => nav.scrollWidth <= nav.clientWidth"
                assert page.locator("header nav").evaluate(nav), f"the header overflows at {address}"


def test_a_phone_shows_cards_and_filters_them_in_a_sheet(world: FleetWorld) -> None:
    with world.page(**PHONE) as page:
        finds(page, CAMERAS)
        expect(page.get_by_role("columnheader")).to_have_count(0)
        expect(page.locator("#fleet-0 .card a")).to_be_visible()
        page.get_by_role("button", name="Filters", exact=True).tap()
        sheet = page.get_by_role("dialog", name="Filters")
        sheet.get_by_role("button", name="Link").tap()
        sheet.get_by_role("checkbox", name="Borrowed from a resident").tap()
        wanted = counted(world, "link = 'borrowed'")
        sheet.get_by_role("button", name=f"Show {wanted:,} cameras").tap()
        finds(page, wanted)
        began = time.monotonic()
        page.get_by_role("grid").evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
        expect(page.locator(f"#fleet-{wanted - 1} .card a")).to_be_visible()
        assert time.monotonic() - began < 30
