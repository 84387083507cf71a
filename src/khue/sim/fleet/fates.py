"""What really becomes of each camera when a node tries it: pictures, or which trouble. Read from ``registry.jsonl``."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from khue.model.camera import CameraState
from khue.model.coverage import GapCause
from khue.model.errors import ConfigError


class Fate(NamedTuple):
    """The state a stream of the camera comes to, and why, in a node's words."""

    state: CameraState
    detail: str = ""
    cause: GapCause | None = None
    codec: str = ""
    width: int = 0
    height: int = 0


_DEAD: tuple[tuple[float, Fate], ...] = (
    (50, Fate(CameraState.UNREACHABLE, "no answer in 5 s: the camera or its line is off", GapCause.LINK)),
    (18, Fate(CameraState.UNREACHABLE, "no route to host", GapCause.LINK)),
    (14, Fate(CameraState.UNREACHABLE, "connection refused: nothing listens on port 554", GapCause.CAMERA)),
    (12, Fate(CameraState.REFUSED, "401 Unauthorized: the password is not the camera's", GapCause.CAMERA)),
    (6, Fate(CameraState.STALLED, "connected, but no picture for 10 s", GapCause.CAMERA)),
)
_PICTURES = {2.0: (1920, 1080), 4.0: (2560, 1440), 5.0: (2592, 1944), 8.0: (3840, 2160)}
LOST = _DEAD[0][1]  # also of an address nobody knows


class _Line(msgspec.Struct):
    working: bool
    host: str = ""
    site: str = ""
    rtsp_main: str = ""
    megapixels: float = 2.0


def fate(host: str, working: bool, megapixels: float = 2.0) -> Fate:
    """The same host always has the same fate."""
    chance = random.Random(host)
    if not working:
        return chance.choices([one for _, one in _DEAD], [weight for weight, _ in _DEAD])[0]
    width, height = _PICTURES.get(megapixels, (1920, 1080))
    codec = "h265" if chance.random() < 0.4 else "h264"
    return Fate(CameraState.RECORDING, codec=codec, width=width, height=height)


class Fates(NamedTuple):
    """``hosts``: fate by address on the site's network; ``sites``: cameras whose stream is in the books, by site."""

    hosts: Mapping[str, Fate]
    sites: Mapping[str, int]


def load(registry: Path) -> Fates:
    """Of ``registry.jsonl`` of a simulated fleet. Raises ConfigError when it is something else."""
    hosts: dict[str, Fate] = {}
    sites: dict[str, int] = {}
    decode = msgspec.json.Decoder(_Line).decode
    try:
        for text in registry.read_bytes().splitlines():
            line = decode(text)
            if line.rtsp_main:
                hosts[line.host] = fate(line.host, line.working, line.megapixels)
            if line.site:
                sites[line.site] = sites.get(line.site, 0) + 1
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{registry} is no registry.jsonl of a simulated fleet: {error}") from error
    return Fates(hosts, sites)
