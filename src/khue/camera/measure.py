"""What a playing stream carries: frame rate, bit rate and a sequence parameter set, from a few seconds of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from khue.camera.interleaved import Kind, split
from khue.camera.rtp import SenderReport, SequenceCounter, parse_rtcp, parse_rtp
from khue.camera.session import PlayingSession
from khue.camera.stream import Stream
from khue.model.errors import CameraError
from khue.model.media import Codec, Track
from khue.model.time import Clock, Micros

_MAX_TIMESTAMPS = 10_000


class Meter:
    """Counts the packets of one video track. Rates come from RTP time: a camera may send its first second in a burst."""

    def __init__(self, track: Track) -> None:
        self._track = track
        self._timestamps: list[int] = []
        self._bytes = 0
        self._bytes_of_last = 0
        self.sequence = SequenceCounter()
        self.clock_offset_s: float | None = None  # the camera's clock minus ours, from its first sender report
        self.sequence_parameter_set = next((nal for nal in track.parameter_sets if _is_sps(track.codec, nal)), b"")

    @property
    def frame_rate(self) -> float:
        """Frames a second; 0.0 before two frames were seen."""
        seconds = self._seconds()
        return round((len(self._timestamps) - 1) / seconds, 2) if seconds else 0.0

    @property
    def kbps(self) -> int:
        """RTP payload, in thousands of bits a second; 0 before two frames were seen."""
        seconds = self._seconds()
        return round((self._bytes - self._bytes_of_last) * 8 / seconds / 1000) if seconds else 0

    def take(self, data: bytes | bytearray, offset: int, length: int) -> None:
        """One RTP packet; others are ignored."""
        packet = parse_rtp(data, offset, length)
        if packet is None or packet.payload_type != self._track.payload_type:
            return
        self.sequence.push(packet.sequence)
        if not self._timestamps or packet.timestamp != self._timestamps[-1]:
            if len(self._timestamps) >= _MAX_TIMESTAMPS:
                return
            self._timestamps.append(packet.timestamp)
            self._bytes_of_last = 0
        self._bytes += packet.payload_length
        self._bytes_of_last += packet.payload_length
        if not self.sequence_parameter_set:
            payload = bytes(data[packet.payload_offset : packet.payload_offset + packet.payload_length])
            nals = _whole_nals(self._track.codec, payload)
            self.sequence_parameter_set = next((nal for nal in nals if _is_sps(self._track.codec, nal)), b"")

    def take_report(self, data: bytes | bytearray, offset: int, length: int, arrival: Micros) -> None:
        """One RTCP packet; the first sender report tells the camera's clock."""
        for report in parse_rtcp(data, offset, length):
            if isinstance(report, SenderReport) and self.clock_offset_s is None:
                self.clock_offset_s = (report.ntp_us - arrival) / 1e6

    def _seconds(self) -> float:
        if len(self._timestamps) < 2:
            return 0.0
        ticks = (self._timestamps[-1] - self._timestamps[0]) & 0xFFFFFFFF
        return ticks / self._track.clock_rate if ticks < 1 << 31 else 0.0


async def measure(session: PlayingSession, seconds: float, clock: Clock) -> Meter:
    """Read for ``seconds`` or until the camera stops, and count the first video track."""
    meter = Meter(session.tracks[0])
    with contextlib.suppress(TimeoutError, CameraError):
        async with asyncio.timeout(seconds):
            await (_read_udp if session.udp else _read_tcp)(session, meter, clock)
    return meter


async def _read_tcp(session: PlayingSession, meter: Meter, clock: Clock) -> None:
    stream = Stream(session.sock, "")
    buffer = bytearray(session.pending)
    channel = session.tracks[0].channel
    while True:
        end = 0
        for piece in split(buffer):
            end = piece.end
            if piece.kind is Kind.FRAME and piece.channel == channel:
                meter.take(buffer, piece.start + 4, piece.end - piece.start - 4)
            elif piece.kind is Kind.FRAME and piece.channel == channel + 1:
                meter.take_report(buffer, piece.start + 4, piece.end - piece.start - 4, clock.now())
        del buffer[:end]
        buffer += await stream.read()


async def _read_udp(session: PlayingSession, meter: Meter, clock: Clock) -> None:
    async def pictures(stream: Stream) -> None:
        while True:
            data = await stream.read()
            meter.take(data, 0, len(data))

    async def reports(stream: Stream) -> None:
        while True:
            data = await stream.read()
            meter.take_report(data, 0, len(data), clock.now())

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(pictures(Stream(session.udp[0].rtp, "")))
            group.create_task(reports(Stream(session.udp[0].rtcp, "")))
    except* CameraError:
        pass  # a closed port: what was counted so far stands


def _whole_nals(codec: Codec, payload: bytes) -> Iterator[bytes]:
    """NAL units that lie whole in one RTP payload: single ones and those of aggregation packets (STAP-A, AP)."""
    header = 1 if codec is Codec.H264 else 2
    if not codec.is_video or len(payload) <= header:
        return
    kind = payload[0] & 0x1F if codec is Codec.H264 else payload[0] >> 1 & 0x3F
    if kind not in (24, 48):
        yield payload
        return
    offset = header
    while offset + 2 < len(payload):
        size = payload[offset] << 8 | payload[offset + 1]
        if nal := payload[offset + 2 : offset + 2 + size]:
            yield nal
        offset += 2 + size


def _is_sps(codec: Codec, nal: bytes) -> bool:
    if not nal:
        return False
    return nal[0] & 0x1F == 7 if codec is Codec.H264 else codec is Codec.H265 and nal[0] >> 1 & 0x3F == 33
