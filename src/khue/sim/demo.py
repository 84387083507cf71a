"""Ready-made cities: one to look at, one to measure with."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from khue.sim.audio import AudioKind
from khue.sim.camera import Auth, SimCamera, SimStream
from khue.sim.encode import VideoCodec

BENCH_SCENES = 8
_MAIN = SimStream(kbps=1600, loop_s=4.0)
_SUB = SimStream(width=640, height=360, fps=10.0, kbps=350, loop_s=4.0)


class _Place(NamedTuple):
    name: str
    family: str
    brand: str = ""
    codec: VideoCodec = "h264"
    audio: AudioKind = ""
    auth: Auth = "digest-md5"
    tls: bool = False
    udp: bool = False


_PLACES = (
    _Place("Ngã tư Khuất Duy Tiến", "hik", "Hikvision", audio="pcma"),
    _Place("Cầu Nhật Tân", "dahua", "Dahua", audio="aac"),
    _Place("Hồ Hoàn Kiếm", "axis", "Axis", audio="aac", auth="digest-md5+sha256"),
    _Place("Ga Hà Nội", "hanwha", "", "h265", auth="digest-sha256"),
    _Place("Bến xe Mỹ Đình", "unv", audio="pcmu", udp=True),
    _Place("Ngã năm Ô Chợ Dừa", "tiandy", "", "h265"),
    _Place("Cầu Vĩnh Tuy", "bosch", tls=True),
    _Place("Đại lộ Thăng Long", "hik", "HDParagon"),
    _Place("Chợ Đồng Xuân", "xm", audio="pcma"),
    _Place("Phố Tràng Tiền", "tplink", auth="digest-md5"),
    _Place("Nút giao Pháp Vân", "dahua", "KBVision"),
    _Place("Lăng Bác", "vivotek", auth="basic"),
    _Place("Hầm Kim Liên", "milesight", audio="pcmu"),
    _Place("Cầu Chương Dương", "vn-cloud"),
    _Place("Ngã tư Sở", "reolink", audio="aac"),
    _Place("Phố cổ Tạ Hiện", "gwell", auth="digest-md5"),
)
_DEAD, _FLAPPING, _WRONG = "Hầm Kim Liên", "Cầu Chương Dương", "Phố Tràng Tiền"


def _build(index: int, place: _Place) -> SimCamera:
    return SimCamera(
        name=f"cam-{index + 1:02d}",
        label=place.name,
        family=place.family,
        brand=place.brand,
        auth=place.auth,
        main=msgspec.structs.replace(_MAIN, codec=place.codec),
        sub=_SUB,
        audio=place.audio,
        tls=place.tls,
        transports=("udp",) if place.udp else ("tcp", "udp"),
        parameter_sets="in-band" if place.family in ("reolink", "unv") else "both",
        clock_offset_s=-37.0 if place.family == "gwell" else 0.0,
        ptz=index % 4 == 0,
        scene=index + 1,
    )


def demo_city() -> list[SimCamera]:
    """16 cameras of several vendors; ``trouble`` says what is wrong with three of them and stays empty for the others.

    ``label`` is the place's name, burned into the picture. One camera speaks UDP only, one RTSPS only.
    """
    cameras = [_build(index, place) for index, place in enumerate(_PLACES)]
    replace = msgspec.structs.replace
    for i, place in enumerate(_PLACES):
        if place.name == _DEAD:
            cameras[i] = replace(cameras[i], faults=(("dead", {}),), trouble="dead: refuses every connection")
        elif place.name == _FLAPPING:
            faults = (("flapping", {"every_s": 12.0}),)
            cameras[i] = replace(cameras[i], faults=faults, trouble="flapping: resets every connection each 12 s")
        elif place.name == _WRONG:
            trouble = "wrong password: the one on its paper is not its own"
            cameras[i] = replace(cameras[i], told_password="12345678", trouble=trouble)
    return cameras


def bench_city(
    n: int,
    kbps: int = 2000,
    codec: VideoCodec = "h264",
    fps: float = 15.0,
    width: int = 1920,
    height: int = 1080,
    *,
    packet_pace: bool = False,
    loop_s: float = 8.0,
) -> list[SimCamera]:
    """``n`` cameras that share 8 scenes, main stream only, digest authentication, no ONVIF service."""
    stream = SimStream(codec=codec, width=width, height=height, fps=fps, kbps=kbps, loop_s=loop_s)
    return [
        SimCamera(
            name=f"bench-{i:04d}",
            family="hik",
            main=stream,
            sub=None,
            quirks=(),
            scene=i % BENCH_SCENES,
            label=f"Bench scene {i % BENCH_SCENES}",
            onvif=False,
            packet_pace=packet_pace,
        )
        for i in range(n)
    ]
