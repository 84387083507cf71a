"""The recording log: what is written is found again, after kill -9 too, and `check` sees every kind of damage."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from khue.model.camera import StreamName
from khue.model.coverage import GapCause
from khue.model.media import Codec, Track
from khue.model.retention import DAY
from khue.video.arena import Arena
from khue.video.block import PAGE, BlockMeta, open_block, padded
from khue.video.check import check
from khue.video.index import Index
from khue.video.log import LogWriter
from khue.video.reading import LogReader
from khue.video.recovery import recover
from khue.video.retention import Disk, retain
from khue.wire.link import Hold, RetentionPolicy

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
TRACK = Track(channel=0, codec=Codec.H264, payload_type=96, clock_rate=90000)


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.at = START
        self.elapsed = 0.0

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.elapsed

    def forward(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)
        self.elapsed += seconds


class Log:
    """A log writer with what a test needs around it."""

    def __init__(self, root: Path, **options: object) -> None:
        self.clock = Hands()
        self.arena = Arena(64)
        self.alerts: list[str] = []
        self.root = root
        options.setdefault("reserve", 0)
        self.writer = LogWriter(
            root, writer=0, arena=self.arena, clock=self.clock, on_alert=self.alerts.append, **options
        )
        self.writer.start()

    def put(self, camera: str, first: int, size: int = 5000, lost: int = 0, retention_class: str = "default") -> None:
        slot = self.arena.take()
        assert slot is not None
        slot.payload[:size] = (camera.encode() * size)[:size]
        stream = self.writer.stream(camera, StreamName.MAIN, retention_class)
        meta = BlockMeta(
            camera, StreamName.MAIN, 0, first, first + SECOND, (TRACK,), (), [(0, first)], 15, 50, lost, []
        )
        self.writer.write(stream, slot, size, meta)

    def settle(self) -> None:
        done = threading.Event()
        self.writer.barrier(done.set)
        assert done.wait(10)


@pytest.fixture
def log(tmp_path: Path):
    log = Log(tmp_path)
    yield log
    if log.writer._thread.is_alive():
        log.writer.stop()


def test_blocks_are_read_back_verified_and_chained(log: Log) -> None:
    for number in range(3):
        log.put("cam", START + number * SECOND, size=4096 * number + 17)
    log.settle()
    index = Index(log.root / "index.sqlite")
    stream = index.find_stream("cam", StreamName.MAIN)
    rows = index.blocks(stream, START, START + 10 * SECOND)
    reader = LogReader(log.root, index)
    blocks = [reader.read(row) for row in rows]
    assert [b.meta.sequence for b in blocks] == [0, 1, 2]
    assert [len(b.payload) for b in blocks] == [17, 4113, 8209]
    assert blocks[0].previous == bytes(32)
    assert blocks[1].previous == blocks[0].digest
    assert check(log.root, index).differences == 0
    reader.close()
    index.close()


def test_one_flipped_bit_shows(log: Log) -> None:
    for number in range(3):
        log.put("cam", START + number * SECOND)
    log.settle()
    log.writer.stop()
    (path,) = log.root.glob("default/*.khl")
    data = bytearray(path.read_bytes())
    data[padded(5000) + PAGE + 100] ^= 1
    path.write_bytes(data)
    index = Index(log.root / "index.sqlite")
    report = check(log.root, index)
    assert report.differences >= 1
    assert any("altered" in difference.what for difference in report.details)
    index.close()


def test_a_replaced_block_breaks_the_chain(log: Log, tmp_path_factory: pytest.TempPathFactory) -> None:
    for number in range(3):
        log.put("cam", START + number * SECOND)
    log.settle()
    log.writer.stop()
    forged = Log(tmp_path_factory.mktemp("forger"))
    for number in range(3):
        forged.put("cam", START + number * SECOND, size=5000 - number)
    forged.settle()
    forged.writer.stop()
    (path,) = log.root.glob("default/*.khl")
    (other,) = forged.root.glob("default/*.khl")
    data, theirs = bytearray(path.read_bytes()), other.read_bytes()
    length = padded(5000)
    assert open_block(theirs[length : 2 * length], "forged").meta.sequence == 1
    data[length : 2 * length] = theirs[length : 2 * length]
    path.write_bytes(data)
    index = Index(log.root / "index.sqlite")
    assert any(difference.kind == "chain" for difference in check(log.root, index).details)
    index.close()


@pytest.mark.parametrize("lose", ["last rows", "whole index", "half a block"])
def test_recovery_makes_index_and_log_agree(tmp_path: Path, lose: str) -> None:
    log = Log(tmp_path)
    for number in range(20):
        log.put("cam", START + number * SECOND)
        log.put("other", START + number * SECOND)
    log.settle()
    log.writer.stop()
    (path,) = tmp_path.glob("default/*.khl")
    if lose == "whole index":
        for file in tmp_path.glob("index.sqlite*"):
            file.unlink()
    elif lose == "half a block":
        with path.open("ab") as file:
            file.write(path.read_bytes()[: PAGE + 100])
        _reopen(tmp_path)
    else:
        _forget_tail(tmp_path, path)
    index = Index(tmp_path / "index.sqlite")
    recovered = recover(tmp_path, index)
    if lose == "half a block":
        assert recovered.cut_bytes == PAGE + 100
    assert check(tmp_path, index).details == ()
    stream = index.find_stream("cam", StreamName.MAIN)
    assert index.totals(stream)[0] == 20
    spans, gaps = index.coverage(stream, START, START + 100 * SECOND)
    assert [(s.start, s.end) for s in spans] == [(START, START + 20 * SECOND)]
    assert [g for g in gaps if g.end is None or g.end > START + 1] == []
    assert recover(tmp_path, index).blocks == 0
    index.close()


def _reopen(root: Path) -> None:
    index = Index(root / "index.sqlite")
    for file in index.files():
        index.set_file_state(file.id, "open")
    index.close()


def _forget_tail(root: Path, path: Path) -> None:
    """As if killed between the bytes and the index: the last ten rows were never committed."""
    index = Index(root / "index.sqlite")
    (file,) = index.files()
    rows = index.blocks_of_file(file.id)
    for row in rows[-10:]:
        index._db.execute("DELETE FROM block WHERE file = ? AND offset = ?", (file.id, row.offset))
    index._db.execute("UPDATE file SET length = ?, state = 'open'", (rows[-10].offset,))
    index._db.execute("UPDATE span SET stop = ?", (START + 15 * SECOND,))
    index._db.execute("UPDATE stream SET sequence = 15")
    index.close()


def _retain(root: Path, policies: list[RetentionPolicy], holds: list[Hold], now: int, free: int = 10, target: int = 0):
    index = Index(root / "index.sqlite")
    try:
        kept = retain(root, index, policies, holds, now, space=Disk(100, free), free_target=target)
        return kept, check(root, index), index.coverage(index.find_stream("cam", StreamName.MAIN), 0, 2**62)
    finally:
        index.close()


def test_retention_deletes_whole_files_and_says_so_in_the_coverage(log: Log) -> None:
    for number in range(5):
        log.put("cam", START + number * SECOND)
    log.settle()
    log.writer.stop()
    policies = [RetentionPolicy(name="default", days=30)]
    early, _, _ = _retain(log.root, policies, [], START + 29 * DAY)
    assert early.deleted == []
    late, report, (spans, gaps) = _retain(log.root, policies, [], START + 31 * DAY)
    assert len(late.deleted) == 1
    assert list(log.root.glob("*/*.khl")) == []
    assert report.details == ()
    assert spans == []
    assert [(g.start, g.end, g.cause) for g in gaps if g.cause is GapCause.POLICY] == [
        (START, START + 5 * SECOND, GapCause.POLICY)
    ]


def test_a_hold_outranks_age_and_a_full_disk_and_keeps_only_what_it_covers(log: Log) -> None:
    for number in range(10):
        log.put("cam", START + number * SECOND)
        log.put("other", START + number * SECOND)
    log.settle()
    log.writer.stop()
    hold = Hold(
        id="h1",
        camera="cam",
        start=START + 3 * SECOND,
        end=START + 5 * SECOND,
        reason="case 7",
        review=START + 90 * DAY,
    )
    policies = [RetentionPolicy(name="default", days=30)]
    kept, report, _ = _retain(log.root, policies, [hold], START + 31 * DAY, free=0, target=10**12)
    assert kept.held_blocks >= 2
    assert kept.starved
    assert report.details == ()
    index = Index(log.root / "index.sqlite")
    stream = index.find_stream("cam", StreamName.MAIN)
    rows = index.blocks(stream, 0, 2**62) or index.blocks(stream, START, START + 20 * SECOND)
    assert {START + 3 * SECOND, START + 4 * SECOND} <= {row.first for row in rows}
    assert index.blocks(index.find_stream("other", StreamName.MAIN), START, START + 20 * SECOND) == []
    reader = LogReader(log.root, index)
    assert all(reader.read(row).meta.camera == "cam" for row in rows)
    reader.close()
    index.close()
    _, report, _ = _retain(log.root, policies, [], START + 32 * DAY)
    assert report.details == ()
    assert list(log.root.glob("*/*.khl")) == []


def test_a_full_disk_costs_the_least_important_class_first(log: Log) -> None:
    log.put("cam", START, retention_class="traffic")
    log.put("cam2", START + SECOND, retention_class="security")
    log.settle()
    log.writer.stop()
    policies = [
        RetentionPolicy(name="security", days=30, priority=9),
        RetentionPolicy(name="traffic", days=30, priority=1),
    ]
    kept, report, _ = _retain(log.root, policies, [], START + DAY, free=0, target=1)
    assert [path.split("/")[0] for path in kept.deleted] == ["traffic"]
    assert report.details == ()


def test_a_disk_that_refuses_writes_alerts_and_leaves_a_gap_row(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.put("cam", START)
    log.settle()
    real = os.pwritev

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwritev", full)
    log.put("cam", START + SECOND)
    log.put("cam", START + 2 * SECOND)
    log.settle()
    assert "disk is full" in log.alerts[-1]
    monkeypatch.setattr(os, "pwritev", real)
    log.put("cam", START + 3 * SECOND)
    log.settle()
    assert log.alerts[-1] == ""
    index = Index(log.root / "index.sqlite")
    stream = index.find_stream("cam", StreamName.MAIN)
    spans, gaps = index.coverage(stream, START, START + 10 * SECOND)
    assert [(g.start, g.end, g.cause) for g in gaps] == [(START + SECOND, START + 3 * SECOND, GapCause.DISK)]
    assert len(spans) == 2
    assert check(log.root, index).details == ()
    index.close()


def test_files_are_closed_by_age(log: Log) -> None:
    log.put("cam", START)
    log.settle()
    log.clock.forward(3600)
    log.put("cam", START + 3600 * SECOND)
    log.settle()
    assert len(list(log.root.glob("default/*.khl"))) == 2


@pytest.mark.parametrize("ending", ["fail", "end"])
def test_a_span_that_grew_for_seconds_is_stored_whole_when_it_ends(log: Log, ending: str) -> None:
    for number in range(5):
        log.put("cam", START + number * SECOND)
        log.settle()
    stream = log.writer.stream("cam", StreamName.MAIN, "default")
    log.writer.happened(stream, ending, START + 5 * SECOND, GapCause.LINK, "cut")
    log.settle()
    index = Index(log.root / "index.sqlite")
    spans, _ = index.coverage(index.find_stream("cam", StreamName.MAIN), START, START + 10 * SECOND)
    told = [body.span.end for _, body in index.queued(100) if hasattr(body, "span")]
    index.close()
    assert spans[-1].end == START + 5 * SECOND
    assert told[-1] == START + 5 * SECOND
