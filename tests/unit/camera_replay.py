"""A camera that answers from a file of replies (see camera_replies/README.md) and remembers what it was asked."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

REPLIES = Path(__file__).parent / "camera_replies"


@dataclasses.dataclass
class Reply:
    """One reply; ``head`` and ``body`` with places to fill in and plain line ends."""

    method: str
    head: str
    body: str
    newline: str

    def render(self, **values: str) -> bytes:
        body = self.body.replace("\n", self.newline).encode()
        head = self.head
        for name, value in {"length": str(len(body)), **values}.items():
            head = head.replace("{" + name + "}", value)
        _, early, head = head.rpartition("{early}")
        return (EARLY_FRAME if early else b"") + head.replace("\n", self.newline).encode() + body


EARLY_FRAME = b"$\x00\x00\x10" + b"\x80\x60" + bytes(14)


def load(name: str) -> list[Reply]:
    text = (REPLIES / f"{name}.txt").read_text()
    newline = "\n" if text.startswith("# line ends: LF") else "\r\n"
    return parse(text, newline)


def parse(text: str, newline: str = "\r\n") -> list[Reply]:
    replies = []
    for part in re.split(r"^>>> ", text, flags=re.MULTILINE)[1:]:
        method, _, rest = part.partition("\n")
        head, blank, body = rest.partition("\n\n")
        replies.append(Reply(method.strip(), head + blank, body.rstrip("\n") + "\n" if body.strip() else "", newline))
    return replies


class ReplayCamera:
    """Serves ``replies`` on an ephemeral loopback port; ``requests`` are the texts of all requests received."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = list(replies)
        self._last: dict[str, Reply] = {}
        self.requests: list[str] = []
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> ReplayCamera:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    def methods(self) -> list[str]:
        return [request.split()[0] for request in self.requests]

    def urls(self, method: str) -> list[str]:
        return [request.split()[1] for request in self.requests if request.startswith(method + " ")]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.requests.append(request)
                reply = self._next(request.split()[0])
                if reply is None:
                    break
                writer.write(reply.render(**_values(request)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _next(self, method: str) -> Reply | None:
        for index, reply in enumerate(self._replies):
            if reply.method == method:
                self._last[method] = self._replies.pop(index)
                break
        return self._last.get(method)


def _values(request: str) -> dict[str, str]:
    cseq = re.search(r"^CSeq: (\d+)", request, re.MULTILINE)
    ports = re.search(r"client_port=(\d+-\d+)", request)
    return {
        "cseq": cseq.group(1) if cseq else "0",
        "client_port": ports.group(1) if ports else "",
        "server_port": "6970-6971",
    }
