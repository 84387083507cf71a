"""What cells mean: positions, dates, words, devices' addresses; and what is refused, with the remedy and without the secret."""

from __future__ import annotations

import datetime
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_material import BOOKS, GOOD, HEADINGS, codes, csv_bytes, notes, only, reading, readings, workbook

from khue.centre.intake.coordinates import angle, both, settle
from khue.centre.intake.dates import read_day
from khue.centre.intake.mapping import Mapping, propose
from khue.centre.intake.projection import from_vn2000
from khue.centre.intake.values import read_row

LATS = st.floats(20.6, 21.35).map(lambda value: round(value, 6))
LONS = st.floats(105.3, 106.0).map(lambda value: round(value, 6))


def _dms(value: float, letter: str, style: int) -> str:
    degrees, rest = divmod(value, 1)
    minutes, rest = divmod(rest * 60, 1)
    seconds = rest * 60
    shapes = (
        f"{degrees:.0f}°{minutes:02.0f}'{seconds:08.5f}\"{letter}",
        f"{degrees:.0f}° {minutes:.0f}′ {seconds:.5f}″ {letter}",
        f"{letter} {degrees:.0f}º{minutes:.0f}'{seconds:.5f}''",
        f"{degrees:.0f} độ {minutes:.0f} phút {seconds:.5f} giây".replace(".", ","),
        f"{degrees:.0f} {minutes:.0f} {seconds:.5f}",
        f"{degrees:.0f}-{minutes:.0f}-{seconds:.5f}{letter}",
    )
    return shapes[style]


@given(LATS, LONS, st.integers(0, 5))
def test_degrees_minutes_and_seconds_in_every_notation(lat: float, lon: float, style: int) -> None:
    for value, letter in ((lat, "N"), (lon, "E")):
        read = angle(_dms(value, letter, style))
        assert read is not None and math.isclose(read.value, value, abs_tol=1e-7)


@given(LATS, LONS)
def test_pairs_in_one_cell(lat: float, lon: float) -> None:
    a, b = f"{lat:.6f}", f"{lon:.6f}"
    for text in (
        f"{a}, {b}",
        f"{a};{b}",
        f"({a} {b})",
        f"{b}, {a}",
        f"{a.replace('.', ',')}; {b.replace('.', ',')}",
        f"{a.replace('.', ',')} {b.replace('.', ',')}",
        f"Lat: {a}, Long: {b}",
        f"Vĩ độ {a} - Kinh độ {b}",
        f"{a}N {b}E",
        f"{a}°N, {b}°E",
        f"https://www.google.com/maps?q={a},{b}",
        f"https://maps.google.com/maps?ll={a},{b}&z=17",
        f"https://www.google.com/maps/@{a},{b},17z",
        f"https://www.google.com/maps/place/X/@21.0,105.5,17z/data=!3m1!3d{a}!4d{b}",
        f"{_dms(lat, 'N', 0)} {_dms(lon, 'E', 0)}",
        f"{_dms(lat, 'B', 1)}, {_dms(lon, 'Đ', 1)}",
    ):
        place = both(text)
        assert place is not None, text
        assert math.isclose(place.lat, lat, abs_tol=1e-6) and math.isclose(place.lon, lon, abs_tol=1e-6), text


@given(LATS, LONS)
def test_columns_in_any_order_and_with_lost_points(lat: float, lon: float) -> None:
    for first, second in (
        (lat, lon),
        (lon, lat),
        (f"{lat:.6f}", f"{lon:.6f}"),
        (f"{lat:.6f}".replace(".", ","), f"{lon:.6f}".replace(".", ",")),
        (int(f"{lat:.6f}".replace(".", "")), int(f"{lon:.6f}".replace(".", ""))),
    ):
        a, b = angle(first), angle(second)
        assert a is not None and b is not None
        place = settle(a, b)
        assert place is not None
        assert math.isclose(place.lat, lat, abs_tol=1e-6) and math.isclose(place.lon, lon, abs_tol=1e-6), (
            first,
            second,
        )


