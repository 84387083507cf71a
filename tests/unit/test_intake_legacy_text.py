"""Text from before Unicode becomes Unicode, and Unicode stays what it is."""

from __future__ import annotations

import shutil
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_material import csv_bytes, only, workbook

from khue.centre.intake.legacy_text import (
    decode_tcvn3,
    decode_utf8_twice,
    decode_vni,
    encode_tcvn3,
    encode_vni,
    is_syllable,
    weigh,
)

SAMPLES = [
    *(
        "Phường Trúc Bạch",
        "Hà Nội",
        "Cộng hòa xã hội chủ nghĩa Việt Nam",
        "Danh sách camera giám sát",
        "Đường Nguyễn Trãi",
    ),
    *(
        "Ngã tư Sở",
        "Quận Đống Đa",
        "Mã thiết bị",
        "Vĩ độ",
        "Kinh độ",
        "Địa chỉ lắp đặt",
        "Xã Kiều Phú",
        "Thị trấn Vân Đình",
    ),
    *(
        "Hỏng",
        "Đang hoạt động tốt",
        "Nhờ mạng nhà dân",
        "Ủy ban nhân dân",
        "Ông Nguyễn Văn Quý",
        "Ngõ 12 phố Huế",
        "khuỷu",
    ),
    *("Cổng trường tiểu học Lý Thường Kiệt", "Bờ hồ Hoàn Kiếm", "Chợ Mơ", "Kỹ thuật", "giữa ngõ", "nhỏ hẹp"),
]
LETTERS = "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
VIETNAMESE = [unicodedata.normalize("NFC", letter + tone) for letter in LETTERS for tone in TONES] + list(
    "đĐbcdghklmnpqrstvx0123456789 ,.-/"
)


@given(st.text(VIETNAMESE, max_size=40))
def test_any_vietnamese_text_survives_vni(text: str) -> None:
    assert decode_vni(encode_vni(text)) == text


@given(st.text([letter for letter in VIETNAMESE if letter == letter.lower()], max_size=40))
def test_any_vietnamese_text_survives_tcvn3(text: str) -> None:
    assert decode_tcvn3(encode_tcvn3(text)) == text


@pytest.mark.parametrize("text", SAMPLES)
def test_whole_phrases_survive_both(text: str) -> None:
    assert decode_tcvn3(encode_tcvn3(text)) == text
    assert decode_vni(encode_vni(text)) == text
    assert decode_utf8_twice(text.encode().decode("latin-1")) == text


@pytest.mark.skipif(shutil.which("iconv") is None, reason="needs glibc's iconv")
def test_tcvn3_is_what_glibc_says() -> None:
    codes = bytes([*range(0x80, 0xB0), *range(0xB5, 0x100)])
    made = subprocess.run(["iconv", "-f", "TCVN5712-1", "-t", "UTF-8"], input=codes, capture_output=True, check=True)
    ours = "".join(decode_tcvn3(letter) for letter in codes.decode("latin-1"))
    assert ours == unicodedata.normalize("NFC", made.stdout.decode())


def test_known_words_of_the_old_fonts() -> None:
    assert decode_tcvn3("Ph­êng Hµ Néi") == "Phường Hà Nội"
    assert decode_tcvn3("®Þa chØ") == "địa chỉ"
    assert decode_vni("Phöôøng Haø Noäi") == "Phường Hà Nội"
    assert decode_vni("ñòa chæ laép ñaët") == "địa chỉ lắp đặt"


def test_a_degree_stays_a_degree() -> None:
    assert decode_tcvn3("21°01'42\"N ±5 m²") == "21°01'42\"N ±5 m²"


def test_capitals_typed_with_a_font_of_capitals() -> None:
    assert decode_tcvn3("DANH S¸CH PH¦êNG") == "DANH SÁCH PHƯỜNG"
    assert decode_tcvn3("T©y Hå") == "Tây Hồ"
    assert decode_tcvn3("§èng §a") == "Đống Đa"


