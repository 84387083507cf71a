"""Measured truth: whether a camera works is what we saw ourselves, never what somebody declares.

A camera is seen working while its main stream is recorded, for some time after it last was, and for some time after a probe
it answered with pictures. The rule is kept in the database, so that lists, counts and filters judge alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from khue.centre.ports import Database, Statements
from khue.centre.sql import Queries
from khue.model.camera import CameraState, StreamName
from khue.model.time import to_datetime
from khue.wire.link import StreamStatus

_SQL = Queries(__file__)


async def see_streams(session: Statements, statuses: Sequence[tuple[str, StreamStatus]]) -> None:
    """Take in what nodes say, in its order: (node, status). In the transaction that applies the events."""
    rows = list(_sightings(statuses))
    if rows:
        await session.execute(_SQL["see_streams"], *(list(column) for column in zip(*rows, strict=True)))


async def record_probe(session: Statements, camera: str, at: dt.datetime, pictures: bool, detail: str = "") -> None:
    """A probe ended: with ``pictures`` the camera is seen working from now on; without, it is as it was."""
    await session.execute(_SQL["see_probe"], camera, at, pictures, detail[:500])


async def set_rule(database: Database, *, recorded_hours: float, probe_days: float) -> None:
    """How long a recording and a probe count."""
    await database.execute(_SQL["set_rule"], dt.timedelta(hours=recorded_hours), dt.timedelta(days=probe_days))


_Sighting = tuple[str, str, str, dt.datetime, str, dt.datetime | None, dt.datetime | None]


def _sightings(statuses: Iterable[tuple[str, StreamStatus]]) -> Iterable[_Sighting]:
    """Of each camera and node the last status; when a recording known before ended, and when one that began here did."""
    first: dict[tuple[str, str], StreamStatus] = {}
    last: dict[tuple[str, str], StreamStatus] = {}
    ended: dict[tuple[str, str], dt.datetime] = {}
    for node, status in statuses:
        if status.stream != StreamName.MAIN:
            continue
        key = (status.camera, node)
        if last.get(key, status).state == CameraState.RECORDING != status.state:
            ended[key] = to_datetime(status.since)
        first.setdefault(key, status)
        last[key] = status
    for key, status in sorted(last.items(), key=lambda item: item[0]):
        began = first[key]
        left = None if began.state == CameraState.RECORDING else to_datetime(began.since)
        yield *key, str(status.state), to_datetime(status.since), status.detail, left, ended.get(key)
