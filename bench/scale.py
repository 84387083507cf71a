"""How far one worker goes: a thousand cameras in one process, and four hundred that all connect at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from bench.measure import Measured, measure, say
from bench.source import City, Source
from bench.table import markdown

BIT_RATES = (2000, 1000, 500)  # kb/s, tried in this order: the source needs a core of its own


def connect(cameras: int, folder: Path, kbps: int = 2000) -> dict[str, Any]:
    """All cameras are given to a node that starts; seconds until each records: ``p50``, ``p95``, ``max``."""
    with Source(City(cameras, kbps)) as source:
        measured = measure("khue", source, cameras, 1.0, folder / "connect")
    return {"cameras": cameras, "started_s": measured.notes["started_s"], **measured.notes["recording_after_s"]}


def thousand(cameras: int, seconds: float, folder: Path) -> dict[str, Any]:
    """One worker process, at the highest bit rate at which the source can feed that many here."""
    for kbps in BIT_RATES:
        with Source(City(cameras, kbps)) as source:
            measured = measure("khue", source, cameras, seconds, folder / f"thousand-{kbps}")
        if measured.holds or kbps == BIT_RATES[-1]:
            break
        say(f"{cameras} cameras at {kbps} kb/s: {_why(measured)}; trying less")
    return {"kbps": kbps, "asked_kbps": BIT_RATES[0], **msgspec.to_builtins(measured)}


def _why(measured: Measured) -> str:
    due = measured.frames_sent + measured.frames_unsent
    return f"lost {measured.frames_lost}, unsent {measured.frames_unsent} of {due}, source {measured.source_late_ms} ms late"


def page(connected: dict[str, Any], many: dict[str, Any], facts: str) -> str:
    """``bench/scale.md``."""
    rate = many["kbps"] / 1000
    less = "" if many["kbps"] == many["asked_kbps"] else " (the machine could not feed more)"
    return "\n".join(
        (
            "# Scale\n",
            facts,
            "Made by `python -m bench connect` and `python -m bench thousand`.\n",
            "## All cameras at once\n",
            f'Seconds from the moment the worker has its cameras to the state "recording"; to start the node\'s processes took'
            f" {connected['started_s']} s before that.\n",
            markdown(
                ("cameras", "recording", "p50", "p95", "all of them"),
                [[str(connected.get(column, "-")) for column in ("cameras", "count", "p50", "p95", "max")]],
            ),
            "## One worker process\n",
            markdown(
                ("cameras", "Mb/s each", "lost", "unsent", "CPU-ms / camera-s", "cores", "MB / camera"),
                [
                    (
                        str(many["cameras"]),
                        f"{rate:g}{less}",
                        f"{many['frames_lost']} of {many['frames_sent']}",
                        str(many["frames_unsent"]),
                        f"{many['cpu_ms_per_camera_second']:.3f}",
                        f"{many['cpu_ms_per_camera_second'] * many['cameras'] / 1000:.2f}",
                        f"{many['rss_mb_per_camera']:.2f}",
                    )
                ],
            ),
        )
    )
