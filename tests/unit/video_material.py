"""Small encoded streams, the packets a camera would make of them, and a reader of what the remuxer makes of those."""

from __future__ import annotations

import fractions
import functools
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import av
import numpy as np

from khue.model.media import Codec, Track
from khue.video.nal import is_parameter_set, nal_type, split_annex_b
from khue.video.remux import Fragment, Init

EPOCH = 1_767_225_600_000_000  # µs, 2026-01-01
VIDEO, AUDIO = 0, 2  # interleaved channels
PAYLOAD_TYPE = 96


class Stream(NamedTuple):
    """Access units as lists of NAL units, parameter sets included where the encoder put them."""

    codec: Codec
    units: list[list[bytes]]
    fps: int

    @property
    def sets(self) -> tuple[bytes, ...]:
        return tuple(nal for nal in self.units[0] if is_parameter_set(self.codec, nal_type(self.codec, nal)))

    def samples(self) -> list[list[bytes]]:
        """What must come out: slices and SEI, without parameter sets and delimiters."""
        delimiter = 9 if self.codec is Codec.H264 else 35
        return [[nal for nal in unit if not self._left_out(nal, delimiter)] for unit in self.units]

    def _left_out(self, nal: bytes, delimiter: int) -> bool:
        kind = nal_type(self.codec, nal)
        return kind == delimiter or is_parameter_set(self.codec, kind)


@functools.cache
def encode(
    codec: Codec = Codec.H264,
    *,
    pictures: int = 30,
    gop: int = 10,
    fps: int = 15,
    size: tuple[int, int] = (160, 96),
    slices: int = 1,
    bframes: int = 0,
    kbps: int = 0,
    aud: bool = False,
) -> Stream:
    """Moving noise over a gradient, by libx264 or libx265."""
    name, prefix = ("libx264", "x264-params") if codec is Codec.H264 else ("libx265", "x265-params")
    context = av.CodecContext.create(name, "w")
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = fractions.Fraction(1, fps)
    context.framerate = fractions.Fraction(fps)
    parameters = (
        f"keyint={gop}:min-keyint={gop}:scenecut=0:slices={slices}:bframes={bframes}:aud={int(aud)}:repeat-headers=1"
    )
    parameters += ":log-level=none" if codec is Codec.H265 else ":threads=1"
    if kbps:
        parameters += f":vbv-maxrate={kbps}:vbv-bufsize={kbps}"
        context.bit_rate = kbps * 1000
    context.options = {"preset": "ultrafast", "tune": "zerolatency", prefix: parameters}
    packets = [packet for index in range(pictures) for packet in context.encode(_frame(index, size))]
    packets += context.encode(None)
    return Stream(codec, [split_annex_b(bytes(packet)) for packet in packets], fps)


