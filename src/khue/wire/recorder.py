"""Messages between a node's main process and its recorder workers: msgpack, each behind a 4-byte length, over a socket pair."""

from __future__ import annotations

import msgspec

from khue.model.camera import StreamName
from khue.model.media import Track
from khue.model.time import Micros
from khue.wire.link import CameraSpec, StreamCounters, StreamStatus


class Assign(msgspec.Struct, tag=True):
    """The whole set of cameras this worker is to pull."""

    cameras: tuple[CameraSpec, ...]


class Tap(msgspec.Struct, tag=True):
    """Send this stream's bytes as they come, until Untap."""

    camera: str
    stream: StreamName


class Untap(msgspec.Struct, tag=True):
    camera: str
    stream: StreamName


class Stop(msgspec.Struct, tag=True):
    """Write what is there and end."""


class Playing(msgspec.Struct, tag=True):
    """A tapped stream starts (or starts again): what follows are its bytes. Everything before ``at`` is in the log by now."""

    camera: str
    stream: StreamName
    tracks: tuple[Track, ...]
    parameter_sets: tuple[bytes, ...]
    at: Micros
    recorded: bool


class Bytes(msgspec.Struct, tag=True):
    """Whole interleaved frames of a tapped stream."""

    camera: str
    stream: StreamName
    arrival: Micros
    data: bytes


class Status(msgspec.Struct, tag=True):
    status: StreamStatus


class Counters(msgspec.Struct, tag=True):
    """Once a second: totals of every stream, and what the worker costs."""

    streams: tuple[StreamCounters, ...]
    cpu_seconds: float
    rss_bytes: int
    alert: str = ""


Down = Assign | Tap | Untap | Stop
Up = Playing | Bytes | Status | Counters
