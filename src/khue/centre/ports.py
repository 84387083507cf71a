"""What the centre needs from the engines; ``khue.store`` implements it and ``run.py`` brings the two together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Row(Protocol):
    """One row of a result, by column name."""

    def __getitem__(self, column: str) -> Any: ...


class Statements(Protocol):
    """SQL with ``$1`` parameters. Raises Unavailable, Conflict, NotFound."""

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]: ...
    async def fetchrow(self, sql: str, *arguments: object) -> Row | None: ...
    async def fetchval(self, sql: str, *arguments: object) -> Any: ...
    async def execute(self, sql: str, *arguments: object) -> None: ...
    async def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None: ...


class Session(Statements, Protocol):
    """What a transaction offers beyond single statements."""

    async def copy_records(self, table: str, columns: Sequence[str], records: Sequence[Sequence[object]]) -> None: ...


class Database(Statements, Protocol):
    """Each statement is its own transaction unless made on what ``transaction`` gives."""

    def transaction(
        self, isolation: str = "read_committed", *, readonly: bool = False
    ) -> AbstractAsyncContextManager[Session]: ...


class StoredEvent(Protocol):
    """An event as the durable stream delivers it. ``sequence`` is its place in the stream."""

    @property
    def sequence(self) -> int: ...
    @property
    def subject(self) -> str: ...
    @property
    def data(self) -> bytes: ...


class EventSource(Protocol):
    """The durable stream of events, read in order. Raises LinkError."""

    async def fetch(self, after: int, limit: int, timeout: float) -> Sequence[StoredEvent]: ...
    async def last_sequence(self) -> int: ...
    async def forget(self, before: int) -> None: ...


class NodeKeys(Protocol):
    """Who the message bus lets in: our own server is told, an external one is configured by hand."""

    def new_key(self) -> tuple[str, str]:
        """(seed, public key) of a new nkey, for processes the centre starts itself; other nodes make their own."""
        ...

    def signed_by(self, public: str, message: bytes, signature: bytes) -> bool:
        """Whether ``public`` is a node's public nkey and made the signature."""
        ...

    @property
    def url(self) -> str:
        """Where the message bus is, as seen from this machine."""
        ...

    async def allow(self, nodes: Mapping[str, str]) -> None:
        """Exactly these: node id to public key."""
        ...


class ObjectWriter(Protocol):
    """An object being written; nobody sees it before ``close``. Leaving it by an error discards it."""

    async def write(self, data: bytes) -> None: ...
    async def close(self) -> None: ...
    async def discard(self) -> None: ...


class Objects(Protocol):
    """Where files are kept. Raises Unavailable, NotFound."""

    def create(self, key: str) -> ObjectWriter: ...

    def read(self, key: str) -> AsyncIterator[bytes]: ...

    async def delete(self, key: str) -> None: ...
