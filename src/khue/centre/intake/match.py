"""Which device a row speaks of: one the registry knows, one an earlier row named, or a new one. Pure.

A device is known again by its serial number or its MAC, wherever it hangs now; by its code within its agency's books;
or by its name in the same unit (where both say it) within 15 m, or at the same address where nobody gave coordinates,
unless serial numbers or MACs say that these are two. Every key is looked up, and positions lie in a grid, so that a row
costs the same whether it is the first or the forty-thousandth.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from khue.centre.fleet.rules import fold

NEAR_M = 15.0
_CELL = 20.0  # metres; a neighbour within NEAR_M is in this cell or one beside it
_CROWD = 16  # cameras of one name in one cell; more are told apart by their numbers or not at all
_METRES_PER_DEGREE = 111_195.0
_SHORTEST = 4  # characters of a serial number that can tell devices apart
_ROUNDED = re.compile(r"\d+([.,]\d+)?e[+]?\d+")  # a spreadsheet's 1.23E+11: many numbers look like it
_SEPARATORS = re.compile(r"[\W_]+")


class Place(msgspec.Struct, frozen=True):
    """A row as a person finds it; ``sheet`` is "" in a CSV file, ``row`` counts from 1."""

    file: str
    sheet: str
    row: int


class Device(msgspec.Struct, frozen=True):
    """What tells one camera from another. ``where`` is its row in this import, or its id in the registry."""

    where: Place | str
    owner: str
    name: str
    serial: str = ""
    mac: str = ""
    code: str = ""
    unit: str = ""
    address: str = ""
    lat: float | None = None
    lon: float | None = None
    shown: str = ""  # its name as written


class By(enum.StrEnum):
    """What two records were found to be one by, strongest first."""

    SERIAL = "serial"
    MAC = "mac"
    CODE = "code"
    PLACE = "place"


class Match(msgspec.Struct, frozen=True):
    device: Device
    by: By


class Verdict(msgspec.Struct, frozen=True):
    """At most one of each. ``rival`` is another agency's record of the device, ``other`` a second candidate that differs."""

    earlier: Match | None = None
    known: Match | None = None
    rival: Match | None = None
    other: Match | None = None


def device_of(values: Mapping[str, Any], where: Place | str) -> Device:
    """From canonical values; what cannot tell devices apart is left out."""
    return Device(
        where=where,
        owner=values.get("owner") or "",
        name=_word(values.get("name")),
        serial=_serial(values.get("serial")),
        mac=(values.get("mac") or "").lower(),
        code=_word(values.get("code")),
        unit=values.get("unit") or "",
        address=_word(values.get("address")),
        lat=values.get("lat"),
        lon=values.get("lon"),
        shown=values.get("name") or "",
    )


class Register:
    """Devices by every key; the first to claim a key keeps it, but a place can be that of several."""

    def __init__(self) -> None:
        self._keys: dict[tuple[object, ...], Device] = {}
        self._places: dict[tuple[object, ...], list[Device]] = {}

    def add(self, device: Device) -> None:
        for key in _certain(device):
            self._keys.setdefault(key, device)
        if device.code:
            self._keys.setdefault((By.CODE, device.owner, device.code), device)
        if device.name and (device.unit or device.lat is not None):
            there = self._places.setdefault(_where(device), [])
            if len(there) < _CROWD:
                there.append(device)

    def also(self, device: Device, standing: Device) -> None:
        """Another record of a device that stands: what is certain of it is that device's too."""
        for key in _certain(device):
            self._keys.setdefault(key, standing)

    def by(self, key: By, device: Device) -> Iterator[Device]:
        """Those with the same serial number or MAC, whoever owns them; with the same code or place, of the same owner."""
        if key is By.PLACE:
            yield from self._near(device)
            return
        word = {By.SERIAL: device.serial, By.MAC: device.mac, By.CODE: device.code}[key]
        found = self._keys.get((key, device.owner, word) if key is By.CODE else (key, word)) if word else None
        if found is not None:
            yield found

    def _near(self, device: Device) -> list[Device]:
        """Of the same name, unit (as far as both have one) and owner; the nearest first, the earlier of two equally near."""
        if not device.name or not self._places:
            return []
        found = [
            there
            for key in _around(device)
            for there in self._places.get(key, ())
            if there.unit == device.unit or not (there.unit and device.unit)
        ]
        if device.lat is None:
            return found
        return sorted(
            (there for there in found if distance(device, there) <= NEAR_M), key=lambda t: distance(device, t)
        )


