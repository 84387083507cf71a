"""Keys kept in files outside the database, and what they seal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from khue.model.errors import ConfigError

_VERSION = b"\x01"  # of the sealed form: version, 12 bytes nonce, ciphertext with its 16 bytes tag
_NONCE = 12


class Vault:
    """AES-256-GCM (NIST SP 800-38D) for camera credentials. ``context`` ties a sealed value to its row and column."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: str, context: str) -> bytes:
        return self.seal_bytes(plain.encode(), context)

    def open(self, sealed: bytes, context: str) -> str:
        """Raises ConfigError when it was sealed with another key or for another place."""
        return self.open_bytes(sealed, context).decode()

    def seal_bytes(self, plain: bytes, context: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open_bytes(self, sealed: bytes, context: str) -> bytes:
        """Raises ConfigError when it was sealed with another key or for another place."""
        nonce, ciphertext = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, context.encode())
        except InvalidTag as error:
            raise ConfigError(
                "camera credentials were sealed with another key; restore the key file keys/camera.key that belongs "
                "to this database"
            ) from error


def load_vault(keys: Path) -> Vault:
    """From ``keys/camera.key``, made on first run. Raises ConfigError when others can read it."""
    return Vault(_load_or_make(keys / "camera.key", lambda: os.urandom(32), 32))


def load_token_key(keys: Path) -> Ed25519PrivateKey:
    """From ``keys/token.key`` (32 raw bytes), made on first run: it signs what viewers show to nodes."""
    return Ed25519PrivateKey.from_private_bytes(
        _load_or_make(keys / "token.key", lambda: Ed25519PrivateKey.generate().private_bytes_raw(), 32)
    )


def load_audit_key(keys: Path) -> Ed25519PrivateKey:
    """From ``keys/audit.key`` (32 raw bytes), made on first run: it signs checkpoints of the audit log."""
    return Ed25519PrivateKey.from_private_bytes(
        _load_or_make(keys / "audit.key", lambda: Ed25519PrivateKey.generate().private_bytes_raw(), 32)
    )


def _load_or_make(path: Path, make: Callable[[], bytes], length: int) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} can be read by others; chmod 600 it") from None
        key = path.read_bytes()
        if len(key) != length:
            raise ConfigError(f"{path} is damaged: {len(key)} bytes instead of {length}; restore it") from None
        return key
    key = make()
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key