def _project(lat: float, lon: float) -> tuple[float, float]:
    """WGS 84 ellipsoid, central meridian 105°, scale 0.9999: Snyder's series (USGS 1395, 8-9 to 8-10), another way than ours."""
    a, e2 = 6378137.0, 0.00669437999014
    phi, e12 = math.radians(lat), 0.00669437999014 / (1 - 0.00669437999014)
    n = a / math.sqrt(1 - e2 * math.sin(phi) ** 2)
    t, c = math.tan(phi) ** 2, e12 * math.cos(phi) ** 2
    x = math.radians(lon - 105) * math.cos(phi)
    m = a * (
        (1 - e2 / 4 - 3 * e2**2 / 64 - 5 * e2**3 / 256) * phi
        - (3 * e2 / 8 + 3 * e2**2 / 32 + 45 * e2**3 / 1024) * math.sin(2 * phi)
        + (15 * e2**2 / 256 + 45 * e2**3 / 1024) * math.sin(4 * phi)
        - 35 * e2**3 / 3072 * math.sin(6 * phi)
    )
    east = 0.9999 * n * (x + (1 - t + c) * x**3 / 6 + (5 - 18 * t + t * t + 72 * c - 58 * e12) * x**5 / 120)
    north = 0.9999 * (m + n * math.tan(phi) * (x * x / 2 + (5 - t + 9 * c + 4 * c * c) * x**4 / 24))
    return north, 500_000 + east


@given(LATS, LONS)
def test_vn2000_is_unprojected_and_shifted(lat: float, lon: float) -> None:
    found_lat, found_lon = from_vn2000(*_project(lat, lon))
    # The datum lies about 110 m north and 200 m west of WGS 84 in Hanoi; the series agree far better than a metre.
    south, west = (found_lat - lat) * 110_700, (found_lon - lon) * 103_700
    assert -120 < south < -100 and 190 < west < 200


@pytest.mark.parametrize(
    ("lat", "lon"),
    [("2325123,45", "588123,4"), (588123.4, 2325123.45), ("2.325.123,45", "588.123,4"), ("2325123.45 m", "588123.4 m")],
)
def test_metres_in_two_columns_in_either_order(lat: Any, lon: Any) -> None:
    found = reading(lat=lat, lon=lon)
    assert codes(found) == [] and "vn2000" in notes(found)
    assert found.values["lat"] == pytest.approx(21.01748, abs=2e-5) and found.values["lon"] == pytest.approx(
        105.84962, abs=2e-5
    )


@pytest.mark.parametrize(
    ("lat", "lon"),
    [
        (0, 0),
        (20.7, 107.5),
        (10.776, 106.7),
        (20.9, 106.7),
        (16.05, 108.2),
        (21.186, 106.076),
        (-21.03, 105.8),
        (121.03, 105.8),
        ("0", "0,0"),
        (22.33, 103.84),
    ],
)
def test_the_sea_and_other_provinces_are_refused(lat: Any, lon: Any) -> None:
    found = reading(lat=lat, lon=lon, address="1 Kim Mã", unit="Phường Giảng Võ")
    assert codes(found) == ["position_outside"]
    assert found.problems[0].column == "B" and "lat" not in found.values


@pytest.mark.parametrize("unit", sorted(BOOKS.units.by_code))
def test_every_unit_holds_its_own_middle(unit: str) -> None:
    one = BOOKS.units.by_code[unit]
    assert BOOKS.units.holds(one.lat, one.lon)


@pytest.mark.parametrize("cell", ["abc", "21.0abc", "21°75'00\"N", "21.03.5", "N/S", "21..03"])
def test_coordinates_that_are_none(cell: str) -> None:
    found = reading(lat=cell)
    assert codes(found) == ["value_impossible"] and found.problems[0].text == cell and found.problems[0].column == "B"


def test_nothing_known_about_the_place() -> None:
    assert codes(reading(lat=..., lon=...)) == ["no_position"]
    assert codes(reading(lat="chưa đo", lon="-")) == ["no_position"]
    assert codes(reading(lat=21.03, lon=None)) == ["no_position"]
    assert codes(reading(lat=..., lon=..., address="1 Kim Mã")) == ["no_position"]
    assert codes(reading(lat=..., lon=..., address="1 Kim Mã", unit="Phường Giảng Võ")) == []
    assert codes(reading(lat=..., lon=..., address="1 Kim Mã, phường Giảng Võ, Hà Nội")) == []


