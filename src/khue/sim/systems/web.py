"""What every simulated system's web side does the same: it listens, has an address, and ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from khue.sim.http import HttpReply, HttpRequest, HttpServer


class SimWeb(ABC):
    """``async with`` it, or ``start`` and ``stop``; while it listens ``url`` is its address. Subclasses answer."""

    def __init__(self) -> None:
        self._server = HttpServer(self._answer)
        self.url = ""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        await self._server.start(host, port)
        self.url = f"http://{host}:{self._server.port}"
        return self.url

    async def stop(self) -> None:
        await self._server.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @abstractmethod
    async def _answer(self, request: HttpRequest) -> HttpReply:
        """To one request, whoever sent it."""
