"""The account of pictures sent against pictures recorded: whole or not, with a row or without."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from video_material import EPOCH, Packet, encode, video_packets, video_track

from khue.model.camera import StreamName
from khue.model.coverage import Gap, GapCause, Span
from khue.model.media import Codec
from khue.sim.accounting import TOLERANCE, account, holes, recorded_timestamps
from khue.sim.ledger import SentSession
from khue.video.block import NO_HASH, Block, BlockMeta

SECOND = 1_000_000


def _block(packets: list[Packet], codec: Codec = Codec.H264) -> Block:
    payload = b"".join(packet.framed for packet in packets)
    track = video_track(encode(codec, pictures=30))
    meta = BlockMeta("cam", StreamName.MAIN, 0, EPOCH, EPOCH, (track,), (), [], 0, len(packets), 0, [])
    return Block(meta, NO_HASH, NO_HASH, 0, memoryview(payload))


def _sent(packets: list[Packet]) -> SentSession:
    """As the city's ledger tells it: one entry a picture."""
    marked = [packet for packet in packets if packet.marker]
    numbers = list(range(len(marked)))
    return SentSession(
        "s", "tcp", EPOCH, None, 30, 15.0, numbers, [p.timestamp for p in marked], [p.arrival for p in marked],
        [n == 0 for n in numbers], [], [],
    )  # fmt: skip


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_everything_recorded_in_blocks_cut_anywhere(codec: Codec) -> None:
    packets = video_packets(encode(codec, pictures=30), mtu=200, sequence=65_500)
    blocks = [_block(packets[start : start + 17], codec) for start in range(0, len(packets), 17)]
    found = account([_sent(packets)], blocks, [])
    assert (found.frames_sent, found.frames_recorded) == (30, 30)
    assert found.frames_lost_with_row == found.frames_lost_without_row == 0


@settings(max_examples=25, deadline=None, database=None)
@given(st.sets(st.integers(0, 200), max_size=6), st.randoms(use_true_random=False))
def test_a_picture_that_lacks_a_packet_is_not_recorded_and_disorder_does_not_matter(lost: set[int], dice) -> None:
    packets = video_packets(encode(pictures=30), mtu=200, sequence=65_400)
    pieces = [packet for packet in packets if packet.payload[0] & 31 == 28]  # a lost parameter set spoils no picture
    lost_pieces = [pieces[number % len(pieces)] for number in lost]
    broken = {packet.timestamp for packet in lost_pieces}
    kept = [packet for packet in packets if packet not in lost_pieces]
    for at in range(0, len(kept) - 3, 3):
        part = kept[at : at + 3]
        dice.shuffle(part)
        kept[at : at + 3] = part
    blocks = [_block(kept[start : start + 50]) for start in range(0, len(kept), 50)]
    assert recorded_timestamps(blocks) == {packet.timestamp for packet in packets} - broken


def test_what_is_missing_is_looked_for_in_the_rows() -> None:
    packets = video_packets(encode(pictures=30), mtu=1400)
    walls = [packet.arrival for packet in packets if packet.marker]
    kept = [packet for packet in packets if not walls[10] <= packet.arrival < walls[20]]
    whole = Gap(walls[10], walls[20], GapCause.LINK)
    assert account([_sent(packets)], [_block(kept)], [whole]).frames_lost_with_row == 10
    partial = Gap(walls[12], walls[15], GapCause.LINK, "3 packets lost", partial=True)
    reached = sum(partial.start - TOLERANCE <= wall <= walls[15] + TOLERANCE for wall in walls[10:20])
    some = account([_sent(packets)], [_block(kept)], [partial])
    assert (some.frames_lost_with_row, some.frames_lost_without_row) == (reached, 10 - reached)
    assert some.examples == tuple(wall for wall in walls[10:20] if wall < partial.start - TOLERANCE) + tuple(
        wall for wall in walls[10:20] if wall > walls[15] + TOLERANCE
    )
    lasting = Gap(walls[10], None, GapCause.CAMERA)
    assert account([_sent(packets)], [_block(kept)], [lasting]).frames_lost_without_row == 0
    none = account([_sent(packets)], [_block(kept)], [])
    assert none.frames_lost_without_row == 10
    assert (none + some).frames_sent == 60
    only = account([_sent(packets)], [_block(kept)], [], since=walls[15], until=walls[18])
    assert (only.frames_sent, only.frames_lost_without_row) == (3, 3)


def test_holes_and_overlaps_of_a_ledger() -> None:
    rows = [Span(0, 10), Span(20, 30)], [Gap(10, 20, GapCause.NODE), Gap(12, 13, GapCause.LINK, partial=True)]
    assert holes(*rows, 0, 30) == []
    assert holes([Span(0, 10)], [Gap(10, None, GapCause.CAMERA)], 0, 100) == []
    assert holes(rows[0], [], 0, 30) == [(10, 20, "nothing")]
    assert holes([*rows[0], Span(8, 12)], rows[1], 0, 30) == [(8, 10, "twice"), (10, 12, "twice")]
    assert holes(*rows, -5, 40) == [(-5, 0, "nothing"), (30, 40, "nothing")]
