"""What Vietnamese and English headings mean."""

from __future__ import annotations

import functools
import re

from khue.centre.intake.plain import words
from khue.centre.intake.vocabulary import vocabulary

# Fields beside those of the registry, for columns that hold more than one fact, or part of one.
POSITION = "position"  # latitude and longitude in one cell, or a link to a map
DISTRICT = "district"  # a district, abolished in 2025: helps to tell wards of one name apart
QUIET = "quiet"  # both quiet hours in one cell
LOGIN = "login"  # user and password in one cell
IGNORED = ""

# Folded phrases per field. The longest phrase within a heading decides; the whole heading counts most.
_LOOKUP = {
    phrase: field if field != "ignored" else IGNORED
    for field, phrases in vocabulary().headings.items()
    for phrase in phrases
}
FIELDS = frozenset(_LOOKUP.values()) - {IGNORED}
_LOOKUP |= {field.replace("_", " "): field for field in FIELDS}
_LONGEST = max(phrase.count(" ") + 1 for phrase in _LOOKUP)
_PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
# Words that say which of something without saying of what: the line above decides.
_GENERIC = frozenset(
    (
        "ten",
        "ma",
        "loai",
        "ngay",
        "so",
        "dia chi",
        "dien thoai",
        "sdt",
        "don vi",
        "kieu",
        "cao",
        "mang",
        "khac",
        "id",
        "x",
        "y",
    )
)
_ONE_WORD_WITHIN = frozenset(
    [
        "ip",
        "mac",
        "serial",
        "seri",
        "rtsp",
        "model",
        "lat",
        "lng",
        "longitude",
        "latitude",
        "megapixel",
        "brand",
        "vendor",
        "password",
    ]
)
# Fields of which one says where, and one what: a sheet with neither is a summary, a list of contacts, a catalogue.
WHERE = frozenset(("lat", "lon", POSITION, "address", "unit", DISTRICT))
WHAT = frozenset(
    (
        "name",
        "code",
        "serial",
        "mac",
        "host",
        "rtsp_main",
        "model",
        "vendor",
        "kind",
        "purpose",
        "link",
        "lat",
        POSITION,
        "megapixels",
    )
)


@functools.lru_cache(maxsize=4096)
def meanings(heading: str) -> tuple[tuple[str, int], ...]:
    """(field, how sure from 1 to 100), the surest first; empty when the heading says nothing known.

    Parts of a heading of several rows are separated by " / ".
    """
    parts = [part for part in heading.split(" / ") if part.strip()]
    found: dict[str, int] = {}

    def add(field: str, sure: int) -> None:
        found[field] = max(found.get(field, 0), sure)

    last = words(_PARENTHESES.sub(" ", parts[-1])) if parts else ""
    whole = words(_PARENTHESES.sub(" ", " ".join(parts)))
    for text, sure in ((words(heading), 100), (whole, 100), (last, 60 if last in _GENERIC and len(parts) > 1 else 98)):
        if text in _LOOKUP:
            add(_LOOKUP[text], sure)
    for text, most in ((last, 90), (whole, 85)):
        for phrase, position in _within(text):
            add(_LOOKUP[phrase], min(most, 40 + 2 * len(phrase) - min(position, 8)))
    return tuple(sorted(found.items(), key=lambda item: -item[1]))


def _within(text: str) -> list[tuple[str, int]]:
    """Known phrases of two words or more within a text, longest first, not overlapping; and telling single words."""
    tokens = text.split()
    if len(tokens) > 25:
        return []
    found: list[tuple[str, int]] = []
    taken: set[int] = set()
    for size in range(min(_LONGEST, len(tokens)), 0, -1):
        for start in range(len(tokens) - size + 1):
            places = range(start, start + size)
            phrase = " ".join(tokens[start : start + size])
            if phrase in _LOOKUP and (size > 1 or phrase in _ONE_WORD_WITHIN) and not taken.intersection(places):
                taken.update(places)
                found.append((phrase, start))
    return found


def meaning(heading: str) -> str | None:
    """The likeliest field, "" for a column nobody needs, None when the heading is unknown."""
    found = meanings(heading)
    return found[0][0] if found and found[0][1] >= 45 else None


def is_list(fields: set[str]) -> bool:
    """Whether a table with these columns is a list of cameras."""
    return (
        len(fields) >= 3
        and bool(fields & WHERE)
        and bool(fields & WHAT)
        and bool(fields & (WHERE | {"name", "code"}) - {"unit", DISTRICT})
    )
