"""The 126 units of Hanoi by their names, by their codes, and by the names they had before July 2025."""

from __future__ import annotations

import csv
import functools
import importlib.resources
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator

import msgspec

from khue.centre.intake.plain import words

_KINDS = ("phuong", "xa", "thi tran", "quan", "huyen", "thi xa")
_SHORT = {
    "p": "phuong",
    "f": "phuong",
    "ph": "phuong",
    "x": "xa",
    "tt": "thi tran",
    "q": "quan",
    "h": "huyen",
    "tx": "thi xa",
    "ward": "phuong",
}
_DISTRICTS = ("quan", "huyen", "thi xa")
_CITY = re.compile(
    r"\b(?:thanh pho|tp|t p)? ?(?:ha noi|hanoi|hn)\b(?: viet nam)?$|^(?:thanh pho|tp) ha noi\b|\bviet nam$"
)
_CUT = re.compile(r"[,;/\n()\[\]]|\s[-–—]\s|\bthuộc\b|\bthuoc\b|\btrực thuộc\b")
_NOW = re.compile(r"(?:nay la|nay thuoc|moi la|moi|hien nay la|sau sap nhap(?: la)?) (.+)")
_OLD = re.compile(r"\b(?:cu|truoc day|truoc 2025|truoc sap nhap)$")
_SYLLABLE = re.compile("[^\\W_][\\w\u0300-\u0323\u031b]*")
_TONE = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
_KM_PER_DEGREE = 111.2
_NEAR_WARD_KM = 2.8  # from the middle of a ward to its edge, the largest apart
_HALF_SQUARE_KM = 0.78  # from the middle of a hundredth of a degree to its corner
_NEAR_UNIT = 1.4  # the same for units, in radii of a circle of its area


class Unit(msgspec.Struct, frozen=True):
    """A ward or commune since July 2025; ``radius_km`` of a circle of its area."""

    code: str
    name: str
    kind: str
    lat: float
    lon: float
    radius_km: float


class OldWard(msgspec.Struct, frozen=True):
    """A ward, commune or township before July 2025 and the units it went to; ``main`` took the largest part, or all."""

    district: str
    name: str
    code: str
    lat: float
    lon: float
    units: tuple[str, ...]
    main: str


class Found(msgspec.Struct, frozen=True):
    """``unit``: its code, "" when the text names none. ``note``: how it was found. ``options``: what it could be."""

    unit: str
    note: str = ""
    options: tuple[str, ...] = ()


class Named(msgspec.Struct, frozen=True):
    """Folded names in a text, "" where none: of a ward, with its kind, and of a district. ``old``: it means the ward of before."""

    kind: str = ""
    ward: str = ""
    district: str = ""
    old: bool = False


