"""The audit log on a real PostgreSQL: durable, without holes, and nobody bends it unseen, not even who owns the database."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from khue.centre.access.rules import Account, Role
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.audit.rows import entry_of
from khue.centre.audit.service import Audit
from khue.centre.audit.tree import edge_at
from khue.centre.config import CentreConfig
from khue.centre.regulation.service import Regulations
from khue.cli.audit_file import Result, read_lines
from khue.cli.audit_file import verify as verify_file
from khue.model.audit_compare import Change
from khue.model.errors import AuditError, Unavailable
from khue.model.merkle import consistent, included, root_of
from khue.store.embedded_postgres import EmbeddedPostgres
from khue.store.migrate import migrate, read_migrations
from khue.store.postgres import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")
_EVERYTHING = Account("auditor", "auditor", "Auditor", Role.AUDITOR, defence=True)
_NASTY = "".join(map(chr, range(1, 0x180))) + "\u2028\ufeff\U0001f600"


class Books:
    """A server on which each test has a database of its own, already migrated."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = EmbeddedPostgres(folder)
        self._made: list[Database] = []

    async def empty(self, name: str) -> Database:
        first = Database(self.postgres.dsn)
        await first.start()
        await first.execute(f"create database {name}")
        await first.stop()
        database = Database(self.postgres.dsn.replace("/khue?", f"/{name}?"))
        await database.start()
        self._made.append(database)
        return database

    async def log(self, name: str, count: int = 0) -> tuple[Database, AccessLog, Audit]:
        """A log with some entries, each in an order that is known."""
        database = await self.empty(name)
        await migrate(database)
        await Regulations(database).ensure()
        await database.execute(
            "insert into account (id, username, display_name, role, password_hash, defence)"
            " values ('auditor', 'auditor', 'Auditor', 'auditor', 'x', true)"
        )
        log = AccessLog(database)
        for first in range(0, count, 100):
            await asyncio.gather(*(log.write(_entry(seq)) for seq in range(first, min(first + 100, count))))
        return database, log, Audit(database, CentreConfig(data_dir=str(self.folder / name)))

    async def stop(self) -> None:
        for database in self._made:
            await database.stop()
        await self.postgres.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def books() -> AsyncIterator[Books]:
    with tempfile.TemporaryDirectory(prefix="khue-test-") as directory:
        Path(directory).chmod(0o755)
        made = Books(Path(directory))
        await made.postgres.start()
        try:
            yield made
        finally:
            await made.stop()


def _entry(number: int, **more: object) -> Entry:
    return Entry("a" * 16, f"người {number % 9}", "camera:live", "192.0.2.1", "allowed", purpose="situation", **more)  # type: ignore[arg-type]


async def _exported(audit: Audit, **period: dt.datetime | None) -> bytes:
    pieces = await audit.export.begin(_EVERYTHING, period.get("start"), period.get("end"))
    return b"".join([piece async for piece in pieces])


async def _verified(audit: Audit) -> Result:
    """As an outsider does with the file and the checkpoint made before it."""
    checkpoint = (await audit.checkpoints.current()).signed
    return verify_file(read_lines(io.BytesIO(await _exported(audit))), checkpoint, audit.checkpoints.key)


async def test_replicas_that_write_at_once_leave_no_hole_and_one_tree(books: Books) -> None:
    database, log, audit = await books.log("replicas")
    other_connections = Database(books.postgres.dsn.replace("/khue?", "/replicas?"))
    await other_connections.start()
    other = AccessLog(other_connections)
    await asyncio.gather(*((log, other)[number % 2].write(_entry(number)) for number in range(700)))
    for number in range(30):
        await (log, other)[number % 2].write(_entry(number))
    await other_connections.stop()
    rows = await database.fetch("select seq, at from audit_entry order by seq")
    assert [row["seq"] for row in rows] == list(range(730))
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    found = await audit.verify()
    assert (found.ok, found.size) == (True, 730)


