"""Which rows speak of one device: by serial number, MAC, code, or name and place; and which never do."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khue.centre.intake.match import NEAR_M, By, Device, Matcher, Place, device_of, distance

METRE = 1 / 111_195


def _device(row: int, **values: object) -> Device:
    base = {"name": "Ngã tư Hàng Bài", "owner": "ward", "unit": "00070", "lat": 21.02, "lon": 105.85}
    return device_of({**base, **values}, Place("a.xlsx", "", row))


def _earlier(first: Device, second: Device) -> By | None:
    matcher = Matcher()
    matcher.accept(first, None)
    found = matcher.judge(second).earlier
    return None if found is None else found.by


@pytest.mark.parametrize(
    ("one", "two", "by"),
    [
        ({"serial": "DS-7A 0012"}, {"serial": "ds-7a-0012", "name": "other", "lat": 21.3}, By.SERIAL),
        ({"mac": "aa:bb:cc:dd:ee:ff"}, {"mac": "aa:bb:cc:dd:ee:ff", "name": "other", "lat": 21.3}, By.MAC),
        ({"code": "HK-001"}, {"code": "hk 001", "name": "other", "lat": 21.3}, By.CODE),
        ({}, {"name": "NGÃ TƯ  HÀNG BÀI"}, By.PLACE),
        ({}, {"lat": 21.02 + 14 * METRE}, By.PLACE),
        ({}, {"lat": 21.02 + 16 * METRE}, None),
        ({}, {"unit": "00004"}, None),
        ({}, {"unit": None}, By.PLACE),
        ({}, {"name": "Ngã tư Hàng Bài 2"}, None),
        ({"serial": "DS7A0012"}, {"serial": "DS7A0013"}, None),  # two devices on one pole
        ({"serial": "N/A"}, {"serial": "N/A", "name": "other"}, None),
        ({"serial": "00000000"}, {"serial": "00000000", "name": "other"}, None),
        ({"serial": "1.23457E+11"}, {"serial": "1.23457E+11", "name": "other"}, None),
        ({"code": "HK-001"}, {"code": "HK-001", "owner": "police", "name": "other"}, None),  # books of two agencies
        (
            {"lat": None, "lon": None, "address": "12 Hàng Bài"},
            {"lat": None, "lon": None, "address": "12, hàng bài"},
            By.PLACE,
        ),
        ({"lat": None, "lon": None}, {"lat": None, "lon": None}, None),  # a name alone is no place
    ],
)
def test_two_rows_are_one_device_or_not(one: dict[str, object], two: dict[str, object], by: By | None) -> None:
    assert _earlier(_device(1, **one), _device(2, **two)) == by
    assert _earlier(_device(1, **two), _device(2, **one)) == by


def test_a_device_of_another_agency_is_claimed_not_duplicated() -> None:
    matcher = Matcher()
    matcher.accept(_device(1, serial="DS7A0012"), None)
    verdict = matcher.judge(_device(2, serial="DS7A0012", owner="police"))
    assert (
        verdict.earlier is None and verdict.rival is not None and verdict.rival.device.where == Place("a.xlsx", "", 1)
    )


def test_a_serial_of_one_camera_and_the_mac_of_another_name_both() -> None:
    matcher = Matcher()
    matcher.known.add(device_of({"owner": "ward", "serial": "DS7A0012"}, "one"))
    matcher.known.add(device_of({"owner": "ward", "mac": "aa:bb:cc:dd:ee:ff"}, "two"))
    verdict = matcher.judge(_device(1, serial="DS7A0012", mac="aa:bb:cc:dd:ee:ff"))
    assert verdict.known is not None and verdict.known.device.where == "one"
    assert verdict.other is not None and verdict.other.device.where == "two"


def test_two_rows_that_find_one_camera_of_the_registry_are_duplicates() -> None:
    matcher = Matcher()
    matcher.known.add(device_of({"owner": "ward", "serial": "DS7A0012", "mac": "aa:bb:cc:dd:ee:ff"}, "one"))
    first = _device(1, serial="DS7A0012", name="first")
    assert matcher.judge(first).earlier is None
    matcher.accept(first, "one")
    second = matcher.judge(_device(2, mac="aa:bb:cc:dd:ee:ff", name="second"))
    assert second.earlier is not None and second.earlier.device == first


@given(
    st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 2 * math.pi), st.floats(0, 60), st.sampled_from([21.0, 20.57, 21.38])
)  # fmt: skip
def test_the_grid_finds_exactly_what_is_near(dx: float, dy: float, angle: float, metres: float, lat: float) -> None:
    """Wherever two cameras lie across the lines of the grid, what counts is the distance."""
    here = _device(1, lat=lat + dy * 40 * METRE, lon=105.85 + dx * 40 * METRE)
    north, east = metres * math.sin(angle), metres * math.cos(angle)
    there = _device(2, lat=here.lat + north * METRE, lon=here.lon + east * METRE / math.cos(math.radians(lat)))
    apart = distance(here, there)
    assert apart == pytest.approx(metres, abs=0.05)
    assert (_earlier(here, there) is By.PLACE) == (apart <= NEAR_M)
