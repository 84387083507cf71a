"""One camera's record: read it, as of any day, register it, change it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from khue.centre.access.rules import Account
from khue.centre.access.scope import NO_SUCH_CAMERA, as_reader
from khue.centre.errors import Invalid
from khue.centre.fleet.cameras import CameraFields, Cameras, Credentials
from khue.centre.fleet.rules import search_words
from khue.centre.fleet.service import Fleet
from khue.centre.ids import new_id
from khue.centre.ports import Database, Row, Statements
from khue.centre.registry.actor import as_actor
from khue.centre.registry.consents import Consents, Contact, Terms, check_terms
from khue.centre.registry.days import day_of, today
from khue.centre.registry.fields import (
    DEFAULTS,
    FACTS,
    SCOPE,
    SEARCHED,
    TIMES,
    TOLD,
    Facts,
    check,
    column_of,
    differences,
    plain,
    said,
)
from khue.centre.registry.locking import lock_seen, must_still_see
from khue.centre.sql import Queries
from khue.model.camera import StreamName
from khue.model.errors import Conflict, NotFound
from khue.model.registry import Life

_SQL = Queries(__file__)
_TAKEN = "another camera has this code or MAC address; correct it here or there"


class Registration(Facts, kw_only=True):
    """Facts, and what is only said once: where in its life it is, its streams, its password and its line's owner."""

    life: Life | msgspec.UnsetType = msgspec.UNSET
    life_since: dt.date | None = None
    rtsp_main: str | None = None
    rtsp_sub: str | None = None
    username: str | None = None
    password: str | None = None
    consent_name: str | None = None
    consent_phone: str | None = None
    consent_given_on: dt.date | None = None
    consent_expires_on: dt.date | None = None


class Found(msgspec.Struct, frozen=True):
    """Rows of one record as of one moment. ``past`` is None for now."""

    row: Row
    streams: list[Row]
    steps: list[str]
    consent: Row | None
    findings: list[Row]
    past: dt.datetime | None


