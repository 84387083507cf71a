"""A node looks for cameras when the centre asks, within what its administrator declared and nowhere else. Design: design/08.

One scan at a time, at a bounded rate, in the service process: cameras are recorded by others (`khue.node.workers`). The
centre fetches what was found piece by piece; when it stops asking, the scan ends.
"""

from __future__ import annotations

import asyncio
import logging

from khue.camera.scan import Scan
from khue.model.errors import ConfigError
from khue.model.ranges import Network, inside, parse_ranges
from khue.model.time import Clock
from khue.wire.onboarding import SCAN_BATCH, SCAN_LEASE_S, ScanReply, ScanRequest, ScanState

_log = logging.getLogger(__name__)
_MAX_PORTS = 32


class ScanServer:
    """Answers ScanRequests. ``declared`` is all it will ever touch."""

    def __init__(self, declared: tuple[Network, ...], rate: float, clock: Clock) -> None:
        self._declared = declared
        self._rate = rate
        self._clock = clock
        self._id = ""
        self._scan: Scan | None = None
        self._task: asyncio.Task[None] | None = None
        self._state = ScanState.UNKNOWN
        self._error = ""
        self._asked_last = 0.0

    async def asked(self, request: ScanRequest) -> ScanReply:
        """Start, go on or end. Raises ConfigError for what may not be scanned."""
        if request.start and request.id != self._id:
            if self._state is ScanState.RUNNING:
                return ScanReply(
                    error="this node is already looking for cameras; wait until it is done, or cancel that"
                )
            self._start(request)
        if request.id != self._id or self._scan is None:
            return ScanReply(state=ScanState.UNKNOWN)
        self._asked_last = self._clock.monotonic()
        if request.cancel and self._state is ScanState.RUNNING:
            await self._end(ScanState.CANCELLED)
        return self._reply(self._scan, request.received)

    async def stop(self) -> None:
        if self._state is ScanState.RUNNING:
            await self._end(ScanState.CANCELLED)

    def _start(self, request: ScanRequest) -> None:
        networks = self._allowed(request.ranges)
        if any(not 0 < port < 65536 for port in request.ports) or len(request.ports) > _MAX_PORTS:
            raise ConfigError(f"a scan takes up to {_MAX_PORTS} ports of 1 to 65535")
        self._scan = Scan(
            networks,
            self._declared,
            self._clock,
            ports=tuple(dict.fromkeys(request.ports)),
            multicast=request.multicast,
            rate=self._rate,
        )
        self._id, self._state, self._error = request.id, ScanState.RUNNING, ""
        self._asked_last = self._clock.monotonic()
        self._task = asyncio.create_task(self._run(self._scan), name="scan")

    def _allowed(self, asked: tuple[str, ...] | None) -> tuple[Network, ...]:
        """What was asked for, if all of it was declared."""
        if not self._declared:
            raise ConfigError(
                "this node may not look for cameras: its administrator has declared no scan_ranges; add them to its "
                "configuration and start it again"
            )
        networks = self._declared if asked is None else parse_ranges(asked, public=True)
        beyond = [str(network) for network in networks if not inside(network, self._declared)]
        if beyond:
            declared = ", ".join(map(str, self._declared))
            raise ConfigError(
                f"{', '.join(beyond)} lies outside what this node's administrator has declared ({declared}); nothing "
                "was scanned; ask for less, or have it declared in scan_ranges"
            )
        return networks

    async def _run(self, scan: Scan) -> None:
        watch = asyncio.create_task(self._watch(), name="scan watch")
        try:
            await scan.run()
            self._state = ScanState.DONE
        except* OSError as group:  # out of sockets, above all: recording needs them more
            why = str(group.exceptions[0])
            self._state, self._error = ScanState.FAILED, f"the scan ended: {why}; raise the limit of open files"
            _log.error("scan %s: %s", self._id, why)
        finally:
            watch.cancel()

    async def _watch(self) -> None:
        """Nobody asks any more: nobody wants to know."""
        while True:
            left = self._asked_last + SCAN_LEASE_S - self._clock.monotonic()
            if left <= 0:
                break
            await asyncio.sleep(left)
        _log.info("scan %s ends: nobody has asked after it for %.0f s", self._id, SCAN_LEASE_S)
        self._state, self._error = ScanState.CANCELLED, "nobody asked after the scan"
        if self._task is not None:
            self._task.cancel()

    async def _end(self, state: ScanState) -> None:
        self._state = state
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _reply(self, scan: Scan, received: int) -> ScanReply:
        found, more = scan.take(received, SCAN_BATCH)
        return ScanReply(
            state=self._state,
            total=scan.total,
            asked=scan.asked,
            outside=scan.outside,
            found=found,
            more=more,
            error=self._error,
        )
