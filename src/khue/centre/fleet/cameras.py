"""The registry of cameras. Credentials go in sealed and never come out again, except to the node that pulls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from khue.centre.errors import Invalid
from khue.centre.fleet.rules import fold
from khue.centre.identity import new_id
from khue.centre.ports import Database, Row, Statements
from khue.centre.secrets import Vault
from khue.centre.sql import Queries
from khue.model.address import redact, strip_credentials
from khue.model.camera import StreamName, Transport
from khue.model.errors import NotFound

_SQL = Queries(__file__)
_SCHEMES = ("rtsp", "rtsps")


class CameraFields(msgspec.Struct, kw_only=True):
    """What a person says about a camera. UNSET leaves a field as it is; None takes it away."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    url: str | msgspec.UnsetType = msgspec.UNSET
    sub_url: str | msgspec.UnsetType | None = msgspec.UNSET
    username: str | msgspec.UnsetType | None = msgspec.UNSET
    password: str | msgspec.UnsetType | None = msgspec.UNSET
    vendor: str | msgspec.UnsetType = msgspec.UNSET
    site: str | msgspec.UnsetType = msgspec.UNSET
    transport: Transport | msgspec.UnsetType = msgspec.UNSET
    retention_class: str | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET
    lat: float | msgspec.UnsetType | None = msgspec.UNSET
    lon: float | msgspec.UnsetType | None = msgspec.UNSET


class Credentials(msgspec.Struct, frozen=True):
    username: str = ""
    password: str = ""


