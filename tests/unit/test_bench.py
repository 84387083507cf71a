"""The benchmark: its arguments, its tables, how it counts pictures, and one small run from end to end."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the benchmark stands beside the product, not in it

from bench import table  # noqa: E402
from bench.__main__ import main  # noqa: E402
from bench.frames import unwrap, whole_pictures  # noqa: E402
from bench.matrix import Setting, page, summary  # noqa: E402
from bench.measure import Measured  # noqa: E402
from bench.spread import spread  # noqa: E402


def measured(engine: str, cpu: float, **more: object) -> Measured:
    values = {
        "engine": engine, "cameras": 100, "asked": 100, "cpu_ms_per_camera_second": cpu, "rss_mb_per_camera": 0.5,
        "frames_lost": 0, "frames_sent": 1500, "frames_recorded": 1500, "frames_unsent": 0, "user_ms": cpu / 2,
        "system_ms": cpu / 2, "parts": {"engine": cpu}, "seconds": 1.0, "connect_s": 1.0, "cameras_recording": 100,
        "source_cpu_ms": 0.2, "source_late_ms": 1.0, "others_cores": 0.0,
    }  # fmt: skip
    return Measured(**{**values, **more})  # type: ignore[arg-type]


RESULTS = {
    "khue": measured("khue", 0.4, parts={"worker": 0.39, "main": 0.01}),
    "floor_b": measured("floor_b", 0.2),
    "ffmpeg": measured("ffmpeg", 2.8, cameras=50, note="does not hold 100 here: measured at 50"),
}


@pytest.mark.parametrize(
    "arguments",
    [
        ["recording", "--engines", "vlc"],
        ["recording", "--engines", ""],
        ["recording", "--cameras", "0"],
        ["recording", "--codec", "vp9"],
        ["nothing"],
    ],
)
def test_wrong_arguments_are_refused_before_anything_starts(arguments: list[str]) -> None:
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 2
    assert "Error" in outcome.output


def test_ratios_are_against_floor_b_and_ffmpeg() -> None:
    rows = {row[0]: dict(zip(table.COLUMNS, row, strict=True)) for row in table.rows(RESULTS)}
    assert rows["khue"]["x floor B"] == "2.00"
    assert rows["khue"]["x ffmpeg"] == "1/7.0"
    assert rows["khue"]["CPU-ms / camera-s"] == "0.400 (worker 0.390 + main 0.010)"
    assert rows["floor_b"]["x floor B"] == "1.00"
    assert rows["ffmpeg"]["cameras"] == "50"
    assert rows["ffmpeg"]["note"].startswith("does not hold")


def test_a_table_without_its_bases_has_dashes() -> None:
    (row,) = table.rows({"khue": RESULTS["khue"]})
    assert row[1:3] == ("-", "-")


def test_the_page_gives_ratios_first_and_every_engine_after() -> None:
    setting = Setting(100, 2.0, "h264")
    text = page({setting: RESULTS}, "- cores: 2\n")
    assert text.index("## Ratios") < text.index("## 100 cameras, 2 Mb/s H.264")
    assert [line[1] for line in summary({setting: RESULTS})] == ["2.00"]
    assert "| ffmpeg | 14.00 |" in text


def test_a_peer_holds_a_number_when_next_to_nothing_is_missing() -> None:
    assert measured("ffmpeg", 1.0).holds
    assert not measured("ffmpeg", 1.0, frames_recorded=1400, frames_lost=100).holds
    assert not measured("ffmpeg", 1.0, frames_unsent=100).holds
    assert not measured("ffmpeg", 1.0, cameras_recording=99).holds


def packet(sequence: int, timestamp: int, *, marker: bool = False, channel: int = 0) -> bytes:
    kind = 96 | (0x80 if marker else 0)
    return struct.pack(">BBHBBHI", 36, channel, 20, 0x80, kind, sequence & 0xFFFF, timestamp) + bytes(12)


def test_a_picture_counts_only_when_it_is_whole() -> None:
    stream = (
        packet(65534, 10) + packet(65535, 10, marker=True)
        + b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n"
        + packet(0, 20) + packet(7, 90, channel=1) + packet(1, 20, marker=True)
        + packet(2, 30) + packet(4, 30, marker=True)  # packet 3 is missing
        + packet(5, 40, marker=True)
        + packet(6, 50, marker=True)[:-1]
    )  # fmt: skip
    assert whole_pictures(stream) == {10, 20, 40}


def test_places_in_the_loop_become_indexes_that_never_repeat() -> None:
    assert unwrap([8, 9, 0, 1, -1, 3], first=105, loop=10) == {108, 109, 110, 111, 113}
    assert unwrap([5, 5], first=105, loop=10) == {105, 115}


def test_percentiles_are_nearest_rank() -> None:
    assert spread([3.0, 1.0, 2.0, 4.0]) == {"p50": 3.0, "p95": 4.0, "max": 4.0, "count": 4}


def test_a_small_run_counts_every_picture() -> None:
    command = [sys.executable, "-m", "bench", "recording", "--cameras", "3", "--mbps", "1", "--seconds", "3"]
    run = subprocess.run(
        [*command, "--engines", "khue,floor_b", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout)
    assert list(results) == ["khue", "floor_b"]
    for result in results.values():
        assert result["cameras"] == result["cameras_recording"] == 3
        assert result["frames_sent"] > 60
        assert result["frames_lost"] == 0
        assert result["cpu_ms_per_camera_second"] > 0
        assert result["rss_mb_per_camera"] > 0
