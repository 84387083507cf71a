"""What must hold for any file somebody calls an export of the log, a checkpoint or a key; for hypothesis and atheris (targets/)."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))

from audit_material import SIGNER, Book

from khue.cli.audit_file import read_checkpoint, read_lines, verify
from khue.model.audit import read_entry
from khue.model.checkpoint import parse_checkpoint, parse_key
from khue.model.errors import AuditError

_BOOK = Book(40, sizes=(7, 30))
_PART = Book(40, sizes=(7, 30), first=5, end=33)


def log(data: bytes) -> None:
    """AuditError or a result; true only of the entries that were signed."""
    try:
        found = read_lines(io.BytesIO(data))
        result = verify(found, _BOOK.checkpoint, SIGNER.public)
    except AuditError:
        return
    if result.ok:
        assert found.count == found.header.end - found.header.first
        true = _BOOK.log.found[found.header.first * 32 : found.header.end * 32]
        assert found.found == true
    else:
        assert result.why
        assert result.first_bad is None or result.first_bad >= found.header.first


def checkpoint(data: bytes) -> None:
    """AuditError, or what is read is written the same; signed only when it is what was signed."""
    try:
        note = read_checkpoint(data)
    except AuditError:
        return
    if SIGNER.public.signed(note):
        assert note.text in {one.text for one in _BOOK.checkpoints}
    again = parse_checkpoint(note.note)
    assert (again.checkpoint, again.text) == (note.checkpoint, note.text)


def key(data: bytes) -> None:
    """AuditError or a key that writes itself the same."""
    try:
        found = parse_key(data.decode("utf-8", "replace"))
    except AuditError:
        return
    assert parse_key(found.text) == found


def entry(data: bytes) -> None:
    """AuditError or an entry whose canonical bytes are read back as the same."""
    try:
        found = read_entry(data)
        canonical = found.canonical
    except AuditError:
        return
    assert read_entry(canonical) == found


CHECKS: dict[str, Callable[[bytes], None]] = {
    "audit_log": log,
    "audit_checkpoint": checkpoint,
    "audit_key": key,
    "audit_entry": entry,
}
SEEDS: dict[str, list[bytes]] = {
    "audit_log": [_BOOK.text, _PART.text],
    "audit_checkpoint": [_BOOK.checkpoint.note.encode(), b'{"text":"' + _BOOK.checkpoint.note.encode() + b'"}'],
    "audit_key": [SIGNER.public.text.encode()],
    "audit_entry": [line.partition(b'"entry":')[2][:-2] for line in _BOOK.lines[:4]],
}
