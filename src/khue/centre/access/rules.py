"""Who may do what, and how failed sign-ins slow the next one. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from typing import Any

import msgspec


class Role(enum.StrEnum):
    """What an account is appointed to; also the kind of its personal post. A member can only what its posts can."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    VIEWER = "viewer"
    AUDITOR = "auditor"
    MEMBER = "member"


class Right(enum.StrEnum):
    """What a grant allows to be done with cameras."""

    SEE = "see"
    LIVE = "live"
    PLAYBACK = "playback"
    EXPORT = "export"
    PTZ = "ptz"
    MANAGE = "manage"
    ONBOARD = "onboard"
    APPROVE = "approve"
    AUDIT = "audit"
    ADMINISTER = "administer"


class Action(enum.StrEnum):
    """Everything a route can do, as ``resource:action``."""

    CAMERA_READ = "camera:read"
    CAMERA_WRITE = "camera:write"
    CAMERA_PROBE = "camera:probe"
    LIVE = "camera:live"
    PLAYBACK = "camera:playback"
    SNAPSHOT = "camera:snapshot"
    COVERAGE = "camera:coverage"
    CLIP_CREATE = "clip:create"
    CLIP_READ = "clip:read"
    CLIP_DOWNLOAD = "clip:download"
    NODE_READ = "node:read"
    NODE_WRITE = "node:write"
    RETENTION_READ = "retention:read"
    RETENTION_WRITE = "retention:write"
    ACCOUNT_WRITE = "account:write"
    LOG_READ = "log:read"
    REGISTRY_READ = "registry:read"
    REGISTRY_WRITE = "registry:write"
    REGISTRY_EXPORT = "registry:export"
    IMPORT_READ = "import:read"
    IMPORT_WRITE = "import:write"
    DISCOVER = "node:discover"
    ROTATE_PASSWORD = "camera:rotate-password"
    ORGANISATION_READ = "organisation:read"
    ORGANISATION_WRITE = "organisation:write"
    GRANT_READ = "grant:read"
    GRANT_WRITE = "grant:write"
    REQUEST = "request:make"
    REQUEST_DECIDE = "request:decide"
    EMERGENCY = "emergency:declare"
    EMERGENCY_REVIEW = "emergency:review"
    REGULATION_READ = "regulation:read"
    REGULATION_WRITE = "regulation:write"


# None: everybody who is signed in; what they then reach, or may give, the database decides.
RIGHT_OF: dict[Action, Right | None] = {
    Action.CAMERA_READ: Right.SEE,
    Action.CAMERA_WRITE: Right.MANAGE,
    Action.CAMERA_PROBE: Right.ONBOARD,
    Action.LIVE: Right.LIVE,
    Action.PLAYBACK: Right.PLAYBACK,
    Action.SNAPSHOT: Right.LIVE,
    Action.COVERAGE: Right.SEE,
    Action.CLIP_CREATE: Right.EXPORT,
    Action.CLIP_READ: Right.SEE,
    Action.CLIP_DOWNLOAD: Right.EXPORT,
    Action.NODE_READ: Right.ONBOARD,
    Action.NODE_WRITE: Right.ADMINISTER,
    Action.RETENTION_READ: Right.MANAGE,
    Action.RETENTION_WRITE: Right.ADMINISTER,
    Action.ACCOUNT_WRITE: Right.ADMINISTER,
    Action.LOG_READ: Right.AUDIT,
    Action.REGISTRY_READ: Right.SEE,
    Action.REGISTRY_WRITE: Right.MANAGE,
    Action.REGISTRY_EXPORT: Right.MANAGE,
    Action.IMPORT_READ: Right.MANAGE,
    Action.IMPORT_WRITE: Right.MANAGE,
    Action.DISCOVER: Right.ONBOARD,
    Action.ROTATE_PASSWORD: Right.ADMINISTER,
    Action.ORGANISATION_READ: None,
    Action.ORGANISATION_WRITE: Right.ADMINISTER,
    Action.GRANT_READ: None,
    Action.GRANT_WRITE: None,
    Action.REQUEST: None,
    Action.REQUEST_DECIDE: Right.APPROVE,
    Action.EMERGENCY: None,
    Action.EMERGENCY_REVIEW: Right.AUDIT,
    Action.REGULATION_READ: None,
    Action.REGULATION_WRITE: Right.ADMINISTER,
}
# Lists show no picture and are asked for every few seconds; everything else leaves a line, and so does every refusal.
UNLOGGED = frozenset(
    {
        *(Action.CAMERA_READ, Action.NODE_READ, Action.RETENTION_READ, Action.CLIP_READ),
        *(Action.REGISTRY_READ, Action.IMPORT_READ, Action.ORGANISATION_READ, Action.REGULATION_READ),
    }
)


