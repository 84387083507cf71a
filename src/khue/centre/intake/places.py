"""Where a row says its camera hangs: coordinates from one cell or two, the unit from whatever names it."""

from __future__ import annotations

from khue.centre.intake.coordinates import Angle, Place, angle, both, settle
from khue.centre.intake.facts import Column, text_of
from khue.centre.intake.headings import DISTRICT, POSITION
from khue.centre.intake.plain import words
from khue.centre.intake.reading import Reading
from khue.centre.intake.table import Cell
from khue.centre.intake.units import Found, Units
from khue.centre.intake.vocabulary import vocabulary
from khue.centre.intake.wording import note, problem

_FAR_KM = 5.0
_ABSENT = frozenset(vocabulary().absent)
Cells = dict[str, tuple[Column, Cell]]


class Placer:
    """``near``: the unit of the agency whose list it is, "" when it has none."""

    def __init__(self, units: Units, fields: frozenset[str], near: str) -> None:
        self._units = units
        self._fields = fields
        self._near = near
        self._seen: dict[tuple[str, str], Found] = {}

    def place(self, reading: Reading, cells: Cells, group: str) -> None:
        """Adds position and unit to the reading, or says what is wrong with them."""
        place = self._position(reading, cells)
        if place is not None:
            if not self._units.holds(place.lat, place.lon):
                column = cells.get("lat", cells.get(POSITION, cells.get("lon")))
                letter = column[0].letter if column else ""
                reading.problems.append(problem("position_outside", "lat", letter, f"{place.lat:.6g}, {place.lon:.6g}"))
                return
            reading.values["lat"], reading.values["lon"] = place.lat, place.lon
            for code in place.notes:
                _add(reading, code, "lat")
        before = len(reading.problems)
        self._unit(reading, cells, place, group)
        if len(reading.problems) > before or any(
            one.field in ("lat", "lon", POSITION, "unit", "address") for one in reading.problems
        ):
            return
        if place is None and not (reading.values.get("address") and reading.values.get("unit")):
            column = cells.get("lat", cells.get("unit"))
            reading.problems.append(problem("no_position", "lat", column[0].letter if column else "", None))

    def _position(self, reading: Reading, cells: Cells) -> Place | None:
        found = self._from_two(reading, cells)
        if found is None and POSITION in cells:
            column, cell = cells[POSITION]
            text = text_of(cell)
            if not _is_nothing(text):
                found = both(text)
                if found is None and not ("://" in text or "goo.gl" in text):
                    self._refuse(reading, column, cell)
                elif found is None:
                    _add(reading, "position_incomplete", POSITION)  # a short link says nothing without the network
        return found

    def _from_two(self, reading: Reading, cells: Cells) -> Place | None:
        angles: list[Angle] = []
        for field in ("lat", "lon"):
            column, cell = cells.get(field, (None, None))
            if column is None or cell is None or isinstance(cell, bool):
                continue
            if isinstance(cell, str):
                if _is_nothing(cell):
                    continue
                if pair := both(cell):  # both in the first of two columns
                    return pair
            read = angle(cell) if isinstance(cell, str | int | float) else None
            if read is None:
                self._refuse(reading, column, cell)
                return None
            angles.append(read)
        if len(angles) < 2:
            if angles:
                _add(reading, "position_incomplete", "lat")
            return None
        found = settle(*angles)
        if found is None:
            column, cell = cells["lat"]
            self._refuse(reading, column, f"{text_of(cell)}; {text_of(cells['lon'][1])}")
        return found

    def _refuse(self, reading: Reading, column: Column, cell: Cell) -> None:
        reading.problems.append(
            problem("value_impossible", column.field, column.letter, cell, wording="position_unreadable")
        )

    def _unit(self, reading: Reading, cells: Cells, place: Place | None, group: str) -> None:
        at = (place.lat, place.lon) if place else None
        district = text_of(cells[DISTRICT][1]) if DISTRICT in cells else ""
        if "unit" in cells and not _is_nothing(text := text_of(cells["unit"][1])):
            found = self._find(text, district, at)
            if not found.unit:
                vi = f" (có thể là: {'; '.join(found.options)})" if found.options else ""
                en = f" (it could be: {'; '.join(found.options)})" if found.options else ""
                column, cell = cells["unit"]
                reading.problems.append(problem("unit_unknown", "unit", column.letter, cell, (vi, en)))
                return
        else:
            found = self._unit_elsewhere(reading, district, at, group)
        if found.unit:
            reading.values["unit"] = found.unit
            if found.note:
                _add(reading, found.note, "unit")
            if at is not None and self._units.distance_km(found.unit, *at) > _FAR_KM:
                _add(reading, "position_far_from_unit", "unit")

    def _unit_elsewhere(self, reading: Reading, district: str, at: tuple[float, float] | None, group: str) -> Found:
        """Where no column names it: the address, the group's title, the agency whose list it is, a district with a position."""
        address = str(reading.values.get("address", "")) or str(reading.values.get("name", ""))
        if (
            address
            and (found := self._units.mentioned(f"{address}, {district}" if district else address, at, self._near)).unit
        ):
            return Found(found.unit, "unit_from_address" if not found.note else found.note)
        if group and (found := self._units.mentioned(group, at, self._near)).unit:
            return Found(found.unit, "unit_from_group" if not found.note else found.note)
        if self._near:
            return Found(self._near, "unit_from_agency")
        return self._find(district, "", at) if district else Found("")

    def _find(self, text: str, district: str, at: tuple[float, float] | None) -> Found:
        """Remembered without the position first: it matters for few."""
        key = (text, district)
        found = self._seen.get(key)
        if found is None:
            found = self._units.find(text, district, None, self._near)
            if len(self._seen) < 20_000:
                self._seen[key] = found
        if at is not None and (found.note == "old_unit_divided" or not found.unit):
            return self._units.find(text, district, at, self._near)
        return found


def _is_nothing(text: str) -> bool:
    plain = words(text) if len(text) <= 24 else text
    return plain == "" or plain in _ABSENT


def _add(reading: Reading, code: str, field: str) -> None:
    one = note(code, field)
    if one not in reading.notes:
        reading.notes.append(one)
