"""A node's first contact with its centre: it makes its own key, proves it is at the right place, and keeps what it is told.

What it keeps is one file of its data folder, replaced whole: either the node is enrolled or it is not.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import nkeys

from khue.model.errors import ConfigError, Denied, LinkError
from khue.wire.enrolment import AUTHORITY_PATH, PATH, Enrol, Enrolled, Offer, signed, unpack

_FILE, _AUTHORITY_FILE = "enrolment.json", "centre-ca.pem"
_TIMEOUT = 20.0
_LARGEST = 64 * 1024


class Kept(msgspec.Struct, frozen=True):
    """What the file holds; ``token`` is the digest of the token it came by."""

    seed: str
    token: str
    told: Enrolled


def enrol(folder: Path, token: str) -> None:
    """Use the token, unless it is the one this folder was enrolled with already.

    Raises ConfigError (not a token, not the centre it was made by), Denied (used, ended, withdrawn), LinkError.
    """
    offer = unpack(token)
    digest = hashlib.sha256(token.strip().encode()).hexdigest()
    kept = _load(folder)
    if kept is not None and kept.token == digest:
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    told = _ask(offer, seed)
    if told.nats_authority:
        _write(folder / _AUTHORITY_FILE, told.nats_authority.encode(), 0o644)
    _write(folder / _FILE, msgspec.json.encode(Kept(seed.decode(), digest, told)), 0o600)


def settings(folder: Path) -> dict[str, object]:
    """The settings enrolling gave this folder's node, under their names in NodeConfig; {} when it is not enrolled.

    Raises ConfigError when the file is damaged.
    """
    kept = _load(folder)
    if kept is None:
        return {}
    found: dict[str, object] = {"id": kept.told.node, "nats": kept.told.nats, "token": kept.seed}
    if kept.told.nats_authority:
        found["nats_ca_file"] = str(folder / _AUTHORITY_FILE)
    if kept.told.sites:
        found["sites"] = kept.told.sites
    return found


def _load(folder: Path) -> Kept | None:
    path = folder / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}); delete it and enrol again: `khue nodes add ID --again`"
        ) from error


def _ask(offer: Offer, seed: bytes) -> Enrolled:
    pair = nkeys.from_seed(bytearray(seed))
    key = str(pair.public_key.decode())
    proof = base64.b64encode(pair.sign(signed(offer.id, offer.secret, key))).decode()
    body = msgspec.json.encode(Enrol(offer.id, offer.secret, key, proof))
    try:
        trust = _trust(offer)
        with httpx.Client(verify=trust, timeout=_TIMEOUT, trust_env=False, follow_redirects=False) as client:
            answer = client.post(
                offer.url.rstrip("/") + PATH, content=body, headers={"Content-Type": "application/json"}
            )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LinkError(f"the centre at {offer.url} cannot be reached to enrol: {error}") from error
    if answer.status_code in (401, 403, 429):
        raise Denied(f"the centre did not enrol this node: {_words(answer)}")
    if not answer.is_success:
        raise LinkError(f"the centre at {offer.url} did not enrol this node: {_words(answer)}")
    try:
        told = msgspec.json.decode(answer.content, type=Enrolled)
    except msgspec.MsgspecError as error:
        raise LinkError(
            f"the centre at {offer.url} answered something unreadable; are versions too far apart?"
        ) from error
    if told.node != offer.node:
        raise ConfigError(f"the token is for {offer.node}, and the centre enrolled {told.node}; ask for another token")
    return told


def _trust(offer: Offer) -> ssl.SSLContext | bool:
    """What has to have signed the centre's certificate.

    The authority itself comes over an unverified line, where nothing is sent, and counts only if it is the one the token
    names; the token's secret goes over a second line that is verified by it.
    """
    parts = urlsplit(offer.url)
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return True
    if parts.scheme != "https":
        raise ConfigError(
            f"the token would travel readable to {offer.url}; give the centre a certificate (khue tls init) and make a new token"
        )
    if not offer.authority:
        return True
    pem = b""
    with (
        httpx.Client(verify=False, timeout=_TIMEOUT, trust_env=False, follow_redirects=False) as client,
        client.stream("GET", offer.url.rstrip("/") + AUTHORITY_PATH) as answer,
    ):
        for piece in answer.iter_bytes():
            pem += piece
            if len(pem) > _LARGEST:
                break
    try:
        der = ssl.PEM_cert_to_DER_cert(pem.decode())
        if hashlib.sha256(der).hexdigest() != offer.authority:
            raise ConfigError("the fingerprint differs")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks names and certificates
        context.load_verify_locations(cadata=der)
    except (ValueError, ssl.SSLError, ConfigError) as error:
        raise ConfigError(
            f"{offer.url} is not the centre this token was made by: it shows another authority. Nothing was sent. "
            "Check the address, and who else answers there; after a new authority, make a new token"
        ) from error
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _words(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"it answered {answer.status_code}"


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replace ``path`` whole; nobody else may read a seed at any moment."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
