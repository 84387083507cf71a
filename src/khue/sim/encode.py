"""Pictures and sound of simulated cameras, encoded once per scene by PyAV and kept as loops of access units.

Run as ``python -m khue.sim.encode``: reads one scene specification (JSON) per line, puts each encoded scene into the
cache and answers with its key, one line each; so a city uses more than one core and never blocks its own loop.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal

import av
import blake3
import msgspec
import numpy as np
from av.video.frame import VideoFrame

from khue.model.errors import KhueError
from khue.sim import barcode, street

VideoCodec = Literal["h264", "h265"]
_CACHE_LIMIT = 2 << 30  # bytes; the oldest scenes go first
_TOLERANCE = 0.08  # how far from the wanted bit rate the loop may be before the encoder is asked again
_H264_SETS, _H264_IDR, _H264_DROPPED = {7, 8}, 5, {6, 9, 12}
_H265_SETS, _H265_IDR, _H265_DROPPED = {32, 33, 34}, range(16, 22), {35, 38, 39, 40}


class SceneSpec(msgspec.Struct, frozen=True):
    """All that decides an encoded scene's bytes."""

    seed: int
    label: str
    codec: VideoCodec = "h264"
    width: int = 1280
    height: int = 720
    fps: float = 15.0
    kbps: int = 2000
    gop_s: float = 2.0
    loop_s: float = 8.0
    slices: int = 1
    look: str = "street"

    @property
    def frames(self) -> int:
        return min(barcode.LIMIT, round(self.loop_s * self.fps))

    @property
    def drawing(self) -> street.StreetSpec:
        """What is drawn for it."""
        return street.StreetSpec(self.seed, self.label, self.width, self.height, self.fps, self.frames, self.look)

    @property
    def gop(self) -> int:
        return max(1, round(self.gop_s * self.fps))


class EncodedScene(msgspec.Struct, frozen=True):
    """A loop of access units. ``frames[i]`` are the slice NAL units (no start codes) of picture i, parameter sets apart.

    Picture i is a keyframe when ``i in keyframes``; the loop starts with one. ``sets`` are VPS, SPS, PPS in order.
    """

    spec: SceneSpec
    sets: tuple[bytes, ...]
    frames: tuple[tuple[bytes, ...], ...]
    keyframes: frozenset[int]

    @property
    def size(self) -> int:
        return sum(len(nal) for frame in self.frames for nal in frame)


def split_annex_b(data: bytes) -> list[bytes]:
    """NAL units between start codes (ITU-T H.264 annex B); trailing zero bytes belong to the next start code."""
    parts = data.split(b"\x00\x00\x01")
    return [part.rstrip(b"\x00") for part in parts[1:]]


def _encoder_options(spec: SceneSpec, kbps: int) -> dict[str, str]:
    common = f"keyint={spec.gop}:min-keyint={spec.gop}:scenecut=0:bframes=0:repeat-headers=1:slices={spec.slices}"
    rate = f"bitrate={kbps}:vbv-maxrate={kbps}:vbv-bufsize={kbps}:rc-lookahead=0"
    if spec.codec == "h264":
        own = "annexb=1:force-cfr=1:sliced-threads=0:sync-lookahead=0:threads=1"
        return {"preset": "ultrafast", "tune": "zerolatency", "x264-params": f"{common}:{rate}:{own}"}
    own = "open-gop=0:info=0:pools=none:frame-threads=1:log-level=0:aud=0:strict-cbr=0"
    return {"preset": "ultrafast", "tune": "zerolatency", "x265-params": f"{common}:{rate}:{own}"}


def _planes(spec: SceneSpec) -> Iterator[VideoFrame]:
    """The drawn pictures as yuv420p frames with grain."""
    grain = street.Grain(spec.width, spec.height, spec.seed)
    for index, image in enumerate(street.draw_frames(spec.drawing)):
        frame = VideoFrame.from_ndarray(np.asarray(image), format="rgb24").reformat(format="yuv420p")
        plane = frame.planes[0]
        luma = np.frombuffer(memoryview(plane), np.uint8).reshape(spec.height, plane.line_size)[:, : spec.width]
        if spec.look != "black":
            grain.add(luma)
        frame.pts = index
        yield frame


def _nal_type(codec: VideoCodec, nal: bytes) -> int:
    return nal[0] & 0x1F if codec == "h264" else nal[0] >> 1 & 0x3F


