"""What may go wrong with a simulated camera on command, and the present troubles of one camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from khue.model.errors import ConfigError

Argument = float | str


class FaultKind(NamedTuple):
    """``arguments`` with their defaults; an instant fault happens once and leaves no state."""

    meaning: str
    arguments: Mapping[str, Argument] = {}
    instant: bool = False


FAULTS: Mapping[str, FaultKind] = {
    "dead": FaultKind("off: connections are refused, sessions are cut"),
    "unroutable": FaultKind("no answer at all: connects time out, sessions fall silent, nothing is closed"),
    "stalled": FaultKind("connected and answering, but no media is sent"),
    "reset": FaultKind("every connection gets a TCP RST, once", instant=True),
    "flapping": FaultKind("every connection gets a TCP RST again and again", {"every_s": 12.0}),
    "garbage": FaultKind("random bytes between pictures", {"bytes": 64, "every": 5}),
    "half-packets": FaultKind("RTP packets cut short in the TCP stream", {"every": 15}),
    "wrong-password": FaultKind("every password is refused with 401"),
    "slow-link": FaultKind("no more bytes than this; pictures that do not fit are skipped", {"bytes_per_s": 30_000}),
    "loss": FaultKind("RTP packets are lost at random, on UDP and TCP", {"percent": 5.0}),
    "reorder": FaultKind("UDP packets overtake each other", {"percent": 5.0}),
    "resolution": FaultKind("the stream goes on at another picture size"),
    "clock-jump": FaultKind("the camera's clock, in sender reports and ONVIF, jumps", {"seconds": 3600.0}),
    "timestamp-jump": FaultKind("RTP timestamps jump, once", {"seconds": 600.0}, instant=True),
    "frozen": FaultKind("the picture no longer changes"),
    "black": FaultKind("the picture is black"),
    "covered": FaultKind("something covers the lens"),
    "moved": FaultKind("the camera was turned away"),
    "redirect": FaultKind("DESCRIBE is answered 302; empty ``to`` is another port of this camera", {"to": ""}),
    "stale-nonce": FaultKind("the digest nonce in use becomes stale, once", instant=True),
}

#: Faults that are another picture, in the words of `khue.sim.camera.SimCamera.scene_spec`.
LOOKS = ("resolution", "frozen", "black", "covered", "moved")
#: Faults that touch each picture on its way.
_ON_THE_WAY = frozenset(("stalled", "unroutable", "garbage", "half-packets", "slow-link", "loss", "reorder", *LOOKS))


def checked(fault: str, given: Mapping[str, Argument]) -> tuple[str, dict[str, Argument]]:
    """The fault's own name and its full arguments. Raises ConfigError for what does not exist."""
    name = fault.replace("_", "-")
    kind = FAULTS.get(name)
    if kind is None:
        raise ConfigError(f"no fault {fault!r}; choose one of: {', '.join(FAULTS)}")
    if unknown := given.keys() - kind.arguments.keys():
        raise ConfigError(f"fault {name} has no argument {', '.join(sorted(unknown))}; it takes {dict(kind.arguments)}")
    for argument, value in given.items():
        if isinstance(kind.arguments[argument], str) != isinstance(value, str):
            wanted = "a text" if isinstance(kind.arguments[argument], str) else "a number"
            raise ConfigError(f"fault {name} takes {wanted} for {argument}, not {value!r}")
    return name, {**kind.arguments, **given}


class Troubles:
    """The lasting faults in force at one camera. ``on_the_way`` says cheaply whether pictures need a closer look."""

    def __init__(self) -> None:
        self._active: dict[str, dict[str, Argument]] = {}
        self.on_the_way = False

    def set(self, name: str, arguments: dict[str, Argument]) -> None:
        """Put a checked fault in force; one look replaces another."""
        if name in LOOKS:
            self._active = {other: value for other, value in self._active.items() if other not in LOOKS}
        self._active[name] = arguments
        self.on_the_way = not _ON_THE_WAY.isdisjoint(self._active)

    def clear(self) -> None:
        self._active = {}
        self.on_the_way = False

    def __contains__(self, name: str) -> bool:
        return name in self._active

    def number(self, name: str, argument: str) -> float:
        """An argument of a fault, 0 when the fault is not in force."""
        return float(self._active.get(name, {}).get(argument, 0.0))

    def text(self, name: str, argument: str) -> str:
        return str(self._active.get(name, {}).get(argument, ""))

    @property
    def look(self) -> str:
        """The picture fault in force, or empty."""
        return next((name for name in LOOKS if name in self._active), "")

    @property
    def names(self) -> list[str]:
        return list(self._active)
