"""An ASGI application on uvicorn, inside a running event loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import uvicorn

from khue.model.errors import ConfigError


class AppServer:
    """Serves one application; port 0 takes a free one."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        config = uvicorn.Config(
            app,
            host,
            port,
            log_config=None,
            access_log=False,
            lifespan="off",
            log_level="warning",
            ws="websockets-sansio",
        )
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
        return f"http://{host}:{port}"

    async def _serve(self) -> None:
        with contextlib.suppress(SystemExit):  # uvicorn's way to say that it could not bind
            await self._server._serve()

    async def stop(self) -> None:
        if self._task:
            self._server.should_exit = True
            self._server.force_exit = True
            await self._task
