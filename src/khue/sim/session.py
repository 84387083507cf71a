"""One PLAY session: takes the ticks of a broadcast, adds this camera's troubles, hands the rest to a carrier."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable

from khue.sim import disturb, packets
from khue.sim.broadcast import VIDEO_CLOCK, Broadcast, Layout, Tick, VideoLoop, frame_packets
from khue.sim.camera import SimCamera
from khue.sim.carrier import Outbox, UdpPair
from khue.sim.faults import Troubles
from khue.sim.ledger import Ledger

_LEDGERS = 500  # PLAY sessions remembered per stream
_REPORT_S = 5.0
_SLOW_BACKLOG_S = 1.0  # a camera on a slow link skips pictures once this much waits


class Airing:
    """What a session needs to know of its camera and stream; the camera's server keeps it up to date."""

    def __init__(self, stream: str, broadcast: Broadcast, troubles: Troubles, camera: SimCamera) -> None:
        self.stream, self.broadcast, self.troubles = stream, broadcast, troubles
        self.clock_offset_s = camera.clock_offset_s
        self.any_frame_first = "any-frame-first" in camera.oddities
        self.ledgers: deque[Ledger] = deque(maxlen=_LEDGERS)
        self.look: VideoLoop | None = None  # the pictures of a picture fault, taken up at the next keyframe


