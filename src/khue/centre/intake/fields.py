"""What a row may say about a camera, and how the database keeps it. Pure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from typing import Any

from khue.centre.fleet.rules import search_words
from khue.centre.intake.reading import Problem

# Canonical field -> column of the table camera, in the order people are shown changes.
COLUMNS: dict[str, str] = {
    **{
        field: field
        for field in (
            *("name", "code", "vendor", "family", "model", "kind", "megapixels", "serial", "mac", "host"),
            *("address", "unit", "mounting", "height_m", "bearing", "view_angle", "range_m"),
            *("owner", "manager", "purpose", "link", "upload_kbps", "quiet_from", "quiet_to"),
            *("life", "life_since", "declared_working", "installed_on", "contract", "supplier", "warranty_until"),
            *("disclosure", "sign_present", "contact_point", "site", "retention_class", "enabled", "note"),
        )
    },
    "lat": "latitude",
    "lon": "longitude",
}
FIELDS = {column: field for field, column in COLUMNS.items()}
SECRET = frozenset({"rtsp_main", "rtsp_sub", "username", "password", "consent_name", "consent_phone"})
# What the table demands of numbers (migration 0002): (least, most, whether the least itself is allowed).
_RANGES: dict[str, tuple[float, float, bool]] = {
    "megapixels": (0, 1000, False),
    "height_m": (0, 200, True),
    "bearing": (0, 359.999999, True),
    "view_angle": (0, 360, False),
    "range_m": (0, 20_000, False),
    "upload_kbps": (0, 2**31 - 1, False),
    "lat": (-90, 90, True),
    "lon": (-180, 180, True),
}
_LONGEST = 2000  # characters of any text; a name has at most 200, as elsewhere
_UNICODE_TROUBLE = {0: "\u2400", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


def clean(text: str) -> str:
    """What PostgreSQL can store: no NUL, no half of a surrogate pair."""
    return text if text.isprintable() else text.translate(_UNICODE_TROUBLE)


def plain(value: object) -> Any:
    """A value as JSON and the table keep it: dates and times as ISO text."""
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.time):
        return value.strftime("%H:%M")
    return clean(value) if isinstance(value, str) else value


def impossible(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What the table would refuse. The readers refuse it first, with the cell; this keeps one row from failing all."""
    for field, (least, most, inclusive) in _RANGES.items():
        number = values.get(field)
        if number is None:
            continue
        fine = math.isfinite(number) and (least <= number if inclusive else least < number) and number <= most
        if not fine:
            yield _impossible(field, number, f"từ {least:g} đến {most:g}", f"{least:g} to {most:g}")
    for field, value in values.items():
        longest = 200 if field == "name" else _LONGEST
        if isinstance(value, str) and len(value) > longest:
            yield _impossible(field, value[:60], f"tối đa {longest} ký tự", f"at most {longest} characters")
    if ("lat" in values) != ("lon" in values):
        yield _impossible("lat", "", "đủ cả vĩ độ và kinh độ", "both latitude and longitude")
    if ("quiet_from" in values) != ("quiet_to" in values):
        yield _impossible("quiet_from", "", "đủ cả giờ bắt đầu và giờ kết thúc", "both a beginning and an end")


def _impossible(field: str, text: object, vi: str, en: str) -> Problem:
    return Problem("value_impossible", field, "", str(text), f"{field} phải {vi}", f"{field} must be {en}")


def same(before: Any, after: Any) -> bool:
    """Whether two values say the same: a coordinate to about a centimetre, a number to its ninth digit."""
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    if isinstance(before, int | float) and isinstance(after, int | float):
        return math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-7)
    if isinstance(before, str) and isinstance(after, str) and before[:5] == after and before[2:3] == ":":
        return True  # 22:00:00 of a time column
    return bool(before == after) or (before in (None, "") and after in (None, ""))


def search_text(values: Mapping[str, Any], owner: str, unit: str, camera: str) -> str:
    """What the registry finds a camera by; ``owner`` and ``unit`` are names."""
    said = {field: values.get(field) or "" for field in ("code", "address", "vendor", "model", "serial")}
    return search_words(camera, values.get("name") or "", owner=owner, unit=unit, **said)
