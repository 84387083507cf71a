"""Ids and secrets the centre makes."""

from __future__ import annotations

import hashlib
import secrets

TOKEN_PREFIX = "khue_"  # so that a leaked token is recognised by scanners
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no characters that are read wrongly


def new_id() -> str:
    """One word, 64 bits of chance: safe in URLs and message subjects."""
    return secrets.token_hex(8)


def new_secret() -> str:
    """256 bits for a cookie or a token."""
    return secrets.token_urlsafe(32)


def new_password() -> str:
    """79 bits in four groups a person can type."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def digest(secret: str) -> bytes:
    """What is stored of a secret that is already random: SHA-256."""
    return hashlib.sha256(secret.encode()).digest()
