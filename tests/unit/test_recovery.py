"""Recovery of one worker's files while another goes on, and of what a crash leaves half done."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_log import SECOND, START, TRACK, Log, _forget_tail, _reopen

from khue.model.camera import StreamName
from khue.model.coverage import Gap, GapCause
from khue.model.retention import DAY
from khue.sim.accounting import holes
from khue.video.block import NO_HASH, PAGE, BlockMeta, padded, seal
from khue.video.check import check
from khue.video.index import Index
from khue.video.recovery import recover
from khue.video.retention import Disk, retain
from khue.wire.link import Hold, RetentionPolicy


@pytest.fixture
def index(tmp_path: Path):
    index = Index(tmp_path / "index.sqlite")
    yield index
    index.close()


def test_a_worker_takes_in_what_its_forerunner_wrote_and_did_not_index(tmp_path: Path, index: Index) -> None:
    """Killed between the bytes and the index. Without this the next block would name the wrong predecessor."""
    log = Log(tmp_path)
    for number in range(20):
        log.put("cam", START + number * SECOND)
    log.settle()
    log.writer.stop()
    (path,) = tmp_path.glob("default/*-0.khl")
    _forget_tail(tmp_path, path)
    recovered = recover(tmp_path, index, writer=0)
    assert recovered.blocks == 10
    again = Log(tmp_path)
    again.put("cam", START + 21 * SECOND)
    again.settle()
    again.writer.stop()
    assert check(tmp_path, index).details == ()
    rows = index.blocks(index.find_stream("cam", StreamName.MAIN), START, START + 60 * SECOND)
    assert [row.sequence for row in rows] == list(range(21))


def test_one_workers_recovery_leaves_the_others_file_alone(tmp_path: Path, index: Index) -> None:
    """The other one may be in the middle of a block, or may just have made a file that the index does not know yet."""
    log = Log(tmp_path)
    log.put("cam", START)
    log.settle()
    (path,) = tmp_path.glob("default/*-0.khl")
    with path.open("ab") as file:
        file.write(path.read_bytes()[: PAGE + 100])
    fresh = path.with_name(f"{START + 5}-10.khl")
    fresh.write_bytes(path.read_bytes())
    held = tmp_path / "held" / f"{START}-1.khl"
    held.parent.mkdir()
    held.write_bytes(b"half a copy")
    size = path.stat().st_size
    recovered = recover(tmp_path, index, writer=1)
    assert recovered == (0, 0, 0, 0)
    assert path.stat().st_size == size
    assert [file.state for file in index.files()] == ["open"]
    log.writer.stop()


def test_a_file_that_was_only_just_made_is_taken_in(tmp_path: Path, index: Index) -> None:
    """Its maker was killed before it could tell the index."""
    buffer = memoryview(bytearray(2 * PAGE))
    meta = BlockMeta("cam", StreamName.MAIN, 0, START, START + SECOND, (TRACK,), (), [], 15, 50, 0, [])
    length, _ = seal(buffer, 100, meta, NO_HASH)
    path = tmp_path / "default" / f"{START}-3.khl"
    path.parent.mkdir()
    path.write_bytes(buffer[:length])
    assert recover(tmp_path, index, writer=3).blocks == 1
    assert check(tmp_path, index).details == ()


def test_a_copy_for_a_hold_that_a_crash_cut_short_costs_nothing(tmp_path: Path, index: Index) -> None:
    log = Log(tmp_path)
    for number in range(6):
        log.put("cam", START + number * SECOND)
    log.settle()
    log.writer.stop()
    hold = Hold(id="h", camera="cam", start=START, end=START + 3 * SECOND, reason="case 7", review=START)
    half = tmp_path / "held" / f"{START}-1-1.part"
    half.parent.mkdir()
    half.write_bytes(b"half a copy")
    recover(tmp_path, index)
    policies = [RetentionPolicy(name="default", days=1)]
    for day in (2, 3):  # the second run finds a hold on more of what is held already
        retain(tmp_path, index, policies, [hold], START + day * DAY, space=Disk(100, 100), free_target=0)
        assert check(tmp_path, index).details == ()
    stream = index.find_stream("cam", StreamName.MAIN)
    assert {row.first for row in index.blocks(stream, START, START + 60 * SECOND)} >= {START, START + 2 * SECOND}


def test_a_damaged_block_under_a_hold_does_not_stop_the_rest_of_retention(tmp_path: Path, index: Index) -> None:
    """The damaged file stays, for a person to look at; the others go."""
    for camera in ("damaged", "other"):
        log = Log(tmp_path)
        log.put(camera, START, retention_class=camera)
        log.settle()
        log.writer.stop()
    (path,) = tmp_path.glob("damaged/*.khl")
    data = bytearray(path.read_bytes())
    data[PAGE + 10] ^= 1
    path.write_bytes(data)
    hold = Hold(id="h", camera="damaged", start=START, end=START + SECOND, reason="case 7", review=START)
    policies = [RetentionPolicy(name=name, days=1) for name in ("damaged", "other")]
    kept = retain(tmp_path, index, policies, [hold], START + 2 * DAY, space=Disk(100, 100), free_target=0)
    assert [name.split("/")[0] for name in kept.deleted] == ["other"]
    assert "hash differs" in kept.problem
    assert path.exists()


def test_retention_does_not_touch_gaps_inside_what_it_deletes(tmp_path: Path, index: Index) -> None:
    """The camera was off for a while; that stays the camera's gap after the recording around it has gone."""
    log = Log(tmp_path)
    for second in (0, 1, 2, 30, 31):
        log.put("cam", START + second * SECOND)
    log.settle()
    log.writer.stop()
    policies = [RetentionPolicy(name="default", days=1)]
    retain(tmp_path, index, policies, [], START + 2 * DAY, space=Disk(100, 100), free_target=0)
    spans, gaps = index.coverage(index.find_stream("cam", StreamName.MAIN), 0, 2**62)
    assert spans == []
    cut = [(gap.start, gap.end, gap.cause) for gap in gaps]
    assert cut == [
        (START, START + 3 * SECOND, GapCause.POLICY),
        (START + 3 * SECOND, START + 30 * SECOND, GapCause.CAMERA),
        (START + 30 * SECOND, START + 32 * SECOND, GapCause.POLICY),
    ]
    assert all(isinstance(gap, Gap) and not gap.partial for gap in gaps)


