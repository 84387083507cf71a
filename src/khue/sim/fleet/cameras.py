"""The true fleet, in the proportions of Decision 319/QĐ-UBND and of what was found installed."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import msgspec

from khue.model.registry import INSTALLED, Kind, Life, LinkKind, Mounting, Purpose
from khue.sim.fleet.agencies import Agency, keepers, owner_of
from khue.sim.fleet.checklist import Finding, findings
from khue.sim.fleet.devices import Devices
from khue.sim.fleet.places import Map, Place, units, weight
from khue.sim.fleet.spelling import slug
from khue.sim.fleet.wording import FAMILY_NAMES, GIVEN_NAMES, MIDDLE_NAMES, NOTES, SUPPLIERS

CITY = 40_210
# How many of 40,210. The scheme sets the groups 23,736 / 227 / 16,247; how they divide is made up. VOV's sites are counted
# with the state's here, because the three numbers are the whole.
PURPOSES: Mapping[Purpose, int] = {
    Purpose.SECURITY: 20_900, Purpose.VIOLATION: 2_836, Purpose.DEFENCE: 227, Purpose.TRAFFIC_SAFETY: 5_200,
    Purpose.TRAFFIC_INFRASTRUCTURE: 3_300, Purpose.ENVIRONMENT: 2_700, Purpose.URBAN_ORDER: 4_947, Purpose.VOV_TRAFFIC: 100,
}  # fmt: skip
INSTALLED_PTZ, INSTALLED_FIXED = 3_957, 16_448
PROPOSED_PTZ, PROPOSED_FIXED = 12_007 - INSTALLED_PTZ, 28_203 - INSTALLED_FIXED
WORKING, WORKING_UNKNOWN_TO_BOOKS, SAID_TO_WORK = 9_397, 60, 19_400
_LIVES: Mapping[Life, int] = {  # of the installed, as the books have it; the rest operates
    Life.FAULTY: 600, Life.UNDER_REPAIR: 200, Life.SUSPENDED: 100, Life.ACCEPTED: 60, Life.INSTALLED: 45,
}  # fmt: skip
_APPROVED = 7_900  # of the proposed
_BOOKS_CLOSED = dt.date(2025, 9, 30)
_LINKS = {LinkKind.PRIVATE_FIBRE: 7, LinkKind.LEASED: 38, LinkKind.BORROWED: 55}  # of a hundred
_MOUNTINGS = {
    Mounting.POLE: 55, Mounting.WALL: 25, Mounting.BUILDING: 8, Mounting.TRAFFIC_LIGHT: 6, Mounting.GANTRY: 4, Mounting.OTHER: 2,
}  # fmt: skip
What = TypeVar("What")


class Consent(NamedTuple):
    """A resident's word that the camera may use the resident's line."""

    name: str
    phone: str
    given_on: dt.date
    expires_on: dt.date | None


class FleetCamera(msgspec.Struct):
    """A camera as it is. ``life`` and ``declared`` are what the books say, ``working`` is what is so.

    A proposed camera has neither device nor line. Plain empty values mean: there is none, or nobody knows.
    """

    place: Place
    kind: Kind
    purpose: Purpose
    owner: Agency
    life: Life
    declared: bool | None
    working: bool
    code: str = ""
    manager: Agency | None = None
    vendor: str = ""
    family: str = ""
    model: str = ""
    megapixels: float | None = None
    serial: str = ""
    mac: str = ""
    host: str = ""
    site: str = ""
    rtsp_main: str = ""
    rtsp_sub: str = ""
    mounting: Mounting | None = None
    height_m: float | None = None
    bearing: int | None = None
    view_angle: int | None = None
    range_m: int | None = None
    link: LinkKind | None = None
    upload_kbps: int | None = None
    quiet: tuple[str, str] | None = None
    consent: Consent | None = None
    installed_on: dt.date | None = None
    contract: str = ""
    supplier: str = ""
    warranty_until: dt.date | None = None
    sign_present: bool | None = None
    contact_point: str = ""
    findings: tuple[Finding, ...] = ()
    note: str = ""

    @property
    def installed(self) -> bool:
        return self.life in INSTALLED


class Maker:
    """Makes cameras one by one out of one stream of chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed} cameras")
        self._map = Map(random.Random(f"{seed} map"))
        self._devices = Devices(random.Random(f"{seed} devices"))
        self._keepers = keepers({unit.code: (unit.lat, unit.lon) for unit in units().values()})
        self._codes = list(units())
        self._weights = [weight(unit) for unit in units().values()]
        self._made = 0

    def camera(self, purpose: Purpose, kind: Kind, life: Life, declared: bool | None, working: bool) -> FleetCamera:
        chance = self._chance
        code = chance.choices(self._codes, self._weights)[0]
        owner = owner_of(purpose, self._keepers[code], chance)
        if owner.unit:  # a ward's books are about the ward
            code = owner.unit
        camera = FleetCamera(self._map.place(code), kind, purpose, owner, life, declared, working)
        self._made += 1
        camera.code = f"{owner.short}-{'P' if kind is Kind.PTZ else 'C'}{self._made:05d}"
        if camera.installed:
            self._install(camera)
            self._connect(camera)
            self._file(camera)
        return camera

    def _install(self, camera: FleetCamera) -> None:
        chance = self._chance
        days = (_BOOKS_CLOSED - dt.date(2012, 3, 1)).days
        camera.installed_on = _BOOKS_CLOSED - dt.timedelta(days=int(days * chance.random() ** 1.7))
        device = self._devices.device(camera.kind, camera.installed_on.year)
        for name in device._fields:
            setattr(camera, name, getattr(device, name))
        if chance.random() < 0.07:  # nobody climbed up to read the label
            camera.serial = camera.mac = ""
        camera.site = f"mang-{slug(camera.owner.short)}"
        camera.mounting = chance.choices(list(_MOUNTINGS), list(_MOUNTINGS.values()))[0]
        camera.height_m = chance.choice((3.5, 4.0, 4.5, 5.0, 6.0, 6.5, 8.0, 12.0))
        camera.bearing = chance.randrange(0, 360, 5)
        camera.view_angle = 60 if camera.kind is Kind.PTZ else chance.choice((78, 90, 103, 110))
        camera.range_m = chance.choice((150, 200, 300)) if camera.kind is Kind.PTZ else chance.choice((30, 50, 60, 80))

    def _connect(self, camera: FleetCamera) -> None:
        chance = self._chance
        assert camera.installed_on is not None
        camera.link = chance.choices(list(_LINKS), list(_LINKS.values()))[0]
        camera.upload_kbps = chance.choice((1000, 2000, 4000, 8000))
        if camera.link is not LinkKind.BORROWED or chance.random() < 0.3:
            return  # many residents were never asked in writing
        if chance.random() < 0.2:
            camera.quiet = chance.choice((("22:00", "05:00"), ("23:00", "06:00"), ("12:00", "13:30")))
        given = min(camera.installed_on + dt.timedelta(days=chance.randint(-20, 400)), _BOOKS_CLOSED)
        expires = (
            None
            if chance.random() < 0.3
            else given.replace(day=min(given.day, 28), year=given.year + chance.choice((1, 2, 3, 5)))
        )
        phone = chance.choice(("091", "098", "090", "036", "077")) + f"{chance.randrange(10**7):07d}"
        camera.consent = Consent(self._person(), phone, given, expires)

    def _file(self, camera: FleetCamera) -> None:
        chance = self._chance
        assert camera.installed_on is not None
        if chance.random() < 0.7:
            year = camera.installed_on.year
            camera.contract = f"{chance.randint(1, 250):02d}/{year}/HĐ-{camera.owner.short}"
            camera.supplier = chance.choice(SUPPLIERS)
            if chance.random() < 0.8:
                day = camera.installed_on
                camera.warranty_until = day.replace(day=min(day.day, 28), year=year + chance.choice((1, 2, 3)))
        camera.manager = camera.owner if chance.random() < 0.8 else self._keepers[camera.place.unit]
        camera.sign_present = chance.choice((True, True, False, None))
        if chance.random() < 0.5:
            camera.contact_point = self._person()
        camera.findings = findings(chance, _BOOKS_CLOSED)
        if chance.random() < 0.12:
            camera.note = chance.choice(NOTES)

    def _person(self) -> str:
        chance = self._chance
        return f"{chance.choice(FAMILY_NAMES)} {chance.choice(MIDDLE_NAMES)} {chance.choice(GIVEN_NAMES)}"


