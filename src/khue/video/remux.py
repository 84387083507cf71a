"""RTP as the camera sent it to fragmented MP4 on the wall clock: for live viewers, playback and clips alike."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from khue.model.errors import MediaError
from khue.model.media import Codec, Track
from khue.model.time import Micros
from khue.video.audio import AudioLane, open_audio
from khue.video.depacketize import Picture, video_depacketizer
from khue.video.fmp4 import VIDEO_TIMESCALE, AudioFormat, Sample, fragment, init_segment, picture_of
from khue.video.nal import join_prefixed
from khue.video.parameter_sets import ParameterSets
from khue.video.source import RtpSource, payload_of
from khue.video.timeline import WallLine

_PACKET = struct.Struct(">BBHBBHII")  # RFC 2326 §10.12 framing, then the fixed RTP header
_FIRST_DURATION = VIDEO_TIMESCALE // 5  # nothing is known yet, and players forgive too long rather than too short
_LONGEST_FIRST = 2 * VIDEO_TIMESCALE
_LONGEST_DURATION = 0x7FFFFFFF
_FARTHEST_OFFSET = 10 * VIDEO_TIMESCALE  # between decode and presentation time


class Fragment(NamedTuple):
    """moof and mdat of one picture, with the audio that came before it. ``start`` and ``end`` are on the wall clock."""

    data: bytes
    keyframe: bool
    start: Micros
    end: Micros

    @property
    def picture(self) -> bytes:
        """The picture itself: NAL units behind four-byte lengths."""
        return picture_of(self.data)


class Init(NamedTuple):
    """Initialisation segment: comes before the first fragment and again whenever the parameter sets change."""

    data: bytes
    mime: str
    width: int
    height: int
    codec: Codec = Codec.H264
    parameter_sets: tuple[bytes, ...] = ()


class Remuxer:
    """Interleaved RTP in, fMP4 out. Raises nothing on bad media: pictures that cannot be decoded are dropped and counted.

    Decode times (tfdt) count 1/90000 s, for audio samples, since 1970 UTC; with ``zero_based`` since the first picture.
    A picture is given out with the packet that completes it, its duration estimated; with ``zero_based`` or
    ``keyframes_only``, where nobody waits, one picture later and exact. ``zero_based`` output has one initialisation
    segment, as a file must; parameter sets that change later travel with the keyframes.

    ``keep_damaged`` also gives out pictures that lost packets, and those that build on them.
    ``dropped`` counts the pictures withheld for that reason; waiting for the first keyframe does not count.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        *,
        parameter_sets: Sequence[bytes] = (),
        keyframes_only: bool = False,
        zero_based: bool = False,
        video_only: bool = False,
        keep_damaged: bool = False,
    ) -> None:
        self.dropped = 0
        self._keyframes_only = keyframes_only
        self._zero_based = zero_based
        self._exact = keyframes_only or zero_based
        self._with_audio = not (video_only or keyframes_only)
        self._keep_damaged = keep_damaged
        self._out: list[Fragment | Init] = []
        self._codec: Codec | None = None
        self._line = WallLine(VIDEO_TIMESCALE, slew=not zero_based)
        self._lane: AudioLane | None = None
        self._described: tuple[tuple[bytes, ...], AudioFormat | None] | None = None  # by the last Init
        self._sets_in_band = False
        self._count = 0
        self._base: int | None = None  # ticks of the first picture
        self._decoded = -1  # dts of the last picture given out
        self._placed = -1  # pts of the last picture seen
        self._interval = 0  # between pictures; 0 while unknown
        self._declared = 0  # duration of the last picture given out
        self._held: Sample | None = None
        self._open(tracks, parameter_sets)

    def restart(self, tracks: Sequence[Track], *, parameter_sets: Sequence[bytes] = ()) -> list[Fragment | Init]:
        """What is fed next does not continue what was fed: another session, or another place in the recording.

        The output goes on, later in time; what was held is returned. Raises MediaError when ``zero_based`` output was
        begun and the new session's video codec differs from it.
        """
        rest = self.flush()
        self._open(tracks, parameter_sets)
        return rest

    def _open(self, tracks: Sequence[Track], parameter_sets: Sequence[bytes]) -> None:
        self._sources: dict[int, RtpSource[Any]] = {}
        self._playing = False  # the first keyframe of this session was found
        self._waiting = True  # for a keyframe
        video = next((track for track in tracks if track.codec.is_video), None)
        if video is None:
            return
        if self._zero_based and self._described and video.codec is not self._codec:
            raise MediaError(f"the recording changes from {self._codec} to {video.codec}; a clip must end there")
        self._codec = video.codec
        self._sets = ParameterSets(video.codec, (*video.parameter_sets, *parameter_sets))
        self._video = RtpSource(
            video.payload_type, video_depacketizer(video.codec, self._sets), self._line, self._take_pictures
        )
        self._sources[video.channel] = self._video
        if self._with_audio:
            self._open_audio(tracks)

    def _open_audio(self, tracks: Sequence[Track]) -> None:
        """Take the first track of audio that can be muxed. A file that was begun keeps the audio it has."""
        for track in tracks:
            found = open_audio(track, self._lane)
            if found is None:
                continue
            lane, source = found
            if self._zero_based and self._described and lane is not self._lane:
                continue
            self._lane = lane
            self._sources[track.channel] = source
            return
        if not (self._zero_based and self._described):
            self._lane = None

    def feed(self, data: bytes | memoryview, arrival: Micros) -> list[Fragment | Init]:
        """Take whole ``$``-framed packets, RTP and RTCP, as the log holds them; ``arrival`` is that of the first byte.

        At most ten seconds of media at once: no more is believed to have come in one read.
        """
        if not isinstance(data, bytes):
            data = bytes(data)
        sources = self._sources
        for source in sources.values():
            source.begin_read(arrival)
        unpack = _PACKET.unpack_from
        size = len(data)
        last = size - _PACKET.size
        position = 0
        while position <= last:
            magic, channel, length, first, second, sequence, timestamp, ssrc = unpack(data, position)
            start = position + 16
            position += 4 + length
            if magic != 0x24 or position > size:
                break  # not whole packets: nothing behind this can be trusted
            if channel not in sources or length < 12:
                continue
            source = sources[channel]
            if second & 0x7F != source.payload_type:
                continue
            payload = data[start:position] if first == 0x80 else payload_of(data, start - 12, length)
            order = source.order
            if payload is None:
                continue
            if sequence != order.expected or ssrc != source.ssrc:
                source.push(sequence, ssrc, (payload, second >= 0x80, timestamp))
                continue
            order.expected = (sequence + 1) & 0xFFFF
            units = source.depacketizer.push(payload, second >= 0x80, timestamp)
            if units:
                source.deliver(units)
        return self._give_out()

    def flush(self) -> list[Fragment | Init]:
        """The end: give out what still waits for packets or for the next picture."""
        for source in self._sources.values():
            source.flush()
        if self._held is not None:
            self._write(self._held, max(1, self._placed + (self._interval or _FIRST_DURATION) - self._held.dts))
            self._held = None
        return self._give_out()

    def _give_out(self) -> list[Fragment | Init]:
        out, self._out = self._out, []
        return out

    def _take_pictures(self, pictures: Sequence[Picture]) -> None:
        for picture in pictures:
            pts = self._place(picture)
            if self._is_decodable(picture) and (picture.keyframe or not self._keyframes_only):
                self._take_picture(picture, pts)

    def _place(self, picture: Picture) -> int:
        """Presentation time; also learns how long a picture lasts, on average."""
        pts = self._video.place(picture.timestamp)
        step = pts - self._placed
        if step > 0 and self._placed >= 0 and not picture.after_loss:
            known = self._interval or min(step, _LONGEST_FIRST)
            self._interval = known + (min(step, 4 * known) - known) // 8  # a pause must not count for much
        self._placed = max(self._placed, pts)
        return pts

    def _is_decodable(self, picture: Picture) -> bool:
        """Whether all it builds on was given out; counts it as dropped when that is for damage."""
        broken = picture.damaged or picture.after_loss
        if self._keep_damaged and self._playing:
            return bool(picture.data)
        self._waiting = self._waiting or broken
        if not self._waiting:
            return True
        if picture.keyframe and not picture.damaged and self._sets.format is not None:
            self._waiting = False
            self._playing = True
            return True
        self.dropped += self._playing
        return False

    def _take_picture(self, picture: Picture, pts: int) -> None:
        dts = self._decode_time(picture.keyframe, pts)
        if self._held is not None:
            self._write(self._held, dts - self._held.dts)
        data = picture.data
        if picture.keyframe:
            self._describe()
            if self._sets_in_band:
                data = join_prefixed(self._sets.current) + data
        if self._base is None:
            self._base = dts if self._zero_based else 0
        if self._lane is not None:
            self._lane.reach(pts)
        self._decoded = dts
        self._declared = self._interval or _FIRST_DURATION
        sample = Sample(data, dts, max(pts - dts, -_FARTHEST_OFFSET), self._declared, picture.keyframe)
        if self._exact:
            self._held = sample
        else:
            self._write(sample, self._declared)

    def _decode_time(self, keyframe: bool, pts: int) -> int:
        """Always later than the last.

        A player of MSE takes a step of more than twice the last duration for a new beginning and drops pictures until
        the next keyframe (Media Source Extensions §3.5.8), so after a pause decode times catch up with presentation times
        little by little. After a long one it is a new beginning.
        """
        dts = pts
        if not keyframe and not self._exact and pts - self._decoded <= _FARTHEST_OFFSET:
            dts = min(pts, self._decoded + self._declared * 3 // 2)
        return max(dts, self._decoded + 1)

    def _describe(self) -> None:
        """Give out an initialisation segment when the last one does not describe this keyframe."""
        audio = self._lane.format if self._lane is not None else None
        picture, described = self._sets.format, (self._sets.current, audio)
        if described == self._described or picture is None:
            return
        if self._zero_based and self._described is not None:
            self._sets_in_band = True
            return
        self._described = described
        codecs = picture.rfc6381 if audio is None else f"{picture.rfc6381},{audio.rfc6381}"
        data = init_segment(picture, self._sets.current, audio)
        mime = f'video/mp4; codecs="{codecs}"'
        self._out.append(Init(data, mime, picture.width, picture.height, picture.codec, self._sets.current))

    def _write(self, sample: Sample, duration: int) -> None:
        self._count += 1
        base = self._base or 0
        shown = sample.dts + sample.offset
        audio = self._lane.take(base) if self._lane is not None else None
        placed = Sample(
            sample.data, sample.dts - base, sample.offset, min(duration, _LONGEST_DURATION), sample.keyframe
        )
        data = fragment(self._count & 0xFFFFFFFF, placed, audio)
        self._out.append(Fragment(data, sample.keyframe, _micros(shown), _micros(shown + duration)))


def _micros(ticks: int) -> Micros:
    return ticks * 100 // 9  # 90 kHz
