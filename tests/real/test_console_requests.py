"""Requests, answers, emergencies and the bell in a real Chromium: every step as the people concerned see it."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Iterator

import pytest
from access_console_world import PHONE, AccessWorld, overflow, running
from console_world import CHROMIUM
from playwright.sync_api import Page, expect

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


def ask(page: Page, *cameras: str, reason: str = "Xác minh va chạm lúc 07:40") -> None:
    """Fills the form and sends it."""
    for camera in cameras:
        page.get_by_role("combobox", name="Từng camera").fill(camera)
        page.get_by_role("option", name=camera).first.click()
    page.locator("select[name=purpose]").select_option("situation")
    page.get_by_label("Số vụ việc").fill("113/2026")
    page.get_by_label("Lý do *").fill(reason)
    page.get_by_role("button", name="Gửi đề nghị").click()
    expect(page.get_by_role("heading", name="Đề nghị của")).to_be_visible()


def the_request(world: AccessWorld, reason: str) -> str:
    found = [one for one in world.ask("GET", "/requests?box=mine", by="tuan")["items"] if one["reason"] == reason]
    return str(found[0]["id"])


def test_a_request_reaches_whoever_decides_is_narrowed_and_opens_just_that(world: AccessWorld) -> None:
    camera, other = world.city.cameras["Nút Hùng Vương"], world.city.cameras["Phố Đội Cấn"]
    with world.page("requests", by="chi") as decider, world.page("requests?view=ask", by="tuan") as asker:
        expect(decider.get_by_text("Không có đề nghị nào chờ trả lời.")).to_be_visible()
        ask(asker, "Nút Hùng Vương", "Phố Đội Cấn")
        expect(asker.locator("article")).to_contain_text("Phòng Cảnh sát giao thông")
        expect(asker.get_by_role("button", name="Chấp thuận")).to_have_count(0)
        # The news comes by itself.
        bell = decider.get_by_role("button", name="Thông báo: 1 chưa đọc")
        bell.click()
        decider.get_by_role("region", name="Thông báo").get_by_role("link").click()
        expect(decider.get_by_role("heading", name="Đề nghị của Lê Minh Tuấn")).to_be_visible()
        expect(decider.get_by_role("button", name="Thông báo", exact=True)).to_be_visible()
        expect(decider.locator("article")).to_contain_text("Xác minh va chạm lúc 07:40")
        expect(decider.locator(".far, .soon")).to_contain_text("còn")
        decider.get_by_role("button", name="Chấp thuận").click()
        approve = decider.locator("form .primary")
        expect(approve).to_have_text("Chấp thuận")
        expect(approve).to_be_disabled()
        decider.get_by_label("Phố Đội Cấn").uncheck()
        expect(approve).to_have_text("Chấp thuận một phần")
        decider.get_by_label("Số văn bản").fill("21/CV-PC08")
        decider.get_by_label("Ý kiến gửi người đề nghị").fill("Chỉ một nút giao")
        approve.click()
        expect(decider.locator("article")).to_contain_text("Chấp thuận một phần")
        asker.get_by_role("button", name=re.compile("^Thông báo: ")).click()
        asker.get_by_role("region", name="Thông báo").get_by_role("link").first.click()
        asker.reload()
        expect(asker.locator("article")).to_contain_text("Chỉ một nút giao")
        asker.get_by_role("link", name="Xem ủy quyền").click()
        expect(asker.get_by_text("Theo đề nghị được chấp thuận")).to_be_visible()
        expect(asker.locator("dl")).to_contain_text("Camera: Nút Hùng Vương")
    assert (
        world.ask("GET", f"/access/check?camera={camera}&right=live&purpose=situation", by="tuan")["verdict"]
        == "allowed"
    )
    assert (
        world.ask("GET", f"/access/check?camera={other}&right=live&purpose=situation", by="tuan")["verdict"]
        != "allowed"
    )


def test_a_refusal_needs_a_reason_and_is_read_by_whoever_asked(world: AccessWorld) -> None:
    reason = "Khảo sát lưu lượng"
    with world.page("requests?view=ask", by="tuan") as page:
        ask(page, "Phố Đội Cấn", reason=reason)
    with world.page(f"requests/{the_request(world, reason)}", by="chi", language="en-GB") as page:
        page.get_by_role("button", name="Refuse").click()
        refuse = page.get_by_role("dialog").get_by_role("button", name="Refuse")
        expect(refuse).to_be_disabled()
        page.get_by_label("Reason *").fill("Đã có số liệu của Sở Xây dựng")
        refuse.click()
        expect(page.locator("article")).to_contain_text("Refused")
    with world.page("requests?view=mine&state=refused", by="tuan") as page:
        page.locator(".lines a").click()
        expect(page.locator("article")).to_contain_text("Đã có số liệu của Sở Xây dựng")


def test_a_near_deadline_is_marked_and_the_request_can_be_withdrawn(world: AccessWorld) -> None:
    reason = "Sắp đến hạn"
    with world.page("requests?view=ask", by="tuan") as page:
        ask(page, "Phố Đội Cấn", reason=reason)
    request = the_request(world, reason)
    near = "update access_request set created = now() - interval '3 days', due = now() + interval '90 minutes', remind = null,"
    world.fetch(f"{near} escalate = null, reminded = 1 where id = $1 returning id", request)
    with world.page("requests", by="chi") as page:
        row = page.locator(".lines li", has_text="Phố Đội Cấn").filter(has=page.locator(".soon"))
        expect(row.locator(".soon")).to_contain_text("còn 1 giờ 2")
        row.get_by_role("link").click()
        expect(page.get_by_text("đã nhắc người trả lời")).to_be_visible()
    with world.page(f"requests/{request}", by="tuan") as page:
        page.get_by_role("button", name="Rút đề nghị").click()
        expect(page.locator("article")).to_contain_text("Đã rút")


def test_a_camera_s_refusal_leads_to_a_request_for_it(world: AccessWorld) -> None:
    camera = world.city.cameras["Nút Hùng Vương"]
    with world.page(f"requests?camera={camera}", by="anh") as page:
        expect(page.get_by_role("heading", name="Đề nghị cấp quyền xem camera")).to_be_visible()
        expect(page.get_by_role("list", name="Từng camera").get_by_role("button")).to_have_count(1)


def test_an_emergency_takes_two_runs_down_is_ended_and_reviewed(world: AccessWorld) -> None:
    camera = world.city.cameras["Phố Đội Cấn"]
    allowed = f"/access/check?camera={camera}&right=live&purpose=emergency"
    with (
        world.page("requests?view=emergencies", by="dung") as second,
        world.page("requests?view=break", by="tuan") as first,
    ):
        first.get_by_role("combobox", name="Từng camera").fill("doi can")
        first.get_by_role("option", name="Phố Đội Cấn").click()
        first.get_by_label("Lý do *").fill("Trẻ em mất tích")
        first.get_by_role("button", name="Yêu cầu mở khẩn cấp").click()
        expect(first.locator("article")).to_contain_text("Chờ người thứ hai")
        expect(first.get_by_role("button", name="Xác nhận mở khẩn cấp")).to_have_count(0)
        assert world.ask("GET", allowed, by="tuan")["verdict"] != "allowed"
        second.get_by_role("button", name="Xác nhận mở khẩn cấp").click(timeout=30_000)
        expect(second.get_by_role("timer")).to_have_text(re.compile(r"^(60:00|59:\d\d)$"))
        expect(first.get_by_role("timer")).to_have_text(re.compile(r"^\d\d:\d\d$"), timeout=30_000)
        assert world.ask("GET", allowed, by="tuan")["verdict"] == "allowed"
        first.get_by_role("button", name="Kết thúc sớm").click()
        expect(first.locator("article")).to_contain_text("Đã kết thúc, chờ hậu kiểm")
        expect(first.get_by_role("button", name="Hậu kiểm")).to_have_count(0)
        assert world.ask("GET", allowed, by="tuan")["verdict"] != "allowed"
    with world.page("wall", by="lan") as auditor:
        auditor.get_by_role("button", name=re.compile("^Thông báo: ")).click()
        auditor.get_by_role("region", name="Thông báo").get_by_role("link").first.click()
        auditor.get_by_role("button", name="Hậu kiểm").click()
        save = auditor.get_by_role("button", name="Ghi kết luận")
        expect(save).to_be_disabled()
        auditor.get_by_label("Có căn cứ", exact=True).check()
        auditor.get_by_label("Nhận xét, căn cứ").fill("Đúng quy trình, xem đúng một camera.")
        save.click()
        expect(auditor.locator("article")).to_contain_text("Đã hậu kiểm")
        expect(auditor.locator("article")).to_contain_text("Đúng quy trình, xem đúng một camera.")


def test_what_the_regulation_does_not_let_one_ask_for_is_refused_with_its_clause(world: AccessWorld) -> None:
    with world.page("requests?view=ask", by="tuan") as page:
        page.get_by_role("combobox", name="Từng camera").fill("doi can")
        page.get_by_role("option", name="Phố Đội Cấn").click()
        page.locator("select[name=purpose]").select_option("planning")
        page.get_by_label("Lý do *").fill("Quy hoạch")
        page.get_by_role("button", name="Gửi đề nghị").click()
        refusal = page.get_by_role("alert")
        expect(refusal).to_contain_text("Không được phép theo quy chế")
        expect(refusal).to_contain_text(re.compile(r"Khoản \d+\.\d+"))


@pytest.mark.parametrize("language", ["vi-VN", "en-GB"])
def test_nothing_is_wider_than_a_phone(world: AccessWorld, language: str) -> None:
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(days=3)).isoformat()
    wish = {
        "rights": ["live"],
        "cameras": [world.city.cameras["Phố Đội Cấn"]],
        "purpose": "situation",
        "reason": "Va chạm",
    }
    request = world.ask("POST", "/requests", {**wish, "valid_to": until}, by="tuan")["id"]
    views = ("", "?view=ask", "?view=second", "?view=break", "?view=emergencies", "?view=all", f"/{request}")
    with world.page("requests", by="chi", language=language, **PHONE) as page:
        for view in views:
            page.goto(f"{page.url.split('#')[0]}#/requests{view}")
            expect(page.locator("main .plate:visible, main .lines:visible").first).to_be_visible()
            assert overflow(page) <= 0, view
        page.get_by_role("button", name=re.compile("^(Thông báo|Notices)")).click()
        box = page.locator("header section").bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