def scaled(number: int, cameras: int) -> int:
    """What ``number`` of the city's 40,210 is in a fleet of ``cameras``."""
    return round(number * cameras / CITY)


def true_fleet(cameras: int, maker: Maker, chance: random.Random) -> list[FleetCamera]:
    """Exactly ``cameras`` of them; every proportion is met to the nearest whole camera, in a fleet of any size."""
    kinds = _kinds(cameras)
    installed = sum(1 for _, is_installed in kinds if is_installed)
    purposes = _filled(
        {purpose: scaled(number, cameras) for purpose, number in PURPOSES.items()}, Purpose.SECURITY, cameras
    )
    states = _states(installed, cameras, chance)
    approved = scaled(_APPROVED, cameras)
    proposed = [Life.APPROVED] * approved + [Life.PROPOSED] * (cameras - installed - approved)
    for column in (kinds, purposes, states, proposed):
        chance.shuffle(column)
    fleet = []
    for (kind, is_installed), purpose in zip(kinds, purposes, strict=True):
        life, declared, working = states.pop() if is_installed else (proposed.pop(), None, False)
        fleet.append(maker.camera(purpose, kind, life, declared, working))
    return fleet


def _kinds(cameras: int) -> list[tuple[Kind, bool]]:
    """(kind, whether it is installed) of each."""
    counts = {
        (Kind.PTZ, True): INSTALLED_PTZ, (Kind.FIXED, True): INSTALLED_FIXED, (Kind.PTZ, False): PROPOSED_PTZ,
        (Kind.FIXED, False): PROPOSED_FIXED,
    }  # fmt: skip
    return _filled({what: scaled(number, cameras) for what, number in counts.items()}, (Kind.FIXED, False), cameras)


def _states(installed: int, cameras: int, chance: random.Random) -> list[tuple[Life, bool | None, bool]]:
    """(life by the books, said to work, works): half of what the books praise is dead, and a little they gave up works."""
    lives = {life: scaled(number, cameras) for life, number in _LIVES.items()}
    working = scaled(WORKING, cameras)
    unpraised = min(scaled(WORKING_UNKNOWN_TO_BOOKS, cameras), sum(lives.values()))
    praised = installed - sum(lives.values())
    states: list[tuple[Life, bool | None, bool]] = [
        (Life.OPERATING, True, number < working - unpraised) for number in range(praised)
    ]
    others = [life for life, number in lives.items() for _ in range(number)]
    chance.shuffle(others)
    declared = {Life.FAULTY: False}
    states += [(life, declared.get(life), number < unpraised) for number, life in enumerate(others)]
    return states


def _filled(counts: dict[What, int], rest: What, total: int) -> list[What]:
    """Each as often as counted; rounding is settled with ``rest``."""
    items = [what for what, number in counts.items() for _ in range(number) if what != rest]
    return items + [rest] * (total - len(items))