def test_a_name_is_needed_and_taken_from_the_address_only_where_the_list_has_no_names() -> None:
    assert codes(reading(name="")) == ["name_missing"]
    assert codes(reading(name="không rõ")) == ["name_missing"]
    found = reading(name=..., address="1 Kim Mã")
    assert found.values["name"] == "1 Kim Mã" and codes(found) == []


@pytest.mark.parametrize(
    ("cell", "date", "note"),
    [
        ("5/3/2024", "2024-03-05", ""),
        ("05.3.24", "2024-03-05", ""),
        ("05-03-2024", "2024-03-05", ""),
        ("2024-03-05", "2024-03-05", ""),
        ("4/25/2024", "2024-04-25", "day_month_turned"),
        ("tháng 3/2024", "2024-03-01", "date_partial"),
        ("T3/2024", "2024-03-01", "date_partial"),
        ("2023", "2023-01-01", "date_partial"),
        (2023, "2023-01-01", "date_partial"),
        (45321, "2024-01-30", "serial_date"),
        ("Quý II/2024", "2024-04-01", "date_partial"),
        ("ngày 5 tháng 3 năm 2024", "2024-03-05", ""),
        ("năm 2021", "2021-01-01", "date_partial"),
        (datetime.datetime.fromisoformat("2024-03-05T10:00"), "2024-03-05", ""),
        (datetime.date(2024, 3, 5), "2024-03-05", ""),
        (20240305, "2024-03-05", ""),
        ("05032024", "2024-03-05", ""),
        ("12-Mar-2024", "2024-03-12", ""),
        ("15/03/2024 10:30", "2024-03-15", ""),
        ("29/2/2024", "2024-02-29", ""),
    ],
)
def test_dates(cell: Any, date: str, note: str) -> None:
    found = reading(installed_on=cell)
    assert found.values["installed_on"] == datetime.date.fromisoformat(date)
    assert codes(found) == [] and notes(found) == ({note} if note else set())


@pytest.mark.parametrize(
    "cell",
    [
        "31/02/2024",
        "29/2/2023",
        "15/13/2024",
        "00/01/2024",
        "2024-02-30",
        "32.1.24",
        "tháng 13/2024",
        99999999,
        "1/1/3024",
    ],
)
def test_impossible_dates(cell: Any) -> None:
    found = reading(installed_on=cell)
    assert codes(found) == ["date_impossible"] and found.problems[0].column == "D"


@given(st.dates(datetime.date(1990, 1, 1), datetime.date(2070, 1, 1)))
def test_any_day_in_any_notation(day: datetime.date) -> None:
    for text in (
        f"{day.day}/{day.month}/{day.year}",
        f"{day:%d.%m.%Y}",
        day.isoformat(),
        f"ngày {day.day} tháng {day.month} năm {day.year}",
    ):
        read = read_day(text)
        assert read is not None and read.date == day
    read = read_day((day - datetime.date(1899, 12, 30)).days)
    assert read is not None and read.date == day


