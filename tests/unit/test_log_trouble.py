"""The log when something under it fails: nothing is lost silently, and it goes on when it can."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from test_log import SECOND, START, Log

from khue.model.camera import StreamName
from khue.model.coverage import GapCause
from khue.model.errors import ConfigError
from khue.node.lock import DataLock
from khue.video.check import check
from khue.video.index import Index
from khue.video.log import LogWriter
from khue.wire.link import SpanChange


@pytest.fixture
def log(tmp_path: Path):
    log = Log(tmp_path)
    yield log
    if log.writer._thread.is_alive():
        log.writer.stop()


def _pages(log: Log, limit: int) -> None:
    """A limit to the index's size: beyond it SQLite says what it says on a full disk."""
    log.writer._index._db.execute(f"PRAGMA max_page_count = {limit}")


def test_an_index_without_room_is_caught_up_when_there_is_some(log: Log) -> None:
    log.put("cam", START)
    log.settle()
    _pages(log, 1)  # as many as there are
    at = START
    while not log.alerts:
        at += SECOND
        log.put("cam", at)
        log.settle()
    assert "even the index cannot be written: free room" in log.alerts[-1]
    log.put("new", at)  # a stream that it has not met
    log.put("cam", at + SECOND)
    _pages(log, 1_000_000)
    log.settle()
    assert log.alerts[-1] == ""
    log.writer.stop()
    index = Index(log.root / "index.sqlite")
    assert check(log.root, index).details == ()
    spans, gaps = index.coverage(index.find_stream("cam", StreamName.MAIN), 0, 2**62)
    assert [(span.start, span.end) for span in spans] == [(START, at + 2 * SECOND)]
    assert gaps == []
    index.close()


def test_it_can_be_stopped_while_the_index_is_out_of_order(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of streams that it never met are let go; recovery finds none of them, and the ledger says the node was away."""

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(log.writer._index, "stream", fail)
    log.put("cam", START)
    log.writer.stop()
    assert not log.writer._thread.is_alive()
    assert "the index cannot be written (disk I/O error)" in log.alerts[-1]


def test_a_fault_of_our_own_is_not_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorder's process is ended then: the next one begins with recovery."""
    failed = threading.Event()
    log = Log(tmp_path, on_failure=failed.set)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(LogWriter, "_store", broken)
    log.put("cam", START)
    assert failed.wait(10)


def test_files_change_hands_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    """More blocks at once than one write takes: each file must know all of its own, or retention forgets some."""
    log = Log(tmp_path, file_size=20 * 12_288)
    for number in range(60):
        log.put(f"cam-{number}", START + number)
    log.settle()
    index = Index(tmp_path / "index.sqlite")
    files = index.files()
    assert len(files) > 1
    for file in files:
        rows = index.blocks_of_file(file.id)
        assert (file.first, file.last) == (min(r.first for r in rows), max(r.last for r in rows))
        assert file.length == max(row.offset + row.length for row in rows)
        assert {row.offset for row in index.blocks_between(file)} == {row.offset for row in rows}
    index.close()
    log.writer.stop()


def test_a_file_nobody_writes_to_any_more_is_closed_by_age(log: Log) -> None:
    log.put("cam", START, retention_class="gone")
    log.settle()
    for tenth in range(6030):  # while the log is busy all the time
        log.clock.forward(0.1)
        if tenth % 100 == 0:
            log.put("other", START + tenth * SECOND // 10, retention_class="living")
            log.settle()
    log.settle()
    index = Index(log.root / "index.sqlite")
    assert {file.retention_class: file.state for file in index.files()} == {"gone": "sealed", "living": "open"}
    index.close()


def test_on_a_full_disk_open_files_are_handed_to_retention(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.put("cam", START)
    log.settle()
    monkeypatch.setattr(log.writer, "_reserve", 2**62)
    log.put("cam", START + SECOND)
    log.settle()
    index = Index(log.root / "index.sqlite")
    assert [file.state for file in index.files()] == ["sealed"]
    _, gaps = index.coverage(index.find_stream("cam", StreamName.MAIN), 0, 2**62)
    assert [gap.cause for gap in gaps] == [GapCause.DISK]
    index.close()


async def test_only_one_node_at_a_time_has_a_folder(tmp_path: Path) -> None:
    first, second = DataLock(tmp_path), DataLock(tmp_path)
    await first.take()
    with pytest.raises(ConfigError, match="another node is using"):
        await second.take(0.1)

    inherited = os.dup(first.fd)  # a recorder that outlives its node
    first.release()
    with pytest.raises(ConfigError):
        await second.take(0.1)
    os.close(inherited)
    await second.take()
    second.release()


def test_what_waits_for_the_centre_is_the_latest_of_each(log: Log) -> None:
    """A span that grows for hours while the link is down is one message, not thousands."""
    for second in range(60):
        log.put("cam", START + second * SECOND)
        log.settle()
    index = Index(log.root / "index.sqlite")
    (change,) = [body for _, body in index.queued(1000) if isinstance(body, SpanChange)]
    assert change.span.start == START
    assert change.span.end > START + 40 * SECOND
    index.close()