def _encode_once(spec: SceneSpec, frames: Sequence[VideoFrame], kbps: int) -> EncodedScene:
    coder = av.CodecContext.create("libx264" if spec.codec == "h264" else "libx265", "w")
    coder.width, coder.height, coder.pix_fmt = spec.width, spec.height, "yuv420p"
    rate = Fraction(spec.fps).limit_denominator(1001)
    coder.framerate, coder.time_base, coder.thread_count = rate, 1 / rate, 1
    coder.options = _encoder_options(spec, kbps)
    packets = [bytes(packet) for frame in (*frames, None) for packet in coder.encode(frame)]
    kinds = (_H264_SETS, _H264_DROPPED) if spec.codec == "h264" else (_H265_SETS, _H265_DROPPED)
    idr = (_H264_IDR,) if spec.codec == "h264" else _H265_IDR
    sets: dict[bytes, None] = {}
    pictures, keyframes = [], set()
    for index, packet in enumerate(packets):
        nals = [(_nal_type(spec.codec, nal), nal) for nal in split_annex_b(packet)]
        sets.update({nal: None for kind, nal in nals if kind in kinds[0]})
        pictures.append(tuple(nal for kind, nal in nals if kind not in kinds[0] | kinds[1]))
        if any(kind in idr for kind, _ in nals):
            keyframes.add(index)
    if len(pictures) != spec.frames or 0 not in keyframes:
        raise KhueError(f"the encoder gave {len(pictures)} pictures for {spec.frames}: check PyAV's {spec.codec}")
    return EncodedScene(spec, tuple(sets), tuple(pictures), frozenset(keyframes))


def encode_scene(spec: SceneSpec) -> EncodedScene:
    """Draw and encode; the loop's real bit rate is within a few per cent of ``spec.kbps`` where the picture allows."""
    frames = list(_planes(spec))
    wanted = spec.kbps * 125 * spec.frames / spec.fps
    scene = _encode_once(spec, frames, spec.kbps)
    share = scene.size / wanted
    if spec.look == "street" and not 1 - _TOLERANCE < share < 1 + _TOLERANCE:
        again = _encode_once(spec, frames, round(spec.kbps / min(max(share, 0.25), 4)))
        scene = min(scene, again, key=lambda made: abs(made.size / wanted - 1))
    return scene


@cache
def _code_version() -> bytes:
    """A digest of everything besides the specification that decides the bytes."""
    digest = blake3.blake3(av.__version__.encode())
    for module in (__file__, street.__file__, barcode.__file__):
        digest.update(Path(module).read_bytes())
    return digest.digest()


def cache_directory() -> Path:
    """Where encoded scenes are kept: XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "khue" / "scenes"


def cache_path(spec: SceneSpec) -> Path:
    digest = blake3.blake3(_code_version() + msgspec.json.encode(spec)).hexdigest(16)
    return cache_directory() / f"{digest}.scene"


def cached(spec: SceneSpec) -> EncodedScene | None:
    """The scene from the cache, or None; a damaged file counts as absent."""
    path = cache_path(spec)
    try:
        scene = msgspec.msgpack.decode(path.read_bytes(), type=EncodedScene)
        os.utime(path)
    except (OSError, msgspec.MsgspecError):
        return None
    return scene if scene.spec == spec else None


def _trim(directory: Path) -> None:
    kept = sorted(directory.glob("*.scene"), key=lambda path: path.stat().st_mtime, reverse=True)
    used = 0
    for path in kept:
        used += path.stat().st_size
        if used > _CACHE_LIMIT:
            path.unlink(missing_ok=True)


def load_scene(spec: SceneSpec) -> EncodedScene:
    """From the cache, or encoded now and cached (temporary file, then rename: readers see all or nothing)."""
    if (scene := cached(spec)) is not None:
        return scene
    scene = encode_scene(spec)
    path = cache_path(spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        file.write(msgspec.msgpack.encode(scene))
    Path(file.name).replace(path)
    _trim(path.parent)
    return scene


def main() -> None:
    """The worker: specifications in, cache keys out, until end of file."""
    for line in sys.stdin.buffer:
        spec = msgspec.json.decode(line, type=SceneSpec)
        load_scene(spec)
        sys.stdout.write(f"{cache_path(spec).name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
