"""Agencies, posts, people and camera groups in a real Chromium, in front of a real centre."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from access_console_world import PHONE, AccessWorld, overflow, running
from console_world import CHROMIUM
from playwright.sync_api import expect

from khue.centre.console import DIST

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="needs Debian's chromium"),
    pytest.mark.skipif(not (DIST / "index.html").is_file(), reason="the console is not built: make console"),
]


@pytest.fixture(scope="module")
def world() -> Iterator[AccessWorld]:
    with running() as made:
        yield made


def test_the_tree_is_walked_with_the_keys_and_searched_without_marks(world: AccessWorld) -> None:
    with world.page("people") as page:
        tree = page.get_by_role("tree")
        expect(tree.get_by_role("treeitem")).to_have_text([re.compile("Công an Thành phố"), re.compile("Sở Xây dựng")])
        tree.get_by_role("treeitem").first.focus()
        page.keyboard.press("ArrowRight")
        expect(tree.get_by_role("treeitem")).to_have_count(5)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Công an phường Ba Đình", exact=True)).to_be_visible()
        expect(page.get_by_role("heading", name="Trực ban phường Ba Đình")).to_be_visible()
        expect(page.get_by_role("link", name="Trần Thị Mai")).to_be_visible()
        page.get_by_placeholder("Tìm đơn vị").fill("giao thong")
        expect(tree.get_by_role("treeitem")).to_have_count(2)
        tree.get_by_role("treeitem", name="Phòng Cảnh sát giao thông").click()
        expect(page.get_by_role("heading", name="Chỉ huy ca trực giao thông")).to_be_visible()


def test_a_post_is_made_filled_and_left_again(world: AccessWorld) -> None:
    agency = world.city.agencies["Công an phường Ngọc Hà"]
    with world.page(f"people/{agency}", language="en-GB") as page:
        page.get_by_role("button", name="Add a post").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Kind of post").select_option("ward_police")
        dialog.get_by_label("Title *").fill("Phó trưởng Công an phường Ngọc Hà")
        dialog.get_by_label("Title in English").fill("Deputy head, Ngọc Hà")
        dialog.get_by_role("button", name="Save").click()
        card = page.locator("article", has_text="Deputy head, Ngọc Hà")
        expect(card).to_contain_text("Nobody holds this post.")
        card.get_by_role("button", name="Appoint").click()
        page.get_by_role("combobox", name="Person").fill("quoc anh")
        page.get_by_role("option", name="Lê Quốc Anh").click()
        appoint = page.get_by_role("dialog").get_by_role("button", name="Appoint")
        expect(appoint).to_be_disabled()
        page.get_by_label("Number of the decision").fill("88/QĐ-CATP")
        appoint.click()
        expect(card).to_contain_text("Lê Quốc Anh")
        expect(card).to_contain_text("88/QĐ-CATP")
        held = "select t.* from tenure t join post p on p.id = t.post where p.title_en = 'Deputy head, Ngọc Hà'"
        tenure = world.fetch(held)[0]
        assert tenure["account"] == world.city.people["anh"] and tenure["valid_to"] is None
        card.get_by_role("button", name="End").click()
        page.get_by_label("Reason, document number").fill("Điều động, 90/QĐ-CATP")
        page.get_by_role("dialog").get_by_role("button", name="End").click()
        expect(card).to_contain_text("Nobody holds this post.")
        assert world.fetch(held)[0]["valid_to"] is not None


def test_people_are_found_with_their_posts_and_lead_to_what_they_can_see(world: AccessWorld) -> None:
    with world.page("people?view=people") as page:
        page.get_by_placeholder("Tìm cán bộ").fill("thuy chi")
        row = page.locator(".lines > li", has_text="Phạm Thùy Chi")
        expect(page.locator(".lines > li", has_not_text="Phạm Thùy Chi")).to_have_count(0)
        expect(row).to_contain_text("Chỉ huy ca trực giao thông, Phòng Cảnh sát giao thông")
        row.get_by_role("link", name="Được xem gì?").click()
        expect(page.get_by_role("heading", name="Phạm Thùy Chi")).to_be_visible()
        expect(page.locator(".rights li").first).to_contain_text("3 camera")


def test_agencies_are_linked_across_the_tree_until_the_link_is_ended(world: AccessWorld) -> None:
    with world.page(f"people/{world.city.agencies['Phòng Cảnh sát giao thông']}") as page:
        page.get_by_role("button", name="Thêm liên kết ngang").click()
        page.get_by_label("Quan hệ").select_option("directs")
        page.get_by_role("combobox", name="Đơn vị kia").fill("ba dinh")
        page.get_by_role("option", name="Công an phường Ba Đình").click()
        page.get_by_label("Số văn bản").fill("12/KH-CATP")
        page.get_by_role("button", name="Lưu").click()
        link = page.locator(".links li")
        expect(link).to_contain_text("Chỉ đạo nghiệp vụ Công an phường Ba Đình")
        expect(link).to_contain_text("12/KH-CATP")
        link.get_by_role("link").click()
        expect(page.locator(".links li")).to_contain_text("Chịu chỉ đạo nghiệp vụ của Phòng Cảnh sát giao thông")
        page.go_back()
        page.get_by_role("button", name="Kết thúc").click()
        expect(page.locator(".links")).to_have_count(0)
    assert world.fetch("select from agency_link where valid_to is null") == []


def test_a_group_of_cameras_is_named_and_filled(world: AccessWorld) -> None:
    with world.page("people?view=groups") as page:
        page.get_by_role("button", name="Thêm nhóm").click()
        page.get_by_label("Tên nhóm").fill("Bảo vệ lễ 2/9")
        page.get_by_role("dialog").get_by_role("button", name="Lưu").click()
        row = page.locator(".lines > li", has_text="Bảo vệ lễ 2/9")
        row.get_by_role("button", name="Thêm, bớt camera").click()
        for words, name in (("hung vuong", "Nút Hùng Vương"), ("dien bien", "Ngã tư Điện Biên Phủ")):
            page.get_by_role("combobox", name="Thêm camera").fill(words)
            page.get_by_role("option", name=name).click()
        page.get_by_role("dialog").get_by_role("button", name="Lưu").click()
        expect(row).to_contain_text("2 camera")
    assert len(world.fetch("select from camera_group_member")) == 2


def test_who_may_not_change_it_is_told_why_and_whom_to_ask_in_their_language(world: AccessWorld) -> None:
    with world.page(f"people/{world.city.agencies['Công an phường Ba Đình']}", by="mai") as page:
        page.get_by_role("button", name="Thêm vị trí").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Loại vị trí").select_option("ward_police")
        dialog.get_by_label("Tên vị trí *").fill("Vị trí tự đặt")
        dialog.get_by_role("button", name="Lưu").click()
        refusal = dialog.get_by_role("alert")
        expect(refusal).to_contain_text("Không được phép theo quy chế")
        expect(refusal).to_contain_text("Liên hệ: Công an Thành phố (Trưởng phòng phê duyệt)")
    assert world.fetch("select from post where title = 'Vị trí tự đặt'") == []


@pytest.mark.parametrize("language", ["vi-VN", "en-GB"])
def test_a_phone_shows_the_tree_then_the_agency_and_nothing_is_wider_than_it(world: AccessWorld, language: str) -> None:
    with world.page("people", language=language, **PHONE) as page:
        tree = page.get_by_role("tree")
        expect(tree).to_be_visible()
        tree.get_by_role("treeitem", name="Sở Xây dựng").click()
        expect(page.get_by_role("heading", name="Thanh tra Sở")).to_be_visible()
        expect(tree).to_be_hidden()
        for view in (f"/{world.city.agencies['Công an phường Ba Đình']}", "?view=people", "?view=groups", ""):
            page.goto(f"{page.url.split('#')[0]}#/people{view}")
            expect(page.locator("main .plate:visible, main .lines:visible").first).to_be_visible()
            assert overflow(page) <= 0, view
