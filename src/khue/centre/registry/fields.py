"""The facts of a camera that a person may state: their names on the wire, their columns, what makes them wrong. Pure."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from khue.centre.errors import Invalid
from khue.model.registry import Disclosure, Kind, LinkKind, Mounting, Purpose

Short = Annotated[str, Meta(max_length=200)]
Long = Annotated[str, Meta(max_length=2000)]
_MAC = re.compile(r"[0-9a-f]{12}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class Facts(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Left out: stays as it is. Null takes a value away. Times are local, "22:00"; degrees are WGS 84."""

    name: Short | UnsetType = UNSET
    code: Short | UnsetType | None = UNSET
    vendor: Short | UnsetType = UNSET
    family: Short | UnsetType = UNSET
    model: Short | UnsetType = UNSET
    kind: Kind | UnsetType | None = UNSET
    megapixels: float | UnsetType | None = UNSET
    serial: Short | UnsetType = UNSET
    mac: str | UnsetType | None = UNSET
    host: Short | UnsetType = UNSET
    lat: float | UnsetType | None = UNSET
    lon: float | UnsetType | None = UNSET
    address: Long | UnsetType = UNSET
    unit: str | UnsetType | None = UNSET
    mounting: Mounting | UnsetType | None = UNSET
    height_m: float | UnsetType | None = UNSET
    bearing: float | UnsetType | None = UNSET
    view_angle: float | UnsetType | None = UNSET
    range_m: float | UnsetType | None = UNSET
    owner: str | UnsetType | None = UNSET
    manager: str | UnsetType | None = UNSET
    purpose: Purpose | UnsetType | None = UNSET
    link: LinkKind | UnsetType | None = UNSET
    upload_kbps: int | UnsetType | None = UNSET
    quiet_from: str | UnsetType | None = UNSET
    quiet_to: str | UnsetType | None = UNSET
    declared_working: bool | UnsetType | None = UNSET
    installed_on: dt.date | UnsetType | None = UNSET
    contract: Short | UnsetType = UNSET
    supplier: Short | UnsetType = UNSET
    warranty_until: dt.date | UnsetType | None = UNSET
    disclosure: Disclosure | UnsetType = UNSET
    sign_present: bool | UnsetType | None = UNSET
    contact_point: Short | UnsetType = UNSET
    site: Short | UnsetType = UNSET
    retention_class: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    note: Long | UnsetType = UNSET


FACTS = Facts.__struct_fields__
_COLUMNS = {"lat": "latitude", "lon": "longitude"}
_FIELDS = {column: field for field, column in _COLUMNS.items()}
# What each camera has for itself; many cameras are never given one of these together.
UNIQUE = frozenset({"code", "serial", "mac", "host"})
# What decides who sees a camera, what its node is told, and what it is found by.
SCOPE = frozenset({"unit", "owner", "manager", "purpose"})
TOLD = frozenset({"name", "retention_class", "enabled"})
SEARCHED = frozenset({"name", "code", "address", "vendor", "model", "serial", "owner", "unit"})
TIMES = frozenset({"quiet_from", "quiet_to", "installed_on", "warranty_until"})
# What a camera is as long as nobody says otherwise, as the columns default to it.
DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("vendor", "family", "model", "serial", "host", "address", "contract", "supplier"), ""),
    **dict.fromkeys(("contact_point", "site", "note"), ""),
    **dict.fromkeys(("disclosure", "retention_class")),  # as the regulation says, after its purpose
    "enabled": True,
}
_BOUNDS = {
    "lat": (-90.0, 90.0),
    "lon": (-180.0, 180.0),
    "height_m": (0.0, 200.0),
    "bearing": (0.0, math.nextafter(360.0, 0.0)),
    "view_angle": (0.1, 360.0),
    "range_m": (0.1, 20000.0),
    "megapixels": (0.01, 1000.0),
    "upload_kbps": (1, 10_000_000),
}


# What `check` looks at.
CHECKED = frozenset({"name", "lat", "lon", "quiet_from", "quiet_to", "purpose", "disclosure", *_BOUNDS})


def column_of(field: str) -> str:
    """Of the table ``camera``."""
    return _COLUMNS.get(field, field)


def field_of(column: str) -> str:
    return _FIELDS.get(column, column)


def said(facts: Facts) -> dict[str, Any]:
    """The fields that were given, in their plain JSON form. Raises Invalid."""
    given = {name: value for name in FACTS if not isinstance(value := getattr(facts, name), UnsetType)}
    plain: dict[str, Any] = msgspec.to_builtins(given)
    for name, value in plain.items():
        if isinstance(value, str):
            plain[name] = _clean(name, value)
    if plain.get("code") == "":
        plain["code"] = None
    if plain.get("mac") is not None:
        plain["mac"] = _mac(plain["mac"])
    return plain


def check(facts: Mapping[str, Any]) -> str | None:
    """What is wrong with the facts of a camera taken together, in words for a person; None when nothing is."""
    if not facts.get("name"):
        return "a camera's name has 1 to 200 characters"
    for name, (low, high) in _BOUNDS.items():
        value = facts.get(name)
        if value is not None and not low <= value <= high:
            return f"{name} is between {low:g} and {high:g}"
    if (facts.get("lat") is None) != (facts.get("lon") is None):
        return "lat and lon go together; give both or none"
    if (facts.get("quiet_from") is None) != (facts.get("quiet_to") is None):
        return "quiet_from and quiet_to go together; give both or none"
    for name in ("quiet_from", "quiet_to"):
        if facts.get(name) is not None and not _TIME.fullmatch(facts[name]):
            return f'{name} is a time of the day such as "22:00"'
    if facts.get("purpose") == Purpose.DEFENCE and facts.get("disclosure") != Disclosure.COUNTED:
        return "a camera of defence is only counted for the public: its disclosure is counted"
    return None


def differences(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the given fields that are another value than before. What defends is counted, without being told."""
    changes = {name: value for name, value in given.items() if before.get(name) != value}
    if changes.get("purpose") == Purpose.DEFENCE and "disclosure" not in given:
        changes["disclosure"] = str(Disclosure.COUNTED)
    return changes


def plain(column: str, value: object) -> Any:
    """A column's value as JSON shows it."""
    if isinstance(value, dt.time):
        return value.strftime("%H:%M")
    if isinstance(value, str) and column in ("quiet_from", "quiet_to"):
        return value[:5]
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return value


def _clean(name: str, value: str) -> str:
    if "\0" in value:
        raise Invalid(f"{name} holds a character that cannot be stored")
    return value.strip()


def _mac(text: str) -> str:
    digits = re.sub(r"[\s:.-]", "", text.lower())
    if not _MAC.fullmatch(digits):
        raise Invalid("mac is six bytes such as aa:bb:cc:dd:ee:ff")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
