"""Top-level boxes of fragmented MP4 (ISO/IEC 14496-12 §4.2), as far as the centre has to tell them apart. Pure."""

from __future__ import annotations

from typing import NamedTuple

from khue.model.errors import MediaError

_LARGEST = 64 * 1024 * 1024
INIT = frozenset({b"ftyp", b"moov"})


class Box(NamedTuple):
    """One whole box, header included."""

    kind: bytes
    data: bytes


class BoxReader:
    """Whole boxes from pieces cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Box]:
        """The boxes that are complete now. Raises MediaError when it is not MP4."""
        buffer = self._rest + data if self._rest else data
        boxes, at = [], 0
        while len(buffer) - at >= 8:
            size = int.from_bytes(buffer[at : at + 4], "big")
            if size == 1:
                if len(buffer) - at < 16:
                    break
                size = int.from_bytes(buffer[at + 8 : at + 16], "big")
            if not 8 <= size <= _LARGEST:
                raise MediaError(f"a box of {size} bytes is not fragmented MP4; the node sent something else")
            if len(buffer) - at < size:
                break
            boxes.append(Box(buffer[at + 4 : at + 8], buffer[at : at + size]))
            at += size
        self._rest = buffer[at:]
        return boxes

    @property
    def complete(self) -> bool:
        """Whether what was fed ended with a whole box."""
        return not self._rest


def split_init(data: bytes) -> tuple[bytes, bytes]:
    """(initialisation segment, media after it). Raises MediaError when ``data`` does not begin with one."""
    init = bytearray()
    reader = BoxReader()
    for box in reader.feed(data):
        if box.kind not in INIT:
            break
        init += box.data
    if not init:
        raise MediaError("a live stream began without an initialisation segment")
    return bytes(init), data[len(init) :]