@pytest.mark.parametrize("encoding", ["tcvn3", "vni"])
def test_a_column_tells_its_encoding(encoding: str) -> None:
    encode = {"tcvn3": encode_tcvn3, "vni": encode_vni}[encoding]
    totals = weigh(encode(text) for text in SAMPLES)
    assert max(totals, key=lambda name: totals[name]) == encoding


def test_unicode_is_left_alone() -> None:
    for texts in (SAMPLES, ["Hà Nam", "Bà Tô", "Võ Chí Công", "Lê Lai"], ["KBVision®", "m²", "Điều 5 §2", "×", "25°C"]):
        totals = weigh(texts)
        assert max(totals, key=lambda name: totals[name]) == "unicode", texts


@pytest.mark.parametrize(
    "word", ["nghiêng", "Phường", "khuỷu", "quýt", "giữa", "ướt", "Đống", "Huế", "oanh", "gì", "quốc"]
)
def test_syllables(word: str) -> None:
    assert is_syllable(word)


@pytest.mark.parametrize("word", ["Ph­êng", "Néi", "öôø", "bcd", "éi", "phuôøng", "xyz"])
def test_no_syllables(word: str) -> None:
    assert not is_syllable(word)


ROWS = [
    ["UBND xã Kiều Phú", "", "", "", ""],
    ["STT", "Tên camera", "Địa chỉ lắp đặt", "Vĩ độ", "Kinh độ", "Hãng"],
    ["1", "Ngã ba đường Nguyễn Trãi", "Thôn Đông Thượng", "20.975", "105.607", "Hikvision"],
    ["2", "Cổng trường tiểu học", "Phố Huế", "20.976", "105.608", "Dahua"],
    ["3", "Cửa hàng Thành Đạt", "Ngõ 7 đường Láng", "20.977", "105.609", "KBVision"],
]


@pytest.mark.parametrize("encoding", ["tcvn3", "vni"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_files_in_a_legacy_encoding(encoding: str, kind: str) -> None:
    encode = {"tcvn3": encode_tcvn3, "vni": encode_vni}[encoding]
    rows = [[encode(cell) for cell in row] for row in ROWS]
    data = csv_bytes(rows, ";", "latin-1") if kind == "csv" else workbook({"Sheet1": rows})
    table = only(data, f"x.{kind}")
    assert table.encoding == encoding
    assert table.headings[1:5] == ("Tên camera", "Địa chỉ lắp đặt", "Vĩ độ", "Kinh độ")
    assert table.title == "UBND xã Kiều Phú"
    assert [row.cells[1] for row in table.rows] == [row[1] for row in ROWS[2:]]
    assert [row.cells[5] for row in table.rows] == ["Hikvision", "Dahua", "KBVision"]


def test_one_legacy_column_in_a_unicode_list_and_one_mended_cell_in_it() -> None:
    rows = [list(row) for row in ROWS]
    rows[2][2], rows[3][2] = encode_tcvn3(rows[2][2]), encode_tcvn3(rows[3][2])
    table = only(workbook({"A": rows}), "x.xlsx")
    assert [row.cells[2] for row in table.rows] == [row[2] for row in ROWS[2:]]
    assert table.legacy_columns == {2}
    assert table.headings[:3] == ("STT", "Tên camera", "Địa chỉ lắp đặt")


def test_csv_of_windows_1258() -> None:
    data = "\r\n".join(";".join(row) for row in ROWS)
    encoded = bytearray()
    for letter in data:
        try:
            encoded += letter.encode("cp1258")
        except UnicodeEncodeError:
            base, *marks = unicodedata.normalize("NFD", letter)
            tone = [mark for mark in marks if mark in "\u0300\u0301\u0303\u0309\u0323"]
            shape = unicodedata.normalize("NFC", base + "".join(mark for mark in marks if mark not in tone))
            encoded += (shape + "".join(tone)).encode("cp1258")
    table = only(bytes(encoded))
    assert table.encoding == "cp1258"
    assert [row.cells[1] for row in table.rows] == [row[1] for row in ROWS[2:]]
