"""Positions in every notation seen in lists: decimal, degrees and minutes, both in one cell, map links, VN-2000 metres."""

from __future__ import annotations

import math
import re
from urllib.parse import unquote

import msgspec

from khue.centre.intake.numerals import number
from khue.centre.intake.projection import from_vn2000

# Hanoi with a margin; who lies within it exactly is asked of the units.
SOUTH, NORTH, WEST, EAST = 20.5, 21.42, 105.24, 106.08
# The same in metres of the VN-2000 plane.
_NORTHINGS, _EASTINGS = (2_265_000.0, 2_372_000.0), (524_000.0, 613_000.0)
_MAX_TEXT = 600

_SIGN = "[-+]?"
_DEGREES = re.compile(
    r"([NSEWBĐDT])?\s*([-+]?[0-9]{1,3}(?:[.,][0-9]+)?)\s*(?:°|º|˚|độ|do\b|deg\b|d\b|o(?=\s*[0-9]))\s*"
    r"(?:([0-9]{1,2}(?:[.,][0-9]+)?)\s*(?:'|’|′|‘|´|`|phút|phut|ph\b|min\b|m\b)\s*)?"
    r"(?:([0-9]{1,2}(?:[.,][0-9]+)?)\s*(?:\"|”|″|“|''|’’|′′|´´|giây|giay|gi\b|sec\b|s\b)?\s*)?"
    r"(?:(?:vĩ|kinh)\s*độ)?\s*([NSEWBĐDT](?![a-z]))?(?:ắc|ông|ac|ong|orth|ast)?",
    re.IGNORECASE,
)
_PLAIN_PARTS = re.compile(
    r"([0-9]{1,3})[ :\-]+([0-9]{1,2})[ :\-]+([0-9]{1,2}(?:[.,][0-9]+)?)\s*([NSEWBĐ])?", re.IGNORECASE
)
_LETTERED = re.compile(
    r"(?<![0-9.,])(?:([NSEWBĐ])\s*)?([-+]?[0-9]{1,3}[.,][0-9]+)(?![0-9.])\s*(?:°|º)?\s*([NSEWBĐ](?![a-z]))?",
    re.IGNORECASE,
)
_LINK_PLACES = (
    re.compile(r"!3d(-?[0-9]{1,3}\.[0-9]+)!4d(-?[0-9]{1,3}\.[0-9]+)"),
    re.compile(
        r"[?&](?:q|query|ll|center|destination|daddr|sll)=(?:loc:)?(-?[0-9]{1,3}\.[0-9]+)[, +]+(-?[0-9]{1,3}\.[0-9]+)"
    ),
    re.compile(r"@(-?[0-9]{1,3}\.[0-9]+),(-?[0-9]{1,3}\.[0-9]+)"),
    re.compile(r"/(-?[0-9]{1,3}\.[0-9]+),\s?\+?(-?[0-9]{1,3}\.[0-9]+)"),
)
_PAIR = re.compile(
    rf"\s*[(\[]?\s*({_SIGN}[0-9]{{1,3}}\.[0-9]+)\s*°?\s*[,;/|\s]+\s*({_SIGN}[0-9]{{1,3}}\.[0-9]+)\s*°?\s*[)\]]?\s*"
)
_COMMA_PAIR = re.compile(
    rf"\s*[(\[]?\s*({_SIGN}[0-9]{{1,3}},[0-9]+)\s*°?\s*(?:[;/|]|,\s|\s-\s|\s)\s*({_SIGN}[0-9]{{1,3}},[0-9]+)\s*°?\s*[)\]]?\s*"
)
_METRES_PAIR = re.compile(r"\D*([0-9][0-9., ]{5,14}?)\s*[;/|,\s]\s*[yYxX=:\s]*([0-9][0-9., ]{4,14})\s*m?\s*")
_LABELS = re.compile(
    r"\b(?:lat(?:itude)?|lon(?:g|gitude)?|lng|vĩ độ|kinh độ|vi do|kinh do|toạ độ|tọa độ|toa do|gps|wgs ?-?84|vđ|kđ)\b\s*[:=]?\s*",
    re.IGNORECASE,
)
_AXIS = {"N": "lat", "S": "lat", "B": "lat", "E": "lon", "W": "lon", "Đ": "lon", "D": "lon", "T": "lon"}


class Angle(msgspec.Struct, frozen=True):
    """One coordinate. ``axis``: lat, lon, or "" where the text does not say. ``notes``: codes of how it was understood."""

    value: float
    axis: str = ""
    notes: tuple[str, ...] = ()


class Place(msgspec.Struct, frozen=True):
    """Degrees in WGS 84."""

    lat: float
    lon: float
    notes: tuple[str, ...] = ()


def angle(cell: str | float | int) -> Angle | None:
    """One coordinate in degrees, or in metres where it is large; None when the cell holds none."""
    if not isinstance(cell, str):
        return _restored(Angle(float(cell))) if math.isfinite(cell) else None
    text = _LABELS.sub(" ", cell).strip()
    if not text or len(text) > _MAX_TEXT:
        return None
    if (whole := _DEGREES.fullmatch(text)) and whole.group(2):
        return _from_parts(whole.group(1) or whole.group(5), *whole.group(2, 3, 4))
    if whole := _PLAIN_PARTS.fullmatch(text):
        return _from_parts(whole.group(4), *whole.group(1, 2, 3))
    if whole := _LETTERED.fullmatch(text):
        read = number(whole.group(2))
        letter = (whole.group(1) or whole.group(3) or "").upper()
        if read is None:
            return None
        sign = -1 if letter in ("S", "W") else 1
        return Angle(sign * read[0], _AXIS.get(letter, ""), ("decimal_comma",) if read[1] else ())
    if not re.fullmatch(r"[-+]?[0-9][0-9., ']*\s*(?:m|°)?", text):
        return None
    read = number(text)
    return _restored(Angle(read[0], "", ("decimal_comma",) if read[1] else ())) if read else None


