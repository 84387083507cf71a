"""Short-lived permissions a viewer carries to a node on its own LAN: signed by the centre, checked without it.

A token is ``base64url(msgpack(Grant)) "." base64url(Ed25519 signature of the first part's bytes)`` (RFC 8032, RFC 4648 §5,
no padding).
"""

from __future__ import annotations

import base64
import binascii

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from khue.model.camera import StreamName
from khue.model.errors import Denied
from khue.model.time import Micros

_MAX_TOKEN = 4096


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may do what with one stream, until when. ``actions`` are words such as "live" and "playback"."""

    camera: str
    stream: StreamName
    actions: tuple[str, ...]
    exp: Micros
    sub: str  # the account, for the node's own log
    id: str = ""  # by which the centre ends what was opened with it


def sign(grant: Grant, key: Ed25519PrivateKey) -> str:
    """The token for a grant."""
    body = msgspec.msgpack.encode(grant)
    return f"{_encode(body)}.{_encode(key.sign(body))}"


def verify(token: str, public_key: bytes, now: Micros) -> Grant:
    """The grant a token carries. ``public_key`` is raw (32 bytes). Raises Denied when forged, malformed or expired."""
    body_text, dot, signature_text = token.partition(".")
    if not dot or len(token) > _MAX_TOKEN or not public_key:
        raise Denied("this viewing token cannot be read; ask the centre for a new one")
    try:
        body, signature = _decode(body_text), _decode(signature_text)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, body)
        grant = msgspec.msgpack.decode(body, type=Grant)
    except (binascii.Error, ValueError, InvalidSignature, msgspec.DecodeError) as error:
        raise Denied("this viewing token was not signed by this node's centre; ask the centre for a new one") from error
    if grant.exp <= now:
        raise Denied("this viewing token has expired; ask the centre for a new one")
    return grant


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if _encode(data) != text:  # the decoder overlooks much; one token has one spelling
        raise ValueError("not base64url")
    return data
