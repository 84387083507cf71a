"""An exported audit log and checkpoints, checked with nothing but these files: no centre, no database, no trust in who exported.

The leaves are made anew from every entry; the root over them is compared with the one that was signed. Where they differ, the
tree's own record of the leaves, which the file carries too and which is proved against the same root, tells the entry.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from khue.model.audit import FORM, read_entry
from khue.model.audit_compare import Change, Difference, Leaves, first_difference
from khue.model.checkpoint import LogKey, Signed, parse_checkpoint
from khue.model.errors import AuditError
from khue.model.merkle import SIZE, Frontier, cover

FORMAT = "khue-audit-1"
_LONGEST = 1024 * 1024  # bytes of a line
_LEAF, _ENTRY = slice(9, 73), 83  # where they stand in a line as the centre writes it
_MIDDLE = b'","entry":'


class Header(msgspec.Struct, frozen=True, rename={"first": "from", "end": "to"}):
    """The first line. Nothing in it is believed: a wrong one leads to a wrong root."""

    format: str
    origin: str
    size: int
    first: int
    end: int
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    key: str = ""


class _Line(msgspec.Struct, frozen=True):
    """Any other line."""

    leaf: str = ""
    entry: msgspec.Raw = msgspec.Raw()
    withheld: int | None = None
    leaves: str = ""
    first: int = -1
    checkpoint: str = ""


class Log:
    """What a file holds: ``found`` are leaves made from its entries, ``noted`` those written beside them, ``record`` the tree's."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.found = bytearray()
        self.noted = bytearray()
        self.record = bytearray()
        self.checkpoints: list[Signed] = []
        self.withheld: list[int] = []
        self.unread: dict[int, str] = {}  # entry to why
        self.odd: tuple[int, int] | None = (
            None  # the first (place, number it has) that is not counted on from the one before
        )

    @property
    def count(self) -> int:
        return len(self.found) // SIZE

    def add(self, line: bytes, number: int) -> None:
        """Raises AuditError, naming the line."""
        if line[_LEAF.stop : _ENTRY] == _MIDDLE and line.endswith(b"}}\n") and line.startswith(b'{"leaf":"'):
            entry = line[_ENTRY:-2]
            leaf, noted = sha256(b"\0" + entry).digest(), line[_LEAF]
            if leaf.hex().encode() == noted:
                self._count(entry)
                self.found += leaf
                self.noted += leaf
                return
        try:
            self._other(msgspec.json.decode(line, type=_Line))
        except (
            AuditError,
            msgspec.MsgspecError,
            UnicodeDecodeError,
            RecursionError,
            binascii.Error,
            ValueError,
        ) as error:
            if line.startswith((b'{"leaves"', b'{"checkpoint"')):
                raise AuditError(f"line {number} cannot be read: {error}") from error
            self.unread.setdefault(self.header.first + self.count, f"line {number} cannot be read: {error}")
            self.found += sha256(line).digest()  # what stands there is not what was written, whatever that was
            self.noted += bytes(SIZE)

    def _count(self, entry: bytes) -> None:
        if self.odd is None:
            expected = self.header.first + self.count
            if not entry.startswith(b'{"v":%d,"seq":%d,' % (FORM, expected)):
                seq = read_entry(entry).seq
                self.odd = None if seq == expected else (expected, seq)

    def _other(self, line: _Line) -> None:
        if content := bytes(line.entry):
            entry = read_entry(content)
            expected = self.header.first + self.count
            if self.odd is None and entry.seq != expected:
                self.odd = (expected, entry.seq)
            self.found += entry.leaf
            self.noted += _hash(line.leaf)
        elif line.withheld is not None:
            self.withheld.append(self.header.first + self.count)
            self.found += _hash(line.leaf)
            self.noted += _hash(line.leaf)
        elif line.leaves:
            if line.first == self.header.first + len(self.record) // SIZE:  # else it is worth nothing
                self.record += base64.b64decode(line.leaves, validate=True)
        elif line.checkpoint:
            self.checkpoints.append(parse_checkpoint(line.checkpoint))
        else:
            raise ValueError("it holds no entry, no leaves and no checkpoint")


class Result(msgspec.Struct, frozen=True):
    """``first_bad`` is the first entry edited, removed, inserted or moved; up to ``until`` where it cannot be told exactly."""

    ok: bool
    origin: str
    size: int  # entries the checkpoint was signed for
    root: str  # hex, as it was signed
    first: int  # entry of the file
    end: int  # of them, exclusive
    withheld: int
    signature: str  # good, unchecked, bad
    first_bad: int | None = None
    until: int | None = None
    change: Change | None = None
    why: str = ""