async def test_every_field_is_kept_and_sql_makes_the_same_bytes(books: Books) -> None:
    database, log, _ = await books.log("fields")
    now = dt.datetime(2026, 1, 31, 8, 0, 0, 123457, dt.UTC)
    full = Entry(
        *("a", _NASTY, "camera:playback", "::1", "refused", "c1", "main", now, now + dt.timedelta(hours=1)),
        *("violation", "why\\", "post", "12/KH", "reason", "grant", "9.1", "hanoi-2026.1"),
        cameras=7,
        named=("c1", "c2"),
    )
    await log.write(full)
    await log.write(_entry(1, named=("c3",), detail="\0 and \ud800"))
    rows = await database.fetch("select e.*, audit_bytes(e) as bytes from audit_entry e order by seq")
    for row in rows:
        made = entry_of(row)
        assert bytes(row["bytes"]) == made.canonical
        assert row["leaf"] == made.leaf
    told = {name: rows[0][name] for name in Entry.__struct_fields__ if name not in ("grant", "named")}
    assert told == {name: getattr(full, name) for name in told}
    assert (rows[0]["grant_id"], rows[0]["named"]) == ("grant", ["c1", "c2"])
    assert (rows[1]["detail"], rows[1]["cameras"]) == ("\ufffd and ?", 1)
    assert rows[0]["salt"] != rows[1]["salt"]


async def test_an_entry_nobody_can_store_says_so_and_the_next_are_stored(books: Books) -> None:
    database, log, audit = await books.log("poison")
    impossible = Entry("a", "b", "c", "d", "perhaps")
    with pytest.raises(Unavailable, match="cannot be written"):
        await asyncio.wait_for(log.write(impossible), 10)
    await asyncio.wait_for(log.write(_entry(1)), 10)
    assert await database.fetchval("select count(*) from audit_entry") == 1
    assert (await audit.verify()).ok


async def test_nothing_is_changed_or_deleted(books: Books) -> None:
    database, _, audit = await books.log("frozen", 10)
    await audit.checkpoints.make()
    for table in ("audit_entry", "audit_batch", "audit_node", "audit_checkpoint"):
        column = "hash" if table == "audit_node" else "leaves" if table == "audit_batch" else "at"
        for statement in (f"update {table} set {column} = {column}", f"delete from {table}", f"truncate {table}"):
            with pytest.raises(Exception, match="never changed or deleted"):
                await database.execute(statement)
    for statement in ("update audit_tree set size = 3", "delete from audit_tree", "truncate audit_tree"):
        with pytest.raises(Exception, match=r"only grows|never changed"):
            await database.execute(statement)


