"""What a simulated camera is told to be. All of it is plain configuration: a city is a list of these."""

from __future__ import annotations

import uuid
from typing import Literal

import msgspec

from khue.model.errors import ConfigError
from khue.sim import families
from khue.sim.audio import AudioKind
from khue.sim.encode import SceneSpec, VideoCodec
from khue.sim.users import SetUser

Auth = Literal["none", "basic", "digest-md5", "digest-sha256", "digest-md5+sha256", "digest-md5+basic"]
StreamChoice = Literal["main", "sub"]


class SimStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One encoded stream. ``gop_s`` and ``loop_s`` in seconds; ``slices`` per picture."""

    codec: VideoCodec = "h264"
    width: int = 1280
    height: int = 720
    fps: float = 15.0
    kbps: int = 2000
    gop_s: float = 2.0
    loop_s: float = 8.0
    slices: int = 1


class SimCamera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A camera. ``family`` and ``brand`` are the adapter catalogue's; they decide paths and quirks.

    Cameras with the same ``scene`` and ``label`` and the same stream settings share one encoding and one frame clock.
    ``told_password`` is what the camera's paper says when that is wrong; ``trouble`` tells a person what to expect.
    ``host`` is an address of its own (else the city's); a port of 0 is a free one. ``shows_itself``: its make, serial
    number and network stand open to anybody. Empty ``serial`` and ``mac`` are made from its name.
    """

    name: str
    family: str = "hik"
    brand: str = ""
    username: str = "admin"
    password: str = "Khue-2026"
    told_password: str | None = None
    auth: Auth = "digest-md5"
    main: SimStream = SimStream()
    sub: SimStream | None = SimStream(width=640, height=360, kbps=400)
    audio: AudioKind = ""
    tls: bool = False
    transports: tuple[Literal["tcp", "udp"], ...] = ("tcp", "udp")
    parameter_sets: Literal["both", "sdp", "in-band"] = "both"
    quirks: tuple[str, ...] | None = None  # None: those of the family
    session_timeout_s: float = 60.0
    max_sessions: int = 0  # 0: no limit
    clock_offset_s: float = 0.0
    packet_pace: bool = False
    scene: int = 0
    label: str = ""
    onvif: bool = True
    host: str = ""
    rtsp_port: int = 0
    onvif_port: int = 0
    serial: str = ""
    mac: str = ""
    set_user: SetUser = "yes"
    shows_itself: bool = False
    ptz: bool = False
    faults: tuple[tuple[str, dict[str, float | str]], ...] = ()
    trouble: str = ""

    def __post_init__(self) -> None:
        families.find(self.family, self.brand)
        if unknown := set(self.quirks or ()) - families.QUIRKS.keys():
            raise ConfigError(f"camera {self.name}: unknown quirks {sorted(unknown)}; known: {sorted(families.QUIRKS)}")
        if "no-media-control" in (self.quirks or ()) and self.audio:
            raise ConfigError(
                f"camera {self.name}: without a=control only one track can be set up; leave out the audio"
            )

    @property
    def entry(self) -> families.Family:
        return families.find(self.family, self.brand)

    @property
    def endpoint(self) -> uuid.UUID:
        """Its endpoint reference, the same at every start."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"khue-sim/{self.name}")

    @property
    def hardware_address(self) -> str:
        """Its MAC: a locally administered one, unless it was given another."""
        return self.mac or "02:" + self.endpoint.bytes[:5].hex(":")

    @property
    def oddities(self) -> frozenset[str]:
        """The quirks in force."""
        return frozenset(self.entry.quirks if self.quirks is None else self.quirks)

    def stream(self, which: str) -> SimStream | None:
        return self.main if which == "main" else self.sub if which == "sub" else None

    def path(self, which: str) -> str:
        return families.stream_path(self.entry, which, self.name, self.username, self.password)

    def scene_spec(self, which: str, look: str = "street") -> SceneSpec:
        """The encoded scene of a stream; look ``resolution`` is the street at another size."""
        stream = self.stream(which)
        if stream is None:
            raise ConfigError(f"camera {self.name} has no {which} stream")
        spec = SceneSpec(seed=self.scene, label=self.label or self.name, **msgspec.structs.asdict(stream))
        if look == "resolution":
            halved = (stream.width * 2 // 3 // 16 * 16, stream.height * 2 // 3 // 8 * 8)
            return msgspec.structs.replace(spec, width=halved[0], height=halved[1])
        return msgspec.structs.replace(spec, look=look)
