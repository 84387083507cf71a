"""The registry of cameras. Credentials go in sealed and never come out again, except to the node that pulls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from khue.centre.access.rules import Account
from khue.centre.access.scope import NO_SUCH_CAMERA, as_reader, seen
from khue.centre.errors import Invalid
from khue.centre.fleet.rules import fold, search_words
from khue.centre.ids import new_id
from khue.centre.ports import Database, Row, Statements
from khue.centre.registry.actor import as_actor
from khue.centre.secrets import Vault
from khue.centre.sql import Queries
from khue.model.address import redact, strip_credentials
from khue.model.camera import StreamName, Transport
from khue.model.errors import Denied, NotFound

_SQL = Queries(__file__)
_SCHEMES = ("rtsp", "rtsps")
NOBODY = "khue"  # who changes the registry when no account does: the product itself, such as the demo


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

    async def add(self, fields: CameraFields, by: Account | None = None) -> str:
        """The new camera's id. Raises Invalid, Denied, NotFound (no such retention class)."""
        if not isinstance(fields.name, str) or not isinstance(fields.url, str):
            raise Invalid("a camera needs a name and a url")
        camera = new_id()
        urls, credentials = self.addresses(fields, Credentials())
        sealed = self.seal_credentials(camera, credentials)
        name, vendor, site = fields.name.strip(), _or(fields.vendor, ""), _or(fields.site, "")
        latitude, longitude = _or(fields.lat, None), _or(fields.lon, None)
        _check(name, latitude, longitude)
        async with self._database.transaction() as session:
            await as_actor(session, actor_of(by))
            await session.execute(
                _SQL["add_camera"],
                *(camera, name, vendor, site, search_words(camera, name, vendor=vendor)),
                *(latitude, longitude, sealed, _or(fields.retention_class, "default")),
            )
            await self.put_streams(session, camera, urls, fields.transport)
            if by is not None and not await seen(session, by, [camera]):
                raise Denied("you would not see this camera; register it with its unit, owner or manager")
        return camera

    async def change(self, camera: str, fields: CameraFields, by: Account | None = None) -> list[str]:
        """Raises NotFound, Invalid."""
        async with self._database.transaction() as session:
            await as_actor(session, actor_of(by))
            row = await session.fetchrow(_SQL["lock_camera"], camera)
            if row is None:
                raise NotFound(NO_SUCH_CAMERA)
            urls, credentials = self.addresses(fields, self._open_credentials(camera, row["credentials"]))
            name, vendor = _or(fields.name, row["name"]).strip(), _or(fields.vendor, row["vendor"])
            site = _or(fields.site, row["site"])
            latitude, longitude = _or(fields.lat, row["latitude"]), _or(fields.lon, row["longitude"])
            _check(name, latitude, longitude)
            await session.execute(
                _SQL["change_camera"],
                *(camera, name, vendor, site, _search_of(row, name, vendor), latitude, longitude),
                self.seal_credentials(camera, credentials),
                *(_or(fields.retention_class, row["retention_class"]), _or(fields.enabled, row["enabled"])),
            )
            if isinstance(fields.transport, Transport):
                await session.execute(_SQL["set_transport"], camera, fields.transport)
            await self.put_streams(session, camera, urls, fields.transport)
            return [told["id"] for told in await session.fetch(_SQL["bump_node_of"], camera)]

    async def delete(self, camera: str, by: Account | None = None) -> list[str]:
        """Its recordings stay until their time is over; its credentials go now. Raises NotFound."""
        async with self._database.transaction() as session:
            await as_actor(session, actor_of(by))
            if await session.fetchrow(_SQL["delete_camera"], camera) is None:
                raise NotFound(NO_SUCH_CAMERA)
            await session.execute(_SQL["forget_status"], [camera])
            return [told["id"] for told in await session.fetch(_SQL["unplace"], camera)]

    async def get(self, camera: str) -> tuple[Row, list[Row]]:
        """(camera, its streams). Raises NotFound."""
        row = await self._database.fetchrow(_SQL["camera_by_id"], camera)
        if row is None:
            raise NotFound(NO_SUCH_CAMERA)
        return row, list(await self._database.fetch(_SQL["streams_of"], [camera]))

    async def stream_state(self, camera: str, stream: StreamName) -> Row:
        """node, state, since, detail, cause. Raises NotFound."""
        row = await self._database.fetchrow(_SQL["stream_state"], camera, stream)
        if row is None:
            raise NotFound("there is no such camera, or it has no such stream")
        return row

    async def find(
        self, reader: Account, search: str, state: str, after: str, limit: int
    ) -> tuple[list[Row], list[Row], str | None, int]:
        """Of those with a main stream that ``reader`` sees: (cameras, all their streams, cursor of the next page, how many)."""
        words = fold(search).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").split()
        pattern = f"%{'%'.join(words)}%" if words else None
        async with as_reader(self._database, reader) as session:
            rows = list(await session.fetch(_SQL["list_cameras"], pattern, state or None, after or None, limit + 1))
            total = int(await session.fetchval(_SQL["count_cameras"], pattern, state or None))
            page = rows[:limit]
            streams = list(await session.fetch(_SQL["streams_of"], [row["id"] for row in page]))
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

    def seal_credentials(self, camera: str, credentials: Credentials) -> bytes | None:
        if not credentials.username and not credentials.password:
            return None
        plain = json.dumps([credentials.username, credentials.password])
        return self._vault.seal(plain, f"camera/{camera}/credentials")

    def addresses(self, fields: CameraFields, present: Credentials) -> tuple[dict[StreamName, str | None], Credentials]:
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

    async def put_streams(
        self,
        session: Statements,
        camera: str,
        urls: dict[StreamName, str | None],
        transport: Transport | msgspec.UnsetType,
    ) -> None:
        """Store these addresses, without credentials; None drops a stream."""
        chosen = transport if isinstance(transport, Transport) else None
        for name, url in urls.items():
            if url is None:
                await session.execute(_SQL["drop_stream"], camera, name)
            else:
                sealed = self._vault.seal(url, f"camera/{camera}/{name}/url")
                await session.execute(_SQL["put_stream"], camera, name, sealed, redact(url), chosen)


def actor_of(by: Account | None) -> str:
    return NOBODY if by is None else by.username


def _search_of(row: Row, name: str, vendor: str) -> str:
    """``row`` is that of ``lock_camera``."""
    words = {column: row[column] for column in ("code", "address", "model", "serial")}
    return search_words(row["id"], name, vendor=vendor, owner=row["owner_name"], unit=row["unit_name"], **words)


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