class Cameras:
    """Every method that changes something returns, beside its result, the nodes whose desired state changed."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def add(self, fields: CameraFields) -> str:
        """The new camera's id. Raises Invalid, NotFound (no such retention class)."""
        if not isinstance(fields.name, str) or not isinstance(fields.url, str):
            raise Invalid("a camera needs a name and a url")
        camera = new_id()
        urls, credentials = self._addresses(fields, Credentials())
        sealed = self._seal_credentials(camera, credentials)
        name, vendor, site = fields.name.strip(), _or(fields.vendor, ""), _or(fields.site, "")
        latitude, longitude = _or(fields.lat, None), _or(fields.lon, None)
        _check(name, latitude, longitude)
        async with self._database.transaction() as session:
            await session.execute(
                _SQL["add_camera"],
                *(camera, name, vendor, site, fold(f"{name} {vendor} {site} {camera}")),
                *(latitude, longitude, sealed, _or(fields.retention_class, "default")),
            )
            await self._put_streams(session, camera, urls, fields.transport)
        return camera

    async def change(self, camera: str, fields: CameraFields) -> list[str]:
        """Raises NotFound, Invalid."""
        async with self._database.transaction() as session:
            row = await session.fetchrow(_SQL["lock_camera"], camera)
            if row is None:
                raise NotFound("there is no such camera")
            urls, credentials = self._addresses(fields, self._open_credentials(camera, row["credentials"]))
            name, vendor = _or(fields.name, row["name"]).strip(), _or(fields.vendor, row["vendor"])
            site = _or(fields.site, row["site"])
            latitude, longitude = _or(fields.lat, row["latitude"]), _or(fields.lon, row["longitude"])
            _check(name, latitude, longitude)
            await session.execute(
                _SQL["change_camera"],
                *(camera, name, vendor, site, fold(f"{name} {vendor} {site} {camera}"), latitude, longitude),
                self._seal_credentials(camera, credentials),
                *(_or(fields.retention_class, row["retention_class"]), _or(fields.enabled, row["enabled"])),
            )
            if isinstance(fields.transport, Transport):
                await session.execute(_SQL["set_transport"], camera, fields.transport)
            await self._put_streams(session, camera, urls, fields.transport)
            return [told["id"] for told in await session.fetch(_SQL["bump_node_of"], camera)]

    async def delete(self, camera: str) -> list[str]:
        """Its recordings stay until their time is over; its credentials go now. Raises NotFound."""
        async with self._database.transaction() as session:
            if await session.fetchrow(_SQL["delete_camera"], camera) is None:
                raise NotFound("there is no such camera")
            await session.execute(_SQL["forget_status"], [camera])
            return [told["id"] for told in await session.fetch(_SQL["unplace"], camera)]

    async def get(self, camera: str) -> tuple[Row, list[Row]]:
        """(camera, its streams). Raises NotFound."""
        row = await self._database.fetchrow(_SQL["camera_by_id"], camera)
        if row is None:
            raise NotFound("there is no such camera")
        return row, list(await self._database.fetch(_SQL["streams_of"], [camera]))

    async def stream_state(self, camera: str, stream: StreamName) -> Row:
        """node, state, since, detail, cause. Raises NotFound."""
        row = await self._database.fetchrow(_SQL["stream_state"], camera, stream)
        if row is None:
            raise NotFound("there is no such camera, or it has no such stream")
        return row

    async def find(
        self, search: str, state: str, after: str, limit: int
    ) -> tuple[list[Row], list[Row], str | None, int]:
        """(cameras, all their streams, cursor of the next page, how many there are)."""
        words = fold(search).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").split()
        pattern = f"%{'%'.join(words)}%" if words else None
        rows = list(await self._database.fetch(_SQL["list_cameras"], pattern, state or None, after or None, limit + 1))
        total = int(await self._database.fetchval(_SQL["count_cameras"], pattern, state or None))
        page = rows[:limit]
        streams = list(await self._database.fetch(_SQL["streams_of"], [row["id"] for row in page]))
        return page, streams, page[-1]["id"] if len(rows) > limit else None, total

    # -- sealing ---------------------------------------------------------------------------------------------------

    def open_url(self, camera: str, stream: str, sealed: bytes) -> str:
        return self._vault.open(sealed, f"camera/{camera}/{stream}/url")

    def open_credentials(self, camera: str, sealed: bytes | None) -> Credentials:
        """For the node that pulls it."""
        return self._open_credentials(camera, sealed)

    def _open_credentials(self, camera: str, sealed: bytes | None) -> Credentials:
        if sealed is None:
            return Credentials()
        username, password = json.loads(self._vault.open(sealed, f"camera/{camera}/credentials"))
        return Credentials(username, password)

    def _seal_credentials(self, camera: str, credentials: Credentials) -> bytes | None:
        if not credentials.username and not credentials.password:
            return None
        plain = json.dumps([credentials.username, credentials.password])
        return self._vault.seal(plain, f"camera/{camera}/credentials")

    def _addresses(
        self, fields: CameraFields, present: Credentials
    ) -> tuple[dict[StreamName, str | None], Credentials]:
        """URLs to store without credentials (None: drop), and the credentials: given ones before those in a URL."""
        urls: dict[StreamName, str | None] = {}
        username, password = present.username, present.password
        for name, url in ((StreamName.SUB, fields.sub_url), (StreamName.MAIN, fields.url)):
            if url is None or url == "":
                urls[name] = None
            elif isinstance(url, str):
                bare, url_username, url_password = strip_credentials(url.strip())
                _check_url(bare)
                urls[name] = bare
                if url_username or url_password:
                    username, password = url_username, url_password
        if urls.get(StreamName.MAIN, "") is None:
            raise Invalid("a camera needs a url for its main stream")
        if fields.username is not msgspec.UNSET:
            username = fields.username or ""
        if fields.password is not msgspec.UNSET:
            password = fields.password or ""
        return urls, Credentials(username, password)

    async def _put_streams(
        self,
        session: Statements,
        camera: str,
        urls: dict[StreamName, str | None],
        transport: Transport | msgspec.UnsetType,
    ) -> None:
        chosen = transport if isinstance(transport, Transport) else None
        for name, url in urls.items():
            if url is None:
                await session.execute(_SQL["drop_stream"], camera, name)
            else:
                sealed = self._vault.seal(url, f"camera/{camera}/{name}/url")
                await session.execute(_SQL["put_stream"], camera, name, sealed, redact(url), chosen)


T = TypeVar("T")


def _or(value: T | msgspec.UnsetType, default: T) -> T:
    return default if isinstance(value, msgspec.UnsetType) else value


def _check(name: str, latitude: float | None, longitude: float | None) -> None:
    if not name or len(name) > 200:
        raise Invalid("a camera's name has 1 to 200 characters")
    if (latitude is None) != (longitude is None):
        raise Invalid("lat and lon go together; give both or none")
    if latitude is not None and longitude is not None and not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Invalid("lat is -90 to 90 and lon -180 to 180")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in _SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    if not fine or len(url) > 2000:
        raise Invalid(f"a camera's url looks like rtsp://host:554/path; this is {redact(url)[:200]!r}")


def streams_by_camera(streams: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of ``streams_of`` by camera, main first."""
    grouped: dict[str, list[Row]] = {}
    for row in streams:
        grouped.setdefault(row["camera"], []).append(row)
    return grouped
