"""A very small HTTP/1.1 responder (RFC 9112) for camera services and for the simulator's own control."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

_BODY_LIMIT = 1 << 20
_IDLE_S = 60.0
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    413: "Content Too Large", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


class HttpRequest(NamedTuple):
    """``headers`` have lower-case names; ``query`` keeps the last of repeated keys."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class HttpReply(NamedTuple):
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[HttpRequest], Awaitable[HttpReply]]


class HttpServer:
    """Serves one handler on one ephemeral port; connections are kept alive."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def start(self, host: str, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, host, port, limit=64 << 10)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (request := await _next(reader)) is not None:
                reply = await self._handler(request)
                keep = request.headers.get("connection", "").lower() != "close"
                writer.write(_head(reply, keep=keep) + (b"" if request.method == "HEAD" else reply.body))
                await writer.drain()
                if not keep:
                    break
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError):
            pass  # the client went away or spoke no HTTP: nobody is left to tell
        finally:
            self._writers.discard(writer)
            writer.close()


async def _next(reader: asyncio.StreamReader) -> HttpRequest | None:
    async with asyncio.timeout(_IDLE_S):
        return await _read(reader)


async def _read(reader: asyncio.StreamReader) -> HttpRequest | None:
    """One request, or None at the end of the connection. Raises ValueError for what is no HTTP."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, url, _version = lines[0].split(" ", 2)
    pairs = (line.partition(":") for line in lines[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    size = int(headers.get("content-length", "0"))
    if not 0 <= size <= _BODY_LIMIT:
        raise ValueError("body too large")
    body = await _read_chunks(reader) if "transfer-encoding" in headers else await reader.readexactly(size)
    parts = urlsplit(url)
    return HttpRequest(method.upper(), unquote(parts.path), dict(parse_qsl(parts.query)), headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        if len(body) + size > _BODY_LIMIT:
            raise ValueError("body too large")
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


def _head(reply: HttpReply, *, keep: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {_REASONS[reply.status]}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        f"Connection: {'keep-alive' if keep else 'close'}",
        *(f"{name}: {value}" for name, value in reply.headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