async def test_proofs_of_any_size_come_from_what_is_stored(books: Books) -> None:
    database, _, audit = await books.log("proofs", 1300)
    leaves = b"".join([row["leaf"] for row in await database.fetch("select leaf from audit_entry order by seq")])
    assert await database.fetchval("select count(*) from audit_node") == 5
    for size in (1, 2, 255, 256, 257, 512, 1000, 1300):
        root = root_of(leaves[: size * 32])
        for seq in {0, size // 2, size - 1}:
            of, leaf, proof = await audit.inclusion(_EVERYTHING, seq, size)
            assert of == size
            assert included(seq, size, leaf, proof, root)
        for old in {0, 1, size // 3, size - 1, size}:
            _, proof = await audit.consistency(old, size)
            assert consistent(old, size, root_of(leaves[: old * 32]), root, proof)


async def test_what_the_log_held_before_it_had_a_tree_is_taken_over(books: Books) -> None:
    database = await books.empty("older")
    found = read_migrations()
    for migration in found[:6]:  # a database of before
        await database.execute(migration.sql)
    await database.execute(
        "insert into access_log (account, username, action, address, outcome, camera, detail, period_start)"
        " select 'a' || n, 'tên \"' || n, 'camera:live', '::1', 'allowed', '', e'x\\n' || n,"
        " case when n % 2 = 0 then now() end from generate_series(0, 1499) n"
    )
    await database.execute(found[6].sql)
    audit = Audit(database, CentreConfig(data_dir=str(books.folder / "older")))
    await AccessLog(database).write(_entry(1))
    verified = await audit.verify()
    assert (verified.ok, verified.size) == (True, 1501)
    row = await database.fetchrow("select * from audit_entry where seq = 7")
    assert row is not None
    assert (row["account"], row["username"], row["detail"]) == ("a7", 'tên "7', "x\n7")


# -- a database administrator

_UNGUARDED = "set local session_replication_role = replica"  # a superuser's way around every trigger

# what was done: where, and what the centre and an outsider call it
BENT: dict[str, tuple[str, int, tuple[Change, Change]]] = {
    "edited": ("update audit_entry set username = 'x' where seq = 321", 321, (Change.EDITED, Change.EDITED)),
    "removed": ("delete from audit_entry where seq = 321", 321, (Change.REMOVED, Change.REMOVED)),
    "several removed": ("delete from audit_entry where seq between 400 and 450", 400, (Change.REMOVED, Change.REMOVED)),
    "the last removed": ("delete from audit_entry where seq = 599", 599, (Change.REMOVED, Change.TRUNCATED)),
    "swapped": (
        "update audit_entry set seq = case seq when 10 then 1000000 else 10 end where seq in (10, 20);"
        " update audit_entry set seq = 20 where seq = 1000000",
        *(10, (Change.REORDERED, Change.REORDERED)),
    ),
    "closed up after a removal": (
        "delete from audit_entry where seq = 50; update audit_entry set seq = seq - 1000000 where seq > 50;"
        " update audit_entry set seq = seq + 999999 where seq < 0",
        *(50, (Change.REMOVED, Change.REMOVED)),
    ),
    "edited, hash and all": (
        "update audit_entry set username = 'x' where seq = 77;"
        " update audit_entry e set leaf = sha256('\\x00'::bytea || audit_bytes(e)) where seq = 77",
        *(77, (Change.EDITED, Change.EDITED)),
    ),
    "its hash edited": ("update audit_entry set leaf = sha256('x') where seq = 78", 78, (Change.EDITED, Change.EDITED)),
}


@pytest.mark.parametrize("number", range(len(BENT)))
async def test_a_database_administrator_is_found_out(books: Books, number: int) -> None:
    statement, seq, change = BENT[list(BENT)[number]]
    database, log, audit = await books.log(f"bent{number}", 600)
    await audit.checkpoints.make()
    assert (await audit.verify()).ok
    assert (await _verified(audit)).ok
    async with database.transaction() as session:
        await session.execute("alter table audit_entry drop constraint audit_entry_seq_check")
        await session.execute(_UNGUARDED)
        for part in statement.split("; "):
            await session.execute(part)
    own, outside = await audit.verify(), await _verified(audit)
    assert (own.ok, own.first_bad) == (False, seq)
    assert (outside.ok, outside.first_bad) == (False, seq)
    assert (own.change, outside.change) == change
    await log.write(_entry(1))  # people can still work


async def test_entry_and_record_changed_together_are_found_between_checkpoints(books: Books) -> None:
    database, log, audit = await books.log("thorough", 300)
    await audit.checkpoints.make()
    for number in range(100):
        await log.write(_entry(number))
    await audit.checkpoints.make()
    async with database.transaction() as session:
        await session.execute(_UNGUARDED)
        await session.execute("update audit_entry set username = 'x' where seq = 350")
        await session.execute(
            "update audit_entry e set leaf = sha256('\\x00'::bytea || audit_bytes(e)) where seq = 350"
        )
        await session.execute(
            "update audit_batch b set leaves = e.leaf from audit_entry e where e.seq = 350 and b.first = 350"
        )
    found = await audit.verify()
    assert (found.ok, found.first_bad, found.until) == (False, 300, 399)
    await log.write(_entry(1))
    with pytest.raises(AuditError, match="one of them was changed"):
        await audit.checkpoints.make()
    assert audit.checkpoints.trouble


FORGED = {
    "forged_root": "update audit_tree set edge = array_fill(sha256('x'), array[cardinality(edge)])",
    "forged_checkpoint": "update audit_checkpoint set note = replace(note, 'khue/audit', 'khue/other')",
    "no_checkpoint": "delete from audit_checkpoint; update audit_batch set leaves = sha256('x') where first = 99",
}


@pytest.mark.parametrize("name", FORGED)
async def test_no_checkpoint_is_signed_over_another_log(books: Books, name: str) -> None:
    database, log, audit = await books.log(name)
    for number in range(100):
        await log.write(_entry(number))
    signed = await audit.checkpoints.make()
    assert (books.folder / name / "audit" / "checkpoint-000000000100.txt").read_text() == signed.signed.note
    async with database.transaction() as session:
        await session.execute(_UNGUARDED)
        for part in FORGED[name].split("; "):
            await session.execute(part)
    if name != "forged_root":
        await log.write(_entry(1))
    with pytest.raises(AuditError):
        await audit.checkpoints.make()
    assert audit.checkpoints.trouble


async def test_a_database_set_back_to_yesterday_is_not_signed(books: Books) -> None:
    """All of it fits together, but it is not the log that was signed: the published checkpoint tells."""
    database, log, audit = await books.log("yesterday")
    for number in range(100):
        await log.write(_entry(number))
    await audit.checkpoints.make()
    async with database.transaction() as session:
        await session.execute(_UNGUARDED)
        before = await edge_at(session, 90)
        for part in ("audit_entry where seq >= 90", "audit_batch where first >= 90", "audit_checkpoint"):
            await session.execute(f"delete from {part}")
        await session.execute("update audit_tree set size = 90, edge = $1", list(before.hashes))
    assert (await audit.verify()).ok
    with pytest.raises(AuditError, match="taken away"):
        await audit.checkpoints.make()
    for number in range(15):
        await log.write(_entry(number))
    with pytest.raises(AuditError, match="one of them was changed"):
        await audit.checkpoints.make()


async def test_checkpoints_follow_each_other_and_are_made_when_due(books: Books) -> None:
    _, log, audit = await books.log("due")
    made = []
    for number in range(5):
        await log.write(_entry(number))
        made.append(await audit.checkpoints.make())
    assert [one.size for one in made] == [1, 2, 3, 4, 5]
    assert (await audit.checkpoints.make()).size == 5  # nothing new
    assert (await audit.checkpoints.current()).size == 5
    assert [one.size for one in await audit.all_checkpoints(4, 10)] == [3, 2, 1]
    again = Audit(audit._database, CentreConfig(data_dir=str(books.folder / "due")))  # after a restart
    assert again.checkpoints.key == audit.checkpoints.key
    await log.write(_entry(5))
    assert (await again.checkpoints.make()).size == 6


async def test_a_part_of_the_log_is_exported_and_proved(books: Books) -> None:
    database, log, audit = await books.log("parts", 250)
    middle = await database.fetchval("select clock_timestamp()")
    for number in range(20):
        await log.write(_entry(number))
    await audit.checkpoints.make()
    log_file = read_lines(io.BytesIO(await _exported(audit, start=middle)))
    assert (log_file.header.first, log_file.header.end) == (250, 270)
    assert verify_file(log_file, (await audit.checkpoints.current()).signed, audit.checkpoints.key).ok
    before = read_lines(io.BytesIO(await _exported(audit, end=middle)))
    assert (before.header.first, before.header.end) == (0, 250)
    assert verify_file(before, (await audit.checkpoints.current()).signed, audit.checkpoints.key).ok
