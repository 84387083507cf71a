"""The registry as it was: what stands in the place of the tables when a filter has a date.

A camera was what its version of then says. Where its main stream stood is in what nodes reported; whether it was seen
working then is judged by recordings alone, because of probes only the newest is kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from khue.centre.inventory.filters import Filter, where
from khue.centre.sql import Queries

_SQL = Queries(__file__)


def source(wanted: Filter, *, measured: bool = False) -> tuple[str, str, list[Any]]:
    """(FROM clause, condition, arguments from ``$1`` on) of the rows ``c`` that are meant.

    ``c`` has all columns of the table ``camera``; of the past without search when it has changed since. With ``measured``
    there is also a row ``m`` with node, state, seen_working, seen_since, seen_how and seen_detail.
    """
    if wanted.asof is None:
        condition, arguments = where(wanted)
        joined = " left join camera_now m on m.camera = c.id" if measured else ""
        return f"from camera c{joined}", condition, arguments
    condition, arguments = where(wanted, 2)
    known = measured or bool(wanted.state or wanted.node or wanted.seen)
    return f"from ({_then(measured=known)}) c{_MEASURED if measured else ''}", condition, [wanted.asof, *arguments]


def numbered(numbers: Sequence[int], asof: dt.datetime | None) -> tuple[str, str, list[Any]]:
    """As `source` with ``measured``, for exactly these cameras."""
    if asof is None:
        return "from camera c left join camera_now m on m.camera = c.id", _NUMBERED, [list(numbers)]
    then = _then(
        measured=True,
        unchanged="and u.number = any ($2::integer[])",
        changed="and v.camera in (select o.id from camera o where o.number = any ($2::integer[]))",
    )
    return f"from ({then}) c{_MEASURED}", "c.deleted is null", [asof, list(numbers)]


def _then(*, measured: bool, unchanged: str = "", changed: str = "") -> str:
    then = _SQL["then"].format(unchanged=unchanged, changed=changed)
    return _SQL["then_measured"].format(then=then) if measured else then


_NUMBERED = "c.deleted is null and c.number = any($1::integer[])"
_MEASURED = " cross join lateral (select c.node, c.state, c.seen_working, c.seen_since, c.seen_how, c.seen_detail) m"
