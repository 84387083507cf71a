"""Many cameras that fail at once: those that work are not kept waiting, and nobody is besieged."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from node_rig import Rig, rig_with, small, until

from khue.model.camera import CameraState
from khue.node.framing import FrameReader, write_frame
from khue.node.worker import Worker, WorkerConfig
from khue.wire.link import StreamStatus
from khue.wire.recorder import Assign, Status, Stop, Up


@contextlib.asynccontextmanager
async def recorder(rig: Rig, names: list[str], **settings: object) -> AsyncIterator[list[StreamStatus]]:
    """A recorder in this process, with settings a node does not expose; yields every status it tells, as it comes."""
    rig.root.mkdir(exist_ok=True)
    ours, theirs = socket.socketpair()
    worker = Worker(WorkerConfig(str(rig.root), 0, slots=200, **settings), theirs)
    running = asyncio.create_task(worker.run())
    reader, writer = await asyncio.open_connection(sock=ours)
    told: list[StreamStatus] = []

    async def listen() -> None:
        frames: FrameReader[Up] = FrameReader(reader, msgspec.msgpack.Decoder(Up))
        while (message := await frames.next()) is not None:
            if isinstance(message, Status):
                told.append(message.status)

    listening = asyncio.create_task(listen())
    write_frame(writer, Assign(tuple(rig.spec(name) for name in names)))
    try:
        yield told
    finally:
        write_frame(writer, Stop())
        await running
        await listening
        writer.close()


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _recording(told: list[StreamStatus], names: list[str]) -> bool:
    return set(names) <= {status.camera for status in told if status.state is CameraState.RECORDING}


async def test_fifty_dead_cameras_do_not_keep_the_living_waiting(tmp_path: Path) -> None:
    """Few may connect at once here, and the dead come first: 38 refuse at once, 12 swallow every packet for five seconds."""
    silent = [f"silent-{number}" for number in range(12)]
    dead = [f"dead-{number}" for number in range(38)]
    living = ["living-1", "living-2", "living-3"]
    cameras = [small(name, faults=(("unroutable", {}),)) for name in silent]
    cameras += [small(name, faults=(("dead", {}),)) for name in dead]
    async with rig_with(tmp_path / "node", [*cameras, *map(small, living)]) as rig:
        descriptors = _descriptors()
        async with recorder(rig, [*silent, *dead, *living], connects=4) as told:
            await until(lambda: _recording(told, living), "the living record")
            given_up = {status.camera for status in told if status.state is CameraState.UNREACHABLE}
            assert not set(silent) <= given_up, "the living waited until every silent camera had been given up"
            await until(
                lambda: {s.camera for s in told if s.state is CameraState.UNREACHABLE} >= {*silent, *dead}, "all"
            )
            for name in silent[:6]:
                await rig.city.clear(name)
            await until(lambda: _recording(told, silent[:6]), "those that come back record")
        assert _descriptors() <= descriptors + 3, "failed handshakes leave descriptors open"


async def test_a_camera_that_refuses_is_left_alone(tmp_path: Path) -> None:
    """While a dead one is tried again and again, the wrong password is tried once."""
    cameras = [small("refusing"), small("dead", faults=(("dead", {}),))]
    async with rig_with(tmp_path / "node", cameras) as rig:
        await rig.city.fault("refusing", "wrong-password")
        async with recorder(rig, ["refusing", "dead"]) as told:
            await until(lambda: any(status.state is CameraState.REFUSED for status in told), "refused")
            await asyncio.sleep(3)
        assert rig.city.stats().connections == 1
        refused = [status for status in told if status.state is CameraState.REFUSED]
        assert len(refused) == 1
        assert "password refused" in refused[0].detail
        assert "Khue-2026" not in str(told)
