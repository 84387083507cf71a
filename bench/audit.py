"""The audit log: durable entries a second, and how long an outsider takes to check a million of them.

Entries go through `AccessLog.write`, as every access does: so many writers at once, each waiting for its entry to be on disk
before it makes the next; fsync is on. Beside it stand the floors: one commit for each row, and 256 rows a commit, into the same
columns and indexes without a tree. Then the log is filled, exported, and checked by `khue audit verify` as a process of its
own, on one core; the centre checks its own tables too.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.measure import say
from bench.process import cpu, tree
from bench.table import markdown
from khue.centre.access.rules import Account, Role
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.audit.service import Audit
from khue.centre.config import CentreConfig
from khue.centre.regulation.service import Regulations
from khue.store.engines import Engines, EngineSettings
from khue.store.postgres import Database

MILLION = 1_000_000
SECONDS = 6.0  # each
WRITERS = (1, 16, 256)
TARGET_RATE, TARGET_VERIFY_S = 2000, 60.0
_BATCH = 256
_READER = Account("bench", "bench", "Bench", Role.AUDITOR, defence=True)
_PLAIN = """
create table plain (like audit_entry including defaults including indexes);
alter table plain alter seq add generated always as identity, alter salt set default '', alter leaf set default '';
"""
_INSERT = """
insert into plain (at, account, username, post, action, address, outcome, camera, stream, purpose, grant_id, clause, version)
select clock_timestamp(), a, u, p, 'camera:live', '10.0.0.1', 'allowed', c, 'main', 'situation', g, '7.2', 'hanoi-2026.1'
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) as x (a, u, p, c, g)
"""


def measure(entries: int, folder: Path) -> dict[str, Any]:
    """``floors`` and ``writing`` by name (entries a second, CPU, waits), ``checking``."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)  # as root, PostgreSQL runs as nobody
    return asyncio.run(_measure(entries, folder))


async def _measure(entries: int, folder: Path) -> dict[str, Any]:
    data = folder / "centre"
    data.mkdir()
    data.chmod(0o755)
    engines = Engines(EngineSettings(data_dir=data, connections=20))
    await engines.start()
    assert engines.postgres is not None
    assert engines.postgres.process is not None
    try:
        database = engines.database
        await database.execute(_PLAIN)
        await Regulations(database).ensure()  # without it nobody may read the log
        await database.execute(
            "insert into account (id, username, display_name, role, password_hash, defence)"
            " values ('bench', 'bench', 'Bench', 'auditor', 'x', true)"
        )
        floors = {
            "a commit for each row, 1 writer": await _rate(1, lambda number: _plain(database, number, 1)),
            "a commit for each row, 16 writers": await _rate(16, lambda number: _plain(database, number, 1)),
            f"{_BATCH} rows a commit, 1 writer": await _rate(
                1, lambda number: _plain(database, number, _BATCH), _BATCH
            ),
        }
        log = AccessLog(database)
        writing = {
            f"{writers} writers": await _rate(writers, lambda number: log.write(_entry(number))) for writers in WRITERS
        }
        writing["256 writers, two replicas"] = await _two_replicas(engines.postgres.dsn, log)
        checking = await _checking(database, log, entries, folder)
    finally:
        await engines.stop()
    return {"floors": floors, "writing": writing, "checking": checking}


def _entry(number: int) -> Entry:
    return Entry(
        *(f"{number % 5000:016x}", f"can.bo.{number % 5000}", "camera:live", "10.0.0.1", "allowed"),
        *(f"{number % 40_210:016x}", "main"),
        purpose="situation",
        post=f"post-{number % 900}",
        grant=f"{number % 20_000:032x}",
        clause="7.2",
        version="hanoi-2026.1",
    )


async def _plain(database: Database, number: int, count: int) -> None:
    rows = [_entry(number * count + place) for place in range(count)]
    columns = ([getattr(row, name) for row in rows] for name in ("account", "username", "post", "camera", "grant"))
    await database.execute(_INSERT, *columns)


async def _two_replicas(dsn: str, log: AccessLog) -> dict[str, Any]:
    other_database = Database(dsn)
    await other_database.start()
    logs = (log, AccessLog(other_database))
    try:
        return await _rate(256, lambda number: logs[number % 2].write(_entry(number)))
    finally:
        await other_database.stop()


