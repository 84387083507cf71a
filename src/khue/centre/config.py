"""The centre's configuration: closed and typed, from one TOML file. An unknown key is an error."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from khue.model.errors import ConfigError


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every section."""


class ListenConfig(Section, frozen=True):
    host: str = "127.0.0.1"  # address the console and the API listen on
    port: int = 8080  # 0 chooses a free one
    tls_cert: str = ""  # PEM file; with tls_key the centre speaks https
    tls_key: str = ""  # PEM file
    trusted_proxies: tuple[str, ...] = ()  # addresses whose X-Forwarded-For and -Proto are believed
    public_url: str = ""  # how people reach it, when a proxy stands before it


class DatabaseConfig(Section, frozen=True):
    dsn: str = ""  # postgresql://user:password@host/database ; empty runs the embedded PostgreSQL
    connections: int = 10  # at most, per replica


class BusConfig(Section, frozen=True):
    url: str = ""  # nats://host:port or tls://host:port ; empty runs the embedded NATS
    seed_file: str = ""  # file with the centre's nkey seed on an external NATS
    ca_file: str = ""  # PEM file of the authority that signed the server's certificate
    host: str = "127.0.0.1"  # address the embedded NATS listens on for nodes
    port: int = 0  # of the embedded NATS; 0 chooses a free one, and the same again next time
    tls_cert: str = ""  # PEM file; with tls_key the embedded NATS speaks TLS only
    tls_key: str = ""  # PEM file


class ObjectsConfig(Section, frozen=True):
    url: str = ""  # s3://bucket/prefix ; empty keeps clips below data_dir
    options: dict[str, str] = {}  # of the object store, e.g. aws_endpoint, aws_region
    clip_days: float = 30.0  # a finished clip is deleted after so many days; download it before


class AccessConfig(Section, frozen=True):
    session_hours: float = 12.0  # a sign-in lasts this long


class FleetConfig(Section, frozen=True):
    lease_s: float = 10.0  # a node not heard of for so long is dead, and its cameras move
    place_every_s: float = 1.0  # seconds between looks at leases and unplaced cameras


class InventoryConfig(Section, frozen=True):
    seen_hours: float = 24.0  # a camera counts as seen working for so long after it was last recorded
    probe_days: float = 7.0  # and for so long after a probe it answered with pictures


class CentreConfig(Section, frozen=True):
    """Everything ``khue centre`` can be told."""

    data_dir: str = "centre-data"  # embedded engines, clips and keys live here
    keys_dir: str = ""  # key files; empty is data_dir/keys. Replicas share one set
    listen: ListenConfig = ListenConfig()
    database: DatabaseConfig = DatabaseConfig()
    bus: BusConfig = BusConfig()
    objects: ObjectsConfig = ObjectsConfig()
    access: AccessConfig = AccessConfig()
    fleet: FleetConfig = FleetConfig()
    inventory: InventoryConfig = InventoryConfig()

    @property
    def keys(self) -> Path:
        return Path(self.keys_dir) if self.keys_dir else Path(self.data_dir) / "keys"


def load(path: Path) -> CentreConfig:
    """Read and check a file. Raises ConfigError naming the key."""
    try:
        with path.open("rb") as file:
            return parse(tomllib.load(file))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def parse(values: dict[str, object]) -> CentreConfig:
    """Check values that came from anywhere. Raises ConfigError naming the key."""
    try:
        config = msgspec.convert(values, CentreConfig, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"configuration: {error}") from error
    check(config)
    return config


def check(config: CentreConfig) -> None:
    """What types cannot say. Raises ConfigError."""
    for name, section in (("listen", config.listen), ("bus", config.bus)):
        if bool(section.tls_cert) != bool(section.tls_key):
            raise ConfigError(f"{name}.tls_cert and {name}.tls_key go together; give both or none")
        if not 0 <= section.port <= 65535:
            raise ConfigError(f"{name}.port is {section.port}; a port is 0 to 65535")
    if config.fleet.lease_s < 3:
        raise ConfigError("fleet.lease_s is below 3; nodes renew every 2 s")
    if config.inventory.seen_hours <= 0 or config.inventory.probe_days <= 0:
        raise ConfigError(
            "inventory.seen_hours and inventory.probe_days are above 0; what was never looked at is not seen"
        )
    if config.objects.clip_days <= 0:
        raise ConfigError("objects.clip_days is above 0; nothing is kept for ever")
    if config.fleet.place_every_s <= 0 or config.access.session_hours <= 0 or config.database.connections < 2:
        raise ConfigError("fleet.place_every_s and access.session_hours are above 0, database.connections at least 2")
