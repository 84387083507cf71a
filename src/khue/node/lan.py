"""The node's own small server for viewers on its LAN: live over WebSocket, playback over HTTP, with a token from the centre."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

import msgspec
from litestar import Litestar, Request, Response, WebSocket, get, websocket
from litestar.datastructures import State
from litestar.exceptions import WebSocketDisconnect
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from khue.model.camera import StreamName
from khue.model.errors import Denied, KhueError, NotFound
from khue.model.time import Clock, Micros, to_datetime
from khue.node.live import Live
from khue.node.playback import Piece, read
from khue.wire.link import ReadRequest
from khue.wire.token import Grant, verify

_json = msgspec.json.Encoder().encode
_OVER = "this viewing token is no longer good; ask the centre for a new one"
_REMEMBERED = 3600 * 1_000_000  # microseconds; tokens live for a minute


class Viewing:
    """One open socket: by which token, and until when unless a new one is shown."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.changed = asyncio.Event()

    def renew(self, grant: Grant) -> None:
        """Raises Denied when it is somebody else's."""
        if grant.sub != self.grant.sub:
            raise Denied("this viewing token is somebody else's; open another connection with it")
        self.grant = grant
        self.changed.set()

    def end(self) -> None:
        self.grant = msgspec.structs.replace(self.grant, exp=0)
        self.changed.set()


class Lan:
    """What the handlers need."""

    def __init__(self, root: Path, live: Live, clock: Clock, key: Callable[[], bytes]) -> None:
        self.root = root
        self.live = live
        self.clock = clock
        self.viewings: set[Viewing] = set()
        self._key = key
        self._ended: dict[str, Micros] = {}  # ids of tokens the centre took back, until they would have expired

    def allow(self, token: str, camera: str, stream: StreamName, action: str) -> Grant:
        """Raises Denied unless the centre signed exactly this, not too long ago, and did not take it back."""
        grant = verify(token, self._key(), self.clock.now())
        if grant.camera != camera or grant.stream != stream or action not in grant.actions:
            raise Denied("this viewing token is for something else; ask the centre for one that covers this")
        if grant.id in self._ended:
            raise Denied(_OVER)
        return grant

    def end(self, tokens: Iterable[str]) -> None:
        """The centre took these back: what is open by them ends now, and nothing more is opened."""
        now = self.clock.now()
        self._ended = {token: until for token, until in self._ended.items() if until > now}
        self._ended |= dict.fromkeys(tokens, now + _REMEMBERED)
        for viewing in self.viewings:
            if viewing.grant.id in self._ended:
                viewing.end()


def app(lan: Lan) -> Litestar:
    """The ASGI application."""
    return Litestar(
        [_live, _playback, _health],
        state=State({"lan": lan}),
        openapi_config=None,
        exception_handlers={KhueError: _refuse},
    )


def _refuse(_: Request[object, object, State], error: KhueError) -> Response[dict[str, object]]:
    status = 403 if isinstance(error, Denied) else 404 if isinstance(error, NotFound) else 500
    return Response({"error": {"code": type(error).__name__, "message": str(error)}}, status_code=status)


@get("/health", sync_to_thread=False)
def _health() -> dict[str, bool]:
    return {"ok": True}


@websocket("/live/{camera:str}/{stream:str}")
async def _live(socket: WebSocket[object, object, State], camera: FromPath[str], stream: FromPath[StreamName]) -> None:
    """A text from the viewer is a new token, shown before the old one expires."""
    lan: Lan = socket.app.state.lan
    await socket.accept()
    try:
        viewing = Viewing(lan.allow(socket.query_params.get("token", ""), camera, stream, "live"))
    except Denied as error:
        await _say_no(socket, error)
        return
    lan.viewings.add(viewing)
    tasks = [
        asyncio.create_task(_send(socket, lan, camera, stream)),
        asyncio.create_task(_read(socket, lan, viewing)),
        asyncio.create_task(_expire(lan, viewing)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        lan.viewings.discard(viewing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        if isinstance(failure := task.exception(), Denied):
            await _say_no(socket, failure)


async def _say_no(socket: WebSocket[object, object, State], error: Denied) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        await socket.send_text(_json({"type": "error", "message": str(error)}).decode())
        await socket.close(4403)


async def _read(socket: WebSocket[object, object, State], lan: Lan, viewing: Viewing) -> None:
    """Until the viewer leaves: the socket must be read, or closing it hangs. Raises Denied for a token that is no good."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            token = await socket.receive_data("text")
            viewing.renew(lan.allow(str(token), viewing.grant.camera, viewing.grant.stream, "live"))


async def _expire(lan: Lan, viewing: Viewing) -> None:
    """Raises Denied when the token has expired and no other was shown, or the centre took it back."""
    while (left := viewing.grant.exp - lan.clock.now()) > 0:
        viewing.changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left / 1_000_000):
                await viewing.changed.wait()
    raise Denied(_OVER)


async def _send(socket: WebSocket[object, object, State], lan: Lan, camera: str, stream: StreamName) -> None:
    async with lan.live.watch(camera, stream) as listener:
        while True:
            message = await listener.next()
            if message.init:
                start = {"type": "start", "mime": message.mime, "width": message.width, "height": message.height}
                await socket.send_text(_json(start).decode())
            await socket.send_bytes(message.data)


@get("/playback/{camera:str}/{stream:str}")
async def _playback(
    request: Request[object, object, State],
    camera: FromPath[str],
    stream: FromPath[StreamName],
    start: FromQuery[int],
    end: FromQuery[int],
    token: FromQuery[str],
) -> Stream:
    """fMP4 over [start, end), microseconds since 1970 UTC."""
    lan: Lan = request.app.state.lan
    lan.allow(token, camera, stream, "playback")
    pieces = read(lan.root, ReadRequest(camera=camera, stream=stream, start=start, end=end, inbox=""))
    first = await asyncio.to_thread(next, pieces, None)
    if first is None:
        raise NotFound(f"nothing was recorded after {to_datetime(start):%Y-%m-%d %H:%M:%S} UTC in the time asked for")
    return Stream(_each(first, pieces), media_type="video/mp4", headers={"X-Khue-Mime": first.mime})


async def _each(first: Piece, pieces: Iterator[Piece]) -> AsyncIterator[bytes]:
    piece: Piece | None = first
    while piece is not None:
        yield piece.data
        piece = await asyncio.to_thread(next, pieces, None)
