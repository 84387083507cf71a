"""What stands in a cell for each column, and what it says: the one place where a fact becomes an agency's way of writing it."""

from __future__ import annotations

import datetime as dt
import functools
import random
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from khue.sim.fleet import wording
from khue.sim.fleet.cameras import FleetCamera
from khue.sim.fleet.layout import AddressForm, Dates, Layout, Points, UnitForm
from khue.sim.fleet.places import KM_LAT, KM_LON, OldWard, Unit, old_wards, units


class Formula(NamedTuple):
    """A computed cell of a spreadsheet, with the value it shows."""

    text: str
    value: float


Cell = str | int | float | dt.date | Formula | None
Said = dict[str, object]  # canonical field -> value, as JSON has it

_DAY_ZERO = dt.date(1899, 12, 30)  # a spreadsheet counts its days from here
_SPACES = re.compile(r"\s+")


class Typist:
    """Whoever keeps one book: writes each camera's cells the way this book is kept."""

    def __init__(self, layout: Layout, chance: random.Random) -> None:
        self.layout = layout
        self._chance = chance
        self._words = random.Random(chance.random())  # a book mostly keeps to one word for one thing
        self._habits: dict[object, str] = {}
        self._writers: Mapping[str, Callable[[FleetCamera], tuple[Cell, Said]]] = {
            name.removeprefix("_col_"): getattr(self, name) for name in dir(self) if name.startswith("_col_")
        }

    def row(self, camera: FleetCamera, keys: tuple[str, ...]) -> tuple[dict[str, Cell], Said]:
        """(cells by column, what they say)."""
        cells: dict[str, Cell] = {}
        said: Said = {}
        for key in keys:
            if writer := self._writers.get(key):
                cell, says = writer(camera)
                cells[key] = self.layout.blank if cell is None or cell == "" else cell
                said |= says
        return cells, said

    # -- words

    def text(self, text: str) -> str:
        """As the book spells it."""
        return self.layout.spelling.write(text)

    def _says(self, field: str, text: str) -> tuple[Cell, Said]:
        """A cell that is ``text``, with whatever stray blanks an untidy typist leaves."""
        if not text:
            return None, {}
        written = self.text(text)
        if self.layout.untidy and self._chance.random() < 0.2:
            written = self._chance.choice(
                (f" {written}", f"{written} ", written.replace(" ", "  ", 1), f"{written}\u00a0")
            )
        return written, {field: self.layout.spelling.read(_SPACES.sub(" ", text).strip())}

    def _word(self, meaning: object, words: tuple[str, ...]) -> str:
        """Mostly the word this book always uses; each time another one in an untidy book."""
        if self.layout.untidy or self._chance.random() < 0.1:
            return self.text(self._chance.choice(words))
        if meaning not in self._habits:
            self._habits[meaning] = self._words.choice(words)
        return self.text(self._habits[meaning])

    # -- the columns

    def _col_qty(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return 1, {}

    def _col_code(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._says("code", camera.code)

    def _col_name(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._says("name", camera.place.name)

    def _col_address(self, camera: FleetCamera) -> tuple[Cell, Said]:
        address, form = camera.place.address, self.layout.address
        unit = units()[camera.place.unit]
        old = known_by_old_name(unit, camera, False) if form is AddressForm.OLD else None
        if form is AddressForm.PLAIN:
            return self._says("address", address)
        said: Said = {"unit": unit.code}
        if old is not None:
            full = f"{address}, {_lower(old.name)}, {_lower(old.district)}, Hà Nội"
        else:
            full = f"{address}, {_lower(unit.name)}, Hà Nội"
        cell, says = self._says("address", full)
        return cell, says | said

    def _col_unit(self, camera: FleetCamera) -> tuple[Cell, Said]:
        unit, form = units()[camera.place.unit], self.layout.unit
        if form is UnitForm.MIXED:
            form = self._chance.choice((UnitForm.FULL, UnitForm.SHORT, UnitForm.BARE, UnitForm.UPPER))
        written = {
            UnitForm.SHORT: f"{unit.name[0]}. {unit.bare}",
            UnitForm.BARE: unit.bare,
            UnitForm.UPPER: unit.name.upper(),
        }.get(form, unit.name)
        return self.text(written), {"unit": unit.code}

    def _col_unit_code(self, camera: FleetCamera) -> tuple[Cell, Said]:
        code = camera.place.unit
        return int(code) if self.layout.unit is UnitForm.LOST_ZEROS else code, {"unit": code}

    def _col_old_ward(self, camera: FleetCamera) -> tuple[Cell, Said]:
        unit = units()[camera.place.unit]
        old = self._old(unit, camera)
        return self.text(old.name if old else unit.name), {"unit": unit.code}

    def _col_old_district(self, camera: FleetCamera) -> tuple[Cell, Said]:
        old = self._old(units()[camera.place.unit], camera)
        return self.text(old.district) if old else None, {}

    def _old(self, unit: Unit, camera: FleetCamera) -> OldWard | None:
        return known_by_old_name(unit, camera, self.layout.has("lat", "latlon"))

    def _col_lat(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._ordinate(camera, first=True)

    def _col_lon(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._ordinate(camera, first=False)

    def _ordinate(self, camera: FleetCamera, *, first: bool) -> tuple[Cell, Said]:
        points = self.layout.points
        lat, lon = camera.place.lat, camera.place.lon
        is_lat = first
        if points is Points.SWAPPED or (points is Points.SOMETIMES_SWAPPED and _draw(camera) < 0.15):
            is_lat = not first
        value, letter, field = (lat, "N", "lat") if is_lat else (lon, "E", "lon")
        if points is Points.DMS:
            written, exact = degrees(value, letter)
            return written, {field: exact}
        cell: Cell = value
        if points is Points.COMMA:
            cell = f"{value:.6f}".replace(".", ",")
        elif points is Points.TEXT:
            cell = f"{value:.6f}"
        return cell, {field: value}

    def _col_latlon(self, camera: FleetCamera) -> tuple[Cell, Said]:
        lat, lon = camera.place.lat, camera.place.lon
        if self.layout.points is Points.DMS:
            (north, lat), (east, lon) = degrees(lat, "N"), degrees(lon, "E")
            return f"{north} {east}", {"lat": lat, "lon": lon}
        if self.layout.points is Points.COMMA:
            return f"{lat:.6f}; {lon:.6f}".replace(".", ","), {"lat": lat, "lon": lon}
        written = f"{lon:.6f}, {lat:.6f}" if _draw(camera) < 0.05 else f"{lat:.6f}, {lon:.6f}"
        return written, {"lat": lat, "lon": lon}

    def _col_kind(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._word(camera.kind, wording.KINDS[camera.kind]), {"kind": camera.kind.value}

    def _col_vendor(self, camera: FleetCamera) -> tuple[Cell, Said]:
        if not camera.vendor:
            return None, {}
        words = (camera.vendor, *wording.BRANDS[camera.vendor])
        return self._chance.choice(words), {"vendor": camera.vendor}

    def _col_model(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return camera.model or None, {"model": camera.model} if camera.model else {}

    def _col_serial(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return camera.serial or None, {"serial": camera.serial} if camera.serial else {}

    def _col_mac(self, camera: FleetCamera) -> tuple[Cell, Said]:
        if not camera.mac:
            return None, {}
        plain = camera.mac.replace(":", "")
        pairs = camera.mac.split(":")
        forms = (
            camera.mac,
            camera.mac.upper(),
            "-".join(pairs).upper(),
            plain.upper(),
            f"{plain[:4]}.{plain[4:8]}.{plain[8:]}",
        )
        return self._words.choice(forms) if self.layout.untidy else forms[len(self.layout.file) % 3], {
            "mac": camera.mac
        }

    def _col_host(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return camera.host or None, {"host": camera.host} if camera.host else {}

    def _col_megapixels(self, camera: FleetCamera) -> tuple[Cell, Said]:
        value = camera.megapixels
        if value is None:
            return None, {}
        written = self._words.choice((f"{value:.0f}MP", f"{value:.0f} MP", f"{value:.1f}MP", f"{value:.0f} Megapixel"))
        return written, {"megapixels": value}

    def _col_mounting(self, camera: FleetCamera) -> tuple[Cell, Said]:
        if camera.mounting is None:
            return None, {}
        return self._word(camera.mounting, wording.MOUNTINGS[camera.mounting]), {"mounting": camera.mounting.value}

    def _col_height(self, camera: FleetCamera) -> tuple[Cell, Said]:
        value = camera.height_m
        if value is None:
            return None, {}
        written: Cell = self._words.choice((value, f"{value:.1f}".replace(".", ","), f"{value:.1f} m"))
        return written, {"height_m": value}

    def _col_bearing(self, camera: FleetCamera) -> tuple[Cell, Said]:
        value = camera.bearing
        if value is None:
            return None, {}
        if value % 45 == 0:
            return self.text(wording.COMPASS[value // 45]), {"bearing": value}
        return value, {"bearing": value}

    def _col_view(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return camera.view_angle, {} if camera.view_angle is None else {"view_angle": camera.view_angle}

    def _col_range(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return camera.range_m, {} if camera.range_m is None else {"range_m": camera.range_m}

    def _col_purpose(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._word(camera.purpose, wording.PURPOSES[camera.purpose]), {"purpose": camera.purpose.value}

    def _col_link(self, camera: FleetCamera) -> tuple[Cell, Said]:
        if camera.link is None:
            return None, {}
        return self._word(camera.link, wording.LINKS[camera.link]), {"link": camera.link.value}

    def _col_upload(self, camera: FleetCamera) -> tuple[Cell, Said]:
        kbps = camera.upload_kbps
        if kbps is None:
            return None, {}
        written = self._words.choice((f"{kbps} kbps", f"{kbps // 1000} Mbps", f"{kbps // 1000}Mb/s"))
        return written, {"upload_kbps": kbps}

    def _col_quiet(self, camera: FleetCamera) -> tuple[Cell, Said]:
        if camera.quiet is None:
            return None, {}
        start, end = camera.quiet
        written = self._words.choice(
            (f"{start}-{end}", f"{start} - {end}", f"{start.replace(':', 'h')}-{end.replace(':', 'h')}")
        )
        return written, {"quiet_from": start, "quiet_to": end}

    def _col_status(self, camera: FleetCamera) -> tuple[Cell, Said]:
        words, life, working = self._chance.choice(wording.STATUS[camera.life])
        said: Said = {} if life is None else {"life": life.value}
        if working is not None:
            said["declared_working"] = working
        return self._word((camera.life, words), words), said

    def _col_consent_name(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._says("consent_name", camera.consent.name) if camera.consent else (None, {})

    def _col_consent_phone(self, camera: FleetCamera) -> tuple[Cell, Said]:
        if camera.consent is None:
            return None, {}
        phone = camera.consent.phone
        parts = (phone[:4], phone[4:7], phone[7:])
        return self._words.choice((phone, " ".join(parts), ".".join(parts))), {"consent_phone": phone}

    def _col_consent_given_on(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._date("consent_given_on", camera.consent.given_on if camera.consent else None)

    def _col_consent_expires_on(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._date("consent_expires_on", camera.consent.expires_on if camera.consent else None)

    def _col_installed_on(self, camera: FleetCamera) -> tuple[Cell, Said]:
        day = camera.installed_on
        if day and self.layout.dates is Dates.MIXED and self._chance.random() < 0.08:
            return self._chance.choice((f"{day.month:02d}/{day.year}", f"{day.year}")), {}  # says less than a date
        return self._date("installed_on", day)

    def _col_warranty_until(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._date("warranty_until", camera.warranty_until)

    def _date(self, field: str, day: dt.date | None) -> tuple[Cell, Said]:
        if day is None:
            return None, {}
        form = self.layout.dates
        if form is Dates.MIXED:
            form = self._chance.choice((Dates.SLASHES, Dates.BARE, Dates.DOTS, Dates.ISO, Dates.CELL, Dates.WORDS))
        written: Mapping[Dates, Cell] = {
            Dates.SLASHES: f"{day:%d/%m/%Y}",
            Dates.BARE: f"{day.day}/{day.month}/{day.year}",
            Dates.DOTS: f"{day:%d.%m.%Y}",
            Dates.ISO: day.isoformat(),
            Dates.SHORT_YEAR: f"{day:%d/%m/%y}",
            Dates.WORDS: self.text(f"ngày {day.day:02d} tháng {day.month} năm {day.year}"),
            Dates.CELL: day if self.layout.csv is None else f"{day:%d/%m/%Y}",
            Dates.SERIAL: (day - _DAY_ZERO).days,
        }
        return written[form], {field: day.isoformat()}

    def _col_contract(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._says("contract", camera.contract)

    def _col_supplier(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._says("supplier", camera.supplier)

    def _col_sign(self, camera: FleetCamera) -> tuple[Cell, Said]:
        if camera.sign_present is None:
            return None, {}
        return self.text("Có" if camera.sign_present else "Không"), {"sign_present": camera.sign_present}

    def _col_contact(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._says("contact_point", camera.contact_point)

    def _col_owner(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self.text(camera.owner.name), {"owner": camera.owner.id}

    def _col_manager(self, camera: FleetCamera) -> tuple[Cell, Said]:
        if camera.manager is None:
            return None, {}
        return self.text(camera.manager.name), {"manager": camera.manager.id}

    def _col_site(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return (camera.site, {"site": camera.site}) if camera.rtsp_main else (None, {})

    def _col_rtsp_main(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return camera.rtsp_main or None, {"rtsp_main": camera.rtsp_main} if camera.rtsp_main else {}

    def _col_rtsp_sub(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return camera.rtsp_sub or None, {"rtsp_sub": camera.rtsp_sub} if camera.rtsp_sub else {}

    def _col_username(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return ("admin" if camera.rtsp_main else None), {}  # secrets are never in the truth either

    def _col_password(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return (f"Cam@{camera.code[-4:]}" if camera.rtsp_main else None), {}

    def _col_note(self, camera: FleetCamera) -> tuple[Cell, Said]:
        return self._says("note", camera.note)


def degrees(value: float, letter: str) -> tuple[str, float]:
    """(21°01'42.6"N, what that is exactly)."""
    tenths = round(value * 36_000)
    whole, rest = divmod(tenths, 36_000)
    minutes, seconds = divmod(rest, 600)
    return f"{whole}°{minutes:02d}'{seconds / 10:04.1f}\"{letter}", round(tenths / 36_000, 6)


def _draw(camera: FleetCamera) -> float:
    """A number in [0, 1) that belongs to the camera, so that both halves of its position are treated alike."""
    return random.Random(camera.code).random()


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def known_by_old_name(unit: Unit, camera: FleetCamera, has_position: bool) -> OldWard | None:
    """A former ward whose cameras are surely in ``unit`` now: the whole of it is, or the position decides between its heirs.

    None when there is no such ward.
    """
    choice = [
        ward
        for ward in _former(unit.code)
        if ward.share == "whole" or (has_position and _nearest_heir(ward, camera) == unit.code)
    ]
    return choice[int(_draw(camera) * len(choice))] if choice else None


@functools.cache
def _former(code: str) -> tuple[OldWard, ...]:
    """What became part of the unit, but for names that another unit has today."""
    today = {one.name: one.code for one in units().values()}
    return tuple(ward for ward in old_wards() if ward.unit == code and today.get(ward.name, code) == code)


@functools.cache
def _heirs(district: str, name: str) -> tuple[Unit, ...]:
    return tuple(
        {
            ward.unit: units()[ward.unit] for ward in old_wards() if (ward.district, ward.name) == (district, name)
        }.values()
    )


def _nearest_heir(ward: OldWard, camera: FleetCamera) -> str:
    """The unit that got part of the ward and is clearly the nearest to the camera; "" when it is not clear."""
    place = camera.place
    near = sorted(
        (((heir.lat - place.lat) * KM_LAT) ** 2 + ((heir.lon - place.lon) * KM_LON) ** 2, heir.code)
        for heir in _heirs(ward.district, ward.name)
    )
    return near[0][1] if len(near) == 1 or near[0][0] < near[1][0] / 2 else ""
