"""What a reading says about a cell, in Vietnamese and English. A problem says how to mend it."""

from __future__ import annotations

import functools
import re

from khue.centre.intake.reading import Note, Problem

# {0}: the cell's text; {1}: more, such as the wards a name could be.
PROBLEMS: dict[str, tuple[str, str]] = {
    "name_missing": (
        "Ô tên camera để trống. Hãy ghi tên hoặc điểm lắp đặt.",
        "the camera has no name. Write one, or the place it hangs",
    ),
    "no_position": (
        "Không có toạ độ, cũng không đủ địa chỉ kèm phường/xã. Hãy ghi một trong hai.",
        "there are neither coordinates nor an address with its ward or commune. Give either",
    ),
    "position_outside": (
        "Vị trí {0} không nằm trong Hà Nội. Hãy kiểm tra lại vĩ độ và kinh độ (WGS 84).",
        "the position {0} is not in Hanoi. Check latitude and longitude (WGS 84)",
    ),
    "position_unreadable": (
        "Không đọc được toạ độ “{0}”. Hãy ghi dạng 21.028511 và 105.804817, hoặc 21°01'42.5\"B.",
        "the coordinates “{0}” cannot be read. Write 21.028511 and 105.804817, or 21°01'42.5\"N",
    ),
    "unit_unknown": (
        "Không rõ “{0}” là phường, xã nào{1}. Hãy ghi tên hoặc mã 5 chữ số của một trong 126 đơn vị.",
        "“{0}” is none of the 126 wards and communes{1}. Write the name or the five-digit code of one",
    ),
    "purpose_unknown": (
        "Không rõ mục đích “{0}”. Hãy ghi một mục đích của Đề án 319, ví dụ: an ninh trật tự.",
        "the purpose “{0}” is unknown. Write one of the scheme's, such as: an ninh trật tự (security)",
    ),
    "date_impossible": (
        "“{0}” không phải là ngày có thật. Hãy ghi dạng 31/12/2024.",
        "“{0}” is not a date. Write it as 31/12/2024",
    ),
    "value_impossible": (
        "“{0}” không thể là giá trị của cột này{1}. Hãy sửa, hoặc để trống nếu không biết.",
        "“{0}” cannot be a value of this column{1}. Correct it, or leave it empty",
    ),
    "formula": (
        "Ô chứa công thức. Hãy thay bằng giá trị (Sao chép, Dán đặc biệt > Giá trị).",
        "the cell is a formula. Replace it by its value (copy, paste special > values)",
    ),
    "unreadable": (
        "Ô chứa ký tự hỏng, không đọc được. Hãy gõ lại.",
        "the cell holds broken letters. Type it again",
    ),
}

