"""The one place that assembles every command of ``khue``."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import signal
import sys
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import msgspec

from khue import __version__
from khue.camera.probe import probe
from khue.centre.centre import Centre
from khue.centre.config import CentreConfig, TrainingConfig
from khue.centre.config import load as load_centre
from khue.cli.audit import audit
from khue.cli.camera import camera, login, nodes
from khue.cli.check import check
from khue.cli.demo import demo
from khue.cli.fleet import fleet
from khue.cli.grants import grant
from khue.cli.imports import import_sheets, mappings, score, undo
from khue.cli.migrate import migrate
from khue.cli.onboard import discover, probe_command, rotate_password
from khue.cli.regulation import regulation
from khue.cli.request import request
from khue.cli.tls import tls
from khue.model.errors import ConfigError, KhueError
from khue.model.time import SystemClock
from khue.node.config import NodeConfig
from khue.node.enrolment import enrol
from khue.node.enrolment import settings as enrolled_settings
from khue.node.service import Node
from khue.sim.__main__ import die_with_parent as end_with_parent
from khue.sim.__main__ import main as sim
from khue.sim.fleet.traffic_command import nodes_command
from khue.store.engines import Engines, EngineSettings
from khue.store.node_bus import NodeBus
from khue.video.sps import picture_size


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("-v", "--verbose", is_flag=True, help="Say more in the log.")
def khue(verbose: bool) -> None:
    """One roof for a city's cameras."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


def until_told(start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> None:
    """Run something from start to SIGTERM or Ctrl-C."""

    async def run() -> None:
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        starting = asyncio.ensure_future(start())
        waiting = asyncio.ensure_future(told.wait())
        try:
            await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await waiting
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            waiting.cancel()
            await stop()

    asyncio.run(run())


def _node_config(file: Path | None, settings: dict[str, object], token: str | None) -> NodeConfig:
    """What was said holds over what enrolling told. Raises ConfigError, Denied, LinkError."""
    try:
        values = {**(tomllib.loads(file.read_text()) if file else {}), **settings}
        data = values.get("data")
        if isinstance(data, str):
            if token:
                enrol(Path(data), token)
            values = {**enrolled_settings(Path(data)), **values}
        return msgspec.convert(values, NodeConfig, strict=False)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"the node's configuration: {error}; see guide/ref/configuration.md") from error


@khue.command()
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="TOML file.")
@click.option("--id", "node_id", help="Name of this node.")
@click.option("--data", help="Folder for recordings and index.")
@click.option("--nats", help="URL of the centre's NATS.")
@click.option("--enrol", "enrol_token", envvar="KHUE_NODE_ENROL", help="Enrol first, with a token of `khue nodes add`.")
@click.option("--token", envvar="KHUE_NODE_TOKEN", help="Seed of the node's key, when it did not enrol itself.")
@click.option("--site", "sites", multiple=True, help="A network whose cameras this node can reach.")
@click.option("--scan-range", "scan_ranges", multiple=True, help="A range in which this node may look for cameras.")
@click.option("--workers", type=int, help="Recorder processes.")
@click.option("--set", "more", multiple=True, metavar="NAME=VALUE", help="Any other setting.")
@click.option("--die-with-parent", is_flag=True, hidden=True)
def node(
    config: Path | None,
    node_id: str | None,
    enrol_token: str | None,
    die_with_parent: bool,
    more: tuple[str, ...],
    **given: object,
) -> None:
    """Record cameras, beside them."""
    if die_with_parent:
        end_with_parent()
    settings: dict[str, object] = {name: value for name, value in given.items() if value}
    if node_id:
        settings["id"] = node_id
    for item in more:
        name, equals, value = item.partition("=")
        if not equals:
            raise click.BadParameter(f"{item!r} is not NAME=VALUE", param_hint="--set")
        settings[name] = value
    made = _node_config(config, settings, enrol_token)
    ask = functools.partial(probe, sps_size=picture_size)
    buses: list[NodeBus] = []
    running: list[Node] = []

    async def start() -> None:
        if made.nats:
            bus = NodeBus(made.nats, name=made.id, seed=made.token, ca_file=made.nats_ca_file)
            bus.start()
            buses.append(bus)
        running.append(Node(made, buses[0] if buses else None, SystemClock(), ask, __version__))
        await running[0].start()

    async def stop() -> None:
        for one in running:
            await one.stop()
        for bus in buses:
            await bus.close()

    until_told(start, stop)


