"""What reading one row gives: values, what is wrong with it, and what was understood in a particular way."""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """Why a row cannot be taken. ``text`` is the cell with credentials masked, "" where they are the cell."""

    code: str
    field: str
    column: str
    text: str
    vi: str
    en: str


class Note(msgspec.Struct, frozen=True):
    """Something that was understood, but not said as plainly as it could be."""

    code: str
    field: str
    vi: str
    en: str


class Reading(msgspec.Struct):
    """``values``: canonical field -> str, int, float, bool or date. A row with a problem is refused.

    ``agencies``: id -> name as written, of every agency that ``values`` names.
    """

    values: dict[str, object]
    problems: list[Problem] = []
    notes: list[Note] = []
    agencies: dict[str, str] = {}
