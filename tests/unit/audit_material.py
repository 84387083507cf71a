"""An audit log made up here, as a centre would export it: from the words of design/11-audit.md, not by its code."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from khue.cli.audit_file import Log, read_lines
from khue.model.checkpoint import Signed, Signer
from khue.model.merkle import cover, root_of

SIGNER = Signer("khue/audit", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
STEP = 1024


def entry(seq: int, **facts: object) -> dict[str, Any]:
    """What an outsider reads: a JSON object in this order."""
    made: dict[str, Any] = {
        "v": 1,
        "seq": seq,
        "at": 1_760_000_000_000_000 + seq,
        "account": f"{seq % 7:016x}",
        "username": ("trực.ban", 'o"b\\rien', "xin\nchào\u2028😀")[seq % 3],
        "post": "truc-ban-hk",
        "action": "camera:live",
        "address": "192.0.2.7",
        "outcome": "refused" if seq % 5 == 0 else "allowed",
        "camera": f"{seq % 40:016x}",
        "stream": "main",
        "period_start": None,
        "period_end": 1_760_000_000_000_000 if seq % 2 else None,
        "purpose": "situation",
        "case_number": "",
        "reason": "",
        "grant": "g1",
        "clause": "7.2",
        "version": "hanoi-2026.1",
        "cameras": 0,
        "named": [f"c{seq}"] if seq % 11 == 0 else [],
        "detail": "",
        "salt": sha256(b"%d" % seq).hexdigest()[:32],
    }
    return made | facts


def canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def leaf(value: dict[str, Any]) -> bytes:
    return sha256(b"\0" + canonical(value)).digest()


def line(value: dict[str, Any]) -> bytes:
    return b'{"leaf":"%b","entry":%b}\n' % (leaf(value).hex().encode(), canonical(value))


def sign(entries: list[dict[str, Any]]) -> Signed:
    return SIGNER.sign(len(entries), root_of(b"".join(map(leaf, entries))))


class Book:
    """A log of ``count`` entries with checkpoints of these sizes; ``lines`` may be bent before ``text``."""

    def __init__(self, count: int, sizes: Iterable[int] = (), first: int = 0, end: int | None = None) -> None:
        self.entries = [entry(seq) for seq in range(count)]
        self.first, self.end = first, count if end is None else end
        self.checkpoints = [sign(self.entries[:size]) for size in (*sizes, count)]
        self.lines = [line(one) for one in self.entries[self.first : self.end]]
        self.record = [leaf(one) for one in self.entries[self.first : self.end]]

    @property
    def checkpoint(self) -> Signed:
        return self.checkpoints[-1]

    def bend(self, seq: int, **facts: object) -> None:
        """As somebody would who rewrites the hash beside it, too."""
        self.lines[seq - self.first] = line(entry(seq, **facts))

    @property
    def header(self) -> dict[str, Any]:
        hashes = [leaf(one) for one in self.entries]
        count = len(self.entries)

        def around(first: int, end: int) -> list[str]:
            return [root_of(b"".join(hashes[part.first : part.end])).hex() for part in cover(first, end)]

        return {
            "format": "khue-audit-1",
            "origin": "khue/audit",
            "key": SIGNER.public.text,
            "size": count,
            "from": self.first,
            "to": self.end,
            "before": around(0, self.first),
            "after": around(self.end, count),
        }

    @property
    def text(self) -> bytes:
        out = [canonical(self.header) + b"\n"]
        for at in range(0, max(len(self.lines), len(self.record)), STEP):
            out += self.lines[at : at + STEP]
            leaves = base64.b64encode(b"".join(self.record[at : at + STEP])).decode()
            if leaves:
                out.append(canonical({"leaves": leaves, "first": self.first + at}) + b"\n")
        out += [canonical({"checkpoint": one.note}) + b"\n" for one in self.checkpoints]
        return b"".join(out)

    @property
    def log(self) -> Log:
        return read_lines(io.BytesIO(self.text))
