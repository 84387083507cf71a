"""What the centre and the process that reads sheets for it say to each other: length-prefixed msgpack on its pipes."""

from __future__ import annotations

import msgspec

from khue.centre.access.rules import Term
from khue.centre.intake.mapping import Mapping
from khue.centre.intake.sealing import Sealed


class AgencyRow(msgspec.Struct, frozen=True):
    """An agency of the registry, or one an import will add."""

    id: str
    name: str
    kind: str = "other"
    unit: str | None = None


class Job(msgspec.Struct, tag_field="type", tag="job", frozen=True):
    """Plan: registry, then files. ``files`` are names in the order they will come; ``mappings`` by file and sheet."""

    kind: str  # look, plan, correct
    files: tuple[str, ...]
    import_id: str = ""
    agency: str = ""
    scope: tuple[Term, ...] = ()  # what the account behind the import may write
    agencies: tuple[AgencyRow, ...] = ()
    units: dict[str, str] = {}
    retention: tuple[str, ...] = ()
    life_steps: tuple[tuple[str, str], ...] = ()
    mappings: dict[str, dict[str, Mapping]] = {}
    today: str = ""


class Data(msgspec.Struct, tag_field="type", tag="data", frozen=True):
    """A piece of what is being sent; an empty one ends it."""

    data: bytes


class Asked(msgspec.Struct, tag_field="type", tag="asked", frozen=True):
    """From the clerk: it is ready for the registry ("known"), for a "file", or for what became of a file's "rows"."""

    what: str
    file: str = ""


class HeadingOut(msgspec.Struct, frozen=True):
    """A column as the person who maps it sees it. Samples of columns that hold secrets are masked."""

    column: str
    text: str
    field: str | None
    sample: list[str]


class SheetOut(msgspec.Struct, frozen=True):
    """``mapping_name`` is the named mapping that fits its headings, when there is one."""

    sheet: str
    header_rows: tuple[int, int]
    headings: list[HeadingOut]
    agency: str | None
    encoding: str
    rows: int
    signature: str = ""
    mapping_name: str | None = None


class Looked(msgspec.Struct, tag_field="type", tag="looked", frozen=True):
    sheets: list[SheetOut]


class PlannedRow(msgspec.Struct, array_like=True):
    """A row of the table import_row but for the import's id, in the order of its columns; JSON as text."""

    ordinal: int
    file: str
    sheet: str
    row: int
    outcome: str
    reasons: list[str]
    camera: str | None
    revision: int | None
    duplicate_of: str | None
    values: str
    search: str
    written: str | None
    before: str | None
    problems: str
    notes: str
    sealed: list[Sealed] = []


class JudgedRow(msgspec.Struct, array_like=True, frozen=True):
    """What became of a row, as the corrected sheet shows it; JSON as text. ``duplicate_of`` is a Place."""

    sheet: str
    row: int
    outcome: str
    camera: str | None
    duplicate_of: str | None
    values: str
    problems: str
    notes: str


class Planned(msgspec.Struct, tag_field="type", tag="planned", frozen=True):
    """Rows in order; ``progress`` 0..1 of all files."""

    rows: list[PlannedRow]
    progress: float


class Finished(msgspec.Struct, tag_field="type", tag="finished", frozen=True):
    """The job is done. ``read`` is what the sheets held, counted where they were read."""

    read: int = 0
    skipped: int = 0
    agencies: list[AgencyRow] = []


class Failed(msgspec.Struct, tag_field="type", tag="failed", frozen=True):
    """A sheet that cannot be read: SheetError, field by field."""

    code: str
    vi: str
    en: str
    file: str = ""
    sheet: str = ""
    row: int = 0
    column: str = ""


Down = Job | Data
Up = Asked | Looked | Planned | Data | Finished | Failed
