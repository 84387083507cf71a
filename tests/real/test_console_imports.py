"""The import room in a real Chromium: sheets as wards have them, from their files to the registry and back."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import xlsxwriter
from centre_world import world as centre
from console_world import CHROMIUM, until
from fleet_console_world import FleetWorld, watched
from playwright.sync_api import FilePayload, Locator, Page, expect
from python_calamine import CalamineWorkbook

from khue.centre.console import DIST

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="needs Debian's chromium"),
    pytest.mark.skipif(not (DIST / "index.html").is_file(), reason="the console is not built: make console"),
]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 900}}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STRANGE = "Quyển lưu"  # a heading nobody knows

# Row 5 of the first is without a place, row 6 has an impossible day, row 7 is row 4 once more.
WARD = (
    ("UBND PHƯỜNG BA ĐÌNH",),
    ("STT", "Tên điểm lắp", "Địa chỉ", "Phường/Xã", "Vĩ độ", "Kinh độ", "Số sê-ri", "Ngày lắp đặt", STRANGE),
    (1, "Quán Thánh - Thanh Niên", "1 Quán Thánh", "P. Ba Đình", "21,0425", "105,8370", "DS01", "15/3/2024", "Q1/7"),
    (2, "Hoàng Hoa Thám 12", "12 Hoàng Hoa Thám", "P. Ba Đình", "21.0401", "105.8302", "DS02", "", "Q1/8"),
    (3, "Không rõ ở đâu", "", "", "", "", "DS03", "", ""),
    (4, "Ngày lạ", "5 Đội Cấn", "P. Ba Đình", "21.0360", "105.8330", "DS04", "31/02/2024", ""),
    (5, "Hoàng Hoa Thám 12", "12 Hoàng Hoa Thám", "P. Ba Đình", "21.0401", "105.8302", "DS02", "", ""),
)
POLICE = (
    ("CÔNG AN PHƯỜNG BA ĐÌNH",),
    ("Tên camera", "Vị trí", "Phường", "Toạ độ", "Mục đích"),
    ("Cổng trường Phan Đình Phùng", "67 Phan Đình Phùng", "Ba Đình", "21.0410, 105.8440", "An ninh trật tự"),
)


def sheet(rows: Sequence[Sequence[object]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        page = book.add_worksheet("Danh sách")
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    return file.getvalue()


def payload(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": XLSX, "buffer": data}


@pytest.fixture(scope="module")
def world() -> Iterator[FleetWorld]:
    with watched(centre) as made:
        yield made


def bring(page: Page, *files: FilePayload) -> None:
    page.locator("input[type=file]").set_input_files(list(files))
    page.wait_for_url(re.compile("#/imports/."))


def count_of(page: Page, outcome: str) -> Locator:
    return page.locator(".outcomes button", has_text=re.compile(rf"^\s*{outcome}\s")).locator("strong")


def dry_run(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Dry run")).click()
    expect(page.locator("header p")).to_contain_text("Dry run done", timeout=60_000)


def live_cameras(world: FleetWorld) -> int:
    return int(world.fetch("select count(*) as n from camera where deleted is null")[0]["n"])


def test_sheets_go_from_their_files_into_the_registry_and_back(world: FleetWorld, tmp_path: Path) -> None:
    before = live_cameras(world)
    with world.page("imports", accept_downloads=True, **DESK) as page:
        bring(page, payload("ba-dinh.xlsx", sheet(WARD)), payload("cong-an.xlsx", sheet(POLICE)))
        expect(page.get_by_role("heading", name="ba-dinh.xlsx and 1 more")).to_be_visible()
        ward = page.locator("details", has_text="ba-dinh.xlsx")
        expect(ward.locator("table")).to_have_count(0)  # closed: none of its menus is there
        ward.locator("summary").click()
        expect(ward.get_by_label("Owner agency")).to_have_value(re.compile("BA ĐÌNH", re.IGNORECASE))
        strange = ward.get_by_label(STRANGE)
        expect(strange.locator("option:checked")).to_have_text("– not read –")
        strange.select_option(label="Contract")
        ward.get_by_label("Save this mapping as").fill("Ba Đình")
        ward.get_by_role("button", name="Use this mapping").click()
        expect(ward.get_by_role("status")).to_contain_text("Taken over")

        dry_run(page)
        expect(page.locator(".read")).to_have_text(re.compile(r"6 rows read,\s+0 lost"))
        for outcome, number in {"new": 3, "duplicate": 1, "refused": 2, "changed": 0}.items():
            expect(count_of(page, outcome)).to_have_text(str(number))
        assert live_cameras(world) == before, "a dry run changes nothing"

        count_of(page, "refused").click()
        rows = page.locator("ol > li")
        expect(rows).to_have_count(2)
        expect(rows.nth(1)).to_contain_text("Danh sách · row 6")
        expect(rows.nth(1)).to_contain_text("column H: ")
        expect(rows.nth(1)).not_to_contain_text("không")
        page.get_by_role("button", name="Tiếng Việt").click()
        expect(rows.nth(1)).to_contain_text("dòng 6")
        expect(rows.nth(1)).to_contain_text("cột H: “31/02/2024” không phải là ngày có thật")
        expect(page.locator(".reasons")).to_contain_text("ngày không có thật")
        page.get_by_role("button", name="English").click()
        expect(page.locator(".reasons")).to_contain_text("impossible date")
        count_of(page, "duplicate").click()
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("The same camera as ba-dinh.xlsx · Danh sách · row 4")

        with page.expect_download() as download:
            page.get_by_role("link", name="Corrected sheet").click()
        saved = tmp_path / "corrected.xlsx"
        download.value.save_as(saved)
        book = CalamineWorkbook.from_path(saved)
        tables = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
        text = {cell for table in tables for row in table for cell in row}
        assert "Ngày lạ" in text and STRANGE in text

        page.get_by_role("button", name="Write to the registry").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("3 cameras will be created and 0 changed, all or none; 2 rows stay out.")
        assert live_cameras(world) == before
        dialog.get_by_role("button", name="Write to the registry").click()
        expect(page.locator("header p")).to_contain_text("In the registry", timeout=60_000)
        assert live_cameras(world) == before + 3
        assert world.fetch("select contract from camera where serial = 'DS01'")[0]["contract"] == "Q1/7"

        count_of(page, "new").click()
        page.get_by_role("link", name="Quán Thánh - Thanh Niên").click()
        expect(page.get_by_role("heading", name="Quán Thánh - Thanh Niên")).to_be_visible()
        expect(page.locator("dd", has_text="Q1/7")).to_be_visible()
        page.go_back()
        page.get_by_role("button", name="Undo this import").click()
        page.get_by_role("dialog").get_by_role("button", name="Undo this import").click()
        expect(page.locator("header p")).to_contain_text("Taken back", timeout=60_000)
        assert live_cameras(world) == before

        page.get_by_role("link", name="All imports").click()
        expect(page.locator("ul a").first).to_contain_text("6 rows, 3 new, 2 refused")


def test_a_saved_mapping_is_used_for_the_next_sheet_with_these_headings(world: FleetWorld) -> None:
    with world.page("imports", **DESK) as page:
        for name in ("first.xlsx", "second.xlsx"):
            bring(page, payload(name, sheet(((STRANGE + " 2", *WARD[1][1:8]), *WARD[2:4]))))
            strange = page.get_by_label(STRANGE + " 2")
            if name == "first.xlsx":
                strange.select_option(label="Note")
                page.get_by_label("Save this mapping as").fill("Sổ cũ")
                page.get_by_role("button", name="Use this mapping").click()
                expect(page.locator("details").get_by_role("status")).to_be_visible()
                page.get_by_role("link", name="All imports").click()
        expect(strange.locator("option:checked")).to_have_text("Note")
        expect(page.get_by_label("Save this mapping as")).to_have_value("Sổ cũ")


def test_a_hostile_file_is_answered_in_words_and_the_others_go_on(world: FleetWorld) -> None:
    whole = sheet(POLICE)
    broken = payload("cut.xlsx", whole[: len(whole) // 2])
    with world.page("imports", **DESK) as page:
        page.locator("input[type=file]").set_input_files([broken])
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("cut.xlsx")
        until(lambda: len(alert.inner_text().split()) > 12, 10)
        imports = world.fetch("select count(*) as n from import where name = 'cut.xlsx'")
        assert imports[0]["n"] == 0, "an import of nothing is not kept"
        bring(page, broken, payload("cong-an.xlsx", whole))
        expect(page.get_by_role("alert")).to_contain_text("cut.xlsx")
        expect(page.locator("details")).to_have_count(1)
        dry_run(page)
        expect(page.locator(".read")).to_contain_text("1 rows read")
        page.get_by_role("link", name="All imports").click()
        expect(page.get_by_role("alert")).to_have_count(0)  # it is told where it belongs


def test_the_room_fits_a_telephone_in_vietnamese(world: FleetWorld) -> None:
    with world.page("imports", language="vi-VN", **PHONE) as page:
        fits = "document.documentElement.scrollWidth <= window.innerWidth"
        expect(page.get_by_text("Thả tệp Excel hoặc CSV vào đây")).to_be_visible()
        assert page.evaluate(fits)
        bring(page, payload("ba-dinh.xlsx", sheet(WARD)))
        expect(page.locator("table")).to_be_visible()
        assert page.evaluate(fits)
        page.get_by_role("button", name="Chạy thử").click()
        expect(page.locator(".read")).to_be_visible(timeout=60_000)
        assert page.evaluate(fits)
