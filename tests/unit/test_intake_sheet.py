"""Where a list begins, what its columns are, which rows are no cameras; in workbooks and CSV files."""

from __future__ import annotations

import datetime
import io
import random
from typing import Any

import pytest
from intake_material import GOOD, HEADINGS, Rows, bare_workbook, csv_bytes, only, workbook
from python_calamine import load_workbook

from khue.centre.intake import xlsx_cells
from khue.centre.intake.mapping import propose
from khue.centre.intake.sheet import SheetError, read_tables
from khue.centre.intake.xlsx_sheet import read_workbook

LETTERHEAD: Rows = [
    ["UBND THÀNH PHỐ HÀ NỘI", None, None, "CỘNG HOÀ XÃ HỘI CHỦ NGHĨA VIỆT NAM"],
    ["UBND PHƯỜNG GIẢNG VÕ", None, None, "Độc lập - Tự do - Hạnh phúc"],
    [],
    ["DANH SÁCH CAMERA GIÁM SÁT NĂM 2025"],
]


def test_a_list_below_a_letterhead_with_totals_and_signatures() -> None:
    rows = [
        *LETTERHEAD,
        HEADINGS,
        ["(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)"],
        ["Khu vực 1"],
        GOOD,
        [],
        HEADINGS,
        GOOD,
        ["Tổng cộng", 2],
        ["", "", "", "", "Hà Nội, ngày 5 tháng 3 năm 2025"],
        ["Người lập biểu", None, None, "CHỦ TỊCH"],
        ["Nguyễn Văn A", None, None, "Trần Thị B"],
    ]
    table = only(workbook({"Sheet1": rows}), "x.xlsx")
    assert [row.number for row in table.rows] == [8, 11]
    assert table.rows[0].cells == tuple(GOOD)
    assert table.header_rows == (5, 5) and table.headings == tuple(HEADINGS)
    assert {one.row: one.code for one in table.skipped} == {
        1: "title",
        2: "title",
        4: "title",
        6: "column_numbers",
        7: "group_title",
        10: "heading",
        12: "total",
        13: "footer",
        14: "footer",
        15: "footer",
    }
    assert propose(table).agency == "UBND phường Giảng Võ"
    assert table.groups == {8: "Khu vực 1", 11: "Khu vực 1"}


def test_a_heading_of_three_merged_rows() -> None:
    rows: Rows = [
        ["STT", "Thông tin camera", None, None, "Vị trí", None, None],
        [None, "Tên", "Thiết bị", None, "Địa chỉ", "Toạ độ", None],
        [None, None, "Hãng", "Model", None, "Vĩ độ", "Kinh độ"],
        [1, "Cổng chợ", "Dahua", "IPC-1", "1 Kim Mã", 21.03, 105.81],
    ]

    def merge(book: Any, sheets: dict[str, Any]) -> None:
        for place, text in {
            "A1:A3": "STT",
            "B1:D1": "Thông tin camera",
            "E1:G1": "Vị trí",
            "B2:B3": "Tên",
            "C2:D2": "Thiết bị",
            "E2:E3": "Địa chỉ",
            "F2:G2": "Toạ độ",
        }.items():
            sheets["S"].merge_range(place, text)

    table = only(workbook({"S": rows}, change=merge), "x.xlsx")
    assert table.header_rows == (1, 3)
    assert table.headings[1] == "Thông tin camera / Tên"
    assert table.headings[5:] == ("Vị trí / Toạ độ / Vĩ độ", "Vị trí / Toạ độ / Kinh độ")
    assert list(propose(table).columns.values()) == ["", "name", "vendor", "model", "address", "lat", "lon"]


def test_the_same_heading_in_a_csv_file_without_merges() -> None:
    rows = [
        ["STT", "Tên camera", "Toạ độ", "", "Hãng"],
        ["", "", "Vĩ độ", "Kinh độ", ""],
        ["1", "Cổng chợ", "21.03", "105.81", "Dahua"],
    ]
    table = only(csv_bytes(rows, ";"))
    assert table.headings == ("STT", "Tên camera", "Toạ độ / Vĩ độ", "Toạ độ / Kinh độ", "Hãng")
    assert [row.number for row in table.rows] == [3]


