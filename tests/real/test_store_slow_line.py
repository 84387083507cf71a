"""A node on a line that carries less than its pictures: heartbeats and answers still come through."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from khue.model.errors import LinkError
from khue.store.embedded_nats import new_node_key
from khue.store.engines import Engines, EngineSettings
from khue.store.nats import NatsBus
from khue.store.node_bus import NodeBus
from khue.wire import subjects
from khue.wire.bus import Bus, Received

RATE = 250_000  # bytes a second: 2 Mb/s
PIECE = 4096


class SlowLine:
    """A TCP relay whose connections share one narrow way up."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=PIECE)
        return f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._target.hostname, self._target.port)
        for task in (self._up(reader, there[1]), self._down(there[0], writer)):
            made = asyncio.create_task(task)
            self._tasks.add(made)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                async with self._turn:  # whoever waited longest
                    await asyncio.sleep(len(data) / RATE)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


async def _worst_heartbeat(bus: Bus, seconds: float) -> float:
    """Pictures at twice what the line carries, beside heartbeats; the longest wait for an answer."""
    stop = asyncio.Event()

    async def show() -> None:
        while not stop.is_set():
            with contextlib.suppress(LinkError):
                await bus.publish(subjects.live("n1", "c", "main"), b"p" * 25_000)
            await asyncio.sleep(0.05)

    showing = asyncio.create_task(show())
    worst, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        with contextlib.suppress(LinkError):
            await bus.request(subjects.heartbeat("n1"), b"beat", 30)
        worst = max(worst, time.monotonic() - began)
        await asyncio.sleep(0.2)
    stop.set()
    showing.cancel()
    await asyncio.gather(showing, return_exceptions=True)
    return worst


async def test_pictures_do_not_hold_up_heartbeats() -> None:
    with tempfile.TemporaryDirectory(prefix="khue-test-") as directory:
        Path(directory).chmod(0o755)
        engines = Engines(EngineSettings(data_dir=Path(directory)))
        await engines.start()
        pictures = 0

        async def acknowledge(message: Received) -> bytes:
            return b"ok"

        async def look(message: Received) -> None:
            nonlocal pictures
            pictures += 1

        await engines.bus.subscribe(subjects.HEARTBEATS, acknowledge)
        await engines.bus.subscribe("khue.live.>", look)
        seed, public = new_node_key()
        await engines.node_keys.allow({"n1": public})
        line = SlowLine(engines.bus_url)
        url = await line.start()
        node = NodeBus(url, name="n1", seed=seed)
        node.start()
        async with asyncio.timeout(10):
            while not node.connected:
                await asyncio.sleep(0.02)
        apart = await _worst_heartbeat(node, 6)
        await node.close()
        assert pictures > 20  # they come, as fast as the line allows
        single = NatsBus(url, name="n1", seed=seed)
        single.start()
        await single.wait_connected(20)
        together = await _worst_heartbeat(single, 6)
        await single.close()
        assert apart < together / 2
        await line.stop()
        await engines.stop()