def test_file_by_file_retention_leaves_no_slivers_between_blocks(tmp_path: Path, index: Index) -> None:
    """Nothing arrived in the twentieth of a second between two blocks, yet it was recording."""
    log = Log(tmp_path, file_size=1)
    for number in range(5):
        log.put("cam", START + number * (SECOND + SECOND // 20))
        log.settle()
    end = START + 4 * (SECOND + SECOND // 20) + SECOND
    log.writer.stop()
    assert len(index.files()) == 5
    policies = [RetentionPolicy(name="default", days=1)]
    for second in range(7):  # they come of age one by one
        retain(tmp_path, index, policies, [], START + DAY + second * SECOND, space=Disk(100, 100), free_target=0)
        spans, gaps = index.coverage(index.find_stream("cam", StreamName.MAIN), 0, 2**62)
        assert holes(spans, gaps, START, end) == []
        assert len([gap for gap in gaps if gap.cause is GapCause.POLICY]) <= 1
    assert spans == []
    assert check(tmp_path, index).details == ()


@pytest.mark.parametrize("left", ["all but the last blocks", "nothing"])
def test_what_a_power_cut_took_from_the_file_is_a_gap(tmp_path: Path, index: Index, left: str) -> None:
    """The index had reached the disk, the end of the log had not."""
    log = Log(tmp_path)
    for number in range(10):
        log.put("cam", START + number * SECOND)
    log.settle()
    log.writer.stop()
    _reopen(tmp_path)
    (path,) = tmp_path.glob("default/*.khl")
    if left == "nothing":
        path.unlink()
    else:
        with path.open("r+b") as file:
            file.truncate(padded(5000) * 7 + PAGE)
    recover(tmp_path, index)
    again = Log(tmp_path)
    again.put("cam", START + 20 * SECOND)
    again.settle()
    again.writer.stop()
    report = check(tmp_path, index)
    assert report.details == ()
    assert report.blocks == (8 if left != "nothing" else 1)
    spans, gaps = index.coverage(index.find_stream("cam", StreamName.MAIN), 0, 2**62)
    kept = [(START, START + 7 * SECOND)] if left != "nothing" else []
    assert [(span.start, span.end) for span in spans] == [*kept, (START + 20 * SECOND, START + 21 * SECOND)]
    assert holes(spans, gaps, START, START + 10 * SECOND) == []
    assert {gap.cause for gap in gaps} == {GapCause.NODE}
