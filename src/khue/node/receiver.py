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

from khue.camera.interleaved import Kind, split
from khue.camera.session import PlayingSession
from khue.model.coverage import GapCause
from khue.model.errors import CameraProtocolError, CameraUnreachable
from khue.model.media import Codec, Track
from khue.model.time import Micros
from khue.video.arena import Arena, Slot
from khue.video.block import MAX_PAYLOAD, BlockMeta
from khue.video.log import LoggedStream, LogWriter

TURN: Final[Micros] = 20_000  # how often a stream is read that is watched or comes over UDP
SLOW_TURN: Final[Micros] = 200_000  # how often others are; what they send meanwhile waits in the kernel
BLOCK_AGE: Final[Micros] = 780_000  # four slow turns less their jitter: on disk within a second (design/01)
BLOCK_ROOM: Final = 128 * 1024  # a block is closed when less is free; a frame is at most 65,539 bytes
MAX_KEYFRAMES: Final = 64
MAX_GARBAGE: Final = 256 * 1024
FORGIVEN: Final = 4 * 1024  # bytes of garbage each block of pictures makes up for
MAX_REPLY: Final = 64 * 1024
MAX_RECORDS: Final = 256  # TLS records a turn; one may hold a single RTP packet
MAX_FILLS: Final = 4  # times a turn a camera may fill all the room there is: some 60 Mb/s
_MAX_DROPOUT: Final = 3000  # RFC 3550 §A.1: a larger jump is a restart of the sequence, not loss
_MAX_MISORDER: Final = 100
_DATAGRAMS: Final = 256  # per turn, so that a flood on one port does not hold up the others

_FRAME = struct.Struct(">HHxBH")  # $ and channel, length; of RTP: M and PT, sequence
_SENDER_REPORT = struct.Struct(">BBHIIII")
_NTP_TO_UNIX: Final = 2_208_988_800

Tap = Callable[[bytes, Micros], None]


