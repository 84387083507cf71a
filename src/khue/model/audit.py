"""An entry of the audit log as an outsider sees it, and the bytes its leaf in the tree is made of. Pure.

The bytes are JSON in UTF-8 without any space between tokens, every field in the order below, times in microseconds since 1970
UTC or null; characters outside ASCII stand for themselves, and of the others only ``"``, ``\\`` and control characters are escaped
(``\\b \\f \\n \\r \\t``, else ``\\u00xx``). ``v`` counts versions of this.
"""

from __future__ import annotations

import msgspec

from khue.model.errors import AuditError
from khue.model.merkle import leaf_hash
from khue.model.time import Micros

FORM = 1
_MAX = 2000  # characters of one field; what is longer is cut


class AuditEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who did what, with which cameras and period, for what, on what grounds, from where, and whether they might."""

    v: int
    seq: int  # contiguous from 0
    at: Micros
    account: str
    username: str
    post: str
    action: str
    address: str
    outcome: str  # allowed, refused
    camera: str
    stream: str
    period_start: Micros | None
    period_end: Micros | None
    purpose: str
    case_number: str
    reason: str
    grant: str
    clause: str
    version: str  # of the regulation
    cameras: int  # how many, when it is about several
    named: tuple[str, ...]  # which, where they were named one by one
    detail: str
    salt: str  # random: from a leaf nobody guesses what it stands for

    @property
    def canonical(self) -> bytes:
        return _ENCODER.encode(self)

    @property
    def leaf(self) -> bytes:
        return leaf_hash(self.canonical)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(AuditEntry)


def read_entry(data: bytes) -> AuditEntry:
    """From JSON in whatever layout. Raises AuditError."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise AuditError(f"not an entry: {error}") from error


def clean(text: str) -> str:
    """Text as the log takes it: no NUL, nothing that is not a character, and not without end."""
    text = text[:_MAX]
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def cleaned(entry: AuditEntry) -> AuditEntry:
    """With every text of it as the log takes it."""
    texts = {name: clean(value) for name, value in msgspec.structs.asdict(entry).items() if isinstance(value, str)}
    return msgspec.structs.replace(entry, named=tuple(map(clean, entry.named)), **texts)
