"""Discoveries, probes of registered cameras, adoption and new passwords as JSON."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.fleet.cameras import CameraFields
from khue.centre.fleet.http import CameraOut, camera_out
from khue.centre.fleet.service import Fleet
from khue.centre.onboarding.probing import Difference
from khue.centre.onboarding.rotation import Outcome
from khue.centre.onboarding.service import Onboarding
from khue.centre.ports import Row
from khue.model.camera import Transport
from khue.wire.link import ProbedStream, ProbeReply


class DiscoveryIn(msgspec.Struct):
    """Without ``ranges`` all the node's administrator has declared; an empty list, with ``multicast``, asks only by
    WS-Discovery. Without ``ports`` those of the catalogue."""

    node: str
    ranges: list[str] | None = None
    multicast: bool = False
    ports: list[int] = []


class IdOut(msgspec.Struct):
    id: str


class DiscoveryOut(msgspec.Struct):
    """``asked`` of ``total`` addresses are done. ``outside`` answers came from beyond the declared ranges and were dropped."""

    id: str
    node: str
    ranges: list[str] | None
    multicast: bool
    state: str
    progress: float
    asked: int
    total: int
    outside: int
    devices: int
    error: str
    created: dt.datetime
    created_by: str
    finished: dt.datetime | None


class DiscoveriesOut(msgspec.Struct):
    items: list[DiscoveryOut]


class FoundOut(msgspec.Struct):
    """``camera`` is its record in the registry, found by ``matched_by``: mac, serial or host."""

    key: str
    address: str
    ports: list[int]
    onvif: bool
    services: list[str]
    vendor: str
    family: str
    model: str
    name: str
    serial: str
    mac: str | None
    clock_offset_s: float | None
    error: str
    camera: str | None
    matched_by: str | None


class FullDiscoveryOut(DiscoveryOut, kw_only=True):
    """``next`` goes into ``after`` for the devices found after these; null when these are all so far."""

    found: list[FoundOut]
    next: int | None


class CredentialsIn(msgspec.Struct):
    username: str = ""
    password: str = ""


class ProbedStreamOut(ProbedStream, omit_defaults=False, kw_only=True, frozen=True):
    """Every field, also those at their default."""


class RegistryProbeOut(ProbeReply, omit_defaults=False, kw_only=True, frozen=True):
    """``seen`` says whether pictures came. ``differences`` are reported; the registry stays as it is."""

    streams: tuple[ProbedStreamOut, ...] = ()
    node: str = ""
    seen: bool = False
    differences: tuple[Difference, ...] = ()


class AdoptIn(msgspec.Struct):
    """Credentials may stand in the addresses. What is left out stays as it is."""

    rtsp_main: str
    rtsp_sub: str | msgspec.UnsetType = msgspec.UNSET
    username: str | msgspec.UnsetType = msgspec.UNSET
    password: str | msgspec.UnsetType = msgspec.UNSET
    transport: Transport | msgspec.UnsetType = msgspec.UNSET
    site: str | msgspec.UnsetType = msgspec.UNSET


class RotateIn(msgspec.Struct):
    """Without ``password`` a random one is made; nobody is shown it."""

    password: str = ""


class RotationOut(msgspec.Struct):
    id: str
    state: str
    rolled_back: bool
    detail: str
    attempts: int
    created: dt.datetime
    created_by: str
    settled: dt.datetime | None


class RotationsOut(msgspec.Struct):
    items: list[RotationOut]


class DiscoveryController(Controller):
    path = "/api/v1/discoveries"
    tags = ("onboarding",)

    @post(summary="Send a node to look for cameras", status_code=202)
    async def start_discovery(
        self,
        data: JSONBody[DiscoveryIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        onboarding: NamedDependency[Onboarding],
    ) -> IdOut:
        """Only in ranges its administrator has declared; the node itself refuses everything else."""
        where = "all its ranges" if data.ranges is None else ", ".join(data.ranges)
        await access.permit(caller, Action.DISCOVER, detail=f"node {data.node}: {where or 'multicast'}"[:300])
        return IdOut(
            await onboarding.discoveries.start(
                caller.account, data.node, data.ranges, multicast=data.multicast, ports=tuple(data.ports)
            )
        )

    @get(summary="Discoveries, newest first")
    async def list_discoveries(
        self,
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        onboarding: NamedDependency[Onboarding],
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 50,
    ) -> DiscoveriesOut:
        await access.permit(caller, Action.NODE_READ)
        return DiscoveriesOut([DiscoveryOut(**_discovery(row)) for row in await onboarding.discoveries.find(limit)])

    @get("/{discovery:str}", summary="One discovery and what it found")
    async def get_discovery(
        self,
        discovery: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        onboarding: NamedDependency[Onboarding],
        after: FromQuery[int] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=2000)] = 1000,
    ) -> FullDiscoveryOut:
        await access.permit(caller, Action.NODE_READ)
        row = await onboarding.discoveries.get(discovery)
        found, cameras = await onboarding.discoveries.found(caller.account, row, after, limit)
        return FullDiscoveryOut(
            **_discovery(row),
            found=[_found(device, cameras.get(device["key"])) for device in found],
            next=found[-1]["number"] if len(found) == limit else None,
        )

    @post("/{discovery:str}/cancel", summary="End a discovery", status_code=202)
    async def cancel_discovery(
        self,
        discovery: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        onboarding: NamedDependency[Onboarding],
    ) -> IdOut:
        await access.permit(caller, Action.DISCOVER, detail=f"cancel {discovery[:64]}")
        await onboarding.discoveries.cancel(discovery)
        return IdOut(discovery)


class OnboardingController(Controller):
    path = "/api/v1/registry/cameras/{camera:str}"
    tags = ("onboarding",)

    @post("/probe", summary="Ask a registered camera what it is", status_code=200)
    async def probe_registered(
        self,
        camera: FromPath[str],
        data: JSONBody[CredentialsIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        onboarding: NamedDependency[Onboarding],
    ) -> RegistryProbeOut:
        """By ONVIF, then by the family's template, then by the addresses written down. Never guesses a password."""
        await access.permit(caller, Action.CAMERA_PROBE, camera=camera)
        probed = await onboarding.probing.probe(camera, data.username, data.password)
        full = msgspec.convert(msgspec.to_builtins(probed.reply), RegistryProbeOut)
        return msgspec.structs.replace(full, node=probed.node, seen=probed.works, differences=tuple(probed.differences))

    @post("/streams", summary="Put streams on a registered camera", status_code=200)
    async def adopt(
        self,
        camera: FromPath[str],
        data: JSONBody[AdoptIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        fleet: NamedDependency[Fleet],
        onboarding: NamedDependency[Onboarding],
    ) -> CameraOut:
        """A node records it from now on."""
        await access.permit(caller, Action.CAMERA_WRITE, camera=camera, detail="streams")
        fields = CameraFields(
            url=data.rtsp_main,
            sub_url=data.rtsp_sub,
            username=data.username,
            password=data.password,
            transport=data.transport,
            site=data.site,
        )
        await onboarding.probing.adopt(caller.account, camera, fields)
        return camera_out(*await fleet.cameras.get(camera))

    @post("/rotate-password", summary="Give a camera a new password", status_code=200)
    async def rotate_password(
        self,
        camera: FromPath[str],
        data: JSONBody[RotateIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        onboarding: NamedDependency[Onboarding],
    ) -> Outcome:
        """On the device, by ONVIF; kept when it was proved by signing in, else the old one stays."""
        await access.permit(caller, Action.ROTATE_PASSWORD, camera=camera)
        return await onboarding.rotations.rotate(caller.account, camera, data.password)

    @get("/rotate-password", summary="Past changes of a camera's password")
    async def list_rotations(
        self,
        camera: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        onboarding: NamedDependency[Onboarding],
    ) -> RotationsOut:
        await access.permit(caller, Action.REGISTRY_READ, camera=camera)
        names = RotationOut.__struct_fields__
        return RotationsOut(
            [RotationOut(*(row[name] for name in names)) for row in await onboarding.rotations.find(camera)]
        )


def _discovery(row: Row) -> dict[str, Any]:
    total = row["total"]
    progress = 1.0 if row["state"] == "done" else row["asked"] / total if total else 0.0
    plain = (
        "id",
        "node",
        "ranges",
        "multicast",
        "state",
        "asked",
        "total",
        "outside",
        "error",
        "created",
        "created_by",
    )
    return {
        **{name: row[name] for name in plain},
        "progress": progress,
        "devices": row["found"],
        "finished": row["finished"],
    }


def _found(row: Row, fit: tuple[str, str] | None) -> FoundOut:
    names = FoundOut.__struct_fields__[:-2]
    return FoundOut(*(row[name] for name in names), *(fit or (None, None)))
