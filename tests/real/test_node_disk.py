"""A disk that fills up, for real: recording goes on or says why it cannot, and the index stays whole."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from node_rig import SMALL, Rig, now, rig_with, small, until

from khue.model.coverage import GapCause
from khue.wire.link import Hold

MB = 1024 * 1024
RICH = msgspec.structs.replace(SMALL, width=640, height=360, kbps=2000)
NAMES = ("one", "two", "three")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real ext4 file system of 40 MB."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("needs root and mkfs.ext4: a file system of 40 MB is mounted")
    image, place = tmp_path / "disk.img", tmp_path / "disk"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(40 * MB)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    mounted = subprocess.run(["mount", "-o", "loop", image, place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no loop device can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def _fill(place: Path, leave: int) -> Path:
    """Somebody else's file, so large that only ``leave`` bytes are free."""
    ballast = place / "ballast"
    space = os.statvfs(place)
    left = space.f_bavail * space.f_frsize - leave
    # Full to the last byte: the recorder writes meanwhile.
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while left > 0:
            left -= file.write(bytes(min(left, MB)))
    return ballast


def _assert_index_whole(rig: Rig) -> None:
    database = sqlite3.connect(rig.root / "index.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert rig.check().details == ()


async def test_a_full_disk_alerts_leaves_a_gap_and_ends_when_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    """Not a byte is left, not even for the index; then the room comes back."""
    async with rig_with(small_disk / "node", [small(name) for name in NAMES], reserve_mb=2, file_mb=1) as rig:
        rig.desire()
        node = await rig.start_node()
        await rig.recording()
        worker = node.workers.pids[0]
        await asyncio.sleep(1.2)
        ballast = _fill(small_disk, 0)
        full = now()
        await until(lambda: "the disk is full" in node._heartbeat().alert, "the alert", 10)
        await asyncio.sleep(1.5)
        ballast.unlink()
        freed = now()
        await until(lambda: node._heartbeat().alert == "", "the end of the alert", 10)
        await asyncio.sleep(1.5)
        assert node.workers.pids == [worker], "the recorder did not live through it"
        stopped = await rig.stop_node()
        _assert_index_whole(rig)
        for name in NAMES:
            spans, gaps = rig.rows(name)
            (gap,) = [gap for gap in gaps if gap.cause is GapCause.DISK]
            assert "free room" in gap.detail
            assert gap.start < full + 2_000_000 and gap.end is not None and gap.end > freed - 1_000_000
            assert len(spans) == 2
            found = rig.account(name, stopped)
            assert found.frames_lost_without_row == 0, f"{found} {gaps}"
            assert found.frames_lost_with_row > 0
            assert rig.ledger_flaws(name, stopped) == []


async def test_a_disk_full_of_recordings_costs_the_oldest_and_recording_goes_on(small_disk: Path) -> None:
    """Retention makes room in time; what a legal hold covers stays."""
    cameras = [small(name, main=RICH) for name in NAMES]
    settings = {"reserve_mb": 2, "file_mb": 1, "retention_every_s": 0.2, "free_percent": 20.0}
    async with rig_with(small_disk / "node", cameras, **settings) as rig:
        moment = now()
        hold = Hold(id="h", camera="two", start=moment, end=moment + 60_000_000, reason="case 7", review=moment)
        rig.desire(holds=(hold,))
        _fill(small_disk, 11 * MB)
        await rig.start_node()
        await rig.recording()

        def deleted() -> bool:
            with rig.index() as index:
                return all(index.deletions(s.id) for s in index.streams() if s.camera != "two")

        await until(deleted, "retention made room", 40)
        await asyncio.sleep(1)
        stopped = await rig.stop_node()
        _assert_index_whole(rig)
        for name in NAMES:
            _, gaps = rig.rows(name)
            assert not any(gap.cause is GapCause.DISK for gap in gaps), gaps
            found = rig.account(name, stopped)
            assert found.frames_lost_without_row == 0, f"{found} {gaps}"
            assert rig.ledger_flaws(name, stopped) == [], rig.rows(name)
            if name != "two":
                (gap,) = [gap for gap in gaps if gap.cause is GapCause.POLICY]
                assert "the disk was full" in gap.detail
        held = rig.account("two", stopped)
        assert held.frames_recorded == held.frames_sent
