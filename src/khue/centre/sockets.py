"""WebSockets: sign-in, reading while writing, and an end when the right ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
from litestar import WebSocket
from litestar.exceptions import LitestarException

from khue.centre.access.caller import find_caller
from khue.centre.access.gate import Decision
from khue.centre.access.rules import Action
from khue.centre.access.service import Caller
from khue.centre.access.watch import AccessWatch, Watched
from khue.centre.identity.sessions import Sessions
from khue.centre.problems import problem_of
from khue.model.errors import KhueError

_log = logging.getLogger(__name__)

Socket = WebSocket[Any, Any, Any]
_CLOSE_CODES = {400: 4400, 401: 4401, 403: 4403, 404: 4404, 429: 4429, 503: 4503}


async def serve(
    socket: Socket,
    sessions: Sessions,
    watch: AccessWatch,
    opened: tuple[Action, str],
    permit: Callable[[Caller], Awaitable[Decision]],
    send: Callable[[Watched], Coroutine[None, None, None]],
) -> None:
    """Run ``send`` for a caller whom ``permit`` let in, until it ends, the browser leaves or the right to it ends.

    ``opened`` is the action and the camera ("" for none) ``permit`` is about: it is awaited once, and they are watched from
    then on. A refusal is told as a text message and a close code of 4000 + HTTP status, because a browser shows nothing of
    a refused handshake.
    """
    try:
        caller = await find_caller(socket, sessions)
        decision = await permit(caller)
    except KhueError as error:
        await _refuse(socket, error)
        return
    with watch.watching(caller, *opened, decision) as watched:
        await socket.accept()
        tasks = [
            asyncio.create_task(send(watched), name="socket send"),
            asyncio.create_task(_read(socket), name="socket read"),
            asyncio.create_task(watched.ended(), name="socket right"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        failure = None if task.cancelled() else task.exception()
        if isinstance(failure, KhueError):
            await _say_and_close(socket, failure)
            return
        if failure is not None and not isinstance(failure, OSError | LitestarException):
            _log.error("a socket failed", exc_info=failure)
    with contextlib.suppress(LitestarException, RuntimeError, OSError):  # it may be closed already
        await socket.close()


async def _read(socket: Socket) -> None:
    """Until the browser leaves. What it sends means nothing to us, but a socket that is not read cannot close."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _refuse(socket: Socket, error: KhueError) -> None:
    await socket.accept()
    await _say_and_close(socket, error)


async def _say_and_close(socket: Socket, error: KhueError) -> None:
    status, problem = problem_of(error)
    text = {"type": "error", **msgspec.to_builtins(problem)}
    with contextlib.suppress(LitestarException, RuntimeError, OSError):
        await socket.send_text(msgspec.json.encode(text).decode())
        await socket.close(_CLOSE_CODES.get(status, 4500))
