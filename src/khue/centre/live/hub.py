"""Live pictures: one relay per camera and stream for any number of viewers, while at least one watches. See design/03."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import msgspec

from khue.centre.events.board import Board, News, Resync, StatusNews
from khue.centre.fleet.cameras import Cameras
from khue.centre.link import NodeLink
from khue.centre.live.group import GroupCache
from khue.centre.live.viewer import Needs, Viewer
from khue.centre.ports import Row
from khue.model.camera import CameraState, StreamName
from khue.model.errors import LinkError, MediaError, NotFound, Unavailable
from khue.wire import subjects
from khue.wire.bus import Received, Subscription
from khue.wire.link import LiveMessage, LiveRequest

_log = logging.getLogger(__name__)

_RENEW_S = 3.0  # a node ends a relay that was not renewed for 10 s
_json = msgspec.json.Encoder()
_decode = msgspec.msgpack.Decoder(LiveMessage).decode


def problem_text(message: str, remedy: str) -> str:
    """The text message of a failure."""
    return _json.encode({"type": "error", "message": message, "remedy": remedy}).decode()


class Relay:
    """One stream of one camera, from whichever node has it, to its viewers."""

    def __init__(self, camera: str, stream: StreamName, link: NodeLink, cameras: Cameras) -> None:
        self.viewers: set[Viewer] = set()
        self._camera, self._stream = camera, stream
        self._link, self._cameras = link, cameras
        self._cache = GroupCache()
        self._node: str | None = None
        self._subscription: Subscription | None = None
        self._state = ""  # as last said to viewers
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"live {camera}/{stream}")

    def join(self, viewer: Viewer) -> None:
        self.viewers.add(viewer)
        if self._state:
            viewer.say(self._state)
        if self._cache.init and self._cache.whole:
            viewer.begin(self._start_text(), self._cache.start())

    def status(self, news: StatusNews) -> None:
        """The stream's state changed; perhaps its node too."""
        self._say_state(news.state, msgspec.to_builtins(news.since), news.detail, news.cause)
        self._wake.set()

    def look(self) -> None:
        """Renew now."""
        self._wake.set()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._leave_node()
        for viewer in self.viewers:
            viewer.end()

    # -- keeping the node sending ----------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self._renew()
            except NotFound as error:
                self._say(problem_text(str(error), "Choose another camera."))
                for viewer in self.viewers:
                    viewer.end()
            except (LinkError, Unavailable) as error:
                _log.info("live %s/%s: %s", self._camera, self._stream, error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RENEW_S):
                    await self._wake.wait()
            self._wake.clear()

    async def _renew(self) -> None:
        row = await self._cameras.stream_state(self._camera, self._stream)
        if row["node"] != self._node:
            await self._leave_node()
            await self._join_node(row["node"])
        if self._node is None or row["state"] in (CameraState.DISABLED, CameraState.UNREACHABLE):
            self._say_row(row, row["detail"])
        if self._node is None or row["state"] == CameraState.DISABLED:
            return
        request = LiveRequest(camera=self._camera, stream=self._stream, fresh=not self._cache.init)
        reply = await self._link.live(self._node, request)
        self._say_row(row, reply.error or row["detail"])

    async def _join_node(self, node: str | None) -> None:
        if node is not None:
            subject = subjects.live(node, self._camera, self._stream)
            # before the node is asked, so that the first message finds us listening
            self._subscription = await self._link.bus.subscribe(subject, self._received)
        self._node = node

    async def _leave_node(self) -> None:
        subscription, self._subscription, self._node = self._subscription, None, None
        if subscription is not None:
            await subscription.unsubscribe()
        self._cache = GroupCache()
        for viewer in self.viewers:
            viewer.needs = Needs.INIT

    # -- to the viewers --------------------------------------------------------------------------------------------

    async def _received(self, message: Received) -> None:
        try:
            picture = _decode(message.data)
            if picture.init:
                self._begin(picture)
            elif self._cache.init:
                self._add(picture)
        except (msgspec.DecodeError, MediaError) as error:
            _log.warning("live %s/%s from node %s: %s", self._camera, self._stream, self._node, error)

    def _begin(self, message: LiveMessage) -> None:
        again = self._cache.begin(message)
        for viewer in self.viewers:
            if again or viewer.needs is Needs.INIT:
                viewer.begin(self._start_text(), self._cache.start())

    def _add(self, message: LiveMessage) -> None:
        followed = self._cache.add(message)
        for viewer in self.viewers:
            if not followed:
                viewer.skip_to_keyframe()
            if viewer.needs is not Needs.INIT:
                viewer.offer(message.data, message.keyframe)
            elif message.keyframe:
                viewer.begin(self._start_text(), self._cache.start())

    def _start_text(self) -> str:
        cache = self._cache
        start = {"type": "start", "mime": cache.mime, "width": cache.width, "height": cache.height}
        return _json.encode(start).decode()

    def _say_row(self, row: Row, detail: str) -> None:
        if self._state or row["state"] != CameraState.RECORDING or detail:  # a picture needs no words
            self._say_state(row["state"], msgspec.to_builtins(row["since"]), detail, row["cause"])

    def _say_state(self, state: str, since: object, detail: str, cause: str | None) -> None:
        said = {"type": "state", "state": state, "since": since, "detail": detail, "cause": cause}
        text = _json.encode(said).decode()
        if text != self._state:
            self._state = text
            self._say(text)

    def _say(self, text: str) -> None:
        for viewer in self.viewers:
            viewer.say(text)


class Hub:
    """All relays of this replica."""

    def __init__(self, link: NodeLink, cameras: Cameras, board: Board) -> None:
        self._link, self._cameras = link, cameras
        self._relays: dict[tuple[str, StreamName], Relay] = {}
        board.listen(self._heard)

    def watch(self, camera: str, stream: StreamName) -> Viewer:
        """A viewer that gets what there is now and all that follows. ``leave`` it in the end."""
        relay = self._relays.get((camera, stream))
        if relay is None:
            relay = self._relays[camera, stream] = Relay(camera, stream, self._link, self._cameras)
        viewer = Viewer()
        relay.join(viewer)
        return viewer

    async def leave(self, camera: str, stream: StreamName, viewer: Viewer) -> None:
        """The last one to leave ends the relay."""
        relay = self._relays.get((camera, stream))
        if relay is None:
            return
        relay.viewers.discard(viewer)
        if not relay.viewers:
            del self._relays[camera, stream]
            await relay.stop()

    async def stop(self) -> None:
        """End every viewer."""
        relays, self._relays = list(self._relays.values()), {}
        for relay in relays:
            await relay.stop()

    def _heard(self, news: News) -> None:
        if isinstance(news, StatusNews):
            relay = self._relays.get((news.camera, StreamName(news.stream)))
            if relay is not None:
                relay.status(news)
        elif isinstance(news, Resync):
            for relay in self._relays.values():
                relay.look()
