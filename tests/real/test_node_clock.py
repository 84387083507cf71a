"""The machine's clock is set while a recorder works: no session suffers, nothing is lost, the order of things stays."""

from __future__ import annotations

import asyncio
import itertools
import socket
from pathlib import Path

import msgspec
import pytest
from node_rig import SECOND, Rig, now, rig_with, small, until

from khue.model.coverage import GapCause
from khue.model.time import SystemClock
from khue.node.framing import FrameReader, write_frame
from khue.node.worker import Worker, WorkerConfig
from khue.wire.link import StreamStatus
from khue.wire.recorder import Assign, Status, Stop, Up

NAMES = ("one", "udp", "slow")


class SetClock(SystemClock):
    """The machine's clock, which somebody sets."""

    def __init__(self) -> None:
        self.off = 0

    def now(self) -> int:
        return super().now() + self.off


def _cameras() -> list:
    """One of them sends a picture every second only: it must not look stalled when an hour passes at once."""
    rare = msgspec.structs.replace(small("x").main, fps=1.0, loop_s=4.0)
    return [small("one"), small("udp", transports=("udp",)), small("slow", main=rare)]


async def _listen(reader: asyncio.StreamReader, told: dict[str, StreamStatus]) -> None:
    frames: FrameReader[Up] = FrameReader(reader, msgspec.msgpack.Decoder(Up))
    while (message := await frames.next()) is not None:
        if isinstance(message, Status):
            told[message.status.camera] = message.status


@pytest.mark.parametrize("step_s", [3600, -3600])
async def test_a_step_of_the_clock(tmp_path: Path, step_s: int) -> None:
    clock = SetClock()
    async with rig_with(tmp_path, _cameras()) as rig:
        ours, theirs = socket.socketpair()
        worker = Worker(WorkerConfig(str(tmp_path), 0, slots=50), theirs, clock)
        running = asyncio.create_task(worker.run())
        reader, writer = await asyncio.open_connection(sock=ours)
        told: dict[str, StreamStatus] = {}
        listening = asyncio.create_task(_listen(reader, told))
        write_frame(writer, Assign(tuple(rig.spec(name) for name in NAMES)))
        await until(lambda: sum(s.state == "recording" for s in told.values()) == len(NAMES), "recording")
        await asyncio.sleep(1.5)
        clock.off = step_s * SECOND
        stepped = now()
        await asyncio.sleep(3)
        stopped = now()
        write_frame(writer, Stop())
        await running
        await listening
        writer.close()
        _assert_nothing_lost(rig, stepped, stopped, step_s)


def _assert_nothing_lost(rig: Rig, stepped: int, stopped: int, step_s: int) -> None:
    assert rig.check().details == ()
    for name in NAMES:
        assert len(rig.city.sent(name)) == 1, f"{name}: the session was given up"
        found = rig.account(name, stopped)
        assert found.frames_recorded == found.frames_sent > 3
        blocks = rig.blocks(name)
        times = [moment for block in blocks for moment in (block.meta.first, block.meta.last)]
        assert all(a <= b for a, b in itertools.pairwise(times)), "recorded instants changed their order"
        assert all(block.meta.last - block.meta.first < 2 * SECOND for block in blocks), "no block spans the step"
        spans, gaps = rig.rows(name)
        assert rig.ledger_flaws(name, spans[-1].end) == []
        if step_s > 0:
            (gap,) = [gap for gap in gaps if gap.start > stepped - 2 * SECOND and not gap.partial]
            assert gap.cause is GapCause.NODE
            assert gap.detail == f"the node's clock was set forward by {step_s} s"
            assert gap.end is not None and gap.end - gap.start > (step_s - 1) * SECOND
        else:
            assert len(spans) == 1
