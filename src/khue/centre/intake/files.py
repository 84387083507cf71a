"""The bytes of an import's files: in the object store, sealed, because agencies' sheets hold passwords in clear.

Not in the database: a city's sheets are tens of megabytes that no statement reads, and would go through its log and its
backups. Each piece is sealed for its file and place, so that pieces can be neither swapped nor left out unseen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from khue.centre.errors import Invalid
from khue.centre.ids import new_id
from khue.centre.intake.table import MAX_BYTES
from khue.centre.ports import Objects
from khue.centre.secrets import Vault
from khue.model.errors import Unavailable

_PIECE = 1 << 20


class Files:
    """Sealed files by object name."""

    def __init__(self, objects: Objects, vault: Vault) -> None:
        self._objects, self._vault = objects, vault

    async def put(self, import_id: str, data: AsyncIterator[bytes]) -> tuple[str, int]:
        """(object, bytes). Raises Invalid when it is empty or too large; then nothing is kept."""
        name = f"imports/{import_id}/{new_id()}"
        writer = self._objects.create(name)
        size, number, rest = 0, 0, bytearray()
        try:
            async for piece in data:
                size += len(piece)
                if size > MAX_BYTES:
                    raise Invalid(f"a file has at most {MAX_BYTES >> 20} MB; split it and import its parts")
                rest += piece
                while len(rest) >= _PIECE:
                    await writer.write(self._sealed(bytes(rest[:_PIECE]), name, number))
                    del rest[:_PIECE]
                    number += 1
            if not size:
                raise Invalid("the file is empty; choose another")
            await writer.write(self._sealed(bytes(rest), name, number))  # the last piece is the short one
            await writer.close()
        except BaseException:
            await writer.discard()
            raise
        return name, size

    async def read(self, name: str) -> AsyncIterator[bytes]:
        """The plain pieces. Raises NotFound, Unavailable; ConfigError when it was sealed with another key."""
        buffer, number, last = bytearray(), 0, _PIECE
        async for chunk in self._objects.read(name):
            buffer += chunk
            while len(buffer) >= 4 and len(buffer) - 4 >= (length := int.from_bytes(buffer[:4], "big")):
                piece = self._vault.open_bytes(bytes(buffer[4 : 4 + length]), f"{name}/{number}")
                del buffer[: 4 + length]
                number, last = number + 1, len(piece)
                yield piece
        if buffer or last == _PIECE:
            raise Unavailable("a file of this import is cut short in the object store; upload it again")

    async def drop(self, name: str) -> None:
        await self._objects.delete(name)

    def _sealed(self, piece: bytes, name: str, number: int) -> bytes:
        sealed = self._vault.seal_bytes(piece, f"{name}/{number}")
        return len(sealed).to_bytes(4, "big") + sealed
