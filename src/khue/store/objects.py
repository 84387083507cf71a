"""Files the centre keeps, through obstore: a local directory, or any S3."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from khue.model.errors import ConfigError, NotFound, Unavailable

_log = logging.getLogger(__name__)

_READ = 1024 * 1024
_PART = 8 * 1024 * 1024  # written at once; S3 wants parts of at least 5 MB
_STAGED = re.compile(r".*#\d+")  # obstore's name for a local file that is not closed yet
_ABANDONED = 3600.0  # seconds without a write
_AWAY = "the object store cannot be used; check objects.url, its credentials and its disk"


class ObjectFile:
    """An object being written; it appears at ``close``."""

    def __init__(self, store: Any, key: str) -> None:
        self._writer: Any = obstore.open_writer_async(store, key, buffer_size=_PART, max_concurrency=2)

    async def write(self, data: bytes) -> None:
        try:
            await self._writer.write(data)
        except (BaseError, OSError) as error:
            raise Unavailable(f"{_AWAY}: {error}") from error

    async def close(self) -> None:
        try:
            await self._writer.close()
        except (BaseError, OSError) as error:
            raise Unavailable(f"{_AWAY}: {error}") from error

    async def discard(self) -> None:
        self._writer = None  # dropping an open writer aborts the upload


class ObjectStore:
    """Objects by key; ``a/b`` keys make directories locally."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def create(self, key: str) -> ObjectFile:
        return ObjectFile(self._store, key)

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """In pieces of about 1 MB. Raises NotFound, Unavailable at the first."""
        try:
            found = await obstore.get_async(self._store, key)
            async for piece in found.stream(min_chunk_size=_READ):
                yield bytes(piece)
        except FileNotFoundError as error:
            raise NotFound(f"{key} is not in the object store; it was removed there") from error
        except (BaseError, OSError) as error:
            raise Unavailable(f"{_AWAY}: {error}") from error

    async def delete(self, key: str) -> None:
        """Also when it is not there."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise Unavailable(f"{_AWAY}: {error}") from error


def open_objects(url: str, options: Mapping[str, str], directory: Path) -> ObjectStore:
    """``url`` such as s3://bucket/prefix with obstore's ``options``; "" keeps objects in ``directory``. Raises ConfigError."""
    if not url:
        directory.mkdir(parents=True, exist_ok=True)
        _sweep(directory)
        return ObjectStore(LocalStore(directory, automatic_cleanup=False))
    try:
        settings: Any = dict(options)  # which keys there are depends on the URL's scheme
        return ObjectStore(from_url(url, config=settings or None))
    except (BaseError, ValueError, TypeError) as error:
        raise ConfigError(f"objects.url or objects.options is not accepted: {error}") from error


def _sweep(directory: Path) -> None:
    """Remove what a killed process was writing."""
    for path in directory.rglob("*#*"):
        if _STAGED.fullmatch(path.name) and time.time() - path.stat().st_mtime > _ABANDONED:
            _log.info("removing %s, which was never finished", path.name)
            path.unlink(missing_ok=True)
