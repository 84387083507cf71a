"""The regulation's room in a real Chromium: read, compared, tested, put in force; and what it refuses, said on the wall."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from console_world import CHROMIUM, until
from fleet_console_world import FleetWorld, running
from playwright.sync_api import Page, expect

from khue.centre.console import DIST
from khue.model.regulation.reading import PACKAGED, packaged_files

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="needs Debian's chromium"),
    pytest.mark.skipif(not (DIST / "index.html").is_file(), reason="the console is not built: make console"),
]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 900}}
SECRET = "hoa sen nở tháng sáu"


@pytest.fixture(scope="module")
def world() -> Iterator[FleetWorld]:
    with running(40) as made:
        yield made


def stricter(folder: Path) -> list[Path]:
    """The packaged version under another id: viewers play nothing back, and watch live with a case number only."""
    both = 'kinds = ["administrator", "operator", "viewer"]'
    alone = 'kinds = ["administrator", "operator"]'
    files = packaged_files()
    for name, before, after in (
        ("regulation.toml", f'id = "{PACKAGED}"', 'id = "hanoi-2027.1"'),
        (
            "rights.toml",
            f'{both}\nrights = ["live"]',
            'kinds = ["viewer"]\nrights = ["live"]\ndefault_purpose = "duty"\nneeds = ["purpose", "case"]\n'
            f'clause = "5.1"\n\n[[rule]]\n{alone}\nrights = ["live"]',
        ),
        ("rights.toml", f'{both}\nrights = ["playback"]', f'{alone}\nrights = ["playback"]'),
        (
            "cases.toml",
            'kind = "viewer"\nright = "live"\nexpect = "allowed"\nclause = "5.1"',
            'kind = "viewer"\nright = "live"\nexpect = "needs_case"\nclause = "5.1"',
        ),
        ("retention.toml", "days = 30\npriority = 50", "days = 20\npriority = 50"),
    ):
        assert before in files[name], (name, before)
        files[name] = files[name].replace(before, after, 1)
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return sorted(folder.iterdir())


@contextlib.contextmanager
def as_viewer(world: FleetWorld, name: str, address: str, *, language: str = "vi-VN", **context: Any) -> Iterator[Page]:
    admin = world.call(world.world.client())
    account = {"username": name, "password": SECRET, "role": "viewer"}
    reply = world.call(admin.post("/api/v1/accounts", json=account))
    assert reply.status_code == 201, reply.text
    with world.browser.new_context(locale=language, **context) as profile:
        page = profile.new_page()
        page.goto(f"{world.world.centre.url}/#/{address}")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", SECRET)
        page.click("form button")
        page.wait_for_selector("nav")
        yield page


def test_it_reads_like_a_document_in_either_language(world: FleetWorld) -> None:
    with world.page(f"regulation/{PACKAGED}?clause=7.1", **DESK, language="vi-VN") as page:
        expect(page.get_by_role("heading", name="Điều 7.")).to_be_visible()
        marked = page.locator("[data-clause='7.1']")
        expect(marked).to_be_in_viewport()
        assert "marked" in str(marked.get_attribute("class"))
        page.get_by_placeholder("Tìm trong điều khoản").fill("nhan dang khuon mat")
        expect(page.locator("p[data-clause]")).to_have_count(1)
        expect(page.locator("p[data-clause]")).to_contain_text("Không nhận dạng khuôn mặt")
        page.get_by_label("Kèm bản tiếng Anh").check()
        expect(page.locator("p[data-clause]")).to_contain_text("No face recognition")


def test_a_cell_of_the_matrix_opens_the_rule_behind_it(world: FleetWorld) -> None:
    with world.page("regulation?part=rules", **DESK) as page:
        page.get_by_role("button", name="Operator, Export: allowed").click()
        rule = page.locator("aside dl")
        expect(rule).to_contain_text("purpose, reason, case number")
        expect(rule).to_contain_text("none; a purpose must be stated")
        rule.get_by_role("link", name=f"Clause 7.1 · version {PACKAGED}").click()
        expect(page.locator("[data-clause='7.1']")).to_be_in_viewport()
        viewer = page.get_by_role("button", name="Viewer, Export: allowed")
        expect(viewer).to_have_count(0)


def test_nothing_is_cut_on_a_phone(world: FleetWorld) -> None:
    for part in ("clauses", "rules", "mine", "settings", "diff", "cases"):
        with world.page(f"regulation?part={part}", **PHONE) as page:
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            page.wait_for_timeout(300)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), part
            if part == "rules":
                page.get_by_role("button", name="Operator, Export: allowed").click()
                expect(page.get_by_role("dialog")).to_contain_text("purpose, reason, case number")


def test_a_purpose_is_stated_once_and_kept(world: FleetWorld) -> None:
    with world.page("regulation", **DESK) as page:
        page.get_by_role("button", name="Purpose of use: No purpose stated").click()
        page.get_by_role("combobox", name="Purpose", exact=True).select_option("situation")
        page.get_by_label("Case number").fill("TH-2026/115")
        page.get_by_role("button", name="Use it").click()
        stated = page.get_by_role("button", name="Purpose of use: Handling a situation")
        expect(stated).to_contain_text("TH-2026/115")
        page.reload()
        expect(stated).to_be_visible()
        camera = str(world.fetch("select id from camera where deleted is null order by number limit 1")[0]["id"])
        page.goto(f"{world.world.centre.url}/#/wall?t={camera}")
        where = "select purpose, case_number from audit_entry where camera = $1 and action = 'camera:live'"
        (entry, *_) = until(lambda: world.fetch(where, camera))
        assert dict(entry) == {"purpose": "situation", "case_number": "TH-2026/115"}


def test_a_version_that_is_to_hold_from_later_is_withdrawn(world: FleetWorld) -> None:
    files = packaged_files()
    files["regulation.toml"] = files["regulation.toml"].replace(f'id = "{PACKAGED}"', 'id = "hanoi-2030.1"')
    admin = world.call(world.world.client())
    loaded = world.call(admin.post("/api/v1/regulation/versions", json={"files": files}))
    assert loaded.status_code == 201, loaded.text
    with world.page("regulation/hanoi-2030.1", **DESK) as page:
        page.get_by_role("button", name="Put in force").click()
        page.get_by_label("at this time").check()
        page.get_by_role("dialog").locator("input[type=datetime-local]").fill("2030-01-01T00:00")
        page.get_by_label("Reason, document number").fill("QĐ 02/2029/QĐ-UBND")
        page.get_by_role("dialog").get_by_role("button", name="Put in force").click()
        begins = "select valid_from from regulation_version where id = 'hanoi-2030.1'"
        shown = page.locator("aside a[aria-current=page]")
        expect(shown).to_contain_text("In force from 1 Jan 2030 00:00:00 on")
        # On the city's clock, wherever the browser stands.
        assert world.fetch(begins)[0]["valid_from"].isoformat() == "2029-12-31T17:00:00+00:00"
        page.get_by_role("button", name="Withdraw").click()
        page.get_by_label("Reason, document number").fill("chưa ban hành")
        page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
        expect(shown).to_contain_text("Loaded, not in force")
    assert world.fetch(begins)[0]["valid_from"] is None


def test_another_version_is_loaded_compared_tested_and_put_in_force(world: FleetWorld, tmp_path: Path) -> None:
    camera = str(world.fetch("select id from camera where deleted is null order by number limit 1")[0]["id"])
    with world.page("regulation", **DESK) as page:
        page.get_by_role("button", name="Load a new version").click()
        dialog = page.get_by_role("dialog")
        broken = tmp_path / "regulation.toml"
        broken.write_text("format = 1\n")
        dialog.locator("input[type=file]").set_input_files([broken])
        expect(dialog.get_by_role("alert")).to_contain_text("regulation.toml")
        dialog.locator("input[type=file]").set_input_files(stricter(tmp_path / "new"))
        expect(page.get_by_role("heading", name="What changes for whom")).to_be_visible()
        expect(page.locator("details.lost")).to_contain_text("Viewer")
        expect(page.locator("details.lost")).to_contain_text("Play back")
        expect(page.locator("details.changed")).to_contain_text("Watch live")
        expect(page.locator("article")).to_contain_text("Retention › Security and order")
        page.get_by_role("link", name="Test cases").click()
        page.get_by_role("button", name="Run all cases").click()
        expect(page.get_by_text("cases pass")).to_be_visible()
        page.get_by_role("button", name="Put in force").click()
        page.get_by_label("Reason, document number").fill("QĐ 01/2027/QĐ-UBND")
        page.get_by_role("dialog").get_by_role("button", name="Put in force").click()
        expect(page.locator("p.note")).to_contain_text("Version hanoi-2027.1 is in force from")
        expect(page.locator("aside a[aria-current=page]")).to_contain_text("In force")
    (entry,) = world.fetch("select reason from audit_entry where detail like 'activate regulation hanoi-2027.1%'")
    assert entry["reason"] == "QĐ 01/2027/QĐ-UBND"

    with as_viewer(world, "nguoi-xem", f"wall?t={camera}", **DESK) as page:
        tile = page.locator("section.tile").first
        expect(tile).to_contain_text("Không được phép theo quy chế")
        expect(tile).to_contain_text("Khoản 5.1 · phiên bản hanoi-2027.1")
        expect(tile.get_by_role("link", name="Đề nghị cấp quyền")).to_have_attribute(
            "href", f"#/requests?camera={camera}"
        )
        tile.get_by_role("link", name="Khoản 5.1").click()
        expect(page.locator("[data-clause='5.1']")).to_be_in_viewport()
        page.go_back()
        tile.get_by_role("button", name="Nêu mục đích").click()
        page.get_by_label("Số vụ việc").fill("TH-2027/9")
        page.get_by_role("button", name="Áp dụng").click()
        expect(tile).not_to_contain_text("Không được phép theo quy chế")
