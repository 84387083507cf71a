"""What was sent against what was recorded: every picture is in the log whole, or a row of the gap ledger covers it. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

import msgspec

from khue.model.coverage import Gap, Span
from khue.model.media import Codec, Track
from khue.model.rtp import parse_rtp
from khue.model.time import Micros
from khue.sim.ledger import SentSession
from khue.video.block import Block

TOLERANCE: Micros = 250_000
"""How far a picture's instant at the camera (its last byte taken by the kernel) may lie outside the row that covers it."""

_EXAMPLES = 10
_HALF = 1 << 15


class Accounting(msgspec.Struct, frozen=True):
    """Pictures of one stream. ``sent`` is the sum of the other three.

    ``examples`` are instants (microseconds UTC) of the first pictures that are lost without a row.
    """

    frames_sent: int = 0
    frames_recorded: int = 0
    frames_lost_with_row: int = 0
    frames_lost_without_row: int = 0
    examples: tuple[Micros, ...] = ()

    def __add__(self, other: Accounting) -> Accounting:
        return Accounting(
            self.frames_sent + other.frames_sent,
            self.frames_recorded + other.frames_recorded,
            self.frames_lost_with_row + other.frames_lost_with_row,
            self.frames_lost_without_row + other.frames_lost_without_row,
            (self.examples + other.examples)[:_EXAMPLES],
        )


def account(
    sent: Sequence[SentSession],
    blocks: Iterable[Block],
    gaps: Sequence[Gap],
    *,
    since: Micros = 0,
    until: Micros = 2**62,
    tolerance: Micros = TOLERANCE,
) -> Accounting:
    """Compare one stream's sessions with its blocks (in order) and gap rows, partial ones included.

    A picture is known by its RTP timestamp, so one that two sessions sent counts twice as sent and is recorded once for
    both. Pictures that left the camera outside of [``since``, ``until``) are not asked for.
    """
    recorded = recorded_timestamps(blocks)
    starts, ends = _merged(gaps)
    total = found = covered = 0
    lost: list[Micros] = []
    for session in sent:
        for timestamp, wall in zip(session.timestamp, session.wall, strict=True):
            if not since <= wall < until:
                continue
            total += 1
            if timestamp in recorded:
                found += 1
                continue
            nearest = bisect.bisect_right(starts, wall + tolerance) - 1
            if nearest >= 0 and wall - tolerance <= ends[nearest]:
                covered += 1
            else:
                lost.append(wall)
    return Accounting(total, found, covered, len(lost), tuple(lost[:_EXAMPLES]))


def recorded_timestamps(blocks: Iterable[Block]) -> set[int]:
    """RTP timestamps of the pictures that lie whole in the blocks: every packet from the start of a unit to the marker.

    Packets that overtook each other are put in order; a picture may run over from one block into the next. A lost unit
    before the picture's own, such as a parameter set, does not count: the picture is there.
    """
    whole: set[int] = set()
    parts: dict[int, list[tuple[int, bool, bool]]] = {}
    for block in blocks:
        track = _video(block.meta.tracks)
        payload = block.payload
        at, end = 0, len(payload)
        while at + 16 <= end:
            length = payload[at + 2] << 8 | payload[at + 3]
            packet = parse_rtp(payload, at + 4, length) if payload[at + 1] == track.channel else None
            if packet is not None and packet.payload_length >= 3:
                begins = _begins(track.codec, payload, packet.payload_offset)
                parts.setdefault(packet.timestamp, []).append((packet.sequence, packet.marker, begins))
                if packet.marker and _is_whole(parts[packet.timestamp]):
                    whole.add(packet.timestamp)
            at += 4 + length
        # Packets of a picture travel close together: what was cut off two blocks ago stays so.
        for timestamp in list(parts)[:-8]:
            if _is_whole(parts.pop(timestamp)):
                whole.add(timestamp)
    whole.update(timestamp for timestamp, packets in parts.items() if _is_whole(packets))
    return whole


def _is_whole(packets: list[tuple[int, bool, bool]]) -> bool:
    origin = packets[0][0]
    by_order = {(sequence - origin + _HALF) & 0xFFFF: (marker, begins) for sequence, marker, begins in packets}
    first, last = min(by_order), max(by_order)
    return last - first + 1 == len(by_order) and by_order[last][0] and by_order[first][1]


def _begins(codec: Codec, payload: memoryview, at: int) -> bool:
    """Whether a packet begins a NAL unit: no fragment, or the first (RFC 6184 §5.8, RFC 7798 §4.4.3)."""
    if codec is Codec.H265:
        return payload[at] >> 1 & 63 != 49 or payload[at + 2] >= 0x80
    return payload[at] & 31 != 28 or payload[at + 1] >= 0x80


def _video(tracks: Sequence[Track]) -> Track:
    return next((track for track in tracks if track.codec.is_video), tracks[0])


def _merged(gaps: Sequence[Gap]) -> tuple[list[Micros], list[Micros]]:
    """Starts and ends of the gaps, those that touch made one; both lists ascend."""
    starts: list[Micros] = []
    ends: list[Micros] = []
    for gap in sorted(gaps, key=lambda gap: gap.start):
        end = 2**62 if gap.end is None else gap.end
        if ends and gap.start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(gap.start)
            ends.append(end)
    return starts, ends


def holes(spans: Sequence[Span], gaps: Sequence[Gap], since: Micros, until: Micros) -> list[tuple[Micros, Micros, str]]:
    """Where spans and gaps fail to make up [since, until): (from, to, "nothing" or "twice"). Empty when the ledger is whole."""
    rows = [(span.start, span.end) for span in spans]
    rows += [(gap.start, until if gap.end is None else gap.end) for gap in gaps if not gap.partial]
    found: list[tuple[Micros, Micros, str]] = []
    at = since
    for start, end in sorted(rows):
        if end <= since or start >= until:
            continue
        if start > at:
            found.append((at, start, "nothing"))
        elif start < at and start > since:
            found.append((start, min(at, end), "twice"))
        at = max(at, end)
    if at < until:
        found.append((at, until, "nothing"))
    return found