NOTES: dict[str, tuple[str, str]] = {
    "decimal_comma": ("Dấu phẩy được hiểu là dấu thập phân.", "a comma was read as the decimal point"),
    "decimal_point_lost": ("Dấu thập phân bị mất đã được khôi phục.", "a lost decimal point was put back"),
    "degrees_minutes": ("Độ, phút, giây đã được đổi ra độ thập phân.", "degrees, minutes and seconds were made decimal"),
    "swapped": ("Vĩ độ và kinh độ bị đổi chỗ, đã đặt lại.", "latitude and longitude were swapped, and turned round"),
    "vn2000": (
        "Toạ độ mét được hiểu là VN-2000, kinh tuyến trục 105°00', múi 3°.",
        "metres were read as VN-2000, central meridian 105°00', three-degree zone",
    ),
    "position_incomplete": ("Chỉ có một trong hai toạ độ, không dùng.", "only one of two coordinates is given; not used"),
    "position_far_from_unit": ("Toạ độ nằm xa phường, xã đã ghi.", "the position is far from the ward or commune that is named"),
    "old_unit": ("Đơn vị hành chính cũ đã được đổi sang đơn vị từ 01/7/2025.", "a unit of before July 2025 was translated"),
    "old_unit_divided": (
        "Phường, xã cũ đã chia về nhiều đơn vị; không có toạ độ nên lấy đơn vị nhận phần lớn nhất.",
        "the old ward went to several units; without a position the one with the largest part was taken",
    ),
    "code_zeros": ("Mã đơn vị bị mất số 0 ở đầu, đã thêm lại.", "leading zeros of the unit's code were put back"),
    "unit_from_district": ("Chỉ có quận, huyện; phường, xã suy từ toạ độ.", "only a district is given; the position decided"),
    "unit_from_address": ("Phường, xã lấy từ địa chỉ.", "the unit was taken from the address"),
    "unit_from_group": ("Phường, xã lấy từ dòng tiêu đề nhóm.", "the unit was taken from the title of the group"),
    "unit_from_agency": ("Phường, xã lấy theo đơn vị lập danh sách.", "the unit is that of the agency whose list it is"),
    "name_from_address": ("Danh sách không có cột tên; lấy địa chỉ hoặc mã làm tên.", "it has no names; the address was taken"),
    "nfc": ("Chữ Unicode tổ hợp đã được đổi sang dựng sẵn.", "decomposed letters were composed"),
    "legacy_encoding": ("Phông chữ cũ (TCVN3, VNI...) đã được đổi sang Unicode.", "a legacy encoding was converted to Unicode"),
    "day_month_turned": ("Tháng đứng trước ngày, đã đặt lại.", "the month stood before the day"),
    "date_partial": ("Ngày ghi thiếu; lấy ngày đầu của tháng, quý hoặc năm.", "the date is incomplete; its first day was taken"),
    "serial_date": ("Số sê-ri ngày của bảng tính đã được đổi ra ngày.", "a spreadsheet's day number was made a date"),
    "span": ("Thời hạn được tính từ ngày lắp đặt.", "the end was counted from the day of installation"),
    "purpose_guessed": ("“Giao thông” được hiểu là an toàn giao thông.", "“traffic” was read as traffic safety"),
    "purpose_several": ("Ghi nhiều mục đích; lấy mục đích đầu tiên.", "several purposes are given; the first was taken"),
    "link_guessed": ("“Cáp quang” được hiểu là cáp quang riêng.", "“fibre” was read as private fibre"),
    "unit_guessed": ("Không ghi đơn vị tính, đã đoán theo độ lớn.", "the measure is not given; its size decided"),
    "digits_lost": ("Bảng tính đã làm mất chữ số cuối của số này; không dùng.", "digits of this number were lost; not used"),
    "placeholder": ("Địa chỉ MAC toàn số 0 hoặc F, không dùng.", "a MAC address of zeros only; not used"),
    "port_left_out": ("Chỉ giữ địa chỉ, bỏ cổng.", "only the address was kept, not the port"),
    "credentials_apart": ("Tài khoản trong đường dẫn đã được tách riêng.", "user and password were taken out of the link"),
    "kept_in_note": ("Không hiểu nội dung; giữ nguyên trong ghi chú.", "not understood; kept in the note"),
}  # fmt: skip

# Their cells are never shown.
SECRET = frozenset({"password", "username", "login", "consent_name", "consent_phone", "rtsp_main", "rtsp_sub"})
_TELLS = re.compile(r"//|@|pass|word|pwd|mat khau|mật khẩu|\bmk\b|\bpw\b", re.IGNORECASE)
_LONGEST = 120


def shown(text: str) -> str:
    """The text of a cell as it may be shown: nothing of one that could hold a password, whatever column it stands in."""
    return "" if _TELLS.search(text) else text


@functools.cache
def note(code: str, field: str) -> Note:
    """The note of that code about a field."""
    vi, en = NOTES[code]
    return Note(code, field, vi, en)


def problem(
    code: str, field: str, column: str, cell: object, more: tuple[str, str] = ("", ""), *, wording: str = ""
) -> Problem:
    """The problem of that code. ``wording``: the entry to say it with, where one code has several."""
    text = "" if cell is None or field in SECRET else shown(str(cell))[:_LONGEST]
    vi, en = PROBLEMS[wording or code]
    quoted = text or "***"
    return Problem(code, field, column, text, vi.format(quoted, more[0]), en.format(quoted, more[1]))
