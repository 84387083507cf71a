"""Which column of a table is which fact."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from khue.centre.intake.agencies import agency_of
from khue.centre.intake.books import load
from khue.centre.intake.coordinates import both, in_box
from khue.centre.intake.facts import text_of
from khue.centre.intake.headings import meanings
from khue.centre.intake.network import read_host, read_mac
from khue.centre.intake.plain import words
from khue.centre.intake.table import Table


class Mapping(msgspec.Struct):
    """``columns``: heading -> field ("" = not read). ``agency``: whose list it is, as written, where no column says it.

    ``defaults``: field -> text as it would stand in a cell, for every row that says nothing about the field.
    """

    columns: dict[str, str]
    agency: str = ""
    encoding: str = "auto"
    defaults: dict[str, str] = {}


def propose(table: Table) -> Mapping:
    """What the columns most likely are, from their headings and from what they hold; whose list it is, from its title."""
    samples = [_sample(table, index) for index in range(len(table.headings))]
    chosen = _by_heading(table.headings, samples)
    _tell_status(chosen, samples)
    for index, texts in enumerate(samples):
        if index not in chosen and (field := _by_content(texts)) and field not in chosen.values():
            chosen[index] = field
    columns = {heading: chosen.get(index, "") for index, heading in enumerate(table.headings)}
    return Mapping(columns, agency_of(table, table.file) or "")


def _sample(table: Table, index: int) -> list[str]:
    """Different texts of a column, from all over the list."""
    found: dict[str, None] = {}
    step = max(1, len(table.rows) // 400)
    for row in table.rows[::step]:
        cell = row.cells[index] if index < len(row.cells) else None
        if cell is not None and cell != "":
            found[text_of(cell)] = None
            if len(found) >= _SAMPLE:
                break
    return list(found)


def _by_heading(headings: tuple[str, ...], samples: list[list[str]]) -> dict[int, str]:
    """Each field goes to the column whose heading names it best; what the column holds may speak against it."""
    offers = []
    for index, heading in enumerate(headings):
        for field, sure in meanings(heading):
            if sure >= _SURE:
                offers.append((-_weighed(field, sure, samples[index]), index, field))
    chosen: dict[int, str] = {}
    taken: set[str] = set()
    for weight, index, field in sorted(offers):
        if index not in chosen and weight < 0 and (field == "" or field not in taken):
            chosen[index] = field
            taken.add(field)
    return chosen


def _weighed(field: str, sure: int, texts: list[str]) -> int:
    """A heading's word for a field, less when the texts are evidently something else, more when they are just that."""
    found = _by_content(texts)
    if found is None or not field:
        return sure
    if found == field:
        return sure + 20
    alike = {field, found} in _ALIKE or found not in _TELLING
    return sure if alike else sure - 60


_SURE = 45
_SAMPLE = 60
# Fields whose texts look alike: neither speaks against the other.
_ALIKE = (
    *({"declared_working", "life"}, {"rtsp_main", "rtsp_sub"}, {"lat", "lon"}, {"unit", "address"}),
    *({"vendor", "supplier"}, {"link", "vendor"}, {"link", "supplier"}),
)
_TELLING = frozenset(("mac", "host", "rtsp_main", "position", "kind", "vendor", "purpose"))


def _by_content(texts: list[str]) -> str | None:
    """What most texts of a column can only be."""
    if not texts:
        return None
    books = load()
    tests: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("rtsp_main", lambda text: text.lower().startswith(("rtsp://", "rtsps://", "rtmp://"))),
        ("mac", lambda text: len(text) >= 12 and bool(read_mac(text))),
        ("host", lambda text: text.count(".") == 3 and read_host(text) is not None),
        ("position", lambda text: len(text) > 12 and _is_position(text)),
        ("kind", lambda text: books.kinds.exact(words(text)) is not None),
        ("purpose", lambda text: books.purposes.exact(words(text)) is not None),
        ("vendor", lambda text: books.types.find(text) is not None),
        ("declared_working", lambda text: books.lives.exact(words(text)) is not None),
        ("link", lambda text: books.links.exact(words(text)) is not None),
    )
    for field, test in tests:
        if sum(map(test, texts)) * 5 > len(texts) * 3:
            return field
    return None


def _is_position(text: str) -> bool:
    place = both(text)
    return place is not None and in_box(place)


def _tell_status(chosen: dict[int, str], samples: list[list[str]]) -> None:
    """Of two columns about the state, the one of answers says whether it works, the other where it stands in its life."""
    columns = [index for index, field in chosen.items() if field in ("declared_working", "life")]
    if len(columns) == 2:
        first, second = sorted(columns, key=lambda index: _share_of_lives(samples[index]))
        chosen[first], chosen[second] = "declared_working", "life"


def _share_of_lives(texts: list[str]) -> float:
    lives = load().lives
    staged = [text for text in texts if lives.exact(words(text)) not in (None, "operating", "faulty")]
    return len(staged) / len(texts) if texts else 0.0
