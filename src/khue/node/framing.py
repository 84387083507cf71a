"""Length-prefixed msgpack on a byte stream: four bytes big-endian, then one message."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
_encode = msgspec.msgpack.Encoder().encode


class FrameReader(Generic[T]):
    """Reads messages with one decoder."""

    def __init__(self, reader: asyncio.StreamReader, decoder: msgspec.msgpack.Decoder[T]) -> None:
        self._reader = reader
        self._decode = decoder.decode

    async def next(self) -> T | None:
        """The next message, None when the other end has closed."""
        try:
            head = await self._reader.readexactly(4)
            return self._decode(await self._reader.readexactly(int.from_bytes(head, "big")))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None


def write_frame(writer: asyncio.StreamWriter, message: object) -> None:
    """Queue a message; the caller minds the transport's buffer."""
    body = _encode(message)
    writer.write(len(body).to_bytes(4, "big") + body)
