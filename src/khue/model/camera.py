"""What a camera is to the rest of the product."""

from __future__ import annotations

import enum


class CameraState(enum.StrEnum):
    """The state of one pulled stream; owned by exactly one task on one node."""

    CONNECTING = "connecting"
    RECORDING = "recording"
    STALLED = "stalled"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    DISABLED = "disabled"


class StreamName(enum.StrEnum):
    """A camera offers its best picture and, mostly, a small one."""

    MAIN = "main"
    SUB = "sub"


class Transport(enum.StrEnum):
    """How RTP is carried. AUTO is TCP first, then UDP (UDP receive costs four times TCP)."""

    AUTO = "auto"
    TCP = "tcp"
    UDP = "udp"