def _from_parts(letter: str | None, degrees: str, minutes: str | None, seconds: str | None) -> Angle | None:
    values = [number(part) if part else (0.0, False) for part in (degrees, minutes, seconds)]
    if any(value is None for value in values):
        return None
    d, m, s = (value[0] for value in values if value is not None)
    if m >= 60 or s > 60:  # rounded seconds reach sixty
        return None
    axis = (letter or "").upper()
    sign = -1 if axis in ("S", "W") or degrees.startswith("-") else 1
    notes = ("degrees_minutes",) if minutes else ()
    return Angle(sign * (abs(d) + m / 60 + s / 3600), _AXIS.get(axis, ""), notes)


def _restored(read: Angle) -> Angle:
    """21028511 was 21.028511 before a spreadsheet took the point for one of thousands."""
    value = abs(read.value)
    if not value.is_integer() or value < 20_000:
        return read
    digits = str(int(value))
    for head, width in (("20", 2), ("21", 2), ("105", 3), ("106", 3)):
        if digits.startswith(head) and len(digits) >= width + 3 and not _is_metres(value):
            return Angle(float(f"{digits[:width]}.{digits[width:]}"), "", ("decimal_point_lost",))
    return read


def _is_metres(value: float) -> bool:
    return _NORTHINGS[0] < value < _NORTHINGS[1] or _EASTINGS[0] < value < _EASTINGS[1]


def both(text: str) -> Place | None:
    """A position written in one cell, or as a link to a map; None when there is none."""
    if len(text) > _MAX_TEXT:
        return None
    if "://" in text or "maps" in text:
        return _from_link(text)
    plain = _LABELS.sub(" ", text).strip()
    for pattern in (_PAIR, _COMMA_PAIR):
        if found := pattern.fullmatch(plain):
            first, second = angle(found.group(1)), angle(found.group(2))
            return settle(first, second) if first and second else None
    if pair := _pair_of_degrees(plain):
        return settle(*pair)
    if found := _METRES_PAIR.fullmatch(plain):
        first, second = angle(found.group(1)), angle(found.group(2))
        if first and second and max(abs(first.value), abs(second.value)) > 360:
            return settle(first, second)
    return None


def _pair_of_degrees(text: str) -> tuple[Angle, Angle] | None:
    angles = []
    for pattern in (_DEGREES, _LETTERED):
        for found in pattern.finditer(text):
            read = angle(found.group().strip(" ,;-/"))
            if read is not None:
                angles.append(read)
        if len(angles) == 2 and not any(map(str.isdigit, pattern.sub("", text))):
            return angles[0], angles[1]
        angles = []
    halves = re.split(r"[;|/]|,\s|\s-\s|\s{2,}", text)
    if len(halves) == 2:
        first, second = angle(halves[0]), angle(halves[1])
        return (first, second) if first and second else None
    return None


def _from_link(text: str) -> Place | None:
    plain = unquote(text)
    for pattern in _LINK_PLACES:
        if found := pattern.search(plain):
            return settle(Angle(float(found.group(1))), Angle(float(found.group(2))))
    tail = plain.split("/place/")[-1] if "/place/" in plain else ""
    pair = _pair_of_degrees(tail.split("/")[0].replace("+", " ")) if tail else None
    return settle(*pair) if pair else None


def settle(lat: Angle, lon: Angle) -> Place | None:
    """The position two coordinates make: swapped ones are turned round when only that lies in Hanoi, metres are unprojected.

    None when they contradict each other (two latitudes).
    """
    notes = tuple(dict.fromkeys((*lat.notes, *lon.notes)))
    if lat.axis and lat.axis == lon.axis:
        return None
    if (lat.axis == "lon" or lon.axis == "lat") and not _in_box(lat.value, lon.value):
        lat, lon, notes = lon, lat, (*notes, "swapped")
    if max(abs(lat.value), abs(lon.value)) > 360:
        return _from_metres(lat.value, lon.value, notes)
    if not _in_box(lat.value, lon.value) and _in_box(lon.value, lat.value):
        lat, lon, notes = lon, lat, (*notes, "swapped")
    return Place(lat.value, lon.value, tuple(dict.fromkeys(notes)))


def _from_metres(first: float, second: float, notes: tuple[str, ...]) -> Place | None:
    for northing, easting, extra in ((first, second, ()), (second, first, ("swapped",))):
        if _NORTHINGS[0] < northing < _NORTHINGS[1] and _EASTINGS[0] < easting < _EASTINGS[1]:
            lat, lon = from_vn2000(northing, easting)
            return Place(round(lat, 7), round(lon, 7), (*notes, *extra, "vn2000"))
    return None


def _in_box(lat: float, lon: float) -> bool:
    return SOUTH <= lat <= NORTH and WEST <= lon <= EAST


def in_box(place: Place) -> bool:
    """Whether a position lies in the rectangle around Hanoi."""
    return _in_box(place.lat, place.lon)
