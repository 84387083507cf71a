"""``khue migrate frigate|zoneminder|hikvision|dahua|onvif``: the camera list of another system, into the registry by an import."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import click

from khue.camera.migrate import dahua, frigate, frigate_live, hikvision, zoneminder, zoneminder_dump
from khue.camera.migrate.fetch import Recorder
from khue.camera.migrate.found import CameraList, MigrationError
from khue.camera.migrate.yaml_text import MAX_BYTES
from khue.cli.move import move
from khue.model.address import strip_credentials
from khue.model.errors import ConfigError
from khue.model.registry import Purpose


@click.group()
@click.option("--data", help="A folder to work on directly, when no centre runs (or KHUE_DATA).")
@click.pass_context
def migrate(ctx: click.Context, data: str | None) -> None:
    """Move the cameras of another system here: its list is read, planned, and with --yes imported; it can be undone.

    Nothing of the other system is changed. Passwords come from a prompt or from KHUE_PASSWORD; none is guessed.
    """
    ctx.obj = data or None


def moving(command: Any) -> Any:
    """The options of every system."""
    options = (
        click.option("--agency", default="", help="Whose cameras they are, as written: Công an phường Kim Liên."),
        click.option("--unit", default="", help="Ward or commune, by code or name, of cameras without coordinates."),
        click.option("--address", default="", help="Where cameras are of which the system does not say it."),
        click.option("--purpose", type=click.Choice([purpose.value for purpose in Purpose]), help="What they are for."),
        click.option("--site", default="", help="The network they are in: only nodes of that site pull them."),
        click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing. So it is without --yes."),
        click.option("--yes", is_flag=True, help="Import them."),
        click.option(
            "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the list as CSV; no centre needed."
        ),
        click.option("--with-secrets", is_flag=True, help="With --out: user names and passwords too."),
        click.option("--json", "json_out", is_flag=True),
    )
    for option in reversed(options):
        command = option(command)
    return command


def recorder_options(command: Any) -> Any:
    options = (
        click.option("--user", default="", help="Its user; one that may only view is enough for most."),
        click.option("--direct", is_flag=True, help="The cameras' own addresses, not the recorder's."),
        click.option("--rtsp-port", default=0, help="Of the recorder, where it does not say."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@migrate.command("frigate")
@click.argument("config", metavar="CONFIG|URL")
@click.option("--user", default="", help="At Frigate's own address (port 8971).")
@click.option(
    "--env-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Where {FRIGATE_...} come from."
)
@moving
@click.pass_context
def from_frigate(ctx: click.Context, /, config: str, user: str, env_file: Path | None, **more: Any) -> None:
    """Of Frigate: CONFIG is config.yml or config.json, URL a running Frigate."""
    environment = frigate.parse_environment(_read(env_file, MAX_BYTES).decode("utf-8", "replace")) if env_file else {}
    if "://" not in config:
        found = frigate.parse(_read(Path(config), MAX_BYTES), environment=environment)
    else:
        password = _password(config, user) if user else ""

        async def ask() -> CameraList:
            async with Recorder(config, user, password) as server:
                return await frigate_live.read(server, environment=environment)

        found = _asked(ask())
    move(ctx, found, more)


@migrate.command("zoneminder")
@click.argument("database", metavar="DUMP.sql|mysql://USER@HOST/zm")
@moving
@click.pass_context
def from_zoneminder(ctx: click.Context, /, database: str, **more: Any) -> None:
    """Of ZoneMinder: a dump (mysqldump zm Monitors Manufacturers Models), or its database."""
    if "://" not in database:
        rows = zoneminder_dump.parse(_read(Path(database), zoneminder_dump.MAX_BYTES))
        move(ctx, zoneminder.parse(rows), more)
        return
    from khue.camera.migrate import zoneminder_live  # its library is of no use to other commands

    bare, in_url_user, in_url_password = strip_credentials(database)
    user = in_url_user or unquote(urlsplit(database).username or "")
    address = bare.replace("://", f"://{quote(user, safe='')}@", 1) if user else bare
    move(ctx, zoneminder_live.read(address, in_url_password or _password(bare, user)), more)


@migrate.command("hikvision")
@click.argument("url")
@recorder_options
@moving
@click.pass_context
def from_hikvision(ctx: click.Context, /, url: str, user: str, direct: bool, rtsp_port: int, **more: Any) -> None:
    """Of a Hikvision recorder, or one of the same make under another name, over ISAPI."""
    password = _password(url, user)

    async def ask() -> CameraList:
        async with Recorder(url, user, password) as recorder:
            return await hikvision.read(recorder, direct=direct, rtsp_port=rtsp_port)

    move(ctx, _asked(ask()), more)


@migrate.command("dahua")
@click.argument("url")
@recorder_options
@moving
@click.pass_context
def from_dahua(ctx: click.Context, /, url: str, user: str, direct: bool, rtsp_port: int, **more: Any) -> None:
    """Of a Dahua recorder, or one of the same make under another name, over its CGI."""
    password = _password(url, user)

    async def ask() -> CameraList:
        async with Recorder(url, user, password) as recorder:
            return await dahua.read(recorder, direct=direct, rtsp_port=rtsp_port)

    move(ctx, _asked(ask()), more)


@migrate.command("onvif")
@click.argument("url")
@click.option("--user", default="", help="An ONVIF user of the recorder.")
@moving
@click.pass_context
def from_onvif(ctx: click.Context, /, url: str, user: str, **more: Any) -> None:
    """Of any recorder that speaks ONVIF (Profile G)."""
    password = _password(url, user)
    move(ctx, _asked(_ask_onvif(url, user, password)), more)


async def _ask_onvif(url: str, user: str, password: str) -> CameraList:
    # Costly to import, see khue.camera.soap.
    from khue.camera.migrate.onvif_recorder import OnvifRecorder, read
    from khue.camera.onvif import DEVICE_PATH

    bare, in_url_user, in_url_password = strip_credentials(url if "://" in url else f"http://{url}")
    user, password = user or in_url_user, password or in_url_password
    try:
        parts = urlsplit(bare)
        host, tls = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if tls else 80)
    except ValueError:
        host, port, tls = "", 0, False
    if not host or parts.scheme not in ("http", "https"):
        raise MigrationError("this is no address of a recorder; write http://HOST or https://HOST:PORT")
    path = parts.path if "onvif" in parts.path.lower() else DEVICE_PATH
    recorder = OnvifRecorder(host, port, user, password, path=path, tls=tls, timeout_s=20.0)
    async with recorder:
        return await read(recorder, host, user, password)


def _asked(asking: Coroutine[Any, Any, CameraList]) -> CameraList:
    return asyncio.run(asking)


def _password(url: str, user: str) -> str:
    """Of the environment, of the URL, or asked for. Raises ConfigError where nobody can be asked."""
    given = os.environ.get("KHUE_PASSWORD", "")
    if given or strip_credentials(url)[2] or not (user or url.startswith("mysql:")):
        return given
    if not sys.stdin.isatty():
        raise ConfigError("no password: set KHUE_PASSWORD, or run this where it can be asked for")
    return str(
        click.prompt(f"Password of {user or 'the database user'}", hide_input=True, default="", show_default=False)
    )


def _read(file: Path, most: int) -> bytes:
    try:
        if file.stat().st_size > most:
            raise MigrationError(f"{file}: more than {most >> 20} MB; this is not the file that is meant")
        return file.read_bytes()
    except OSError as error:
        raise MigrationError(f"{file}: it cannot be read ({error.strerror})") from None
