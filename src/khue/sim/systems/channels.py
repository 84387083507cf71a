"""What a simulated system has cameras of: the simulated cameras, and the odd channels every real recorder has."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from khue.sim.camera import SimCamera
from khue.sim.families import stream_path

_ODD = (
    ("", ""),
    ("Hầm chui Kim Liên", "networkAbnormal"),
    ("Chợ Hôm", "userOrPasswordError"),
    ("Camera 01", ""),
    ("Ngã tư Sở", ""),
    ("Ngã tư Sở", ""),
)


class SimChannel(msgspec.Struct, frozen=True, kw_only=True):
    """One input. ``number`` from 1. Without a camera nothing is connected to it.

    ``host`` and ``rtsp_port`` are the camera's own, ``trouble`` what the recorder says of one that is not ``online``.
    """

    number: int
    name: str = ""
    camera: SimCamera | None = None
    host: str = ""
    rtsp_port: int = 554
    online: bool = True
    trouble: str = ""
    analogue: bool = False
    position: tuple[float, float] | None = None

    @property
    def model(self) -> str:
        camera = self.camera
        if camera is None:
            return ""
        made = {"hik": "DS-2CD2T47G2-L", "dahua": "DH-IPC-HFW1431S1-A"}.get(camera.family, "")
        return made or f"{camera.family.upper()}-SIM-{camera.main.height}"

    @property
    def serial(self) -> str:
        return (self.camera.serial or f"SIM{self.camera.endpoint.hex[:10].upper()}") if self.camera else ""

    def url(self, stream: str, *, credentials: bool = False) -> str:
        """The camera's own address of a stream; empty when it has no such stream."""
        if self.camera is None or self.camera.stream(stream) is None:
            return ""
        camera = self.camera
        user, password = quote(camera.username, safe=""), quote(camera.password, safe="")
        port = "" if self.rtsp_port == 554 else f":{self.rtsp_port}"
        path = stream_path(camera.entry, stream, camera.name, user, password)
        return f"rtsp://{f'{user}:{password}@' if credentials else ''}{self.host}{port}{path}"


def channels_of(cameras: Sequence[SimCamera], *, first: int = 1) -> list[SimChannel]:
    """One channel a camera, in their order, at the addresses a recorder's own network would give them."""
    return [
        SimChannel(
            number=number,
            name=camera.label or camera.name,
            camera=camera,
            host=camera.host or f"192.168.254.{number + 1}",
            rtsp_port=camera.rtsp_port or 554,
        )
        for number, camera in enumerate(cameras, first)
    ]


def with_oddities(channels: Sequence[SimChannel]) -> list[SimChannel]:
    """Adds what is never missing: a camera nobody named, one out of reach, one whose password was changed, one of the
    recorder's own names, two of the same name, and an input that nothing is connected to."""
    first = max((channel.number for channel in channels), default=0) + 1
    odd = [
        SimChannel(
            number=first + offset,
            name=name,
            camera=SimCamera(name=f"spare-{offset}"),
            host=f"192.168.253.{first + offset}",
            online=not trouble,
            trouble=trouble,
        )
        for offset, (name, trouble) in enumerate(_ODD)
    ]
    empty = SimChannel(number=first + len(odd), name="Kênh cũ", host="0.0.0.0", online=False, trouble="offline")
    return [*channels, *odd, empty]
