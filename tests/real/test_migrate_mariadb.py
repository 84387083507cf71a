"""ZoneMinder's list out of a real MariaDB, and out of the dumps that its own program writes of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pymysql.constants.CLIENT
import pytest

from khue.camera.migrate import zoneminder, zoneminder_dump, zoneminder_live
from khue.camera.migrate.found import CameraList, MigrationError
from khue.sim.demo import demo_city
from khue.sim.systems.channels import channels_of, with_oddities
from khue.sim.systems.zoneminder import zoneminder_dump as make_dump

PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb-dump")
PASSWORD = "Db@'\\ 2026"
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not all(map(shutil.which, PROGRAMS)), reason="needs Debian's mariadb-server-core and mariadb-client"
    ),
]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A MariaDB of its own with the user reader, who may SELECT and no more."""
    folder = tmp_path_factory.mktemp("mariadb")
    base = Path(shutil.which("mariadbd") or "").resolve().parents[1]
    me = f"--user={'root' if os.getuid() == 0 else os.environ.get('USER', '')}"
    where = [f"--datadir={folder}/data", f"--basedir={base}", f"--lc-messages-dir={base}/share/mysql", me]
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", *where],
        check=True,
        capture_output=True,
        timeout=100,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        chosen: int = free.getsockname()[1]
    server = subprocess.Popen(
        ["mariadbd", "--no-defaults", *where, f"--socket={folder}/s", f"--port={chosen}", "--bind-address=127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _prepare(chosen, server)
        yield chosen
    finally:
        server.terminate()
        server.wait(60)


def _prepare(port: int, server: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 60
    while True:
        try:
            connection = pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True)
            break
        except pymysql.OperationalError:
            assert server.poll() is None and time.monotonic() < ends, "MariaDB did not start"
            time.sleep(0.1)
    with connection, connection.cursor() as cursor:
        cursor.execute("create user reader@'127.0.0.1' identified by %s", (PASSWORD,))
        for version in ("1.34", "1.36", "1.38"):
            cursor.execute(f"create database `zm{version}` character set utf8mb4")
            cursor.execute(f"grant select, lock tables on `zm{version}`.* to reader@'127.0.0.1'")


def load(port: int, database: str, dump: str) -> None:
    options = {"client_flag": pymysql.constants.CLIENT.MULTI_STATEMENTS, "charset": "utf8mb4", "autocommit": True}
    connection = pymysql.connect(host="127.0.0.1", port=port, user="root", database=database, **options)
    with connection, connection.cursor() as cursor:
        cursor.execute(dump)
        while cursor.nextset():
            pass


def without_place(found: CameraList) -> tuple[object, ...]:
    """What a dump and the database it is of must agree on; only the latter has an address."""
    plain = [
        camera.__class__(**{f: getattr(camera, f) for f in camera.__struct_fields__ if f != "name"})
        for camera in found.cameras
    ]
    names = [camera.name.replace(found.system, "ZoneMinder") for camera in found.cameras]
    return plain, names, found.left_out


@pytest.mark.parametrize("version", ["1.34", "1.36", "1.38"])
def test_database_and_dumps_give_the_same_list(port: int, version: str) -> None:
    dump = make_dump(with_oddities(channels_of(demo_city())), version)  # type: ignore[arg-type]
    expected = zoneminder.parse(zoneminder_dump.parse(dump.encode()))
    assert len(expected.cameras) > 20
    load(port, f"zm{version}", dump)
    live = zoneminder_live.read(f"mysql://reader@127.0.0.1:{port}/zm{version}", PASSWORD)
    assert without_place(live) == without_place(expected)
    ask = ["mariadb-dump", "--no-defaults", "--protocol=tcp", "-h127.0.0.1", f"-P{port}", "-ureader", f"zm{version}"]
    for options in (
        [],
        ["--skip-extended-insert"],
        ["--complete-insert"],
        ["--compact", "--hex-blob"],
        ["--replace", "--quick"],
    ):
        made = subprocess.run(
            [*ask, *options], check=True, capture_output=True, timeout=60, env={**os.environ, "MYSQL_PWD": PASSWORD}
        )
        assert zoneminder.parse(zoneminder_dump.parse(made.stdout)) == expected, options


@pytest.mark.parametrize(
    ("address", "password", "why"),
    [
        ("mysql://reader@127.0.0.1:{}/zm1.34", "Wrong-Secret-1", "refused; it needs SELECT"),
        ("mysql://reader@127.0.0.1:{}/mysql", PASSWORD, "refused; it needs SELECT"),
        ("mysql://root@127.0.0.1:{}/mysql", "", "no ZoneMinder in this database"),
        ("mysql://root@127.0.0.1:{}/nowhere", "", "no ZoneMinder in this database"),
        ("mysql://reader@127.0.0.1:9/zm", PASSWORD, "check address and port"),
        ("mysql:///zm", PASSWORD, "no database address"),
    ],
)
def test_errors_are_sentences(port: int, address: str, password: str, why: str) -> None:
    with pytest.raises(MigrationError, match=why) as error:
        zoneminder_live.read(address.format(port), password)
    assert not password or password not in str(error.value)
