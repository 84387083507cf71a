"""The node's configuration: closed and typed, an unknown key is an error. Reference: guide/ref/configuration.md."""

from __future__ import annotations

import os

import msgspec


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set on a node."""

    id: str
    """Name of this node; letters, digits, `-` and `_`. Its token was made for this name."""

    data: str
    """Folder for the recordings, the index and the last desired state."""

    nats: str = ""
    """URL of the centre's NATS, e.g. `tls://centre.example:4222`. Empty: record the last desired state, alone."""

    nats_ca_file: str = ""
    """PEM file of the authority that signed the certificate of a `tls://` NATS; empty trusts the system's."""

    token: str = ""
    """What the centre gave out for this node (`khue nodes enrol`)."""

    sites: tuple[str, ...] = ("default",)
    """Networks whose cameras this node can reach."""

    listen_host: str = "127.0.0.1"
    """Address the node's own server listens on, for viewers beside it."""

    listen_port: int = 0
    """Its port; 0 takes a free one."""

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
