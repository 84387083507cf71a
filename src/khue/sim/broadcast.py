"""One scene on the air: its frame clock, and each picture's packets made once for all cameras that share the scene."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import msgspec

from khue.sim.audio import AudioKind, AudioLoop, audio_loop
from khue.sim.encode import EncodedScene
from khue.sim.packets import (
    Unit,
    aac_payload,
    h264_aggregate,
    h264_payloads,
    h265_aggregate,
    h265_payloads,
    interleaved,
    rtp_packet,
)

VIDEO_CLOCK = 90_000
VIDEO_TYPE, AAC_TYPE, METADATA_TYPE = 96, 97, 98
Layout = tuple[int | None, ...]  # the interleaved RTP channel of each track, None for one not set up


class Packing(msgspec.Struct, frozen=True):
    """How a scene is put into packets. Streams alike in scene and packing share one broadcast."""

    audio: AudioKind = ""
    metadata: bool = False
    in_band_sets: bool = True
    aggregate_sets: bool = False
    packet_pace: bool = False


class VideoLoop:
    """A scene's pictures as RTP payloads, ready for numbering."""

    def __init__(self, scene: EncodedScene, packing: Packing) -> None:
        self.scene = scene
        h264 = scene.spec.codec == "h264"
        split = h264_payloads if h264 else h265_payloads
        sets = split(scene.sets)
        if packing.aggregate_sets:
            sets = [h264_aggregate(scene.sets) if h264 else h265_aggregate(scene.sets)]
        self.frames = [
            (sets if packing.in_band_sets and i in scene.keyframes else []) + split(nals)
            for i, nals in enumerate(scene.frames)
        ]

    def units(self, index: int, timestamp: int) -> list[Unit]:
        payloads = self.frames[index % len(self.frames)]
        last = len(payloads) - 1
        return [Unit(i == last, timestamp, payload) for i, payload in enumerate(payloads)]


class Feed(NamedTuple):
    """A track on the air."""

    kind: str  # video, audio or metadata
    payload_type: int
    clock: int
    ssrc: int


class Burst(NamedTuple):
    """A track's packets of one tick; ``sequence`` is the first one's, ``octets`` the payload before it, both unwrapped.

    ``timestamp`` is the picture's instant in the track's clock, unwrapped.
    """

    feed: Feed
    sequence: int
    octets: int
    timestamp: int
    units: list[Unit]

    def packets(self) -> list[bytes]:
        feed = self.feed
        return [rtp_packet(unit, feed.payload_type, self.sequence + i, feed.ssrc) for i, unit in enumerate(self.units)]


class Tick:
    """One picture's turn: the video packets and what the other tracks have to say meanwhile."""

    __slots__ = ("_blobs", "_packets", "_parts", "bursts", "due", "index", "keyframe", "timestamp")

    def __init__(self, index: int, due: float, keyframe: bool, bursts: list[Burst]) -> None:
        self.index, self.due, self.keyframe, self.bursts = index, due, keyframe, bursts
        self.timestamp = bursts[0].timestamp & 0xFFFFFFFF
        self._packets: list[list[bytes]] | None = None
        self._blobs: dict[Layout, bytes] = {}
        self._parts: dict[Layout, list[bytes]] = {}

    def packets(self) -> list[list[bytes]]:
        """RTP packets by track."""
        if self._packets is None:
            self._packets = [burst.packets() for burst in self.bursts]
        return self._packets

    def parts(self, layout: Layout) -> list[bytes]:
        """Each packet framed for TCP; made once per layout."""
        parts = self._parts.get(layout)
        if parts is None:
            parts = self._parts[layout] = list(frame_packets(self.packets(), layout))
        return parts

    def blob(self, layout: Layout) -> bytes:
        """All packets framed for TCP, one after the other; made once per layout."""
        blob = self._blobs.get(layout)
        if blob is None:
            blob = self._blobs[layout] = b"".join(frame_packets(self.packets(), layout))
        return blob


def frame_packets(packets: list[list[bytes]], layout: Layout) -> Iterator[bytes]:
    """RTP packets by track as interleaved frames of the tracks that were set up."""
    for track, channel in zip(packets, layout, strict=True):
        if channel is not None:
            for packet in track:
                yield interleaved(channel, packet)


class Listener(Protocol):
    """A playing session."""

    def deliver(self, tick: Tick) -> None:
        """One picture's turn; of a paced broadcast, its first packet's."""
        ...

    def deliver_part(self, tick: Tick, part: int) -> None:
        """The turn of a later packet of a paced picture."""
        ...


