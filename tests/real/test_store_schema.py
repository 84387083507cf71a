"""Migrations make exactly the schema that is written down."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest

from khue.model.errors import ConfigError
from khue.store import migrate as migrations
from khue.store.embedded_postgres import EmbeddedPostgres
from khue.store.migrate import SCHEMA, migrate, read_migrations
from khue.store.postgres import Database


def _dump(postgres: EmbeddedPostgres, database: str) -> list[str]:
    """The schema as PostgreSQL writes it down; pg_dump ends some lines with a number made anew each time."""
    dsn = postgres.dsn.replace("/khue?", f"/{database}?")
    command = [postgres.program("pg_dump"), "--schema-only", "--no-owner", "--exclude-table=migration", dsn]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if line and not line.startswith(("--", "\\"))]


async def test_the_migrations_make_the_schema() -> None:
    with tempfile.TemporaryDirectory(prefix="khue-test-") as directory:
        Path(directory).chmod(0o755)
        postgres = EmbeddedPostgres(Path(directory))
        await postgres.start()
        database = Database(postgres.dsn)
        written = Database(postgres.dsn.replace("/khue?", "/written?"))
        try:
            await database.start()
            assert await migrate(database) == [migration.number for migration in read_migrations()]
            assert await migrate(database) == []
            await database.execute("create database written")
            await written.start()
            for page in sorted(SCHEMA.glob("*.sql")):
                await written.execute(page.read_text())
            assert _dump(postgres, "khue") == _dump(postgres, "written")
            await _refuses_what_was_altered(database)
        finally:
            await written.stop()
            await database.stop()
            await postgres.stop()


async def _refuses_what_was_altered(database: Database) -> None:
    await database.execute("update migration set sha256 = 'another' where number = 1")
    with pytest.raises(ConfigError, match="changed after it was applied"):
        await migrate(database)
    await database.execute("insert into migration (number, title, sha256) values (9999, 'later', '')")
    with pytest.raises(ConfigError, match="run a newer version"):
        await migrate(database)


@pytest.mark.parametrize("names", [["0002_second.sql"], ["0001_a.sql", "0003_c.sql"], ["first.sql"]])
def test_numbers_without_gaps(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("select 1;")
    with pytest.raises(ConfigError):
        migrations.read_migrations(tmp_path)
