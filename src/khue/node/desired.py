"""The last desired state, on the node's disk: what it records while nobody answers."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from khue.model.errors import ConfigError
from khue.wire.link import Desired


class DesiredStore:
    """One file, replaced as a whole. It holds camera passwords, so only the node's user may read it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Desired | None:
        """The stored state, None when there is none yet."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return msgspec.msgpack.decode(data, type=Desired)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ConfigError(
                f"{self._path} is damaged ({error}); remove it and connect the node to its centre once"
            ) from error

    def save(self, desired: Desired) -> None:
        temporary = self._path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.msgpack.encode(desired))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
