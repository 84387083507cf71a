"""Checkpoints of a log: a signed size and root (C2SP tlog-checkpoint in a C2SP signed-note, Ed25519). Pure."""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from khue.model.errors import AuditError
from khue.model.merkle import SIZE

_ED25519 = b"\x01"  # the algorithm's byte in key ids and written keys
_ID, _SIGNATURE = 4, 64
_LONGEST = 64 * 1024  # characters of a note that are looked at
_NAME = re.compile(r"[^\s+]{1,200}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_SIGNED_BY = "\u2014 "  # an em dash and a space begin a signature's line


class Checkpoint(msgspec.Struct, frozen=True):
    """The log ``origin`` had ``size`` entries, and ``root`` over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


class Signed(msgspec.Struct, frozen=True):
    """A checkpoint as it is handed on: ``text`` was signed; ``signatures`` are pairs of a key's name and id with signature."""

    checkpoint: Checkpoint
    text: str
    signatures: tuple[tuple[str, bytes], ...]

    @property
    def note(self) -> str:
        lines = "".join(f"{_SIGNED_BY}{name} {_base64(value)}\n" for name, value in self.signatures)
        return f"{self.text}\n{lines}"


class LogKey(msgspec.Struct, frozen=True):
    """The public half: who may sign for a log."""

    name: str
    raw: bytes  # 32 bytes, Ed25519

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:_ID]

    @property
    def text(self) -> str:
        """``name+id+key``, as signed-note writes it."""
        return f"{self.name}+{self.id.hex()}+{_base64(_ED25519 + self.raw)}"

    def signed(self, note: Signed) -> bool:
        """Whether one of the signatures is this key's and true."""
        public = Ed25519PublicKey.from_public_bytes(self.raw)
        for name, value in note.signatures:
            if name == self.name and value[:_ID] == self.id:
                try:
                    public.verify(value[_ID:], note.text.encode())
                except InvalidSignature:
                    continue
                return True
        return False


class Signer:
    """The private half, and the name it signs with; the name is the log's origin."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Raises AuditError for a name no key can have."""
        if not _NAME.fullmatch(name):
            raise AuditError(f"{name!r} cannot name a log: 1 to 200 characters without spaces and +")
        self._key = key
        self.public = LogKey(name, key.public_key().public_bytes_raw())

    def sign(self, size: int, root: bytes) -> Signed:
        checkpoint = Checkpoint(self.public.name, size, root)
        signature = self.public.id + self._key.sign(checkpoint.text.encode())
        return Signed(checkpoint, checkpoint.text, ((self.public.name, signature),))


def parse_checkpoint(note: str) -> Signed:
    """Raises AuditError when it is no checkpoint with at least one signature."""
    text, gap, tail = note[:_LONGEST].replace("\r\n", "\n").rpartition("\n\n")
    lines = text.split("\n")
    if not gap or len(lines) < 3 or not all(lines):
        raise AuditError(
            "this is no checkpoint: origin, size and root stand on a line each, then an empty line, then signatures"
        )
    origin, size, root = lines[:3]
    if not _NUMBER.fullmatch(size):
        raise AuditError(f"a checkpoint's second line is its size, not {size[:40]!r}")
    value = _unbase64(root, "a checkpoint's root")
    if len(value) != SIZE:
        raise AuditError(f"a checkpoint's root has {SIZE} bytes, not {len(value)}")
    signatures = tuple(_signature(line) for line in tail.split("\n") if line)
    if not signatures:
        raise AuditError("this checkpoint has no signature")
    return Signed(Checkpoint(origin, int(size), value), text + "\n", signatures)


def _signature(line: str) -> tuple[str, bytes]:
    name, space, value = line.removeprefix(_SIGNED_BY).partition(" ")
    if not line.startswith(_SIGNED_BY) or not space or not _NAME.fullmatch(name):
        raise AuditError(f"a checkpoint's signature is a dash, a name and base64, not {line[:40]!r}")
    signature = _unbase64(value, "a signature")
    if len(signature) <= _ID:
        raise AuditError("a signature of a checkpoint is too short")
    return name, signature


def parse_key(text: str) -> LogKey:
    """A key as ``LogKey.text`` writes it. Raises AuditError."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not _NAME.fullmatch(parts[0]):
        raise AuditError("a log's key is name+id+base64; it stands at /api/v1/audit/key of the centre")
    value = _unbase64(parts[2], "a log's key")
    if value[:1] != _ED25519 or len(value) != 1 + SIZE:
        raise AuditError("a log's key is Ed25519: a byte 1 and 32 bytes")
    key = LogKey(parts[0], value[1:])
    if key.id.hex() != parts[1].lower():
        raise AuditError("a log's key does not fit the id written beside it")
    return key


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _unbase64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AuditError(f"{what} is not base64: {text[:60]!r}") from error
