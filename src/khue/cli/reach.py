"""The centre a command speaks to: one that runs, or one started here for as long as the command lasts."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from khue.cli.api import Api, Login, load_login
from khue.model.errors import ConfigError, KhueError

FOLDER = "centre-data"  # where `khue centre` keeps its engines unless told otherwise


class _Started(msgspec.Struct):
    """What ``khue centre --json --own-token`` says when it is ready."""

    url: str
    token: str
    admin_password: str = ""


@contextlib.contextmanager
def reach(ctx: click.Context) -> Iterator[Api]:
    """The centre of ``khue login`` (or KHUE_URL and KHUE_TOKEN); without one, the folder of ``--data`` or KHUE_DATA is opened.

    A folder is served by a centre of this command's own, so that rules, permits and the access log are the same.
    Raises ConfigError when a centre elsewhere is known and cannot be reached: its books are never replaced by a folder here.
    """
    folder = ctx.obj if isinstance(ctx.obj, str) else os.environ.get("KHUE_DATA", "")
    login = None if folder else _known()
    if login is not None:
        with Api(login.url, login.token, login.ca) as api:
            yield api
        return
    with _serve(folder or FOLDER) as started, Api(started.url, started.token) as api:
        yield api


def _known() -> Login | None:
    try:
        login = load_login()
    except ConfigError:
        return None
    with Api(login.url, login.token, login.ca) as api:
        try:
            api.call("GET", "/health")
        except KhueError as error:
            if urlsplit(login.url).hostname in ("127.0.0.1", "localhost", "::1"):
                return None  # the demo, or a centre on this machine, that has ended
            raise ConfigError(f"{error}; or name a folder of this machine: khue fleet --data FOLDER ...") from error
    return login


@contextlib.contextmanager
def _serve(folder: str) -> Iterator[_Started]:
    click.echo(f"no centre is running: working on the folder {folder} directly", err=True)
    command = [sys.executable, "-m", "khue.run", "centre", "--data", folder, "--port", "0"]
    command += ["--json", "--own-token", "--die-with-parent"]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                process.wait()
                log.seek(0)
                raise ConfigError(f"the folder {Path(folder).resolve()} cannot be opened: {log.read()[-2000:].strip()}")
            started = msgspec.json.decode(line, type=_Started)
            if started.admin_password:
                click.echo(
                    f"first run: the console's user is admin, its password {started.admin_password} (it is not shown again)",
                    err=True,
                )
            yield started
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
