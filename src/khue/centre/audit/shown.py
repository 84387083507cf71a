"""What the audit's routes answer with."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from khue.centre.audit.checkpoints import Stored
from khue.centre.ports import Row
from khue.model.checkpoint import LogKey

Shape = TypeVar("Shape", bound=msgspec.Struct)


class EntryOut(msgspec.Struct):
    """``leaf`` hex; ``camera_name`` null for a camera that is gone."""

    seq: int
    at: dt.datetime
    account: str
    username: str
    post: str
    action: str
    address: str
    outcome: str
    camera: str
    camera_name: str | None
    stream: str
    period_start: dt.datetime | None
    period_end: dt.datetime | None
    purpose: str
    case_number: str
    reason: str
    grant: str
    clause: str
    version: str
    cameras: int
    named: list[str]
    detail: str
    leaf: str


class EntriesOut(msgspec.Struct):
    """``next`` is ``before`` of the page after."""

    items: list[EntryOut]
    next: int | None


class WatcherOut(msgspec.Struct):
    """One account in one post."""

    account: str
    username: str
    post: str
    allowed: int
    refused: int
    first: dt.datetime
    last: dt.datetime
    actions: list[str]
    purposes: list[str]
    cases: list[str]
    grants: list[str]


class WatchersOut(msgspec.Struct):
    camera: str
    items: list[WatcherOut]


class DoingOut(msgspec.Struct):
    """One action, in one post; ``cameras`` is how many."""

    action: str
    post: str
    allowed: int
    refused: int
    first: dt.datetime
    last: dt.datetime
    cameras: int
    purposes: list[str]
    cases: list[str]
    addresses: list[str]


class DoneToOut(msgspec.Struct):
    camera: str
    name: str | None
    count: int
    refused: int
    first: dt.datetime
    last: dt.datetime
    actions: list[str]


class OfficerOut(msgspec.Struct):
    account: str
    items: list[DoingOut]
    cameras: list[DoneToOut]


class RefusedOut(msgspec.Struct):
    """``detail`` is what was said the last time."""

    account: str
    username: str
    action: str
    clause: str
    version: str
    count: int
    cameras: int
    first: dt.datetime
    last: dt.datetime
    detail: str
    addresses: list[str]


class RefusalsOut(msgspec.Struct):
    items: list[RefusedOut]


class UnusedOut(msgspec.Struct):
    """``last_used`` null: never."""

    id: str
    post: str | None
    title: str | None
    agency: str | None
    agency_name: str | None
    rights: list[str]
    valid_from: dt.datetime
    valid_to: dt.datetime | None
    origin: str
    basis: str
    given_by: str
    last_used: dt.datetime | None


class UnusedGrantsOut(msgspec.Struct):
    days: float
    items: list[UnusedOut]


class CheckpointOut(msgspec.Struct):
    """``text`` is all of it as C2SP signed-note writes it; ``root`` hex, ``signature`` base64; ``at`` is not signed."""

    origin: str
    size: int
    root: str
    at: dt.datetime
    signature: str
    key: str
    text: str


class CheckpointsOut(msgspec.Struct):
    items: list[CheckpointOut]
    next: int | None


class KeyOut(msgspec.Struct):
    """Whose signature to believe: write it down on paper once, and compare."""

    origin: str
    key: str


class InclusionOut(msgspec.Struct):
    """Hex; RFC 9162, 2.1.3."""

    seq: int
    size: int
    leaf: str
    proof: list[str]


class ConsistencyOut(msgspec.Struct, rename={"start": "from", "end": "to"}):
    """Hex; RFC 9162, 2.1.4."""

    start: int
    end: int
    proof: list[str]


def shown(shape: type[Shape], row: Row) -> Shape:
    return shape(*(row[name] for name in shape.__struct_fields__))


def entry_out(row: Row) -> EntryOut:
    taken = {"grant": row["grant_id"], "leaf": row["leaf"].hex()}
    return EntryOut(**{name: taken[name] if name in taken else row[name] for name in EntryOut.__struct_fields__})


def checkpoint_out(stored: Stored, key: LogKey) -> CheckpointOut:
    signed = stored.signed
    return CheckpointOut(
        origin=signed.checkpoint.origin,
        size=signed.checkpoint.size,
        root=signed.checkpoint.root.hex(),
        at=stored.at,
        signature=base64.b64encode(signed.signatures[0][1]).decode(),
        key=key.text,
        text=signed.note,
    )


def hexes(hashes: Sequence[bytes]) -> list[str]:
    return [value.hex() for value in hashes]