class Receiver:
    """Receives one playing session. `readable` and `tick` raise CameraError when the session is over."""

    __slots__ = (
        "_arena",
        "_channels",
        "_expected",
        "_fill",
        "_first",
        "_frames",
        "_garbage",
        "_header_sets",
        "_key_stamp",
        "_keyframes",
        "_last",
        "_log",
        "_lost",
        "_packets",
        "_peek",
        "_records",
        "_replies",
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
        "last_picture",
        "lost",
        "playing",
        "recorded_until",
        "session",
        "stream",
        "tap",
        "turn",
    )

    def __init__(
        self, session: PlayingSession, stream: LoggedStream | None, arena: Arena, log: LogWriter, now: Micros
    ) -> None:
        slot = arena.take()
        if slot is None:
            raise CameraUnreachable(
                "this node has no memory left for another stream; raise its capacity or move cameras away",
                cause=GapCause.NODE,
            )
        self.session = session
        self.stream = stream  # None: received for live viewing only
        self.tap: Tap | None = None
        self.frames = 0
        self.bytes = 0
        self.lost = 0
        self.dropped_blocks = 0
        self.playing = False  # once the first packet of video is here
        self.last_picture = now  # when video last came
        self.turn = TURN  # how long bytes may have waited before they are read
        self.recorded_until: Micros = 0
        self._arena = arena
        self._log = log
        self._slot: Slot = slot
        self._tracks = session.tracks
        self._records = isinstance(session.sock, ssl.SSLSocket)
        self._channels = frozenset(c for t in session.tracks for c in (t.channel, t.channel + 1))
        video = next((t for t in session.tracks if t.codec.is_video), session.tracks[0])
        self._video = video.channel
        self._video_codec = video.codec
        self._expected = -1
        self._sequences: dict[int, int] = {}  # of the other RTP channels
        self._sets: dict[int, bytes] = _by_type(video)
        self._peek = True
        self._key_stamp = b""
        self._replies = bytearray()
        self._reports: dict[int, tuple[int, int, int, int]] = {}
        self._garbage = 0
        self._scan = self._fill = 0
        self._reset(now)

    def _reset(self, now: Micros) -> None:
        self._first = self._last = now
        self._frames = self._packets = self._lost = 0
        self._keyframes: list[tuple[int, int]] = []
        self._header_sets = tuple(self._sets[kind] for kind in sorted(self._sets))

    # -- reading

    def begin(self, now: Micros) -> None:
        """Take what came with the reply to PLAY."""
        pending = self.session.pending
        if self.session.udp:
            self._replied(pending)
            return
        for start in range(0, len(pending), BLOCK_ROOM // 2):
            part = pending[start : start + BLOCK_ROOM // 2]
            self._slot.payload[self._fill : self._fill + len(part)] = part
            self._took(len(part), now)

    def readable(self, now: Micros) -> None:
        """Take what the control socket has: all of it, unless it is more than a camera may send."""
        sock = self.session.sock
        if self.session.udp:
            reply = bytearray(MAX_REPLY)
            self._replied(reply[: self._receive(sock, memoryview(reply))])
            return
        # TLS gives one record at a time, and may hold bytes that epoll does not know of.
        for _ in range(MAX_RECORDS if self._records else MAX_FILLS):
            room = self._slot.payload[self._fill :]
            count = self._receive(sock, room)
            if count == 0:
                return
            self._took(count, now)
            if count < len(room) and not self._records:
                return

    def _receive(self, sock: socket.socket, into: memoryview) -> int:
        """Bytes received, 0 when there are none just now."""
        try:
            count = sock.recv_into(into)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except ConnectionResetError:
            raise CameraUnreachable("the camera broke the connection", cause=GapCause.CAMERA) from None
        except OSError as error:
            raise CameraUnreachable(f"the connection broke ({error.strerror or error}); check the line") from error
        if count == 0:
            raise CameraUnreachable("the camera closed the connection", cause=GapCause.CAMERA)
        return count

    def _took(self, count: int, now: Micros) -> None:
        if self._scan == 0:
            # No whole frame yet: what waits for its rest does not make the block older. The first of what came now came
            # after the last read; dating it by this one would put every picture of a block a slow turn too late.
            self._first = max(self._last, now - self.turn)
        self._fill += count
        self.bytes += count
        self._last = now
        self._walk(now)

    def _replied(self, data: bytes | bytearray) -> None:
        """Replies on the control connection of a session whose media come over UDP."""
        self._replies += data
        consumed = 0
        for piece in split(self._replies):
            if piece.kind is Kind.MESSAGE:
                self.session.on_reply(bytes(self._replies[piece.start : piece.end]))
            consumed = piece.end
        del self._replies[:consumed]
        if len(self._replies) > MAX_REPLY:
            raise CameraProtocolError("the camera sends an RTSP message that never ends; restart it")

    def datagrams(self, sock: socket.socket, channel: int, now: Micros) -> None:
        """Take what a UDP socket has, framed as if it had come interleaved, so that the log has one format."""
        payload, fill = self._slot.payload, self._fill
        try:
            for _ in range(_DATAGRAMS):
                if len(payload) - fill < BLOCK_ROOM // 2 + 4:
                    break
                try:
                    count = sock.recv_into(payload[fill + 4 :], 65535)
                except BlockingIOError:
                    break
                except ConnectionRefusedError:
                    continue  # our greeting found no listener: many cameras send RTP and take no RTCP
                except OSError as error:
                    raise CameraUnreachable(f"receiving UDP failed ({error.strerror}); check the line") from error
                payload[fill : fill + 4] = bytes((36, channel, count >> 8, count & 255))
                fill += 4 + count
        finally:
            if fill > self._fill:
                self._took(fill - self._fill, now)

    def _walk(self, now: Micros) -> None:
        """Go over the whole frames that are there; close the block when it is old or full enough."""
        payload, pos, fill = self._slot.payload, self._scan, self._fill
        start, limit, packets, frames = pos, fill - 12, 0, 0
        unpack, video, expected, peek = _FRAME.unpack_from, 0x2400 | self._video, self._expected, self._peek
        while pos <= limit:
            head, length, kind, sequence = unpack(payload, pos)
            end = pos + 4 + length
            if head == video and length >= 12:
                if end > fill:
                    break
                if sequence != expected:
                    sequence = self._sequence_break(sequence, expected)
                    peek = True
                expected = sequence + 1 & 0xFFFF
                if peek:
                    peek = self._look(pos, end, now)
                if kind & 0x80:
                    frames += 1
                    peek = True
                packets += 1
                pos = end
                continue
            channel = head & 0xFF
            if head >> 8 != 36 or (channel not in self._channels and payload[pos + 4] >> 6 != 2):
                self._expected, self._peek = expected, peek
                self._walked(start, pos, packets, frames, now)
                start, packets, frames = pos, 0, 0
                if self._foreign(pos) < 0:
                    break
                peek, fill = self._peek, self._fill
                limit = fill - 12
                continue
            if end > fill:
                break
            self._other(channel, pos, length, now)
            pos = end
        else:
            # Less than twelve bytes are left: perhaps a tiny frame (RTCP BYE), perhaps the head of the next.
            pos = self._tiny(pos, fill)
        self._expected, self._peek = expected, peek
        self._walked(start, pos, packets, frames, now)
        if now - self._first >= BLOCK_AGE or len(payload) - fill < BLOCK_ROOM:
            self.close_block(now)

    def _walked(self, start: int, end: int, packets: int, frames: int, now: Micros) -> None:
        self._scan = end
        self._frames += frames
        if packets:
            self._packets += packets
            self.last_picture = now
            self.playing = True
        if self.tap is not None and end > start:
            self.tap(bytes(self._slot.payload[start:end]), now)

    def _tiny(self, pos: int, fill: int) -> int:
        payload = self._slot.payload
        while fill - pos >= 4 and payload[pos] == 36:
            end = pos + 4 + int.from_bytes(payload[pos + 2 : pos + 4], "big")
            if end > fill:
                break
            pos = end
        return pos

    def _sequence_break(self, sequence: int, expected: int) -> int:
        """Account for a jump; returns the number to go on from, which a late packet does not move back."""
        if expected < 0:
            return sequence
        missing = (sequence - expected) & 0xFFFF
        if missing < _MAX_DROPOUT:
            self._lost += missing
            self.lost += missing
        elif 0x10000 - missing <= _MAX_MISORDER:
            if self._lost:
                self._lost -= 1  # it was counted as lost and is only late
                self.lost -= 1
            return expected - 1
        return sequence

    # -- what is looked at where a picture starts

    def _look(self, pos: int, end: int, now: Micros) -> bool:
        """Look at the packet where a picture starts; True when what the picture is comes with the next packet."""
        payload = self._slot.payload
        at = pos + 16
        flags = payload[pos + 4]
        if flags & 0x1F:
            at += 4 * (flags & 0x0F)
            if flags & 0x10 and at + 4 <= end:
                at += 4 + 4 * int.from_bytes(payload[at + 2 : at + 4], "big")
        if at + 3 > end:
            return True
        if self._video_codec is Codec.H264:
            return self._look_h264(pos, at, end, now)
        if self._video_codec is Codec.H265:
            return self._look_h265(pos, at, end, now)
        return False

    def _look_h264(self, pos: int, at: int, end: int, now: Micros) -> bool:
        payload = self._slot.payload
        kind = payload[at] & 31
        if kind == 24:  # STAP-A: parameter sets come with or without the picture behind them
            for start, stop in _aggregated(payload, at + 1, end):
                inner = payload[start] & 31
                if inner in (7, 8):
                    self._parameter_set(inner, bytes(payload[start:stop]))
                if inner in (5, 7):
                    self._keyframe(pos, now)
        elif kind == 28:
            if payload[at + 1] & 31 == 5 and payload[at + 1] & 0x80:
                self._keyframe(pos, now)
        elif kind in (7, 8):
            self._parameter_set(kind, bytes(payload[at:end]))
            self._keyframe(pos, now)
        elif kind == 5:
            self._keyframe(pos, now)
        return kind in (6, 7, 8, 9, 24)  # SEI, parameter sets, access unit delimiter

    def _look_h265(self, pos: int, at: int, end: int, now: Micros) -> bool:
        payload = self._slot.payload
        kind = payload[at] >> 1 & 63
        if kind == 48:
            for start, stop in _aggregated(payload, at + 2, end):
                inner = payload[start] >> 1 & 63
                if inner in (32, 33, 34):
                    self._parameter_set(inner, bytes(payload[start:stop]))
                if 16 <= inner <= 21 or inner == 32:
                    self._keyframe(pos, now)
        elif kind == 49:
            if 16 <= payload[at + 2] & 63 <= 21 and payload[at + 2] & 0x80:
                self._keyframe(pos, now)
        elif kind in (32, 33, 34):
            self._parameter_set(kind, bytes(payload[at:end]))
            self._keyframe(pos, now)
        elif 16 <= kind <= 21:
            self._keyframe(pos, now)
        return kind in (32, 33, 34, 35, 39, 48)

    def _keyframe(self, pos: int, now: Micros) -> None:
        """A group of pictures starts at ``pos``; parameter sets and the picture behind them are one start.

        They have one RTP timestamp, but need not arrive in one read, nor lie in one block.
        """
        stamp = bytes(self._slot.payload[pos + 8 : pos + 12])
        if stamp == self._key_stamp:
            return
        self._key_stamp = stamp
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
        expected = self._sequences.get(channel, -1)
        if expected < 0 and len(self._sequences) >= 16:
            return
        if sequence != expected:
            sequence = self._sequence_break(sequence, expected)
        self._sequences[channel] = (sequence + 1) & 0xFFFF

    def _foreign(self, pos: int) -> int:
        """Bytes at ``pos`` that are no frame: an RTSP message, or garbage. Cut them out.

        Returns how many were cut, -1 when more must arrive first.
        """
        head = bytes(self._slot.payload[pos : min(self._fill, pos + MAX_REPLY)])
        piece = next(split(head, channels=self._channels), None)
        if piece is None and len(head) < MAX_REPLY:
            return -1
        count = piece.end if piece else len(head)
        self._cut(pos, count)
        if piece and piece.kind is Kind.MESSAGE:
            self.session.on_reply(head[:count])
            return count
        self._garbage += count
        self._lost += 1
        self.lost += 1
        if self._garbage > MAX_GARBAGE:
            raise CameraProtocolError(
                f"the camera sends bytes that are neither RTP nor RTSP ({self._garbage} so far); restart it or mend its line"
            )
        self._peek = True
        return count

    def _cut(self, pos: int, count: int) -> None:
        view, fill = self._slot.payload, self._fill
        view[pos : fill - count] = bytes(view[pos + count : fill])
        self._fill = fill - count

    # -- blocks

    def tick(self, now: Micros) -> None:
        """Called a few times a second: closes a block that nothing more arrives for."""
        if self._scan and now - self._first >= BLOCK_AGE:
            self.close_block(now)

    def stepped(self, step: Micros, now: Micros) -> None:
        """The clock was set forward by ``step``: nothing is known of that time, so no block may span it."""
        self.close_block(now)
        self.last_picture += step
        if self.stream is not None:
            detail = f"the node's clock was set forward by {step / 1_000_000:.0f} s"
            self._log.happened(self.stream, "fail", now, GapCause.NODE, detail)

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
                self._garbage = max(0, self._garbage - FORGIVEN)
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
