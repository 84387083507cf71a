"""The news WebSocket."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
from litestar import websocket
from litestar.di import NamedDependency

from khue.centre.access.gate import Decision
from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.access.watch import AccessWatch, Watched
from khue.centre.events.board import Board, Resync, Watcher
from khue.centre.identity.sessions import Sessions
from khue.centre.sockets import Socket, serve
from khue.model.errors import Unavailable

_json = msgspec.json.Encoder()
_SPARE_S = 1.0  # between two looks at what an account sees


@websocket("/api/v1/events")
async def events(
    socket: Socket,
    sessions: NamedDependency[Sessions],
    watch: NamedDependency[AccessWatch],
    access: NamedDependency[Access],
    board: NamedDependency[Board],
) -> None:
    """Text: status, node, camera, and resync when lists must be asked for again: news were lost, or one sees other cameras now."""

    async def permit(caller: Caller) -> Decision:
        return await access.permit(caller, Action.CAMERA_READ)

    async def send(watched: Watched) -> None:
        watcher = board.watch()
        account = watched.caller.account
        following = asyncio.create_task(_follow(board, watcher, watched), name="sight")
        try:
            while True:
                for news in await board.seen_by(account, await watcher.next()):
                    await socket.send_text(_json.encode(news).decode())
        finally:
            following.cancel()
            board.leave(watcher)

    await serve(socket, sessions, watch, (Action.CAMERA_READ, ""), permit, send)


async def _follow(board: Board, watcher: Watcher, watched: Watched) -> None:
    """Have the lists asked for again when the account sees other cameras than before."""
    account, before = watched.caller.account, b""
    while True:
        with contextlib.suppress(Unavailable):
            now = await board.sight(account)
            if before and now != before:
                watcher.put(Resync())
            before = now
        await asyncio.sleep(_SPARE_S)
        await watched.moved()
