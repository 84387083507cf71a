"""Time-based one-time passwords after RFC 6238, as every authenticator app makes them: SHA-1, six digits, 30 s. Pure."""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

STEP_S = 30
DIGITS = 6
_SECRET = 20  # bytes; what RFC 4226 recommends
_AROUND = 1  # steps a phone's clock may be off, either way


def new_totp_secret() -> bytes:
    return secrets.token_bytes(_SECRET)


def as_base32(secret: bytes) -> str:
    """As people type it into an app."""
    return base64.b32encode(secret).decode().rstrip("=")


def uri_of(secret: bytes, username: str, issuer: str) -> str:
    """The ``otpauth`` address a QR code carries."""
    more = {"secret": as_base32(secret), "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": STEP_S}
    return f"otpauth://totp/{quote(issuer)}:{quote(username)}?{urlencode(more, quote_via=quote)}"


def code_at(secret: bytes, step: int) -> str:
    return HOTP(secret, DIGITS, SHA1()).generate(step).decode()


def step_of(secret: bytes, code: str, now_s: float, after: int) -> int | None:
    """The step a code belongs to; None when it is wrong, too old, or its step is not later than ``after``, the last used."""
    given = "".join(code.split())
    present = int(now_s // STEP_S)
    found = None
    for step in range(present - _AROUND, present + _AROUND + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), given.encode()) and step > after:
            found = step
    return found
