"""An ASGI application on uvicorn, inside a running event loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import uvicorn

from khue.model.errors import ConfigError


class AppServer:
    """Serves one application; port 0 takes a free one. With ``tls``, (certificate, key) files, over TLS only.

    ``name`` is the host the URL is told with; "" is the address.
    """

    def __init__(self, app: Any, host: str, port: int, *, tls: tuple[str, str] = ("", ""), name: str = "") -> None:
        config = uvicorn.Config(
            app,
            host,
            port,
            log_config=None,
            access_log=False,
            lifespan="off",
            log_level="warning",
            ws="websockets-sansio",
            ssl_certfile=tls[0] or None,
            ssl_keyfile=tls[1] or None,
        )
        try:
            config.load()
        except OSError as error:  # ssl.SSLError too
            raise ConfigError(f"listen_tls_cert or listen_tls_key cannot be used: {error}") from error
        self._scheme, self._name = "https" if tls[0] else "http", name
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None
        self._address = f"{host}:{port}"

    async def start(self) -> str:
        """The URL it can be reached at. Raises ConfigError when the port is taken."""
        self._task = asyncio.create_task(self._serve())
        while not self._server.started:
            if self._task.done():
                raise ConfigError(f"cannot listen on {self._address}; choose another port or end what uses it")
            await asyncio.sleep(0.01)
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        return f"{self._scheme}://{self._name or host}:{port}"

    async def _serve(self) -> None:
        with contextlib.suppress(SystemExit):  # uvicorn's way to say that it could not bind
            await self._server._serve()

    async def stop(self) -> None:
        if self._task:
            self._server.should_exit = True
            self._server.force_exit = True
            await self._task
