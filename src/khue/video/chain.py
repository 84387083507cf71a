"""Where a stream's hash chain ends: the newest block's header says it, unless retention has deleted that block."""

from __future__ import annotations

import os
from pathlib import Path

from khue.video.block import peek_digest
from khue.video.index import Index, StreamRow


def chain_end(root: Path, index: Index, stream: StreamRow) -> tuple[int, bytes]:
    """(sequence of the next block, hash of the last one)."""
    last = index.last_block(stream.id)
    if last is None or last.sequence < stream.sequence:
        return stream.sequence, stream.hash
    file = index.file(last.file)
    try:
        descriptor = os.open(root / file.path if file else root / "gone", os.O_RDONLY)
    except FileNotFoundError:  # somebody removed it by hand; khue check will say that the chain is broken here
        return last.sequence + 1, stream.hash
    try:
        return last.sequence + 1, peek_digest(os.pread(descriptor, 64, last.offset))
    finally:
        os.close(descriptor)
