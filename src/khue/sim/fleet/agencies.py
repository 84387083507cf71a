"""The forty agencies that keep books about cameras, and whose a camera is."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import NamedTuple

from khue.model.registry import Purpose
from khue.sim.fleet.spelling import slug


class Agency(NamedTuple):
    """``unit`` is the ward or commune it is of; ``around`` the unit in the middle of a board's area; ``short`` starts its codes."""

    name: str
    kind: str
    short: str
    unit: str = ""
    around: str = ""
    parent: str = "UBND thành phố Hà Nội"

    @property
    def id(self) -> str:
        return slug(self.name)


_POLICE = "Công an thành phố Hà Nội"
AGENCIES = (
    Agency("UBND phường Ba Đình", "ward", "BĐ", "00004"),
    Agency("UBND phường Hoàn Kiếm", "ward", "HK", "00070"),
    Agency("UBND phường Cửa Nam", "ward", "CN", "00082"),
    Agency("UBND phường Tây Hồ", "ward", "TH", "00103"),
    Agency("UBND phường Long Biên", "ward", "LB", "00145"),
    Agency("UBND phường Cầu Giấy", "ward", "CG", "00166"),
    Agency("UBND phường Đống Đa", "ward", "ĐĐ", "00235"),
    Agency("UBND phường Hai Bà Trưng", "ward", "HBT", "00256"),
    Agency("UBND phường Hoàng Mai", "ward", "HM", "00331"),
    Agency("UBND phường Thanh Xuân", "ward", "TX", "00367"),
    Agency("UBND phường Hà Đông", "ward", "HĐ", "09556"),
    Agency("UBND phường Từ Liêm", "ward", "TL", "00592"),
    Agency("UBND xã Sóc Sơn", "commune", "SS", "00376"),
    Agency("UBND xã Gia Lâm", "commune", "GL", "00565"),
    Agency("Công an phường Kim Liên", "police", "KL", "00229", parent=_POLICE),
    Agency("Công an phường Ngọc Hà", "police", "NH", "00008", parent=_POLICE),
    Agency("Công an phường Yên Hòa", "police", "YH", "00175", parent=_POLICE),
    Agency("Công an phường Sơn Tây", "police", "ST", "09574", parent=_POLICE),
    Agency("Công an xã Nội Bài", "police", "NB", "00433", parent=_POLICE),
    Agency("Phòng Cảnh sát giao thông Công an thành phố Hà Nội", "police", "PC08", parent=_POLICE),
    Agency("Phòng Cảnh sát quản lý hành chính Công an thành phố Hà Nội", "police", "PC06", parent=_POLICE),
    Agency("Phòng Tham mưu Công an thành phố Hà Nội", "police", "PV01", parent=_POLICE),
    Agency("Ban Quản lý dự án khu vực nội đô", "other", "NĐ", around="00226"),
    Agency("Ban Quản lý dự án khu vực Hoàng Mai - Thanh Trì", "other", "HT", around="00337"),
    Agency("Ban Quản lý dự án khu vực Nam Từ Liêm - Hoài Đức", "other", "NTL", around="00634"),
    Agency("Ban Quản lý dự án khu vực Đông Anh - Mê Linh", "other", "ĐM", around="00493"),
    Agency("Ban Quản lý dự án khu vực Ba Vì", "other", "BV", around="09664"),
    Agency("Ban Quản lý dự án khu vực Thạch Thất - Quốc Oai", "other", "TQ", around="09982"),
    Agency("Ban Quản lý dự án khu vực Chương Mỹ - Thanh Oai", "other", "CM", around="10072"),
    Agency("Ban Quản lý dự án khu vực Phú Xuyên - Ứng Hòa", "other", "PU", around="10279"),
    Agency("Sở Xây dựng Hà Nội", "department", "SXD"),
    Agency("Sở Nông nghiệp và Môi trường Hà Nội", "department", "MT"),
    Agency("Sở Văn hóa và Thể thao Hà Nội", "department", "VH"),
    Agency("Trung tâm Quản lý và Điều hành giao thông Hà Nội", "department", "TOC"),
    Agency("Ban Quản lý các khu công nghệ cao và khu công nghiệp Hà Nội", "department", "KCN"),
    Agency("Bộ Tư lệnh Thủ đô Hà Nội", "other", "BTL", parent="Bộ Quốc phòng"),
    Agency("VOV Giao thông", "broadcaster", "VOV", parent="Đài Tiếng nói Việt Nam"),
    Agency("Viettel Hà Nội", "contractor", "VTL", parent="Tập đoàn Công nghiệp - Viễn thông Quân đội"),
    Agency("VNPT Hà Nội", "contractor", "VNP", parent="Tập đoàn Bưu chính Viễn thông Việt Nam"),
    Agency("FPT Telecom Hà Nội", "contractor", "FPT", parent="Công ty Cổ phần Viễn thông FPT"),
)
BY_SHORT: Mapping[str, Agency] = {agency.short: agency for agency in AGENCIES}
KEEPER = ""  # whoever keeps the books of the unit: its people's committee, its police or a board

# Whose the cameras of a purpose are, with weights.
_OWNERS: Mapping[Purpose, tuple[tuple[str, float], ...]] = {
    Purpose.SECURITY: ((KEEPER, 66), ("PC06", 13), ("PV01", 7), ("VTL", 5), ("VNP", 5), ("FPT", 4)),
    Purpose.VIOLATION: (("PC08", 75), (KEEPER, 25)),
    Purpose.DEFENCE: (("BTL", 1),),
    Purpose.TRAFFIC_SAFETY: (("PC08", 38), ("TOC", 34), ("SXD", 8), (KEEPER, 20)),
    Purpose.TRAFFIC_INFRASTRUCTURE: (("SXD", 50), ("TOC", 50)),
    Purpose.ENVIRONMENT: (("MT", 45), ("KCN", 15), (KEEPER, 40)),
    Purpose.URBAN_ORDER: ((KEEPER, 72), ("VH", 12), ("SXD", 16)),
    Purpose.VOV_TRAFFIC: (("VOV", 1),),
}


def owner_of(purpose: Purpose, keeper: Agency, chance: random.Random) -> Agency:
    """``keeper`` is the agency that keeps the books of the camera's unit."""
    names, weights = zip(*_OWNERS[purpose], strict=True)
    short = chance.choices(names, weights)[0]
    return BY_SHORT[short] if short != KEEPER else keeper


def keepers(centres: Mapping[str, tuple[float, float]]) -> dict[str, Agency]:
    """Unit code -> who keeps its books. A unit without an own agency belongs to the nearest board. ``centres``: (lat, lon)."""
    own = {agency.unit: agency for agency in AGENCIES if agency.unit}
    boards = [agency for agency in AGENCIES if agency.around]

    def nearest(code: str) -> Agency:
        lat, lon = centres[code]
        return min(boards, key=lambda b: (lat - centres[b.around][0]) ** 2 + (lon - centres[b.around][1]) ** 2)

    return {code: own.get(code) or nearest(code) for code in centres}
