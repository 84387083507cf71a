"""Bit by bit through the headers of codecs."""

from __future__ import annotations

from khue.model.errors import MediaError


class BitReader:
    """Reads a payload whose size the caller bounds, first bit first. Raises MediaError past its end."""

    def __init__(self, payload: bytes) -> None:
        self._value = int.from_bytes(payload, "big")
        self._left = 8 * len(payload)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise MediaError("a header ends in the middle")
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.take(1) == 1

    def unsigned(self, limit: int = 0xFFFFFFFE) -> int:
        """ue(v), Exp-Golomb (H.264 §9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise MediaError("an Exp-Golomb code is too long")
        value = (1 << zeros) - 1 + self.take(zeros)
        if value > limit:
            raise MediaError(f"{value} in a header where at most {limit} is allowed")
        return value

    def signed(self) -> int:
        """se(v)."""
        code = self.unsigned()
        return (code + 1) // 2 if code & 1 else -(code // 2)
