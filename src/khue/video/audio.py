"""Audio beside the pictures: AAC as it came, G.711 transcoded, without holes as players want it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from khue.model.errors import MediaError
from khue.model.media import Codec, Track
from khue.video.aac import AacDepacketizer, AudioUnit, parse_config, silent_frame
from khue.video.fmp4 import VIDEO_TIMESCALE, AudioFormat, AudioRun
from khue.video.g711 import CLOCK_RATE, G711Coder, G711Depacketizer
from khue.video.source import Depacketizer, RtpSource
from khue.video.timeline import WallLine

_TOLERANCE_S = 0.1  # between where a piece belongs and where the last one ended
_ABSENT_S = 0.5  # behind the pictures: the camera sends no sound
_LONGEST_SILENCE_S = 5.0  # filled in; longer is a pause of the recording
_WAITING_FRAMES = 512  # for a picture to go with


class Coder(Protocol):
    """Makes AAC frames of pieces of audio; ticks are of ``format.sample_rate``."""

    format: AudioFormat

    def encode(self, data: bytes) -> tuple[list[bytes], int]:
        """The frames now complete, and how many ticks of audio were taken in."""
        ...

    def silence(self, ticks: int) -> tuple[list[bytes], int]:
        """The same for silence, of at most ``ticks``; no ticks when it cannot be made."""
        ...

    def reset(self) -> None:
        """Forget what was taken in and not given out."""
        ...


class AacPassthrough:
    """AAC frames as the camera made them."""

    def __init__(self, audio: AudioFormat) -> None:
        self.format = audio
        self._silence = silent_frame(audio)

    def encode(self, data: bytes) -> tuple[list[bytes], int]:
        return [data], self.format.frame

    def silence(self, ticks: int) -> tuple[list[bytes], int]:
        count = ticks // self.format.frame if self._silence else 0
        return [self._silence] * count, count * self.format.frame

    def reset(self) -> None:
        pass


class AudioLane:
    """The audio track of the output: contiguous frames from the first picture on.

    Players of MSE stop where one of two tracks has a hole, so what the camera leaves out is filled with silence.
    """

    def __init__(self, codec: Codec, coder: Coder) -> None:
        self.codec = codec
        self.format = coder.format
        self._coder = coder
        rate = coder.format.sample_rate
        self._tolerance = max(round(_TOLERANCE_S * rate), coder.format.frame)
        self._absent_after = round(_ABSENT_S * rate)
        self._longest = round(_LONGEST_SILENCE_S * rate)
        self._absent = False
        self._begun = False
        self._next = 0  # where the next piece belongs
        self._start = 0  # of the first frame waiting
        self._frames: list[bytes] = []

    def push(self, data: bytes, at: int) -> None:
        """Take a piece of audio that belongs at ``at`` ticks; too early a one is dropped."""
        if not self._begun or at < self._next - self._tolerance:
            return
        if at > self._next + self._tolerance:
            self._bridge(at)
        self._absent = False
        self._take_in(self._coder.encode(data))

    def reach(self, picture: int) -> None:
        """The pictures are at ``picture`` ticks of the video timescale: audio begins there, or must not stay far behind."""
        at = picture * self.format.sample_rate // VIDEO_TIMESCALE
        if not self._begun:
            self._begun = True
            self._next = self._start = at
        elif self._absent or at - self._next > self._absent_after:
            self._absent = True
            self._bridge(at)

    def take(self, base: int) -> AudioRun | None:
        """The frames waiting; their start counts from ``base``, ticks of the video timescale."""
        if not self._frames:
            return None
        run = AudioRun(self._start - base * self.format.sample_rate // VIDEO_TIMESCALE, self._frames)
        self._start += len(self._frames) * self.format.frame
        self._frames = []
        return run

    def _bridge(self, at: int) -> None:
        gap = at - self._next
        if gap > self._longest or not self._take_in(self._coder.silence(gap)):
            self._jump(at, gap)

    def _jump(self, at: int, gap: int) -> None:
        if gap <= self._tolerance:
            return
        self._coder.reset()
        self._frames = []
        self._next = self._start = at

    def _take_in(self, coded: tuple[list[bytes], int]) -> bool:
        frames, ticks = coded
        self._frames += frames
        self._next += ticks
        excess = len(self._frames) - _WAITING_FRAMES
        if excess > 0:
            del self._frames[:excess]
            self._start += excess * self.format.frame
        return ticks > 0


def open_audio(track: Track, lane: AudioLane | None) -> tuple[AudioLane, RtpSource[AudioUnit]] | None:
    """The lane for a track and the source that feeds it; ``lane`` goes on if it can. None when it cannot be muxed."""
    coder: Coder
    depacketizer: Depacketizer[AudioUnit]
    if track.codec in (Codec.PCMA, Codec.PCMU) and track.clock_rate == CLOCK_RATE and track.audio_channels <= 1:
        coder, depacketizer = G711Coder(track.codec), G711Depacketizer()
    elif track.codec is Codec.AAC and track.clock_rate > 0:
        try:
            coder = AacPassthrough(parse_config(track.config))
        except MediaError:
            return None
        ticks = coder.format.frame * track.clock_rate // coder.format.sample_rate
        depacketizer = AacDepacketizer(track, ticks)
    else:
        return None
    if lane is None or lane.codec is not track.codec or lane.format != coder.format:
        lane = AudioLane(track.codec, coder)
    return lane, _source(track, depacketizer, lane)


def _source(track: Track, depacketizer: Depacketizer[AudioUnit], lane: AudioLane) -> RtpSource[AudioUnit]:
    def deliver(units: Sequence[AudioUnit]) -> None:
        for unit in units:
            lane.push(unit.data, source.place(unit.timestamp) * lane.format.sample_rate // track.clock_rate)

    source = RtpSource(track.payload_type, depacketizer, WallLine(track.clock_rate), deliver)
    return source