def test_sheets_that_are_no_lists_and_hidden_ones_are_left_alone_and_said() -> None:
    sheets: dict[str, Rows] = {
        "Bìa": [["BÁO CÁO"], ["Kính gửi: Công an thành phố"]],
        "Tổng hợp": [["STT", "Phường/Xã", "Số lượng", "Hoạt động", "Hỏng"], [1, "Phường Láng", 20, 12, 8]],
        "Danh sách": [HEADINGS, GOOD],
        "Liên hệ": [
            ["STT", "Họ và tên", "Chức vụ", "Điện thoại", "Địa chỉ"],
            [1, "Nguyễn Văn A", "Trưởng phòng", "0912345678", "1 Kim Mã"],
        ],
        "Cũ": [HEADINGS, GOOD, GOOD],
    }
    tables = read_tables("x.xlsx", workbook(sheets, change=lambda _, made: made["Cũ"].hide()))
    assert {table.sheet: len(table.rows) for table in tables} == {
        "Bìa": 0,
        "Tổng hợp": 0,
        "Danh sách": 1,
        "Liên hệ": 0,
        "Cũ": 0,
    }
    assert {one.code for table in tables if not table.rows for one in table.skipped} == {"not_a_list", "hidden_sheet"}
    assert sum(len(table.rows) + len(table.skipped) for table in tables) == 2 + 2 + 1 + 2 + 3


def test_a_list_in_unknown_words_can_be_mapped_by_hand() -> None:
    table = only(csv_bytes([["alpha", "beta"], ["1", "2"], ["3", "4"]]))
    assert table.headings == ("alpha", "beta") and len(table.rows) == 2
    assert set(propose(table).columns.values()) == {""}


def test_formulas_are_known_by_row_and_column() -> None:
    rows: Rows = [HEADINGS, [*GOOD[:4], "=20+1", 105.8138, "ANTT"], ["=ROW()", *GOOD[1:]]]
    assert only(workbook({"S": rows}), "x.xlsx").formulas == {(2, 4), (3, 0)}


def test_headings_without_text_and_twice_the_same() -> None:
    table = only(csv_bytes([["Tên camera", "", "Tên camera", "Vĩ độ", "Kinh độ"], ["a", "b", "c", "21.03", "105.8"]]))
    assert len(set(table.headings)) == len(table.headings)
    assert table.headings[1] == "[B]" and table.headings[2] == "Tên camera [C]"
    assert propose(table).columns["Tên camera"] == "name"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_csv_in_every_dress(delimiter: str, encoding: str) -> None:
    table = only(csv_bytes([HEADINGS, GOOD], delimiter, encoding))
    assert table.headings == tuple(HEADINGS)
    assert table.rows[0].cells == tuple(str(cell) for cell in GOOD)
    assert table.rows[0].number == 2


def test_csv_records_over_several_lines_count_as_one_row() -> None:
    data = ",".join(HEADINGS) + '\nC1,"Ngã tư\nKim Mã, Giảng Võ",x,y,21.03,105.8,z\n\nC2,b,x,y,21.03,105.8,z\n'
    table = only(data.encode())
    assert [row.number for row in table.rows] == [2, 4]
    assert table.rows[0].cells[1] == "Ngã tư\nKim Mã, Giảng Võ"


def test_the_delimiter_a_spreadsheet_announces() -> None:
    table = only(b"sep=;\n" + csv_bytes([HEADINGS, GOOD], ";"))
    assert table.header_rows == (2, 2) and table.rows[0].number == 3


def _random_sheet(seed: int) -> Rows:
    draw = random.Random(seed)
    pool: list[Any] = [
        None,
        1,
        2.5,
        -3,
        1e20,
        21.0285,
        "chữ",
        "a&b<c>",
        " lead",
        "x" * 300,
        True,
        datetime.date(2024, 2, 29),
        "0123",
        10**14,
        0.1,
        "_x0041_",
        "",
    ]
    return [[draw.choice(pool) for _ in range(draw.randrange(1, 9))] for _ in range(40)]


