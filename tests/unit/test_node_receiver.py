"""The hot path on any bytes: what a camera sent lies in the blocks bit for bit, counted right, however it was cut up."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from video_material import EPOCH, Packet, audio_packets, encode, merged, video_packets, video_track

from khue.camera.auth import Authenticator
from khue.camera.control import Control
from khue.camera.handshake import Opened
from khue.camera.session import PlayingSession
from khue.camera.stream import Stream
from khue.camera.udp import UdpPair
from khue.model.camera import StreamName, Transport
from khue.model.errors import CameraError, CameraProtocolError, CameraRefused, CameraUnreachable
from khue.model.media import Codec, Track
from khue.node.receiver import SLOW_TURN, TURN, Receiver
from khue.video.arena import Arena, Slot
from khue.video.block import BlockMeta
from khue.video.log import LoggedStream

AUDIO_TRACK = Track(channel=2, codec=Codec.PCMA, payload_type=8, clock_rate=8000)
REPLY = b"RTSP/1.0 200 OK\r\nCSeq: 7\r\nSession: 1\r\nContent-Length: 5\r\n\r\n$\x00\x00\x04$"
REQUEST = b"OPTIONS rtsp://node/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"
REPORT = struct.pack(">BBHBBHIIIIII", 36, 1, 28, 0x80, 200, 6, 1, 2_208_988_800 + EPOCH // 1_000_000 + 5, 0, 0, 1, 1)


class Written(NamedTuple):
    meta: BlockMeta
    payload: bytes


class Log:
    """Keeps what the log would write."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.written: list[Written] = []

    def write(self, _: LoggedStream, slot: Slot, length: int, meta: BlockMeta) -> None:
        self.written.append(Written(meta, bytes(slot.payload[:length])))
        slot.payload[:length] = bytes(length)  # whatever is still looked at must have been copied
        self.arena.give(slot)

    def happened(self, *_: object) -> None:
        raise AssertionError("the arena ran dry")


class Rig:
    """A receiver at one end of a socket pair; the camera is the other end."""

    def __init__(self, tracks: tuple[Track, ...], *, udp: tuple[UdpPair, ...] = ()) -> None:
        ours, self.camera = socket.socketpair()
        ours.setblocking(False)
        self.now = EPOCH
        self.arena = Arena(4)
        self.log = Log(self.arena)
        transport = Transport.UDP if udp else Transport.TCP
        opened = Opened(tracks, transport, udp, 60.0, "", "rtsp://camera/", "OPTIONS")
        self.session = PlayingSession(Control(Stream(ours, "camera"), Authenticator("", ""), 5.0), opened)
        stream = LoggedStream("cam", StreamName.MAIN, "default")
        self.receiver = Receiver(self.session, stream, self.arena, self.log, self.now)  # type: ignore[arg-type]

    def send(self, data: bytes, later: int = 0) -> None:
        self.now += later
        self.camera.sendall(data)
        while select.select([self.session.sock], [], [], 0)[0]:
            self.receiver.readable(self.now)
        self.receiver.tick(self.now)

    def send_cut(self, data: bytes, cuts: list[tuple[int, int]]) -> None:
        """In pieces of (length, µs after the one before); what is left then in packets of the usual size."""
        at = 0
        for length, later in cuts:
            self.send(data[at : at + length], later)
            at += length
        for start in range(at, len(data), 1448):
            self.send(data[start : start + 1448], 5_000)

    def finish(self) -> list[Written]:
        self.receiver.finish(self.now)
        self.close()
        return self.log.written

    def close(self) -> None:
        self.session.close()
        self.camera.close()


