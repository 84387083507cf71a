"""A whole city on disk: the books of forty agencies, the truth beside every row of them, and the fleet as it really is."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from khue.model.errors import ConfigError
from khue.sim.fleet.agencies import AGENCIES
from khue.sim.fleet.books import Book, Row, books
from khue.sim.fleet.cameras import FleetCamera, Maker, true_fleet
from khue.sim.fleet.columns import Typist
from khue.sim.fleet.files import write_csv, write_xlsx
from khue.sim.fleet.mistakes import make_mistakes
from khue.sim.fleet.sheets import Line, Lines, summary

_encode = msgspec.json.Encoder(order="sorted").encode
_README = """A simulated fleet: {cameras} cameras of Hanoi, seed {seed}.
Nothing in it is real but the names of places and the proportions.

*.xlsx, *.csv     the books of {agencies} agencies, each kept its own way, with the mistakes such books have
truth.jsonl       for every row about a camera: file, sheet, row as a spreadsheet counts, what an import has to make of it
                  (created, duplicate of which row, refused and why), and what the row says
registry.jsonl    the fleet as it is: one line a camera, with "working" (whether it really gives pictures) and its row
agencies.json     who keeps which book

Rows: {rows}. Created {created}, duplicate {duplicate}, refused {refused}. The same seed and number make the same bytes.
"""


class FleetReport(msgspec.Struct, frozen=True):
    """What was made. ``said_to_work`` is by the books, ``working`` is so."""

    cameras: int
    installed: int
    said_to_work: int
    working: int
    agencies: int
    files: int
    rows: int
    created: int
    duplicate: int
    refused: int
    by_reason: Mapping[str, int]


class WrittenBook(msgspec.Struct, frozen=True):
    """A book and the lines of its sheets: "" names the only one of a CSV."""

    book: Book
    sheets: tuple[tuple[str, Sequence[Line]], ...]


def compose(cameras: int, seed: int) -> tuple[list[FleetCamera], list[WrittenBook]]:
    """The fleet and its books, nothing written to disk yet."""
    maker = Maker(seed)
    fleet = true_fleet(cameras, maker, random.Random(f"{seed} fleet"))
    kept = books(fleet, random.Random(f"{seed} books"))
    make_mistakes(kept, maker, cameras, random.Random(f"{seed} mistakes"))
    return fleet, [_written(book, random.Random(f"{seed} {book.file}")) for book in kept]


def _written(book: Book, chance: random.Random) -> WrittenBook:
    typist = Typist(book.layout, chance)
    sheets = [(table.sheet, Lines(book, table, typist, chance).all()) for table in book.tables]
    if book.layout.summary:
        sheets.insert(0, ("Tổng hợp", summary(book)))
    return WrittenBook(book, tuple(sheets))


def write_fleet(cameras: int, seed: int, folder: Path) -> FleetReport:
    """Make everything in ``folder``, which is new or empty. Raises ConfigError when it is neither."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not an empty folder; name another one, or empty it")
    folder.mkdir(parents=True, exist_ok=True)
    fleet, written = compose(cameras, seed)
    for one in written:
        path = folder / one.book.file
        if one.book.layout.csv:
            write_csv(path, one.sheets[0][1], one.book.layout.csv)
        else:
            write_xlsx(path, one.sheets, one.book.layout.spelling)
    rows = [row for one in written for row in one.book.rows()]
    report = _report(fleet, written, rows)
    _write_lines(folder / "truth.jsonl", map(_truth, rows))
    _write_lines(folder / "registry.jsonl", _registry(fleet, rows))
    (folder / "agencies.json").write_bytes(msgspec.json.format(_encode(_agencies(written))) + b"\n")
    (folder / "README.md").write_text(_README.format(seed=seed, **msgspec.to_builtins(report)), encoding="utf-8")
    return report


def _write_lines(path: Path, items: Iterable[object]) -> None:
    path.write_bytes(b"".join(_encode(item) + b"\n" for item in items))


def _where(row: Row) -> dict[str, object]:
    return {"file": row.file, "sheet": row.sheet, "row": row.number}


def _truth(row: Row) -> dict[str, object]:
    return {
        **_where(row),
        "outcome": row.outcome,
        "reason": row.reason,
        "duplicate_of": _where(row.first) if row.first else None,
        "agency": row.camera.owner.id,
        "values": row.said,
    }


def _registry(fleet: Iterable[FleetCamera], rows: Iterable[Row]) -> Iterable[dict[str, object]]:
    stands = {id(row.camera): row for row in rows if row.outcome == "created"}
    for camera in fleet:
        row = stands[id(camera)]
        facts = {name: value for name, value in _facts(camera).items() if value is not None and value != ""}
        if "site" not in row.said:
            facts.pop("site", None)  # no book names its network, so no node can be told to pull it
        yield {**facts, "working": camera.working, **_where(row)}


def _facts(camera: FleetCamera) -> dict[str, object]:
    """In the registry's words."""
    quiet_from, quiet_to = camera.quiet or (None, None)
    consent = camera.consent
    same = (
        "code", "vendor", "family", "model", "kind", "megapixels", "serial", "mac", "host", "mounting", "height_m", "bearing",
        "view_angle", "range_m", "purpose", "link", "upload_kbps", "life", "installed_on", "contract", "supplier",
        "warranty_until", "sign_present", "contact_point", "rtsp_main", "rtsp_sub", "site", "note",
    )  # fmt: skip
    return {
        **{name: getattr(camera, name) for name in same},
        **{name: getattr(camera.place, name) for name in ("name", "address", "unit", "lat", "lon")},
        "owner": camera.owner.id,
        "manager": camera.manager.id if camera.manager else None,
        "declared_working": camera.declared,
        "quiet_from": quiet_from,
        "quiet_to": quiet_to,
        "consent_name": consent.name if consent else None,
        "consent_phone": consent.phone if consent else None,
        "consent_given_on": consent.given_on if consent else None,
        "consent_expires_on": consent.expires_on if consent else None,
        "security": [finding._asdict() for finding in camera.findings] or None,
    }


def _agencies(written: Iterable[WrittenBook]) -> list[dict[str, object]]:
    files: dict[str, list[str]] = {}
    for one in written:
        files.setdefault(one.book.agency.id, []).append(one.book.file)
    return [
        {
            "id": agency.id,
            "name": agency.name,
            "kind": agency.kind,
            "unit": agency.unit or None,
            "parent": agency.parent,
            "files": files.get(agency.id, []),
        }
        for agency in AGENCIES
    ]


def _report(fleet: Sequence[FleetCamera], written: Sequence[WrittenBook], rows: Sequence[Row]) -> FleetReport:
    outcomes = Counter(row.outcome for row in rows)
    return FleetReport(
        cameras=len(fleet),
        installed=sum(camera.installed for camera in fleet),
        said_to_work=sum(camera.declared is True for camera in fleet),
        working=sum(camera.working for camera in fleet),
        agencies=len({one.book.agency.id for one in written}),
        files=len(written),
        rows=len(rows),
        created=outcomes["created"],
        duplicate=outcomes["duplicate"],
        refused=outcomes["refused"],
        by_reason=dict(sorted(Counter(row.reason for row in rows if row.reason).items())),
    )
