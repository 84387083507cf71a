"""How a session's bytes reach the kernel: an interleaved TCP (or TLS) connection, or pairs of UDP sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable

from khue.model.errors import CameraUnreachable
from khue.sim.broadcast import Tick

Done = Callable[[Tick], None]
QUEUE_LIMIT = 4 << 20  # bytes a connection may lag behind before it is dropped
PIECE = 1400  # bytes a slow link takes at a time
_TRICKLE_S = 0.05


class Outbox:
    """Bytes for one non-blocking stream socket, in order; what the kernel does not take now waits here.

    ``rate`` (bytes per second, 0 for none) makes the link slow. ``failed`` is called once when the socket breaks, with
    True when the peer was too slow.
    """

    def __init__(self, sock: socket.socket, failed: Callable[[bool], None]) -> None:
        self.sock = sock
        self.rate = 0.0
        self.waiting = 0
        self._failed = failed
        self._queue: deque[tuple[bytes | memoryview, Done | None, Tick | None]] = deque()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._budget = 0.0
        self._watching = False
        self._closed = False

    def push(self, data: bytes, done: Done | None = None, tick: Tick | None = None) -> None:
        """Send or queue; ``done(tick)`` is called when the kernel has taken the last byte, perhaps before this returns."""
        if self._closed:
            return
        if self._queue or self.rate:
            self._wait(data, done, tick)
            return
        taken = self._send(data)
        if taken == len(data):
            if done is not None and tick is not None:
                done(tick)
        elif not self._closed:
            self._wait(memoryview(data)[taken:], done, tick)

    def _wait(self, data: bytes | memoryview, done: Done | None, tick: Tick | None) -> None:
        self.waiting += len(data)
        if self.waiting > QUEUE_LIMIT:
            self._fail(slow=True)
            return
        if self.rate:
            view = memoryview(data)
            while len(view) > PIECE:
                self._queue.append((view[:PIECE], None, None))
                view = view[PIECE:]
            data = view
        self._queue.append((data, done, tick))
        self._resume()

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self.sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        except OSError:
            self._fail(slow=False)
            return 0

    def _fail(self, *, slow: bool) -> None:
        if not self._closed:
            self.close()
            self._failed(slow)

    def _resume(self) -> None:
        if self.rate:
            if self._timer is None:
                self._timer = self._loop.call_later(_TRICKLE_S, self._trickle)
        elif not self._watching:
            self._watching = True
            self._loop.add_writer(self.sock, self._drain)

    def _take(self) -> int:
        """Send of the first chunk what goes; how many bytes went. A chunk is tried again whole: TLS insists on that."""
        data, done, tick = self._queue[0]
        taken = self._send(data)
        if self._closed:
            return 0
        self.waiting -= taken
        if taken < len(data):
            self._queue[0] = (memoryview(data)[taken:], done, tick)
            return taken
        self._queue.popleft()
        if done is not None and tick is not None:
            done(tick)
        return taken

    def _drain(self) -> None:
        while self._queue and not self._closed:
            if not self._take():
                return
        self._unwatch()

    def _trickle(self) -> None:
        self._timer = None
        self._budget = min(self._budget, 0.0) + (self.rate * _TRICKLE_S if self.rate else QUEUE_LIMIT)
        while self._queue and self._budget > 0 and not self._closed:
            taken = self._take()
            if not taken:
                break
            self._budget -= taken
        if self._queue and not self._closed:
            self._resume()

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            self._loop.remove_writer(self.sock)

    def close(self) -> None:
        """Forget what waits; the socket itself belongs to the connection."""
        self._closed = True
        self._unwatch()
        self._queue.clear()
        self.waiting = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class UdpPair:
    """A track's RTP and RTCP sockets, connected to the receiver. ``heard`` is called when RTCP comes in."""

    def __init__(self, host: str, peer: str, ports: tuple[int, int], heard: Callable[[], None]) -> None:
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self.rtp, self.rtcp = _even_pair(host)
        try:
            self.rtp.connect((peer, ports[0]))
            self.rtcp.connect((peer, ports[1]))
        except OSError as error:
            self.rtp.close()
            self.rtcp.close()
            raise CameraUnreachable(f"no way to UDP {peer} ports {ports[0]}-{ports[1]}: {error.strerror}") from error
        self._loop.add_reader(self.rtcp, self._read)

    @property
    def ports(self) -> tuple[int, int]:
        return self.rtp.getsockname()[1], self.rtcp.getsockname()[1]

    def _read(self) -> None:
        try:
            while self.rtcp.recv(2048):
                self._heard()
        except OSError:
            return  # nothing more, or the receiver's port is closed: UDP does not care

    def send(self, packet: bytes, *, control: bool = False) -> bool:
        """True when the kernel took it."""
        try:
            (self.rtcp if control else self.rtp).send(packet)
        except ConnectionRefusedError:
            return True  # an ICMP answer to an earlier packet; this one was sent or will be refused likewise
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._loop.remove_reader(self.rtcp)
        self.rtp.close()
        self.rtcp.close()


def _even_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Sockets on an even port and the next one (RFC 3550 §11)."""
    for _ in range(200):
        first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        first.setblocking(False)
        first.bind((host, 0))
        port = first.getsockname()[1]
        if port % 2 == 0:
            second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            second.setblocking(False)
            try:
                second.bind((host, port + 1))
            except OSError:
                second.close()
            else:
                return first, second
        first.close()
    raise CameraUnreachable("no free pair of UDP ports on this machine")
