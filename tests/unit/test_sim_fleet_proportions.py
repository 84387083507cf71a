"""The simulated fleet has the city's proportions, and is the same each time."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from khue.camera.catalogue import load
from khue.model.errors import ConfigError
from khue.model.registry import QUOTA_GROUPS, Kind, LinkKind, QuotaGroup
from khue.sim.__main__ import main as sim
from khue.sim.fleet.agencies import AGENCIES
from khue.sim.fleet.cameras import FleetCamera, Maker, true_fleet
from khue.sim.fleet.generate import write_fleet
from khue.sim.fleet.layout import layouts
from khue.sim.fleet.places import KM_LAT, KM_LON, units
from khue.sim.fleet.spelling import fold


@pytest.fixture(scope="module")
def city() -> list[FleetCamera]:
    """A tenth of it: 4,021 cameras."""
    return true_fleet(4021, Maker(7), random.Random(7))


def test_purposes_and_kinds_are_the_schemes(city: list[FleetCamera]) -> None:
    groups = Counter(QUOTA_GROUPS[camera.purpose] for camera in city)
    assert groups[QuotaGroup.DEFENCE] == 23
    assert groups[QuotaGroup.STATE] + groups[QuotaGroup.BROADCAST] == pytest.approx(1625, abs=2)
    assert groups[QuotaGroup.BROADCAST] == 10
    assert groups[QuotaGroup.ORDER] == pytest.approx(2374, abs=2)
    assert Counter(camera.kind for camera in city)[Kind.PTZ] == pytest.approx(1201, abs=1)


def test_half_of_what_is_installed_is_dead_and_the_books_do_not_say_so(city: list[FleetCamera]) -> None:
    installed = [camera for camera in city if camera.installed]
    assert len(installed) == pytest.approx(2040, abs=1)
    assert sum(camera.kind is Kind.PTZ for camera in installed) == 396
    assert sum(camera.working for camera in installed) == 940
    assert sum(camera.declared is True for camera in installed) == pytest.approx(1940, abs=1)
    assert not any(camera.working or camera.serial for camera in city if not camera.installed)


def test_every_camera_has_one_agency_and_stands_in_its_unit(city: list[FleetCamera]) -> None:
    assert len({camera.owner.id for camera in city}) == len(AGENCIES) == 40
    for camera in city:
        unit = units()[camera.place.unit]
        north = (camera.place.lat - unit.lat) * KM_LAT
        east = (camera.place.lon - unit.lon) * KM_LON
        assert (north**2 + east**2) ** 0.5 < unit.radius_km + 0.2
        assert camera.owner.unit in ("", camera.place.unit)


def test_no_two_cameras_can_be_taken_for_one(city: list[FleetCamera]) -> None:
    installed = [camera for camera in city if camera.installed]
    for values in (
        [fold(camera.place.name) for camera in city],
        [fold(camera.place.address) for camera in city],
        [camera.code for camera in city],
        [camera.serial for camera in installed if camera.serial],
        [camera.mac for camera in installed if camera.mac],
        [camera.host for camera in installed],
    ):
        assert len(values) == len(set(values))


def test_types_have_a_long_tail_and_lines_are_mostly_borrowed(city: list[FleetCamera]) -> None:
    brands = Counter(camera.vendor for camera in city if camera.installed)
    assert set(brands) <= {one.brand for one in load()}
    assert len(brands) >= 30
    assert [brand for brand, _ in brands.most_common(2)] == ["Hikvision", "Dahua"]
    links = Counter(camera.link for camera in city if camera.installed)
    assert links[LinkKind.BORROWED] > links[LinkKind.LEASED] > links[LinkKind.PRIVATE_FIBRE] > 0
    borrowed = [camera for camera in city if camera.link is LinkKind.BORROWED]
    assert 0 < sum(camera.consent is not None for camera in borrowed) < 0.9 * len(borrowed)


def test_each_agency_keeps_its_books_in_its_own_way() -> None:
    assert [layout.short for layout in layouts()] == [agency.short for agency in AGENCIES]
    assert len({(layout.columns, layout.spelling, layout.points, layout.dates) for layout in layouts()}) == 40


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "other")]
    for folder, seed in zip(folders, (3, 3, 4), strict=True):
        write_fleet(200, seed, folder)
    one, two, other = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders)
    assert one == two
    assert one["truth.jsonl"] != other["truth.jsonl"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(ConfigError, match="not an empty folder"):
        write_fleet(200, 3, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    told = CliRunner().invoke(
        sim, ["fleet", "--cameras", "60", "--seed", "2", "--out", str(tmp_path / "out"), "--json"]
    )
    assert told.exit_code == 0, told.output
    report = msgspec.json.decode(told.output)
    assert report["cameras"] == report["created"] == 60
    assert report["rows"] == report["created"] + report["duplicate"] + report["refused"]
    assert sorted(report["by_reason"].values()) == [1] * len(report["by_reason"])


def test_without_a_subcommand_the_simulated_cameras_are_meant() -> None:
    told = CliRunner().invoke(sim, ["--stay"])
    assert told.exit_code == 2
    assert "give one of --config, --demo or --cameras" in told.output
