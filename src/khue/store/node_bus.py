"""A node's way to the bus: pictures on a connection of their own, so that a full line delays no heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from khue.store.nats import NatsBus, NatsSubscription
from khue.wire.bus import Handler

_MEDIA = ("khue.live.", "khue.read.")
_MEDIA_BUFFER = 512 * 1024  # bytes; more would only make live pictures late


class NodeBus:
    """See ``khue.wire.bus.Bus``. What is published on media subjects takes the second connection, and waits there.

    On one connection a megabyte of pictures in front of a heartbeat costs eight seconds of a 1 Mb/s line, and the lease.
    """

    def __init__(self, url: str, *, name: str, seed: str = "", ca_file: str = "") -> None:
        self._control = NatsBus(url, name=name, seed=seed, ca_file=ca_file)
        self._media = NatsBus(url, name=name, seed=seed, ca_file=ca_file, buffer=_MEDIA_BUFFER)

    @property
    def connected(self) -> bool:
        return self._control.connected

    def start(self) -> None:
        """Begin to connect, and never stop until close()."""
        self._control.start()
        self._media.start()

    async def publish(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        bus = self._media if subject.startswith(_MEDIA) else self._control
        await bus.publish(subject, data, headers)

    async def request(self, subject: str, data: bytes, timeout: float) -> bytes:
        return await self._control.request(subject, data, timeout)

    async def subscribe(
        self, subject: str, handler: Handler, queue: str = "", *, concurrency: int = 1
    ) -> NatsSubscription:
        return await self._control.subscribe(subject, handler, queue, concurrency=concurrency)

    async def publish_durable(self, subject: str, data: bytes, msg_id: str) -> None:
        await self._control.publish_durable(subject, data, msg_id)

    def on_connect(self, callback: Callable[[], Awaitable[None]]) -> None:
        self._control.on_connect(callback)

    async def drain(self) -> None:
        await asyncio.gather(self._control.drain(), self._media.drain())

    async def close(self) -> None:
        await asyncio.gather(self._control.close(), self._media.close())
