"""Passkeys (WebAuthn level 2): a key in a phone, a computer or a stick that signs a challenge after it knew its person."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
import webauthn
from webauthn.helpers import base64url_to_bytes, parse_authentication_credential_json, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from khue.centre.access.rules import Account
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.errors import Invalid, Unauthenticated
from khue.centre.identity.tickets import Kind, Tickets
from khue.centre.ids import new_id
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries
from khue.model.errors import Conflict, NotFound

_SQL = Queries(__file__)
_MOST = 20  # passkeys of one account
_CHALLENGE = 32  # bytes
_WAIT_MS = 300_000  # as long as the ticket lives
# What the library may say about hostile input: its own tree, and what its parsers let through.
_MALFORMED = (WebAuthnException, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)

Credential = dict[str, Any]  # what a browser's PublicKeyCredential.toJSON() gives
Options = dict[str, Any]  # what PublicKeyCredential.parse*OptionsFromJSON() takes


class Site(msgspec.Struct, frozen=True):
    """How people reach the centre: ``rp_id`` is its host name, ``origin`` scheme, host and port."""

    rp_id: str
    origin: str


def site_of(url: str) -> Site:
    """Raises Invalid for an address of numbers: authenticators know names only."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return Site(host, f"{parts.scheme}://{parts.netloc}")
    raise Invalid(
        f"passkeys need a name, and {host} is an address; open the console by its name (localhost on this machine)"
    )


class Passkeys:
    """The public halves, each with how often it was used; a counter that goes back gives a copied key away."""

    def __init__(self, database: Database, log: AccessLog, tickets: Tickets) -> None:
        self._database = database
        self._log = log
        self._tickets = tickets

    async def list_of(self, account: str) -> list[Row]:
        return list(await self._database.fetch(_SQL["list_passkeys"], account))

    async def begin_enrolment(self, account: Account, site: Site, address: str) -> Options:
        """What the browser gives to an authenticator, which has to be one the account has no passkey in yet."""
        present = await self._database.fetch(_SQL["passkeys_of"], account.id, site.rp_id)
        challenge = secrets.token_bytes(_CHALLENGE)
        options = webauthn.generate_registration_options(
            rp_id=site.rp_id,
            rp_name="khue",
            user_id=account.id.encode(),
            user_name=account.username,
            user_display_name=account.display_name,
            challenge=challenge,
            timeout=_WAIT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=row["credential"]) for row in present],
        )
        await self._tickets.issue(Kind.ENROL, account.id, address, challenge, token=_spoken(challenge))
        return _plain(webauthn.options_to_json(options))

    async def enrol(self, account: Account, name: str, credential: Credential, site: Site, address: str) -> Row:
        """The row of the new passkey. Raises Invalid, Conflict when the centre knows the key already."""
        name = name.strip()
        if not name or len(name) > 100:
            raise Invalid("a passkey has a name of 1 to 100 characters, such as that of the phone it is in")
        challenge = _challenge_of(credential)
        ticket = await self._tickets.take(Kind.ENROL, _spoken(challenge), address)
        if ticket is None or ticket.account != account.id:
            raise Invalid("this was asked too long ago, by somebody else, or is answered already; begin anew")
        try:
            made = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                require_user_verification=True,
            )
            transports = _transports(credential)
        except _MALFORMED as error:
            raise Invalid(f"the passkey was not accepted: {error}") from error
        if len(await self.list_of(account.id)) >= _MOST:
            raise Conflict(f"an account has at most {_MOST} passkeys; remove one first")
        key = new_id()
        await self._log.write(
            Entry(account.id, account.username, "passkey:enrol", address, "allowed", detail=f"{key} {name}")
        )
        row = await self._database.fetchrow(
            _SQL["add_passkey"],
            *(key, account.id, name, made.credential_id, made.credential_public_key, made.sign_count),
            *(site.rp_id, transports),
        )
        assert row is not None
        return row

    async def remove(self, account: str, key: str, by: Account, address: str) -> None:
        """Raises NotFound when the account has no such passkey."""
        if await self._database.fetchrow(_SQL["remove_passkey"], account, key) is None:
            raise NotFound("you have no such passkey")
        await self._log.write(
            Entry(by.id, by.username, "passkey:remove", address, "allowed", detail=f"{key} of {account}")
        )

    async def remove_all(self, account: str) -> None:
        await self._database.execute(_SQL["remove_passkeys"], account)

    async def ask(self, site: Site, account: str = "") -> tuple[bytes, Options]:
        """(challenge, what the browser gives to an authenticator). Without an account, whichever passkey the person picks."""
        rows = await self._database.fetch(_SQL["passkeys_of"], account, site.rp_id) if account else []
        challenge = secrets.token_bytes(_CHALLENGE)
        options = webauthn.generate_authentication_options(
            rp_id=site.rp_id,
            challenge=challenge,
            timeout=_WAIT_MS,
            allow_credentials=[PublicKeyCredentialDescriptor(id=row["credential"]) for row in rows],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return challenge, _plain(webauthn.options_to_json(options))

    async def verify(self, credential: Credential, challenge: bytes, site: Site, account: str = "") -> Row:
        """The account's row (``account_of``). ``account``: whose it has to be; "" is whoever the key belongs to.

        Raises Unauthenticated, in words for the log; the person is told no more than that it was not accepted.
        """
        try:
            given = parse_authentication_credential_json(credential)
            known = await self._database.fetchrow(_SQL["passkey_by_credential"], given.raw_id, site.rp_id)
            if known is None:
                raise Unauthenticated("unknown passkey")
            if account and known["id"] != account:
                raise Unauthenticated("passkey of another account")
            handle = given.response.user_handle
            if handle is not None and handle != known["id"].encode():
                raise Unauthenticated("passkey names another account")
            signed = webauthn.verify_authentication_response(
                credential=given,
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                credential_public_key=known["public_key"],
                credential_current_sign_count=known["sign_count"],
                require_user_verification=True,
            )
        except _MALFORMED as error:
            raise Unauthenticated(f"passkey not accepted: {error}"[:300]) from error
        if await self._database.fetchrow(_SQL["use_passkey"], known["key"], signed.new_sign_count) is None:
            raise Unauthenticated("passkey counter went back: it may have been copied")
        return known


def _plain(options: str) -> Options:
    return msgspec.json.decode(options, type=Options)


def _spoken(challenge: bytes) -> str:
    return challenge.hex()


def _challenge_of(credential: Credential) -> bytes:
    try:
        data = base64url_to_bytes(credential["response"]["clientDataJSON"])
        return parse_client_data_json(data).challenge
    except _MALFORMED as error:
        raise Invalid("this is not what an authenticator answers") from error


def _transports(credential: Credential) -> Sequence[str]:
    """Hints for the next time; only words of the standard are kept."""
    given = credential["response"].get("transports") or []
    return [word for word in given if word in ("usb", "nfc", "ble", "internal", "hybrid", "smart-card")]
