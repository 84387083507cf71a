"""Rows of made-up sheets for the tests of planning: what a sheet says is given as values, as its reader would."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from khue.centre.access.rules import Term
from khue.centre.intake.messages import AgencyRow, Job, PlannedRow
from khue.centre.intake.plan import KnownCamera, Planner, ReadSheet, understand
from khue.centre.intake.reading import Problem, Reading
from khue.centre.intake.sealing import Sealer
from khue.centre.secrets import Vault

VAULT = Vault(os.urandom(32))
UNITS = {"00004": "Phường Ba Đình", "00008": "Phường Ngọc Hà"}
STEPS = (("operating", "faulty"), ("operating", "suspended"), ("faulty", "operating"))
WARD, POLICE = "ubnd-phuong-ba-dinh", "cong-an-phuong-ba-dinh"
NAMES = {WARD: "UBND PHƯỜNG BA ĐÌNH", POLICE: "CÔNG AN PHƯỜNG BA ĐÌNH"}

Row = Mapping[str, Any]


def camera(name: str, **values: Any) -> dict[str, Any]:
    """A row of the ward about a camera in Ba Đình."""
    return {"name": name, "owner": WARD, "unit": "00004", "lat": 21.03, "lon": 105.84, **values}


def known(id_: str, **values: Any) -> KnownCamera:
    """A camera of the registry."""
    text = dict.fromkeys(
        (
            *("name", "vendor", "family", "model", "serial", "host", "address", "contract", "supplier"),
            *("contact_point", "site", "note", "search"),
        ),
        "",
    )
    none = {field: None for field in KnownCamera.__struct_fields__ if field not in text}
    fixed = {"id": id_, "revision": 1, "life": "operating", "life_since": "2026-01-01", "disclosure": "area"}
    values = {{"lat": "latitude", "lon": "longitude"}.get(field, field): value for field, value in values.items()}
    made = {**none, **text, **fixed, "retention_class": "default", "enabled": True, "consent": False, **values}
    return msgspec.convert(made, KnownCamera)


def job(*, scope: tuple[Term, ...] | None = None, agencies: Sequence[str] = (WARD, POLICE)) -> Job:
    return Job(
        kind="plan",
        files=(),
        scope=(Term(defence=True),) if scope is None else scope,
        agencies=tuple(AgencyRow(agency, NAMES.get(agency, agency)) for agency in agencies),
        units=UNITS,
        retention=("default",),
        life_steps=STEPS,
        today="2026-11-22",
    )


def plan(
    sheets: Mapping[str, Sequence[Row]], registry: Sequence[KnownCamera] = (), *, scope: tuple[Term, ...] | None = None
) -> list[PlannedRow]:
    """Judge the rows of one-sheet files in the order of their names. A row {"problem": code} cannot be read."""
    planner = Planner(job(scope=scope), Sealer(VAULT), registry)
    planned: list[PlannedRow] = []
    for file, rows in sorted(sheets.items()):
        readings = [(number, understand(_read(row), ["default"])) for number, row in enumerate(rows, start=2)]
        planned += planner.rows(ReadSheet(file, "", readings, []))
    return planned


def _read(row: Row) -> Reading:
    values = dict(row)
    problem = values.pop("problem", None)
    problems = [Problem(problem, "name", "A", "?", "sai", "wrong")] if problem else []
    return Reading(values, problems, agencies={values[f]: values[f] for f in ("owner", "manager") if f in values})


def outcomes(planned: Sequence[PlannedRow]) -> list[str]:
    return [row.outcome for row in planned]


def codes(row: PlannedRow) -> list[str]:
    return [problem["code"] for problem in msgspec.json.decode(row.problems)]


def notes(row: PlannedRow) -> list[str]:
    return [note["code"] for note in msgspec.json.decode(row.notes)]
