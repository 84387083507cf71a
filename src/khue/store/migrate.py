"""Numbered migrations: ``migrations/NNNN_title.sql``, each applied once and in order; all that are new, or none."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from khue.model.errors import ConfigError
from khue.store.postgres import Database

MIGRATIONS = Path(__file__).with_name("migrations")
SCHEMA = Path(__file__).with_name(
    "schema"
)  # what all migrations make, a file for each subject; tests hold one to the other
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK = 0x6B687565  # "khue": replicas that start together migrate one after the other
_LEDGER = """
create table if not exists migration (
    number integer primary key,
    title text not null,
    sha256 text not null,  -- of the file: an applied migration is never edited
    applied timestamptz not null default now()
)
"""


class Migration(NamedTuple):
    number: int
    title: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(directory: Path = MIGRATIONS) -> list[Migration]:
    """All of them in order. Raises ConfigError when a number is missing, doubled or a name is malformed."""
    found = []
    for path in sorted(directory.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ConfigError(f"{path.name} is not called NNNN_title.sql")
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ConfigError("migrations are not numbered 0001, 0002, ... without gaps")
    return found


async def migrate(database: Database) -> list[int]:
    """Bring the database up to this version; returns the numbers applied. Raises ConfigError when it is newer or altered."""
    migrations = read_migrations()
    async with database.transaction() as session:
        await session.execute("select pg_advisory_xact_lock($1)", _LOCK)
        await session.execute(_LEDGER)
        rows = await session.fetch("select number, sha256 from migration order by number")
        applied = {row["number"]: row["sha256"] for row in rows}
        if applied and max(applied) > len(migrations):
            raise ConfigError(
                f"the database is at migration {max(applied)}, this version knows {len(migrations)}; run a newer version"
            )
        new = []
        for migration in migrations:
            if migration.number in applied:
                if applied[migration.number] != migration.sha256:
                    raise ConfigError(f"migration {migration.number:04} was changed after it was applied")
                continue
            await session.execute(migration.sql)
            await session.execute(
                "insert into migration (number, title, sha256) values ($1, $2, $3)",
                *(migration.number, migration.title, migration.sha256),
            )
            new.append(migration.number)
    return new
