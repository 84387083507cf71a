"""Live: one remuxer per watched stream, any number of listeners. Design: design/04-live.md.

The group of pictures so far comes from the log, what follows from the worker's tap, seamlessly: the worker closes its block
before it opens the tap. A listener that cannot follow loses pictures up to the next keyframe, never the others'.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from khue.model.camera import StreamName
from khue.model.errors import RecordingError
from khue.model.time import Clock
from khue.node.playback import LONGEST_GROUP
from khue.node.workers import Key, Workers
from khue.video.index import Index
from khue.video.reading import LogReader
from khue.video.remux import Fragment, Init, Remuxer
from khue.wire.link import LiveMessage
from khue.wire.recorder import Bytes, Playing

LONGEST_CACHE = (
    6 * 1024 * 1024
)  # bytes of a group of pictures kept for the next viewer; a longer one waits for a keyframe
QUEUE = 90  # messages a listener may be behind


class Listener:
    """One viewer's or relay's queue."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[LiveMessage] = asyncio.Queue(QUEUE)
        self._waiting = False  # for a keyframe, after an overflow

    def offer(self, message: LiveMessage) -> None:
        if self._waiting and not (message.init or message.keyframe):
            return
        if self._queue.full():
            self._waiting = True
            with contextlib.suppress(asyncio.QueueEmpty):
                while not self._queue.get_nowait().init:
                    pass
            return
        self._waiting = False
        self._queue.put_nowait(message)

    async def next(self) -> LiveMessage:
        return await self._queue.get()


class LiveStream:
    """The remuxer of one watched stream and the group of pictures a newcomer needs."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.listeners: set[Listener] = set()
        self._root = root
        self._clock = clock
        self._remuxer: Remuxer | None = None
        self._init: Init | None = None
        self._group: list[bytes] = []
        self._group_size = 0
        self._last: Fragment | None = None

    def join(self, listener: Listener) -> None:
        """A newcomer gets everything since the last keyframe as one message."""
        self.listeners.add(listener)
        if self._init and self._group and self._last:
            listener.offer(self._started(self._init, b"".join(self._group), self._last))

    async def playing(self, message: Playing) -> None:
        """A session began. What the log has of its group of pictures comes first."""
        self._remuxer = Remuxer(message.tracks, parameter_sets=message.parameter_sets)
        self._group, self._group_size, self._init = [], 0, None
        if message.recorded:
            try:
                parts = await asyncio.to_thread(_group_so_far, self._root, message)
            except RecordingError:
                parts = []  # live goes on from the next keyframe
            items = [item for data, arrival in parts for item in self._remuxer.feed(data, arrival)]
            self._publish(items, together=True)

    def received(self, message: Bytes) -> None:
        if self._remuxer is not None:
            self._publish(self._remuxer.feed(message.data, message.arrival), together=False)

    def _publish(self, items: list[Fragment | Init], *, together: bool) -> None:
        fresh = False
        for item in items:
            if isinstance(item, Init):
                self._init, fresh = item, True
                self._group, self._group_size = [], 0
                continue
            if item.keyframe:
                self._group, self._group_size = [], 0
            if self._group or item.keyframe:
                self._group.append(item.data)
                self._group_size += len(item.data)
            if self._group_size > LONGEST_CACHE:
                self._group, self._group_size = [], 0
            self._last = item
            if not together:
                self._tell(self._started(self._init, item.data, item) if fresh and self._init else self._frame(item))
                fresh = False
        if together and self._init and self._group and self._last:
            self._tell(self._started(self._init, b"".join(self._group), self._last))

    def _tell(self, message: LiveMessage) -> None:
        for listener in self.listeners:
            listener.offer(message)

    def _started(self, init: Init, data: bytes, last: Fragment) -> LiveMessage:
        return LiveMessage(
            init=True,
            keyframe=True,
            mime=init.mime,
            width=init.width,
            height=init.height,
            wall=last.start,
            sent=self._clock.now(),
            data=init.data + data,
        )

    def _frame(self, item: Fragment) -> LiveMessage:
        return LiveMessage(keyframe=item.keyframe, wall=item.start, sent=self._clock.now(), data=item.data)


class Live:
    """All streams somebody watches at this node."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self._root = root
        self._clock = clock
        self._streams: dict[Key, LiveStream] = {}
        self._queues: dict[Key, asyncio.Queue[Playing | Bytes]] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self.workers: Workers | None = None

    def heard(self, message: Playing | Bytes) -> None:
        """From a worker's tap."""
        queue = self._queues.get((message.camera, message.stream))
        if queue is not None:
            queue.put_nowait(message)

    @contextlib.asynccontextmanager
    async def watch(self, camera: str, stream: StreamName) -> AsyncIterator[Listener]:
        """Within the block, the listener gets every message."""
        key = (camera, stream)
        live = self._streams.get(key)
        if live is None:
            live = self._streams[key] = LiveStream(self._root, self._clock)
            self._queues[key] = asyncio.Queue()
            self._tasks[key] = asyncio.create_task(self._feed(key, live), name=f"live {camera}/{stream}")
            if self.workers:
                self.workers.tap(camera, stream)
        listener = Listener()
        live.join(listener)
        try:
            yield listener
        finally:
            live.listeners.discard(listener)
            if not live.listeners and self._streams.get(key) is live:
                self._close(key)

    def again(self, camera: str, stream: StreamName, listener: Listener) -> None:
        """Give a listener the start once more, for somebody behind it who has just come."""
        live = self._streams.get((camera, stream))
        if live is not None:
            live.join(listener)

    def _close(self, key: Key) -> None:
        if self.workers:
            self.workers.untap(*key)
        self._tasks.pop(key).cancel()
        self._queues.pop(key)
        self._streams.pop(key)

    async def _feed(self, key: Key, live: LiveStream) -> None:
        """One task per stream keeps the order: the log's part first, then the tap's."""
        queue = self._queues[key]
        while True:
            message = await queue.get()
            if isinstance(message, Playing):
                await live.playing(message)
            else:
                live.received(message)


def _group_so_far(root: Path, message: Playing) -> list[tuple[bytes, int]]:
    """Bytes and arrivals from the last keyframe in the log up to where the tap begins."""
    index = Index(root / "index.sqlite")
    reader = LogReader(root, index)
    try:
        stream = index.find_stream(message.camera, message.stream)
        row = index.keyframe_block(stream, message.at, not_before=message.at - LONGEST_GROUP) if stream else None
        if stream is None or row is None:
            return []
        parts: list[tuple[bytes, int]] = []
        previous = row
        for part in index.blocks(stream, row.first, message.at + 1):
            if part.sequence < row.sequence:
                continue
            if part.first - previous.last > 1_500_000:
                parts = []  # a gap: the session before it does not lead into this one
            block = reader.read(part)
            payload, arrival = block.payload, block.meta.first
            if block.meta.keyframes:
                offset, arrival = block.meta.keyframes[-1]
                payload, parts = payload[offset:], []
            parts.append((bytes(payload), arrival))
            previous = part
        return parts
    finally:
        reader.close()
        index.close()