class Matcher:
    """The registry and the rows so far. ``judge`` a row, then ``accept`` it when it stands for a device of its own."""

    def __init__(self) -> None:
        self.known = Register()
        self.earlier = Register()
        self._taken: dict[str, Device] = {}

    def judge(self, device: Device) -> Verdict:
        """Certain keys before likely ones; within each, this import before the registry."""
        certain = [*self._certain(self.earlier, device), *self._certain(self.known, device)]
        rival = next((match for match in certain if _strangers(match.device, device)), None)
        if rival is not None:
            return Verdict(rival=rival)
        earlier = next((match for match in certain if isinstance(match.device.where, Place)), None)
        known = next((match for match in certain if isinstance(match.device.where, str)), None)
        if known is None and earlier is None:
            earlier, known = self._likely(self.earlier, device), self._likely(self.known, device)
        if known is not None and earlier is None and (first := self._taken.get(str(known.device.where))) is not None:
            earlier = Match(first, known.by)
        other = None if known is None else self._second(known, device)
        return Verdict(earlier=earlier, known=known, other=other)

    def accept(self, device: Device, known: str | None) -> None:
        """The row stands: later rows that name the same device are its duplicates."""
        self.earlier.add(device)
        if known is not None:
            self._taken.setdefault(known, device)

    def repeat(self, device: Device, standing: Device) -> None:
        """The row is a duplicate: a serial number or MAC that only it gives belongs to the one that stands."""
        self.earlier.also(device, standing)

    def code_taken(self, device: Device, known: str | None) -> Device | None:
        """Who else has its code in the same agency's books."""
        for register in (self.earlier, self.known):
            for found in register.by(By.CODE, device):
                if found.where != known:
                    return found
        return None

    def _second(self, known: Match, device: Device) -> Match | None:
        """The serial number is that of one camera, the MAC that of another."""
        for match in self._certain(self.known, device):
            if match.device.where != known.device.where:
                return match
        return None

    @staticmethod
    def _certain(register: Register, device: Device) -> Iterator[Match]:
        for key in (By.SERIAL, By.MAC):
            for found in register.by(key, device):
                yield Match(found, key)

    @staticmethod
    def _likely(register: Register, device: Device) -> Match | None:
        for key in (By.CODE, By.PLACE):
            for found in register.by(key, device):
                if not _two(found, device):
                    return Match(found, key)
        return None


def distance(a: Device, b: Device) -> float:
    """Metres on the ground; infinite when one has no coordinates."""
    if a.lat is None or a.lon is None or b.lat is None or b.lon is None:
        return math.inf
    north = (a.lat - b.lat) * _METRES_PER_DEGREE
    east = (a.lon - b.lon) * _METRES_PER_DEGREE * math.cos(math.radians((a.lat + b.lat) / 2))
    return math.hypot(north, east)


def _strangers(a: Device, b: Device) -> bool:
    return bool(a.owner and b.owner and a.owner != b.owner)


def _two(a: Device, b: Device) -> bool:
    """Both say who they are, and say different things."""
    if a.serial and b.serial:
        return a.serial != b.serial
    return bool(a.mac and b.mac and a.mac != b.mac)


def _certain(device: Device) -> Iterator[tuple[object, ...]]:
    if device.serial:
        yield (By.SERIAL, device.serial)
    if device.mac:
        yield (By.MAC, device.mac)


def _cell(device: Device) -> tuple[int, int] | None:
    if device.lat is None or device.lon is None:
        return None
    # One longitude scale for the whole city: a cell is 20 m at 21 degrees north, and never less than 15 m.
    east = device.lon * _METRES_PER_DEGREE * 0.93
    return math.floor(device.lat * _METRES_PER_DEGREE / _CELL), math.floor(east / _CELL)


def _where(device: Device) -> tuple[object, ...]:
    cell = _cell(device)
    if cell is None:
        return (By.PLACE, device.owner, device.name, device.unit, device.address)
    return (By.PLACE, device.owner, device.name, *cell)


def _around(device: Device) -> Iterator[tuple[object, ...]]:
    cell = _cell(device)
    if cell is None:
        if device.address and device.unit:
            yield _where(device)
        return
    for north in (0, -1, 1):
        for east in (0, -1, 1):
            yield (By.PLACE, device.owner, device.name, cell[0] + north, cell[1] + east)


def _word(value: object) -> str:
    return _SEPARATORS.sub(" ", fold(str(value))).strip() if value else ""


def _serial(value: object) -> str:
    """As it tells devices apart, or "": "N/A", "0000", a dash or a number a spreadsheet rounded tell nothing."""
    text = str(value).strip().lower() if value else ""
    letters = _SEPARATORS.sub("", text)
    if len(letters) < _SHORTEST or len(set(letters)) < 2 or not any(map(str.isdigit, letters)):
        return ""
    return "" if _ROUNDED.fullmatch(text) else letters
