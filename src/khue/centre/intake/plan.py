"""What an import would do, row by row: created, changed, unchanged, duplicate or refused. Pure; nothing is written.

Each row that was read gets exactly one outcome. Rows are judged in the order of file name, sheet and row, whatever the
order in which the files came, so that the first record of a device stands and the later ones are its duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from khue.centre.fleet.rules import fold
from khue.centre.ids import new_id
from khue.centre.intake import words
from khue.centre.intake.agencies import read_agency
from khue.centre.intake.fields import COLUMNS, SECRET, clean, impossible, plain, same, search_text
from khue.centre.intake.match import Device, Match, Matcher, Place, device_of
from khue.centre.intake.messages import AgencyRow, Job, PlannedRow
from khue.centre.intake.reading import Note, Problem, Reading
from khue.centre.intake.sealing import KnownSecrets, Sealed, Sealer, Secrets, bad_url, secrets_of, shown_urls
from khue.centre.intake.table import Skipped
from khue.model.registry import INSTALLED, Disclosure, LinkKind, Purpose

_json = msgspec.json.Encoder().encode


class Understood(msgspec.Struct, array_like=True):
    """A row as it was read, plain: secrets apart, and with what the table would refuse among its problems."""

    values: dict[str, Any]
    secrets: Secrets
    problems: list[Problem]
    notes: list[Note]
    agencies: dict[str, str]


class ReadSheet(msgspec.Struct, array_like=True):
    """A sheet as it was understood, row by row."""

    file: str
    sheet: str
    rows: list[tuple[int, Understood]]
    skipped: list[Skipped]


def understand(reading: Reading, retention: Sequence[str]) -> Understood:
    """What does not depend on other rows, so that it can be done ahead and beside them."""
    said = {field: plain(value) for field, value in reading.values.items() if value not in (None, "")}
    secrets = secrets_of(said, _contact(said))
    values = {field: value for field, value in said.items() if field not in SECRET} | shown_urls(secrets)
    problems = [_safe(problem) for problem in reading.problems]
    problems += impossible({field: value for field, value in values.items() if field in COLUMNS})
    for field, url in (("rtsp_main", secrets.main), ("rtsp_sub", secrets.sub)):
        if url and bad_url(url):
            problems.append(words.bad_url(field, values[field]))
    if values.get("retention_class") not in (None, *retention):
        problems.append(words.no_retention(values["retention_class"]))
    notes = list(reading.notes)
    if values.get("purpose") == Purpose.DEFENCE and values.get("disclosure", "counted") != "counted":
        notes.append(words.DEFENCE_COUNTED)
        values["disclosure"] = "counted"
    return Understood(values, secrets, problems, notes, reading.agencies)


class KnownCamera(msgspec.Struct, kw_only=True):
    """A camera of the registry as the plan compares with it; columns of the table, dates and times as text."""

    id: str
    revision: int
    name: str
    code: str | None
    vendor: str
    family: str
    model: str
    kind: str | None
    megapixels: float | None
    serial: str
    mac: str | None
    host: str
    latitude: float | None
    longitude: float | None
    address: str
    unit: str | None
    mounting: str | None
    height_m: float | None
    bearing: float | None
    view_angle: float | None
    range_m: float | None
    owner: str | None
    manager: str | None
    purpose: str | None
    link: str | None
    upload_kbps: int | None
    quiet_from: str | None
    quiet_to: str | None
    life: str
    life_since: str
    declared_working: bool | None
    installed_on: str | None
    contract: str
    supplier: str
    warranty_until: str | None
    disclosure: str
    sign_present: bool | None
    contact_point: str
    site: str
    retention_class: str
    enabled: bool
    note: str
    search: str
    credentials: bytes | None
    main: bytes | None
    main_shown: str | None
    sub: bytes | None
    sub_shown: str | None
    consent: bool

    def said(self) -> dict[str, Any]:
        """Its canonical values, those it has."""
        found = {field: getattr(self, column) for field, column in COLUMNS.items()}
        return {field: value for field, value in found.items() if value not in (None, "")}

    def secrets(self) -> KnownSecrets:
        return KnownSecrets(self.credentials, self.main, self.main_shown, self.sub, self.sub_shown, self.consent)


class _Row(msgspec.Struct):
    """One row on its way to an outcome."""

    place: Place
    values: dict[str, Any]
    secrets: Secrets
    problems: list[Problem]
    notes: list[Note]
    outcome: str = ""
    camera: str | None = None
    revision: int | None = None
    duplicate_of: Place | None = None
    search: str = ""
    written: dict[str, Any] | None = None
    before: dict[str, Any] | None = None
    sealed: list[Sealed] = []

    def refuse(self, *problems: Problem) -> None:
        self.outcome, self.camera = "refused", None
        self.problems.extend(problems)


class Planner:
    """Judges rows against the registry and against those before."""

    def __init__(self, job: Job, sealer: Sealer, known: Iterable[KnownCamera]) -> None:
        self._job, self._sealer = job, sealer
        self._known: dict[str, KnownCamera] = {}
        self._matcher = Matcher()
        self._agency_names = {agency.id: agency.name for agency in job.agencies}
        self._agency_ids = {fold(agency.name): agency.id for agency in job.agencies}
        self._steps = frozenset(job.life_steps)
        self._named: dict[str, AgencyRow] = {}
        self._wanted: set[str] = set()
        self._ordinal = 0
        self.read = 0
        self.skipped = 0
        for camera in known:
            self._known[camera.id] = camera
            self._matcher.known.add(device_of(camera.said(), camera.id))

    @property
    def new_agencies(self) -> list[AgencyRow]:
        """Those that rows which will be written belong to and the registry does not have."""
        return [agency for id_, agency in self._named.items() if id_ in self._wanted]

    def rows(self, sheet: ReadSheet) -> Iterator[PlannedRow]:
        """Every row of a sheet in its order, those that are no cameras among them."""
        skipped = {row.row: row for row in sheet.skipped}
        for number, said in sorted([*sheet.rows, *((row.row, None) for row in sheet.skipped)], key=_number):
            place = Place(sheet.file, sheet.sheet, number)
            self._ordinal += 1
            if said is not None:
                self.read += 1
                yield self._planned(self._judge(place, said))
            else:
                self.skipped += 1
                yield self._planned_skip(place, skipped[number].code, clean(skipped[number].text)[:200])

    # -- one row ---------------------------------------------------------------------------------------------------

    def _judge(self, place: Place, said: Understood) -> _Row:
        row = self._row(place, said)
        if row.problems:
            row.refuse()
            return row
        device = device_of(row.values, place)
        verdict = self._matcher.judge(device)
        if verdict.rival is not None:
            row.refuse(self._claimed(row, verdict.rival))
        elif verdict.earlier is not None:
            row.outcome = "duplicate"
            row.duplicate_of = verdict.earlier.device.where if isinstance(verdict.earlier.device.where, Place) else None
            row.camera = None if verdict.known is None else str(verdict.known.device.where)
            row.notes.append(words.duplicate(verdict.earlier))
            self._matcher.repeat(device, verdict.earlier.device)
        elif verdict.other is not None and verdict.known is not None:
            row.refuse(self._two_cameras(verdict.known, verdict.other))
        elif verdict.known is not None:
            self._compare(row, device, self._known[str(verdict.known.device.where)])
        else:
            self._create(row, device)
        return row

    def _row(self, place: Place, said: Understood) -> _Row:
        """The row with agencies as the registry knows them."""
        for field in ("owner", "manager"):
            if field in said.values:
                id_ = said.values[field]
                said.values[field] = self._agency(id_, said.agencies.get(id_, id_))
        return _Row(place, said.values, said.secrets, said.problems, said.notes)

    def _agency(self, id_: str, name: str) -> str:
        """The registry's id of an agency: its own, or that of one with the same name."""
        if id_ in self._agency_names:
            return id_
        same_name = self._agency_ids.get(fold(name))
        if same_name is not None:
            return same_name
        name = clean(name).strip()[:200] or id_
        read = read_agency(name)
        kind, unit = ("other", None) if read is None else (read.kind, read.unit)
        self._named[id_] = AgencyRow(id_, name, kind, unit if unit in self._job.units else None)
        self._agency_names[id_], self._agency_ids[fold(name)] = name, id_
        return id_

    def _create(self, row: _Row, device: Device) -> None:
        values = row.values
        self._keep_code(row, device, None)
        if values.get("purpose") == Purpose.DEFENCE:
            values.setdefault("disclosure", Disclosure.COUNTED)
        if values.get("life", "operating") in INSTALLED and "installed_on" in values:
            values.setdefault("life_since", values["installed_on"])
        if not self._may_write(values):
            row.refuse(words.OUT_OF_SCOPE)
            return
        row.outcome, row.camera = "created", new_id()
        row.search = self._search(values, row.camera)
        secrets = row.secrets
        if secrets.sub and not secrets.main:
            row.notes.append(words.SUB_WITHOUT_MAIN)
            secrets = msgspec.structs.replace(secrets, sub="")
        row.sealed = list(self._sealer.seal(row.camera, secrets, None, new_id()))
        self._stands(row, device, None)

    def _compare(self, row: _Row, device: Device, known: KnownCamera) -> None:
        """What the row says otherwise than the registry; what it does not say stays."""
        before = known.said()
        if not self._may_write(before):
            row.refuse(words.OUT_OF_SCOPE)
            return
        self._keep_code(row, device, known.id)
        self._step_life(row, before)
        changes = {
            field: value
            for field, value in row.values.items()
            if field in COLUMNS and not same(before.get(field), value)
        }
        merged = before | changes
        if merged.get("purpose") == Purpose.DEFENCE and merged.get("disclosure") != "counted":
            changes["disclosure"] = merged["disclosure"] = "counted"
        if not self._may_write(merged):
            row.refuse(words.OUT_OF_SCOPE)
            return
        row.camera, row.revision = known.id, known.revision
        row.sealed = list(self._sealer.seal(known.id, row.secrets, known.secrets(), new_id()))
        row.written = {COLUMNS[field]: value for field, value in changes.items()}
        row.before = {column: getattr(known, column) for column in row.written}
        if changes:
            row.written["search"], row.before["search"] = self._search(merged, known.id), known.search
        row.outcome = "changed" if changes or row.sealed else "unchanged"
        self._stands(row, device, known.id)

    def _stands(self, row: _Row, device: Device, known: str | None) -> None:
        self._matcher.accept(device, known)
        self._wanted.update(row.values[field] for field in ("owner", "manager") if field in row.values)
        if row.values.get("link") == LinkKind.BORROWED and not row.secrets.contact and not self._has_consent(known):
            row.notes.append(words.NO_CONSENT)

    def _has_consent(self, known: str | None) -> bool:
        return known is not None and self._known[known].consent

    def _keep_code(self, row: _Row, device: Device, known: str | None) -> None:
        """A code that another camera of the same agency has is left out: it would name two."""
        other = self._matcher.code_taken(device, known)
        if other is not None:
            row.notes.append(words.code_taken(row.values.pop("code"), other))

    def _step_life(self, row: _Row, before: dict[str, Any]) -> None:
        after = row.values.get("life")
        if after is None or after == before["life"]:
            return
        if (before["life"], after) in self._steps:
            row.values.setdefault("life_since", self._job.today)
            return
        allowed = sorted(step for start, step in self._steps if start == before["life"])
        row.notes.append(words.no_such_step(before["life"], after, allowed))
        del row.values["life"]
        row.values.pop("life_since", None)

    # -- who may -----------------------------------------------------------------------------------------------------

    def _may_write(self, values: dict[str, Any]) -> bool:
        return any(term.covers(values) for term in self._job.scope)

    def _claimed(self, row: _Row, rival: Match) -> Problem:
        where = rival.device.where
        if isinstance(where, str) and not self._may_write(self._known[where].said()):
            return words.CLAIMED_UNSEEN
        owner = self._agency_names.get(rival.device.owner, rival.device.owner)
        claimant = self._agency_names.get(row.values.get("owner", ""), "")
        return words.claimed(rival, owner, claimant, row.place)

    def _two_cameras(self, first: Match, second: Match) -> Problem:
        for match in (first, second):
            if not self._may_write(self._known[str(match.device.where)].said()):
                return words.CLAIMED_UNSEEN
        return words.two_cameras(first, second)

    def _search(self, values: dict[str, Any], camera: str) -> str:
        owner = self._agency_names.get(values.get("owner", ""), "")
        return search_text(values, owner, self._job.units.get(values.get("unit", ""), ""), camera)

    # -- as stored ---------------------------------------------------------------------------------------------------

    def _planned(self, row: _Row) -> PlannedRow:
        said = row.notes[-1:] if row.outcome == "duplicate" else row.notes
        codes = [problem.code for problem in row.problems] or [note.code for note in said]
        return PlannedRow(
            self._ordinal,
            *(row.place.file, row.place.sheet, row.place.row, row.outcome, list(dict.fromkeys(codes))),
            *(row.camera, row.revision, _text(row.duplicate_of), _text(row.values) or "{}", row.search),
            *(_text(row.written), _text(row.before), _text(row.problems) or "[]", _text(row.notes) or "[]"),
            row.sealed,
        )

    def _planned_skip(self, place: Place, code: str, text: str) -> PlannedRow:
        notes = _text([words.skipped(code, text)]) or "[]"
        return PlannedRow(
            self._ordinal,
            *(place.file, place.sheet, place.row, "skipped", [code], None, None, None, "{}", "", None, None),
            *("[]", notes),
        )


def _number(line: tuple[int, Understood | None]) -> int:
    return line[0]


def _contact(said: dict[str, Any]) -> str:
    """The private person behind a borrowed line, when the row says since when they agree."""
    if "consent_given_on" not in said or "consent_name" not in said:
        return ""
    person = {"name": said["consent_name"], "phone": said.get("consent_phone", ""), "address": ""}
    return _json(person).decode()


def _safe(problem: Problem) -> Problem:
    return msgspec.structs.replace(problem, text=clean(problem.text)[:200], vi=clean(problem.vi), en=clean(problem.en))


def _text(value: object) -> str | None:
    return None if value is None else _json(value).decode()
