"""Frigate's configuration from a running Frigate."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from khue.camera.control import PasswordRefused
from khue.camera.migrate.fetch import Recorder, Refused
from khue.camera.migrate.found import CameraList
from khue.camera.migrate.frigate import parse
from khue.model.errors import CameraError


async def read(frigate: Recorder, *, environment: Mapping[str, str] | None = None) -> CameraList:
    """The file as its administrator wrote it, or, where that may not be seen, the answer without passwords.

    With a user name it signs in (port 8971); without one it asks as anybody may on port 5000. Raises CameraError.
    """
    if frigate.username:
        await _sign_in(frigate)
    says: list[str] = []
    try:
        data = _unwrapped(await _get(frigate, "/api/config/raw"))
        found = parse(data, environment=environment, host=frigate.host)
    except Refused as error:
        says = [f"{error}: so the list is without passwords; sign in as its administrator, or give config.yml"]
        found = parse(await _get(frigate, "/api/config"), environment=environment, host=frigate.host)
    return msgspec.structs.replace(found, says=(*says, *found.says))


async def _sign_in(frigate: Recorder) -> None:
    """The client keeps the cookie. One try: Frigate counts them."""
    given = {"user": frigate.username, "password": frigate.password}
    status, _, _ = await frigate.send("POST", "/api/login", {}, given)
    if status in (400, 401, 403):
        raise PasswordRefused(f"{frigate.where}: user name or password refused by Frigate; check them")
    if status not in (200, 404):  # 404: older than accounts
        raise Refused(f"{frigate.where}: HTTP {status} to /api/login", status)


async def _get(frigate: Recorder, path: str) -> bytes:
    status, body, _ = await frigate.send("GET", path, {})
    if status == 401:
        raise PasswordRefused(f"{frigate.where}: Frigate asks for a user name and password; give --user")
    if status != 200:
        raise Refused(f"{frigate.where}: HTTP {status} to {path}", status)
    if not body:
        raise CameraError(f"{frigate.where}: Frigate answered nothing")
    return body


def _unwrapped(data: bytes) -> bytes:
    """Newer versions send the file as one JSON string."""
    if not data.startswith(b'"'):
        return data
    try:
        return msgspec.json.decode(data, type=str).encode()
    except msgspec.MsgspecError:
        return data
