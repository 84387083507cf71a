"""The news WebSocket."""

from __future__ import annotations

import msgspec
from litestar import websocket
from litestar.di import NamedDependency

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Accounts, Caller
from khue.centre.events.board import Board
from khue.centre.sockets import Socket, serve

_json = msgspec.json.Encoder()


@websocket("/api/v1/events")
async def events(
    socket: Socket, accounts: NamedDependency[Accounts], access: NamedDependency[Access], board: NamedDependency[Board]
) -> None:
    """Text: status, node, camera, and resync when news were lost and the lists must be asked for again."""

    async def permit(caller: Caller) -> None:
        await access.permit(caller, Action.CAMERA_READ)

    async def send(caller: Caller) -> None:
        watcher = board.watch()
        try:
            while True:
                for news in await board.seen_by(caller.account, await watcher.next()):
                    await socket.send_text(_json.encode(news).decode())
        finally:
            board.leave(watcher)

    await serve(socket, accounts, permit, send)
