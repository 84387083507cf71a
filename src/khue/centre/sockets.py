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
from khue.centre.access.service import Accounts, Caller
from khue.centre.problems import problem_of
from khue.model.errors import KhueError, Unavailable

_log = logging.getLogger(__name__)

Socket = WebSocket[Any, Any, Any]
_CHECK_S = 15.0
_CLOSE_CODES = {400: 4400, 401: 4401, 403: 4403, 404: 4404, 429: 4429, 503: 4503}


async def serve(
    socket: Socket,
    accounts: Accounts,
    permit: Callable[[Caller], Awaitable[None]],
    send: Callable[[Caller], Coroutine[None, None, None]],
) -> None:
    """Run ``send`` for a caller whom ``permit`` let in, until it ends, the browser leaves or the right to it ends.

    ``permit`` is awaited once; that the caller still is who it was, is looked at every 15 s. A refusal is told as a text
    message and a close code of 4000 + HTTP status, because a browser shows nothing of a refused handshake.
    """
    try:
        caller = await find_caller(socket, accounts)
        await permit(caller)
    except KhueError as error:
        await _refuse(socket, error)
        return
    await socket.accept()
    tasks = [
        asyncio.create_task(send(caller), name="socket send"),
        asyncio.create_task(_read(socket), name="socket read"),
        asyncio.create_task(_watch_right(socket, accounts, caller), name="socket right"),
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


async def _watch_right(socket: Socket, accounts: Accounts, caller: Caller) -> None:
    """Raises when the caller was signed out, disabled, its token revoked, or what it may see was changed."""
    while True:
        await asyncio.sleep(_CHECK_S)
        try:
            now = await find_caller(socket, accounts)
        except Unavailable:
            continue  # the database is away; that is no reason to end a picture that was allowed
        if now.account != caller.account:
            raise Unavailable("your account was changed; connect again")


async def _refuse(socket: Socket, error: KhueError) -> None:
    await socket.accept()
    await _say_and_close(socket, error)


async def _say_and_close(socket: Socket, error: KhueError) -> None:
    status, problem = problem_of(error)
    text = {"type": "error", "code": problem.code, "message": problem.message, "remedy": problem.remedy}
    with contextlib.suppress(LitestarException, RuntimeError, OSError):
        await socket.send_text(msgspec.json.encode(text).decode())
        await socket.close(_CLOSE_CODES.get(status, 4500))
