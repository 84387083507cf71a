"""Which camera stands in which book, table and order: what an agency keeps, before anybody makes a mistake."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from khue.sim.fleet.agencies import BY_SHORT, Agency
from khue.sim.fleet.cameras import FleetCamera
from khue.sim.fleet.headings import PROPOSAL_KEYS
from khue.sim.fleet.layout import Layout, layouts
from khue.sim.fleet.places import units
from khue.sim.fleet.spelling import fold


class Row(msgspec.Struct, eq=False):
    """One row about a camera. ``reason`` says why it will be refused, ``first`` which row it repeats; else it is new.

    ``said`` and where it stands are filled in when the book is written.
    """

    camera: FleetCamera
    reason: str = ""
    first: Row | None = None
    file: str = ""
    sheet: str = ""
    number: int = 0
    said: dict[str, object] = {}

    @property
    def outcome(self) -> str:
        return "refused" if self.reason else "duplicate" if self.first else "created"


class Table(msgspec.Struct, eq=False):
    """One sheet, or a whole CSV file. ``proposals``: of what shall be, with the few columns that can be filled."""

    sheet: str
    rows: list[Row]
    keys: tuple[str, ...]
    proposals: bool = False


class Book(msgspec.Struct, eq=False):
    """One file of an agency."""

    agency: Agency
    layout: Layout
    file: str
    tables: list[Table]

    def rows(self) -> Iterator[Row]:
        for table in self.tables:
            yield from table.rows

    @property
    def has_serials(self) -> bool:
        return self.layout.has("serial", "mac")

    @property
    def has_positions(self) -> bool:
        return self.layout.has("lat", "latlon")


@functools.cache
def comes_before(one: str, other: str) -> bool:
    """Whether a file is taken first however names are sorted: by code, without case, without marks."""
    return one < other and one.casefold() < other.casefold() and fold(one) < fold(other)


def books(fleet: Iterable[FleetCamera], chance: random.Random) -> list[Book]:
    """All books of all agencies that have a camera, in the order of their file names."""
    of: dict[str, list[FleetCamera]] = {}
    for camera in fleet:
        of.setdefault(camera.owner.short, []).append(camera)
    made = [book for layout in layouts() if layout.short in of for book in _books_of(layout, of[layout.short], chance)]
    return sorted((book for book in made if book.tables), key=lambda book: book.file)


def _books_of(layout: Layout, cameras: Sequence[FleetCamera], chance: random.Random) -> Iterator[Book]:
    agency = BY_SHORT[layout.short]
    installed = [camera for camera in cameras if camera.installed]
    proposed = [camera for camera in cameras if not camera.installed]
    if layout.older:
        year = int(re.findall(r"20\d\d", layout.older)[0])
        old = [camera for camera in installed if camera.installed_on and camera.installed_on.year <= year]
        installed = [camera for camera in installed if not camera.installed_on or camera.installed_on.year > year]
        older = msgspec.structs.replace(
            layout, file=layout.older, columns=" ".join(key for key in layout.keys if key != "note")
        )
        yield Book(agency, older, layout.older, _tables(older, old, [], chance))
    yield Book(agency, layout, layout.file, _tables(layout, installed, [] if layout.apart else proposed, chance))
    if layout.apart:
        yield Book(agency, layout, layout.apart, _tables(layout, [], proposed, chance))


def _tables(
    layout: Layout, installed: Sequence[FleetCamera], proposed: Sequence[FleetCamera], chance: random.Random
) -> list[Table]:
    names = iter(_sheet_names(layout, chance))
    tables = []
    if layout.split:
        for code in dict.fromkeys(camera.place.unit for camera in installed):
            part = [camera for camera in installed if camera.place.unit == code]
            tables.append(Table(units()[code].bare, _rows(layout, part), layout.keys))
    elif installed:
        tables.append(Table(next(names), _rows(layout, installed), layout.keys))
    if proposed:
        keys = tuple(key for key in layout.keys if key in PROPOSAL_KEYS)
        sheet = "" if layout.csv else chance.choice(("De xuat", "KH 2026", "Kế hoạch lắp mới", "Đề xuất"))
        tables.append(Table(sheet, _rows(layout, proposed), keys, proposals=True))
    return tables


def _sheet_names(layout: Layout, chance: random.Random) -> Sequence[str]:
    return ("",) if layout.csv else (chance.choice(("Sheet1", "DS camera", "Danh sách camera", "Trang tính1")),)


def _rows(layout: Layout, cameras: Sequence[FleetCamera]) -> list[Row]:
    """In the order of streets when the table has a row for each street, else as the cameras came."""
    order = sorted(cameras, key=lambda camera: camera.place.street) if layout.grouped else cameras
    return [Row(camera) for camera in order]
