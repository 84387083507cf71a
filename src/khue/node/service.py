"""A node: its parts put together. Records with or without a centre."""

from __future__ import annotations

import asyncio
import logging
import resource
import sqlite3
from pathlib import Path

from khue.model.clock import SteadyClock
from khue.model.errors import KhueError
from khue.model.time import Clock, Micros
from khue.node.config import NodeConfig
from khue.node.desired import DesiredStore
from khue.node.lan import Lan
from khue.node.lan import app as lan_app
from khue.node.link import Link, Probe
from khue.node.live import Live
from khue.node.lock import DataLock
from khue.node.relay import LiveRelay, ReadServer
from khue.node.scan import ScanServer
from khue.node.serve import AppServer
from khue.node.worker import WorkerConfig
from khue.node.workers import Workers
from khue.video.index import Index
from khue.video.recovery import Recovered, recover
from khue.video.retention import Disk, disk, retain
from khue.wire.bus import Bus
from khue.wire.link import Desired, Heartbeat, Join, StreamStatus

_log = logging.getLogger(__name__)
_MB = 1024 * 1024


class Node:
    """Start it, stop it; everything between is tasks."""

    def __init__(self, config: NodeConfig, bus: Bus | None, clock: Clock, probe: Probe, version: str) -> None:
        self.config = config
        self.root = Path(config.data)
        self.desired = Desired(node=config.id, revision=0)
        self.recovered: Recovered | None = None
        self.lan_url = ""
        self._bus = bus
        self._clock = SteadyClock(clock)
        self._probe = probe
        self._version = version
        self._store = DesiredStore(self.root / "desired.state")
        self._lock = DataLock(self.root)
        self._live = Live(self.root, self._clock)
        self.workers = Workers(
            [self._worker(number) for number in range(config.workers)], self._live.heard, self._status
        )
        self._live.workers = self.workers
        self._link: Link | None = None
        self._retention: asyncio.Task[None] | None = None
        self._server: AppServer | None = None
        self._retention_alert = ""

    def _worker(self, number: int) -> WorkerConfig:
        config = self.config
        return WorkerConfig(
            root=str(self.root),
            number=number,
            slots=2 * config.capacity * 3 // 2 // config.workers + 64,
            file_size=config.file_mb * _MB,
            file_age_s=config.file_minutes * 60,
            reserve=config.reserve_mb * _MB,
        )

    async def start(self) -> None:
        """Recover the log, record the last desired state, then look for the centre."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o750)
        await self._lock.take()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        self.recovered = await asyncio.to_thread(self._recover)
        self.workers.start(keep_open=(self._lock.fd,))
        stored = self._store.load()
        if stored is not None:
            self._obey(stored)
        self._retention = asyncio.create_task(self._retain(), name="retention")
        self._lan = lan = Lan(self.root, self._live, self._clock, lambda: self.desired.token_key)
        config = self.config
        self._server = AppServer(
            lan_app(lan),
            config.listen_host,
            config.listen_port,
            tls=(config.listen_tls_cert, config.listen_tls_key),
            name=config.listen_name,
        )
        self.lan_url = await self._server.start()
        if self._bus is not None:
            await self._start_link(self._bus)

    async def _start_link(self, bus: Bus) -> None:
        join = Join(
            node=self.config.id,
            sites=self.config.sites,
            lan_url=self.lan_url,
            version=self._version,
            capacity=self.config.capacity,
            ranges=tuple(map(str, self.config.declared)),
        )
        self._link = Link(
            join,
            bus,
            self.root,
            self._clock,
            on_desired=self._changed,
            heartbeat=self._heartbeat,
            relay=LiveRelay(self.config.id, bus, self._live, self._clock),
            reads=ReadServer(bus, self.root),
            probe=self._probe,
            scans=ScanServer(self.config.declared, self.config.scan_rate, self._clock),
            end_viewing=self._lan.end,
        )
        await self._link.start()

    async def stop(self) -> None:
        """Leave the link, write what is there."""
        if self._link:
            await self._link.stop()
        if self._server:
            await self._server.stop()
        if self._retention:
            self._retention.cancel()
            await asyncio.gather(self._retention, return_exceptions=True)
        await self.workers.stop()
        self._lock.release()

    def _recover(self) -> Recovered:
        index = Index(self.root / "index.sqlite")
        try:
            return recover(self.root, index)
        finally:
            index.close()

    def _changed(self, desired: Desired) -> None:
        try:
            self._store.save(desired)
        except OSError as error:  # a full disk: obey all the same, and ask again after a restart
            _log.error("the desired state could not be stored (%s); free room on the disk", error.strerror)
        self._obey(desired)

    def _obey(self, desired: Desired) -> None:
        self.desired = desired
        self.workers.assign(desired.cameras)

    def _status(self, status: StreamStatus) -> None:
        if status.detail:
            _log.info("%s/%s %s: %s", status.camera, status.stream, status.state, status.detail)

    def _heartbeat(self) -> Heartbeat:
        try:
            space = disk(self.root)
        except OSError as error:  # the centre must hear of it, so the heartbeat goes on
            space = Disk(0, 0)
            self._retention_alert = f"the data folder cannot be read ({error.strerror}): check the disk and its mount"
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return Heartbeat(
            node=self.config.id,
            at=self._clock.now(),
            revision=self.desired.revision,
            counters=tuple(self.workers.counters()),
            disk_used=space.total - space.free,
            disk_total=space.total,
            cpu_seconds=self.workers.cpu_seconds + usage.ru_utime + usage.ru_stime,
            rss_bytes=self.workers.rss_bytes,
            alert=self.workers.alert or self._retention_alert or self._clock_alert(),
        )

    def _clock_alert(self) -> str:
        ahead: Micros = self._clock.ahead
        if not ahead:
            return ""
        return f"the node's clock was set back; recorded times run {ahead / 1_000_000:.0f} s ahead of it until it has caught up"

    async def _retain(self) -> None:
        while True:
            await asyncio.sleep(self.config.retention_every_s)
            try:
                await asyncio.to_thread(self._retain_once)
            except (KhueError, OSError, sqlite3.Error) as error:  # above all on a full disk it must go on
                self._retention_alert = f"retention fails ({error}): old recordings stay on the disk"
                _log.error("retention: %s", error)

    def _retain_once(self) -> None:
        index = Index(self.root / "index.sqlite")
        try:
            space = disk(self.root)
            # More than the log leaves free by itself, or nobody would ever make room.
            target = max(int(space.total * self.config.free_percent / 100), 2 * self.config.reserve_mb * _MB)
            kept = retain(
                self.root,
                index,
                self.desired.retention,
                self.desired.holds,
                self._clock.now(),
                space=space,
                free_target=target,
            )
        finally:
            index.close()
        starved = "the disk is nearly full and only held recordings are left: add a disk" if kept.starved else ""
        self._retention_alert = starved or kept.problem
