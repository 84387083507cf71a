"""A camera of the registry is asked what it is; what it answers is set beside what the registry says, and changes nothing."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from khue.centre.access.rules import Account
from khue.centre.fleet.cameras import CameraFields
from khue.centre.fleet.service import Fleet
from khue.centre.inventory.seen import record_probe
from khue.centre.link import NodeLink
from khue.centre.onboarding.asking import Targets
from khue.centre.ports import Database, Row
from khue.centre.registry.actor import as_actor
from khue.centre.sql import Queries
from khue.wire.link import ProbeReply, ProbeRequest

_SQL = Queries(__file__)
_TIMEOUT_S = 15.0


class Difference(msgspec.Struct, frozen=True):
    """``registry`` is what is written, ``device`` what the camera says."""

    field: str
    registry: str
    device: str


class Probed(NamedTuple):
    """``works``: pictures came."""

    node: str
    reply: ProbeReply
    works: bool
    differences: list[Difference]


class Probing:
    """Through the node that reaches the camera; also puts streams on cameras of the registry."""

    def __init__(self, database: Database, link: NodeLink, fleet: Fleet, targets: Targets) -> None:
        self._database = database
        self._link = link
        self._fleet = fleet
        self._targets = targets

    async def probe(self, camera: str, username: str, password: str) -> Probed:
        """With the credentials given, else with those that are kept. Raises NotFound, Invalid, LinkError."""
        target = await self._targets.find(camera)
        known = target.credentials
        request = ProbeRequest(
            url=target.url,
            username=username or known.username,
            password=password or ("" if username and username != known.username else known.password),
            timeout_s=_TIMEOUT_S,
            family=target.row["family"],
            brand=target.row["vendor"],
            by_hand=target.streams,
        )
        reply = await self._link.probe(target.node, request)
        works = any(stream.transport for stream in reply.streams)
        async with self._database.transaction() as session:
            await record_probe(session, camera, dt.datetime.now(dt.UTC), works, reply.error)
        return Probed(target.node, reply, works, differences(target.row, reply))

    async def adopt(self, by: Account, camera: str, fields: CameraFields) -> None:
        """Put streams and credentials on a camera of the registry; it is recorded from now on. Raises NotFound, Invalid."""
        await self._fleet.change_camera(camera, fields, by)
        host = urlsplit(fields.url).hostname if isinstance(fields.url, str) else None
        if host:
            async with self._database.transaction() as session:
                await as_actor(session, by.username, "the address of its stream")
                await session.execute(_SQL["note_host"], camera, host)


def differences(row: Row, reply: ProbeReply) -> list[Difference]:
    """Where the camera says another thing than the registry, or one the registry does not know."""
    pairs = (
        ("vendor", row["vendor"], reply.manufacturer),
        ("model", row["model"], reply.model),
        ("serial", row["serial"], reply.serial),
        ("mac", row["mac"] or "", reply.mac),
    )
    return [Difference(field, ours, theirs) for field, ours, theirs in pairs if theirs and not _same(ours, theirs)]


def _same(ours: str, theirs: str) -> bool:
    """Makers write their names in many ways: `HIKVISION` is `Hikvision`, `Dahua Technology` is `Dahua`."""
    one, other = ours.casefold().strip(), theirs.casefold().strip()
    return one == other or bool(one and (one in other.split() or other in one.split()))
