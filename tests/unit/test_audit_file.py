"""An outsider with an export and a checkpoint: what is true is told true, and of what is not, the first entry."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from audit_material import SIGNER, Book, canonical, entry, leaf, line, sign
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from khue.cli.audit_file import Result, read_checkpoint, read_lines, verify
from khue.model.audit import AuditEntry, clean, read_entry
from khue.model.audit_compare import Change
from khue.model.checkpoint import Signer
from khue.model.errors import AuditError


def _told(book: Book, **more: object) -> tuple[bool, int | None, Change | None]:
    result = verify(book.log, book.checkpoint, **more)  # type: ignore[arg-type]
    assert bool(result.why) == (not result.ok)
    return result.ok, result.first_bad, result.change


def test_the_bytes_of_an_entry_are_what_any_json_library_writes() -> None:
    nasty = "".join(map(chr, range(1, 0x300))) + "\u2028\u2029\ufeff\U0001f600"
    value = entry(11, username=nasty, detail='"\\/')
    assert read_entry(canonical(value)).canonical == canonical(value)
    assert read_entry(canonical(value)).leaf == leaf(value)
    assert list(value) == list(AuditEntry.__struct_fields__)


def test_text_no_column_takes_is_made_harmless() -> None:
    assert clean("a\0b") == "a\ufffdb"
    assert clean("é\ud800\0") == "é?\ufffd"
    assert len(clean("x" * 10_000)) == 2000


@pytest.mark.parametrize("count", [1, 2, 3, 1023, 1024, 1025, 2500])
def test_a_whole_log_is_true(count: int) -> None:
    book = Book(count, sizes=(1, count // 2))
    result = verify(book.log, book.checkpoint, SIGNER.public, book.checkpoints[1])
    assert result == Result(
        *(True, "khue/audit", count, book.checkpoint.checkpoint.root.hex(), 0, count, 0, "good"),
    )
    assert verify(book.log, book.checkpoints[1]).ok  # an older checkpoint, and no key
    assert verify(book.log, read_checkpoint(book.checkpoint.note.encode())).signature == "unchecked"
    assert verify(book.log, read_checkpoint(json.dumps({"text": book.checkpoint.note}).encode())).ok


def test_a_file_another_program_laid_out_anew_is_still_true() -> None:
    book = Book(30)
    text = b"".join(json.dumps(json.loads(one)).encode() + b"\n" for one in book.text.splitlines())
    assert b'"seq": 3' in text
    assert verify(read_lines(io.BytesIO(text)), book.checkpoint).ok


BENT: dict[str, tuple[Callable[[Book], object], int, Change]] = {
    "edited": (
        lambda book: book.lines.__setitem__(700, book.lines[700].replace(b"situation", b"emergency")),
        *(700, Change.EDITED),
    ),
    "edited, with its hash": (lambda book: book.bend(700, username="somebody"), 700, Change.EDITED),
    "edited twice": (lambda book: (book.bend(1500, detail="x"), book.bend(99, detail="y")), 99, Change.EDITED),
    "the first": (lambda book: book.bend(0, outcome="allowed"), 0, Change.EDITED),
    "the last": (lambda book: book.bend(2499, outcome="refused"), 2499, Change.EDITED),
    "unreadable": (lambda book: book.lines.__setitem__(5, b"{\n"), 5, Change.EDITED),
    "not an entry": (lambda book: book.lines.__setitem__(5, b'{"entry":[1],"leaf":"00"}\n'), 5, Change.EDITED),
    "removed": (lambda book: book.lines.pop(1024), 1024, Change.REMOVED),
    "removed, several": (lambda book: book.lines.__delitem__(slice(10, 40)), 10, Change.REMOVED),
    "the first removed": (lambda book: book.lines.pop(0), 0, Change.REMOVED),
    "the last removed": (lambda book: book.lines.pop(), 2499, Change.TRUNCATED),
    "the tail removed": (lambda book: book.lines.__delitem__(slice(1900, None)), 1900, Change.TRUNCATED),
    "all removed": (lambda book: book.lines.clear(), 0, Change.TRUNCATED),
    "swapped": (
        lambda book: book.lines.__setitem__(slice(20, 22), [book.lines[21], book.lines[20]]),
        *(20, Change.REORDERED),
    ),
    "swapped far apart": (
        lambda book: (book.lines.insert(20, book.lines.pop(2000)), book.lines.insert(2000, book.lines.pop(21))),
        *(20, Change.REORDERED),
    ),
    "moved back": (lambda book: book.lines.insert(300, book.lines.pop(100)), 100, Change.REORDERED),
    "inserted": (lambda book: book.lines.insert(77, line(entry(77, detail="never"))), 77, Change.INSERTED),
    "doubled": (lambda book: book.lines.insert(78, book.lines[77]), 78, Change.INSERTED),
    "added at the end": (lambda book: book.lines.append(line(entry(2500))), 2500, Change.INSERTED),
    "replaced by another's copy": (lambda book: book.lines.__setitem__(9, book.lines[8]), 9, Change.EDITED),
}


@pytest.mark.parametrize("bent", BENT)
def test_the_entry_is_named(bent: str) -> None:
    book = Book(2500, sizes=(500, 1000, 1500, 2000))
    bend, seq, change = BENT[bent]
    bend(book)
    assert _told(book) == (False, seq, change)


def test_renumbering_hides_nothing() -> None:
    """Somebody takes an entry out and writes all that follow anew, hashes and all."""
    book = Book(300)
    book.lines = book.lines[:100] + [line(entry(seq + 1) | {"seq": seq}) for seq in range(100, 299)]
    assert _told(book)[:2] == (False, 100)


def test_the_record_is_believed_only_as_far_as_it_was_signed() -> None:
    """Entry, hash and the tree's record are rewritten: no single entry can be told, but between which checkpoints it was."""
    book = Book(2500, sizes=(500, 1000, 1500, 2000))
    book.bend(1200, username="somebody")
    book.record[1200] = leaf(entry(1200, username="somebody"))
    result = verify(book.log, book.checkpoint, SIGNER.public)
    assert (result.ok, result.first_bad, result.until, result.change) == (False, 1000, 1499, Change.EDITED)