def frames_of(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each interleaved frame; the payload must consist of whole ones."""
    at = 0
    while at < len(payload):
        assert payload[at] == 36
        end = at + 4 + int.from_bytes(payload[at + 2 : at + 4], "big")
        assert end <= len(payload), "a block ends in the middle of a frame"
        yield at, payload[at:end]
        at = end


garbage = st.binary(min_size=1, max_size=60).map(lambda data: bytes(0x80 | byte for byte in data))
"""High bytes only: nothing in it can be taken for the start of a frame or a message."""

inserted = st.one_of(st.just(REPLY), st.just(REQUEST), st.just(REPORT), garbage)
chopped = settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


class Material(NamedTuple):
    track: Track
    packets: list[Packet]
    keyframes: int


def _material(codec: Codec, aggregate: bool, mtu: int) -> Material:
    stream = encode(codec, pictures=12, gop=4)
    sound = audio_packets([bytes(160)] * 40, 160, 8000, payload_type=8, sequence=65_530)
    packets = merged(video_packets(stream, mtu=mtu, aggregate=aggregate, sequence=65_500), sound)
    return Material(video_track(stream), packets, 3)


@chopped
@given(
    st.sampled_from([Codec.H264, Codec.H265]),
    st.booleans(),
    st.sampled_from([200, 1400]),
    st.dictionaries(st.integers(0, 60), inserted, max_size=8),
    st.lists(st.tuples(st.integers(1, 6000), st.integers(0, 400_000)), min_size=1, max_size=30),
)
def test_blocks_hold_exactly_what_was_sent(
    codec: Codec,
    aggregate: bool,
    mtu: int,
    between: dict[int, bytes],
    cuts: list[tuple[int, int]],
) -> None:
    """RTSP messages and garbage stand between the frames, and the network cuts all of it where it likes."""
    material = _material(codec, aggregate, mtu)
    # A frame with garbage before and behind it cannot be told from garbage: it is cut out and counted with it.
    between = {n: extra for n, extra in between.items() if not (_is_garbage(extra) and _is_garbage(between.get(n - 1)))}
    rig = Rig((material.track, AUDIO_TRACK))
    wire = [between.get(n, b"") + packet.framed for n, packet in enumerate(material.packets)]
    data, expected = b"".join(wire), b""
    for number, packet in enumerate(material.packets):
        expected += (REPORT if between.get(number) == REPORT else b"") + packet.framed
    rig.send_cut(data, cuts)
    written = rig.finish()
    _assert_right(material, written, expected)
    lumps = sum(_is_garbage(extra) for n, extra in between.items() if n < len(material.packets))
    assert sum(block.meta.lost for block in written) == lumps
    assert rig.receiver.lost == lumps


def _is_garbage(extra: bytes | None) -> bool:
    return extra is not None and extra[0] >= 0x80


def _assert_right(material: Material, written: list[Written], expected: bytes) -> None:
    assert b"".join(block.payload for block in written) == expected
    video = [packet for packet in material.packets if packet.channel == material.track.channel]
    assert sum(block.meta.frames for block in written) == sum(packet.marker for packet in video)
    assert sum(block.meta.packets for block in written) == len(video)
    stamps = []
    for block in written:
        starts = dict(frames_of(block.payload))
        assert block.meta.first <= block.meta.last
        assert block.meta.parameter_sets == material.track.parameter_sets
        stamps += [starts[offset][8:12] for offset, _ in block.meta.keyframes]
    assert len(stamps) == len(set(stamps)) == material.keyframes


def test_loss_and_disorder_are_counted_once() -> None:
    packets = video_packets(encode(pictures=24, gop=8), mtu=200)
    rig = Rig((video_track(encode(pictures=24, gop=8)),))
    kept = [packet for number, packet in enumerate(packets) if number not in (5, 6, 40)]
    kept[20], kept[21] = kept[21], kept[20]
    for packet in kept:
        rig.send(packet.framed)
    assert sum(block.meta.lost for block in rig.finish()) == 3
    assert rig.receiver.lost == 3


def test_a_chance_dollar_among_garbage_swallows_nothing() -> None:
    """It looks like the head of a frame of 65 KB on a channel that nobody set up."""
    stream = encode(pictures=12, gop=4)
    rig = Rig((video_track(stream),))
    packets = video_packets(stream)
    for number, packet in enumerate(packets):
        rig.send((b"\xfe$\x55\xff\xff\x80\xff" if number == 3 else b"") + packet.framed)
    assert b"".join(block.payload for block in rig.finish()) == b"".join(packet.framed for packet in packets)
    assert rig.receiver.lost == 1


def test_parameter_sets_and_their_picture_are_one_start_even_over_two_reads() -> None:
    stream = encode(pictures=16, gop=8)
    rig = Rig((video_track(stream),))
    for packet in video_packets(stream):
        rig.send(packet.framed, later=30_000)
    written = rig.finish()
    for block in written:
        for offset, _ in block.meta.keyframes:
            assert block.payload[offset + 16] & 31 == 7, "a group of pictures is entered at its parameter sets"
    assert sum(len(block.meta.keyframes) for block in written) == 2


def test_what_came_with_the_reply_to_play_is_kept_however_much_it_is() -> None:
    stream = encode(pictures=16, gop=8)
    rig = Rig((video_track(stream),))
    once = b"".join(packet.framed for packet in video_packets(stream, mtu=200))
    rig.session.pending = once * (2_000_000 // len(once) + 1)
    rig.receiver.begin(rig.now)
    assert b"".join(block.payload for block in rig.finish()) == rig.session.pending


@pytest.mark.parametrize(("waited", "dated"), [(150_000, 0), (900_000, 900_000 - SLOW_TURN)])
def test_a_block_is_dated_by_the_read_before_its_first_byte(waited: int, dated: int) -> None:
    """What a slow turn finds came since the turn before; after a longer silence nobody knows more than a slow turn."""
    packets = [p.framed for p in video_packets(encode(pictures=2, gop=8))]
    rig = Rig((video_track(encode(pictures=2, gop=8)),))
    rig.receiver.turn = SLOW_TURN
    rig.send(b"".join(packets), later=waited)
    (block,) = rig.finish()
    assert (block.meta.first, block.meta.last) == (EPOCH + dated, EPOCH + waited)


def test_silence_in_the_middle_of_a_packet_does_not_stretch_the_block() -> None:
    """The rest of a packet comes after three seconds: the block begins then, so that the ledger sees the silence."""
    first, second = (p.framed for p in video_packets(encode(pictures=2, gop=8), mtu=60_000)[-2:])
    rig = Rig((video_track(encode(pictures=2, gop=8)),))
    rig.send(first + second[:50])
    rig.send(b"", later=900_000)
    rig.send(second[50:], later=3_000_000)
    one, two = rig.finish()
    assert (one.meta.last, two.meta.first) == (EPOCH, EPOCH + 3_900_000 - TURN)


def _packet_bytes() -> bytes:
    return b"".join(packet.framed for packet in video_packets(encode(pictures=12, gop=4), mtu=200))


HOSTILE = {
    "a length nobody can count": b"RTSP/1.0 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "a reply that never ends": b"RTSP/1.0 200 OK\r\n" + b"X-Header: nothing\r\n" * 10_000,
    "a body that never comes": b"RTSP/1.0 200 OK\r\nContent-Length: 60000\r\n\r\n",
    "requests without end": b"OPTIONS " * 40_000,
    "dollars": b"$" * 400_000,
    "the longest frames": (b"$\x00\xff\xff" + bytes(65_535)) * 20,
    "empty frames": b"$\x00\x00\x00" * 100_000,
    "reports of nothing": b"$\x01\x00\x1c" * 50_000,
    "headers cut short": struct.pack(">BBHBB", 36, 0, 12, 0x9F, 0xE0) * 20_000,
    "aggregates of aggregates": (b"$\x00\x00\x20" + bytes((0x80, 0x60)) + bytes(10) + b"\x78" + b"\x00" * 19) * 5000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_bytes_end_the_session_or_are_passed_over(name: str) -> None:
    _survives(HOSTILE[name] + _packet_bytes(), [])


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 300), st.binary(max_size=40)), max_size=6),
    st.lists(st.integers(1, 9000), min_size=1, max_size=8),
)
def test_spoilt_bytes_raise_nothing_but_what_a_camera_may_cause(
    changes: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    data = REPLY + _packet_bytes()
    for start, length, put in changes:
        start %= len(data) + 1
        data = data[:start] + put + data[start + length :]
    _survives(data, [(cut, 20_000) for cut in cuts])


def _survives(data: bytes, cuts: list[tuple[int, int]]) -> None:
    """Feed it. Nothing but a CameraError comes out, and what lies in the blocks are whole frames."""
    rig = Rig((video_track(encode(pictures=12, gop=4)), AUDIO_TRACK))
    with contextlib.suppress(CameraError):
        rig.send_cut(data, cuts)
    for block in rig.finish():
        list(frames_of(block.payload))


def test_endless_garbage_ends_the_session_with_a_remedy() -> None:
    rig = Rig((video_track(encode(pictures=2, gop=8)),))
    with pytest.raises(CameraProtocolError, match=r"neither RTP nor RTSP.*restart it or mend its line"):
        for _ in range(100):
            rig.send(b"\xff" * 4096)
    rig.finish()


def test_pictures_before_the_camera_ends_the_session_are_kept() -> None:
    """They come in the same read as the word that it is over."""
    stream = encode(pictures=4, gop=8)
    rig = Rig((video_track(stream),))
    packets = b"".join(packet.framed for packet in video_packets(stream))
    with pytest.raises(CameraRefused, match="TEARDOWN"):
        rig.send(packets + b"TEARDOWN rtsp://node/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    (block,) = rig.finish()
    assert block.payload == packets
    assert block.meta.frames == 4


def test_the_end_of_the_connection_has_words_and_a_cause() -> None:
    rig = Rig((video_track(encode(pictures=2, gop=8)),))
    rig.camera.close()
    with pytest.raises(CameraUnreachable, match="closed the connection"):
        rig.receiver.readable(rig.now)
    rig.finish()


class Udp:
    """A receiver whose media come as datagrams."""

    def __init__(self, track: Track) -> None:
        self.rtp, self.rtcp, self.camera = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3))
        for sock in (self.rtp, self.rtcp):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        self.rig = Rig((track,), udp=(UdpPair(track.channel, self.rtp, self.rtcp),))

    def send(self, datagram: bytes) -> None:
        self.camera.sendto(datagram, self.rtp.getsockname())
        self.rig.receiver.datagrams(self.rtp, 0, self.rig.now)

    def close(self) -> None:
        self.camera.close()
        self.rig.finish()


@chopped
@given(st.lists(st.integers(1, 80), min_size=1, max_size=20))
def test_replies_on_the_control_connection_do_not_mix_with_datagrams(cuts: list[int]) -> None:
    """A reply that comes in pieces, with pictures in between."""
    stream = encode(pictures=4, gop=8)
    udp = Udp(video_track(stream))
    replies = (REPLY + REQUEST) * 3
    at = 0
    packets = video_packets(stream, mtu=200)
    for number, packet in enumerate(packets):
        udp.send(packet.framed[4:])
        cut = cuts[number % len(cuts)]
        if at < len(replies):
            udp.rig.send(replies[at : at + cut])
            at += cut
    udp.close()
    assert b"".join(b.payload for b in udp.rig.log.written) == b"".join(packet.framed for packet in packets)
    assert udp.rig.receiver.lost == 0


def test_a_camera_that_takes_no_reports_is_recorded_all_the_same() -> None:
    """Our greeting to a port where nobody listens comes back as an error on the socket."""
    stream = encode(pictures=4, gop=8)
    udp = Udp(video_track(stream))
    nobody = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    nobody.bind(("127.0.0.1", 0))
    udp.rtcp.connect(nobody.getsockname())
    nobody.close()
    udp.rtcp.send(b"\x80\xc9\x00\x01\x00\x00\x00\x00")
    assert select.select([udp.rtcp], [], [], 5)[0]
    udp.rig.receiver.datagrams(udp.rtcp, 1, udp.rig.now)
    for packet in video_packets(stream):
        udp.send(packet.framed[4:])
    udp.close()
    assert sum(block.meta.frames for block in udp.rig.log.written) == 4
