"""The centre's configuration: closed and typed, from one TOML file. An unknown key is an error."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from khue.model.errors import ConfigError


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every section."""


class ListenConfig(Section, frozen=True):
    host: str = "127.0.0.1"  # address the console and the API listen on
    port: int = 8080  # 0 chooses a free one
    tls_cert: str = ""  # PEM file; with tls_key the centre speaks https
    tls_key: str = ""  # PEM file
    tls_ca: str = ""  # PEM file of the authority that signed tls_cert, for nodes that enrol; empty: the system knows it
    trusted_proxies: tuple[str, ...] = ()  # addresses whose X-Forwarded-For and -Proto are believed
    public_url: str = ""  # how people reach it, when a proxy stands before it


class DatabaseConfig(Section, frozen=True):
    dsn: str = ""  # postgresql://user:password@host/database ; empty runs the embedded PostgreSQL
    connections: int = 10  # at most, per replica


class BusConfig(Section, frozen=True):
    url: str = ""  # nats://host:port or tls://host:port ; empty runs the embedded NATS
    seed_file: str = ""  # file with the centre's nkey seed on an external NATS
    ca_file: str = ""  # PEM file of the authority that signed the server's certificate
    public_url: str = ""  # how nodes elsewhere reach NATS; empty: the centre's name with the port of the embedded one
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
    idle_minutes: float = 120.0  # and ends when nothing asked with it for so long; an open console asks


class OidcConfig(Section, frozen=True):
    id: str = ""  # one word; part of the address the provider sends people back to
    name: str = ""  # what the sign-in page says
    issuer: str = ""  # https://... exactly as the provider names itself
    client_id: str = ""  # of the centre, at the provider
    client_secret_file: str = ""  # file with its secret; empty: a public client, by PKCE alone
    ca_file: str = ""  # PEM file of the authority that signed the provider's certificate; empty trusts the system's
    scopes: tuple[str, ...] = ("openid", "profile", "email")  # asked for; openid is always among them
    claim: str = "email"  # its value is the user name here, at the first sign-in; an e-mail address has to be verified
    create: bool = False  # whether people without an account get one, as members with no post and no right


class FleetConfig(Section, frozen=True):
    lease_s: float = 10.0  # a node not heard of for so long is dead, and its cameras move
    place_every_s: float = 1.0  # seconds between looks at leases and unplaced cameras


class InventoryConfig(Section, frozen=True):
    seen_hours: float = 24.0  # a camera counts as seen working for so long after it was last recorded
    probe_days: float = 7.0  # and for so long after a probe it answered with pictures


class AuditConfig(Section, frozen=True):
    origin: str = "khue/audit"  # name of the log in its checkpoints; never change it once one is signed
    every_entries: int = 1000  # a checkpoint is signed after so many entries
    every_minutes: float = 5.0  # or after so long, when there is something new
    publish: str = ""  # folder that gets a file for each checkpoint; empty is data_dir/audit


class TrainingConfig(Section, frozen=True):
    enabled: bool = False  # exercises, and a band that says so; for the simulated city, not where real cameras are


class CentreConfig(Section, frozen=True):
    """Everything ``khue centre`` can be told."""

    data_dir: str = "centre-data"  # embedded engines, clips and keys live here
    keys_dir: str = ""  # key files; empty is data_dir/keys. Replicas share one set
    listen: ListenConfig = ListenConfig()
    database: DatabaseConfig = DatabaseConfig()
    bus: BusConfig = BusConfig()
    objects: ObjectsConfig = ObjectsConfig()
    access: AccessConfig = AccessConfig()
    oidc: tuple[OidcConfig, ...] = ()
    fleet: FleetConfig = FleetConfig()
    inventory: InventoryConfig = InventoryConfig()
    audit: AuditConfig = AuditConfig()
    training: TrainingConfig = TrainingConfig()

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
    for provider in config.oidc:
        _check_provider(provider)
    if len({provider.id for provider in config.oidc}) < len(config.oidc):
        raise ConfigError("each [[oidc]] has an id of its own")
    if config.fleet.lease_s < 3:
        raise ConfigError("fleet.lease_s is below 3; nodes renew every 2 s")
    if config.inventory.seen_hours <= 0 or config.inventory.probe_days <= 0:
        raise ConfigError(
            "inventory.seen_hours and inventory.probe_days are above 0; what was never looked at is not seen"
        )
    if config.audit.every_entries < 1 or config.audit.every_minutes <= 0:
        raise ConfigError("audit.every_entries is at least 1 and audit.every_minutes above 0")
    if config.objects.clip_days <= 0:
        raise ConfigError("objects.clip_days is above 0; nothing is kept for ever")
    if config.access.session_hours <= 0 or config.access.idle_minutes <= 0:
        raise ConfigError("access.session_hours and access.idle_minutes are above 0")
    if config.fleet.place_every_s <= 0 or config.database.connections < 2:
        raise ConfigError("fleet.place_every_s is above 0, database.connections at least 2")


def _check_provider(provider: OidcConfig) -> None:
    """Raises ConfigError."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", provider.id):
        raise ConfigError(f"oidc.id is {provider.id!r}; it is 1 to 40 small letters, digits and -")
    for name in ("name", "issuer", "client_id", "claim"):
        if not getattr(provider, name):
            raise ConfigError(f"oidc.{name} of {provider.id} is missing")
    parts = urlsplit(provider.issuer)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        raise ConfigError(f"oidc.issuer of {provider.id} is not https; anybody on the way could sign in as anybody")
