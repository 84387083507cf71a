"""A node that records a small simulated city, and what a test needs to ask both of them. Everything on ephemeral ports."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from khue.model.camera import CameraState, StreamName, Transport
from khue.model.coverage import Gap, Span
from khue.model.time import SystemClock
from khue.node.config import NodeConfig
from khue.node.desired import DesiredStore
from khue.node.service import Node
from khue.sim.accounting import Accounting, account, holes
from khue.sim.camera import SimCamera, SimStream
from khue.sim.city import SimCity
from khue.video.block import Block
from khue.video.check import Report, check
from khue.video.index import Index
from khue.video.reading import LogReader
from khue.wire.link import CameraSpec, Desired, ProbeReply, ProbeRequest, StreamSpec, StreamStatus

SECOND = 1_000_000
SMALL = SimStream(width=320, height=176, fps=10.0, kbps=300, gop_s=1.0, loop_s=2.0)


def small(name: str, **changes: object) -> SimCamera:
    """A camera that costs little; all of them show one scene, so that it is encoded once."""
    plain = SimCamera(name=name, label="ward", scene=1, main=SMALL, sub=None, onvif=False)
    return msgspec.structs.replace(plain, **changes)


def now() -> int:
    return SystemClock().now()


async def until(condition: Callable[[], object], what: str, within_s: float = 30.0) -> None:
    """Wait for something to come true; fail with its name when it does not."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.02)


async def _no_probe(_: ProbeRequest) -> ProbeReply:
    return ProbeReply()


class Rig:
    """The city, the node's data folder, and a node that can be started and stopped."""

    def __init__(self, root: Path, city: SimCity, **settings: object) -> None:
        self.root = root
        self.city = city
        self.settings = {"workers": 1, "capacity": 100, **settings}
        self.node: Node | None = None
        self.history: list[StreamStatus] = []

    # -- the node

    def spec(self, name: str, **changes: object) -> CameraSpec:
        camera = self.city.camera(name)
        transport = Transport.UDP if camera.transports == ("udp",) else Transport.AUTO
        names = [stream for stream in ("main", "sub") if camera.stream(stream)]
        plain = CameraSpec(
            id=name,
            name=name,
            username=camera.username,
            password=camera.password,
            streams=tuple(
                StreamSpec(name=StreamName(stream), url=self.city.url(name, stream), transport=transport)
                for stream in names
            ),
        )
        return msgspec.structs.replace(plain, **changes)

    def desire(self, cameras: Iterable[CameraSpec] | None = None, **changes: object) -> Desired:
        """Store what the node is to record when it starts: all cameras of the city unless told otherwise."""
        specs = tuple(self.spec(c.name) for c in self.city.cameras) if cameras is None else tuple(cameras)
        desired = Desired(node="n1", revision=1, cameras=specs, **changes)
        self.root.mkdir(exist_ok=True)
        DesiredStore(self.root / "desired.state").save(desired)
        return desired

    async def start_node(self) -> Node:
        node = Node(NodeConfig(id="n1", data=str(self.root), **self.settings), None, SystemClock(), _no_probe, "test")
        heard = node.workers._heard

        def remember(status: StreamStatus) -> None:
            self.history.append(status)
            heard(status)

        for process in node.workers._processes:
            process._on_status = remember
        await node.start()
        self.node = node
        return node

    async def stop_node(self) -> int:
        """Stop it; returns an instant up to which everything sent must be accounted for."""
        assert self.node is not None
        moment = now()
        node, self.node = self.node, None
        await node.stop()
        return moment

    def status(self, name: str, stream: str = "main") -> StreamStatus | None:
        assert self.node is not None
        return self.node.workers.statuses.get((name, StreamName(stream)))

    def is_recording(self, name: str) -> bool:
        status = self.status(name)
        return status is not None and status.state is CameraState.RECORDING

    async def recording(self, names: Iterable[str] | None = None, within_s: float = 30.0) -> None:
        """Wait until these cameras record, all of the city by default."""
        wanted = [camera.name for camera in self.city.cameras] if names is None else list(names)
        missing: list[str] = []

        def all_there() -> bool:
            missing[:] = [f"{name}: {self.status(name)}" for name in wanted if not self.is_recording(name)]
            return not missing

        try:
            await until(all_there, f"recording: {wanted}", within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; missing {missing}") from None

    def heard(self, name: str) -> list[StreamStatus]:
        """Every status of a camera since the node was first started."""
        return [status for status in self.history if status.camera == name]

    # -- what is on the disk

    @contextlib.contextmanager
    def index(self):
        index = Index(self.root / "index.sqlite")
        try:
            yield index
        finally:
            index.close()

    def rows(self, name: str, stream: str = "main") -> tuple[list[Span], list[Gap]]:
        with self.index() as index:
            number = index.find_stream(name, StreamName(stream))
            return index.coverage(number, 0, 2**62) if number is not None else ([], [])

    def blocks(self, name: str, stream: str = "main") -> list[Block]:
        with self.index() as index:
            number = index.find_stream(name, StreamName(stream))
            reader = LogReader(self.root, index)
            try:
                return [reader.read(row) for row in index.blocks(number, 0, 2**62)]
            finally:
                reader.close()

    def account(self, name: str, until: int, stream: str = "main", since: int = 0) -> Accounting:
        """Pictures sent against pictures in the log, up to an instant shortly before the node was stopped."""
        _, gaps = self.rows(name, stream)
        sent = self.city.sent(name, stream)
        return account(sent, self.blocks(name, stream), gaps, since=since, until=until - SECOND // 5)

    def ledger_flaws(self, name: str, until: int, stream: str = "main") -> list[object]:
        """Where recorded and gaps do not make up what was expected, from the first row to ``until``."""
        spans, gaps = self.rows(name, stream)
        first = min(row.start for row in [*spans, *gaps])
        last = max([span.end for span in spans] + [until if gap.end is None else gap.end for gap in gaps])
        late = [f"nothing is said of the last {(until - last) / SECOND:.1f} s"] if until - last > 1.5 * SECOND else []
        return holes(spans, gaps, first, last) + late

    def check(self) -> Report:
        with self.index() as index:
            return check(self.root, index)


@contextlib.asynccontextmanager
async def rig_with(root: Path, cameras: Sequence[SimCamera], **settings: object) -> AsyncIterator[Rig]:
    """A city that runs and a node that can be started; both are gone afterwards."""
    city = SimCity()
    await city.start(cameras)
    rig = Rig(root, city, **settings)
    try:
        yield rig
    finally:
        if rig.node is not None:
            await rig.node.stop()
        await city.stop()


def assert_untouched(rig: Rig, names: Iterable[str], until: int, at_least: int) -> None:
    """Healthy cameras: every picture recorded, none lost even with a row."""
    for name in names:
        found = rig.account(name, until)
        assert found.frames_sent >= at_least, f"{name} sent only {found}"
        assert found.frames_recorded == found.frames_sent, f"{name} was touched: {found}"
        assert rig.ledger_flaws(name, until) == []
