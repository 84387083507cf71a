"""The words of the registry: what a camera is for, whose, on which line, and where in its life it stands."""

from __future__ import annotations

import enum


class Purpose(enum.StrEnum):
    """Why a camera may watch a place; every camera has exactly one. Decision 319/QĐ-UBND counts them in groups."""

    SECURITY = "security"
    VIOLATION = "violation"
    DEFENCE = "defence"
    TRAFFIC_SAFETY = "traffic_safety"
    TRAFFIC_INFRASTRUCTURE = "traffic_infrastructure"
    ENVIRONMENT = "environment"
    URBAN_ORDER = "urban_order"
    VOV_TRAFFIC = "vov_traffic"


class QuotaGroup(enum.StrEnum):
    """Groups the scheme sets a number for: 23,736 order, 227 defence, 16,247 state; broadcast has none."""

    ORDER = "order"
    DEFENCE = "defence"
    STATE = "state"
    BROADCAST = "broadcast"


QUOTA_GROUPS: dict[Purpose, QuotaGroup] = {
    Purpose.SECURITY: QuotaGroup.ORDER,
    Purpose.VIOLATION: QuotaGroup.ORDER,
    Purpose.DEFENCE: QuotaGroup.DEFENCE,
    Purpose.TRAFFIC_SAFETY: QuotaGroup.STATE,
    Purpose.TRAFFIC_INFRASTRUCTURE: QuotaGroup.STATE,
    Purpose.ENVIRONMENT: QuotaGroup.STATE,
    Purpose.URBAN_ORDER: QuotaGroup.STATE,
    Purpose.VOV_TRAFFIC: QuotaGroup.BROADCAST,
}


class Kind(enum.StrEnum):
    PTZ = "ptz"
    FIXED = "fixed"


class LinkKind(enum.StrEnum):
    """The line a camera hangs on. A borrowed one needs a resident's consent."""

    PRIVATE_FIBRE = "private_fibre"
    LEASED = "leased"
    BORROWED = "borrowed"


class Mounting(enum.StrEnum):
    POLE = "pole"
    WALL = "wall"
    GANTRY = "gantry"
    BUILDING = "building"
    TRAFFIC_LIGHT = "traffic_light"
    OTHER = "other"


class Life(enum.StrEnum):
    """Where a camera stands between a proposal and its removal."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    INSTALLED = "installed"
    ACCEPTED = "accepted"
    OPERATING = "operating"
    FAULTY = "faulty"
    UNDER_REPAIR = "under_repair"
    SUSPENDED = "suspended"
    REMOVED = "removed"


# A camera that hangs there, whether it works or not.
INSTALLED = frozenset({Life.INSTALLED, Life.ACCEPTED, Life.OPERATING, Life.FAULTY, Life.UNDER_REPAIR, Life.SUSPENDED})


class Disclosure(enum.StrEnum):
    """What the public may know: where it is, in which unit it is, or only that it counts."""

    LOCATED = "located"
    AREA = "area"
    COUNTED = "counted"


class SecurityTopic(enum.StrEnum):
    """The eleven groups of QCVN 11:2026/BCA."""

    PASSWORDS = "passwords"
    VULNERABILITY_DISCLOSURE = "vulnerability_disclosure"
    SIGNED_UPDATES = "signed_updates"
    PROTECTED_KEYS = "protected_keys"
    ENCRYPTED_CHANNELS = "encrypted_channels"
    UNUSED_INTERFACES_OFF = "unused_interfaces_off"
    INPUT_VALIDATION = "input_validation"
    FAILURE_RECOVERY = "failure_recovery"
    USER_DATA_DELETION = "user_data_deletion"
    STORAGE_IN_VIETNAM = "storage_in_vietnam"
    PROTECTED_LOGS = "protected_logs"


class SecurityState(enum.StrEnum):
    """Derived from the newest finding of each topic: one ``fail`` fails; all ``pass`` or not applicable meets."""

    UNKNOWN = "unknown"
    FAILS = "fails"
    PARTIAL = "partial"
    MEETS = "meets"