def test_a_bent_record_accuses_nobody() -> None:
    book = Book(2500)
    book.record[1200] = leaf(entry(1200, username="somebody"))
    assert _told(book) == (True, None, None)
    book.bend(2000, detail="x")
    assert _told(book)[0] is False


def test_a_checkpoint_of_more_entries_shows_that_the_tail_is_missing() -> None:
    longer = Book(2500)
    shorter = Book(2400)
    result = verify(shorter.log, longer.checkpoint)
    assert (result.ok, result.first_bad, result.change) == (False, 2400, Change.TRUNCATED)


def test_what_came_after_the_checkpoint_is_held_against_the_file_s_own() -> None:
    book = Book(2500, sizes=(500,))
    book.bend(2000, detail="x")
    result = verify(book.log, book.checkpoints[0])
    assert (result.ok, result.first_bad) == (False, 2000)


def test_whoever_signed_it_is_looked_at() -> None:
    book = Book(50)
    other = Signer("khue/audit", Ed25519PrivateKey.generate())
    forged = other.sign(50, book.checkpoint.checkpoint.root)
    result = verify(book.log, forged, SIGNER.public)
    assert (result.ok, result.signature) == (False, "bad")
    book.checkpoints.append(other.sign(40, bytes(32)))
    assert not verify(book.log, book.checkpoints[0], SIGNER.public).ok
    elsewhere = Signer("another/log", Ed25519PrivateKey.generate()).sign(50, book.checkpoint.checkpoint.root)
    assert "another log" in verify(Book(50).log, elsewhere).why


def test_the_log_of_an_older_checkpoint_must_be_its_beginning() -> None:
    book = Book(100)
    assert verify(book.log, book.checkpoint, None, sign(book.entries[:60])).ok
    bent = [*book.entries[:30], entry(30, detail="x"), *book.entries[31:60]]
    assert not verify(book.log, book.checkpoint, None, sign(bent)).ok


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.data())
def test_a_part_is_proved_against_the_whole(count: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, count))
    end = data.draw(st.integers(first, count))
    book = Book(count, first=first, end=end)
    assert _told(book) == (True, None, None)
    if first < end:
        seq = data.draw(st.integers(first, end - 1))
        book.bend(seq, detail="bent")
        assert _told(book) == (False, seq, Change.EDITED)
        book.lines.pop(seq - first)
        change = Change.TRUNCATED if seq == end - 1 else Change.REMOVED
        assert _told(book) == (False, seq, change)


def test_a_part_and_a_checkpoint_it_cannot_reach() -> None:
    book = Book(100, first=40, end=60)
    result = verify(book.log, sign(book.entries[:90]))
    assert not result.ok
    assert "export all" in result.why
    assert verify(book.log, sign(book.entries[:50])).ok


def test_withheld_entries_are_counted_and_still_proved() -> None:
    book = Book(100)
    book.lines[30] = canonical({"leaf": leaf(book.entries[30]).hex(), "withheld": 30}) + b"\n"
    result = verify(book.log, book.checkpoint)
    assert (result.ok, result.withheld) == (True, 1)
    book.lines[30] = canonical({"leaf": leaf(entry(30, detail="x")).hex(), "withheld": 30}) + b"\n"
    assert _told(book) == (False, 30, Change.EDITED)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}\n",
        b'{"format":"khue-audit-2","origin":"a","size":0,"from":0,"to":0}\n',
        b'{"format":"khue-audit-1","origin":"a","size":0,"from":0,"to":1}\n',
        b'{"format":"khue-audit-1","origin":"a","size":-1,"from":0,"to":0}\n',
        b'{"format":"khue-audit-1","origin":"a","size":5,"from":1,"to":5}\n',
        b'{"format":"khue-audit-1","origin":"a","size":5,"from":1,"to":5,"before":["zz"]}\n',
        b'{"format":"khue-audit-1","origin":"a","size":5,"from":0,"to":4}\n',
        b"\xff\n",
        b"[" * 100_000,
    ],
)
def test_what_is_no_export(text: bytes) -> None:
    with pytest.raises(AuditError):
        read_lines(io.BytesIO(text))
