"""The four forms a fleet leaves in. Each is written to a file batch by batch; nothing in it can be taken for a formula.

- XLSX and CSV have the registry's own field names in the first row, so that an import reads them back without a mapping.
- GeoJSON is one FeatureCollection (RFC 7946); a camera without a position is a feature without a geometry.
- NGSI-LD is a list of entities of the smart data model ``Camera`` (smart-data-models/dataModel.Device, schema 0.1.2) in
  normalised form. ``streamURL`` is left out: addresses of streams do not leave.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple, Protocol

import msgspec

from khue.centre.inventory.sheet import write_rows
from khue.model.errors import Unavailable
from khue.model.registry import Purpose

Camera = Mapping[str, Any]  # by column of the statement ``exported``
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LONGEST_CELL = 32_767  # characters, of XLSX


class Format(NamedTuple):
    """How a form is asked for and delivered."""

    media_type: str
    suffix: str
    begin: type[Form]


class Form(Protocol):
    """A file being written."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None: ...
    def add(self, cameras: Sequence[Camera]) -> None: ...
    def finish(self) -> None: ...


class CsvForm:
    """UTF-8 with a byte order mark, which tells Excel that it is UTF-8; CRLF (RFC 4180)."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self._file = file
        self._columns = columns
        file.write("\ufeff".encode())
        self._write([columns])

    def add(self, cameras: Sequence[Camera]) -> None:
        self._write([[harmless(_text(camera[name])) for name in self._columns] for camera in cameras])

    def finish(self) -> None:
        """Nothing follows the last row."""

    def _write(self, rows: Sequence[Sequence[str]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        self._file.write(text.getvalue().encode())


class XlsxForm:
    """One sheet of text, numbers and nothing else, made by a process of its own: to write a city's takes a core for many
    seconds, and in this process live pictures would wait for it."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self._file = file
        self._columns = columns
        self._rows = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has been read
        write_rows(self._rows, [columns])

    def add(self, cameras: Sequence[Camera]) -> None:
        write_rows(self._rows, [[_cell(camera[name]) for name in self._columns] for camera in cameras])

    def finish(self) -> None:
        """Raises Unavailable."""
        with self._rows:
            self._rows.seek(0)
            command = [sys.executable, "-m", "khue.centre.inventory.sheet"]
            done = subprocess.run(command, stdin=self._rows, stdout=self._file, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise Unavailable(f"the sheet could not be written: {done.stderr.decode(errors='replace')[-300:]}")


class GeoJsonForm:
    """Features with the registry's field names as properties; what is not known is left out."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self._file = file
        self._columns = [name for name in columns if name not in ("id", "lat", "lon")]
        self._between = b'{"type":"FeatureCollection","features":['

    def add(self, cameras: Sequence[Camera]) -> None:
        for camera in cameras:
            self._file.write(self._between + msgspec.json.encode(self._feature(camera)))
            self._between = b",\n"

    def finish(self) -> None:
        if self._between != b",\n":
            self._file.write(self._between)
        self._file.write(b"]}\n")

    def _feature(self, camera: Camera) -> dict[str, Any]:
        known = {name: _plain(camera[name]) for name in self._columns if camera[name] not in (None, "")}
        return {"type": "Feature", "id": camera["id"], "geometry": _point(camera), "properties": known}


class NgsiLdForm:
    """A JSON list of entities, as a context broker's batch operations take it."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self._file = file
        self._between = b"["

    def add(self, cameras: Sequence[Camera]) -> None:
        for camera in cameras:
            self._file.write(self._between + msgspec.json.encode(entity(camera)))
            self._between = b",\n"

    def finish(self) -> None:
        self._file.write(b"]\n" if self._between != b"[" else b"[]\n")


FORMATS: dict[str, Format] = {
    "xlsx": Format("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", XlsxForm),
    "csv": Format("text/csv; charset=utf-8", "csv", CsvForm),
    "geojson": Format("application/geo+json", "geojson", GeoJsonForm),
    "ngsi-ld": Format("application/ld+json", "jsonld", NgsiLdForm),
}


def harmless(text: str) -> str:
    """A cell a spreadsheet shows and does not run."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(value: Any) -> Any:
    """A value as JSON has it: times of the day in minutes, days and instants in ISO 8601."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dt.date):
        return value.isoformat()
    return f"{value:%H:%M}" if isinstance(value, dt.time) else value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):  # most are
        return value
    plain = _plain(value)
    return str(plain).lower() if isinstance(plain, bool) else str(plain)


