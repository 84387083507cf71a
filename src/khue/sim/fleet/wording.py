"""What agencies write for what they mean. Every word has one meaning, so that the truth beside a row is certain."""

from __future__ import annotations

from collections.abc import Mapping

from khue.model.registry import Kind, Life, LinkKind, Mounting, Purpose

PURPOSES: Mapping[Purpose, tuple[str, ...]] = {
    Purpose.SECURITY: ("An ninh trật tự", "ANTT", "An ninh, trật tự", "Giám sát ANTT", "Bảo đảm an ninh trật tự"),
    Purpose.VIOLATION: ("Xử lý vi phạm", "Phạt nguội", "XLVP", "Xử lý vi phạm giao thông", "Phát hiện, xử lý vi phạm"),
    Purpose.DEFENCE: ("Quốc phòng", "QP", "Nhiệm vụ quốc phòng"),
    Purpose.TRAFFIC_SAFETY: ("An toàn giao thông", "ATGT", "Trật tự ATGT", "Trật tự, an toàn giao thông"),
    Purpose.TRAFFIC_INFRASTRUCTURE: ("Hạ tầng giao thông", "HTGT", "Quản lý hạ tầng giao thông", "Giám sát hạ tầng GT"),
    Purpose.ENVIRONMENT: ("Môi trường", "Bảo vệ môi trường", "Vệ sinh môi trường", "VSMT"),
    Purpose.URBAN_ORDER: ("Trật tự đô thị", "TTĐT", "Quản lý trật tự đô thị", "TT đô thị"),
    Purpose.VOV_TRAFFIC: ("VOV Giao thông", "VOV GT", "Phát thanh giao thông", "Thông tin giao thông VOV"),
}
UNKNOWN_PURPOSES = ("Theo dõi chung chung", "Theo yêu cầu lãnh đạo", "Mục đích 9", "Loại B", "Như năm trước")
KINDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.PTZ: ("PTZ", "Quay quét", "Speed dome", "Camera quay quét (PTZ)", "Xoay PTZ"),
    Kind.FIXED: ("Cố định", "Thân cố định", "Camera cố định", "Fixed", "Thân (cố định)"),
}
LINKS: Mapping[LinkKind, tuple[str, ...]] = {
    LinkKind.PRIVATE_FIBRE: ("Cáp quang riêng", "Quang riêng", "Đường truyền riêng", "Cáp quang nội bộ"),
    LinkKind.LEASED: ("Thuê bao Internet", "Thuê Internet", "Thuê đường truyền", "Internet thuê bao", "FTTH (thuê)"),
    LinkKind.BORROWED: ("Mượn mạng nhà dân", "Nhờ Internet hộ dân", "Mượn của hộ dân", "Dùng nhờ mạng nhà dân"),
}
MOUNTINGS: Mapping[Mounting, tuple[str, ...]] = {
    Mounting.POLE: ("Cột thép", "Cột điện", "Cột", "Trụ"),
    Mounting.WALL: ("Gắn tường", "Tường nhà", "Tường"),
    Mounting.GANTRY: ("Giá long môn", "Long môn"),
    Mounting.BUILDING: ("Nóc nhà", "Tòa nhà", "Mái nhà"),
    Mounting.TRAFFIC_LIGHT: ("Cột đèn tín hiệu", "Cột đèn giao thông"),
    Mounting.OTHER: ("Khác",),
}

# Life as the books say it -> (words, what they say of life, what they say of working); None: the words do not say.
StatusWords = tuple[tuple[str, ...], Life | None, bool | None]
STATUS: Mapping[Life, tuple[StatusWords, ...]] = {
    Life.OPERATING: (
        (("Đang hoạt động", "Đang HĐ", "Đang sử dụng"), Life.OPERATING, True),
        (("Hoạt động tốt", "Tốt", "HĐ tốt", "Bình thường", "Hoạt động bình thường"), None, True),
    ),
    Life.FAULTY: (
        (("Hỏng", "Hư hỏng", "Bị hỏng"), Life.FAULTY, False),
        (("Không hoạt động", "Mất tín hiệu", "Không HĐ", "Mất kết nối"), None, False),
    ),
    Life.UNDER_REPAIR: ((("Đang sửa chữa", "Đang bảo trì", "Đang sửa"), Life.UNDER_REPAIR, None),),
    Life.SUSPENDED: ((("Tạm dừng", "Tạm ngừng", "Tạm dừng hoạt động"), Life.SUSPENDED, None),),
    Life.ACCEPTED: ((("Đã nghiệm thu", "Nghiệm thu xong"), Life.ACCEPTED, None),),
    Life.INSTALLED: ((("Mới lắp đặt", "Đã lắp đặt, chưa nghiệm thu"), Life.INSTALLED, None),),
    Life.PROPOSED: ((("Đề xuất", "Đề xuất lắp mới", "Dự kiến lắp", "Đề xuất bổ sung"), Life.PROPOSED, None),),
    Life.APPROVED: ((("Đã phê duyệt", "Đã duyệt", "Được phê duyệt"), Life.APPROVED, None),),
}

