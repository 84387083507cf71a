"""Public nkeys: whether text is one, and whether it signed something. The seeds stay with their nodes."""

from __future__ import annotations

import base64
import binascii

import nkeys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_USER = 20 << 3  # the first byte of a user's key, which makes its text begin with U
_LENGTH = 56


def signed_by(public: str, message: bytes, signature: bytes) -> bool:
    """Whether ``public`` is a user's nkey and made this Ed25519 signature of ``message``."""
    raw = _raw(public)
    if raw is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _raw(public: str) -> bytes | None:
    """The 32 bytes of the key; None for anything that is not exactly a user's public nkey."""
    if len(public) != _LENGTH or not public.isascii():
        return None
    try:
        decoded = base64.b32decode(public)
    except binascii.Error:
        return None
    body, check = decoded[:-2], decoded[-2:]
    if body[0] != _USER or int(nkeys.crc16(bytearray(body))).to_bytes(2, "little") != check:
        return None
    return body[1:]