def test_a_warranty_of_months_counts_from_the_installation() -> None:
    found = reading(installed_on="31/1/2024", warranty_until="25 tháng")
    assert found.values["warranty_until"] == datetime.date(2026, 2, 28)
    assert reading(installed_on="31/1/2024", warranty_until=24).values["warranty_until"] == datetime.date(2026, 1, 31)
    assert "warranty_until" not in reading(warranty_until="24 tháng").values


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        ("mac", "A4-14-37-00-11-22", "a4:14:37:00:11:22"),
        ("mac", "a414.3700.1122", "a4:14:37:00:11:22"),
        ("mac", "A41437001122", "a4:14:37:00:11:22"),
        ("mac", "a4:14:37:0:11:2", "a4:14:37:00:11:02"),
        ("host", "192.168.1.10:8000", "192.168.1.10"),
        ("host", "http://192.168.1.10/", "192.168.1.10"),
        ("host", "192.168.001.010", "192.168.1.10"),
        ("megapixels", "2MP", 2.0),
        ("megapixels", "4.0 Mpx", 4.0),
        ("megapixels", "1080p", 2.0),
        ("megapixels", "2,0 megapixel", 2.0),
        ("megapixels", "1920x1080", 2.0),
        ("megapixels", "2688 × 1520", 4.0),
        ("megapixels", "4K", 8.0),
        ("megapixels", "Full HD", 2.0),
        ("megapixels", 5, 5.0),
        ("megapixels", "8 triệu điểm ảnh", 8.0),
        ("height_m", "6,5 m", 6.5),
        ("height_m", "650cm", 6.5),
        ("height_m", "6 mét", 6.0),
        ("bearing", "Đông Bắc", 45.0),
        ("bearing", "120°", 120.0),
        ("bearing", 360, 0.0),
        ("bearing", "Hướng Tây", 270.0),
        ("view_angle", "90 độ", 90.0),
        ("range_m", "1,2 km", 1200.0),
        ("range_m", "50m", 50.0),
        ("upload_kbps", "2 Mbps", 2000),
        ("upload_kbps", "512 kbps", 512),
        ("upload_kbps", "2.000 Kbps", 2000),
        ("upload_kbps", 1024, 1024),
        ("purpose", "An ninh trật tự", "security"),
        ("purpose", "ANTT", "security"),
        ("purpose", "Phạt nguội", "violation"),
        ("purpose", "Quốc phòng", "defence"),
        ("purpose", "Đảm bảo ATGT", "traffic_safety"),
        ("purpose", "HẠ TẦNG GIAO THÔNG", "traffic_infrastructure"),
        ("purpose", "vệ sinh môi trường", "environment"),
        ("purpose", "Trật tự đô thị", "urban_order"),
        ("purpose", "VOV giao thông", "vov_traffic"),
        ("purpose", "Xử lý vi phạm giao thông", "violation"),
        ("link", "Cáp quang riêng", "private_fibre"),
        ("link", "thuê VNPT", "leased"),
        ("link", "Cáp quang VNPT", "leased"),
        ("link", "nhờ mạng nhà dân ông A", "borrowed"),
        ("link", "Kênh thuê riêng", "leased"),
        ("link", "mượn wifi hộ ông Nguyễn Văn Tư 0912345678", "borrowed"),
        ("kind", "Quay quét (PTZ)", "ptz"),
        ("kind", "Speed dome", "ptz"),
        ("kind", "Dome", "fixed"),
        ("kind", "Thân cố định", "fixed"),
        ("mounting", "Cột đèn tín hiệu", "traffic_light"),
        ("mounting", "trên cột điện", "pole"),
        ("mounting", "Gắn tường nhà", "wall"),
        ("mounting", "giá long môn", "gantry"),
        ("vendor", "HIKVISION", "Hikvision"),
        ("vendor", "Hik", "Hikvision"),
        ("vendor", "KB Vision", "KBVision"),
        ("vendor", "Dahua (DSS)", "Dahua"),
        ("vendor", "hikvison", "Hikvision"),
        ("vendor", "UNV", "Uniview (UNV)"),
        ("vendor", "Samsung", "Hanwha Vision / Wisenet / Samsung"),
        ("vendor", "Lạ Hoắc", "Lạ Hoắc"),
        ("life", "Đề xuất lắp mới", "proposed"),
        ("life", "Đã nghiệm thu", "accepted"),
        ("life", "đang sửa chữa", "under_repair"),
        ("life", "Đã tháo dỡ", "removed"),
        ("declared_working", "Có", True),
        ("declared_working", "x", True),
        ("declared_working", "✓", True),
        ("declared_working", "Không", False),
        ("declared_working", "Hỏng", False),
        ("declared_working", "Đang hoạt động", True),
        ("declared_working", "mất tín hiệu", False),
        ("declared_working", "Không hoạt động", False),
        ("declared_working", True, True),
        ("declared_working", 0, False),
        ("declared_working", "tốt", True),
        ("sign_present", "Có biển", True),
        ("sign_present", "chưa gắn", False),
        ("sign_present", "không", False),
        ("disclosure", "Công khai vị trí", "located"),
        ("disclosure", "Không công khai", "counted"),
        ("disclosure", "Theo khu vực", "area"),
        ("quiet_from", "22h", None),
        ("serial", 123456789012, "123456789012"),
        ("code", "007", "007"),
        ("code", 7, "7"),
        ("consent_phone", 912345678, "0912345678"),
        ("model", "  DS-2CD2143  ", "DS-2CD2143"),
        ("name", "Ho\u0300a Bi\u0300nh", "Hòa Bình"),
        ("supplier", "Cty\u00a0ABC\u200b", "Cty ABC"),
    ],
)
def test_cells(field: str, cell: Any, value: Any) -> None:
    found = reading(**{field: cell})
    assert codes(found) == []
    assert found.values.get(field) == value


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("mac", "A4:14:37:00:11"),
        ("mac", "A4:14:37:00:11:GG"),
        ("host", "10.300.1.2"),
        ("host", "10.0.0"),
        ("megapixels", "-2"),
        ("megapixels", 0),
        ("megapixels", "999MP"),
        ("height_m", 900),
        ("bearing", 400),
        ("view_angle", 720),
        ("range_m", "-5"),
        ("rtsp_main", "kho biet"),
        ("quiet", "25h-99h"),
    ],
)
def test_values_that_cannot_be(field: str, cell: Any) -> None:
    found = reading(**{field: cell})
    assert codes(found) == ["value_impossible"] and field not in found.values
    assert found.problems[0].vi and found.problems[0].en and found.problems[0].column == "D"


