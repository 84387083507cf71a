"""Cameras: the registry as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.errors import Invalid
from khue.centre.fleet.cameras import CameraFields, streams_by_camera
from khue.centre.fleet.service import Fleet
from khue.centre.ports import Row
from khue.model.address import strip_credentials
from khue.model.camera import CameraState, Transport
from khue.model.coverage import GapCause
from khue.wire.link import ProbeReply, ProbeRequest


class StreamOut(msgspec.Struct):
    """``recorded_until`` is as of the node's last heartbeat. ``url`` is redacted."""

    name: str
    url: str
    transport: Transport
    record: bool
    codec: str
    width: int
    height: int
    state: CameraState
    since: dt.datetime
    detail: str
    cause: GapCause | None
    recorded_until: dt.datetime | None
    clock_offset_ms: int | None


class CameraOut(msgspec.Struct):
    """State, since, detail and cause are the main stream's."""

    id: str
    name: str
    vendor: str
    site: str
    node: str | None
    enabled: bool
    lat: float | None
    lon: float | None
    streams: list[StreamOut]
    state: CameraState
    since: dt.datetime
    detail: str
    cause: GapCause | None
    retention_class: str
    has_credentials: bool
    created: dt.datetime


class CamerasOut(msgspec.Struct):
    """``next`` goes into ``after`` for the next page."""

    items: list[CameraOut]
    next: str | None
    total: int


class ProbeIn(msgspec.Struct):
    url: str
    username: str = ""
    password: str = ""
    node: str = ""
    timeout_s: float = 10.0


class CameraController(Controller):
    path = "/api/v1/cameras"
    tags = ("cameras",)

    @get(summary="Cameras, by name")
    async def list_cameras(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
        q: FromQuery[str] = "",
        wanted: Annotated[CameraState | None, QueryParameter(name="state")] = None,
        after: FromQuery[str] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    ) -> CamerasOut:
        """``q`` finds words in name, code, address, type, owner and unit, without regard to case and marks."""
        await access.permit(caller, Action.CAMERA_READ)
        rows, streams, following, total = await fleet.cameras.find(caller.account, q, wanted or "", after, limit)
        grouped = streams_by_camera(streams)
        return CamerasOut([camera_out(row, grouped.get(row["id"], [])) for row in rows], following, total)

    @post(summary="Register a camera")
    async def add_camera(
        self,
        data: JSONBody[CameraFields],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
    ) -> CameraOut:
        """Credentials may stand in the URL or in username and password; they are stored sealed and never shown."""
        await access.permit(caller, Action.CAMERA_WRITE, detail="add")
        camera = await fleet.add_camera(data, caller.account)
        return camera_out(*await fleet.cameras.get(camera))

    @get("/{camera:str}", summary="One camera")
    async def get_camera(
        self,
        camera: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
    ) -> CameraOut:
        await access.permit(caller, Action.CAMERA_READ, camera=camera)
        return camera_out(*await fleet.cameras.get(camera))

    @patch("/{camera:str}", summary="Change a camera")
    async def change_camera(
        self,
        camera: FromPath[str],
        data: JSONBody[CameraFields],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
    ) -> CameraOut:
        """Fields that are left out stay as they are."""
        changed = ", ".join(sorted(name for name in msgspec.to_builtins(data)))
        await access.permit(caller, Action.CAMERA_WRITE, camera=camera, detail=f"change {changed}")
        await fleet.change_camera(camera, data, caller.account)
        return camera_out(*await fleet.cameras.get(camera))

    @delete("/{camera:str}", summary="Take a camera out of service")
    async def delete_camera(
        self,
        camera: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
    ) -> None:
        """Its credentials go now; its recordings stay until their retention ends."""
        await access.permit(caller, Action.CAMERA_WRITE, camera=camera, detail="delete")
        await fleet.delete_camera(camera, caller.account)

    @post("/probe", summary="Ask a camera what it is", status_code=200)
    async def probe(
        self,
        data: JSONBody[ProbeIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
    ) -> ProbeReply:
        """Through a node that reaches it; never guesses a password."""
        url, username, password = strip_credentials(data.url.strip())
        if not url:
            raise Invalid("a probe needs a url")
        await access.permit(caller, Action.CAMERA_PROBE, detail=url[:300])
        request = ProbeRequest(
            url=url,
            username=data.username or username,
            password=data.password or password,
            timeout_s=data.timeout_s,
        )
        return await fleet.probe(request, data.node)


def camera_out(row: Row, streams: list[Row]) -> CameraOut:
    """A row of ``list_cameras`` and its streams."""
    return CameraOut(
        id=row["id"],
        name=row["name"],
        vendor=row["vendor"],
        site=row["site"],
        node=row["node"],
        enabled=row["enabled"],
        lat=row["latitude"],
        lon=row["longitude"],
        streams=[stream_out(stream) for stream in streams],
        state=CameraState(row["state"]),
        since=row["since"],
        detail=row["detail"],
        cause=_cause(row["cause"]),
        retention_class=row["retention_class"],
        has_credentials=row["has_credentials"],
        created=row["created"],
    )


def stream_out(row: Row) -> StreamOut:
    """A row of ``streams_of``."""
    return StreamOut(
        name=row["name"],
        url=row["shown_url"],
        transport=Transport(row["transport"]),
        record=row["record"],
        codec=row["codec"],
        width=row["width"],
        height=row["height"],
        state=CameraState(row["state"]),
        since=row["since"],
        detail=row["detail"],
        cause=_cause(row["cause"]),
        recorded_until=row["recorded_until"],
        clock_offset_ms=row["clock_offset_ms"],
    )


def _cause(value: str | None) -> GapCause | None:
    return None if value is None else GapCause(value)