def read_log(path: Path) -> Log:
    """A file as the centre exported it. Raises AuditError for one that is none."""
    try:
        with path.open("rb") as file:
            return read_lines(file)
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {error.strerror}") from error


def read_lines(file: BinaryIO) -> Log:
    """As ``read_log``."""
    try:
        header = msgspec.json.decode(file.readline(_LONGEST), type=Header)
        if header.format != FORMAT or not 0 <= header.first <= header.end <= header.size < 1 << 62:
            raise ValueError(f"its format is {header.format[:40]!r}, entries {header.first} to {header.end}")
        log = Log(header)
        _edge(header)
        _after(header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise AuditError(f"this is no export of an audit log: {error}") from error
    number = 1
    while line := file.readline(_LONGEST):
        number += 1
        if len(line) == _LONGEST:
            raise AuditError(f"line {number} is longer than {_LONGEST} bytes")
        log.add(line, number)
    return log


def read_checkpoint(data: bytes) -> Signed:
    """From the text of a checkpoint, or what ``khue audit checkpoint --json`` prints. Raises AuditError."""
    try:
        text = data.decode()
        if text.lstrip().startswith("{"):
            text = msgspec.json.decode(data, type=dict[str, object])["text"]  # type: ignore[assignment]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise AuditError(f"this is no checkpoint: {error}") from error
    if not isinstance(text, str):
        raise AuditError("this is no checkpoint: its text is missing")
    return parse_checkpoint(text)


def verify(log: Log, checkpoint: Signed, key: LogKey | None = None, since: Signed | None = None) -> Result:
    """Whether the file holds the entries the checkpoint was signed for, and, as they were then, those of ``since``."""
    signature = "unchecked" if key is None else "good"
    trusted = [checkpoint] if since is None else [since, checkpoint]
    if key is not None and not all(key.signed(one) for one in trusted):
        return _result(log, checkpoint, "bad", None, f"the checkpoint is not signed with the key {key.text}")
    if {one.checkpoint.origin for one in trusted} != {log.header.origin}:
        return _result(log, checkpoint, signature, None, "the checkpoint is of another log")
    if key is not None and not all(key.signed(one) for one in log.checkpoints):
        return _result(log, checkpoint, signature, None, "a checkpoint inside the file is not signed with the key")
    difference = _look(log, trusted)
    if difference is None:
        return _result(log, checkpoint, signature, None, "")
    unread = log.unread.get(difference.seq, "")
    return _result(log, checkpoint, signature, difference, difference.why + (f" ({unread})" if unread else ""))


def _result(log: Log, checkpoint: Signed, signature: str, difference: Difference | None, why: str) -> Result:
    head, signed = log.header, checkpoint.checkpoint
    facts = (
        signed.origin,
        signed.size,
        signed.root.hex(),
        head.first,
        head.first + log.count,
        len(log.withheld),
        signature,
    )
    if difference is None:
        return Result(not why, *facts, why=why)
    return Result(False, *facts, difference.seq, difference.until, difference.change, why)


def _look(log: Log, trusted: Sequence[Signed]) -> Difference | None:
    """What is wrong with the entries; None when nothing is."""
    head = log.header
    signed = [*trusted, *log.checkpoints]
    beyond = [one.checkpoint.size for one in trusted if not _reachable(head, one.checkpoint.size)]
    if beyond and head.end == head.size:
        why = f"the log ends before entry {head.size}, and the checkpoint was signed for {beyond[0]} entries"
        return _first_of(log, signed) or Difference(head.first + log.count, Change.TRUNCATED, why)
    if beyond:
        why = f"a part of a log cannot be held against a checkpoint of {beyond[0]} entries; export all of it"
        return Difference(head.first, Change.UNKNOWN, why, head.end - 1)
    roots = _roots(head, log.found, [one.checkpoint.size for one in signed])
    whole = log.count == head.end - head.first and log.found == log.noted and log.odd is None
    if whole and all(roots.get(one.checkpoint.size) == one.checkpoint.root for one in signed):
        return None
    return _first_of(log, signed) or _between(log, signed, roots)


def _first_of(log: Log, signed: Sequence[Signed]) -> Difference | None:
    """The first entry that is not what it was, as exactly as the file tells."""
    head = log.header
    found, noted = Leaves(log.found, head.first), Leaves(log.noted, head.first)
    true = _proved(log, signed)
    if true is not None:
        difference = first_difference(found, true, noted)
        if difference is not None:
            return difference
    guesses = (_beside(found, noted), _numbers(log), first_difference(found, Leaves(log.record, head.first), noted))
    told = [difference for difference in guesses if difference is not None]
    if told:
        return min(told, key=lambda difference: difference.seq)
    if log.count > head.end - head.first:
        return Difference(head.end, Change.INSERTED, f"entries follow the last one, {head.end - 1}")
    if log.count < head.end - head.first:
        seq = head.first + log.count
        return Difference(
            seq, Change.TRUNCATED, f"the log ends before entry {seq}; {head.end - seq} entries are missing"
        )
    return None


def _proved(log: Log, signed: Sequence[Signed]) -> Leaves | None:
    """As much of the tree's record in the file as leads to a root that was signed."""
    head = log.header
    sizes = [one.checkpoint.size for one in signed]
    roots = _roots(head, log.record, sizes)
    good = [one.checkpoint.size for one in signed if roots.get(one.checkpoint.size) == one.checkpoint.root]
    if not good:
        return None
    end = min(max(good), head.end)
    return Leaves(log.record[: max(0, end - head.first) * SIZE], head.first)


def _beside(found: Leaves, noted: Leaves) -> Difference | None:
    if found.hashes == noted.hashes:
        return None
    difference = first_difference(found, noted)
    if difference is None:
        return None
    why = f"entry {difference.seq} is not the one whose hash is written beside it"
    return Difference(difference.seq, Change.EDITED, why)


def _numbers(log: Log) -> Difference | None:
    if log.odd is None:
        return None
    expected, number = log.odd
    change = Change.REMOVED if number > expected else Change.REORDERED
    return Difference(expected, change, f"entry {expected} is not in its place; one numbered {number} stands there")


def _between(log: Log, signed: Sequence[Signed], roots: dict[int, bytes]) -> Difference:
    """Entries and hashes were changed together: only checkpoints between which it happened can be told."""
    sure, first_wrong = log.header.first, log.header.first + log.count
    for one in sorted(signed, key=lambda one: one.checkpoint.size):
        size = one.checkpoint.size
        if roots.get(size) != one.checkpoint.root:
            first_wrong = min(size, first_wrong)
            break
        sure = max(sure, min(size, log.header.end))
    until = max(sure, first_wrong - 1)
    why = f"entries and the hashes beside them were changed together, somewhere from entry {sure} to {until}"
    return Difference(sure, Change.EDITED, why, until)


def _reachable(head: Header, size: int) -> bool:
    return head.first <= size <= head.end or size == head.size


def _roots(head: Header, leaves: bytes | bytearray, sizes: Iterable[int]) -> dict[int, bytes]:
    """Root of the log at each size, as far as these leaves and the subtrees around them give it."""
    edge = _edge(head)
    roots: dict[int, bytes] = {}
    last = head.first + len(leaves) // SIZE
    data = bytes(leaves)
    for size in sorted(set(sizes)):
        if head.first <= size <= min(last, head.end):
            for at in range((edge.size - head.first) * SIZE, (size - head.first) * SIZE, SIZE):
                edge.append(data[at : at + SIZE])
            roots[size] = edge.root()
        elif size == head.size and last >= head.end:
            for at in range((edge.size - head.first) * SIZE, (head.end - head.first) * SIZE, SIZE):
                edge.append(data[at : at + SIZE])
            for part, value in zip(cover(head.end, head.size), _after(head), strict=True):
                edge.push(part.level, value)
            roots[size] = edge.root()
    return roots


def _edge(head: Header) -> Frontier:
    """What stands for the entries before the first. Raises ValueError."""
    return Frontier(head.first, [_hash(value) for value in head.before])


def _after(head: Header) -> list[bytes]:
    """What stands for the entries after the last. Raises ValueError."""
    parts = cover(head.end, head.size)
    if len(parts) != len(head.after):
        raise ValueError(
            f"{len(head.after)} hashes stand for the entries left out at its end, {len(parts)} would be needed"
        )
    return [_hash(value) for value in head.after]


def _hash(text: str) -> bytes:
    value = bytes.fromhex(text)
    if len(value) != SIZE:
        raise ValueError(f"a hash has {SIZE} bytes, not {len(value)}")
    return value
