"""The spreadsheets of a whole simulated city in and out again, by the commands a person would type."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.table import markdown

TARGET_S = 30.0  # of the transaction
_LONGEST = 900.0


def measure(cameras: int, folder: Path) -> dict[str, Any]:
    """Seconds as the commands say them (wall), CPU-seconds of everything they started, and what the score says."""
    city, data = folder / "city", folder / "data"
    made, made_cpu = _khue(folder, "sim", "fleet", "--cameras", str(cameras), "--seed", "7", "--out", str(city))
    fleet = ("fleet", "--data", str(data))
    plan, plan_cpu = _khue(folder, *fleet, "import", str(city), "--dry-run")
    whole, whole_cpu = _khue(folder, *fleet, "import", str(city), "--yes")
    score, _ = _khue(folder, *fleet, "score", str(city / "truth.jsonl"))
    undo, undo_cpu = _khue(folder, *fleet, "undo", "last")
    return {
        "rows": whole["read"],
        "steps": {
            "make the sheets": {"seconds": made["seconds"], "cpu_s": made_cpu},
            "dry run": {"seconds": plan["seconds"], "cpu_s": plan_cpu},
            "dry run, then write": {"seconds": whole["seconds"], "cpu_s": whole_cpu},
            "undo": {"seconds": undo.get("seconds", 0.0), "cpu_s": undo_cpu},
        },
        "score": {name: score[name] for name in _SCORE},
    }


_SCORE = (
    *("rows", "right_created", "right_duplicate", "right_refused", "reasons_right", "wrong", "lost", "extra"),
    *("values_compared", "values_right"),
)


def _khue(folder: Path, *arguments: str) -> tuple[dict[str, Any], float]:
    """(what the command says, CPU-seconds of it and of all it started)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "khue.run", *arguments, "--json"],
        env={**os.environ, "XDG_CONFIG_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if not done.stdout:
        raise RuntimeError(f"khue {' '.join(arguments)}: {done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), round(cpu, 1)


def section(results: dict[str, Any]) -> str:
    """The part of ``bench/fleet.md`` about sheets."""
    steps = [(name, f"{one['seconds']:.1f}", f"{one['cpu_s']:.1f}") for name, one in results["steps"].items()]
    return "\n".join(
        (
            "## Spreadsheets of forty agencies\n",
            f"{results['rows']:,} rows in 53 files. The target is {TARGET_S:g} s for the transaction:"
            " the third line less the second.\n",
            markdown(("step", "seconds", "CPU-seconds"), steps),
            markdown(("scored against the truth", "rows"), [(name, f"{n:,}") for name, n in results["score"].items()]),
        )
    )
