"""One camera of the registry: its record, its life, its consent, its security, its history."""

from __future__ import annotations

import datetime as dt

import msgspec
from litestar import Controller, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.inventory.filters import parse_time
from khue.centre.registry.consents import Contact, Terms
from khue.centre.registry.fields import Facts
from khue.centre.registry.history import Event
from khue.centre.registry.record import Found, Registration
from khue.centre.registry.security import Finding
from khue.centre.registry.service import Registry
from khue.centre.registry.shown import RecordOut, record_out
from khue.model.registry import Life


class RegistrationIn(msgspec.Struct):
    fields: Registration
    reason: str = ""


class ChangeIn(msgspec.Struct):
    """``revision`` is that of the record the change was made on."""

    fields: Facts
    reason: str
    revision: int


class LifeIn(msgspec.Struct):
    """``happened`` is when it happened in the street; today unless said."""

    after: Life
    reason: str
    happened: dt.date | None = None


class ConsentIn(Terms, kw_only=True):
    name: str
    phone: str = ""
    address: str = ""


class WithdrawIn(msgspec.Struct):
    on: dt.date
    reason: str


class HistoryOut(msgspec.Struct):
    items: list[Event]


class RegistryController(Controller):
    path = "/api/v1/registry/cameras"
    tags = ("registry",)

    @post(summary="Register a camera, whether it hangs yet or not")
    async def add(
        self,
        data: JSONBody[RegistrationIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> RecordOut:
        """Without ``rtsp_main`` it is in the books only. Credentials and the consent's contact are stored sealed."""
        await access.permit(caller, Action.REGISTRY_WRITE, detail=f"add: {data.reason}")
        camera = await registry.records.add(caller.account, data.fields, data.reason)
        return await _record(registry, caller, access, camera)

    @get("/{camera:str}", summary="A camera's record, now or as of a day")
    async def read(
        self,
        camera: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
        asof: FromQuery[str] = "",
    ) -> RecordOut:
        """``asof`` is a time, or a date: the end of that day in Hanoi."""
        await access.permit(caller, Action.REGISTRY_READ, camera=camera)
        return await _record(registry, caller, access, camera, parse_time("asof", asof) if asof else None)

    @patch("/{camera:str}", summary="Change a camera's record")
    async def change(
        self,
        camera: FromPath[str],
        data: JSONBody[ChangeIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> RecordOut:
        """Fields left out stay. 409 when somebody changed it since ``revision``. Its life changes by steps."""
        await access.permit(caller, Action.REGISTRY_WRITE, camera=camera, detail=f"change: {data.reason}")
        await registry.records.change(caller.account, camera, data.fields, data.reason, data.revision)
        return await _record(registry, caller, access, camera)

    @post("/{camera:str}/life", summary="A step of a camera's life", status_code=200)
    async def step(
        self,
        camera: FromPath[str],
        data: JSONBody[LifeIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> RecordOut:
        await access.permit(caller, Action.REGISTRY_WRITE, camera=camera, detail=f"{data.after}: {data.reason}")
        await registry.lives.step(caller.account, camera, data.after, data.happened, data.reason)
        return await _record(registry, caller, access, camera)

    @get("/{camera:str}/history", summary="Who changed what, when and why")
    async def history(
        self,
        camera: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> HistoryOut:
        """Newest first. ``kind`` is facts, life, consent, security or streams."""
        await access.permit(caller, Action.REGISTRY_READ, camera=camera)
        return HistoryOut(await registry.history.of(caller.account, camera))

    @post("/{camera:str}/consents", summary="Record a resident's consent to use the line")
    async def consent(
        self,
        camera: FromPath[str],
        data: JSONBody[ConsentIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> RecordOut:
        await access.permit(caller, Action.REGISTRY_WRITE, camera=camera, detail="consent given")
        contact = Contact(data.name.strip(), data.phone.strip(), data.address.strip())
        await registry.consents.give(caller.account, camera, contact, data)
        return await _record(registry, caller, access, camera)

    @post("/{camera:str}/consents/withdraw", summary="End a resident's consent", status_code=200)
    async def withdraw(
        self,
        camera: FromPath[str],
        data: JSONBody[WithdrawIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> RecordOut:
        await access.permit(caller, Action.REGISTRY_WRITE, camera=camera, detail="consent withdrawn")
        await registry.consents.withdraw(caller.account, camera, data.on, data.reason)
        return await _record(registry, caller, access, camera)

    @post("/{camera:str}/security", summary="Record a finding of the security checklist", status_code=200)
    async def finding(
        self,
        camera: FromPath[str],
        data: JSONBody[Finding],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        registry: NamedDependency[Registry],
    ) -> RecordOut:
        """Of the eleven groups of QCVN 11:2026/BCA; the newest finding of each counts."""
        await access.permit(
            caller, Action.REGISTRY_WRITE, camera=camera, detail=f"security {data.topic}: {data.result}"
        )
        await registry.security.add(caller.account, camera, data)
        return await _record(registry, caller, access, camera)


async def _record(
    registry: Registry, caller: Caller, access: Access, camera: str, asof: dt.datetime | None = None
) -> RecordOut:
    found = await registry.records.read(caller.account, camera, asof)
    return record_out(found, await _contact(registry, caller, access, camera, found))


async def _contact(registry: Registry, caller: Caller, access: Access, camera: str, found: Found) -> Contact | None:
    """The private person behind a consent, for those who may write; each look leaves a line."""
    if found.consent is None or found.past or not await access.allows(caller, Action.REGISTRY_WRITE, camera):
        return None
    await access.permit(caller, Action.REGISTRY_WRITE, camera=camera, detail="the contact of the consent was shown")
    return registry.consents.contact(found.consent)
