"""The recording benchmark over numbers of cameras, bit rates and codecs; and its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench import table
from bench.engines import WHAT
from bench.measure import PEERS, Measured, measure_at_largest, say
from bench.source import City, Codec, Source

Results = dict[str, Measured]


class Setting(NamedTuple):
    """One table of the page."""

    cameras: int
    mbps: float
    codec: Codec

    @property
    def title(self) -> str:
        return f"{self.cameras} cameras, {self.mbps:g} Mb/s {self.codec.upper().replace('H26', 'H.26')}"


class Plan(NamedTuple):
    """What is measured. ``peers_at_most``: peers are given no more cameras than this; per camera they compare all the same."""

    settings: tuple[Setting, ...]
    seconds: float
    peers_at_most: int


FULL = Plan(
    tuple(
        Setting(cameras, mbps, codec)
        for codec in ("h264", "h265")
        for mbps in (2.0, 4.0)
        for cameras in (50, 100, 200, 400)
    ),
    seconds=10.0,
    peers_at_most=400,
)  # fmt: skip
QUICK = Plan((Setting(100, 2.0, "h264"), Setting(400, 2.0, "h264")), seconds=10.0, peers_at_most=100)


def run(plan: Plan, names: Sequence[str], folder: Path) -> dict[Setting, Results]:
    """Everything in the plan, the numbers of cameras of one bit rate and codec in the order given."""
    measured: dict[Setting, Results] = {}
    held: dict[tuple[str, float, Codec], Measured] = {}
    for setting in plan.settings:
        say(f"-- {setting.title}")
        city = City(setting.cameras, round(setting.mbps * 1000), setting.codec)
        place = folder / f"{setting.cameras}-{setting.mbps:g}-{setting.codec}"
        with Source(city) as source:
            results: Results = {}
            for name in names:
                key = (name, setting.mbps, setting.codec)
                results[name] = _one(name, source, setting, plan, place, held.get(key))
                held[key] = results[name]
        measured[setting] = results
    return measured


def _one(name: str, source: Source, setting: Setting, plan: Plan, folder: Path, before: Measured | None) -> Measured:
    """One engine in one setting. A peer that is at its largest already keeps what was measured there."""
    asked = setting.cameras
    if name not in PEERS:
        return measure_at_largest(name, source, asked, plan.seconds, folder)
    largest = before.cameras if before else 0
    if before and (largest < before.asked or largest >= plan.peers_at_most):
        return msgspec.structs.replace(before, asked=asked, note=f"measured at {largest}, in the same run")
    got = measure_at_largest(name, source, min(asked, plan.peers_at_most), plan.seconds, folder)
    return msgspec.structs.replace(
        got, asked=asked, note=got.note or (f"measured at {got.cameras}" * (got.cameras < asked))
    )


SUMMARY = (
    "setting",
    "khue x floor B",
    "khue of ffmpeg",
    "khue CPU-ms",
    "floor B",
    "ffmpeg",
    "khue MB/camera",
    "khue lost",
)


def summary(measured: dict[Setting, Results]) -> Iterator[tuple[str, ...]]:
    """One line per setting: what the targets are about."""
    for setting, results in measured.items():
        khue, floor, ffmpeg = (results.get(name) for name in ("khue", "floor_b", "ffmpeg"))
        if khue is None:
            continue
        yield (
            setting.title,
            table.ratio(khue, floor),
            table.times_less(khue, ffmpeg),
            f"{khue.cpu_ms_per_camera_second:.3f}",
            f"{floor.cpu_ms_per_camera_second:.3f}" if floor else "-",
            f"{ffmpeg.cpu_ms_per_camera_second:.3f} (at {ffmpeg.cameras})" if ffmpeg else "-",
            f"{khue.rss_mb_per_camera:.2f}",
            f"{khue.frames_lost} of {khue.frames_sent}",
        )


def page(measured: dict[Setting, Results], facts: str) -> str:
    """``bench/recording.md``."""
    engines = list(dict.fromkeys(name for results in measured.values() for name in results))
    parts = [
        "# Recording\n",
        facts,
        "Made by `python -m bench matrix`. What each figure means stands in `bench/measure.py`. CPU-ms are milliseconds of"
        " processor time per camera and second of video; compare ratios, not milliseconds: they come from one run and one"
        " source.\n",
        "\n".join(f"- **{name}**: {WHAT[name]}" for name in engines) + "\n",
        "## Ratios\n",
        table.markdown(SUMMARY, summary(measured)),
    ]
    for setting, results in measured.items():
        parts += [f"## {setting.title}\n", table.markdown(table.COLUMNS, table.rows(results))]
    return "\n".join(parts)