# Brands as people type them; the catalogue's own spelling is always possible too.
BRANDS: Mapping[str, tuple[str, ...]] = {
    "Hikvision": ("HIKVISION", "HikVision", "hikvision", "Hik Vision", "HIK", "Hikvison"),
    "Dahua": ("DAHUA", "dahua", "Dahua Technology"),
    "KBVision": ("KBVISION", "KB Vision", "KbVision", "KBVISION USA"),
    "HDParagon": ("HDPARAGON", "HD Paragon", "HDparagon"),
    "EZVIZ": ("Ezviz", "ezviz", "EZVIZ (Hikvision)"),
    "HiLook": ("HILOOK", "Hilook"),
    "Imou": ("IMOU", "imou", "Imou (Dahua)"),
    "Kbone": ("KBONE", "KBOne"),
    "Uniview (UNV)": ("UNV", "Uniview", "UNIVIEW", "UniView"),
    "Tiandy": ("TIANDY",),
    "Axis": ("AXIS", "Axis Communications"),
    "Hanwha Vision / Wisenet / Samsung": ("Hanwha", "Samsung", "Wisenet", "HANWHA", "Samsung Wisenet", "Hanwha Vision"),
    "Bosch": ("BOSCH",),
    "i-PRO / Panasonic": ("Panasonic", "i-PRO", "PANASONIC"),
    "VIVOTEK": ("Vivotek",),
    "Avigilon": ("AVIGILON",),
    "Pelco": ("PELCO",),
    "Sony": ("SONY",),
    "Honeywell": ("HONEYWELL",),
    "Milesight": ("MILESIGHT",),
    "Huawei / HoloSens": ("Huawei", "HUAWEI", "HoloSens"),
    "TP-Link Tapo / VIGI": ("TP-Link", "Tapo", "VIGI", "TP-LINK", "TP-Link VIGI"),
    "Reolink": ("REOLINK",),
    "Foscam": ("FOSCAM",),
    "D-Link": ("D-LINK", "DLink"),
    "GeoVision": ("GEOVISION", "Geovision"),
    "Xiongmai (XM) / Jufeng OEM": ("Xiongmai", "XM", "Xiongmai (XM)"),
    "Yoosee / Gwell": ("Yoosee", "YOOSEE", "Gwell"),
    "Viettel (VHome etc.)": ("Viettel", "VIETTEL", "Viettel VHome"),
    "VNPT Technology ONE": ("VNPT", "VNPT Technology", "VNPT ONE"),
    "FPT Camera / HANET": ("FPT Camera", "HANET", "FPT"),
    "Infinova": ("INFINOVA",),
    "Bkav AIView": ("BKAV", "Bkav", "AIView"),
}
NOTES = (
    "Ảnh mờ vào ban đêm", "Cần thay nguồn", "Bị cây che khuất một phần", "Đã thay ổ cứng tháng 3", "Chưa có biển báo",
    "Nhà dân hay tắt mạng", "Đề nghị thay thế", "Ống kính bẩn", "Cột nghiêng, cần chỉnh", "Lắp theo dự án xã hội hóa",
)  # fmt: skip
SUPPLIERS = (
    "Công ty CP Công nghệ An Ninh Việt", "Công ty TNHH Thiết bị Thăng Long", "Công ty CP Giải pháp Sao Mai",
    "Công ty TNHH Viễn thông Đông Đô", "Liên danh Hồng Hà - Tràng An", "Công ty CP Kỹ thuật Bình Minh",
)  # fmt: skip
FAMILY_NAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô", "Dương")
MIDDLE_NAMES = ("Văn", "Thị", "Minh", "Hữu", "Đức", "Quang", "Thu", "Ngọc", "Xuân", "Thanh")
GIVEN_NAMES = ("An", "Bình", "Cường", "Dũng", "Hà", "Hải", "Hạnh", "Hùng", "Lan", "Linh", "Long", "Mai", "Nam", "Tuấn")
COMPASS = ("Bắc", "Đông Bắc", "Đông", "Đông Nam", "Nam", "Tây Nam", "Tây", "Tây Bắc")  # each 45 degrees from north
