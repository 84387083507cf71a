"""What a camera of the registry is asked through a node: its address, the password we hold, and who can reach it."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from khue.centre.errors import Invalid
from khue.centre.fleet.cameras import Cameras, Credentials
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.errors import LinkError, NotFound

_SQL = Queries(__file__)


class Target(msgspec.Struct, frozen=True):
    """``url`` is the device's own address, ``streams`` those written down, main first; ``row`` the registry's record."""

    node: str
    url: str
    streams: tuple[str, ...]
    credentials: Credentials
    row: Row

    def __repr__(self) -> str:
        return f"Target({self.url!r} by {self.node})"


class Targets:
    """Finds them. ``lock`` is for whoever is to change the credentials in the same transaction."""

    def __init__(self, database: Database, cameras: Cameras) -> None:
        self._database = database
        self._cameras = cameras

    async def find(self, camera: str, session: Statements | None = None) -> Target:
        """With ``session`` the camera stays locked in it. Raises NotFound, Invalid (no address), LinkError (no node)."""
        on = session or self._database
        row = await on.fetchrow(_SQL["lock_camera_to_ask" if session else "camera_to_ask"], camera)
        if row is None:
            raise NotFound("there is no such camera")
        streams = await on.fetch(_SQL["streams_to_ask"], camera)
        urls = tuple(self._cameras.open_url(camera, stream["name"], stream["url"]) for stream in streams)
        node = await on.fetchval(_SQL["node_for"], camera, row["site"])
        if node is None:
            where = f" at site {row['site']}" if row["site"] else ""
            raise LinkError(f"no live node reaches this camera{where}; start one, or correct the camera's site")
        credentials = self._cameras.open_credentials(camera, row["credentials"])
        return Target(str(node), _address(row["host"], urls), urls, credentials, row)


def _address(host: str, urls: tuple[str, ...]) -> str:
    """``http://host[:port]``: the registry's, else the stream's host with the catalogue's ports."""
    if host:
        return f"http://[{host}]" if host.count(":") > 1 and not host.startswith("[") else f"http://{host}"
    found = urlsplit(urls[0]).hostname if urls else None
    if not found:
        raise Invalid("nothing says where this camera is; enter its host or its stream first")
    return f"http://[{found}]" if ":" in found else f"http://{found}"
