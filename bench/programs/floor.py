"""The floors: receive from every camera and write the same bytes, nothing else. What is left above them is what an engine adds.

``a``: each socket is read when the kernel says so and its bytes go to a file per camera at once.
``b``: every 20 ms all sockets that have something are read into reused 512 KB buffers; a full buffer goes to the one file
with one O_DIRECT write.

Started as ``python -m bench.programs.floor a|b FOLDER`` with the cameras (JSON) on standard input. Prints one JSON line
when all play; ends on SIGTERM and leaves ``chunks.json`` (floor b: which part of the file is whose).
"""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import mmap
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path

from bench.programs.parent import die_with_parent
from khue.camera.session import PlayingSession, open_session
from khue.model.camera import Transport

PACE_S = 0.02
CHUNK = 512 * 1024
CONNECTS = 64
_PAGE = 4096


async def connect(cameras: list[list[str]]) -> list[PlayingSession]:
    """Sessions in the order of the cameras."""
    admission = asyncio.Semaphore(CONNECTS)

    async def one(url: str, username: str, password: str) -> PlayingSession:
        async with admission:
            return await open_session(url, username, password, transport=Transport.TCP)

    return await asyncio.gather(*(one(url, username, password) for _, url, username, password in cameras))


class Until:
    """True until SIGTERM."""

    def __init__(self) -> None:
        self.going = True
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self.going = False


class KeepAlive:
    """Sends what keeps sessions alive, a few times a minute."""

    def __init__(self, sessions: list[PlayingSession]) -> None:
        self._sessions = sessions
        self._every_s = min(session.keepalive_every_s for session in sessions)
        self._due = time.monotonic() + self._every_s

    def maybe(self, now: float) -> None:
        if now >= self._due:
            self._due = now + self._every_s
            for session in self._sessions:
                session.sock.send(session.keepalive())


def floor_a(sessions: list[PlayingSession], folder: Path, until: Until) -> None:
    poll, alive = select.epoll(), KeepAlive(sessions)
    buffer = memoryview(bytearray(1 << 20))
    by_fd = {}
    for number, session in enumerate(sessions):
        out = os.open(folder / f"{number}.rtp", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        os.write(out, session.pending)
        by_fd[session.sock.fileno()] = (session.sock.recv_into, out)
        poll.register(session.sock.fileno(), select.EPOLLIN)
    while until.going:
        for fd, _ in poll.poll(0.5):
            receive, out = by_fd[fd]
            count = receive(buffer)
            if count:
                os.write(out, buffer[:count])
            else:
                poll.unregister(fd)
        alive.maybe(time.monotonic())


def open_direct(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT
    try:
        return os.open(path, flags | os.O_DIRECT, 0o640)
    except OSError as error:
        if error.errno != errno.EINVAL:  # tmpfs has no O_DIRECT
            raise
        return os.open(path, flags, 0o640)


def floor_b(sessions: list[PlayingSession], folder: Path, until: Until) -> None:
    poll, alive = select.epoll(), KeepAlive(sessions)
    out, offset = open_direct(folder / "all.rtp"), 0
    chunks: list[tuple[int, int]] = []
    buffers, fills, by_fd = [], [], {}
    for number, session in enumerate(sessions):
        buffer = memoryview(mmap.mmap(-1, CHUNK))
        buffer[: len(session.pending)] = session.pending
        buffers.append(buffer)
        fills.append(len(session.pending))
        by_fd[session.sock.fileno()] = (number, session.sock.recv_into, buffer)
        poll.register(session.sock.fileno(), select.EPOLLIN)
    due = time.monotonic()
    while until.going:
        for fd, _ in poll.poll(0):
            number, receive, buffer = by_fd[fd]
            count = receive(buffer[fills[number] :])
            if not count:
                poll.unregister(fd)
            fill = fills[number] + count
            if fill == CHUNK:
                os.pwrite(out, buffer, offset)
                offset += CHUNK
                chunks.append((number, CHUNK))
                fill = 0
            fills[number] = fill
        now = time.monotonic()
        alive.maybe(now)
        due = max(due + PACE_S, now)
        time.sleep(due - now)
    for number, fill in enumerate(fills):
        padded = fill + -fill % _PAGE
        os.pwrite(out, buffers[number][:padded], offset)
        offset += padded
        chunks.append((number, fill))
    (folder / "chunks.json").write_text(json.dumps(chunks))


def main() -> None:
    die_with_parent()
    kind, folder = sys.argv[1], Path(sys.argv[2])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    until = Until()
    sessions = asyncio.run(connect(json.load(sys.stdin)))
    gc.freeze()
    print(json.dumps({"recording": len(sessions)}), flush=True)
    (floor_a if kind == "a" else floor_b)(sessions, folder, until)
    for session in sessions:
        session.close()


if __name__ == "__main__":
    main()
