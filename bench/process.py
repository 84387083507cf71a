"""What a tree of processes costs, as the operating system counts it; and what machine this is."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_MB = 1_000_000


class _Stat(NamedTuple):
    """The fields of /proc/PID/stat that are needed here (proc(5)); times in seconds."""

    parent: int
    user: float
    system: float
    reaped: float  # utime + stime of children that ended and were waited for


class Cpu(NamedTuple):
    """CPU-seconds. ``user`` and ``system`` have the kernel's 10 ms steps, ``total`` has nanoseconds."""

    total: float
    user: float
    system: float

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.total - other.total, self.user - other.user, self.system - other.system)

    def __add__(self, other: object) -> Cpu:
        if not isinstance(other, Cpu):
            return NotImplemented
        return Cpu(self.total + other.total, self.user + other.user, self.system + other.system)


NOTHING = Cpu(0.0, 0.0, 0.0)


def _stat(pid: int) -> _Stat | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    user, system, child_user, child_system = (int(field) * _TICK_S for field in fields[11:15])
    return _Stat(int(fields[1]), user, system, child_user + child_system)


def tree(roots: Iterable[int]) -> set[int]:
    """These processes and all their living descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _stat(int(entry))) is not None:
            children.setdefault(stat.parent, []).append(int(entry))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def cpu(pids: Iterable[int]) -> Cpu:
    """CPU time of these processes with all their threads, and of their children that have ended."""
    total = NOTHING
    for pid in pids:
        stat = _stat(pid)
        if stat is None:
            continue
        try:
            own = time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3) of another process
        except OSError:
            own = stat.user + stat.system
        total += Cpu(own + stat.reaped, stat.user, stat.system)
    return total


def memory_mb(pids: Iterable[int]) -> float:
    """Resident memory (PSS: a page that several processes share counts once). Megabytes of 10^6 bytes."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total / _MB


def machine_busy_s() -> float:
    """CPU-seconds the whole machine has worked since it started, interrupts included."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, _steal = fields
    return (user + nice + system + irq + softirq) * _TICK_S


def machine_facts() -> dict[str, str]:
    """What a table of measurements must say about where it was measured."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor() or "unknown",
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    return {
        "cores": str(os.cpu_count()),
        "processor": model,
        "memory": f"{memory:.0f} GB",
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