@pytest.mark.parametrize(
    "field",
    [
        "serial",
        "mac",
        "host",
        "megapixels",
        "installed_on",
        "unit",
        "purpose",
        "link",
        "vendor",
        "height_m",
        "rtsp_main",
        "owner",
    ],
)
@pytest.mark.parametrize("cell", ["", "-", "n/a", "không rõ", "Chưa có", " ", "…", "?"])
def test_what_nobody_knows_is_no_problem(field: str, cell: str) -> None:
    found = reading(**{field: cell})
    assert codes(found) == [] and field not in found.values


def test_unknown_purpose_is_refused_and_several_give_the_first() -> None:
    assert codes(reading(purpose="abc xyz")) == ["purpose_unknown"]
    found = reading(purpose="An ninh trật tự, giao thông")
    assert found.values["purpose"] == "security" and "purpose_several" in notes(found)


def test_words_nobody_understands_are_kept() -> None:
    found = reading(mounting="lơ lửng", note="cũ")
    assert found.values["note"] == "cũ; mounting: lơ lửng" and codes(found) == []


def test_quiet_hours_in_one_cell_and_two() -> None:
    assert {k: v for k, v in reading(quiet="22h-5h30").values.items() if k.startswith("quiet")} == {
        "quiet_from": "22:00",
        "quiet_to": "05:30",
    }
    found = reading(quiet_from=datetime.time(22), quiet_to="5 giờ")
    assert (found.values["quiet_from"], found.values["quiet_to"]) == ("22:00", "05:00")


def test_the_owner_of_a_borrowed_line_is_taken_from_the_text() -> None:
    values = reading(link="Nhờ mạng nhà dân ông Nguyễn Văn Tư (0912 345 678)").values
    assert values["consent_name"] == "ông Nguyễn Văn Tư" and values["consent_phone"] == "0912 345 678"


def test_type_and_model_in_one_cell() -> None:
    values = reading(vendor="Hikvision DS-2CD2143G2-I").values
    assert (values["vendor"], values["family"], values["model"]) == ("Hikvision", "hik", "DS-2CD2143G2-I")
    assert reading(vendor="Hikvision DS-1", model="DS-2").values["model"] == "DS-2"


