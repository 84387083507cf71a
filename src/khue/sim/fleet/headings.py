"""What agencies write above their columns: many words for one thing, and one word above several columns."""

from __future__ import annotations

from collections.abc import Mapping

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "stt": ("STT", "TT", "Số TT", "Stt"),
    "qty": ("SL", "Số lượng"),
    "code": ("Mã camera", "Mã số camera", "Ký hiệu camera", "Mã cam", "Số hiệu camera"),
    "name": (
        "Tên camera",
        "Tên điểm camera",
        "Tên vị trí",
        "Tên điểm giám sát",
        "Tên thiết bị",
        "Tên cam",
        "Điểm camera",
    ),
    "address": ("Địa chỉ", "Đ/c", "Địa chỉ lắp đặt", "Vị trí lắp đặt", "Nơi lắp đặt", "Địa điểm lắp đặt"),
    "unit": ("Phường/Xã", "Phường, xã", "Xã/phường", "Phường (xã)", "Thuộc phường/xã"),
    "unit_code": ("Mã ĐVHC", "Mã xã", "Mã phường/xã", "Mã đơn vị hành chính"),
    "old_ward": ("Phường/xã (cũ)", "Phường, xã cũ", "Phường/Xã"),
    "old_district": ("Quận/huyện", "Quận/huyện (cũ)", "Quận, huyện, thị xã"),
    "lat": ("Vĩ độ", "Vĩ độ (N)", "Latitude", "Lat"),
    "lon": ("Kinh độ", "Kinh độ (E)", "Longitude", "Long"),
    "latlon": ("Toạ độ", "Tọa độ", "Tọa độ GPS", "Toạ độ (vĩ độ, kinh độ)"),
    "kind": ("Chủng loại", "Loại camera", "Kiểu camera", "Loại (PTZ/cố định)"),
    "vendor": ("Hãng SX", "Hãng sản xuất", "Nhãn hiệu", "Thương hiệu", "Hãng"),
    "model": ("Model", "Mã hiệu", "Ký mã hiệu", "Model thiết bị"),
    "serial": ("Serial", "S/N", "Số sê-ri", "Số seri", "Serial Number"),
    "mac": ("MAC", "Địa chỉ MAC", "MAC Address"),
    "host": ("IP", "Địa chỉ IP", "IP camera"),
    "megapixels": ("Độ phân giải", "Độ phân giải (MP)", "Số MP"),
    "mounting": ("Hình thức lắp đặt", "Kiểu lắp đặt", "Vị trí gắn"),
    "height": ("Chiều cao (m)", "Độ cao lắp đặt (m)", "Cao độ lắp (m)"),
    "bearing": ("Hướng", "Hướng quan sát", "Phương vị (độ)"),
    "view": ("Góc nhìn (độ)", "Góc quan sát (độ)"),
    "range": ("Tầm xa (m)", "Tầm quan sát (m)"),
    "purpose": ("Mục đích", "Mục đích sử dụng", "Mục đích giám sát", "Nhiệm vụ"),
    "link": ("Đường truyền", "Loại đường truyền", "Hình thức kết nối", "Kết nối"),
    "upload": ("Băng thông tải lên", "Tốc độ upload", "Upload (kbps)"),
    "quiet": ("Khung giờ không truyền", "Giờ hạn chế truyền", "Khung giờ hạn chế"),
    "consent_name": ("Chủ hộ", "Họ tên chủ hộ", "Tên hộ dân"),
    "consent_phone": ("SĐT chủ hộ", "Điện thoại chủ hộ", "Số ĐT hộ dân"),
    "consent_given_on": ("Ngày đồng ý", "Ngày ký văn bản đồng ý", "Ngày ký đồng ý"),
    "consent_expires_on": ("Hiệu lực đồng ý đến", "Đồng ý đến ngày", "Hết hạn đồng ý"),
    "status": ("Tình trạng", "Hiện trạng", "Tình trạng hoạt động", "Trạng thái", "Hiện trạng hoạt động"),
    "installed_on": ("Ngày lắp đặt", "Thời gian lắp đặt", "Ngày lắp", "Ngày đưa vào sử dụng"),
    "contract": ("Số hợp đồng", "Hợp đồng", "HĐ số"),
    "supplier": ("Nhà cung cấp", "Đơn vị cung cấp", "Nhà thầu"),
    "warranty_until": ("Bảo hành đến", "Hạn bảo hành", "Hết hạn bảo hành"),
    "sign": ("Biển báo", "Có biển báo", "Biển thông báo"),
    "contact": ("Đầu mối liên hệ", "Người phụ trách", "Đầu mối"),
    "owner": ("Chủ sở hữu", "Đơn vị sở hữu", "Cơ quan sở hữu"),
    "manager": ("Đơn vị quản lý", "Đơn vị quản lý, vận hành", "Cơ quan quản lý"),
    "site": ("Site", "Mã site"),
    "rtsp_main": ("Link RTSP", "RTSP", "Luồng chính", "Link luồng chính"),
    "rtsp_sub": ("Luồng phụ", "Link luồng phụ", "RTSP phụ"),
    "username": ("Tài khoản", "User"),
    "password": ("Mật khẩu", "Password"),
    "note": ("Ghi chú", "GC"),
}

# (words above several columns, the columns they may stand above)
GROUPS: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = (
    (("Tọa độ", "Toạ độ (WGS 84)"), frozenset({"lat", "lon"})),
    (("Địa bàn hành chính", "Địa bàn cũ"), frozenset({"old_ward", "old_district"})),
    (("Thông tin thiết bị", "Thiết bị"), frozenset({"vendor", "model", "serial", "mac", "host", "megapixels"})),
    (("Lắp đặt", "Thông số lắp đặt"), frozenset({"mounting", "height", "bearing", "view", "range"})),
    (("Hồ sơ", "Hợp đồng và bảo hành"),
        frozenset({"installed_on", "contract", "supplier", "warranty_until"})),
    (("Hộ dân cho mượn đường truyền", "Thông tin hộ dân"), frozenset(
            {"consent_name", "consent_phone", "consent_given_on", "consent_expires_on"}
        )),
    (("Luồng hình", "Kết nối"), frozenset({"site", "rtsp_main", "rtsp_sub", "username", "password"})),
)  # fmt: skip

# What a proposal can say: there is nothing there yet.
PROPOSAL_KEYS = frozenset(
    {
        "stt", "qty", "code", "name", "address", "unit", "unit_code", "old_ward", "old_district", "lat", "lon", "latlon",
        "kind", "purpose", "status", "owner", "note",
    }
)  # fmt: skip