class Units:
    """Looks units up; remembers only what it has worked out before."""

    def __init__(self, units: Iterable[Unit], wards: Iterable[OldWard]) -> None:
        self.by_code = {unit.code: unit for unit in units}
        self._wards = tuple(wards)
        self._new: dict[str, Unit] = {}
        self._old: dict[str, list[OldWard]] = {}
        self._old_codes = {ward.code: ward for ward in self._wards}
        self._district_of: dict[str, str] = {}
        self._squares: dict[tuple[int, int], bool] = {}  # of a hundredth of a degree: whether all of it is in Hanoi
        for unit in self.by_code.values():
            self._new[_split_kind(words(unit.name))[1]] = unit
        for ward in self._wards:
            self._old.setdefault(_split_kind(words(ward.name))[1], []).append(ward)
            self._district_of[_split_kind(words(ward.district))[1]] = ward.district

    def find(self, text: str, district: str = "", place: tuple[float, float] | None = None, near: str = "") -> Found:
        """The unit a text names.

        ``district``: another column's text; ``place``: latitude and longitude; ``near``: the unit whose list it is.
        """
        plain = words(text)
        if plain.isdecimal():
            return self._by_code(plain, place)
        named = self._read(text)
        if district and not named.district:
            named = msgspec.structs.replace(named, district=self._read_district(district))
        if not named.ward:
            return self._by_place(named.district, place) if named.district else Found("")
        return self._by_name(named, place, near, text)

    def mentioned(self, address: str, place: tuple[float, float] | None = None, near: str = "") -> Found:
        """The unit an address names outright, with its kind ("..., phường Láng, ..."), or else nothing."""
        named = self._read(address, strict=True)
        return self._by_name(named, place, near, address) if named.ward else Found("")

    def nearest(self, lat: float, lon: float) -> str:
        """The unit whose middle is nearest, for its size."""
        return min(self.by_code.values(), key=lambda unit: _power(unit, lat, lon)).code

    def distance_km(self, code: str, lat: float, lon: float) -> float:
        """How far a position lies outside a circle of the unit's area; 0 within."""
        unit = self.by_code[code]
        return max(0.0, _km(unit.lat, unit.lon, lat, lon) - unit.radius_km)

    def holds(self, lat: float, lon: float) -> bool:
        """Whether a position lies in Hanoi, as far as the middles and areas of its wards can tell: kilometres at the edge."""
        if not (20.4 < lat < 21.5 and 105.1 < lon < 106.2):
            return False
        square = (int(lat * 100), int(lon * 100))
        within = self._squares.get(square)
        if within is None:
            within = self._squares[square] = self._covers(
                (square[0] + 0.5) / 100, (square[1] + 0.5) / 100, _HALF_SQUARE_KM
            )
        return within or self._covers(lat, lon, 0.0)

    def _covers(self, lat: float, lon: float, margin_km: float) -> bool:
        """Whether a circle of that radius around a position lies in Hanoi."""
        return any(
            _km(unit.lat, unit.lon, lat, lon) + margin_km <= _NEAR_UNIT * unit.radius_km
            for unit in self.by_code.values()
        ) or any(_km(ward.lat, ward.lon, lat, lon) + margin_km <= _NEAR_WARD_KM for ward in self._wards)

    def is_district(self, text: str) -> bool:
        """Whether a text is the name of an old district with its kind."""
        return self._read(text).district != "" and self._read(text).ward == ""

    def unit_of_name(self, plain: str) -> Unit | None:
        """The unit of a folded name without its kind."""
        return self._new.get(plain)

    def _by_code(self, digits: str, place: tuple[float, float] | None) -> Found:
        code = digits.lstrip("0").zfill(5)
        note = "" if digits == code else "code_zeros"
        if code in self.by_code:
            return Found(code, note)
        ward = self._old_codes.get(code)
        return self._went_to(ward, place) if ward is not None else Found("")

    def _by_name(self, named: Named, place: tuple[float, float] | None, near: str, text: str) -> Found:
        wards = [
            ward
            for ward in self._old.get(named.ward, ())
            if not named.district or words(ward.district) == words(named.district)
        ]
        wards = [ward for ward in wards if not named.kind or words(ward.name).startswith(named.kind)] or wards
        unit = self._new.get(named.ward)
        if unit is not None and wards and not text.isascii():
            unit, wards = _as_marked(unit, wards, text)
        if unit is not None and not (wards and (named.old or named.district)):
            kind = _split_kind(words(unit.name))[0]
            # "Thị trấn Đông Anh" was a part of what "Xã Đông Anh" is now; "Xã Ba Đình" is a slip.
            if not wards or not named.kind or named.kind == kind:
                return Found(unit.code)
        if not wards:
            return Found(unit.code) if unit is not None else Found("")
        if len(wards) == 1:
            return self._went_to(wards[0], place)
        return self._one_of(wards, place, near)

    def _one_of(self, wards: list[OldWard], place: tuple[float, float] | None, near: str) -> Found:
        """Wards of one name in several districts: the position decides, or whose list it is, or that all went to one unit."""
        if place is not None:
            return self._went_to(min(wards, key=lambda ward: _km(ward.lat, ward.lon, *place)), place)
        if near:
            wards = [ward for ward in wards if near in ward.units] or wards
        codes = {ward.main for ward in wards}
        if len(codes) == 1:
            return Found(codes.pop(), "old_unit")
        return Found("", options=tuple(f"{ward.name}, {ward.district}" for ward in wards))

    def _went_to(self, ward: OldWard, place: tuple[float, float] | None) -> Found:
        if len(ward.units) == 1:
            return Found(ward.main, "old_unit")
        if place is None:
            return Found(ward.main, "old_unit_divided")
        return Found(min(ward.units, key=lambda code: _power(self.by_code[code], *place)), "old_unit")

    def _by_place(self, district: str, place: tuple[float, float] | None) -> Found:
        if place is None:
            return Found("", options=(district,))
        wards = [ward for ward in self._wards if ward.district == district]
        ward = min(wards, key=lambda one: _km(one.lat, one.lon, *place))
        if _km(ward.lat, ward.lon, *place) > 10:
            return Found("", options=(district,))
        return Found(self._went_to(ward, place).unit, "unit_from_district")

    def _read(self, text: str, *, strict: bool = False) -> Named:
        """Cuts a text such as "P. Trúc Bạch (cũ), Q. Ba Đình, Hà Nội" into its names."""
        found = Named(old=_OLD.search(words(text)) is not None or bool(re.search(r"\(\s*c(?:ũ|u)\s*\)", text)))
        whole = _expand(_without_city(words(text)))
        for part in (whole, *self._parts(text)):
            if now := _NOW.fullmatch(part):
                part = _expand(now.group(1))
                found = msgspec.structs.replace(found, ward="", old=False)
            found = self._add(found, part, strict=strict)
        return found

    def _parts(self, text: str) -> Iterator[str]:
        for piece in _CUT.split(text):
            part = _OLD.sub("", _expand(_without_city(words(piece)))).strip()
            if part:
                yield part

    def _add(self, found: Named, part: str, *, strict: bool) -> Named:
        kind, name = _split_kind(part)
        if kind and name not in self._new and name not in self._old and (part in self._new or part in self._old):
            kind, name = "", part  # "Phương Liệt" is a name, not the kind of one
        if strict and not found.ward and name not in self._new and name not in self._old:
            kind, name = self._inside(part) or (kind, name)
        if kind in _DISTRICTS and name in self._district_of:
            return found if found.district else msgspec.structs.replace(found, district=self._district_of[name])
        known = name in self._new or name in self._old
        if known and (kind or not strict) and kind not in _DISTRICTS:
            if not found.ward:
                return msgspec.structs.replace(found, kind=kind, ward=name)
            if name in self._district_of and name != found.ward and not kind and not found.district:
                return msgspec.structs.replace(found, district=self._district_of[name])  # "Trúc Bạch, Ba Đình"
        elif name in self._district_of and not kind and not found.district and found.ward:
            return msgspec.structs.replace(found, district=self._district_of[name])
        return found

    def _inside(self, part: str) -> tuple[str, str] | None:
        """The kind and name of a ward somewhere within folded words: "cho lang phuong lang"."""
        tokens = part.split()[:60]
        for start, token in enumerate(tokens):
            kind = token if token in ("phuong", "xa") else _SHORT.get(token, "")
            if kind in ("phuong", "xa"):
                for size in range(min(5, len(tokens) - start - 1), 0, -1):
                    name = " ".join(tokens[start + 1 : start + 1 + size])
                    if name in self._new or name in self._old:
                        return kind, name
        return None

    def _read_district(self, text: str) -> str:
        for part in (_without_city(words(text)), *(words(piece) for piece in _CUT.split(text))):
            name = _split_kind(_expand(_OLD.sub("", part).strip()))[1]
            if name in self._district_of:
                return self._district_of[name]
        return ""