@pytest.mark.parametrize("seed", range(6))
def test_both_ways_of_reading_cells_and_calamine_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook({"S": [["head"], *_random_sheet(seed)]})
    (quick,) = read_workbook("x.xlsx", data)
    monkeypatch.setattr(xlsx_cells, "_read_quickly", lambda *_: False)
    (slow,) = read_workbook("x.xlsx", data)
    assert quick == slow
    theirs = load_workbook(io.BytesIO(data)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    for row in quick.rows:
        for column, cell in enumerate(row.cells):
            other = theirs[row.number - 1][column]
            assert (other == "" and cell is None) or other == cell or str(other).replace("_x0041_", "A") == cell, (
                row.number,
                column,
            )


def test_xml_as_no_usual_program_writes_it() -> None:
    sheet = (
        b'<x:row xmlns:x="u" r="1"><x:c t="inlineStr"><x:is><x:r><x:t>T&#234;n </x:t></x:r>'
        b"<x:r><x:t>camera</x:t></x:r></x:is></x:c>"
        b'<x:c t="s"><x:v>0</x:v></x:c><x:c t="str"><x:v>Kinh &#273;&#7897;</x:v></x:c></x:row>'
        b'<row r="3"><c r="B3"><v>21.03</v></c><c r="A3" t="inlineStr"><is><t>Ng&#227; t&#432;</t></is></c>'
        b'<c r="C3"><v>1.058E2</v></c></row>'
    )
    data = bare_workbook(sheet, "<sst><si><r><t>Vĩ </t></r><r><t>độ</t></r><rPh><t>no</t></rPh></si></sst>".encode())
    table = only(data, "x.xlsx")
    assert table.headings == ("Tên camera", "Vĩ độ", "Kinh độ")
    assert table.rows[0] == (3, ("Ngã tư", 21.03, 105.8))


def test_days_counted_from_1904() -> None:
    rows: Rows = [["Tên camera", "Địa chỉ", "Vĩ độ", "Ngày lắp đặt"], ["a", "b", 21.03, datetime.date(2024, 5, 17)]]
    data = workbook({"S": rows}, date_1904=True)
    assert only(data, "x.xlsx").rows[0].cells[3] == datetime.date(2024, 5, 17)


@pytest.mark.parametrize(
    ("name", "title", "agency"),
    [
        ("x.xlsx", "CÔNG AN THÀNH PHỐ HÀ NỘI\nCÔNG AN PHƯỜNG LÁNG\nDANH SÁCH CAMERA", "Công an phường Láng"),
        ("x.xlsx", "DANH SÁCH CAMERA CỦA UBND PHƯỜNG BA ĐÌNH (kèm theo công văn)", "UBND PHƯỜNG BA ĐÌNH"),
        ("x.xlsx", "Đơn vị: UBND xã Kiều Phú", "UBND xã Kiều Phú"),
        ("ubnd-phuong-ba-dinh.xlsx", "", "UBND phường Ba Đình"),
        ("DS_camera_cong_an_xa_soc_son_2025.csv", "DANH SÁCH", "Công an xã Sóc Sơn"),
        ("bao-cao.csv", "Danh sách camera", None),
    ],
)
def test_whose_list_it_is(name: str, title: str, agency: str | None) -> None:
    from khue.centre.intake.books import agency_id, agency_of
    from khue.centre.intake.sheet import Table

    found = agency_of(Table(name, "", title, (5, 5), (), [], []), name)
    assert (found and agency_id(found)) == (agency and agency_id(agency)) and (found is None) == (agency is None)


def test_an_error_says_file_sheet_row_and_column() -> None:
    error = SheetError("x", "vi", "too wide", file="a.xlsx", sheet="S", row=3, column="AB")
    assert str(error) == "a.xlsx, S, row 3, column AB: too wide"
