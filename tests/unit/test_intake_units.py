"""Wards and communes by new names, old names, codes and positions."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from intake_material import BOOKS, GOOD, HEADINGS, codes, csv_bytes, notes, reading, readings

import khue
from khue.centre.intake.books import agency_id, read_agency

UNITS = BOOKS.units
OLD = list(
    csv.DictReader(
        (Path(khue.__file__).parent / "data" / "hanoi_units_before_2025.csv").read_text("utf-8").splitlines()
    )
)


@pytest.mark.parametrize("code", sorted(UNITS.by_code))
def test_every_unit_by_its_names(code: str) -> None:
    name = UNITS.by_code[code].name
    short = name.replace("Phường ", "P. ").replace("Xã ", "X.")
    for text in (
        name,
        name.upper(),
        name.lower(),
        short,
        f"{name}, TP Hà Nội",
        f"{name} - Hà Nội",
        code,
        code.lstrip("0"),
        name.split(" ", 1)[1],
    ):
        assert UNITS.find(text).unit == code, text


@pytest.mark.parametrize("row", [row for row in OLD if row["share"] in ("whole", "main")], ids=lambda row: row["code"])
def test_every_old_ward_with_its_district(row: dict[str, str]) -> None:
    ward, district, unit = row["ward"], row["district"], row["unit"]
    assert UNITS.find(ward, district).unit == unit
    assert UNITS.find(f"{ward}, {district}").unit == unit
    assert UNITS.find(f"{ward} (cũ), {district.removeprefix('Thị ').split(' ', 1)[1]}, Hà Nội").unit == unit


@pytest.mark.parametrize(
    ("text", "district", "unit", "note"),
    [
        ("P. Trúc Bạch", "Q. Ba Đình", "00004", "old_unit"),
        ("Trúc Bạch", "", "00004", "old_unit"),
        ("phuong truc bach", "", "00004", "old_unit"),
        ("Trúc Bạch - Ba Đình", "", "00004", "old_unit"),
        ("Xã Sơn Đồng", "", "09871", ""),
        ("Xã Sơn Đông", "", "09616", "old_unit"),
        ("son dong", "", "09871", ""),
        ("4", "", "00004", "code_zeros"),
        ("00004", "", "00004", ""),
        ("Yên Hoà", "", "00175", ""),
        ("Yên Hòa", "Cầu Giấy", "00175", "old_unit_divided"),
        ("xã Sài Gòn", "", "", ""),
        ("99999", "", "", ""),
        ("Phường Trúc Bạch (nay là phường Ba Đình)", "", "00004", ""),
        ("Thị trấn Đông Anh", "Huyện Đông Anh", "00466", "old_unit_divided"),
    ],
)
def test_units(text: str, district: str, unit: str, note: str) -> None:
    found = UNITS.find(text, district)
    assert found.unit == unit
    assert not note or found.note.startswith(note[:8])


def test_wards_of_one_name_need_the_district_the_position_or_the_list_s_own_unit() -> None:
    found = UNITS.find("Phường Minh Khai")
    assert found.unit == "" and len(found.options) == 2
    by_district = {UNITS.find("Phường Minh Khai", district).unit for district in ("Hai Bà Trưng", "Bắc Từ Liêm")}
    assert len(by_district) == 2
    assert UNITS.find("Phường Minh Khai", "", (20.995, 105.86)).unit in by_district
    problem = reading(unit="Phường Minh Khai", lat=..., lon=..., address="1 Kim Mã")
    assert codes(problem) == ["unit_unknown"] and "Hai Bà Trưng" in problem.problems[0].en


def _divided() -> dict[str, list[dict[str, str]]]:
    parts: dict[str, list[dict[str, str]]] = {}
    for row in OLD:
        parts.setdefault(row["code"], []).append(row)
    return {code: rows for code, rows in parts.items() if len(rows) > 1}


def test_the_position_decides_about_a_divided_ward() -> None:
    right = total = 0
    for rows in _divided().values():
        main = next(row["unit"] for row in rows if row["share"] in ("whole", "main"))
        found = UNITS.find(rows[0]["ward"], rows[0]["district"])
        assert (found.unit, found.note) == (main, "old_unit_divided")
        for row in rows:
            unit = UNITS.by_code[row["unit"]]
            total += 1
            right += UNITS.find(row["ward"], row["district"], (unit.lat, unit.lon)).unit == unit.code
    assert right == total > 300


@pytest.mark.parametrize(
    ("cells", "unit", "note"),
    [
        ({"unit": "Phường Láng", "address": "x"}, "00199", ""),
        ({"district": "Quận Ba Đình"}, "00025", "unit_from_district"),
        ({"address": "12 ngõ 5, P. Trúc Bạch, Q. Ba Đình, Hà Nội"}, "00004", "old_unit"),
        ({"address": "Chợ Láng, phường Láng"}, "00199", "unit_from_address"),
        ({"address": "Ngã tư chợ Láng phường Láng Hà Nội"}, "00199", "unit_from_address"),
        ({"address": "12 Láng Hạ"}, None, ""),
        ({"address": "Hồ Tây, 5 Kim Mã"}, None, ""),
    ],
)
def test_the_unit_of_a_row(cells: dict[str, Any], unit: str | None, note: str) -> None:
    found = reading(lat=21.0275, lon=105.814, **cells)
    assert found.values.get("unit") == unit and codes(found) == []
    assert not note or note in notes(found)


def test_the_unit_of_the_agency_and_of_a_group() -> None:
    head = [heading for heading in HEADINGS if heading != "Phường/Xã"]
    good = [cell for cell in GOOD if cell != "Phường Giảng Võ"]
    (found,) = readings(csv_bytes([["UBND PHƯỜNG LÁNG"], head, good]))
    assert found.values["unit"] == "00199" and "unit_from_agency" in notes(found)
    (found,) = readings(csv_bytes([["CÔNG AN THÀNH PHỐ HÀ NỘI"], head, ["I. Phường Láng"], good]))
    assert found.values["unit"] == "00199" and "unit_from_group" in notes(found)


def test_a_position_far_from_the_unit_is_noted() -> None:
    assert "position_far_from_unit" in notes(reading(unit="Xã Ba Vì"))
    assert "position_far_from_unit" not in notes(reading(unit="Phường Giảng Võ"))


@pytest.mark.parametrize(
    "name",
    [
        "UBND phường Ba Đình",
        "UBND P. Ba Đình",
        "Uỷ ban nhân dân phường Ba Đình",
        "ỦY BAN NHÂN DÂN PHƯỜNG BA ĐÌNH",
        "ubnd phuong ba dinh",
    ],
)
def test_one_agency_however_it_is_written(name: str) -> None:
    assert agency_id(name) == "ubnd-phuong-ba-dinh"
    agency = read_agency(name)
    assert agency is not None and (agency.kind, agency.unit) == ("ward", "00004")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Công an phường Láng", "police"),
        ("CAP Láng", "police"),
        ("UBND xã Sóc Sơn", "commune"),
        ("Sở Xây dựng Hà Nội", "department"),
        ("UBND thành phố Hà Nội", "city"),
        ("VOV Giao thông", "broadcaster"),
        ("Công ty CP An Ninh", "contractor"),
        ("Chợ Đồng Xuân", "other"),
        ("Phòng CSGT Công an TP Hà Nội", "police"),
    ],
)
def test_kinds_of_agencies(name: str, kind: str) -> None:
    agency = read_agency(name)
    assert agency is not None and agency.kind == kind
