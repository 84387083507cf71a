"""Where cameras stand: the 126 units, their streets as lines through them, house numbers, junctions and places people name."""

from __future__ import annotations

import csv
import functools
import importlib.resources
import math
import random
from collections.abc import Iterator
from typing import NamedTuple

from khue.sim.fleet.spelling import fold

KM_LAT = 110.6  # kilometres in a degree at Hanoi
KM_LON = 103.8
_CENTRE = (21.0285, 105.8520)  # Hồ Hoàn Kiếm
_PLACES = (
    "Cổng trường tiểu học {0}", "Cổng trường THCS {0}", "Trạm y tế {0}", "Chợ {0}", "Nhà văn hóa {0}", "Sân bóng {0}",
    "Vườn hoa {0}", "Trạm bơm {0}", "Đình {0}", "Bãi tập kết rác {0}", "Điểm trung chuyển rác {0}", "Bến xe buýt {0}",
    "Khu tập thể {0}", "Chung cư {0}", "Trụ sở tổ dân phố {0}",
)  # fmt: skip
_TOWARDS = (
    "đi trung tâm",
    "đi ngoại thành",
    "hướng Bắc",
    "hướng Nam",
    "hướng Đông",
    "hướng Tây",
    "chiều về",
    "chiều đi",
)


class OldWard(NamedTuple):
    """A ward or commune of before 1 July 2025. ``share`` is ``whole``, ``main`` or ``part`` of it that went to ``unit``."""

    district: str
    name: str
    unit: str
    share: str


class Unit(NamedTuple):
    code: str
    name: str
    lat: float
    lon: float
    area_km2: float

    @property
    def bare(self) -> str:
        """Without ``Phường`` or ``Xã``."""
        return self.name.split(" ", 1)[1]

    @property
    def is_ward(self) -> bool:
        return self.name.startswith("Phường")

    @property
    def radius_km(self) -> float:
        return math.sqrt(self.area_km2 / math.pi)


class Place(NamedTuple):
    """``name`` and ``address`` are each unique in the city, with marks or without; ``street`` is for grouping rows."""

    unit: str
    name: str
    address: str
    street: str
    lat: float
    lon: float


