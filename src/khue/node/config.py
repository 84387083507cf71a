"""The node's configuration: closed and typed, an unknown key is an error. Reference: guide/ref/configuration.md."""

from __future__ import annotations

import os

import msgspec

from khue.model.errors import ConfigError
from khue.model.ranges import Network, parse_ranges


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set on a node."""

    id: str
    """Name of this node; letters, digits, `-` and `_`. Its key was registered for this name; enrolling tells it."""

    data: str
    """Folder for the recordings, the index and the last desired state."""

    nats: str = ""
    """URL of the centre's NATS, e.g. `tls://centre.example:4222`. Empty: record the last desired state, alone."""

    nats_ca_file: str = ""
    """PEM file of the authority that signed the certificate of a `tls://` NATS; empty trusts the system's."""

    token: str = ""
    """Seed of the node's key, when somebody else made it. A node that enrolled itself has its own and needs none."""

    sites: tuple[str, ...] = ("default",)
    """Networks whose cameras this node can reach."""

    listen_host: str = "127.0.0.1"
    """Address the node's own server listens on, for viewers beside it."""

    listen_port: int = 0
    """Its port; 0 takes a free one."""

    listen_tls_cert: str = ""
    """PEM file; with `listen_tls_key` the node's own server speaks TLS, as pages of a centre with https require."""

    listen_tls_key: str = ""
    """PEM file."""

    listen_name: str = ""
    """Host name viewers reach the node's own server by, which its certificate is for; empty is `listen_host`."""

    workers: int = max(1, min(4, (os.cpu_count() or 1) - 1))
    """Recorder processes; one a core, one core left for everything else."""

    capacity: int = 400
    """Cameras the centre may place here."""

    free_percent: float = 5.0
    """Share of the disk retention keeps free by deleting the oldest of the least important class."""

    file_mb: int = 256
    """Size at which a log file is closed."""

    file_minutes: float = 10.0
    """Age at which a log file is closed; files are deleted whole."""

    reserve_mb: int = 64
    """Room on the disk the log never uses, so that the index can still say what is missing."""

    retention_every_s: float = 30.0
    """How often retention runs."""

    scan_ranges: tuple[str, ...] = ()
    """Private, link-local or loopback ranges in which this node may look for cameras, e.g. `10.20.30.0/24`; at most a /16
    each. Without any it never looks."""

    scan_public_ranges: tuple[str, ...] = ()
    """Ranges of the open Internet in which it may look too, because the cameras there are yours."""

    scan_rate: float = 50.0
    """Connection attempts a second while it looks; poor lines want fewer."""

    def __post_init__(self) -> None:
        _ = self.declared
        if bool(self.listen_tls_cert) != bool(self.listen_tls_key):
            raise ConfigError("listen_tls_cert and listen_tls_key go together; give both or none")
        if not 0 < self.scan_rate <= 1000:
            raise ConfigError("scan_rate is above 0 and at most 1000 connection attempts a second")

    @property
    def declared(self) -> tuple[Network, ...]:
        """Every range this node may look in. Raises ConfigError."""
        return (*parse_ranges(self.scan_ranges), *parse_ranges(self.scan_public_ranges, public=True))