def _frame(index: int, size: tuple[int, int]) -> av.VideoFrame:
    width, height = size
    noise = np.random.default_rng(index).integers(0, 60, (height, width, 3))
    gradient = np.linspace(0, 180, width)[None, :, None] + np.zeros((height, 1, 3))
    picture = (np.roll(gradient, 4 * index, axis=1) + noise).clip(0, 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
    frame.pts = index
    return frame


def video_track(stream: Stream, *, in_sdp: bool = True) -> Track:
    return Track(VIDEO, stream.codec, PAYLOAD_TYPE, 90000, parameter_sets=stream.sets if in_sdp else ())


def payloads(codec: Codec, units: Sequence[bytes], mtu: int = 1400, aggregate: bool = False) -> list[bytes]:
    """RTP payloads of one access unit: single units, FU-A or FU; STAP-A or AP of neighbours that fit when ``aggregate``."""
    out: list[bytes] = []
    group: list[bytes] = []

    def close_group() -> None:
        if len(group) > 1:
            head = b"\x78" if codec is Codec.H264 else b"\x60\x01"
            out.append(head + b"".join(len(nal).to_bytes(2, "big") + nal for nal in group))
        else:
            out.extend(group)
        group.clear()

    for nal in units:
        if aggregate and 2 + sum(2 + len(each) for each in (*group, nal)) <= mtu:
            group.append(nal)
            continue
        close_group()
        if len(nal) <= mtu:
            out.append(nal)
        else:
            out.extend(_fragments(codec, nal, mtu))
    close_group()
    return out


def _fragments(codec: Codec, nal: bytes, mtu: int) -> Iterator[bytes]:
    if codec is Codec.H264:
        head, kind, body = bytes((nal[0] & 0xE0 | 28,)), nal[0] & 0x1F, nal[1:]
    else:
        head, kind, body = bytes((nal[0] & 0x81 | 49 << 1, nal[1])), nal[0] >> 1 & 0x3F, nal[2:]
    room = mtu - len(head) - 1
    for start in range(0, len(body), room):
        flags = (0x80 if start == 0 else 0) | (0x40 if start + room >= len(body) else 0)
        yield head + bytes((flags | kind,)) + body[start : start + room]


class Packet(NamedTuple):
    """One framed RTP packet and when it comes."""

    channel: int
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes
    arrival: int  # µs
    ssrc: int = 0x1234
    payload_type: int = PAYLOAD_TYPE

    @property
    def framed(self) -> bytes:
        second = 0x80 * self.marker | self.payload_type
        rtp = struct.pack(">BBHII", 0x80, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        return struct.pack(">BBH", 0x24, self.channel, 12 + len(self.payload)) + rtp + self.payload


def video_packets(
    stream: Stream,
    *,
    mtu: int = 1400,
    aggregate: bool = False,
    sequence: int = 0,
    timestamp: int = 0,
    start: int = EPOCH,
    ssrc: int = 0x1234,
    units: Sequence[Sequence[bytes]] | None = None,
) -> list[Packet]:
    """Packets of every access unit, each arriving at once when its picture is taken."""
    out = []
    for index, unit in enumerate(stream.units if units is None else units):
        parts = payloads(stream.codec, unit, mtu, aggregate)
        for part in parts:
            stamp = timestamp + index * 90000 // stream.fps
            arrival = start + index * 1_000_000 // stream.fps
            out.append(Packet(VIDEO, sequence + len(out), stamp, part is parts[-1], part, arrival, ssrc))
    return out


def audio_packets(
    data: Iterable[bytes], step: int, rate: int, *, payload_type: int, start: int = EPOCH, sequence: int = 0
) -> list[Packet]:
    """One packet per piece; ``step`` is its length in ticks of ``rate``."""
    return [
        Packet(
            AUDIO, sequence + n, 777 + n * step, True, piece, start + n * step * 1_000_000 // rate, 0x77, payload_type
        )
        for n, piece in enumerate(data)
    ]


def merged(*tracks: Iterable[Packet]) -> list[Packet]:
    """In order of arrival."""
    return sorted((packet for track in tracks for packet in track), key=lambda packet: packet.arrival)


class Muxed(NamedTuple):
    """What came out, taken apart."""

    inits: list[Init]
    fragments: list[Fragment]

    @property
    def data(self) -> bytes:
        return b"".join((*(init.data for init in self.inits[:1]), *(fragment.data for fragment in self.fragments)))


def taken_apart(out: Iterable[Init | Fragment]) -> Muxed:
    muxed = Muxed([], [])
    for each in out:
        (muxed.inits if isinstance(each, Init) else muxed.fragments).append(each)  # type: ignore[arg-type]
    return muxed


class Box(NamedTuple):
    kind: str
    content: bytes
    children: list[Box]

    def find(self, path: str) -> Box:
        """The first box at a path of types, e.g. ``traf/tfdt``."""
        head, _, rest = path.partition("/")
        found = next(child for child in self.children if child.kind == head)
        return found.find(rest) if rest else found

    def all(self, kind: str) -> list[Box]:
        return [child for child in self.children if child.kind == kind]


_PARENTS = {"moov", "trak", "mdia", "minf", "dinf", "stbl", "mvex", "moof", "traf"}


def boxes(data: bytes) -> list[Box]:
    """Every box, checked to fill its parent exactly."""
    out, position = [], 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        assert 8 <= size <= len(data) - position, f"box {kind!r} of {size} bytes"
        content = data[position + 8 : position + size]
        name = kind.decode("ascii")
        out.append(Box(name, content, boxes(content) if name in _PARENTS else []))
        position += size
    return out


class Run(NamedTuple):
    """One traf: decode time, and (duration, size, flags, offset, data) of each sample."""

    track: int
    dts: int
    samples: list[tuple[int, int, int, int, bytes]]


def runs(data: bytes) -> list[Run]:
    """The runs of one fragment, with their data found through the offsets it gives."""
    moof, mdat = boxes(data)
    assert (moof.kind, mdat.kind) == ("moof", "mdat")
    out, covered = [], 0
    for traf in moof.all("traf"):
        (track,) = struct.unpack_from(">I", traf.find("tfhd").content, 4)
        version, dts = struct.unpack_from(">B3xQ", traf.find("tfdt").content)
        assert version == 1
        trun = traf.find("trun").content
        flags, count, position = struct.unpack_from(">IIi", trun)
        fields, at, samples = trun[12:], 0, []
        for _ in range(count):
            values = {0x100: 0, 0x200: 0, 0x400: 0, 0x800: 0}
            for bit in values:
                if flags & bit:
                    (values[bit],) = struct.unpack_from(">i" if bit == 0x800 else ">I", fields, at)
                    at += 4
            size = values[0x200]
            samples.append((values[0x100], size, values[0x400], values[0x800], data[position : position + size]))
            position += size
            covered += size
        assert at == len(fields)
        out.append(Run(track, dts, samples))
    assert covered == len(mdat.content)
    return out


def tone(samples: int, rate: int = 8000) -> np.ndarray:
    """A 440 Hz sine, 16 bit."""
    return (np.sin(np.arange(samples) * 2 * np.pi * 440 / rate) * 12000).astype(np.int16)


def g711(codec: Codec, samples: np.ndarray) -> list[bytes]:
    """Packets of 20 ms as libav encodes them."""
    context = av.CodecContext.create("pcm_alaw" if codec is Codec.PCMA else "pcm_mulaw", "w")
    context.sample_rate, context.layout, context.format = 8000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
    frame.sample_rate = 8000
    data = b"".join(bytes(packet) for packet in context.encode(frame))
    return [data[at : at + 160] for at in range(0, len(data), 160)]


@functools.cache
def aac(seconds: float = 2.0, rate: int = 16000) -> tuple[bytes, list[bytes]]:
    """AudioSpecificConfig and frames."""
    context = av.CodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format = rate, "mono", "fltp"
    context.open()
    frame = av.AudioFrame.from_ndarray(tone(round(seconds * rate), rate)[None, :], format="s16", layout="mono")
    frame.sample_rate = rate
    frames = [bytes(packet) for packet in (*context.encode(frame), *context.encode(None))]
    return bytes(context.extradata[:2]), frames


def aac_payload(*frames: bytes) -> bytes:
    """RFC 3640 AAC-hbr: a header of 16 bits for each frame."""
    headers = b"".join((len(frame) << 3).to_bytes(2, "big") for frame in frames)
    return (8 * len(headers)).to_bytes(2, "big") + headers + b"".join(frames)


def audio_track(codec: Codec, config: bytes = b"", rate: int = 8000) -> Track:
    kind = {Codec.PCMA: 8, Codec.PCMU: 0}.get(codec, 98)
    return Track(AUDIO, codec, kind, rate, audio_channels=1, config=config)
