"""Embedded engines: they start as root and as an ordinary user, survive kill -9, and leave no orphan."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from khue.model.errors import Conflict, LinkError, NotFound, Unavailable
from khue.store.embedded_nats import new_node_key
from khue.store.embedded_postgres import EmbeddedPostgres
from khue.store.engines import Engines, EngineSettings
from khue.store.nats import NatsBus
from khue.store.objects import open_objects
from khue.store.postgres import Database
from khue.wire import subjects
from khue.wire.bus import MAX_PAYLOAD, Received

_SUPERVISOR = Path(__file__).with_name("engine_supervisor.py")
_ROOT = os.geteuid() == 0
_ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONPATH": ":".join(path for path in sys.path if path),
    "PYTHONDONTWRITEBYTECODE": "1",
}


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="khue-test-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def _wait(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


async def _until(action: Callable[[], Any], timeout: float = 20.0) -> Any:
    """Until ``action`` no longer fails because something is away."""
    async with asyncio.timeout(timeout):
        while True:
            try:
                return await action()
            except (LinkError, Unavailable):
                await asyncio.sleep(0.02)


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


class _Supervisor:
    """The program above, perhaps as another user."""

    def __init__(self, directory: Path, user: str | None = None, python: str = sys.executable) -> None:
        self._process = subprocess.Popen(
            [python, str(_SUPERVISOR), str(directory)],
            stdout=subprocess.PIPE,
            text=True,
            user=user,
            extra_groups=[] if user else None,
            cwd="/",
            env=_ENVIRONMENT,
        )
        assert self._process.stdout is not None
        self.told: dict[str, Any] = json.loads(self._process.stdout.readline())

    def family(self) -> list[psutil.Process]:
        return [member for pid in self.told["pids"] for member in _family(pid)]

    def kill(self) -> None:
        self._process.kill()
        self.wait()

    def terminate(self) -> None:
        self._process.terminate()
        self.wait()

    def wait(self) -> None:
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()


def _gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


def test_kill_9_of_the_supervisor_leaves_no_orphan_and_it_starts_again(directory: Path) -> None:
    first = _Supervisor(directory)
    family = first.family()
    assert len(family) > 4  # PostgreSQL has workers of its own
    names = {process.username() for process in family if process.name().startswith("postgres")}
    assert names == ({"nobody"} if _ROOT else {pwd.getpwuid(os.getuid()).pw_name})
    first.kill()
    _wait(lambda: _gone(family))
    again = _Supervisor(directory)
    assert again.told["bus"] == first.told["bus"]  # nodes find it where it was
    family = again.family()
    again.kill()
    _wait(lambda: _gone(family))


def _python_for(user: str) -> str | None:
    """An interpreter that user can run with our packages: this one may lie in a home that is closed to others."""
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [python, "-c", "import khue.store.engines"]
        try:
            subprocess.run(
                command, user=user, extra_groups=[], cwd="/", env=_ENVIRONMENT, check=True, capture_output=True
            )
        except (PermissionError, FileNotFoundError, subprocess.CalledProcessError):
            continue
        return python
    return None


@pytest.mark.skipif(not _ROOT, reason="not root: the test above ran as an ordinary user")
def test_the_same_as_an_ordinary_user(directory: Path) -> None:
    python = _python_for("nobody")
    if python is None:
        pytest.skip("no interpreter here can be run by anybody but root")
    os.chown(directory, pwd.getpwnam("nobody").pw_uid, -1)
    first = _Supervisor(directory, "nobody", python)
    family = first.family()
    assert {process.username() for process in family} == {"nobody"}
    first.kill()
    _wait(lambda: _gone(family))


async def test_postgres_killed_under_use_comes_back_with_its_data(directory: Path) -> None:
    postgres = EmbeddedPostgres(directory)
    await postgres.start()
    database = Database(postgres.dsn)
    await database.start()
    await database.execute("create table kept (number integer primary key)")
    stored = 0
    assert postgres.process is not None
    for _ in range(3):
        victim = postgres.process.pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        for _ in range(20):
            number = stored + 1
            await _until(lambda number=number: _insert(database, number))
            stored = number
    assert await database.fetchval("select count(*) from kept") == stored
    assert postgres.process.restarts == 3
    await database.stop()
    await postgres.stop()


async def _insert(database: Database, number: int) -> None:
    """Once: an insert whose answer was lost may have happened."""
    await database.execute("insert into kept values ($1) on conflict do nothing", number)


async def test_the_database_speaks_our_words(directory: Path) -> None:
    postgres = EmbeddedPostgres(directory)
    await postgres.start()
    database = Database(postgres.dsn)
    await database.start()
    await database.execute("create table one (id integer primary key); create table two (one integer references one)")
    await database.execute("insert into one values (1)")
    with pytest.raises(Conflict):
        await database.execute("insert into one values (1)")
    with pytest.raises(NotFound):
        await database.execute("insert into two values (9)")
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as session:
            await session.execute("insert into one values (2)")
            raise ZeroDivisionError
    assert await database.fetchval("select count(*) from one") == 1
    await postgres.stop()
    with pytest.raises(Unavailable, match="repeat this"):
        await database.fetchval("select 1")
    await postgres.start()
    assert await _until(lambda: database.fetchval("select count(*) from one")) == 1
    await database.stop()
    await postgres.stop()


@pytest.mark.skipif(not _ROOT, reason="only root runs PostgreSQL as another user")
async def test_binaries_and_data_that_nobody_cannot_reach_are_put_elsewhere(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    outside = directory / "outside"
    monkeypatch.setattr("khue.store.embedded_postgres._OUTSIDE", outside)
    monkeypatch.setattr(EmbeddedPostgres, "_can_run", lambda self, program: False)
    postgres = EmbeddedPostgres(closed / "data")
    await postgres.start()
    assert postgres.process is not None
    running = psutil.Process(postgres.process.pid or 0)
    assert Path(running.exe()).is_relative_to(outside)
    assert list((closed / "data").iterdir()) == []
    await postgres.stop()


async def test_nats_killed_under_use_loses_nothing_acknowledged(directory: Path) -> None:
    engines = Engines(EngineSettings(data_dir=directory))
    await engines.start()
    assert engines.nats is not None and engines.nats.process is not None
    token, public = new_node_key()
    await engines.node_keys.allow({"n1": public})
    node = NatsBus(engines.bus_url, name="n1", seed=token)
    node.start()
    await node.wait_connected(10)
    for round_number in range(3):
        victim = engines.nats.process.pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        for number in range(10):
            name = f"n1-{round_number}-{number}"
            await _until(lambda name=name: node.publish_durable(subjects.events("n1"), name.encode(), name))
    seen: list[str] = []
    position = 0
    while len(seen) < 30:
        events = await _until(lambda after=position: engines.events.fetch(after, 7, 1.0))
        seen += [event.data.decode() for event in events]
        position = events[-1].sequence if events else position
    again = await _until(lambda: engines.events.fetch(position - 3, 50, 1.0))
    assert [event.data.decode() for event in again] == seen[-3:]  # from wherever the reader says
    await engines.events.forget(position)
    assert [event.sequence for event in await engines.events.fetch(0, 50, 1.0)] == [position]
    assert await engines.events.last_sequence() == position
    assert seen == [f"n1-{round_number}-{number}" for round_number in range(3) for number in range(10)]
    assert engines.nats.process.restarts == 3
    await node.close()
    await engines.stop()


async def test_a_node_can_only_speak_for_itself(directory: Path) -> None:
    engines = Engines(EngineSettings(data_dir=directory))
    await engines.start()
    heard: list[str] = []

    async def hear(message: Received) -> bytes:
        heard.append(message.subject)
        return b"heard"

    await engines.bus.subscribe("khue.>", hear)
    keys = {name: new_node_key() for name in ("n1", "n2")}
    await engines.node_keys.allow({name: public for name, (_, public) in keys.items()})
    one = NatsBus(engines.bus_url, name="n1", seed=keys["n1"][0])
    two = NatsBus(engines.bus_url, name="n2", seed=keys["n2"][0])
    stranger = NatsBus(engines.bus_url, name="n1", seed=new_node_key()[0])
    for bus in (one, two, stranger):
        bus.start()
    await one.wait_connected(10)
    await two.wait_connected(10)
    overheard: list[Received] = []

    async def overhear(message: Received) -> None:
        overheard.append(message)

    for subject in ("khue.node.n2.desired", "khue.>", "_INBOX.>", "khue.read.n2.x.credit"):
        await one.subscribe(subject, overhear)
    assert await one.request(subjects.join("n1"), b"", 5) == b"heard"
    for subject in (subjects.join("n2"), subjects.heartbeat("n2"), "khue.news", "$JS.API.STREAM.LIST"):
        with pytest.raises(LinkError):
            await one.request(subject, b"", 0.3)
    await engines.bus.publish("khue.node.n2.desired", b"password")
    assert await two.request(subjects.join("n2"), b"", 5) == b"heard"
    assert not stranger.connected
    assert set(heard) == {subjects.join("n1"), subjects.join("n2"), "khue.node.n2.desired"}
    assert overheard == []
    with pytest.raises(LinkError, match="exceeds"):
        await one.publish(subjects.events("n1"), b"x" * (MAX_PAYLOAD + 1))
    await engines.node_keys.allow({"n2": keys["n2"][1]})
    async with asyncio.timeout(10):
        while one.connected:
            await asyncio.sleep(0.02)
    assert two.connected
    for bus in (one, two, stranger):
        await bus.close()
    await engines.stop()


async def test_a_handler_that_waits_is_answered_in_order_or_side_by_side(directory: Path) -> None:
    engines = Engines(EngineSettings(data_dir=directory))
    await engines.start()
    running = most = 0

    async def slow(message: Received) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return message.data

    single = await engines.bus.subscribe("test.one", slow)
    await engines.bus.subscribe("test.many", slow, concurrency=4)
    answers = await asyncio.gather(*(engines.bus.request("test.one", b"%d" % n, 5) for n in range(8)))
    assert (answers, most) == ([b"%d" % n for n in range(8)], 1)
    await asyncio.gather(*(engines.bus.request("test.many", b"", 5) for n in range(8)))
    assert most == 4
    await single.unsubscribe()
    with pytest.raises(LinkError, match="nobody answers"):
        await engines.bus.request("test.one", b"", 2)
    await engines.stop()


async def test_objects_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    objects = open_objects("", {}, tmp_path)
    writer = objects.create("clips/a.mp4")
    for _ in range(3):
        await writer.write(b"x" * 5_000_000)
    assert not (tmp_path / "clips" / "a.mp4").exists()
    await writer.close()
    assert sum([len(piece) async for piece in objects.read("clips/a.mp4")]) == 15_000_000
    dropped = objects.create("clips/b.mp4")
    await dropped.write(b"x" * 9_000_000)
    await dropped.discard()
    assert [path.name for path in (tmp_path / "clips").iterdir()] == ["a.mp4"]
    await objects.delete("clips/a.mp4")
    with pytest.raises(NotFound):
        _ = [piece async for piece in objects.read("clips/a.mp4")]