async def _rate(writers: int, write: Callable[[int], Awaitable[None]], rows: int = 1) -> dict[str, Any]:
    """Entries a second, microseconds of CPU of this process and of PostgreSQL for each, and milliseconds a writer waits."""
    waits: list[float] = []
    numbers = iter(range(1 << 62))
    pids = tree([os.getpid()])
    before, begun = cpu(pids).total, time.monotonic()

    async def one() -> None:
        while (started := time.monotonic()) < begun + SECONDS:
            await write(next(numbers))
            waits.append(time.monotonic() - started)

    await asyncio.gather(*(one() for _ in range(writers)))
    took, worked = time.monotonic() - begun, cpu(tree([os.getpid()])).total - before
    waits.sort()
    count = len(waits) * rows
    result = {
        "per_s": round(count / took),
        "cpu_us": round(worked / count * 1e6),
        "p50_ms": round(waits[len(waits) // 2] * 1000, 1),
        "p95_ms": round(waits[int(len(waits) * 0.95)] * 1000, 1),
    }
    say(f"{writers} writers, {rows} rows each time: {result}")
    return result


async def _checking(database: Database, log: AccessLog, entries: int, folder: Path) -> dict[str, Any]:
    there = int(await database.fetchval("select size from audit_tree"))
    await asyncio.gather(*(_fill(log, first, entries) for first in range(there, there + 2000)))
    audit = Audit(database, CentreConfig(data_dir=str(folder / "centre")))
    begun = time.monotonic()
    own = await audit.verify()
    own_s = time.monotonic() - begun
    if not own.ok:
        raise RuntimeError(own.why)
    checkpoint, log_file = folder / "checkpoint.txt", folder / "log.ndjson"
    checkpoint.write_text((await audit.checkpoints.make()).signed.note)
    begun = time.monotonic()
    with log_file.open("wb") as file:
        async for piece in await audit.export.begin(_READER, None, None):
            file.write(piece)
    result = {
        "entries": own.size,
        "own_s": round(own_s, 1),
        "export_s": round(time.monotonic() - begun, 1),
        "bytes": log_file.stat().st_size,
        **_outside(log_file, checkpoint, audit.checkpoints.key.text),
    }
    say(f"checking: {result}")
    return result


async def _fill(log: AccessLog, first: int, entries: int) -> None:
    for number in range(first, entries, 2000):
        await log.write(_entry(number))


def _outside(log_file: Path, checkpoint: Path, key: str) -> dict[str, float]:
    command = [sys.executable, "-m", "khue.run", "audit", "verify", str(log_file), "--checkpoint", str(checkpoint)]
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([*command, "--key", key], check=True, env={"PATH": os.environ["PATH"]}, stdout=subprocess.DEVNULL)
    took = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "verify_s": round(took, 1),
        "verify_cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "verify_mb": round(after.ru_maxrss / 1024),
    }


def page(results: dict[str, Any], facts: str) -> str:
    """``bench/audit.md``."""
    check = results["checking"]
    rows = [
        (name, f"{one['per_s']:,}", str(one["p50_ms"]), str(one["p95_ms"]), str(one["cpu_us"]), target)
        for group, target in (("floors", "-"), ("writing", f"{TARGET_RATE:,} at 256"))
        for name, one in results[group].items()
    ]
    return "\n".join(
        (
            "# The audit log\n",
            facts,
            "Made by `python -m bench audit`. What each figure means stands in `bench/audit.py`.\n",
            "## Durable entries\n",
            markdown(("", "entries a second", "p50 ms", "p95 ms", "CPU µs an entry", "target"), rows),
            "## Checking\n",
            markdown(
                (
                    "entries",
                    "export",
                    "file",
                    "`khue audit verify` s",
                    "its CPU s",
                    "its MB",
                    "target s",
                    "the centre itself s",
                ),
                [
                    (
                        *(f"{check['entries']:,}", f"{check['export_s']} s", f"{check['bytes'] / 1e6:.0f} MB"),
                        *(str(check["verify_s"]), str(check["verify_cpu_s"]), str(check["verify_mb"])),
                        *(f"{TARGET_VERIFY_S:g}", str(check["own_s"])),
                    )
                ],
            ),
        )
    )