class Records:
    """Every change is somebody's, for a reason, and is refused when the record was changed since it was read."""

    def __init__(self, database: Database, fleet: Fleet, consents: Consents) -> None:
        self._database = database
        self._fleet = fleet
        self._cameras: Cameras = fleet.cameras
        self._consents = consents

    async def read(self, reader: Account, camera: str, asof: dt.datetime | None = None) -> Found:
        """Raises NotFound, for a hidden camera too, and for one that was not in the books then."""
        async with as_reader(self._database, reader) as session:
            if asof is None:
                row = await session.fetchrow(_SQL["record"], camera)
            else:
                row = await session.fetchrow(_SQL["record_as_of"], camera, asof)
                if row is None and await session.fetchval(_SQL["record_known"], camera):
                    raise NotFound("the camera was not in the registry then")
            if row is None:
                raise NotFound(NO_SUCH_CAMERA)
            day = today() if asof is None else day_of(asof)
            return Found(
                row=row,
                streams=[] if asof else list(await session.fetch(_SQL["streams_of"], camera)),
                steps=[] if asof else [step["after"] for step in await session.fetch(_SQL["life_steps"], row["life"])],
                consent=await session.fetchrow(_SQL["last_consent"], camera, day),
                findings=list(await session.fetch(_SQL["findings_as_of"], camera, day)),
                past=asof,
            )

    async def add(self, by: Account, data: Registration, reason: str) -> str:
        """The new camera's id. Raises Invalid, Denied, Conflict, NotFound (a unit, agency or class that is not there)."""
        facts = {**DEFAULTS, **dict.fromkeys(set(FACTS) - DEFAULTS.keys()), **differences({}, said(data))}
        if wrong := check(facts):
            raise Invalid(wrong)
        camera = new_id()
        streams = CameraFields(
            url=data.rtsp_main or msgspec.UNSET,
            sub_url=data.rtsp_sub or msgspec.UNSET,
            username=data.username or msgspec.UNSET,
            password=data.password or msgspec.UNSET,
        )
        urls, credentials = self._cameras.addresses(streams, Credentials())
        if StreamName.SUB in urls and StreamName.MAIN not in urls:
            raise Invalid("rtsp_sub is a second stream; give rtsp_main too")
        consent = _consent_of(data)
        life = _life_of(data, bool(urls))
        async with self._database.transaction() as session:
            await as_actor(session, by.username, reason.strip())
            columns = {column_of(name): value for name, value in {**facts, **life}.items()}
            columns["search"] = await self._search(session, camera, facts)
            sealed = self._cameras.seal_credentials(camera, credentials)
            await _unless_taken(session.execute(_SQL["put_record"], camera, _json(columns), sealed))
            await self._cameras.put_streams(session, camera, urls, msgspec.UNSET)
            if consent is not None:
                await self._consents.add(session, by.username, camera, *consent)
            await must_still_see(session, by, camera)
        await self._fleet.announce([camera], [], "added")
        return camera

    async def change(self, by: Account, camera: str, facts: Facts, reason: str, revision: int) -> None:
        """Raises NotFound, Conflict when it was changed since ``revision`` was read, Invalid, Denied."""
        given = said(facts)
        if not reason.strip():
            raise Invalid("a change of the registry needs a reason: who reported it, what it corrects")
        async with self._database.transaction() as session:
            row = await lock_seen(session, by, camera)
            if row["revision"] != revision:
                last = await session.fetchrow(_SQL["last_change"], camera)
                who = "somebody" if last is None else f"{last['actor']} at {last['recorded']:%Y-%m-%d %H:%M:%S} UTC"
                raise Conflict(f"{who} changed this camera since you loaded it; load it again and repeat your change")
            before = facts_of(row)
            changes = differences(before, given)
            if not changes:
                return
            if wrong := check({**before, **changes}):
                raise Invalid(wrong)
            await as_actor(session, by.username, reason.strip())
            columns = {column_of(name): value for name, value in changes.items()}
            if changes.keys() & SEARCHED:
                columns["search"] = await self._search(session, camera, {**before, **changes})
            await _unless_taken(session.execute(_SQL["change_records"], [camera], [_json(columns)]))
            await must_still_see(session, by, camera)
            told = await session.fetch(_SQL["bump_node_of"], camera) if changes.keys() & TOLD else []
        moved = bool(changes.keys() & SCOPE)
        await self._fleet.announce([camera], [node["id"] for node in told], look_again=moved)

    async def _search(self, session: Statements, camera: str, facts: Mapping[str, Any]) -> str:
        names = await session.fetchrow(_SQL["names_of"], facts["unit"], facts["owner"])
        assert names is not None
        words = {name: facts[name] for name in ("code", "address", "vendor", "model", "serial")}
        return search_words(camera, facts["name"], owner=names["owner_name"], unit=names["unit_name"], **words)


def facts_of(row: Row, names: Iterable[str] = FACTS) -> dict[str, Any]:
    """The facts of a row of ``camera`` in their plain JSON form."""
    facts = {name: row[column_of(name)] for name in names}
    for name in facts.keys() & TIMES:
        facts[name] = plain(name, facts[name])
    return facts


async def _unless_taken(statement: Any) -> None:
    """Raises Conflict in words that do not say whose the other camera is: it may be one the caller does not see."""
    try:
        await statement
    except Conflict as error:
        raise Conflict(_TAKEN) from error


def _json(columns: Mapping[str, Any]) -> str:
    return msgspec.json.encode(columns).decode()


def _life_of(data: Registration, streams: bool) -> dict[str, Any]:
    """A camera that has a stream operates, one without is a proposal, unless it is said otherwise."""
    usual = Life.OPERATING if streams else Life.PROPOSED
    life = usual if isinstance(data.life, msgspec.UnsetType) else data.life
    if data.life_since is not None and data.life_since > today():
        raise Invalid("life_since is in the future; say it when it has happened")
    return {"life": str(life), "life_since": (data.life_since or today()).isoformat()}


def _consent_of(data: Registration) -> tuple[Contact, Terms] | None:
    if not data.consent_name:
        return None
    if data.consent_given_on is None:
        raise Invalid("a consent says since when: consent_given_on")
    contact = Contact(data.consent_name.strip(), (data.consent_phone or "").strip())
    terms = Terms(given_on=data.consent_given_on, expires_on=data.consent_expires_on)
    check_terms(contact, terms)
    return contact, terms
