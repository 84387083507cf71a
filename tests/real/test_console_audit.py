"""The audit's room in a real Chromium: searched, asked its four questions, verified; and found out when it was bent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from console_world import CHROMIUM
from fleet_console_world import FleetWorld, running
from playwright.sync_api import Page, expect

from khue.centre.console import DIST

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="needs Debian's chromium"),
    pytest.mark.skipif(not (DIST / "index.html").is_file(), reason="the console is not built: make console"),
]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 900}}
SECRET = "hoa sen nở tháng sáu"
HOUR = {"from": "2026-01-31T01:00:00Z", "to": "2026-01-31T02:00:00Z"}


@pytest.fixture(scope="module")
def world() -> Iterator[FleetWorld]:
    with running(40) as made:
        work(made)
        yield made


@pytest.fixture(scope="module")
def camera(world: FleetWorld) -> tuple[str, str]:
    """(id, name) of the camera somebody worked with."""
    return first_camera(world)


def first_camera(world: FleetWorld) -> tuple[str, str]:
    (row,) = world.fetch("select id, name from camera where deleted is null order by number limit 1")
    return str(row["id"]), str(row["name"])


def work(world: FleetWorld) -> None:
    """An operator looks at a camera for a case, and a viewer asks for a clip that viewers may not have."""
    camera, _ = first_camera(world)
    admin = world.call(world.world.client())
    for name, role, shown in (("hoa", "operator", "Trần Thị Hoa"), ("minh", "viewer", "Lê Minh")):
        account = {"username": name, "password": SECRET, "role": role, "display_name": shown}
        assert world.call(admin.post("/api/v1/accounts", json=account)).status_code == 201
    operator = world.call(world.world.client("hoa", SECRET))
    stated = {"X-Khue-Purpose": "situation", "X-Khue-Case": "TH-2026%2F115"}
    for _ in range(3):
        world.call(operator.get(f"/api/v1/cameras/{camera}/coverage", params=HOUR, headers=stated))
        world.call(operator.get(f"/api/v1/cameras/{camera}/playback", params=HOUR, headers=stated))
    viewer = world.call(world.world.client("minh", SECRET))
    refused = world.call(viewer.post("/api/v1/clips", json={"camera": camera, **HOUR}))
    assert refused.status_code == 403, refused.text


def rows(page: Page) -> list[str]:
    expect(page.locator("table[aria-busy=false]")).to_be_visible()
    return page.locator("tbody tr:not(.detail)").all_inner_texts()


def test_entries_are_found_by_every_condition(world: FleetWorld, camera: tuple[str, str]) -> None:
    with world.page("audit", **DESK) as page:
        page.get_by_role("combobox", name="Account").fill("Hoa")
        page.get_by_role("option", name="Trần Thị Hoa").click()
        page.get_by_label("Action").select_option("camera:playback")
        expect(page.locator("tbody tr")).to_have_count(3)
        assert all("Played back" in row and camera[1] in row and "TH-2026/115" in row for row in rows(page))
        page.locator("tbody tr").first.click()
        detail = page.locator("tr.detail")
        expect(detail).to_contain_text("31 Jan 2026")
        expect(detail.get_by_role("link", name="Clause 6.1")).to_be_visible()
        page.get_by_text("More conditions").click()
        page.get_by_label("Case number").fill("no such case")
        page.get_by_label("Case number").press("Tab")
        expect(page.get_by_text("No entry matches.")).to_be_visible()
        page.get_by_role("button", name="Clear all").click()
        page.get_by_label("Outcome").select_option("refused")
        expect(page.locator("tbody tr").filter(has_text="minh")).to_have_count(1)
        # What is looked for is in the address, so that it can be handed on.
        address = page.evaluate("location.href")
    assert "outcome=refused" in address


def test_a_long_log_is_read_page_by_page(world: FleetWorld) -> None:
    admin = world.call(world.world.client())
    for _ in range(110):
        world.call(admin.get("/api/v1/audit/checkpoints", params={"limit": 1}))
    with world.page("audit", **DESK) as page:
        expect(page.locator("tbody tr")).to_have_count(100)
        page.get_by_role("button", name="Older entries").click()
        expect(page.locator("tbody tr").nth(110)).to_be_visible()
        numbers = [int(str(name).split()[-1]) for name in page.locator("tbody button").evaluate_all(
            "buttons => buttons.map(button => button.getAttribute('aria-label'))"
        )]  # fmt: skip
    assert numbers == list(range(numbers[0], numbers[0] - len(numbers), -1))


def test_who_watched_this_camera(world: FleetWorld, camera: tuple[str, str]) -> None:
    with world.page("audit?view=watchers", **DESK) as page:
        page.get_by_role("combobox", name="Camera").fill(camera[1])
        page.get_by_role("option", name=camera[1]).first.click()
        row = page.get_by_role("row").filter(has_text="hoa")
        expect(row).to_contain_text("Played back")
        expect(row).to_contain_text("Handling a situation")
        expect(row).to_contain_text("TH-2026/115")
        row.get_by_role("link", name="Show the entries").click()
        expect(page.locator("tbody tr").first).to_contain_text(camera[1])


def test_what_an_officer_did_and_what_was_refused(world: FleetWorld, camera: tuple[str, str]) -> None:
    with world.page("audit?view=officer", **DESK) as page:
        page.get_by_role("combobox", name="Account").fill("hoa")
        page.get_by_role("option", name="Trần Thị Hoa").click()
        expect(
            page.get_by_role("table", name="What").get_by_role("row").filter(has_text="Played back")
        ).to_contain_text("3")
        expect(page.get_by_role("table", name="Camera")).to_contain_text(camera[1])
        page.get_by_role("link", name="What was refused?").click()
        refused = page.get_by_role("row").filter(has_text="minh")
        expect(refused).to_contain_text("Made a clip")
        expect(refused).to_contain_text("no grant")
        page.get_by_role("link", name="Which grants were never used?").click()
        page.get_by_label("Not used for").select_option("7")
        expect(page.get_by_text("should be looked at")).to_be_visible()


def test_the_log_is_whole_until_somebody_bends_it(world: FleetWorld) -> None:
    with world.page("audit?view=verify&entry=2", **DESK) as page:
        expect(page.get_by_text("This browser computed the root itself, and it matches.")).to_be_visible()
        page.get_by_role("button", name="Verify now").click()
        expect(page.get_by_text("The log is whole:")).to_be_visible(timeout=20_000)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the export").click()
        lines = download.value.path().read_text().splitlines()
        assert len(lines) > 20 and all(json.loads(line) for line in lines)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download the checkpoint").click()
        assert download.value.path().read_text().startswith("khue/audit\n")
        for statement in (
            "alter table audit_entry disable trigger user",  # as whoever owns the database may
            "update audit_entry set username = 'nobody' where seq = 4",
            "alter table audit_entry enable trigger user",
        ):
            world.call(world.world.engines.database.execute(statement))
        page.get_by_role("button", name="Verify now").click()
        expect(page.get_by_role("alert")).to_contain_text("The first wrong entry is number 4.", timeout=20_000)


def test_nothing_is_cut_on_a_phone(world: FleetWorld) -> None:
    for view in ("search", "watchers", "officer&about=hoa", "unused", "refusals", "verify"):
        with world.page(f"audit?view={view}", **PHONE, language="vi-VN") as page:
            expect(page.get_by_role("heading", name="Nhật ký truy cập")).to_be_visible()
            page.wait_for_timeout(300)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), view
