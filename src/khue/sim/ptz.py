"""Where a simulated dome points: it moves with its motors' speed, remembers presets and can be asked on the way."""

from __future__ import annotations

from typing import NamedTuple

from khue.model.errors import NotFound


class Position(NamedTuple):
    """Generic spaces of ONVIF PTZ: pan and tilt -1..1, zoom 0..1."""

    pan: float
    tilt: float
    zoom: float


_REST = Position(0.0, 0.0, 0.0)
_LOW, _HIGH = Position(-1.0, -1.0, 0.0), Position(1.0, 1.0, 1.0)
_FULL_SPEED = 0.5  # of the range per second at velocity 1


class Dome:
    """Pure but for the time it is given (seconds, monotonic)."""

    def __init__(self) -> None:
        self.presets: dict[str, tuple[str, Position]] = {"1": ("Home", _REST)}
        self._from, self._velocity = _REST, _REST
        self._since = 0.0
        self._until = 0.0

    def position(self, now: float) -> Position:
        lasted = max(0.0, min(now, self._until) - self._since)
        moved = zip(self._from, self._velocity, _LOW, _HIGH, strict=True)
        return Position(*(min(max(at + v * _FULL_SPEED * lasted, low), high) for at, v, low, high in moved))

    def moving(self, now: float) -> bool:
        return now < self._until and self._velocity != _REST

    def move(self, velocity: Position, now: float, timeout_s: float) -> None:
        """Go on at that velocity (-1..1 each) until told otherwise or the time-out."""
        self._from, self._since = self.position(now), now
        self._velocity, self._until = velocity, now + timeout_s

    def go(self, goal: Position, now: float) -> None:
        """Straight there: a simulated dome needs no time for it."""
        self._from = Position(*(min(max(at, low), high) for at, low, high in zip(goal, _LOW, _HIGH, strict=True)))
        self._velocity, self._since, self._until = _REST, now, now

    def stop(self, now: float) -> None:
        self.go(self.position(now), now)

    def set_preset(self, token: str, name: str, now: float) -> str:
        """Remember the present position, under a new token when none is given."""
        chosen = token or str(max((int(known) for known in self.presets if known.isdecimal()), default=0) + 1)
        self.presets[chosen] = (name or f"Preset {chosen}", self.position(now))
        return chosen

    def go_to_preset(self, token: str, now: float) -> None:
        """Raises NotFound."""
        if token not in self.presets:
            raise NotFound(f"no preset {token}")
        self.go(self.presets[token][1], now)
