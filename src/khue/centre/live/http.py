"""The live WebSocket, and the token for viewing at the node itself."""

from __future__ import annotations

import datetime as dt

import msgspec
from litestar import get, websocket
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from khue.centre.access.gate import Decision
from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.access.watch import AccessWatch, Watched
from khue.centre.fleet.service import Fleet
from khue.centre.identity.sessions import Sessions
from khue.centre.live.hub import Hub
from khue.centre.live.lan import LanTokens, LanViewings
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
    sessions: NamedDependency[Sessions],
    watch: NamedDependency[AccessWatch],
    access: NamedDependency[Access],
    hub: NamedDependency[Hub],
    stream: FromQuery[StreamName] = StreamName.MAIN,
) -> None:
    """Text: start, state, error. Binary: fMP4, an initialisation with its group of pictures or one picture."""

    async def permit(caller: Caller) -> Decision:
        return await access.permit(caller, Action.LIVE, camera=camera, stream=stream)

    async def send(_: Watched) -> None:
        viewer = hub.watch(camera, stream)
        try:
            while (message := await viewer.next()) is not None:
                if isinstance(message, str):
                    await socket.send_text(message)
                else:
                    await socket.send_bytes(message)
        finally:
            await hub.leave(camera, stream, viewer)

    await serve(socket, sessions, watch, (Action.LIVE, camera), permit, send)


@get("/api/v1/cameras/{camera:str}/lan", summary="A token for viewing at the node", tags=["live"])
async def lan(
    camera: FromPath[str],
    caller: NamedDependency[Caller],
    access: NamedDependency[Access],
    fleet: NamedDependency[Fleet],
    lan_tokens: NamedDependency[LanTokens],
    lan_viewings: NamedDependency[LanViewings],
    stream: FromQuery[StreamName] = StreamName.MAIN,
) -> LanOut:
    """404 when the node is not heard of or has no address of its own. A viewer sends the node a new one before it expires."""
    decision = await access.permit(caller, Action.LIVE, camera=camera, stream=stream, detail="at the node")
    node, url = await fleet.nodes.lan_url(camera)
    made = lan_tokens.make(camera, stream, caller.account.username)
    lan_viewings.add(caller, camera, decision, node, made.id)
    return LanOut(url, made.token, made.expires)
