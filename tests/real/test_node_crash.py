"""kill -9 of the recorder, of the node, of both, under load: at most the last second is missing, and the ledger says so."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
from node_rig import SECOND, Rig, now, rig_with, small, until

from khue.model.coverage import Gap, GapCause

NAMES = [f"cam-{number}" for number in range(6)]
LAST_SECOND = 2 * SECOND
"""A second is promised; another is for a machine that does several things at once."""


def _cameras() -> list:
    return [small(name, audio="pcma" if name == "cam-1" else "", transports=_transports(name)) for name in NAMES]


def _transports(name: str) -> tuple[str, ...]:
    return ("udp",) if name == "cam-2" else ("tcp", "udp")


async def _recorded_since(rig: Rig, moment: int) -> None:
    """Wait until every camera has a block in the index that began after ``moment``."""

    def all_have() -> bool:
        with rig.index() as index:
            newest = [index.last_block(stream.id) for stream in index.streams()]
        return len(newest) == len(NAMES) and all(block and block.first > moment for block in newest)

    await until(all_have, "every camera recorded again")


def _gap_after(gaps: list[Gap], kill: int) -> Gap:
    return next(gap for gap in gaps if not gap.partial and (gap.end is None or gap.end > kill))


def _assert_survived(rig: Rig, kills: list[int], stopped: int) -> None:
    assert rig.check().details == ()
    for name in NAMES:
        found = rig.account(name, stopped)
        assert found.frames_lost_without_row == 0, f"{name}: {found} {rig.rows(name)[1]}"
        assert found.frames_recorded > 0
        assert rig.ledger_flaws(name, stopped) == []
        _, gaps = rig.rows(name)
        for kill in kills:
            gap = _gap_after(gaps, kill)
            assert gap.cause is GapCause.NODE, f"{name}: {kill} {gaps}"
            assert kill - gap.start <= LAST_SECOND, f"{name}: {(kill - gap.start) / SECOND} s are missing"
        sequences = [block.meta.sequence for block in rig.blocks(name)]
        assert sequences == list(range(len(sequences))), f"{name}: the chain does not go on: {sequences}"


async def test_a_recorder_killed_at_any_moment_is_started_again_and_goes_on(tmp_path: Path) -> None:
    dice = random.Random(20260501)
    async with rig_with(tmp_path / "node", _cameras()) as rig:
        rig.desire()
        node = await rig.start_node()
        await rig.recording()
        kills = []
        for wait in (*(dice.uniform(0, 1) for _ in range(4)), 3.0):
            await _recorded_since(rig, now())
            await asyncio.sleep(wait)
            kills.append(now())
            os.kill(node.workers.pids[0], signal.SIGKILL)
            await until(lambda: "recorder process 0 ended" in node.workers.alert, "the alert", 5)
        await _recorded_since(rig, now())
        assert node.workers.alert == ""
        stopped = await rig.stop_node()
        _assert_survived(rig, kills, stopped)


@contextlib.asynccontextmanager
async def _node_process(rig: Rig) -> AsyncIterator[psutil.Process]:
    runner = Path(__file__).with_name("node_runner.py")
    process = await asyncio.create_subprocess_exec(sys.executable, str(runner), str(rig.root))
    try:
        yield psutil.Process(process.pid)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 20)


async def test_a_node_killed_leaves_no_orphan_and_the_next_one_goes_on(tmp_path: Path) -> None:
    """First the main process alone, whose recorders then end in order; then everything at once."""
    async with rig_with(tmp_path / "node", _cameras()) as rig:
        rig.desire()
        kills = []
        for victims in ("main", "all"):
            async with _node_process(rig) as main:
                await _recorded_since(rig, now())
                await asyncio.sleep(0.7)
                recorders = main.children()
                assert len(recorders) == 2
                kills.append(now())
                for process in [main] if victims == "main" else [main, *recorders]:
                    process.kill()
                if victims == "main":  # the next node is started at once, while the recorders still write
                    continue
            await until(lambda r=recorders: not any(p.is_running() for p in r), "no orphan", 20)
        async with _node_process(rig):
            await _recorded_since(rig, now())
            stopped = now()
        _assert_survived(rig, kills, stopped)
        for name in NAMES:
            missing = kills[0] - _gap_after(rig.rows(name)[1], kills[0]).start
            assert missing < SECOND // 2, f"{name}: the recorder did not write what it had"
