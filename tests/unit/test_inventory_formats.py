"""Forms a fleet leaves in, without a database: cells that run nothing, entities of the right shape."""

from __future__ import annotations

import datetime as dt
import io
import json
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.centre.inventory.export import COLUMNS
from khue.centre.inventory.formats import FORMATS, entity, harmless

_CAMERA: dict[str, Any] = {
    **dict.fromkeys(COLUMNS),
    "id": "abc",
    "number": 7,
    "name": "Hàng Bài 1",
    "code": "HN-7",
    "address": "1 Hàng Bài",
    "unit_name": "Phường Cửa Nam",
    "lat": 21.02,
    "lon": 105.85,
    "kind": "ptz",
    "purpose": "traffic_safety",
    "owner_name": "Sở Xây dựng",
    "manager_name": "Công an",
    "bearing": 90.0,
    "view_angle": 60.5,
    "range_m": 80.0,
    "seen_working": False,
    "seen_since": dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC),
    "created": dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
    "quiet_from": dt.time(22),
    "installed_on": dt.date(2024, 5, 6),
    "note": "=1+1",
}
# Attributes of the smart data model Camera, with those it takes from GSMA-Commons and Location-Commons.
_MODEL = {
    *(
        "cameraName",
        "cameraNum",
        "cameraOrientation",
        "cameraType",
        "cameraUsage",
        "endDateTime",
        "imageSnapshot",
        "mediaURL",
    ),
    *("on", "startDateTime", "streamName", "streamURL", "address", "areaServed", "location"),
    *(
        "alternateName",
        "dataProvider",
        "dateCreated",
        "dateModified",
        "description",
        "name",
        "owner",
        "seeAlso",
        "source",
    ),
}


def test_an_entity_has_the_shape_of_the_model() -> None:
    made = entity(_CAMERA)
    assert made["id"] == "urn:ngsi-ld:Camera:abc" and made["type"] == "Camera"
    assert made["@context"][0].endswith("dataModel.Device/master/context.jsonld")
    attributes = made.keys() - {"id", "type", "@context"}
    assert attributes <= _MODEL and "streamURL" not in attributes
    for name in attributes:
        assert made[name]["type"] == ("GeoProperty" if name == "location" else "Property"), name
    assert made["cameraType"]["value"] in ("FIXED", "PTZ", "DOME", "DAY/NIGHT", "C-MOUNT", "BULLET")
    assert made["cameraUsage"]["value"] == "TRAFFIC"
    assert made["location"]["value"] == {"type": "Point", "coordinates": [105.85, 21.02]}
    assert made["on"] == {"type": "Property", "value": False, "observedAt": "2026-01-02T03:00:00Z"}
    assert made["cameraOrientation"]["value"] == {"comments": "90° from north, 60.5° wide, 80 m far"}
    assert made["address"]["value"]["addressLocality"] == "Phường Cửa Nam"


def test_what_is_not_known_is_not_said() -> None:
    bare = {**dict.fromkeys(COLUMNS), "id": "x", "number": 1, "name": "n", "address": "", "created": _CAMERA["created"]}
    assert entity(bare).keys() == {"id", "type", "@context", "cameraName", "cameraNum", "dateCreated"}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_fleet_without_cameras_is_a_valid_file(name: str) -> None:
    with tempfile.TemporaryFile() as file:
        form = FORMATS[name].begin(file, COLUMNS)
        form.add([])
        form.finish()
        file.seek(0)
        content = file.read()
    if name in ("geojson", "ngsi-ld"):
        json.loads(content)
    elif name == "csv":
        assert content.decode("utf-8-sig") == ",".join(COLUMNS) + "\r\n"
    else:
        assert content.startswith(b"PK")


def test_values_are_written_as_people_and_imports_read_them() -> None:
    file = io.BytesIO()
    form = FORMATS["csv"].begin(file, COLUMNS)
    form.add([_CAMERA])
    head, row = file.getvalue().decode("utf-8-sig").splitlines()
    cells = dict(zip(head.split(","), row.split(","), strict=True))
    assert (cells["quiet_from"], cells["installed_on"], cells["seen_working"]) == ("22:00", "2024-05-06", "false")
    assert (cells["note"], cells["lat"], cells["bearing"]) == ("'=1+1", "21.02", "90.0")


@given(st.text(max_size=20))
def test_no_cell_begins_like_a_formula(text: str) -> None:
    cell = harmless(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) and cell.removeprefix("'") == text.removeprefix("'")
