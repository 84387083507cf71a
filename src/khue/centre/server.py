"""An application on uvicorn inside a running event loop, with a port that is known and an end that is quiet."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import uvicorn
from litestar import Litestar

from khue.centre.config import ListenConfig
from khue.model.errors import ConfigError

_STOP_S = 3  # seconds requests under way may take to end


class _Quiet(uvicorn.Server):
    """Leaves signals to whoever runs the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server:
    """Listens from ``start`` to ``stop``; ``url`` is then where."""

    def __init__(self, app: Litestar, config: ListenConfig) -> None:
        self._config = config
        self._server = _Quiet(
            uvicorn.Config(
                app,
                ws="websockets-sansio",
                ws_per_message_deflate=False,  # video does not get smaller
                ws_max_size=64 * 1024,  # a browser has little to say
                ws_ping_interval=20.0,
                ws_ping_timeout=20.0,
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=bool(config.trusted_proxies),
                forwarded_allow_ips=list(config.trusted_proxies),
                ssl_certfile=config.tls_cert or None,
                ssl_keyfile=config.tls_key or None,
                timeout_graceful_shutdown=_STOP_S,
                timeout_keep_alive=30,
            )
        )
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        self._task: asyncio.Task[None] | None = None
        self.url = ""

    async def start(self) -> None:
        """Raises ConfigError when the address is taken or the certificate is not one."""
        listener = listen(self._config.host, self._config.port)
        try:
            self._server.config.load()
        except OSError as error:
            listener.close()
            raise ConfigError(f"listen.tls_cert or listen.tls_key cannot be used: {error}") from error
        host, port = listener.getsockname()[:2]
        scheme = "https" if self._config.tls_cert else "http"
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        self.url = self._config.public_url or f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}"
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="server")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Refuse new connections, let requests end for a moment, close."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises ConfigError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it each answer waits 40 ms for an acknowledgement
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}; set listen.port") from error
    listener.set_inheritable(False)
    return listener
