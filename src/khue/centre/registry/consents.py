"""A resident's word that a camera may use the resident's line, and its end."""

from __future__ import annotations

import datetime as dt

import msgspec

from khue.centre.access.rules import Account
from khue.centre.errors import Invalid
from khue.centre.fleet.service import Fleet
from khue.centre.ids import new_id
from khue.centre.ports import Database, Row, Statements
from khue.centre.registry.actor import as_actor
from khue.centre.registry.days import today
from khue.centre.registry.fields import check
from khue.centre.registry.locking import lock_seen
from khue.centre.secrets import Vault
from khue.centre.sql import Queries
from khue.model.errors import Conflict, NotFound
from khue.model.registry import LinkKind

_SQL = Queries(__file__)


class Contact(msgspec.Struct, frozen=True):
    """A private person. Stored sealed, and shown to nobody but operators."""

    name: str
    phone: str = ""
    address: str = ""


class Terms(msgspec.Struct, kw_only=True):
    """What the resident allows, and from when to when."""

    given_on: dt.date
    expires_on: dt.date | None = None
    document: str = ""
    upload_kbps: int | None = None
    quiet_from: str | None = None
    quiet_to: str | None = None


class Consents:
    """One at a time is in force; a new one needs the end of the one before."""

    def __init__(self, database: Database, fleet: Fleet, vault: Vault) -> None:
        self._database = database
        self._fleet = fleet
        self._vault = vault

    async def give(self, by: Account, camera: str, contact: Contact, terms: Terms) -> str:
        """Its id. The limits the resident sets become the camera's. Raises NotFound, Conflict, Invalid."""
        check_terms(contact, terms)
        async with self._database.transaction() as session:
            row = await lock_seen(session, by, camera)
            if row["link"] != LinkKind.BORROWED:
                raise Conflict("only a camera on a borrowed line needs a consent; set its link to borrowed first")
            await session.execute(_SQL["end_expired_consent"], camera)
            if await session.fetchval(_SQL["consent_in_force"], camera):
                raise Conflict("a consent is in force; end it before another is given")
            return await self.add(session, by.username, camera, contact, terms)

    async def add(self, session: Statements, actor: str, camera: str, contact: Contact, terms: Terms) -> str:
        """As part of a change that is under way, such as the registration of the camera."""
        consent = new_id()
        sealed = self._vault.seal(msgspec.json.encode(contact).decode(), f"consent/{consent}/contact")
        quiet = [None if text is None else dt.time.fromisoformat(text) for text in (terms.quiet_from, terms.quiet_to)]
        await session.execute(
            _SQL["add_consent"],
            *(consent, camera, sealed, terms.document.strip(), terms.given_on, terms.expires_on, terms.upload_kbps),
            *(*quiet, actor),
        )
        if terms.upload_kbps is not None or terms.quiet_from is not None:
            await as_actor(session, actor, "what the line's owner allows", f"consent {consent}")
            await session.execute(_SQL["set_line_limits"], camera, terms.upload_kbps, *quiet)
        return consent

    async def withdraw(self, by: Account, camera: str, on: dt.date, reason: str) -> None:
        """The record stays, with who ended it and why. Raises NotFound, Invalid."""
        if not reason.strip() or on > today():
            raise Invalid("the end of a consent has a reason, and a day that is not in the future")
        async with self._database.transaction() as session:
            await lock_seen(session, by, camera)
            row = await session.fetchrow(_SQL["consent_to_end"], camera)
            if row is None:
                raise NotFound("no consent is in force for this camera")
            if on < row["given_on"]:
                raise Invalid(f"it was given on {row['given_on']}; it cannot end before that")
            await session.execute(_SQL["end_consent"], row["id"], on, reason.strip(), by.username)
        await self._fleet.announce([camera], [])

    def contact(self, row: Row) -> Contact:
        """Of a row with ``id`` and ``contact``."""
        return msgspec.json.decode(self._vault.open(row["contact"], f"consent/{row['id']}/contact"), type=Contact)


def check_terms(contact: Contact, terms: Terms) -> None:
    """Raises Invalid."""
    if not contact.name.strip():
        raise Invalid("a consent names the person who gave it")
    if terms.expires_on is not None and terms.expires_on <= terms.given_on:
        raise Invalid("a consent expires after the day it was given")
    limits = {"upload_kbps": terms.upload_kbps, "quiet_from": terms.quiet_from, "quiet_to": terms.quiet_to}
    if wrong := check({"name": "the line", **limits}):
        raise Invalid(wrong)


def problem(link: str | None, consent: Row | None, day: dt.date) -> str | None:
    """What is wrong with the line on ``day``: the code of it, or None. ``consent`` is the one in force or the last."""
    if link != LinkKind.BORROWED:
        return None
    if consent is None:
        return "consent_missing"
    return {"withdrawn": "consent_withdrawn", "expired": "consent_expired"}.get(state_of(consent, day))


def state_of(consent: Row, day: dt.date) -> str:
    """in_force, expired or withdrawn."""
    if consent["withdrawn_on"] is not None and consent["withdrawn_on"] <= day:
        return "expired" if consent["withdrawn_reason"] == "expired" else "withdrawn"
    if consent["expires_on"] is not None and consent["expires_on"] <= day:
        return "expired"
    return "in_force"
