"""The node's own small server for viewers on its LAN: live over WebSocket, playback over HTTP, with a token from the centre."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
from litestar import Litestar, Request, Response, WebSocket, get, websocket
from litestar.datastructures import State
from litestar.exceptions import WebSocketDisconnect
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from khue.model.camera import StreamName
from khue.model.errors import Denied, KhueError, NotFound
from khue.model.time import Clock, to_datetime
from khue.node.live import Live
from khue.node.playback import Piece, read
from khue.wire.link import ReadRequest
from khue.wire.token import verify

_json = msgspec.json.Encoder().encode


class Lan:
    """What the handlers need."""

    def __init__(self, root: Path, live: Live, clock: Clock, key: Callable[[], bytes]) -> None:
        self.root = root
        self.live = live
        self.clock = clock
        self._key = key

    def allow(self, token: str, camera: str, stream: StreamName, action: str) -> None:
        """Raises Denied unless the centre signed exactly this, and not too long ago."""
        grant = verify(token, self._key(), self.clock.now())
        if grant.camera != camera or grant.stream != stream or action not in grant.actions:
            raise Denied("this viewing token is for something else; ask the centre for one that covers this")


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
    lan: Lan = socket.app.state.lan
    try:
        lan.allow(socket.query_params.get("token", ""), camera, stream, "live")
    except Denied as error:
        await socket.accept()
        await socket.send_text(_json({"type": "error", "message": str(error)}).decode())
        await socket.close(4403)
        return
    await socket.accept()
    sender = asyncio.create_task(_send(socket, lan, camera, stream))
    with contextlib.suppress(WebSocketDisconnect):
        while True:  # the socket must be read, or closing it hangs
            await socket.receive_data("text")
    sender.cancel()
    await asyncio.gather(sender, return_exceptions=True)


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