@khue.command()
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="TOML file.")
@click.option("--data", help="Folder for the embedded engines and keys.")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.option("--json", "json_out", is_flag=True, help="Say where it is as one JSON line.")
@click.option("--training", is_flag=True, help="Exercises, for the simulated city.")
@click.option("--own-token", is_flag=True, hidden=True, help="With --json: a token for whoever runs the machine.")
@click.option("--die-with-parent", is_flag=True, hidden=True)
def centre(
    config: Path | None,
    data: str | None,
    host: str | None,
    port: int | None,
    json_out: bool,
    training: bool,
    own_token: bool,
    die_with_parent: bool,
) -> None:
    """Run the centre: registry, access, live and playback for everybody, console."""
    if die_with_parent:
        end_with_parent()
    made = load_centre(config) if config else CentreConfig()
    if data:
        made = msgspec.structs.replace(made, data_dir=data)
    if training:
        made = msgspec.structs.replace(made, training=TrainingConfig(enabled=True))
    listen = made.listen
    if host:
        listen = msgspec.structs.replace(listen, host=host)
    if port is not None:
        listen = msgspec.structs.replace(listen, port=port)
    made = msgspec.structs.replace(made, listen=listen)
    engines = Engines(_engine_settings(made))
    replicas: list[Centre] = []

    async def start() -> None:
        await engines.start()
        replica = Centre(
            made,
            database=engines.database,
            bus=engines.bus,
            events=engines.events,
            objects=engines.objects,
            node_keys=engines.node_keys,
        )
        await replica.start()
        replicas.append(replica)
        if json_out:
            told = {"url": replica.url, "nats": engines.bus_url, "admin_password": replica.admin_password}
            if own_token:
                told["token"] = await replica.accounts.machine_token()
            click.echo(msgspec.json.encode(told).decode())
            return
        click.echo(f"khue centre {__version__} at {replica.url}; nodes join at {engines.bus_url}")
        if replica.admin_password:
            click.echo(f"first run: sign in as admin with password {replica.admin_password} (it is not shown again)")

    async def stop() -> None:
        for replica in replicas:
            await replica.stop()
        await engines.stop()

    until_told(start, stop)


def _engine_settings(config: CentreConfig) -> EngineSettings:
    return EngineSettings(
        data_dir=Path(config.data_dir),
        dsn=config.database.dsn,
        connections=config.database.connections,
        bus_url=config.bus.url,
        bus_seed_file=config.bus.seed_file,
        bus_ca_file=config.bus.ca_file,
        bus_host=config.bus.host,
        bus_port=config.bus.port,
        bus_tls_cert=config.bus.tls_cert,
        bus_tls_key=config.bus.tls_key,
        objects_url=config.objects.url,
        objects_options=config.objects.options,
    )


for command in (import_sheets, undo, score, mappings):
    fleet.add_command(command)
camera.add_command(rotate_password)
sim.add_command(nodes_command(NodeBus))
for command in (
    *(sim, check, audit, camera, nodes, fleet, grant, regulation, request),
    *(probe_command, discover, migrate, login, tls, demo),
):
    khue.add_command(command)


def main() -> None:
    """Console entry: errors are sentences, not tracebacks."""
    try:
        with contextlib.suppress(BrokenPipeError):
            khue(standalone_mode=True)
    except KhueError as error:
        click.echo(f"khue: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