def test_credentials_are_taken_out_of_links_and_never_shown() -> None:
    found = reading(rtsp_main="rtsp://admin:S3cret@10.0.0.5:554/Streaming/Channels/101")
    assert found.values["rtsp_main"] == "rtsp://10.0.0.5:554/Streaming/Channels/101"
    assert (found.values["username"], found.values["password"]) == ("admin", "S3cret")
    for field in ("rtsp_main", "host", "name", "serial", "installed_on", "purpose", "lat"):
        for cell in (
            "xtsp://admin:S3cret@10.0.0.5 1",
            "=rtsp://admin:S3cret@10.0.0.5/",
            "rtsp://admin:S3cret@10 0\ufffd",
        ):
            found = reading(**{field: cell})
            assert "S3cret" not in repr(found.problems) + repr(found.notes), (field, cell)
    assert "S3cret" not in repr(reading(password="=S3cret").problems)
    assert "S3cret" not in repr(reading(login="=S3cret").problems)


def test_formulas_and_broken_letters_are_refused_with_their_column() -> None:
    rows = [HEADINGS, [*GOOD[:4], "=20+1", *GOOD[5:]], ["=ROW()", "=1", *GOOD[2:]]]
    found = readings(workbook({"S": rows}), "x.xlsx")
    assert [[(p.code, p.column) for p in one.problems] for one in found] == [
        [("formula", "E")],
        [("formula", "A"), ("formula", "B")],
    ]
    assert [(p.code, p.column) for p in reading(name="=cmd|' /C calc'!A0").problems] == [("formula", "A")]
    assert [(p.code, p.column) for p in reading(address="Ng\ufffd 5").problems] == [("unreadable", "D")]
    assert [(p.code, p.column) for p in reading(address="Ng\x00 5").problems] == [("unreadable", "D")]
    assert codes(reading(name="- Cổng số 1")) == []


def test_a_formula_in_a_column_nobody_reads_is_no_problem() -> None:
    rows = [["STT", *HEADINGS], ["=ROW()-1", *GOOD]]
    assert [codes(one) for one in readings(workbook({"S": rows}), "x.xlsx")] == [[]]


def test_owner_from_the_column_else_from_the_mapping() -> None:
    table = only(csv_bytes([["UBND PHƯỜNG GIẢNG VÕ"], [*HEADINGS, "Chủ sở hữu"], [*GOOD, "CA P. Láng"], [*GOOD, ""]]))
    mapping = propose(table)
    first, second = (read_row(row, table, mapping, BOOKS) for row in table.rows)
    assert first.values["owner"] == "cong-an-phuong-lang" and first.agencies == {"cong-an-phuong-lang": "CA P. Láng"}
    assert second.values["owner"] == "ubnd-phuong-giang-vo"


def test_defaults_of_a_mapping_speak_where_the_row_does_not() -> None:
    table = only(csv_bytes([HEADINGS, GOOD, [*GOOD[:6], ""]]))
    mapping = propose(table)
    mapping.defaults = {"purpose": "Giao thông", "link": "Thuê FPT"}
    first, second = (read_row(row, table, mapping, BOOKS) for row in table.rows)
    assert (first.values["purpose"], second.values["purpose"], second.values["link"]) == (
        "security",
        "traffic_safety",
        "leased",
    )


def test_what_defends_is_only_counted() -> None:
    assert reading(purpose="Quốc phòng", disclosure="Công khai vị trí").values["disclosure"] == "counted"


def test_a_mapping_that_changes_is_obeyed() -> None:
    table = only(csv_bytes([HEADINGS, GOOD]))
    one, two = propose(table), Mapping(dict.fromkeys(HEADINGS, ""))
    assert read_row(table.rows[0], table, one, BOOKS).values["code"] == "C1"
    two.columns |= {"Mã": "serial", "Tên camera": "name", "Vĩ độ": "lat", "Kinh độ": "lon"}
    assert read_row(table.rows[0], table, two, BOOKS).values["serial"] == "C1"
    two.columns["Mã"] = "model"
    assert read_row(table.rows[0], table, two, BOOKS).values["model"] == "C1"


def test_a_link_among_the_remarks_loses_its_password() -> None:
    found = reading(note="xem rtsp://admin:S3cret@10.0.0.5/live", mounting="rtsp://admin:S3cret@10.0.0.5/live")
    assert found.values["note"] == "xem rtsp://***@10.0.0.5/live" and "S3cret" not in repr(found.values)
