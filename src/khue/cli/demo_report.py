"""What the demo measures: pictures sent and recorded, gaps by cause, live delay, cost."""

from __future__ import annotations

import contextlib
import queue
import ssl
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import httpx
import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from khue.model.camera import StreamName
from khue.model.errors import MediaError
from khue.model.time import Micros
from khue.sim.accounting import Accounting, account
from khue.sim.barcode import read_frame_number
from khue.sim.ledger import SentSession
from khue.video.index import Index
from khue.video.reading import LogReader

FOREVER = 2**62


class City:
    """The simulated city's control interface."""

    def __init__(self, control: str, cards: list[dict[str, Any]]) -> None:
        self.control = control
        self.cards = cards

    def sent(self, camera: str, stream: str) -> list[SentSession]:
        """What that camera really sent; empty when it has no such stream."""
        answer = httpx.get(f"{self.control}/sent", params={"camera": camera, "stream": stream}, timeout=60)
        if answer.status_code != 200:
            return []
        return msgspec.json.decode(answer.content, type=dict[str, list[SentSession]])["sessions"]


class Load:
    """CPU and memory of the nodes between two looks."""

    def __init__(self, nodes: list[dict[str, Any]]) -> None:
        self._cpu = sum(node["cpu_seconds"] for node in nodes)
        self._since = time.monotonic()

    def until(self, nodes: list[dict[str, Any]], cameras: int) -> dict[str, float]:
        seconds = max(time.monotonic() - self._since, 0.001)
        cpu = sum(node["cpu_seconds"] for node in nodes) - self._cpu
        rss = sum(node["rss_bytes"] for node in nodes)
        return {
            "cpu_ms_per_camera_second": round(cpu * 1000 / seconds / cameras, 3),
            "rss_mb_per_camera": round(rss / 1e6 / cameras, 2),
        }


class _Pipe:
    """A file that a decoder reads while the socket still writes it."""

    def __init__(self) -> None:
        self._chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._rest = b""

    def write(self, data: bytes) -> None:
        self._chunks.put(data)

    def read(self, size: int) -> bytes:
        if not self._rest:
            self._rest = self._chunks.get()
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


class DelayMeter:
    """Watches one live stream as a browser would and reads the number in every picture: camera to screen, less the screen."""

    def __init__(self, url: str, token: str, camera: str, ca: str = "") -> None:
        self.camera = camera
        self._tls = ssl.create_default_context(cafile=ca) if ca else None
        self._url = f"{url.replace('http', 'ws', 1)}/api/v1/cameras/{camera}/live?stream=sub"
        self._token = token
        self._pipe = _Pipe()
        self._arrived: dict[int, int] = {}  # decode time -> arrival, µs
        self._numbers: list[tuple[int, int]] = []  # frame number, arrival
        self._socket: ClientConnection | None = None
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._receive, self._decode)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        if self._socket:
            self._socket.close()
        self._pipe.write(b"")
        for thread in self._threads:
            thread.join(5)

    def _receive(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with contextlib.suppress(ConnectionClosed, OSError):
            self._socket = connect(self._url, additional_headers=headers, max_size=None, ssl=self._tls)
            for message in self._socket:
                if isinstance(message, bytes):
                    now = time.time_ns() // 1000
                    if message[4:8] == b"moof":  # one picture; the first message is a whole group and older
                        at = message.index(b"tfdt")
                        self._arrived[int.from_bytes(message[at + 8 : at + 16], "big")] = now
                    self._pipe.write(message)

    def _decode(self) -> None:
        try:
            with av.open(self._pipe, mode="r", format="mp4", options={"fflags": "nobuffer"}) as container:
                for frame in container.decode(video=0):
                    arrived = self._arrived.pop(frame.pts or 0, None)
                    if arrived is not None:
                        with contextlib.suppress(MediaError):
                            number = read_frame_number(frame.to_ndarray(format="gray"))
                            self._numbers.append((number, arrived))
        except av.FFmpegError:
            return  # the socket was closed in the middle of a picture

    def delays(self, sessions: Sequence[SentSession]) -> list[float]:
        """Milliseconds from the moment the camera had sent a picture to its arrival here."""
        walls: dict[int, list[int]] = {}
        for session in sessions:
            for number, wall in zip(session.numbers, session.wall, strict=True):
                walls.setdefault(number, []).append(wall)
        found = []
        for number, arrived in self._numbers:
            before = [wall for wall in walls.get(number, ()) if wall <= arrived]
            if before:
                found.append((arrived - max(before)) / 1000)
        return found


def account_all(
    folders: Sequence[Path], sent: dict[str, dict[str, list[SentSession]]], until: Micros
) -> dict[str, int]:
    """Every picture every camera sent before ``until`` against everything the nodes recorded."""
    accounts = [
        _account(folders, camera, StreamName(stream), sessions, until)
        for camera, streams in sent.items()
        for stream, sessions in streams.items()
        if sessions
    ]
    with_row = sum(one.frames_lost_with_row for one in accounts)
    without_row = sum(one.frames_lost_without_row for one in accounts)
    return {
        "frames_sent": sum(one.frames_sent for one in accounts),
        "frames_recorded": sum(one.frames_recorded for one in accounts),
        "frames_lost": with_row + without_row,
        "frames_lost_without_gap": without_row,
    }


def _account(
    folders: Sequence[Path], camera: str, stream: StreamName, sessions: list[SentSession], until: Micros
) -> Accounting:
    blocks, gaps = [], []
    for folder in folders:
        index = Index(folder / "index.sqlite")
        reader = LogReader(folder, index)
        number = index.find_stream(camera, stream)
        if number is not None:
            blocks += [reader.read(row) for row in index.blocks(number, 0, FOREVER)]
            gaps += index.coverage(number, 0, FOREVER)[1]
        reader.close()
        index.close()
    return account(sessions, blocks, gaps, until=until)


def total_gaps(folders: Sequence[Path]) -> dict[str, float]:
    """Seconds of main streams that were not recorded, by cause."""
    now = time.time_ns() // 1000
    totals: dict[str, float] = {}
    for folder in folders:
        index = Index(folder / "index.sqlite")
        for row in index.streams():
            if row.name is StreamName.MAIN:
                for gap in index.coverage(row.id, 0, FOREVER)[1]:
                    if not gap.partial:
                        seconds = ((gap.end or now) - gap.start) / 1_000_000
                        totals[gap.cause.value] = round(totals.get(gap.cause.value, 0.0) + seconds, 1)
        index.close()
    return totals
