"""Reading a playing session in tests, and GStreamer's RTSP server as a process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from khue.camera.interleaved import Kind, split
from khue.camera.rtp import SequenceCounter, parse_rtp
from khue.camera.session import PlayingSession
from khue.camera.stream import Stream

SERVER = Path(__file__).parent / "gst_rtsp_server.py"
PYTHON = "/usr/bin/python3"
USER, PASSWORD = "camera", "s3cret pass"


@contextmanager
def gstreamer(*arguments: str) -> Iterator[int]:
    """The port of a running server; the test is skipped where Debian's GStreamer server is not installed."""
    if not Path(PYTHON).exists():
        pytest.skip("no Debian Python")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    process = subprocess.Popen(
        [PYTHON, str(SERVER), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        line = process.stdout.readline()
        if not line:
            why = process.stderr.read().strip().splitlines()[-1:]
            pytest.skip(f"GStreamer's RTSP server does not run here: {why}")
        yield int(line)
    finally:
        process.stdin.close()
        process.wait(15)
        process.stdout.close()
        process.stderr.close()


class Received:
    """What came: RTP packets per channel with their sequence accounting, frames (RTP marker) and RTSP replies."""

    def __init__(self) -> None:
        self.packets: Counter[int] = Counter()
        self.frames: Counter[int] = Counter()
        self.sequences: dict[int, SequenceCounter] = {}
        self.replies: list[bytes] = []
        self.garbage = 0

    def take(self, data: bytes | bytearray, channel: int, offset: int, length: int) -> None:
        self.packets[channel] += 1
        if channel % 2 == 0 and (packet := parse_rtp(data, offset, length)) is not None:
            self.frames[channel] += packet.marker
            self.sequences.setdefault(channel, SequenceCounter()).push(packet.sequence)


async def receive(session: PlayingSession, *, frames: int = 20, replies: int = 0, seconds: float = 20.0) -> Received:
    """Read until that many video frames and replies came; fails after ``seconds``."""
    received = Received()
    video = session.tracks[0].channel
    readers = [read_udp(session, received)] if session.udp else []
    tasks = [asyncio.create_task(reader) for reader in (*readers, read_control(session, received))]
    deadline = time.monotonic() + seconds
    try:
        while received.frames[video] < frames or len(received.replies) < replies:
            for task in tasks:
                if task.done():
                    task.result()
            assert time.monotonic() < deadline, f"only {received.frames} frames, {len(received.replies)} replies"
            await asyncio.sleep(0.02)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return received


async def read_control(session: PlayingSession, received: Received) -> None:
    stream = Stream(session.sock, "test")
    buffer = bytearray(session.pending)
    channels = frozenset(c for track in session.tracks for c in (track.channel, track.channel + 1))
    while True:
        end = 0
        for piece in split(buffer, channels=channels):
            end = piece.end
            if piece.kind is Kind.FRAME:
                received.take(buffer, piece.channel, piece.start + 4, piece.end - piece.start - 4)
            elif piece.kind is Kind.MESSAGE:
                received.replies.append(bytes(buffer[piece.start : piece.end]))
                session.on_reply(received.replies[-1])
            else:
                received.garbage += piece.end - piece.start
        del buffer[:end]
        buffer += await stream.read()


async def read_udp(session: PlayingSession, received: Received) -> None:
    async def read(channel: int, stream: Stream) -> None:
        while True:
            data = await stream.read()
            received.take(data, channel, 0, len(data))

    await asyncio.gather(*(read(pair.channel, Stream(pair.rtp, "test")) for pair in session.udp))
