"""The message bus on NATS: ``khue.wire.bus.Bus``, and the durable stream of events.

The client library's own reconnecting is switched off: one loop here connects, subscribes again and tells whoever asked,
the same way the first time and every time after, also when the server refused us for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as Remote

from khue.model.errors import ConfigError, KhueError, LinkError
from khue.wire.bus import MAX_PAYLOAD, Handler, Received

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _MAX_PAUSE = 0.1, 2.0  # seconds between attempts to connect
_PING_EVERY = 5  # seconds; three without an answer and the connection is given up
_CONFIRM_TIMEOUT = 5.0
_QUEUE = 1024  # messages waiting for a handler here; more wait in the client library
_PENDING_BYTES = 64 * 1024 * 1024
_AWAY = "the message bus cannot be reached; check that NATS runs and that this address and key are right"
_FAILURES = (nats.errors.Error, OSError, TimeoutError)


@contextlib.contextmanager
def keeping_cancellation() -> Iterator[None]:
    """The client library swallows a cancellation that arrives while it flushes; this raises it again after the call."""
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    yield
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError


class NatsSubscription:
    """A subject, its handler and the workers that run it; outlives connections."""

    def __init__(self, bus: NatsBus, subject: str, handler: Handler, queue: str, concurrency: int) -> None:
        self.subject = subject
        self.queue = queue
        self._bus = bus
        self._handler = handler
        self._waiting: asyncio.Queue[Msg] = asyncio.Queue(_QUEUE)
        self._ended = False
        self._remote: Remote | None = None
        self._workers = [asyncio.create_task(self._work(), name=f"bus {subject}") for _ in range(concurrency)]

    async def attach(self, client: Client) -> None:
        """Subscribe on a new connection."""
        with keeping_cancellation():
            self._remote = await client.subscribe(
                self.subject, queue=self.queue, cb=self._waiting.put, pending_bytes_limit=_PENDING_BYTES
            )

    async def unsubscribe(self) -> None:
        self._bus.forget(self)
        remote, self._remote = self._remote, None
        if remote is not None:
            # the connection may be gone, and the subscription with it
            with keeping_cancellation(), contextlib.suppress(*_FAILURES):
                await remote.unsubscribe()
        self._ended = True
        for worker in self._workers:
            if worker is not asyncio.current_task():  # a handler may end its own subscription
                worker.cancel()

    async def drain(self, timeout: float) -> None:
        """Let handlers finish what was delivered, then stop them."""
        remote, self._remote = self._remote, None
        if remote is not None:
            with keeping_cancellation(), contextlib.suppress(*_FAILURES):
                await remote.unsubscribe()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._waiting.join()
        for worker in self._workers:
            worker.cancel()

    async def _work(self) -> None:
        while not self._ended:
            message = await self._waiting.get()
            try:
                answer = await self._handler(Received(message.subject, message.data, message.reply))
                if answer is not None and message.reply:
                    await self._bus.publish(message.reply, answer)
            except KhueError as error:
                _log.warning("%s: %s", message.subject, error)
            except Exception:  # noqa: BLE001 - supervisor: a faulty handler must not end the subscription
                _log.exception("the handler of %s failed", message.subject)
            finally:
                self._waiting.task_done()


class NatsBus:
    """See ``khue.wire.bus.Bus``. ``name`` is the node's id, or "centre": answers come to inboxes under it.

    ``seed`` is an nkey seed; without it the URL may carry ``user:password@`` or a token. For tls:// URLs ``ca_file`` checks
    the server's certificate, empty uses the system's authorities; without ``check_name`` it may be made for another name.
    ``buffer`` bytes wait for the line before publish() waits too. Raises ConfigError when the file is not a certificate.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        seed: str = "",
        ca_file: str = "",
        check_name: bool = True,
        buffer: int = 2 * MAX_PAYLOAD,
    ) -> None:
        self._url, self._name, self._seed, self._buffer = url, name, seed, buffer
        self._tls = _tls(ca_file, check_name) if url.startswith(("tls:", "wss:")) else None
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._subscriptions: set[NatsSubscription] = set()
        self._callbacks: list[Callable[[], Awaitable[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._up = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._up.is_set()

    @property
    def client(self) -> Client:
        """The connection of the moment. Raises LinkError when there is none."""
        if self._client is None or not self._up.is_set():
            raise LinkError(_AWAY)
        return self._client

    def start(self) -> None:
        """Begin to connect, and never stop until close()."""
        self._task = asyncio.create_task(self._run(), name=f"bus {self._name}")

    async def wait_connected(self, timeout: float) -> None:
        """Raises LinkError when there is no connection within ``timeout`` s."""
        try:
            async with asyncio.timeout(timeout):
                await self._up.wait()
        except TimeoutError:
            raise LinkError(f"{_AWAY} (waited {timeout:.0f} s)") from None

    async def publish(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        client = self.client
        if len(data) > MAX_PAYLOAD:
            raise LinkError(f"a message of {len(data)} bytes on {subject} exceeds the limit of {MAX_PAYLOAD}")
        try:
            with keeping_cancellation():
                await client.publish(subject, data, headers=dict(headers) if headers else None)
        except _FAILURES as error:
            raise LinkError(f"{_AWAY} ({error})") from error

    async def request(self, subject: str, data: bytes, timeout: float) -> bytes:
        return (await self._ask(subject, data, timeout, None)).data

    async def _ask(self, subject: str, data: bytes, timeout: float, headers: dict[str, str] | None) -> Msg:
        client, lost = self.client, self._lost
        asking = asyncio.ensure_future(client.request(subject, data, timeout=timeout, headers=headers))
        losing = asyncio.ensure_future(lost.wait())
        try:
            await asyncio.wait({asking, losing}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise LinkError(f"the connection to the message bus was lost while waiting on {subject}; try again")
            return asking.result()
        except nats.errors.NoRespondersError as error:
            raise LinkError(
                f"nobody answers on {subject}: the other end is not connected; check that it runs"
            ) from error
        except TimeoutError as error:
            raise LinkError(f"no answer on {subject} within {timeout:g} s; check the other end and its link") from error
        except _FAILURES as error:
            raise LinkError(f"{_AWAY} ({error})") from error
        finally:
            losing.cancel()
            if not asking.done():
                asking.cancel()
                asking.add_done_callback(_forget)  # not awaited: it may take its time to notice

    async def subscribe(
        self, subject: str, handler: Handler, queue: str = "", *, concurrency: int = 1
    ) -> NatsSubscription:
        subscription = NatsSubscription(self, subject, handler, queue, concurrency)
        self._subscriptions.add(subscription)
        if self._client is not None and self._up.is_set():
            try:
                await subscription.attach(self._client)
            except _FAILURES as error:  # the reconnect attaches it
                _log.debug("subscribing to %s waits for the connection: %s", subject, error)
        return subscription

    async def publish_durable(self, subject: str, data: bytes, msg_id: str) -> None:
        message = await self._ask(subject, data, _CONFIRM_TIMEOUT, {"Nats-Msg-Id": msg_id})
        try:
            confirmation = json.loads(message.data)
        except ValueError as error:
            raise LinkError(f"{subject} was answered by something that is not JetStream") from error
        if "error" in confirmation:
            raise LinkError(f"JetStream did not store {subject}: {confirmation['error'].get('description', '')}")

    def on_connect(self, callback: Callable[[], Awaitable[None]]) -> None:
        self._callbacks.append(callback)
        if self._up.is_set():
            task = asyncio.create_task(self._call(callback))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def drain(self) -> None:
        for subscription in list(self._subscriptions):
            await subscription.drain(2.0)
        if self._client is not None and self._up.is_set():
            with contextlib.suppress(*_FAILURES):
                await self._client.flush(2)
        await self.close()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        for subscription in list(self._subscriptions):
            await subscription.unsubscribe()
        self._up.clear()
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(*_FAILURES):
                await client.close()

    def forget(self, subscription: NatsSubscription) -> None:
        """Do not attach it to later connections."""
        self._subscriptions.discard(subscription)

    # -- connecting ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        reported = False
        while True:
            try:
                client, lost = await self._connect()
            except _FAILURES as error:
                if not reported:
                    _log.warning("%s: %s", _AWAY, error or type(error).__name__)
                    reported = True
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, _MAX_PAUSE)
                continue
            pause, reported = _FIRST_PAUSE, False
            self._client, self._lost = client, lost
            self._up.set()
            with keeping_cancellation():
                for callback in list(self._callbacks):
                    await self._call(callback)
            await lost.wait()
            self._up.clear()
            _log.warning("the connection to the message bus was lost (%s); connecting again", client.last_error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _connect(self) -> tuple[Client, asyncio.Event]:
        client, lost = Client(), asyncio.Event()

        async def closed() -> None:
            lost.set()

        try:
            await self._open(client, closed)
        except BaseException:
            with contextlib.suppress(*_FAILURES):
                await client.close()
            raise
        return client, lost

    async def _open(self, client: Client, closed: Callable[[], Awaitable[None]]) -> None:
        await client.connect(
            [self._url],
            name=self._name,
            inbox_prefix=f"_INBOX.{self._name}",
            nkeys_seed_str=self._seed or None,
            tls=self._tls,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=5,
            ping_interval=_PING_EVERY,
            max_outstanding_pings=2,
            pending_size=self._buffer,
            closed_cb=closed,
            error_cb=self._on_error,
        )
        for subscription in list(self._subscriptions):
            await subscription.attach(client)
        await client.flush(5)  # an answer: the subscriptions before it are in force

    async def _on_error(self, error: Exception) -> None:
        _log.log(logging.WARNING if "ermissions" in str(error) else logging.DEBUG, "NATS: %s", error)

    async def _call(self, callback: Callable[[], Awaitable[None]]) -> None:
        try:
            await callback()
        except KhueError as error:
            _log.warning("after connecting to the message bus: %s", error)


def _forget(task: asyncio.Future[Msg]) -> None:
    if not task.cancelled():
        task.exception()


def _tls(ca_file: str, check_name: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:  # ssl.SSLError too
        raise ConfigError(f"the certificate file {ca_file} cannot be used: {error}") from error
    context.check_hostname = check_name
    return context
