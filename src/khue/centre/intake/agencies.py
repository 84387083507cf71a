"""Whose list it is: agencies by the names they write, in columns, titles and file names."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

import msgspec

from khue.centre.fleet.rules import fold
from khue.centre.intake.plain import clean, words
from khue.centre.intake.table import Table
from khue.centre.intake.units import Units, load_units

_LONG = (
    (re.compile(r"^(?:ubnd|uy ban nhan dan|uy ban|uy ban nd)\b"), "ubnd"),
    (re.compile(r"^cap\b"), "cong an phuong"),
    (re.compile(r"^cax\b"), "cong an xa"),
    (re.compile(r"^(?:ca|cong an|c a)\b"), "cong an"),
    (re.compile(r"^(?:bch|ban chi huy|bch quan su|ban chqs)\b"), "ban chi huy"),
)
_SHORT_WORDS = {
    "p": "phuong", "x": "xa", "q": "quan", "h": "huyen", "tp": "thanh pho", "tt": "thi tran", "tx": "thi xa", "hn": "ha noi",
    "gtvt": "giao thong van tai", "csgt": "canh sat giao thong", "btl": "bo tu lenh", "cp": "co phan",
}  # fmt: skip
_STARTS = re.compile(
    r"^(?:ubnd|uy ban nhan dan|uy ban|cong an|cap |cax |ca (?:phuong|xa|p|x|tp|thanh pho|quan|huyen)|so "
    r"|phong (?:csgt|canh sat|quan ly|pc)"
    r"|ban (?:quan ly|chi huy|qlda|quan su)|doi (?:csgt|canh sat|quan ly|thanh tra)|trung tam|cong ty|bo tu lenh|bo chi huy|vov"
    r"|dai tieng noi|xi nghiep|tong cong ty|chi cuc|cuc |vien |truong |bch |benh vien|kenh vov|cang vu|nha may|hop tac xa"
    r"|to dan pho)"
)
_TITLE_ONLY = re.compile(
    r"cong hoa xa hoi|doc lap tu do|danh sach|bang (?:tong hop|ke|thong ke)|phu luc|bieu mau|bao cao|thong ke|kem theo|ngay \d"
    r"|mau so|so \d|tong hop"
)
_CITY_ONLY = frozenset(("ubnd thanh pho ha noi", "thanh pho ha noi", "cong an thanh pho ha noi"))
_LABEL = re.compile(
    r"^(?:đơn vị(?: báo cáo| lập| quản lý)?|cơ quan|tên đơn vị|don vi|co quan|agency|chủ quản)\s*[:：]\s*",
    re.IGNORECASE,
)
_WITHIN = re.compile(
    r"((?:UBND|Uỷ ban nhân dân|Ủy ban nhân dân|Công an|Sở|Ban chỉ huy quân sự|Ban CHQS|CA)\s+(?:các\s+)?"
    r"(?:phường|xã|p\.|x\.|thị trấn|thành phố)\s+[^\n|(),;:]{2,60})",
    re.IGNORECASE,
)
_MAX_ID = 64


class Agency(msgspec.Struct, frozen=True):
    """As the registry would keep it. ``kind``: city, police, department, ward, commune, broadcaster, contractor or other."""

    id: str
    name: str
    kind: str
    unit: str | None = None


def agency_id(name: str) -> str:
    """The id of an agency of that name: "UBND P. Ba Đình" and "Uỷ ban nhân dân phường Ba Đình" are one."""
    plain = words(name)
    for pattern, long in _LONG:
        plain = pattern.sub(long, plain)
    plain = " ".join(_SHORT_WORDS.get(word, word) for word in plain.split())
    return plain.replace(" ", "-")[:_MAX_ID].strip("-")


def read_agency(name: str, units: Units | None = None) -> Agency | None:
    """The agency a text names; None for an empty text."""
    written = clean(name)
    key = agency_id(written)
    if not key:
        return None
    unit = unit_of_agency(written, units or load_units())
    return Agency(key, written, _kind(key), unit)


def unit_of_agency(name: str, units: Units) -> str | None:
    """The code of the ward or commune whose own agency this is."""
    found = re.search(r"(?:^|-)(phuong|xa)-(.+)$", agency_id(name))
    if found is None:
        return None
    plain = found.group(2).replace("-", " ")
    unit = units.unit_of_name(re.sub(r" (?:thanh pho )?ha noi$", "", plain))
    return unit.code if unit is not None else (units.find(f"{found.group(1)} {plain}").unit or None)


def _kind(key: str) -> str:
    if key.startswith("cong-an") or "canh-sat" in key:
        return "police"
    if re.match(r"ubnd-(phuong|xa)-", key):
        return "ward" if key.startswith("ubnd-phuong-") else "commune"
    if key.startswith(("ubnd-thanh-pho", "ubnd-tp")):
        return "city"
    if key.startswith(("so-", "ban-", "chi-cuc", "phong-", "trung-tam")):
        return "department"
    if "vov" in key or "dai-tieng-noi" in key:
        return "broadcaster"
    return "contractor" if key.startswith(("cong-ty", "tong-cong-ty", "xi-nghiep")) else "other"


def agency_of(table: Table, file_name: str) -> str | None:
    """Whose list it is, as written: from the lines above the heading, else the sheet's name, else the file's."""
    lines = [clean(_LABEL.sub("", part)) for line in table.title.split("\n") for part in line.split(" | ")]
    named = [
        line
        for line in lines
        if _STARTS.match(words(line)) and not _TITLE_ONLY.search(words(line)) and len(line) <= 120
    ]
    own = [line for line in named if agency_id(line).replace("-", " ") not in _CITY_ONLY]
    # A letterhead names the authority above first: the most particular line is the last of them.
    if own:
        return _tidy(own[-1])
    for line in lines:
        if found := _WITHIN.search(unicodedata.normalize("NFC", line)):
            return _tidy(found.group(1))
    if named:
        return _tidy(named[-1])
    return _from_name(table.sheet) or _from_name(PurePosixPath(file_name.replace("\\", "/")).stem)


def _from_name(name: str) -> str | None:
    """ "ubnd_phuong_ba_dinh_2025" names an agency though no words are left apart."""
    plain = re.sub(
        r"\b(?:danh sach|ds|camera|cam|thong ke|tong hop|final|ban cuoi|copy|bao cao|kiem ke|lan \d+|v\d+|20\d\d|\d+)\b",
        " ",
        words(name.replace("_", " ")),
    )
    plain = re.sub(r"\s+", " ", plain).strip()
    if not plain or not _STARTS.match(plain + " "):
        return None
    kept = clean(re.sub(r"[_\-.]+", " ", name))
    shown = " ".join(word for word in kept.split() if words(word) in plain.split())
    return _named_in_full(shown or plain)


def _named_in_full(text: str) -> str:
    """A name without marks as it is officially written, when its unit is known."""
    units = load_units()
    key = agency_id(text)
    found = re.fullmatch(r"(ubnd|cong-an)-(phuong|xa)-(.+)", key)
    unit = units.unit_of_name(found.group(3).replace("-", " ")) if found else None
    if found and unit is not None and fold(text) == text.casefold():
        start = "UBND" if found.group(1) == "ubnd" else "Công an"
        return f"{start} {unit.name[0].lower()}{unit.name[1:]}"
    return text


def _tidy(line: str) -> str:
    """Capitals of a letterhead as they are written in a sentence: "UBND PHƯỜNG BA ĐÌNH" -> "UBND phường Ba Đình"."""
    line = line.strip(" .:;-–*_")
    if not line.isupper():
        return line
    shown: list[str] = []
    is_name = True  # a name begins, or goes on
    for word in line.lower().split():
        if words(word) in _CAPITALS:
            shown.append(word.upper())
            continue
        kind = words(word) in ("phuong", "xa", "pho", "tran")
        shown.append(word.capitalize() if is_name and not kind else word)
        is_name = kind or (
            is_name and bool(shown[:-1]) and any(words(one) in ("phuong", "xa", "pho", "tran") for one in shown)
        )
    return re.sub(r"\bhà nội\b", "Hà Nội", " ".join(shown))


_CAPITALS = frozenset(("ubnd", "csgt", "vov", "tnhh", "mtv", "cp", "gtvt", "ca", "bch", "hdnd", "tp"))
