"""Reading the recording log: verified blocks, by index row or by scanning a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from khue.model.errors import RecordingError
from khue.video.block import MAX_PAYLOAD, PAGE, Block, open_block, peek_length
from khue.video.index import BlockRow, Index


class LogReader:
    """Reads blocks where the index says they are. One per thread."""

    def __init__(self, root: Path, index: Index) -> None:
        self._root = root
        self._index = index
        self._open: tuple[int, int] | None = None  # file id, descriptor: reads go along one file

    def close(self) -> None:
        if self._open:
            os.close(self._open[1])
            self._open = None

    def read(self, row: BlockRow) -> Block:
        """The block of an index row. Raises RecordingError when it is gone or is not what was sealed."""
        if self._open is None or self._open[0] != row.file:
            self.close()
            file = self._index.file(row.file)
            if file is None or file.state == "deleting":
                raise RecordingError("this part of the recording has reached the end of its retention and was deleted")
            try:
                self._open = (row.file, os.open(self._root / file.path, os.O_RDONLY))
            except OSError as error:
                raise RecordingError(f"{file.path}: {error.strerror}; run khue check") from error
        where = f"file {row.file} at {row.offset}"
        return open_block(os.pread(self._open[1], row.length, row.offset), where)


class Scanned(NamedTuple):
    """What stands at one place of a file: a whole block, or bytes that are none (``block`` None, ``problem`` says why)."""

    offset: int
    length: int
    block: Block | None
    problem: str = ""


def scan(path: Path, offset: int = 0) -> Iterator[Scanned]:
    """Go through a log file from ``offset``, block by block, over damage too. Ends at the end of the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        while offset < size:
            file.seek(offset)
            data = file.read(PAGE + MAX_PAYLOAD)
            length = peek_length(data[:PAGE])
            if length and length <= len(data):
                try:
                    block = open_block(data[:length], f"{path.name} at {offset}")
                except RecordingError as error:
                    yield Scanned(offset, length, None, str(error))
                else:
                    yield Scanned(offset, length, block)
                offset += length
                continue
            skipped = _next_block(data)
            reason = "the last block was cut short" if length else "no block begins here"
            yield Scanned(offset, skipped, None, f"{path.name} at {offset}: {reason}")
            offset += skipped


def _next_block(data: bytes) -> int:
    """Bytes to the next page that begins a block; all of ``data`` when none does."""
    for at in range(PAGE, len(data), PAGE):
        if peek_length(data[at : at + PAGE]):
            return at
    return len(data)
