"""How each of the forty agencies keeps its books: file, encoding, columns, and the habits of whoever types."""

from __future__ import annotations

import enum
import functools
import importlib.resources
import tomllib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from khue.sim.fleet.spelling import Spelling


class Points(enum.StrEnum):
    """How coordinates are written."""

    NUMBER = "number"
    TEXT = "text"  # numbers stored as text
    COMMA = "comma"  # 21,028511
    DMS = "dms"  # 21°01'42.6"N
    SWAPPED = "swapped"  # each under the other's heading
    SOMETIMES_SWAPPED = "sometimes_swapped"


class UnitForm(enum.StrEnum):
    FULL = "full"  # Phường Ba Đình
    SHORT = "short"  # P. Ba Đình
    BARE = "bare"  # Ba Đình
    UPPER = "upper"  # PHƯỜNG BA ĐÌNH
    MIXED = "mixed"
    CODE = "code"  # "00004"
    LOST_ZEROS = "lost_zeros"  # 4


class AddressForm(enum.StrEnum):
    PLAIN = "plain"
    UNIT = "unit"  # ends with the ward or commune of today
    OLD = "old"  # ends with the ward and district of before July 2025


class Dates(enum.StrEnum):
    SLASHES = "slashes"  # 05/03/2019
    BARE = "bare"  # 5/3/2019
    DOTS = "dots"  # 05.03.2019
    ISO = "iso"
    SHORT_YEAR = "short_year"  # 05/03/19
    WORDS = "words"  # ngày 05 tháng 3 năm 2019
    CELL = "cell"  # a real date of the spreadsheet
    SERIAL = "serial"  # the number behind it: 43529
    MIXED = "mixed"


class Titles(enum.StrEnum):
    NONE = "none"
    SHORT = "short"  # one line
    FULL = "full"  # the state's and the agency's names, the table's, what letter it belongs to


class CsvForm(NamedTuple):
    delimiter: str
    encoding: str


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``columns`` are keys of `khue.sim.fleet.columns`, in order. ``older`` is the name of a second, older list of the same
    agency; ``apart`` puts proposals into a file of their own; ``split`` gives each unit a sheet."""

    short: str
    file: str
    columns: str
    spelling: Spelling = Spelling.COMPOSED
    csv: CsvForm | None = None
    titles: Titles = Titles.FULL
    header_rows: int = 1
    numbered: bool = False
    grouped: bool = False
    footer: bool = True
    points: Points = Points.NUMBER
    unit: UnitForm = UnitForm.FULL
    address: AddressForm = AddressForm.PLAIN
    dates: Dates = Dates.SLASHES
    older: str = ""
    apart: str = ""
    split: bool = False
    summary: bool = False
    untidy: bool = False
    blank: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        columns = self.columns
        for short, words in _SHORT_FORMS.items():
            columns = columns.replace(short, words)
        return tuple(columns.split())

    def has(self, *keys: str) -> bool:
        return any(key in self.keys for key in keys)


_SHORT_FORMS: Mapping[str, str] = {
    "@device": "vendor model serial mac host",
    "@papers": "installed_on contract supplier warranty_until",
    "@consent": "link upload quiet consent_name consent_phone consent_given_on consent_expires_on",
    "@stream": "site rtsp_main",
}


@functools.cache
def layouts() -> tuple[Layout, ...]:
    """Of all forty agencies."""
    text = importlib.resources.files("khue.sim.fleet").joinpath("layouts.toml").read_text(encoding="utf-8")
    return msgspec.convert(tuple(tomllib.loads(text)["book"]), tuple[Layout, ...])
