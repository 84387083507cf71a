"""The message bus as node and centre use it. ``khue.store.nats`` implements it; ``run.py`` injects it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

MAX_PAYLOAD = 8 * 1024 * 1024  # bytes in one message; the embedded server is configured with it


class Received(NamedTuple):
    """One delivered message. ``reply`` is the subject an answer goes to, "" when none is wanted."""

    subject: str
    data: bytes
    reply: str


# What the handler returns is sent to ``reply`` when the sender wanted an answer; None answers nothing.
Handler = Callable[[Received], Awaitable["bytes | None"]]


class Subscription(Protocol):
    """A standing interest in a subject. It survives reconnects."""

    async def unsubscribe(self) -> None:
        """No handler starts after this returns; handlers that run are not cancelled."""
        ...


class Bus(Protocol):
    """Subjects are dotted words; ``*`` matches one word and ``>`` the rest. Every failure is a LinkError."""

    @property
    def connected(self) -> bool:
        """Whether the server can be spoken to now. Reconnecting never stops until close()."""
        ...

    async def publish(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send once, at most. Raises LinkError at once when not connected or ``data`` exceeds MAX_PAYLOAD."""
        ...

    async def request(self, subject: str, data: bytes, timeout: float) -> bytes:
        """Send and wait for one answer. Raises LinkError: not connected, nobody listens there, no answer in ``timeout`` s."""
        ...

    async def subscribe(self, subject: str, handler: Handler, queue: str = "", *, concurrency: int = 1) -> Subscription:
        """Call ``handler`` for each message: in order, one at a time, unless ``concurrency`` allows more at once.

        Of the subscribers that share a ``queue`` only one gets each message. A KhueError from the handler is logged
        and not answered: handlers put their own errors into their replies. May be called while not connected.
        """
        ...

    async def publish_durable(self, subject: str, data: bytes, msg_id: str) -> None:
        """Publish into a JetStream stream and return once it is stored. The same ``msg_id`` is stored once.

        Raises LinkError when that could not be confirmed: publish again with the same ``msg_id``.
        """
        ...

    def on_connect(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Await ``callback`` after each connect and reconnect; once soon if connected already."""
        ...

    async def drain(self) -> None:
        """Stop receiving, let running handlers finish, send what is buffered, close."""
        ...

    async def close(self) -> None:
        """Close now."""
        ...
