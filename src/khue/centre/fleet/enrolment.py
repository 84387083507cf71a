"""Letting nodes in: an offer that is used once, for a key the node made itself. Design: design/03."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from khue.centre.audit.log import AccessLog, Entry
from khue.centre.config import CentreConfig
from khue.centre.errors import Invalid, Throttled
from khue.centre.fleet.nodes import Nodes
from khue.centre.ids import digest, new_id, new_secret
from khue.centre.ports import Database, NodeKeys, Row
from khue.centre.sql import Queries
from khue.model.errors import ConfigError, Conflict, Denied, NotFound
from khue.wire import subjects
from khue.wire.enrolment import Enrol, Enrolled, Offer, pack, signed

_SQL = Queries(__file__)
_LASTS_S = 3600.0  # an offer is used within the hour or not at all
_REMEDY = "ask for a new token: khue nodes add"
_NOTHING = bytes(32)  # compared with when there is no such offer, so that both take as long


class Tries:
    """Failed attempts of each address in the last minute, in memory: a secret of 256 bits is not guessed, but each attempt
    costs a row of the log."""

    def __init__(self, free: int = 10, within_s: float = 60.0, most: int = 10_000) -> None:
        self._free, self._within, self._most = free, within_s, most
        self._failed: dict[str, list[float]] = {}

    def check(self, address: str, now: float) -> None:
        """Raises Throttled."""
        recent = [at for at in self._failed.get(address, []) if at > now - self._within]
        if len(recent) >= self._free:
            wait = recent[0] + self._within - now
            raise Throttled(f"too many attempts to enrol from this address; try again in {wait:.0f} s", wait)

    def failed(self, address: str, now: float) -> None:
        if len(self._failed) >= self._most:
            self._failed.clear()  # an attack from everywhere: what is remembered must not fill the memory
        recent = [at for at in self._failed.get(address, []) if at > now - self._within]
        self._failed[address] = [*recent, now][-self._free :]


class Offered(msgspec.Struct, frozen=True):
    """``token`` is shown once."""

    id: str
    token: str
    expires: dt.datetime


class Enrolment:
    """Makes offers and takes them back when they come with a key."""

    def __init__(self, config: CentreConfig, database: Database, nodes: Nodes, keys: NodeKeys, log: AccessLog) -> None:
        self._config = config
        self._database = database
        self._nodes = nodes
        self._keys = keys
        self._log = log
        self._tries = Tries()

    def authority(self) -> str:
        """PEM text of who signed the centre's certificate. Raises NotFound when clients know it already."""
        text = _read(self._config.listen.tls_ca)
        if not text:
            raise NotFound("this centre's certificate is checked by the authorities your system knows")
        return text

    async def offer(self, by: str, node: str, sites: Iterable[str], *, again: bool, url: str) -> Offered:
        """A token for a node that reaches the centre at ``url``; offers before it end.

        Raises Invalid, Conflict when the node is enrolled and ``again`` was not said, ConfigError.
        """
        if not subjects.is_word(node):
            raise Invalid("a node's id is 1 to 64 letters, digits, - and _")
        secret, offer = new_secret(), new_id()
        cleaned = sorted({site.strip() for site in sites} - {""})
        async with self._database.transaction() as session:
            if await session.fetchval(_SQL["node_exists"], node) and not again:
                raise Conflict(f"node {node} is enrolled; to give it a new key and end the old one, enrol it again")
            await session.execute(_SQL["drop_offers"], node)
            expires = await session.fetchval(
                _SQL["add_offer"], offer, node, cleaned, again, digest(secret), by, _LASTS_S
            )
        where = self._config.listen.public_url or url
        return Offered(offer, pack(Offer(offer, node, secret, where.rstrip("/"), self._fingerprint())), expires)

    async def open(self) -> list[Row]:
        """Offers nobody has used yet."""
        return list(await self._database.fetch(_SQL["list_offers"]))

    async def withdraw(self, offer: str) -> None:
        """Raises NotFound."""
        if await self._database.fetchrow(_SQL["withdraw_offer"], offer) is None:
            raise NotFound("there is no such offer, or it is used")

    async def accept(self, asked: Enrol, address: str, host: str) -> Enrolled:
        """Let the node in with its key; one it had before ends. ``host`` is how it reached the centre.

        Raises Denied (all of it in the log), Throttled.
        """
        now = time.monotonic()
        self._tries.check(address, now)
        try:
            node, sites, replaced = await self._accept(asked, address)
        except Denied as refusal:
            self._tries.failed(address, now)
            await self._record(asked.id[:64], address, "refused", str(refusal))
            raise
        await self._nodes.allow_all()
        await self._record(node, address, "allowed", f"key {asked.key}{', in place of another' if replaced else ''}")
        return Enrolled(node, self._bus_url(host), self._bus_authority(), tuple(sites))

    async def _accept(self, asked: Enrol, address: str) -> tuple[str, list[str], bool]:
        """(node, its sites, whether it had another key). Raises Denied."""
        async with self._database.transaction() as session:
            row = await session.fetchrow(_SQL["offer"], asked.id)
            right = hmac.compare_digest(row["secret_hash"] if row is not None else _NOTHING, digest(asked.secret))
            if row is None or not right:
                raise Denied(f"the token is not one of this centre's, or was withdrawn; {_REMEDY}")
            if row["used"] is not None:
                raise Denied(
                    f"the token for {row['node']} was used already, at {row['used']:%Y-%m-%d %H:%M} UTC from {row['used_from']}; "
                    f"if that was not you, remove the node. {_REMEDY}"
                )
            if row["ended"]:
                raise Denied(f"the token for {row['node']} ended at {row['expires']:%Y-%m-%d %H:%M} UTC; {_REMEDY}")
            if not self._keys.signed_by(asked.key, signed(asked.id, asked.secret, asked.key), _decode(asked.proof)):
                raise Denied("the key is not a node's, or the proof is not by its holder")
            await session.execute(_SQL["use_offer"], asked.id, address, asked.key)
            known = await session.fetchrow(_SQL["replace_key"], row["node"], row["sites"], asked.key)
            if known is None:
                await session.execute(_SQL["add_node"], row["node"], row["sites"], asked.key)
            elif not row["again"]:  # enrolled by another offer meanwhile
                raise Denied(f"node {row['node']} is enrolled already; {_REMEDY} --again")
        return row["node"], list(known["sites"] if known is not None else row["sites"]), known is not None

    async def _record(self, node: str, address: str, outcome: str, detail: str) -> None:
        await self._log.write(Entry("", f"node {node}", "node:enrol", address, outcome, detail=detail[:500]))

    def _fingerprint(self) -> str:
        """SHA-256 of the authority's certificate. Raises ConfigError when the file is none."""
        text = _read(self._config.listen.tls_ca)
        try:
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest() if text else ""
        except ValueError as error:
            raise ConfigError(f"listen.tls_ca is not one certificate: {error}") from error

    def _bus_url(self, host: str) -> str:
        """How the node reaches NATS: as configured, or the embedded one by the name it knows this machine by."""
        bus = self._config.bus
        if bus.public_url or bus.url:
            return bus.public_url or bus.url
        parts = urlsplit(self._keys.url)
        if bus.host not in ("", "0.0.0.0", "::"):
            if not parts.scheme.startswith("tls"):
                return self._keys.url
            host = host if _is_this_machine(bus.host) and _is_this_machine(host) else bus.host
        shown = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{shown}:{parts.port}"

    def _bus_authority(self) -> str:
        return _read(self._config.bus.ca_file)


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _read(path: str) -> str:
    try:
        return Path(path).read_text() if path else ""
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
