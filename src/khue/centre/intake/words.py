"""What an import says about rows, in Vietnamese and English; every refusal says the remedy. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from khue.centre.intake.match import By, Device, Match, Place
from khue.centre.intake.reading import Note, Problem
from khue.centre.intake.wording import NOTES

_KEYS = {
    By.SERIAL: ("số sê-ri", "serial number"),
    By.MAC: ("địa chỉ MAC", "MAC address"),
    By.CODE: ("mã camera", "code"),
    By.PLACE: ("tên và vị trí", "name and place"),
}
_COLUMN = {By.SERIAL: "serial", By.MAC: "mac", By.CODE: "code", By.PLACE: "name"}

# A line per reason, for totals.
REASONS: dict[str, tuple[str, str]] = {
    **NOTES,
    "no_position": ("không có vị trí", "no position"),
    "position_outside": ("vị trí ngoài Hà Nội", "position outside Hanoi"),
    "unit_unknown": ("không rõ phường, xã", "unknown ward or commune"),
    "name_missing": ("thiếu tên", "no name"),
    "purpose_unknown": ("không rõ mục đích", "unknown purpose"),
    "type_unreadable": ("không đọc được loại camera", "type cannot be read"),
    "date_impossible": ("ngày không có thật", "impossible date"),
    "formula": ("ô chứa công thức", "the cell is a formula"),
    "value_impossible": ("giá trị không thể có", "impossible value"),
    "position_unreadable": ("không đọc được toạ độ", "coordinates cannot be read"),
    "unreadable": ("không đọc được chữ", "text cannot be read"),
    "claimed_by_other": ("đơn vị khác đã khai camera này", "another agency has this camera"),
    "matches_two": ("khớp với hai camera khác nhau", "matches two different cameras"),
    "out_of_scope": ("ngoài phạm vi của tài khoản", "outside what the account may change"),
    "retention_unknown": ("không có lớp lưu trữ này", "no such retention class"),
    "url_unreadable": ("địa chỉ luồng không dùng được", "stream address cannot be used"),
    "changed_since_plan": ("sổ đã đổi sau khi xem trước", "the registry changed after the dry run"),
    "same_serial": ("trùng số sê-ri", "same serial number"),
    "same_mac": ("trùng địa chỉ MAC", "same MAC address"),
    "same_code": ("trùng mã camera", "same code"),
    "same_place": ("trùng tên và vị trí", "same name and place"),
    "code_taken": ("mã đã dùng cho camera khác, bỏ qua mã", "code is another camera's, left out"),
    "no_consent": ("đường truyền mượn chưa có văn bản đồng ý", "borrowed line without a consent"),
    "life_kept": ("giữ nguyên trạng thái vòng đời", "state of life kept"),
    "defence_counted": ("camera quốc phòng chỉ được đếm", "a defence camera is counted only"),
    "sub_without_main": ("luồng phụ không có luồng chính, bỏ qua", "sub stream without a main stream, left out"),
    "blank": ("dòng trống", "blank row"),
    "title": ("dòng tiêu đề", "title"),
    "heading": ("dòng tên cột", "headings"),
    "column_numbers": ("dòng số thứ tự cột", "row of column numbers"),
    "group_title": ("tiêu đề nhóm", "group title"),
    "total": ("dòng tổng cộng", "row of totals"),
    "footer": ("phần ký tên, ghi chú cuối", "footer"),
    "not_a_list": ("trang không phải danh sách camera", "the sheet is no list of cameras"),
}

OUT_OF_SCOPE = Problem(
    *("out_of_scope", "unit", "", ""),
    "tài khoản này không được ghi camera của đơn vị hoặc địa bàn này; nhờ người quản trị mở quyền hoặc để họ nhập",
    "this account may not write cameras of this agency or unit; ask an administrator for the right, or to import it",
)
CLAIMED_UNSEEN = Problem(
    *("claimed_by_other", "serial", "", ""),
    "thiết bị này đã có trong sổ, ngoài phạm vi tài khoản được xem; hỏi người quản trị",
    "this device is in the registry already, outside what this account may see; ask an administrator",
)
CHANGED_SINCE_PLAN = Problem(
    *("changed_since_plan", "", "", ""),
    "có người đã sửa hoặc thêm camera này sau khi xem trước; lập lại kế hoạch rồi áp dụng",
    "somebody changed or added this camera after the dry run; plan again, then apply",
)
DEFENCE_COUNTED = Note(
    *("defence_counted", "disclosure"),
    "camera quốc phòng luôn ở mức chỉ được đếm",
    "a camera of defence is always counted, never located",
)
NO_CONSENT = Note(
    *("no_consent", "link"),
    "đường truyền mượn của người dân cần văn bản đồng ý; bổ sung ở trang camera",
    "a line borrowed from a resident needs a consent; add it on the camera's page",
)
SUB_WITHOUT_MAIN = Note(
    *("sub_without_main", "rtsp_sub"),
    "có luồng phụ mà không có luồng chính; bỏ qua luồng phụ",
    "a sub stream without a main stream is left out",
)


def place(where: Place) -> tuple[str, str]:
    sheet_vi, sheet_en = (f", trang {where.sheet}", f", sheet {where.sheet}") if where.sheet else ("", "")
    return f"{where.file}{sheet_vi}, dòng {where.row}", f"{where.file}{sheet_en}, row {where.row}"


def _where(device: Device) -> tuple[str, str]:
    if isinstance(device.where, Place):
        return place(device.where)
    return f"camera {device.shown} ({device.where}) trong sổ", f"camera {device.shown} ({device.where}) of the registry"


def duplicate(match: Match) -> Note:
    key_vi, key_en = _KEYS[match.by]
    vi, en = _where(match.device)
    return Note(f"same_{match.by}", _COLUMN[match.by], f"trùng {key_vi} với {vi}", f"same {key_en} as {en}")


def claimed(rival: Match, owner: str, claimant: str, at: Place) -> Problem:
    """Both places, so that the two agencies can settle whose it is."""
    key_vi, key_en = _KEYS[rival.by]
    vi, en = _where(rival.device)
    here_vi, here_en = place(at)
    return Problem(
        *("claimed_by_other", _COLUMN[rival.by], "", ""),
        f"cùng {key_vi}: {owner} khai ở {vi}; {claimant} khai ở {here_vi}; hai đơn vị thống nhất camera là của ai rồi sửa một dòng",
        f"same {key_en}: {owner} has it at {en}; {claimant} at {here_en}; let the two settle whose it is, then correct one row",
    )


def two_cameras(first: Match, second: Match) -> Problem:
    a_vi, a_en = _where(first.device)
    b_vi, b_en = _where(second.device)
    return Problem(
        *("matches_two", _COLUMN[second.by], "", ""),
        f"{_KEYS[first.by][0]} là của {a_vi}, {_KEYS[second.by][0]} là của {b_vi}; kiểm tra trên thiết bị rồi sửa dòng này",
        f"the {_KEYS[first.by][1]} is that of {a_en}, the {_KEYS[second.by][1]} that of {b_en}; "
        "look at the device, then correct this row",
    )


def bad_url(field: str, shown: str) -> Problem:
    return Problem(
        *("url_unreadable", field, "", shown[:200]),
        "địa chỉ luồng có dạng rtsp://máy:554/đường-dẫn",
        "a stream's address looks like rtsp://host:554/path",
    )


def no_retention(given: str) -> Problem:
    return Problem(
        *("retention_unknown", "retention_class", "", given[:60]),
        "không có lớp lưu trữ này; tạo nó trước hoặc để trống",
        "there is no such retention class; make it first, or leave the cell empty",
    )


def code_taken(code: str, other: Device) -> Note:
    vi, en = _where(other)
    return Note(
        *("code_taken", "code"),
        f"mã {code} đã là của {vi}; bỏ qua mã ở dòng này",
        f"the code {code} already is that of {en}; it is left out here",
    )


def no_such_step(before: str, after: str, allowed: Sequence[str]) -> Note:
    return Note(
        *("life_kept", "life"),
        f"không có bước từ {before} sang {after}; giữ {before} (được phép: {', '.join(allowed)})",
        f"there is no step from {before} to {after}; {before} is kept (allowed: {', '.join(allowed)})",
    )


def skipped(code: str, text: str) -> Note:
    vi, en = REASONS.get(code, (code, code))
    return Note(code, "", f"{vi}: {text}" if text else vi, f"{en}: {text}" if text else en)
