"""The demo over TLS: an authority that stays from one run to the next, so that a browser has to trust it once."""

from __future__ import annotations

from pathlib import Path

from khue.cli.authority import Authority
from khue.cli.tls import HERE, configuration
from khue.model.errors import ConfigError

_SERVERS = ("centre", "nats", "node")


class DemoTls:
    """Certificates for the centre, its NATS and the nodes' own servers, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError."""
        self._folder = folder.absolute()
        self._authority = Authority(self._folder)
        if not self._authority.certificate_file.exists():
            self._authority.create(HERE)
        known = {one.name for one in self._authority.show()}
        for server in _SERVERS:
            if server not in known:
                self._authority.issue(server, HERE)
        self._authority.renew()
        self._config = self._folder / "centre.toml"
        try:
            self._config.write_text(configuration(self._folder) + "\n")
        except OSError as error:
            raise ConfigError(f"{self._config} cannot be written: {error.strerror}") from error

    @property
    def certificate_file(self) -> Path:
        """What clients have to trust."""
        return self._authority.certificate_file

    def centre_options(self) -> tuple[str, ...]:
        """Of ``khue centre``."""
        return ("--config", str(self._config))

    def node_options(self) -> tuple[str, ...]:
        """Of ``khue node``: its own server speaks TLS too, or pages of the centre could not reach it."""
        certificate, key = self._authority.files("node")
        values = (f"listen_tls_cert={certificate}", f"listen_tls_key={key}", "listen_name=localhost")
        return tuple(word for value in values for word in ("--set", value))

    def advice(self) -> str:
        """How to trust it, for people."""
        file = self.certificate_file
        return (
            f"its authority is {file}: a browser warns until it trusts it.\n"
            f"  Chromium: Settings, Privacy and security, Security, Manage certificates, Authorities: import that file\n"
            f"  Firefox: Settings, Certificates, Authorities: import that file\n"
            f"  Debian: cp {file} /usr/local/share/ca-certificates/khue-demo.crt and update-ca-certificates\n"
            f"  curl: --cacert {file}"
        )
