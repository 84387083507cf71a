"""ZoneMinder's table, from dumps and rows of several versions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from khue.camera.migrate.found import Found, MigrationError
from khue.camera.migrate.zoneminder import Row, parse
from khue.camera.migrate.zoneminder_dump import parse as rows_of
from khue.sim.camera import SimCamera
from khue.sim.systems.channels import SimChannel, channels_of
from khue.sim.systems.zoneminder import zoneminder_dump


def monitor(**columns: str | None) -> Found:
    row: Row = {"Id": "7", "Name": "Cổng", "Type": "Ffmpeg", "Path": "rtsp://10.0.0.1/live", **columns}
    return parse({"Monitors": [row]}).cameras[0]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"Path": "rtsp://u:p%40q@10.0.0.1:8554/live"}, ("rtsp://10.0.0.1:8554/live", "u", "p@q")),
        ({"User": "u", "Pass": "p"}, ("rtsp://10.0.0.1/live", "u", "p")),
        ({"Path": "rtsp://a:b@10.0.0.1/x", "User": "u", "Pass": "p"}, ("rtsp://10.0.0.1/x", "a", "b")),
        (
            {"Type": "Remote", "Protocol": "rtsp", "Host": "u:p@10.0.0.2", "Port": "8554", "Path": "/a b?c=1"},
            ("rtsp://10.0.0.2:8554/a%20b?c=1", "u", "p"),
        ),
        (
            {"Type": "Remote", "Protocol": "rtsp", "Host": "10.0.0.2", "Port": "554", "Path": "x"},
            ("rtsp://10.0.0.2/x", "", ""),
        ),
        ({"Type": "Libvlc"}, ("rtsp://10.0.0.1/live", "", "")),
        ({"Type": "Remote", "Protocol": "http", "Host": "10.0.0.2", "Path": "/mjpg"}, ("", "", "")),
        ({"Type": "Local", "Path": None, "Device": "/dev/video0"}, ("", "", "")),
    ],
)
def test_addresses(columns: dict[str, str | None], expected: tuple[str, str, str]) -> None:
    found = monitor(**columns)
    assert (found.rtsp_main, found.username, found.password) == expected
    assert bool(found.says) == (not expected[0])


@pytest.mark.parametrize(
    ("columns", "enabled"),
    [
        ({"Function": "None", "Enabled": "1"}, False),
        ({"Function": "Mocord", "Enabled": "0"}, False),
        ({"Function": "Mocord", "Enabled": "1"}, True),
        ({"Capturing": "None", "Function": "Mocord"}, False),
        ({"Capturing": "Always", "Function": "None"}, True),  # 1.38 keeps the column Function and no longer reads it
        ({}, True),
    ],
)
def test_switched_on(columns: dict[str, str], enabled: bool) -> None:
    assert monitor(**columns).enabled is enabled


def test_places_and_sizes() -> None:
    found = monitor(Latitude="21.03000000", Longitude="105.84000000", Width="2560", Height="1440", Controllable="1")
    assert (found.lat, found.lon, found.megapixels, found.kind) == (21.03, 105.84, 3.7, "ptz")
    assert monitor(Latitude="0.00000000", Longitude="0.00000000").lat is None
    assert monitor(Latitude="north", Longitude="0").lat is None
    assert monitor(SecondPath="rtsp://u:p@10.0.0.1/sub").rtsp_sub == "rtsp://10.0.0.1/sub"


def test_makers_come_from_their_own_tables() -> None:
    tables: dict[str, list[Row]] = {
        "Manufacturers": [{"Id": "3", "Name": "HIKVISION"}],
        "Models": [{"Id": "9", "Name": "DS-2CD2042WD-I"}],
        "Monitors": [
            {"Id": "1", "Name": "a", "Type": "Ffmpeg", "Path": "rtsp://h/x", "ManufacturerId": "3", "ModelId": "9"}
        ],
    }
    found = parse(tables).cameras[0]
    assert (found.vendor, found.family, found.model) == ("Hikvision", "hik", "DS-2CD2042WD-I")


def test_what_is_no_camera_is_left_out_with_the_reason() -> None:
    kinds = [{"Id": str(n), "Name": "x", "Type": kind} for n, kind in enumerate(("File", "WebSite", "VNC"))]
    found = parse({"Monitors": [*kinds, {"Id": "9", "Name": "y", "Type": "Ffmpeg", "Deleted": "1"}]})
    assert found.cameras == () and len(found.left_out) == 4 and all(one.why for one in found.left_out)


STRUCTURE = (
    "CREATE TABLE `Monitors` (\n  `Id` int NOT NULL,\n  `Name` varchar(64),\n  PRIMARY KEY (`Id`)\n) ENGINE=InnoDB;\n"
)


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("INSERT INTO `Monitors` VALUES (1,'a'),(2,NULL);", [("1", "a"), ("2", None)]),
        ("INSERT INTO `Monitors` VALUES\n(1,'a'),\n(2,'b');", [("1", "a"), ("2", "b")]),
        ("INSERT INTO `Monitors` (`Name`, `Id`) VALUES ('a',1);", [("1", "a")]),
        ("insert ignore into zm.Monitors values (1, 'a') ;", [("1", "a")]),
        ("REPLACE INTO `zm`.`Monitors` VALUES (1,'a');", [("1", "a")]),
        (r"INSERT INTO `Monitors` VALUES (1,'a\'b\\c\n''d;)(,');", [("1", "a'b\\c\n'd;)(,")]),
        (
            "INSERT INTO `Monitors` VALUES (1,_binary 'é'),(-2,0x4142),(3.5,b'1');",
            [("1", "é"), ("-2", "AB"), ("3.5", "1")],
        ),
        ("INSERT INTO `Monitors` VALUES (1,'Cầu Giấy');", [("1", "Cầu Giấy")]),
    ],
)
def test_statements(statement: str, rows: list[tuple[str, str | None]]) -> None:
    other = "INSERT INTO `Logs` VALUES (1,'INSERT INTO `Monitors` VALUES (9,9)');\n"
    found = rows_of(f"{STRUCTURE}{other}{statement}\n{other}".encode())["Monitors"]
    assert [(row["Id"], row["Name"]) for row in found] == rows


@pytest.mark.parametrize(
    ("dump", "why"),
    [
        ("SELECT 1;", "no table Monitors"),
        ("INSERT INTO `Monitors` VALUES (1,'Secret-1');", "columns of Monitors are not named"),
        (STRUCTURE + "INSERT INTO `Monitors` VALUES (1,'Secret-1',3);", "3 values for 2 columns"),
        (STRUCTURE + "INSERT INTO `Monitors` VALUES (1,'Secret-1", "does not end"),
        (STRUCTURE + "INSERT INTO `Monitors` VALUES (1,'Secret-1'", "value was expected to end"),
        (STRUCTURE + "INSERT INTO `Monitors` VALUES 1;", "row was expected"),
        (STRUCTURE + "INSERT INTO `Monitors` SELECT 1;", "VALUES is missing"),
        (STRUCTURE + f"INSERT INTO `Monitors` VALUES (1,'{'x' * 80_000}');", "too long"),
    ],
)
def test_broken_dumps_name_a_line_and_nothing_else(dump: str, why: str) -> None:
    with pytest.raises(MigrationError, match=why) as error:
        rows_of(dump.encode())
    assert "Secret-1" not in str(error.value)


@settings(max_examples=60, deadline=None, database=None)
@given(st.text(max_size=40), st.sampled_from(["1.34", "1.36", "1.38"]))
def test_whatever_stands_in_a_column_comes_out_of_the_dump(text: str, version: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    channel = channels_of([SimCamera(name="a", password="p")])[0]
    renamed = SimChannel(**{f: getattr(channel, f) for f in channel.__struct_fields__ if f != "name"}, name=text)
    found = rows_of(zoneminder_dump([renamed], version).encode())["Monitors"]  # type: ignore[arg-type]
    assert found[0]["Name"] == text and len(found) == 6
