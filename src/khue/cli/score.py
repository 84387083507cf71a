"""How an import, and the registry it left, compare with what was true. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_LISTED = 20
_PLACE_M = 1e-5  # degrees: about a metre, the sixth decimal of a sheet


class Truth(msgspec.Struct, frozen=True):
    """A data row of a sheet and what ought to become of it; see ``khue sim fleet``."""

    file: str
    sheet: str
    row: int
    outcome: str
    reason: str = ""
    duplicate_of: dict[str, Any] | None = None
    agency: str = ""
    values: dict[str, Any] = {}


def rate(
    truth: Sequence[Truth], rows: Sequence[Mapping[str, Any]], records: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """``rows`` are those of the import, skipped ones too; ``records`` the registry by camera, {} when nothing was applied.

    A row that is in the truth and nowhere in the import is lost; one the import read and the truth does not know is extra.
    """
    found = {(row["file"], row["sheet"], row["row"]): row for row in rows if row["outcome"] != "skipped"}
    skipped = {(row["file"], row["sheet"], row["row"]) for row in rows if row["outcome"] == "skipped"}
    tally: Counter[str] = Counter()
    wrong: list[dict[str, Any]] = []
    kinds: Counter[str] = Counter()
    fields: dict[str, list[int]] = {}
    values_wrong: list[dict[str, Any]] = []
    for one in truth:
        place = (one.file, one.sheet, one.row)
        row = found.pop(place, None)
        missing = "skipped" if place in skipped else "lost"
        said = missing if row is None else _outcome(row["outcome"])
        if said == "lost":
            tally["lost"] += 1
        if row is None or not _right(one, row, said):
            kind = f"{_named(one.outcome, one.reason)} -> {_named(said, *_codes(row))}"
            kinds[kind] += 1
            wrong.append({"file": one.file, "sheet": one.sheet, "row": one.row, "kind": kind})
            continue
        tally[f"right_{one.outcome}"] += 1
        if one.outcome == "refused":
            tally["reasons_right"] += one.reason in _codes(row)
        elif one.outcome == "created":
            values_wrong += _compare(one, row, _record(records, row), fields)
    return {
        "rows": len(truth),
        **{name: tally[name] for name in ("right_created", "right_duplicate", "right_refused", "reasons_right")},
        "wrong": len(wrong),
        "wrong_kinds": dict(kinds.most_common()),
        "wrong_first": wrong[:_LISTED],
        "lost": tally["lost"],
        "extra": len(found),
        "extra_first": [dict(zip(("file", "sheet", "row"), place, strict=True)) for place in list(found)[:_LISTED]],
        "values_compared": sum(compared for compared, _ in fields.values()),
        "values_right": sum(right for _, right in fields.values()),
        "values": {field: {"compared": both[0], "right": both[1]} for field, both in sorted(fields.items())},
        "values_wrong_first": values_wrong[:_LISTED],
    }


def _outcome(said: str) -> str:
    """A row that found its camera in the registry stands for one, as a new one does."""
    return "created" if said in ("changed", "unchanged") else said


def _right(one: Truth, row: Mapping[str, Any], said: str) -> bool:
    if said != one.outcome:
        return False
    if said == "duplicate" and one.duplicate_of is not None:
        first = row["duplicate_of"]
        return first is not None and all(first[name] == one.duplicate_of[name] for name in ("file", "sheet", "row"))
    return True


def _codes(row: Mapping[str, Any] | None) -> list[str]:
    return [] if row is None else [problem["code"] for problem in row["problems"]]


def _named(outcome: str, *reasons: str) -> str:
    return " ".join((outcome, *(reason for reason in reasons if reason)))


def _record(records: Mapping[str, Mapping[str, Any]], row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A camera the registry should have and does not says nothing of anything."""
    return records.get(row["camera"] or "", {}) if records else None


def _compare(
    one: Truth, row: Mapping[str, Any], record: Mapping[str, Any] | None, fields: dict[str, list[int]]
) -> list[dict[str, Any]]:
    """Each value the sheet says against the registry, or, before it is applied, against the plan."""
    wrong = []
    shown = row["values"] if record is None else record
    for field, expected in one.values.items():
        if field in _SECRET:
            continue  # sealed: nothing shows it
        both = fields.setdefault(field, [0, 0])
        both[0] += 1
        if same(expected, shown.get(field)):
            both[1] += 1
        else:
            place = {"file": one.file, "sheet": one.sheet, "row": one.row}
            wrong.append({**place, "field": field, "expected": expected, "found": shown.get(field)})
    return wrong


_SECRET = frozenset({"username", "password", "rtsp_main", "rtsp_sub"}) | {
    *("consent_name", "consent_phone", "consent_given_on", "consent_expires_on")
}


def same(expected: Any, found: Any) -> bool:
    """Whether two values say the same; coordinates to about a metre."""
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return math.isclose(expected, found, rel_tol=1e-6, abs_tol=_PLACE_M)
    if isinstance(expected, str) and isinstance(found, str):
        return expected.strip().casefold() == found.strip().casefold()
    return bool(expected == found) or (expected in (None, "") and found in (None, ""))