class _Street(NamedTuple):
    """A straight line: it passes ``offset`` km from the unit's centre, in ``direction`` (radians from east)."""

    name: str
    direction: float
    offset: float

    def at(self, along: float, aside: float = 0.0) -> tuple[float, float]:
        """Kilometres (east, north) from the unit's centre."""
        cos, sin = math.cos(self.direction), math.sin(self.direction)
        across = self.offset + aside
        return along * cos - across * sin, along * sin + across * cos


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = importlib.resources.files("khue").joinpath("data", name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


@functools.cache
def units() -> dict[str, Unit]:
    """The 126, by code."""
    return {
        row["code"]: Unit(row["code"], row["name"], float(row["lat"]), float(row["lon"]), float(row["area_km2"]))
        for row in _rows("hanoi_126_units.csv")
    }


@functools.cache
def old_wards() -> tuple[OldWard, ...]:
    """A row for each pair of a former ward and a present unit that got some of it."""
    rows = _rows("hanoi_units_before_2025.csv")
    return tuple(OldWard(row["district"], row["ward"], row["unit"], row["share"]) for row in rows)


@functools.cache
def _street_names() -> dict[str, tuple[str, ...]]:
    text = importlib.resources.files("khue.sim.fleet").joinpath("streets.txt").read_text(encoding="utf-8")
    lines = (line.split(": ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {code: tuple(names.split("; ")) for code, names in lines}


def weight(unit: Unit) -> float:
    """How many cameras a unit has, in proportion: more in the middle of the city, more where there is more to watch."""
    north, east = (unit.lat - _CENTRE[0]) * KM_LAT, (unit.lon - _CENTRE[1]) * KM_LON
    centre = 0.35 + 2.4 * math.exp(-math.hypot(north, east) / 6.5)
    return math.pow(unit.area_km2, 0.35) * centre * (1.5 if unit.is_ward else 1.0)


class Map:
    """Streets of every unit and the places on them that are taken. The same ``chance`` gives the same places."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._streets = {unit.code: self._lay(unit) for unit in units().values()}
        self._names: set[str] = set()
        self._addresses: set[str] = set()
        self._used: dict[str, int] = {}  # cameras that share a junction or a landmark

    def _lay(self, unit: Unit) -> tuple[_Street, ...]:
        names = list(_street_names()[unit.code])
        if not unit.is_ward:
            names += [ward.name.split(" ")[-2] + " " + ward.name.split(" ")[-1] for ward in old_wards()
                      if ward.unit == unit.code and ward.share == "whole"]  # fmt: skip
        chance, reach = self._chance, unit.radius_km * 0.6
        turn = chance.uniform(0, math.pi)
        return tuple(
            _Street(name, turn + (index % 2) * math.pi / 2 + chance.gauss(0, 0.12), chance.uniform(-reach, reach))
            for index, name in enumerate(dict.fromkeys(names))
        )

    def place(self, code: str) -> Place:
        """One more place in the unit. A name or address that somebody has gets another number."""
        unit = units()[code]
        chance = self._chance
        street = chance.choice(self._streets[code])
        kind = chance.random()
        if kind < 0.3 and len(self._streets[code]) > 1:
            name, address, east, north = self._junction(unit, street)
        elif kind < 0.5:
            name, address, east, north = self._named(unit, street)
        else:
            name, address, east, north = self._house(unit, street)
        lat, lon = unit.lat + north / KM_LAT, unit.lon + east / KM_LON
        return Place(code, name, address, street.name, round(lat, 6), round(lon, 6))

    def _house(self, unit: Unit, street: _Street) -> tuple[str, str, float, float]:
        chance, reach = self._chance, self._reach(unit, street)
        while True:
            number = chance.randint(1, 60 + int(reach * 400))
            alley = chance.randint(2, 300) if chance.random() < 0.25 else 0
            where = f"Ngõ {alley} {street.name}, số {number}" if alley else f"Số {number} {_called(street.name)}"
            name = f"Ngõ {alley}/{number} {street.name}" if alley else f"{number} {street.name}"
            if self._take(name, where):
                along = (number / (60 + reach * 400)) * 2 * reach - reach
                side = 0.008 if number % 2 else -0.008
                return name, where, *street.at(along, side + (chance.uniform(0.02, 0.15) if alley else 0))

    def _junction(self, unit: Unit, street: _Street) -> tuple[str, str, float, float]:
        chance = self._chance
        other = chance.choice([one for one in self._streets[unit.code] if one is not street])
        word = chance.choice(("Ngã tư", "Ngã ba", "Nút giao"))
        base = f"{word} {street.name} - {other.name}"
        turn = math.sin(other.direction - street.direction)
        along = (
            (other.offset - street.offset * math.cos(other.direction - street.direction)) / turn
            if abs(turn) > 0.3
            else 0
        )
        along = max(-1.0, min(1.0, along / unit.radius_km)) * self._reach(unit, street)
        point = street.at(along, chance.uniform(-0.01, 0.01))
        while True:
            self._used[base] = number = self._used.get(base, 0) + 1
            towards = f"{chance.choice(_TOWARDS)}{f', trụ {number}' if number > 1 else ''}"
            if self._take(f"{base} cam {number}", f"{base}, {towards}"):
                return f"{base} cam {number}", f"{base}, {towards}", *point

    def _named(self, unit: Unit, street: _Street) -> tuple[str, str, float, float]:
        chance = self._chance
        what = chance.choice(_PLACES).format(chance.choice((unit.bare, street.name, f"số {chance.randint(1, 40)}")))
        base, house = what if street.name in what else f"{what} {street.name}", chance.randint(1, 400)
        address = f"Đối diện số {house} {_called(street.name)}"
        reach = self._reach(unit, street)
        while True:
            self._used[base] = number = self._used.get(base, 0) + 1
            name, where = (base, address) if number == 1 else (f"{base} {number}", f"{address}, cột {number}")
            if self._take(name, where):
                return name, where, *street.at(house / 400 * 2 * reach - reach, chance.uniform(-0.02, 0.02))

    def _reach(self, unit: Unit, street: _Street) -> float:
        """Kilometres the street runs to either side inside the unit, taken for a circle a little smaller than it is."""
        return math.sqrt(max((unit.radius_km * 0.72) ** 2 - street.offset**2, 0.01))

    def _take(self, name: str, address: str) -> bool:
        known, where = fold(name), fold(address)
        if known in self._names or where in self._addresses:
            return False
        self._names.add(known)
        self._addresses.add(where)
        return True


def _called(street: str) -> str:
    return (
        street[0].lower() + street[1:] if street.startswith(("Đường ", "Quốc lộ", "Đại lộ", "Đê ")) else f"phố {street}"
    )
