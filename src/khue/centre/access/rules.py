"""Who may do what, and how failed sign-ins slow the next one. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection

import msgspec


class Role(enum.StrEnum):
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    VIEWER = "viewer"


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


_VIEWER = frozenset(
    {Action.CAMERA_READ, Action.REGISTRY_READ, Action.LIVE, Action.PLAYBACK, Action.SNAPSHOT, Action.COVERAGE}
)
_OPERATOR = _VIEWER | {
    Action.CAMERA_WRITE,
    Action.CAMERA_PROBE,
    Action.CLIP_CREATE,
    Action.CLIP_READ,
    Action.CLIP_DOWNLOAD,
    Action.NODE_READ,
    Action.RETENTION_READ,
    Action.REGISTRY_WRITE,
    Action.REGISTRY_EXPORT,
    Action.IMPORT_READ,
    Action.IMPORT_WRITE,
    Action.DISCOVER,
}
ALLOWED: dict[Role, frozenset[Action]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMINISTRATOR: frozenset(Action),
}
# Lists show no picture and are asked for every few seconds; everything else leaves a line.
UNLOGGED = frozenset(
    {
        *(Action.CAMERA_READ, Action.NODE_READ, Action.RETENTION_READ, Action.CLIP_READ),
        *(Action.REGISTRY_READ, Action.IMPORT_READ),
    }
)


class Account(msgspec.Struct, frozen=True):
    """A person, or a program that acts for one. Without ``units`` and ``agencies`` it acts for the whole city."""

    id: str
    username: str
    display_name: str
    role: Role
    language: str = "vi"
    units: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    defence: bool = False

    @property
    def sees_whole_city(self) -> bool:
        return not self.units and not self.agencies

    @property
    def sees_everything(self) -> bool:
        """No camera is hidden from it."""
        return self.sees_whole_city and self.defence

    def covers(self, units: Collection[str], agencies: Collection[str], defence: bool) -> bool:
        """Whether what somebody with this scope sees, is seen by this account too."""
        if defence and not self.defence:
            return False
        if self.sees_whole_city:
            return True
        return bool(units or agencies) and {*units} <= {*self.units} and {*agencies} <= {*self.agencies}


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
