"""ZoneMinder's monitors, from rows of its table Monitors. Pure; ``zoneminder_dump`` and ``zoneminder_live`` give the rows.

The table grew from version to version (``Function`` until 1.36, ``Capturing`` since; SecondPath, ONVIF_*, Manufacturers and
Models later): what a row has is read, nothing is missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from khue.camera.migrate.brands import by_words, family_of
from khue.camera.migrate.found import CameraList, Found, LeftOut, host_of, made, megapixels, stream, whole, words

Row = Mapping[str, str | None]
"""Column -> text; None is NULL."""

# Monitors, and the two tables their ids point into.
TABLES = ("Monitors", "Manufacturers", "Models")
_NO_CAMERAS = {
    "File": "it shows a file",
    "WebSite": "it shows a web page",
    "VNC": "it shows a computer's screen",
}


def parse(tables: Mapping[str, Iterable[Row]], where: str = "") -> CameraList:
    """The list of cameras. ``tables``: name -> rows. Raises MigrationError."""
    names = {
        table: {row.get("Id"): row.get("Name") or "" for row in tables.get(table, ())}
        for table in ("Manufacturers", "Models")
    }
    found, left_out = [], []
    for row in tables.get("Monitors", ()):
        place, name = f"monitor {words(row.get('Id'))}", words(row.get("Name"))
        if _is(row, "Deleted"):
            left_out.append(LeftOut(place, name, "it was deleted in ZoneMinder"))
        elif (kind := row.get("Type") or "") in _NO_CAMERAS:
            left_out.append(LeftOut(place, name, _NO_CAMERAS[kind]))
        else:
            brand = names["Manufacturers"].get(row.get("ManufacturerId")) or ""
            model = names["Models"].get(row.get("ModelId")) or ""
            found.append(_camera(place, row, brand, model))
    return made(f"ZoneMinder {where}".rstrip(), found, left_out)


def _camera(place: str, row: Row, brand: str, model: str) -> Found:
    main, in_url_user, in_url_password = _main(row)
    sub = stream(row.get("SecondPath") or "")[0] if main else ""
    entry = by_words(brand, model)
    says = [] if main else [_why(row)]
    return Found(
        where=place,
        name=row.get("Name") or "",
        vendor=entry.brand if entry else words(brand),
        family=entry.family if entry else family_of(main),
        model=words(model),
        kind="ptz" if _is(row, "Controllable") else "",
        megapixels=megapixels(whole(row.get("Width")), whole(row.get("Height"))),
        host=host_of(main) or host_of(f"http://{row.get('Host') or ''}") or host_of(row.get("ONVIF_URL") or ""),
        **_position(row),
        enabled=_enabled(row),
        rtsp_main=main,
        rtsp_sub="" if sub == main else sub,
        username=in_url_user or row.get("User") or "",
        password=in_url_password or row.get("Pass") or "",
        says=tuple(says),
    )


def _main(row: Row) -> tuple[str, str, str]:
    """Of a Remote monitor the address is put together; of the others it is the path."""
    path = row.get("Path") or ""
    if row.get("Type") != "Remote" or row.get("Protocol") != "rtsp":
        return stream(path)
    userinfo, at, host = (row.get("Host") or "").rpartition("@")
    port = whole(row.get("Port"))
    netloc = f"{host}:{port}" if port and port != 554 else host
    user, _, password = userinfo.partition(":")
    url = stream(f"rtsp://{netloc}/{quote(path.lstrip('/'), safe='/?&=%:;,+@!$()*~.-_')}")
    return (url[0], user, password) if at else url


def _why(row: Row) -> str:
    kind = row.get("Type") or ""
    if kind == "Local":
        return f"it hangs on ZoneMinder's own machine ({words(row.get('Device'))}), not on the network"
    if kind in ("Remote", "cURL") or (row.get("Path") or "").lower().startswith("http"):
        return "its pictures come over HTTP, not RTSP; find its RTSP address by a probe"
    return "it has no RTSP address; find it by a probe"


def _enabled(row: Row) -> bool:
    if "Enabled" in row and not _is(row, "Enabled"):
        return False
    return (row.get("Capturing") if row.get("Capturing") else row.get("Function")) != "None"


def _position(row: Row) -> dict[str, Any]:
    """Zero is where ZoneMinder puts what nobody filled in."""
    try:
        lat, lon = float(row.get("Latitude") or 0), float(row.get("Longitude") or 0)
    except ValueError:
        return {}
    possible = -90 <= lat <= 90 and -180 <= lon <= 180 and (lat or lon)
    return {"lat": lat, "lon": lon} if possible else {}


def _is(row: Row, column: str) -> bool:
    return (row.get(column) or "0").strip().lower() not in ("0", "", "false", "no")
