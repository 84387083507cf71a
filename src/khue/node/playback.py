"""Recorded media on demand: blocks in, fMP4 out. Runs in threads; the index and the log allow any number of readers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from khue.model.camera import StreamName
from khue.model.errors import MediaError, NotFound
from khue.model.ledger import SILENCE
from khue.model.time import Micros
from khue.video.block import Block, BlockMeta
from khue.video.index import BlockRow, Index
from khue.video.reading import LogReader
from khue.video.remux import Fragment, Init, Remuxer
from khue.video.snapshot import keyframe_jpeg
from khue.wire.link import CoverageReply, CoverageRequest, ReadRequest, SnapshotReply, SnapshotRequest

LONGEST_GROUP: Micros = 30_000_000  # a keyframe further back than this is not looked for
CHUNK = 256 * 1024
FIRST_CHUNK = 1  # the first fragment leaves at once: a seek shows its picture with it


class Piece(NamedTuple):
    """Some fMP4; ``mime`` is set when it begins with an initialisation segment."""

    data: bytes
    mime: str
    until: Micros


def read(root: Path, request: ReadRequest) -> Iterator[Piece]:
    """fMP4 from the keyframe at or before ``request.start`` up to ``request.end``. Raises NotFound when nothing is there."""
    index = Index(root / "index.sqlite")
    reader = LogReader(root, index)
    try:
        yield from _pieces(index, reader, request)
    finally:
        reader.close()
        index.close()


def _pieces(index: Index, reader: LogReader, request: ReadRequest) -> Iterator[Piece]:
    stream = _stream(index, request.camera, request.stream)
    buffer = bytearray()
    mime = ""
    until = request.start
    target = FIRST_CHUNK
    for item in _fragments(index, reader, stream, request):
        if isinstance(item, Init):
            if buffer:
                yield Piece(bytes(buffer), mime, until)
                buffer.clear()
            mime = item.mime
            buffer += item.data
            continue
        buffer += item.data
        until = item.end
        if len(buffer) >= target:
            yield Piece(bytes(buffer), mime, until)
            buffer.clear()
            mime = ""
            target = min(CHUNK, max(32 * 1024, target * 4))
    if buffer:
        yield Piece(bytes(buffer), mime, until)


def _fragments(index: Index, reader: LogReader, stream: int, request: ReadRequest) -> Iterator[Fragment | Init]:
    remuxer: Remuxer | None = None
    before: BlockMeta | None = None
    for row, entered in _rows(index, stream, request.start, request.end):
        block = reader.read(row)
        meta = block.meta
        payload, arrival = block.payload, meta.first
        if entered and meta.keyframes:
            offset, arrival = _start_in(block, request.start)
            payload = payload[offset:]
        if remuxer is None or before is None:
            remuxer = Remuxer(
                meta.tracks,
                parameter_sets=meta.parameter_sets,
                keyframes_only=request.keyframes_only,
                zero_based=request.zero_based,
                video_only=request.video_only,
            )
        elif meta.tracks != before.tracks or meta.first - before.last > SILENCE:
            yield from _within(remuxer.flush(), request)
            remuxer.restart(meta.tracks, parameter_sets=meta.parameter_sets)
        yield from _within(remuxer.feed(payload, arrival), request)
        before = meta
    if remuxer is not None:
        yield from _within(remuxer.flush(), request)


def _rows(index: Index, stream: int, start: Micros, end: Micros) -> Iterator[tuple[BlockRow, bool]]:
    """Rows from the group of pictures that shows ``start``; the flag marks the first, which is entered at its keyframe.

    Asked for a few minutes at a time, so that a long read holds no long list.
    """
    anchor = index.keyframe_block(stream, start, not_before=start - LONGEST_GROUP)
    at = anchor.first if anchor else start
    seen = (-1, -1)
    first = True
    while at < end:
        upto = min(end, at + 60_000_000)
        rows = [r for r in index.blocks(stream, at, upto) if r.first >= at and (r.first, r.sequence) > seen]
        for row in rows:
            seen = (row.first, row.sequence)
            yield row, first
            first = False
        at = upto


def _start_in(block: Block, start: Micros) -> tuple[int, Micros]:
    """Offset and arrival of the last keyframe in the block at or before ``start``, else of its first."""
    best = block.meta.keyframes[0]
    for offset, arrival in block.meta.keyframes:
        if arrival <= start:
            best = (offset, arrival)
    return best


def _within(items: list[Fragment | Init], request: ReadRequest) -> Iterator[Fragment | Init]:
    for item in items:
        if isinstance(item, Init) or item.start < request.end:
            yield item


def snapshot(root: Path, request: SnapshotRequest, now: Micros) -> SnapshotReply:
    """JPEG of the keyframe shown at an instant (the latest when ``at`` is 0). Raises NotFound when nothing was recorded then."""
    index = Index(root / "index.sqlite")
    reader = LogReader(root, index)
    try:
        stream = _stream(index, request.camera, request.stream)
        at = request.at or now
        row = index.keyframe_block(stream, at, not_before=at - LONGEST_GROUP)
        if row is None:
            raise NotFound("nothing was recorded at that time; the timeline shows what was")
        return _picture(index, reader, row, at, request.width)
    finally:
        reader.close()
        index.close()


def _picture(index: Index, reader: LogReader, row: BlockRow, at: Micros, width: int) -> SnapshotReply:
    """Decode the first picture from the keyframe on; it may run on into the next block."""
    block = reader.read(row)
    offset, arrival = _start_in(block, at)
    remuxer = Remuxer(block.meta.tracks, parameter_sets=block.meta.parameter_sets, video_only=True)
    items = remuxer.feed(block.payload[offset:], arrival)
    for later in index.blocks(row.stream, row.first, row.last + 5_000_000):
        if any(isinstance(item, Fragment) for item in items):
            break
        if later.sequence > row.sequence:
            items += remuxer.feed(reader.read(later).payload, later.first)
    items += remuxer.flush()
    init = next((item for item in items if isinstance(item, Init)), None)
    first = next((item for item in items if isinstance(item, Fragment)), None)
    if init is None or first is None:
        raise MediaError("the picture at that time is damaged; try a moment later")
    return SnapshotReply(jpeg=keyframe_jpeg(init.codec, init.parameter_sets, first.picture, width=width), at=arrival)


def _stream(index: Index, camera: str, name: StreamName) -> int:
    stream = index.find_stream(camera, name)
    if stream is None:
        raise NotFound("this node has no recording of that camera")
    return stream


def coverage(root: Path, request: CoverageRequest) -> CoverageReply:
    """What is recorded and what is not, over a time."""
    index = Index(root / "index.sqlite")
    try:
        stream = index.find_stream(request.camera, request.stream)
        if stream is None:
            return CoverageReply()
        spans, gaps = index.coverage(stream, request.start, request.end)
        return CoverageReply(spans=tuple(spans), gaps=tuple(gaps))
    finally:
        index.close()
