"""The live WebSocket, and the token for viewing at the node itself."""

from __future__ import annotations

import datetime as dt

import msgspec
from litestar import get, websocket
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Accounts, Caller
from khue.centre.fleet.service import Fleet
from khue.centre.live.hub import Hub
from khue.centre.live.lan import LanTokens
from khue.centre.sockets import Socket, serve
from khue.model.camera import StreamName


class LanOut(msgspec.Struct):
    """``url`` is the node's own server; ``token`` opens this stream there until ``expires``."""

    url: str
    token: str
    expires: dt.datetime


@websocket("/api/v1/cameras/{camera:str}/live")
async def live(
    socket: Socket,
    camera: FromPath[str],
    accounts: NamedDependency[Accounts],
    access: NamedDependency[Access],
    hub: NamedDependency[Hub],
    stream: FromQuery[StreamName] = StreamName.MAIN,
) -> None:
    """Text: start, state, error. Binary: fMP4, an initialisation with its group of pictures or one picture."""

    async def permit(caller: Caller) -> None:
        await access.permit(caller, Action.LIVE, camera=camera, stream=stream)

    async def send(caller: Caller) -> None:
        viewer = hub.watch(camera, stream)
        try:
            while (message := await viewer.next()) is not None:
                if isinstance(message, str):
                    await socket.send_text(message)
                else:
                    await socket.send_bytes(message)
        finally:
            await hub.leave(camera, stream, viewer)

    await serve(socket, accounts, permit, send)


@get("/api/v1/cameras/{camera:str}/lan", summary="A token for viewing at the node", tags=["live"])
async def lan(
    camera: FromPath[str],
    caller: NamedDependency[Caller],
    access: NamedDependency[Access],
    fleet: NamedDependency[Fleet],
    lan_tokens: NamedDependency[LanTokens],
    stream: FromQuery[StreamName] = StreamName.MAIN,
) -> LanOut:
    """404 when the node is not heard of or has no address of its own."""
    await access.permit(caller, Action.LIVE, camera=camera, stream=stream, detail="at the node")
    url = await fleet.nodes.lan_url(camera)
    token, expires = lan_tokens.make(camera, stream, caller.account.username)
    return LanOut(url, token, expires)
