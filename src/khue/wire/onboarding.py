"""Messages that bring cameras in: a node looks for them, and changes their passwords (design/08).

- ``khue.node.{node}.scan``      request  ScanRequest -> ScanReply          starts a scan, fetches what it found, ends it
- ``khue.node.{node}.password``  request  PasswordRequest -> PasswordReply  changes a password, or says which one holds
"""

from __future__ import annotations

import enum

from khue.wire.link import Message

SCAN_BATCH = 200  # devices in one ScanReply
SCAN_LEASE_S = 60.0  # a scan nobody asks after for this long ends


class ScanState(enum.StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"  # this node has no such scan: it was started anew since


class ScanRequest(Message, frozen=True):
    """Start (``start``), go on (neither) or end (``cancel``) the scan called ``id``; each is safe to repeat.

    ``received`` devices have arrived: the reply brings those after them, and the node forgets the ones before. The node
    stops looking while too many wait to be fetched, and for good when nobody asks for SCAN_LEASE_S.
    ``ranges`` None are all the node has declared; none at all, with ``multicast``, only asks by WS-Discovery. ``ports``
    empty are those of the catalogue.
    """

    id: str
    start: bool = False
    cancel: bool = False
    received: int = 0
    ranges: tuple[str, ...] | None = None
    multicast: bool = False
    ports: tuple[int, ...] = ()


class FoundDevice(Message, frozen=True):
    """Something that looks like a camera. ``key`` tells it from others of the same scan.

    ``vendor`` and ``family`` are the catalogue's where a sign of one was seen. What a device says without a password is
    all that is asked. ``error`` says what could not be read.
    """

    key: str
    address: str
    ports: tuple[int, ...] = ()
    onvif: bool = False
    services: tuple[str, ...] = ()
    vendor: str = ""
    family: str = ""
    model: str = ""
    name: str = ""
    serial: str = ""
    mac: str = ""
    clock_offset_s: float | None = None
    error: str = ""


class ScanReply(Message, frozen=True):
    """``asked`` of ``total`` addresses are done. ``outside`` answers came from beyond the declared ranges and were dropped."""

    state: ScanState = ScanState.UNKNOWN
    total: int = 0
    asked: int = 0
    outside: int = 0
    found: tuple[FoundDevice, ...] = ()
    more: bool = False  # found ones wait beyond this batch
    error: str = ""


class PasswordRequest(Message, frozen=True):
    """Give ``username`` the password ``new``, or with ``check`` only say which of the two holds; it is tried once each.

    ``url`` is the device's ONVIF address or host, ``stream_url`` a stream that must be let in with the new password too.
    """

    url: str
    username: str
    old: str
    new: str
    stream_url: str = ""
    check: bool = False
    timeout_s: float = 20.0

    def __repr__(self) -> str:
        return f"PasswordRequest({self.url!r})"


class Holds(enum.StrEnum):
    """Which password the device takes now."""

    NEW = "new"
    OLD = "old"
    NEITHER = "neither"
    UNKNOWN = "unknown"  # it could not be asked


class PasswordReply(Message, frozen=True):
    """``told``: the device was given the order. ``rolled_back``: it had taken the new one, and was given the old one again."""

    holds: Holds = Holds.UNKNOWN
    told: bool = False
    rolled_back: bool = False
    error: str = ""
    remedy: str = ""
