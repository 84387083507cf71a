"""News for everybody who watches: announced by one replica, told by each to its own sockets."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Sequence

import msgspec

from khue.centre.access.rules import Account
from khue.centre.access.scope import as_reader, filter_seen
from khue.centre.ports import Database
from khue.centre.sql import Queries
from khue.model.errors import LinkError, Unavailable
from khue.wire.bus import Bus, Received, Subscription

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_SUBJECT = "khue.news"
_QUEUE = 1000  # news a watcher may be behind before it is told to look afresh


class StatusNews(msgspec.Struct, frozen=True, tag_field="type", tag="status"):
    """A stream's state as the camera list shows it from now on."""

    camera: str
    stream: str
    state: str
    since: dt.datetime
    detail: str
    cause: str | None


class NodeNews(msgspec.Struct, frozen=True, tag_field="type", tag="node"):
    """A node is heard of again, or no longer."""

    id: str
    alive: bool


class CameraNews(msgspec.Struct, frozen=True, tag_field="type", tag="camera"):
    """The registry changed: added, changed or deleted."""

    id: str
    change: str


class NoticeNews(msgspec.Struct, frozen=True, tag_field="type", tag="notice"):
    """An account's notices changed; nobody else is told."""

    account: str


class Resync(msgspec.Struct, frozen=True, tag_field="type", tag="resync"):
    """News were lost on the way; ask for the lists again."""


News = StatusNews | NodeNews | CameraNews | NoticeNews | Resync


class Watcher:
    """One reader of the news: bounded, and told when it missed some."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[News] = asyncio.Queue(_QUEUE)

    async def next(self) -> list[News]:
        """What there is, at least one."""
        news = [await self._queue.get()]
        while not self._queue.empty():
            news.append(self._queue.get_nowait())
        return news

    def put(self, news: News) -> None:
        try:
            self._queue.put_nowait(news)
        except asyncio.QueueFull:
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(Resync())


class Board:
    """What is announced comes from the view that the camera list reads: list plus news equals a fresh list."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._subscription: Subscription | None = None
        self._watchers: set[Watcher] = set()
        self._listeners: list[Callable[[News], None]] = []

    async def start(self) -> None:
        self._subscription = await self._bus.subscribe(_SUBJECT, self._told)
        self._bus.on_connect(self._reconnected)

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.unsubscribe()

    def watch(self) -> Watcher:
        watcher = Watcher()
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def listen(self, callback: Callable[[News], None]) -> None:
        """Call for each news, in every replica."""
        self._listeners.append(callback)

    async def seen_by(self, account: Account, news: Sequence[News]) -> list[News]:
        """Without news of cameras the account does not see, and without others' notices; while what it sees cannot be
        asked, only that there were some.
        """
        news = [one for one in news if not isinstance(one, NoticeNews) or one.account == account.id]
        cameras = {camera for one in news if (camera := _camera_of(one))}
        if not cameras:
            return news
        try:
            seen = await filter_seen(self._database, account, sorted(cameras))
        except Unavailable:
            return [Resync()]
        return [one for one in news if not (camera := _camera_of(one)) or camera in seen]

    async def sight(self, account: Account) -> bytes:
        """A digest of which cameras the account sees. Raises Unavailable."""
        async with as_reader(self._database, account) as session:
            return bytes(await session.fetchval(_SQL["sight"]))

    async def announce(self, news: Sequence[News]) -> None:
        """Tell every replica. While the message bus is away nobody is told; all look afresh when it is back."""
        if not news:
            return
        try:
            await self._bus.publish(_SUBJECT, msgspec.msgpack.encode(news))
        except LinkError as error:
            _log.info("news are not told: %s", error)

    async def announce_streams(self, cameras: Sequence[str]) -> None:
        """Tell the present state of all streams of these cameras. Raises Unavailable."""
        if not cameras:
            return
        rows = await self._database.fetch(_SQL["states_of"], list(cameras))
        await self.announce(
            [
                StatusNews(row["camera"], row["name"], row["state"], row["since"], row["detail"], row["cause"])
                for row in rows
            ]
        )

    async def _told(self, message: Received) -> None:
        for news in msgspec.msgpack.decode(message.data, type=list[News]):
            self._tell(news)

    async def _reconnected(self) -> None:
        self._tell(Resync())

    def _tell(self, news: News) -> None:
        for watcher in self._watchers:
            watcher.put(news)
        for callback in self._listeners:
            callback(news)


def _camera_of(news: News) -> str:
    """The camera that news speaks of, or ""."""
    match news:
        case StatusNews():
            return news.camera
        case CameraNews():
            return news.id
        case _:
            return ""