class Broadcast:
    """The frame clock of one scene. Runs only while somebody listens; its picture index follows the clock all the time."""

    def __init__(self, video: VideoLoop, packing: Packing, stagger: float) -> None:
        spec = video.scene.spec
        self.video, self.packing = video, packing
        self.fps, self.length = spec.fps, len(video.frames)
        self.keyframes = video.scene.keyframes
        self.loop = asyncio.get_running_loop()
        self.origin = self.loop.time() + stagger / spec.fps
        dice = random.Random(spec.label)
        self._audio: AudioLoop | None = audio_loop(packing.audio) if packing.audio else None
        self.feeds = self._make_feeds(dice)
        self._sequences = [dice.randrange(1 << 16) for _ in self.feeds]
        self._octets = [0] * len(self.feeds)
        self._epochs = [dice.randrange(1 << 32) for _ in self.feeds]
        self._listeners: dict[Listener, None] = {}
        self._index = 0
        self.worst_late_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def _make_feeds(self, dice: random.Random) -> list[Feed]:
        feeds = [Feed("video", VIDEO_TYPE, VIDEO_CLOCK, dice.getrandbits(32))]
        if self._audio is not None:
            kind = {"pcma": 8, "pcmu": 0, "aac": AAC_TYPE}[self._audio.kind]
            feeds.append(Feed("audio", kind, self._audio.rate, dice.getrandbits(32)))
        if self.packing.metadata:
            feeds.append(Feed("metadata", METADATA_TYPE, VIDEO_CLOCK, dice.getrandbits(32)))
        return feeds

    def subscribe(self, listener: Listener) -> None:
        """From the next picture on. Starts the clock when nobody listened before."""
        self._listeners[listener] = None
        if self._timer is None:
            self._index = max(self._index, int((self.loop.time() - self.origin) * self.fps) + 1)
            self._timer = self.loop.call_at(self._due(self._index), self._run)

    def unsubscribe(self, listener: Listener) -> None:
        self._listeners.pop(listener, None)

    def stop(self) -> None:
        self._listeners.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def index_now(self) -> int:
        """The picture on the air now."""
        return max(0, int((self.loop.time() - self.origin) * self.fps))

    def _due(self, index: int) -> float:
        return self.origin + index / self.fps

    def _run(self) -> None:
        """Send what is due. Being late is made up for at once: a camera's encoder does not skip because we were busy."""
        self._timer = None
        while self._listeners and (late := self.loop.time() - self._due(self._index)) >= 0:
            self.worst_late_s = max(self.worst_late_s, late)
            tick = self._tick(self._index)
            self._index += 1
            for listener in list(self._listeners):
                listener.deliver(tick)
            if self.packing.packet_pace:
                self._pace(tick)
        if self._listeners and self._timer is None:
            self._timer = self.loop.call_at(self._due(self._index), self._run)

    def _pace(self, tick: Tick) -> None:
        """The rest of the picture packet by packet over most of its time, as an encoder feeding the network does."""
        count = sum(len(burst.units) for burst in tick.bursts)
        step = 0.8 / self.fps / count
        for part in range(1, count):
            self.loop.call_at(tick.due + part * step, self._part, tick, part)

    def _part(self, tick: Tick, part: int) -> None:
        for listener in list(self._listeners):
            listener.deliver_part(tick, part)

    def _tick(self, index: int) -> Tick:
        bursts = []
        for i, feed in enumerate(self.feeds):
            stamp = self._epochs[i] + round(index / self.fps * feed.clock)
            units = self._units(feed, index, self._epochs[i], stamp)
            bursts.append(Burst(feed, self._sequences[i], self._octets[i], stamp, units))
            self._sequences[i] += len(units)
            self._octets[i] += sum(len(unit.payload) for unit in units)
        return Tick(index, self._due(index), index % self.length in self.keyframes, bursts)

    def _units(self, feed: Feed, index: int, epoch: int, stamp: int) -> list[Unit]:
        if feed.kind == "video":
            return self.video.units(index, stamp)
        if feed.kind == "audio":
            return self._audio_units(index, epoch)
        return [Unit(True, stamp, _metadata())] if index % max(1, round(self.fps)) == 0 else []

    def _audio_span(self, index: int) -> range:
        """The audio packets whose last sample was taken during picture ``index``."""
        if self._audio is None:
            return range(0)
        per_picture = self._audio.rate / self._audio.samples / self.fps
        return range(int(index * per_picture), int((index + 1) * per_picture))

    def _audio_units(self, index: int, epoch: int) -> list[Unit]:
        audio = self._audio
        assert audio is not None
        units = []
        for k in self._audio_span(index):
            packet = audio.packets[k % len(audio.packets)]
            payload = aac_payload(packet) if audio.kind == "aac" else packet
            units.append(Unit(audio.kind == "aac", epoch + k * audio.samples, payload))
        return units

    def start_of(self, keyframe: bool) -> list[tuple[int, int]]:
        """(sequence, timestamp) per track of the first packet of the next picture or keyframe: PLAY's RTP-Info."""
        index = self._index
        counts = [0] * len(self.feeds)
        while keyframe and index % self.length not in self.keyframes:
            counts[0] += len(self.video.frames[index % self.length])
            for i, feed in enumerate(self.feeds[1:], 1):
                counts[i] += len(self._audio_span(index)) if feed.kind == "audio" else 0
            index += 1
        starts = []
        for i, feed in enumerate(self.feeds):
            stamp = self._epochs[i] + round(index / self.fps * feed.clock)
            if feed.kind == "audio" and self._audio is not None:
                stamp = self._epochs[i] + self._audio_span(index).start * self._audio.samples
            starts.append(((self._sequences[i] + counts[i]) & 0xFFFF, stamp & 0xFFFFFFFF))
        return starts


def _metadata() -> bytes:
    """An ONVIF metadata document: nothing moves."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return (
        '<?xml version="1.0" encoding="UTF-8"?><tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema">'
        f'<tt:VideoAnalytics><tt:Frame UtcTime="{now}"/></tt:VideoAnalytics></tt:MetadataStream>'
    ).encode()
