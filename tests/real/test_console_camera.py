"""A camera's own page in a real Chromium, in front of a real centre."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from console_world import CHROMIUM, until
from fleet_console_world import FleetWorld, running
from playwright.sync_api import Locator, Page, expect

from khue.centre.console import DIST

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="needs Debian's chromium"),
    pytest.mark.skipif(not (DIST / "index.html").is_file(), reason="the console is not built: make console"),
]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture(scope="module")
def world() -> Iterator[FleetWorld]:
    with running(300) as made:
        yield made


def one(world: FleetWorld, condition: str) -> str:
    (row,) = world.fetch(f"select id from camera where deleted is null and {condition} order by number limit 1")
    return str(row["id"])


def card(page: Page, heading: str) -> Locator:
    return page.locator(".card", has=page.get_by_role("heading", name=heading, exact=True))


def test_a_fact_is_changed_with_a_reason_and_the_history_says_so(world: FleetWorld) -> None:
    camera = one(world, "life = 'operating'")
    with world.page(f"camera/{camera}", **DESK) as page:
        page.get_by_role("button", name="Change: Contract and warranty").click()
        papers = card(page, "Contract and warranty")
        papers.get_by_label("Supplier").fill("Công ty Sao Khuê")
        papers.get_by_label("Reason (kept in the history)").fill("thanh lý hợp đồng cũ")
        papers.get_by_role("button", name="Save").click()
        expect(page.locator("dd", has_text="Công ty Sao Khuê")).to_be_visible()
        newest = page.get_by_role("region", name="History").locator("li").first
        expect(newest).to_contain_text("Công ty Sao Khuê")
        expect(newest).to_contain_text("thanh lý hợp đồng cũ")
        expect(newest).to_contain_text("admin")
    assert world.fetch("select supplier from camera where id = $1", camera)[0]["supplier"] == "Công ty Sao Khuê"


def test_an_edit_of_what_somebody_else_changed_is_refused_in_words(world: FleetWorld) -> None:
    camera = one(world, "life = 'operating'")
    with world.page(f"camera/{camera}", **DESK) as page:
        page.get_by_role("button", name="Change: Contract and warranty").click()
        papers = card(page, "Contract and warranty")
        papers.get_by_label("Contract", exact=True).fill("HĐ 12/2026")
        papers.get_by_label("Reason (kept in the history)").fill("gia hạn")
        world.call(
            world.world.engines.database.execute(
                "with me as materialized (select set_config('khue.actor', 'other', false))"
                " update camera set note = 'khác' from me where id = $1",
                camera,
            )
        )
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("load it again")


def test_a_life_step_is_dated_and_reasoned(world: FleetWorld) -> None:
    camera = one(world, "life = 'operating'")
    with world.page(f"camera/{camera}", **DESK) as page:
        page.get_by_label("Next step").select_option("faulty")
        card(page, "Life").get_by_label("Reason (kept in the history)").fill("mất nguồn")
        page.get_by_role("button", name="Record this step").click()
        expect(page.locator("header p.line")).to_contain_text("Faulty")
    (row,) = world.fetch("select before, after, reason, actor from life_transition where camera = $1", camera)
    assert dict(row) == {"before": "operating", "after": "faulty", "reason": "mất nguồn", "actor": "admin"}


def test_a_borrowed_line_needs_a_consent(world: FleetWorld) -> None:
    camera = one(world, "link = 'borrowed' and not exists (select from consent n where n.camera = camera.id)")
    with world.page(f"camera/{camera}", **DESK) as page:
        expect(page.locator("p.trouble")).to_contain_text("no consent is on record")
        page.get_by_role("button", name="Record a consent").click()
        page.get_by_label("Resident", exact=True).fill("Nguyễn Thị Hoà")
        page.get_by_label("Telephone").fill("0901234567")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("p.trouble")).to_have_count(0)
        expect(page.locator("dd", has_text="Nguyễn Thị Hoà")).to_be_visible()
    (row,) = world.fetch("select contact from consent where camera = $1", camera)
    assert "Nguyễn".encode() not in row["contact"]


def test_a_finding_decides_the_state_of_its_security(world: FleetWorld) -> None:
    camera = one(world, "security = 'unknown'")
    with world.page(f"camera/{camera}", **DESK) as page:
        page.get_by_role("button", name="Assess: Signed updates").click()
        page.get_by_label("Result").select_option("fail")
        page.get_by_label("Evidence").fill("bản cập nhật không có chữ ký")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("strong.fails")).to_have_text("Does not comply")
    assert world.fetch("select security from camera where id = $1", camera)[0]["security"] == "fails"


def test_the_page_as_of_a_day_is_read_only(world: FleetWorld) -> None:
    camera = one(world, "installed_on < '2025-01-01'")
    with world.page(f"camera/{camera}?asof=2025-06-01", **DESK) as page:
        expect(page.locator(".banner")).to_contain_text("1 Jun 2025")
        expect(page.get_by_role("button", name="Change: Link")).to_have_count(0)
        page.get_by_role("button", name="Back to now").click()
        expect(page.get_by_role("button", name="Change: Link")).to_be_visible()


def test_it_fits_a_telephone_in_vietnamese(world: FleetWorld) -> None:
    camera = one(world, "latitude is not null")
    with world.page(f"camera/{camera}", language="vi-VN", **PHONE) as page:
        expect(page.get_by_role("heading", name="Lịch sử thay đổi")).to_be_visible()
        until(lambda: page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), 10)