def _cell(value: Any) -> str | float | int:
    """Numbers stay numbers; no text is too long for a cell."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)[:_LONGEST_CELL]


def _point(camera: Camera) -> dict[str, Any] | None:
    if camera["lat"] is None:
        return None
    return {"type": "Point", "coordinates": [camera["lon"], camera["lat"]]}


# -- NGSI-LD (ETSI GS CIM 009) -----------------------------------------------------------------------------------------

_CONTEXT = [
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Device/master/context.jsonld",
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
]
# The model knows four uses: SURVEILLANCE, RLVD (violations), ANPR/LPR, TRAFFIC.
_USAGE = {
    Purpose.SECURITY: "SURVEILLANCE",
    Purpose.VIOLATION: "RLVD",
    Purpose.DEFENCE: "SURVEILLANCE",
    Purpose.TRAFFIC_SAFETY: "TRAFFIC",
    Purpose.TRAFFIC_INFRASTRUCTURE: "TRAFFIC",
    Purpose.ENVIRONMENT: "SURVEILLANCE",
    Purpose.URBAN_ORDER: "SURVEILLANCE",
    Purpose.VOV_TRAFFIC: "TRAFFIC",
}
_TYPE = {"ptz": "PTZ", "fixed": "FIXED"}


def entity(camera: Camera) -> dict[str, Any]:
    """One entity. ``on`` is what we saw ourselves, and since when; it is left out when nobody looked."""
    values = {
        "cameraName": camera["name"],
        "cameraNum": camera["number"],
        "cameraType": _TYPE.get(camera["kind"]),
        "cameraUsage": None if camera["purpose"] is None else _USAGE[Purpose(camera["purpose"])],
        "alternateName": camera["code"],
        "owner": [camera["owner_name"]] if camera["owner_name"] else None,
        "dataProvider": camera["manager_name"],
        "areaServed": camera["unit_name"],
        "address": _address(camera),
        "cameraOrientation": _orientation(camera),
        "dateCreated": {"@type": "DateTime", "@value": _plain(camera["created"])},
    }
    properties = {name: {"type": "Property", "value": value} for name, value in values.items() if value is not None}
    if camera["seen_working"] is not None:
        properties["on"] = {
            "type": "Property",
            "value": camera["seen_working"],
            **({"observedAt": _plain(camera["seen_since"])} if camera["seen_since"] else {}),
        }
    if (point := _point(camera)) is not None:
        properties["location"] = {"type": "GeoProperty", "value": point}
    return {"id": f"urn:ngsi-ld:Camera:{camera['id']}", "type": "Camera", **properties, "@context": _CONTEXT}


def _address(camera: Camera) -> dict[str, str] | None:
    known = {"streetAddress": camera["address"], "addressLocality": camera["unit_name"]}
    said = {name: value for name, value in known.items() if value}
    return {**said, "addressRegion": "Hà Nội", "addressCountry": "VN"} if said else None


def _orientation(camera: Camera) -> dict[str, str] | None:
    """The model has only words for it."""
    words = {"bearing": "° from north", "view_angle": "° wide", "range_m": " m far"}
    said = [f"{camera[name]:g}{unit}" for name, unit in words.items() if camera[name] is not None]
    return {"comments": ", ".join(said)} if said else None
