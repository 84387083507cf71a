"""The hot path: one stream's bytes from its socket into blocks. Design: design/01-recording-log.md, "What happens per packet".

Nothing is decoded and nothing is copied: the kernel writes into the block, the walk over the interleaved frames
(RFC 2326 §10.12) checks RTP sequence numbers (RFC 3550 §A.1) and looks at the NAL type where a picture starts.
A camera is not trusted: every length is checked against the bytes that are there.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from typing import Final

from khue.camera.session import PlayingSession
from khue.model.coverage import GapCause
from khue.model.errors import CameraProtocolError, CameraUnreachable
from khue.model.media import Codec, Track
from khue.model.time import Micros
from khue.video.arena import Arena, Slot
from khue.video.block import MAX_PAYLOAD, BlockMeta
from khue.video.log import LoggedStream, LogWriter

BLOCK_AGE: Final[Micros] = 850_000  # with the writer's tenth of a second: on disk within a second
BLOCK_ROOM: Final = 128 * 1024  # a block is closed when less is free; a frame is at most 65,539 bytes
MAX_KEYFRAMES: Final = 64
MAX_GARBAGE: Final = 256 * 1024
MAX_REPLY: Final = 64 * 1024
_MAX_DROPOUT: Final = 3000  # RFC 3550 §A.1: a larger jump is a restart of the sequence, not loss
_MAX_MISORDER: Final = 100
_DATAGRAMS: Final = 256  # per turn, so that a flood on one port does not hold up the others

_FRAME = struct.Struct(">BBHBBHI")  # $, channel, length; RTP: V/P/X/CC, M/PT, sequence, timestamp
_SENDER_REPORT = struct.Struct(">BBHIIII")
_NTP_TO_UNIX: Final = 2_208_988_800

Tap = Callable[[bytes, Micros], None]


class Receiver:
    """Receives one playing session. `readable` and `tick` raise CameraError when the session is over."""

    __slots__ = (
        "_arena",
        "_expected",
        "_fill",
        "_first",
        "_frames",
        "_garbage",
        "_header_sets",
        "_keyframes",
        "_last",
        "_log",
        "_lost",
        "_packets",
        "_peek",
        "_reports",
        "_scan",
        "_sequences",
        "_sets",
        "_slot",
        "_tracks",
        "_video",
        "_video_codec",
        "bytes",
        "dropped_blocks",
        "frames",
        "last_data",
        "lost",
        "recorded_until",
        "session",
        "stream",
        "tap",
    )

    def __init__(
        self, session: PlayingSession, stream: LoggedStream | None, arena: Arena, log: LogWriter, now: Micros
    ) -> None:
        slot = arena.take()
        if slot is None:
            raise CameraUnreachable(
                "this node has no memory left for another stream; raise its limit or move cameras away"
            )
        self.session = session
        self.stream = stream  # None: received for live viewing only
        self.tap: Tap | None = None
        self.frames = 0
        self.bytes = 0
        self.lost = 0
        self.dropped_blocks = 0
        self.last_data = now
        self.recorded_until: Micros = 0
        self._arena = arena
        self._log = log
        self._slot: Slot = slot
        self._tracks = session.tracks
        video = next((t for t in session.tracks if t.codec.is_video), session.tracks[0])
        self._video = video.channel
        self._video_codec = video.codec
        self._expected = -1
        self._sequences: dict[int, int] = {}  # of the other RTP channels
        self._sets: dict[int, bytes] = _by_type(video)
        self._peek = True
        self._reports: dict[int, tuple[int, int, int, int]] = {}
        self._garbage = 0
        self._scan = self._fill = 0
        self._reset(now)
        if session.pending:
            self._slot.payload[: len(session.pending)] = session.pending
            self._fill = len(session.pending)
            self._walk(now)

    def _reset(self, now: Micros) -> None:
        self._first = self._last = now
        self._frames = self._packets = self._lost = 0
        self._keyframes: list[tuple[int, int]] = []
        self._header_sets = tuple(self._sets[kind] for kind in sorted(self._sets))

    # -- reading

    def readable(self, now: Micros) -> None:
        """Take what the control socket has."""
        fill = self._fill
        try:
            count = self.session.sock.recv_into(self._slot.payload[fill:])
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except (OSError, ssl.SSLError) as error:
            raise CameraUnreachable(f"the camera broke the connection ({error.strerror or error})") from error
        if count == 0:
            raise CameraUnreachable("the camera closed the connection")
        if fill == 0:
            self._first = now
        self._fill = fill + count
        self.bytes += count
        self.last_data = self._last = now
        self._walk(now)
        if isinstance(self.session.sock, ssl.SSLSocket) and self.session.sock.pending():
            self.readable(now)  # TLS holds decrypted bytes that epoll does not know of

    def datagrams(self, sock: socket.socket, channel: int, now: Micros) -> None:
        """Take what a UDP socket has, framed as if it had come interleaved, so that the log has one format."""
        payload, fill = self._slot.payload, self._fill
        if fill == 0:
            self._first = now
        for _ in range(_DATAGRAMS):
            if len(payload) - fill < BLOCK_ROOM // 2:
                break
            try:
                count = sock.recv_into(payload[fill + 4 :], 65535)
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                raise CameraUnreachable("the camera closed its UDP port") from None
            except OSError as error:
                raise CameraUnreachable(f"receiving UDP failed ({error.strerror})") from error
            payload[fill : fill + 4] = bytes((36, channel, count >> 8, count & 255))
            fill += 4 + count
            self.bytes += count
            self.last_data = self._last = now
        self._fill = fill
        self._walk(now)

    def _walk(self, now: Micros) -> None:
        """Go over the whole frames that are there; close the block when it is old or full enough."""
        payload, pos, fill = self._slot.payload, self._scan, self._fill
        start = pos
        unpack, video, expected = _FRAME.unpack_from, self._video, self._expected
        limit = fill - 12
        while pos <= limit:
            magic, channel, length, flags, kind, sequence, _ = unpack(payload, pos)
            if magic != 36:
                self._tapped(start, pos, now)
                self._expected = expected
                cut = self._foreign(pos)
                if cut < 0:
                    start = pos
                    break
                fill = self._fill
                limit = fill - 12
                start = pos
                continue
            end = pos + 4 + length
            if end > fill:
                break
            if channel == video and length >= 12:
                if sequence != expected:
                    sequence = self._sequence_break(sequence, expected)
                expected = (sequence + 1) & 0xFFFF
                if self._peek:
                    self._look(pos, end, flags, now)
                if kind & 0x80:
                    self._frames += 1
                    self._peek = True
                self._packets += 1
            else:
                self._other(channel, pos, length, now)
            pos = end
        else:
            # Less than twelve bytes are left: perhaps a tiny frame (RTCP BYE), perhaps the head of the next.
            pos = self._tiny(pos, fill)
        self._expected = expected
        self._scan = pos
        self._tapped(start, pos, now)
        if now - self._first >= BLOCK_AGE or len(payload) - fill < BLOCK_ROOM:
            self.close_block(now)

    def _tiny(self, pos: int, fill: int) -> int:
        payload = self._slot.payload
        while fill - pos >= 4 and payload[pos] == 36:
            end = pos + 4 + int.from_bytes(payload[pos + 2 : pos + 4], "big")
            if end > fill:
                break
            pos = end
        return pos

    def _tapped(self, start: int, end: int, now: Micros) -> None:
        if self.tap is not None and end > start:
            self.tap(bytes(self._slot.payload[start:end]), now)

    def _sequence_break(self, sequence: int, expected: int) -> int:
        """Account for a jump; returns the number to go on from, which a late packet does not move back."""
        if expected < 0:
            return sequence
        missing = (sequence - expected) & 0xFFFF
        if missing < _MAX_DROPOUT:
            self._lost += missing
            self.lost += missing
            self._peek = True
        elif 0x10000 - missing <= _MAX_MISORDER:
            if self._lost:
                self._lost -= 1  # it was counted as lost and is only late
                self.lost -= 1
            return expected - 1
        return sequence

    # -- what is looked at where a picture starts

    def _look(self, pos: int, end: int, flags: int, now: Micros) -> None:
        payload = self._slot.payload
        at = pos + 16
        if flags & 0x1F:
            at += 4 * (flags & 0x0F)
            if flags & 0x10 and at + 4 <= end:
                at += 4 + 4 * int.from_bytes(payload[at + 2 : at + 4], "big")
        if at + 3 > end:
            return
        self._peek = False
        if self._video_codec is Codec.H264:
            self._look_h264(pos, at, end, now)
        elif self._video_codec is Codec.H265:
            self._look_h265(pos, at, end, now)

    def _look_h264(self, pos: int, at: int, end: int, now: Micros) -> None:
        payload = self._slot.payload
        kind = payload[at] & 31
        if kind == 1:
            return
        if kind == 24:  # STAP-A: parameter sets come with or without the picture behind them
            for start, stop in _aggregated(payload, at + 1, end):
                inner = payload[start] & 31
                if inner in (7, 8):
                    self._parameter_set(inner, bytes(payload[start:stop]))
                if inner in (5, 7):
                    self._keyframe(pos, now)
            self._peek = True
        elif kind == 28:
            if payload[at + 1] & 31 == 5 and payload[at + 1] & 0x80:
                self._keyframe(pos, now)
        elif kind in (7, 8):
            self._parameter_set(kind, bytes(payload[at:end]))
            self._keyframe(pos, now)
            self._peek = True
        elif kind == 5:
            self._keyframe(pos, now)
        elif kind in (6, 9):  # SEI, access unit delimiter: what the picture is comes next
            self._peek = True

    def _look_h265(self, pos: int, at: int, end: int, now: Micros) -> None:
        payload = self._slot.payload
        kind = payload[at] >> 1 & 63
        if kind < 16:
            return
        if kind == 48:
            for start, stop in _aggregated(payload, at + 2, end):
                inner = payload[start] >> 1 & 63
                if inner in (32, 33, 34):
                    self._parameter_set(inner, bytes(payload[start:stop]))
                if 16 <= inner <= 21 or inner == 32:
                    self._keyframe(pos, now)
            self._peek = True
        elif kind == 49:
            if 16 <= payload[at + 2] & 63 <= 21 and payload[at + 2] & 0x80:
                self._keyframe(pos, now)
        elif kind in (32, 33, 34):
            self._parameter_set(kind, bytes(payload[at:end]))
            self._keyframe(pos, now)
            self._peek = True
        elif 16 <= kind <= 21:
            self._keyframe(pos, now)
        elif kind in (35, 39):
            self._peek = True

    def _keyframe(self, pos: int, now: Micros) -> None:
        """A group of pictures starts at ``pos``; parameter sets and the picture behind them are one start."""
        if self._keyframes and self._keyframes[-1][1] == now:
            return
        if len(self._keyframes) < MAX_KEYFRAMES:
            self._keyframes.append((pos, now))

    def _parameter_set(self, kind: int, unit: bytes) -> None:
        if len(unit) <= 1024 and self._sets.get(kind) != unit:
            self._sets[kind] = unit

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """VPS, SPS, PPS as last seen, in-band or from the SDP."""
        return tuple(self._sets[kind] for kind in sorted(self._sets))

    @property
    def video(self) -> Codec:
        return self._video_codec

    @property
    def clock_offset_ms(self) -> int | None:
        """The camera's wall clock minus ours by its last sender report of the video track (RFC 3550 §6.4.1)."""
        report = self._reports.get(self._video)
        return (report[2] - report[3]) // 1000 if report else None

    # -- everything that is not a video packet

    def _other(self, channel: int, pos: int, length: int, now: Micros) -> None:
        payload = self._slot.payload
        if channel & 1:
            if length >= 28 and payload[pos + 5] == 200:
                _, _, _, _, seconds, fraction, timestamp = _SENDER_REPORT.unpack_from(payload, pos + 4)
                ntp = (seconds - _NTP_TO_UNIX) * 1_000_000 + (fraction * 1_000_000 >> 32)
                if len(self._reports) < 16 or channel - 1 in self._reports:
                    self._reports[channel - 1] = (channel - 1, timestamp, ntp, now)
            return
        if length < 12:
            return
        sequence = int.from_bytes(payload[pos + 6 : pos + 8], "big")
        expected = self._sequences.get(channel)
        if expected is None and len(self._sequences) >= 16:
            return
        if expected is not None and sequence != expected:
            missing = (sequence - expected) & 0xFFFF
            if missing < _MAX_DROPOUT:
                self._lost += missing
                self.lost += missing
        self._sequences[channel] = (sequence + 1) & 0xFFFF

    def _foreign(self, pos: int) -> int:
        """Bytes at ``pos`` that are no interleaved frame: an RTSP reply, or garbage. Cut them out.

        Returns how many were cut, -1 when more must arrive first.
        """
        view = self._slot.payload
        fill = self._fill
        head = bytes(view[pos : min(fill, pos + MAX_REPLY)])
        if b"RTSP/1.".startswith(head[:7]) or head.startswith(b"RTSP/1."):
            length = _reply_length(head)
            if length == 0 and len(head) < MAX_REPLY:
                return -1
            if length:
                self._cut(pos, length)
                self.session.on_reply(head[:length])
                return length
        skip = self._resync(head)
        self._garbage += skip
        self._lost += 1
        self.lost += 1
        if self._garbage > MAX_GARBAGE:
            raise CameraProtocolError(
                f"the camera sends bytes that are neither RTP nor RTSP ({self._garbage} so far); restart it or mend its line"
            )
        self._cut(pos, skip)
        self._peek = True
        return skip

    def _resync(self, head: bytes) -> int:
        """How far to the next thing that looks like a frame of a channel we set up, or an RTSP reply."""
        channels = {t.channel for t in self._tracks} | {t.channel + 1 for t in self._tracks}
        at = 1
        while True:
            dollar = head.find(b"$", at)
            reply = head.find(b"RTSP/1.", at)
            if dollar < 0 and reply < 0:
                return len(head)
            if reply >= 0 and (dollar < 0 or reply < dollar):
                return reply
            if len(head) - dollar < 5 or (head[dollar + 1] in channels and head[dollar + 4] & 0xC0 == 0x80):
                return dollar
            at = dollar + 1

    def _cut(self, pos: int, count: int) -> None:
        view, fill = self._slot.payload, self._fill
        view[pos : fill - count] = bytes(view[pos + count : fill])
        self._fill = fill - count

    # -- blocks

    def tick(self, now: Micros) -> None:
        """Called a few times a second: closes a block that nothing more arrives for."""
        if self._scan and now - self._first >= BLOCK_AGE:
            self.close_block(now)

    def close_block(self, now: Micros) -> None:
        """Hand the whole frames to the log and go on in a fresh slot, starting with the frame that is still incomplete."""
        scan, fill = self._scan, self._fill
        if fill - scan > MAX_PAYLOAD - BLOCK_ROOM:
            raise CameraProtocolError("the camera sends a frame that never ends; restart it")
        rest = bytes(self._slot.payload[scan:fill])
        self.frames += self._frames
        if scan and self.stream is not None:
            fresh = self._arena.take()
            if fresh is None:
                self.dropped_blocks += 1
                self._log.happened(
                    self.stream, "fail", self._first, GapCause.DISK, "the disk is too slow for this node"
                )
            else:
                meta = BlockMeta(
                    self.stream.camera,
                    self.stream.name,
                    0,
                    self._first,
                    self._last,
                    self._tracks,
                    self._header_sets,
                    self._keyframes,
                    self._frames,
                    self._packets,
                    self._lost,
                    list(self._reports.values()),
                )
                self._log.write(self.stream, self._slot, scan, meta)
                self._slot = fresh
                self.recorded_until = self._last
        self._slot.payload[: len(rest)] = rest
        self._scan, self._fill = 0, len(rest)
        self._reset(now)

    def finish(self, now: Micros) -> None:
        """The session is over: log what is whole, give the slot back."""
        self._fill = self._scan
        self.close_block(now)
        self._arena.give(self._slot)


def _by_type(track: Track) -> dict[int, bytes]:
    """Parameter sets by NAL type; ascending types are VPS, SPS, PPS in H.265 and SPS, PPS in H.264."""
    if track.codec is Codec.H265:
        return {unit[0] >> 1 & 63: unit for unit in track.parameter_sets if unit}
    return {unit[0] & 31: unit for unit in track.parameter_sets if unit}


def _aggregated(payload: memoryview, at: int, end: int) -> list[tuple[int, int]]:
    """Units in an aggregation packet: pairs of start and stop (RFC 6184 §5.7.1, RFC 7798 §4.4.2)."""
    units = []
    while at + 2 < end:
        stop = at + 2 + int.from_bytes(payload[at : at + 2], "big")
        if stop > end or stop <= at + 2:
            break
        units.append((at + 2, stop))
        at = stop
    return units


def _reply_length(head: bytes) -> int:
    """Length of the complete RTSP reply at the start of ``head``, 0 when it is not complete."""
    end = head.find(b"\r\n\r\n")
    if end < 0:
        return 0
    length = end + 4
    for line in head[:end].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length += int(value)
    return length if length <= len(head) else 0
