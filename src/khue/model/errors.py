"""The one exception tree. A message names what failed, where, and what to do about it."""

from __future__ import annotations

from typing import ClassVar

from khue.model.coverage import GapCause


class KhueError(Exception):
    """Anything the product says to a person. The text carries the remedy and never a credential."""


class CameraError(KhueError):
    """A camera did not do what was asked of it. ``cause`` says who has to act for the gap to end."""

    default_cause: ClassVar[GapCause] = GapCause.CAMERA

    def __init__(self, message: str, *, cause: GapCause | None = None) -> None:
        super().__init__(message)
        self.cause = cause or self.default_cause


class CameraUnreachable(CameraError):
    """No connection: name not found, refused, timed out, network down."""

    default_cause = GapCause.LINK


class CameraRefused(CameraError):
    """The camera answered and said no: wrong password, no such stream, no session left."""


class CameraProtocolError(CameraError):
    """The camera spoke, but not what the protocol allows. Carries the position where it went wrong."""


class CameraStalled(CameraError):
    """A playing camera sent nothing for longer than it may."""


class MediaError(KhueError):
    """Recorded or live media cannot be depacketised, muxed or decoded."""


class RecordingError(KhueError):
    """The recording log or its index cannot do what was asked."""


class LinkError(KhueError):
    """Node and centre cannot reach each other, or the other end did not answer in time."""


class AuditError(KhueError):
    """An audit log, its export or a checkpoint is not what it says, or cannot be read."""


class ConfigError(KhueError):
    """A setting is missing, unknown or out of range."""


class NotFound(KhueError):
    """No such thing, or none the asker may know of."""


class Denied(KhueError):
    """The asker is known and may not do this."""


class Conflict(KhueError):
    """The change contradicts what is stored."""


class Unstorable(KhueError):
    """A text that cannot be kept: the character 0."""


class Unavailable(KhueError):
    """A part this needs, such as the database, is away for now; the same request may succeed later."""
