"""ZoneMinder's database as mysqldump writes it, with the columns of three versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from khue.sim.systems.channels import SimChannel

Version = Literal["1.34", "1.36", "1.38"]
_COMMON = {
    "Id": "int(10) unsigned NOT NULL AUTO_INCREMENT",
    "Name": "varchar(64) NOT NULL DEFAULT ''",
    "Notes": "text DEFAULT NULL",
    "Type": "enum('Local','Remote','File','Ffmpeg','Libvlc','cURL','WebSite','NVSocket','VNC') NOT NULL DEFAULT 'Local'",
    "Enabled": "tinyint(3) unsigned NOT NULL DEFAULT 1",
    "Protocol": "varchar(16) DEFAULT NULL",
    "Method": "varchar(16) DEFAULT ''",
    "Device": "tinytext NOT NULL DEFAULT ''",
    "Host": "varchar(64) DEFAULT NULL",
    "Port": "varchar(8) NOT NULL DEFAULT ''",
    "Path": "varchar(255) DEFAULT NULL",
    "User": "varchar(64) DEFAULT NULL",
    "Pass": "varchar(64) DEFAULT NULL",
    "Width": "smallint(5) unsigned NOT NULL DEFAULT 0",
    "Height": "smallint(5) unsigned NOT NULL DEFAULT 0",
    "Controllable": "tinyint(3) unsigned NOT NULL DEFAULT 0",
}
_SINCE: dict[str, dict[str, str]] = {
    "1.34": {"Function": "enum('None','Monitor','Modect','Record','Mocord','Nodect') NOT NULL DEFAULT 'Monitor'"},
    "1.36": {
        "Function": "enum('None','Monitor','Modect','Record','Mocord','Nodect') NOT NULL DEFAULT 'Monitor'",
        "SecondPath": "varchar(255) DEFAULT NULL",
        "Latitude": "decimal(10,8) DEFAULT NULL",
        "Longitude": "decimal(11,8) DEFAULT NULL",
    },
    "1.38": {
        "Deleted": "tinyint(1) NOT NULL DEFAULT 0",
        "ManufacturerId": "int(10) unsigned DEFAULT NULL",
        "ModelId": "int(10) unsigned DEFAULT NULL",
        "Capturing": "enum('None','Ondemand','Always') NOT NULL DEFAULT 'Always'",
        "ONVIF_URL": "varchar(255) NOT NULL DEFAULT ''",
        "ONVIF_Username": "varchar(64) NOT NULL DEFAULT ''",
        "ONVIF_Password": "varchar(64) NOT NULL DEFAULT ''",
        "SecondPath": "varchar(255) DEFAULT NULL",
        "Latitude": "decimal(10,8) DEFAULT NULL",
        "Longitude": "decimal(11,8) DEFAULT NULL",
    },
}
_ESCAPED = {"\0": "\\0", "\n": "\\n", "\r": "\\r", "\\": "\\\\", "'": "\\'", '"': '\\"', "\x1a": "\\Z"}
_HEAD = """-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: zm
-- ------------------------------------------------------
/*!40101 SET NAMES utf8mb4 */;
"""


def zoneminder_columns(version: Version) -> dict[str, str]:
    """Column -> its definition, of the columns that matter here."""
    return _COMMON | _SINCE[version]


def zoneminder_dump(channels: Sequence[SimChannel], version: Version = "1.36") -> str:
    """A dump with a monitor a camera, written in turn with the password in the path and in a column of its own, and the odd
    ones: a local device, a web page, an HTTP camera, a remote one, one of another program."""
    monitors = [_monitor(one, version) for one in channels if one.camera is not None]
    monitors += _odd(len(monitors) + 1)
    parts = [_HEAD, _table("Config", {"Name": "varchar(64)", "Value": "text"}, [{"Name": "ZM_X", "Value": "a;\nb'('"}])]
    if version == "1.38":
        brands = sorted({one.camera.entry.brand for one in channels if one.camera is not None})
        named = {"Id": "int(10) unsigned NOT NULL", "Name": "varchar(64) NOT NULL"}
        parts.append(_table("Manufacturers", named, [{"Id": n, "Name": brand} for n, brand in enumerate(brands, 1)]))
        parts.append(_table("Models", named, [{"Id": 1, "Name": "SIM"}]))
        ids = {brand: number for number, brand in enumerate(brands, 1)}
        for monitor in monitors:
            monitor |= {"ManufacturerId": ids.get(str(monitor.pop("brand", ""))), "ModelId": 1}
    parts.append(_table("Monitors", zoneminder_columns(version), monitors))
    return "\n".join([*parts, "-- Dump completed on 2026-11-20 10:00:00", ""])


def _monitor(channel: SimChannel, version: Version) -> dict[str, object]:
    camera = channel.camera
    assert camera is not None
    apart = channel.number % 2 == 0 and "{" not in camera.path("main")
    lat, lon = channel.position or (None, None)
    return {
        "Id": channel.number,
        "Name": channel.name,
        "Notes": 'ghi chú "cũ"\\\nhai dòng',
        "Type": "Ffmpeg",
        "Function": "Mocord" if channel.online else "None",
        "Capturing": "Always" if channel.online else "None",
        "Enabled": 1,
        "Port": "",
        "Device": "",
        "Deleted": 0,
        "ONVIF_URL": "",
        "ONVIF_Username": "",
        "ONVIF_Password": "",
        "Path": channel.url("main", credentials=not apart),
        "SecondPath": channel.url("sub", credentials=not apart) or None,
        "User": camera.username if apart else None,
        "Pass": camera.password if apart else None,
        "Width": camera.main.width,
        "Height": camera.main.height,
        "Controllable": int(camera.ptz),
        "Latitude": None if lat is None else f"{lat:.8f}",
        "Longitude": None if lon is None else f"{lon:.8f}",
        "brand": camera.entry.brand,
    }


def _odd(first: int) -> list[dict[str, object]]:
    base = {"Enabled": 1, "Function": "Monitor", "Capturing": "Always", "Width": 640, "Height": 480, "Controllable": 0,
            "Device": "", "Port": "", "Deleted": 0, "ONVIF_URL": "", "ONVIF_Username": "", "ONVIF_Password": ""}  # fmt: skip
    odd: list[dict[str, object]] = [
        {"Name": "Phòng trực", "Type": "Local", "Device": "/dev/video0"},
        {"Name": "Trang web", "Type": "WebSite", "Path": "https://example.net/"},
        {"Name": "O'Brien; gate", "Type": "Ffmpeg", "Path": "http://192.0.2.20/flv?user=admin&password=Http-2026"},
        {"Name": "Cổng Bắc", "Type": "Remote", "Protocol": "rtsp", "Host": "view:Remote-2026@192.0.2.30", "Port": "8554",
         "Path": "/live/ch0", "Latitude": "0.00000000", "Longitude": "0.00000000"},
        {"Name": "Tệp cũ", "Type": "File", "Path": "/tmp/a.jpg"},
    ]  # fmt: skip
    return [base | one | {"Id": 900 + first + number} for number, one in enumerate(odd)]


def _table(name: str, columns: dict[str, str], rows: Sequence[dict[str, object]]) -> str:
    definition = ",\n".join(f"  `{column}` {kind}" for column, kind in columns.items())
    values = ",\n".join(f"({','.join(_value(row.get(column)) for column in columns)})" for row in rows)
    return (
        f"--\n-- Table structure for table `{name}`\n--\n\nDROP TABLE IF EXISTS `{name}`;\nCREATE TABLE `{name}` (\n{definition}"
        f"{',' + chr(10) + '  PRIMARY KEY (`Id`)' if 'Id' in columns else ''}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n\n"
        f"LOCK TABLES `{name}` WRITE;\n/*!40000 ALTER TABLE `{name}` DISABLE KEYS */;\nINSERT INTO `{name}` VALUES\n{values};\n"
        f"/*!40000 ALTER TABLE `{name}` ENABLE KEYS */;\nUNLOCK TABLES;\n"
    )


def _value(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    return "'" + "".join(_ESCAPED.get(c, c) for c in str(value)) + "'"
