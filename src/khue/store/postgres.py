"""PostgreSQL for the centre: a pool, transactions, and its failures in our words."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import asyncpg

from khue.model.errors import ConfigError, Conflict, Denied, NotFound, Unavailable, Unstorable

_log = logging.getLogger(__name__)

_ACQUIRE_TIMEOUT = 5.0
_COMMAND_TIMEOUT = 15.0
_AWAY = "the database cannot be reached; it is tried again with each request, so repeat this in a few seconds"
_REFUSED = "KH001"  # what our own triggers raise when somebody gives what they do not hold
# Lost, refused, starting up, shutting down, too many connections: classes 08, 53, 57 of SQLSTATE, and the driver's own
_OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise Conflict(f"there already is one: {error.detail or error.constraint_name}") from error
    except asyncpg.ForeignKeyViolationError as error:
        raise NotFound(
            f"it refers to something that does not exist: {error.detail or error.constraint_name}"
        ) from error
    except asyncpg.UnknownPostgresError as error:
        if error.sqlstate != _REFUSED:
            raise
        raise Denied(error.message or "the database refuses it") from error
    except (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError) as error:
        raise Unstorable("a text holds the character 0; leave it out") from error
    except asyncpg.SerializationError as error:
        raise Conflict("somebody changed the same thing at the same time; try again") from error
    except _OUTAGES as error:
        raise Unavailable(_AWAY) from error


class Session:
    """One connection: statements with ``$1`` parameters; rows are read by column name."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        with _in_our_words():
            return list(await self._connection.fetch(sql, *arguments))

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        with _in_our_words():
            return await self._connection.fetchrow(sql, *arguments)

    async def fetchval(self, sql: str, *arguments: object) -> Any:
        with _in_our_words():
            return await self._connection.fetchval(sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> None:
        with _in_our_words():
            await self._connection.execute(sql, *arguments)

    async def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        with _in_our_words():
            await self._connection.executemany(sql, rows)

    async def copy_records(self, table: str, columns: Sequence[str], records: Sequence[Sequence[object]]) -> None:
        """Many rows at once, by COPY: several times faster than inserting them."""
        with _in_our_words():
            await self._connection.copy_records_to_table(table, records=records, columns=list(columns))


class Database:
    """A pool of sessions on one DSN. Each statement is its own transaction unless taken from ``transaction``.

    Raises Unavailable while the server is away, Conflict and NotFound for violated constraints; nothing is retried.
    """

    def __init__(self, dsn: str, *, connections: int = 10) -> None:
        self._dsn = dsn
        self._connections = connections
        self._pool: Any = None

    async def start(self, timeout: float = 30.0) -> None:
        """Connect, waiting for a server that is starting. Raises ConfigError when it cannot be reached in time."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            try:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,  # connections are made when needed; restoring a floor fails loudly in an outage
                    max_size=self._connections,
                    timeout=_ACQUIRE_TIMEOUT,
                    command_timeout=_COMMAND_TIMEOUT,
                    server_settings={"timezone": "UTC", "application_name": "khue"},
                )
                async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT):
                    return
            except (
                ValueError,
                asyncpg.InvalidAuthorizationSpecificationError,
                asyncpg.InvalidCatalogNameError,
            ) as error:
                raise ConfigError(f"database.dsn is not accepted: {error}") from error
            except _OUTAGES as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise ConfigError(f"the database of database.dsn cannot be reached: {error}") from error
                await asyncio.sleep(0.2)

    async def stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(5.0):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection of the pool for as long as the block runs."""
        pool = self._pool
        if pool is None:
            raise Unavailable(_AWAY)
        with _in_our_words():
            connection = await pool.acquire(timeout=_ACQUIRE_TIMEOUT)
        try:
            yield Session(connection)
        finally:
            with contextlib.suppress(*_OUTAGES):  # a lost connection is dropped by the pool, not given back
                await pool.release(connection)

    @contextlib.asynccontextmanager
    async def transaction(self, isolation: str = "read_committed", *, readonly: bool = False) -> AsyncIterator[Session]:
        """Commit when the block ends, roll back when it raises."""
        async with self.session() as session:
            transaction = session._connection.transaction(isolation=isolation, readonly=readonly)
            with _in_our_words():
                await transaction.start()
            try:
                yield session
            except BaseException:
                with contextlib.suppress(asyncpg.PostgresError, *_OUTAGES):
                    await transaction.rollback()
                raise
            with _in_our_words():
                await transaction.commit()

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        async with self.session() as session:
            return await session.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        async with self.session() as session:
            return await session.fetchrow(sql, *arguments)

    async def fetchval(self, sql: str, *arguments: object) -> Any:
        async with self.session() as session:
            return await session.fetchval(sql, *arguments)

    async def execute(self, sql: str, *arguments: object) -> None:
        async with self.session() as session:
            await session.execute(sql, *arguments)

    async def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        async with self.session() as session:
            await session.executemany(sql, rows)