class Session:
    """Set up track by track, then played: over the connection's ``outbox`` (TCP) or over UDP pairs by track.

    ``expired`` is called when nothing was heard for too long.
    """

    def __init__(self, ident: str, airing: Airing, outbox: Outbox | None, expired: Callable[[Session], None]) -> None:
        self.ident, self.airing, self.outbox = ident, airing, outbox
        self.layout: Layout = (None,) * len(airing.broadcast.feeds)
        self.pairs: dict[int, UdpPair] = {}
        self.ledger: Ledger | None = None
        self.playing = False
        self._expired = expired
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._touched = self._loop.time()
        self._waiting = True  # for a keyframe
        self._pacing: Tick | None = None
        self._first: Tick | None = None
        self._next_report = 0
        self._own: list[int] | None = None  # own sequence numbers, once they differ from the broadcast's
        self._look: VideoLoop | None = None
        self._time_shift_s = 0.0
        self._budget = 0.0
        self._dice = random.Random(ident)
        self._mark = self.mark

    @property
    def transport(self) -> str:
        return "tcp" if self.outbox is not None else "udp"

    def use_channel(self, track: int, channel: int) -> None:
        self.layout = (*self.layout[:track], channel, *self.layout[track + 1 :])

    def use_pair(self, track: int, pair: UdpPair) -> None:
        if track in self.pairs:
            self.pairs[track].close()
        self.pairs[track] = pair

    @property
    def tracks(self) -> list[int]:
        """The tracks set up."""
        return sorted({*self.pairs, *(i for i, channel in enumerate(self.layout) if channel is not None)})

    # -- life ---------------------------------------------------------------------------------------------------------

    def watch(self, timeout_s: float) -> None:
        """End the session when nothing is heard for that long."""
        self._timer = self._loop.call_later(timeout_s, self._check, timeout_s)

    def touch(self) -> None:
        """A sign of life."""
        self._touched = self._loop.time()

    def _check(self, timeout_s: float) -> None:
        left = self._touched + timeout_s - self._loop.time()
        if left <= 0:
            self._expired(self)
        else:
            self._timer = self._loop.call_later(left, self._check, timeout_s)

    def play(self) -> list[tuple[int, int]]:
        """Start sending; (sequence, timestamp) of each track's first packet, for RTP-Info."""
        if not self.playing:
            self.playing = True
            self._waiting, self._own, self._first = not self.airing.any_frame_first, None, None
            self.ledger = Ledger(self.ident, self.transport, time.time_ns() // 1000)
            self.airing.ledgers.append(self.ledger)
            self.airing.broadcast.subscribe(self)
        return self.airing.broadcast.start_of(self._waiting)

    def pause(self) -> None:
        self.playing = False
        self.airing.broadcast.unsubscribe(self)
        if self.ledger is not None and self.ledger.ended is None:
            self.ledger.ended = time.time_ns() // 1000

    def close(self) -> None:
        self.pause()
        if self._timer is not None:
            self._timer.cancel()
        for pair in self.pairs.values():
            pair.close()
        self.pairs = {}

    # -- pictures -----------------------------------------------------------------------------------------------------

    def mark(self, tick: Tick) -> None:
        """The kernel has the last byte of a picture."""
        if self.ledger is not None:
            stamp = tick.timestamp + round(self._time_shift_s * VIDEO_CLOCK)
            self.ledger.sent(tick.index, stamp & 0xFFFFFFFF, time.time_ns() // 1000)

    def deliver(self, tick: Tick) -> None:
        """One picture's turn."""
        if not self.playing:
            return  # closed by another session's failure during this very tick
        if self._waiting:
            if not tick.keyframe:
                return
            self._waiting = False
        if tick.index >= self._next_report:
            self._next_report = tick.index + round(_REPORT_S * self.airing.broadcast.fps)
            self._report(tick)
        if self.airing.troubles.on_the_way or self._own is not None:
            self._deliver_troubled(tick)
        elif self.outbox is None:
            self._send_udp(tick, tick.packets(), whole=True)
        elif self.airing.broadcast.packing.packet_pace:
            self._pacing = tick
            self.deliver_part(tick, 0)
        else:
            self.outbox.push(tick.blob(self.layout), self._mark, tick)

    def deliver_part(self, tick: Tick, part: int) -> None:
        """One packet of a paced picture, if we began that picture."""
        if self._pacing is tick and self.outbox is not None:
            parts = tick.parts(self.layout)
            if part < len(parts):
                self.outbox.push(parts[part], self._mark if part == len(parts) - 1 else None, tick)

    def _send_udp(self, tick: Tick, tracks: disturb.Tracks, *, whole: bool) -> None:
        for track, pair in self.pairs.items():
            for packet in tracks[track]:
                whole = pair.send(packet) and whole
        if whole:
            self.mark(tick)
        elif self.ledger is not None:
            self.ledger.damaged(tick.index)

    def _report(self, tick: Tick) -> None:
        """Sender reports for every track (RFC 3550 §6.4.1), with the camera's idea of the time."""
        if self._silent:
            return
        self._first = self._first or tick
        offset = self.airing.clock_offset_s + self.airing.troubles.number("clock-jump", "seconds")
        wall = time.time_ns() // 1000 + round(offset * 1_000_000)
        late = self._loop.time() - tick.due + self._time_shift_s
        for i, (burst, first) in enumerate(zip(tick.bursts, self._first.bursts, strict=True)):
            stamp = burst.timestamp + round(late * burst.feed.clock)
            counts = (burst.sequence - first.sequence, burst.octets - first.octets)
            report = packets.sender_report(burst.feed.ssrc, wall, stamp, *counts)
            channel = self.layout[i]
            if self.outbox is not None and channel is not None:
                self.outbox.push(packets.interleaved(channel + 1, report))
            elif i in self.pairs:
                self.pairs[i].send(report, control=True)

    # -- troubles -----------------------------------------------------------------------------------------------------

    @property
    def _silent(self) -> bool:
        return "stalled" in self.airing.troubles or "unroutable" in self.airing.troubles

    def shift_time(self, seconds: float) -> None:
        """RTP timestamps jump from the next picture on."""
        self._time_shift_s += seconds
        self.go_own_way()

    def go_own_way(self) -> None:
        """From the next picture on this session numbers its packets itself: other sessions' numbers no longer fit."""
        if self._own is None:
            self._own = []

    def _deliver_troubled(self, tick: Tick) -> None:
        if not self._own:
            self._own = [burst.sequence for burst in tick.bursts]
        if self._silent:
            self._waiting = True
            return
        if tick.keyframe:
            self._look = self.airing.look
        rate = self.airing.troubles.number("slow-link", "bytes_per_s")
        if self.outbox is None:
            self._send_udp_troubled(tick, rate)
            return
        self.outbox.rate = rate
        if rate and self.outbox.waiting > rate * _SLOW_BACKLOG_S:
            self._waiting = True
            if self.ledger is not None:
                self.ledger.skipped(tick.index)
            return
        self._send_tcp_troubled(self.outbox, tick)

    def _send_udp_troubled(self, tick: Tick, rate: float) -> None:
        troubles, whole = self.airing.troubles, True
        tracks, intact = disturb.lose(self._renumbered(tick), troubles.number("loss", "percent"), self._dice)
        tracks = disturb.reorder(tracks, troubles.number("reorder", "percent"), self._dice)
        if rate:
            room = min(self._budget + rate / self.airing.broadcast.fps, rate * _SLOW_BACKLOG_S)
            tracks, self._budget, whole = disturb.fit(tracks, room)
        self._send_udp(tick, tracks, whole=whole and intact)

    def _send_tcp_troubled(self, outbox: Outbox, tick: Tick) -> None:
        troubles = self.airing.troubles
        tracks, whole = disturb.lose(self._renumbered(tick), troubles.number("loss", "percent"), self._dice)
        parts = list(frame_packets(tracks, self.layout))
        every = int(troubles.number("half-packets", "every"))
        if parts and every and tick.index % every == 0:
            parts, whole = disturb.cut_short(parts, self._dice), False
        every = int(troubles.number("garbage", "every"))
        if every and tick.index % every == 0:
            outbox.push(disturb.garbage(int(troubles.number("garbage", "bytes")), self._dice))
        if not whole and self.ledger is not None:
            self.ledger.damaged(tick.index)
        if parts:
            outbox.push(b"".join(parts), self._mark if whole else None, tick)

    def _renumbered(self, tick: Tick) -> disturb.Tracks:
        """The tick's RTP packets by track, with this session's own pictures, sequence numbers and time shift."""
        own = self._own or [burst.sequence for burst in tick.bursts]
        tracks = []
        for i, burst in enumerate(tick.bursts):
            units = burst.units
            if i == 0 and self._look is not None:
                units = self._look.units(tick.index, burst.timestamp)
            shift = round(self._time_shift_s * burst.feed.clock)
            moved = [unit._replace(timestamp=unit.timestamp + shift) for unit in units] if shift else units
            tracks.append(burst._replace(sequence=own[i], units=moved).packets())
            own[i] += len(units)
        return tracks