def _as_marked(unit: Unit, wards: list[OldWard], text: str) -> tuple[Unit | None, list[OldWard]]:
    """Of names that differ in their marks alone (Sơn Đồng, Sơn Đông), those the text spells; all when it spells none."""
    said = _spelled(text)
    exact = _spelled(unit.name).partition(" ")[2] in said
    fitting = [ward for ward in wards if _spelled(ward.name.removeprefix("Thị ")).partition(" ")[2] in said]
    if exact == bool(fitting):
        return unit, wards
    return (unit, []) if exact else (None, fitting)


def _spelled(text: str) -> str:
    """Lower case with marks, each tone at the end of its syllable: "Hoà" and "Hòa" are one."""
    syllables = []
    for word in _SYLLABLE.findall(unicodedata.normalize("NFD", text.casefold())):
        tones = "".join(_TONE.findall(word))
        syllables.append(_TONE.sub("", word) + tones)
    return " ".join(syllables)


def _without_city(plain: str) -> str:
    return _CITY.sub("", _CITY.sub("", plain).strip()).strip()


def _expand(plain: str) -> str:
    """ "p truc bach" -> "phuong truc bach"; "p14" stays, Hanoi has no numbered wards."""
    first, _, rest = plain.partition(" ")
    return f"{_SHORT[first]} {rest}" if rest and first in _SHORT else plain


def _split_kind(plain: str) -> tuple[str, str]:
    for kind in _KINDS:
        if plain.startswith(kind + " "):
            return kind, plain[len(kind) + 1 :]
    return "", plain


def _km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    across = (lon - other_lon) * 0.9336  # cosine of Hanoi's latitude
    return _KM_PER_DEGREE * math.sqrt((lat - other_lat) ** 2 + across * across)


def _power(unit: Unit, lat: float, lon: float) -> float:
    """Distance to a unit's circle: of two neighbours of different size, the border lies where it is equal."""
    return _km(unit.lat, unit.lon, lat, lon) ** 2 - unit.radius_km**2


@functools.cache
def load_units() -> Units:
    """From the product's own data."""
    folder = importlib.resources.files("khue").joinpath("data")
    units = [
        Unit(
            row["code"],
            row["name"],
            "ward" if row["type"] == "Phường" else "commune",
            float(row["lat"]),
            float(row["lon"]),
            math.sqrt(float(row["area_km2"]) / math.pi),
        )
        for row in csv.DictReader(folder.joinpath("hanoi_126_units.csv").read_text("utf-8").splitlines())
    ]
    parts: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(folder.joinpath("hanoi_units_before_2025.csv").read_text("utf-8").splitlines()):
        parts.setdefault(row["code"], []).append(row)
    return Units(units, [_old_ward(rows) for rows in parts.values()])


def _old_ward(rows: list[dict[str, str]]) -> OldWard:
    one = rows[0]
    main = next((row["unit"] for row in rows if row["share"] in ("whole", "main")), one["unit"])
    codes = tuple(row["unit"] for row in rows)
    return OldWard(one["district"], one["ward"], one["code"], float(one["lat"]), float(one["lon"]), codes, main)
