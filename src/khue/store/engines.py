"""All engines of a centre: embedded ones started, others connected to; one start, one stop."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import msgspec

from khue.model.errors import ConfigError
from khue.store.embedded_nats import EmbeddedNats, new_node_key
from khue.store.embedded_postgres import EmbeddedPostgres
from khue.store.event_log import EventLog
from khue.store.migrate import migrate
from khue.store.nats import NatsBus
from khue.store.nkey import signed_by
from khue.store.objects import ObjectStore, open_objects
from khue.store.postgres import Database

_log = logging.getLogger(__name__)


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Empty ``dsn`` and ``bus_url`` run the embedded engines below ``data_dir``."""

    data_dir: Path
    dsn: str = ""
    connections: int = 10
    bus_url: str = ""
    bus_seed_file: str = ""
    bus_ca_file: str = ""
    bus_host: str = "127.0.0.1"
    bus_port: int = 0
    bus_tls_cert: str = ""
    bus_tls_key: str = ""
    objects_url: str = ""
    objects_options: dict[str, str] = {}


class NodeAuthority:
    """Makes nkeys for nodes, and tells the embedded NATS whom to let in; an external one is configured by its operator."""

    def __init__(self, server: EmbeddedNats | None, url: str = "") -> None:
        self._server = server
        self._url = url

    @property
    def url(self) -> str:
        return self._server.url if self._server is not None else self._url

    def new_key(self) -> tuple[str, str]:
        return new_node_key()

    def signed_by(self, public: str, message: bytes, signature: bytes) -> bool:
        return signed_by(public, message, signature)

    async def allow(self, nodes: Mapping[str, str]) -> None:
        if self._server is not None:
            await self._server.allow(nodes)


class Engines:
    """Started by ``start``: database (migrated), bus, events, objects and node_keys are then usable."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        own = settings.data_dir
        self.postgres = None if settings.dsn else EmbeddedPostgres(own)
        self.nats = None
        if not settings.bus_url:
            self.nats = EmbeddedNats(
                own,
                host=settings.bus_host,
                port=settings.bus_port,
                tls_cert=settings.bus_tls_cert,
                tls_key=settings.bus_tls_key,
            )
        self.node_keys = NodeAuthority(self.nats, settings.bus_url)
        self._lock: IO[str] | None = None
        self.database: Database
        self.bus: NatsBus
        self.events: EventLog
        self.objects: ObjectStore

    @property
    def bus_url(self) -> str:
        """Where nodes on this machine connect."""
        return self.nats.url if self.nats is not None else self._settings.bus_url

    async def start(self) -> None:
        """Raises ConfigError, Unavailable; what was started is then stopped again."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        settings = self._settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        if self.postgres is not None or self.nats is not None:
            self._lock = _lock(settings.data_dir / "engines.lock")
        if self.postgres is not None:
            await self.postgres.start()
        self.database = Database(
            settings.dsn or (self.postgres.dsn if self.postgres else ""), connections=settings.connections
        )
        await self.database.start()
        applied = await migrate(self.database)
        if applied:
            _log.info("applied migrations %s", applied)
        seed = _read_seed(settings.bus_seed_file)
        if self.nats is not None:
            await self.nats.start()
            seed = self.nats.seed
        # our own server's certificate is made for the name nodes know it by, and we speak to it on this machine
        own_ca = settings.bus_ca_file or settings.bus_tls_cert
        ca_file, by_name = (own_ca, False) if self.nats else (settings.bus_ca_file, True)
        self.bus = NatsBus(self.bus_url, name="centre", seed=seed, ca_file=ca_file, check_name=by_name)
        self.events = EventLog(self.bus)
        self.bus.start()
        await self.bus.wait_connected(30.0)
        self.objects = open_objects(settings.objects_url, settings.objects_options, settings.data_dir / "objects")

    async def stop(self) -> None:
        """Connections first, then the engines."""
        if hasattr(self, "bus"):
            await self.bus.drain()
        if hasattr(self, "database"):
            await self.database.stop()
        if self.nats is not None:
            await self.nats.stop()
        if self.postgres is not None:
            await self.postgres.stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _lock(path: Path) -> IO[str]:
    """Held while open, and given back by the kernel however this process ends."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ConfigError(
            f"another khue already runs its engines in {path.parent}; stop it, or set another data_dir"
        ) from None
    return file


def _read_seed(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ConfigError(f"bus.seed_file {path} cannot be read: {error.strerror}") from error
