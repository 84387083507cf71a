"""A paced loop over every socket of a worker: take what has come, soon where somebody watches, else at leisure.

Cameras send packet by packet; answering each one as it comes costs twice as much as reading at a pace (design/01). A
stream that is watched, or that comes over UDP, where nobody waits for us, is read in every turn; the others share the
turns between them. The pump lives in the worker's event loop but not in its selector: it asks its own without waiting.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import select
from collections.abc import Callable

from khue.model.clock import STEP
from khue.model.coverage import GapCause
from khue.model.errors import CameraError, CameraProtocolError, CameraStalled
from khue.model.time import Clock, Micros
from khue.node.receiver import SLOW_TURN, TURN, Receiver

PACE_S = TURN / 1_000_000
LANES = SLOW_TURN // TURN  # a stream nobody watches is read in one turn of so many
SWEEP_EVERY = 12  # turns between looks at the streams that are silent
STALL: Micros = 4_000_000

Ended = Callable[[CameraError], None]
_Read = Callable[[Micros], None]
_log = logging.getLogger(__name__)


class _Reading:
    """How one session is read."""

    def __init__(self, ended: Ended, lane: select.epoll) -> None:
        self.ended = ended
        self.lane = lane
        self.poll = lane
        self.fds: list[int] = []


class Pump:
    """Owns the sockets of playing sessions. Runs in one thread, with the event loop."""

    def __init__(self, clock: Clock, *, pace_s: float = PACE_S, stall: Micros = STALL) -> None:
        self._clock = clock
        self._pace_s = pace_s
        self._stall = stall
        self._quick = select.epoll()
        self._lanes = [select.epoll() for _ in range(LANES)]
        self._next_lane = itertools.cycle(self._lanes)
        self._reads: dict[int, tuple[Receiver, _Read]] = {}
        self._receivers: dict[Receiver, _Reading] = {}
        self._now, self._elapsed = clock.now(), clock.monotonic()
        self._turn = 0
        self._task: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begin to turn, in the running event loop."""
        self._due = asyncio.get_running_loop().time()
        self._schedule()

    def stop(self) -> None:
        if self._task:
            self._task.cancel()
        for poll in (self._quick, *self._lanes):
            poll.close()

    def add(self, receiver: Receiver, ended: Ended) -> None:
        """Read this session from now on; ``ended`` is called once, when it is over."""
        receiver.turn = TURN if receiver.session.udp else SLOW_TURN
        self._receivers[receiver] = _Reading(ended, self._quick if receiver.session.udp else next(self._next_lane))
        self._watch(receiver, receiver.session.sock.fileno(), receiver.readable)
        for pair in receiver.session.udp:
            for sock, channel in ((pair.rtp, pair.channel), (pair.rtcp, pair.channel + 1)):
                read = functools.partial(receiver.datagrams, sock, channel)
                self._watch(receiver, sock.fileno(), read)
        self._do(receiver, receiver.begin, self._clock.now())

    def remove(self, receiver: Receiver) -> None:
        """Read what has come, then stop; whole frames go into the log."""
        reading = self._receivers.get(receiver)
        for fd in reading.fds if reading else ():
            self._do(*self._reads[fd], self._clock.now())
            if receiver not in self._receivers:
                return  # its session ended by itself with what was read
        self._forget(receiver)

    def hurry(self, receiver: Receiver, quick: bool) -> bool:
        """Read it in every turn while somebody watches, and once now. False when the session is over."""
        reading = self._receivers.get(receiver)
        if reading is None:
            return False
        poll = self._quick if quick else reading.lane
        if poll is not reading.poll:
            for fd in reading.fds:
                reading.poll.unregister(fd)
                poll.register(fd, select.EPOLLIN)
            reading.poll = poll
            for fd in reading.fds:
                self._do(*self._reads[fd], self._clock.now())
                if receiver not in self._receivers:
                    return False
            if not receiver.session.udp:
                receiver.turn = TURN if quick else SLOW_TURN
        return True

    def _forget(self, receiver: Receiver) -> None:
        known = self._receivers.pop(receiver, None)
        if known is None:
            return
        for fd in known.fds:
            self._reads.pop(fd, None)
            try:
                known.poll.unregister(fd)
            except OSError:
                continue  # closed by the other side's error: the kernel has forgotten it already
        receiver.finish(self._clock.now())

    def _watch(self, receiver: Receiver, fd: int, read: _Read) -> None:
        reading = self._receivers[receiver]
        reading.poll.register(fd, select.EPOLLIN)
        self._reads[fd] = (receiver, read)
        reading.fds.append(fd)

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = max(self._due + self._pace_s, loop.time())
        self._task = loop.call_at(self._due, self._turn_once)

    def _turn_once(self) -> None:
        try:
            now = self._tell_time()
            reads = self._reads
            for fd, _ in (*self._quick.poll(0), *self._lanes[self._turn % LANES].poll(0)):
                known = reads.get(fd)  # gone when an earlier socket of this turn ended the session
                if known is not None:
                    self._do(known[0], known[1], now)
            self._turn += 1
            if self._turn % SWEEP_EVERY == 0:
                self._sweep(now)
        finally:
            self._schedule()

    def _tell_time(self) -> Micros:
        """The clock's time. A step of the clock is nobody's silence: every stream begins anew behind it."""
        now, elapsed = self._clock.now(), self._clock.monotonic()
        step = now - self._now - int((elapsed - self._elapsed) * 1_000_000)
        if step > STEP:
            for receiver in list(self._receivers):
                self._do(receiver, functools.partial(receiver.stepped, step), now)
        self._now, self._elapsed = now, elapsed
        return now

    def _do(self, receiver: Receiver, work: _Read, now: Micros) -> None:
        """One camera's turn. Whatever goes wrong in it ends that session and touches no other camera."""
        try:
            work(now)
        except CameraError as error:
            self._end(receiver, error)
        except Exception as error:  # noqa: BLE001 - a fault in our own code, perhaps provoked; all other cameras hang on this loop
            _log.exception("receiving failed")
            self._end(
                receiver,
                CameraProtocolError(
                    f"the recorder failed on what this camera sent ({type(error).__name__}); report it with the node's log",
                    cause=GapCause.NODE,
                ),
            )

    def _sweep(self, now: Micros) -> None:
        for receiver in list(self._receivers):
            self._do(receiver, receiver.tick, now)
            silent = now - receiver.last_picture
            if silent > self._stall and receiver in self._receivers:
                seconds = silent / 1_000_000
                self._end(
                    receiver,
                    CameraStalled(f"connected, but no picture has come for {seconds:.0f} s; restart the camera"),
                )

    def _end(self, receiver: Receiver, error: CameraError) -> None:
        ended = self._receivers[receiver].ended
        try:
            self._forget(receiver)
        finally:
            ended(error)
