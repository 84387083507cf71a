"""Every second that should have been recorded is recorded or has a row that says why not."""

from __future__ import annotations

import enum

import msgspec

from khue.model.time import Micros


class GapCause(enum.StrEnum):
    """Who has to act for the gap to end."""

    CAMERA = "camera"  # it was off, stalled, refused us or spoke nonsense
    LINK = "link"  # no route, time-outs, packets lost
    NODE = "node"  # the node was down, restarting or overloaded
    DISK = "disk"  # the node could not write
    POLICY = "policy"  # recording was switched off or suspended on purpose


class Span(msgspec.Struct, frozen=True):
    """Recorded without interruption over [start, end)."""

    start: Micros
    end: Micros


class Gap(msgspec.Struct, frozen=True, omit_defaults=True):
    """Not recorded over [start, end); ``end`` is None while it lasts.

    ``partial`` rows lie inside recorded spans: packets were lost there, the rest was kept.
    """

    start: Micros
    end: Micros | None
    cause: GapCause
    detail: str = ""
    partial: bool = False