class Account(msgspec.Struct, frozen=True):
    """A person, or a program that acts for one.

    ``role``, ``units``, ``agencies`` and ``defence`` are what it was appointed to itself; what its posts were granted comes
    on top, and the database alone knows the sum. ``only_grants`` holds a token to some of them.
    """

    id: str
    username: str
    display_name: str
    role: Role
    language: str = "vi"
    units: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    defence: bool = False
    only_grants: tuple[str, ...] | None = None

    @property
    def sees_whole_city(self) -> bool:
        """By its own appointment."""
        return self.role is not Role.MEMBER and self.only_grants is None and not self.units and not self.agencies

    @property
    def sees_everything(self) -> bool:
        """By its own appointment no camera is hidden from it."""
        return self.sees_whole_city and self.defence

    def covers(self, units: Collection[str], agencies: Collection[str], defence: bool) -> bool:
        """Whether what somebody with this scope sees, is seen by this account too."""
        if (defence and not self.defence) or self.role is Role.MEMBER or self.only_grants is not None:
            return False
        if self.sees_whole_city:
            return True
        return bool(units or agencies) and {*units} <= {*self.units} and {*agencies} <= {*self.agencies}


class Term(msgspec.Struct, frozen=True):
    """One grant's cameras: all conditions hold at once, None is no condition. ``fleets`` with the agencies below them."""

    units: frozenset[str] | None = None
    fleets: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    cameras: frozenset[str] | None = None
    defence: bool = False

    @property
    def whole_city(self) -> bool:
        return self.units is None and self.fleets is None and self.purposes is None and self.cameras is None

    def covers(self, facts: Mapping[str, Any]) -> bool:
        """Whether a camera with this unit, owner, manager, purpose and id is among them; as ``grant_covers`` has it."""
        return (
            (self.defence or facts.get("purpose") != "defence")
            and (self.units is None or facts.get("unit") in self.units)
            and (self.fleets is None or facts.get("owner") in self.fleets or facts.get("manager") in self.fleets)
            and (self.purposes is None or facts.get("purpose") in self.purposes)
            and (self.cameras is None or facts.get("id") in self.cameras)
        )


class ThrottleKey(msgspec.Struct, frozen=True):
    """Something failed sign-ins are counted by, and how many are free."""

    key: str
    free: int


_LONGEST = 900.0  # seconds


def throttle_keys(username: str, address: str) -> tuple[ThrottleKey, ...]:
    """The person from this address, the person from anywhere, anybody from this address.

    The first is strict; the others are loose, so that nobody can lock a person out from elsewhere for a few tries.
    """
    return (
        ThrottleKey(f"both {username} {address}", 5),
        ThrottleKey(f"name {username}", 30),
        ThrottleKey(f"from {address}", 60),
    )


def backoff(failures: int, free: int) -> float:
    """Seconds the next attempt has to wait: none for the first ``free``, then 1, 2, 4 ... up to 15 minutes."""
    if failures < free:
        return 0.0
    return min(2.0 ** min(failures - free, 20), _LONGEST)
