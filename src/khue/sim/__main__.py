"""``python -m khue.sim``: a city as a process of its own. Prints one JSON line when ready, then serves until SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path
from typing import Literal

import click
import msgspec

from khue.model.errors import KhueError
from khue.sim.camera import SimCamera
from khue.sim.city import SimCity
from khue.sim.control import Control, card
from khue.sim.demo import bench_city, demo_city
from khue.sim.fleet.command import fleet
from khue.sim.process import die_with_parent as die_with_parent
from khue.sim.systems.command import systems


class CityConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ``--config`` file (JSON)."""

    cameras: tuple[SimCamera, ...]
    host: str = "127.0.0.1"
    control_port: int = 0
    discovery: bool = False


async def serve(config: CityConfig) -> None:
    """Run a city until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    city = SimCity()
    control = Control(city)
    try:
        await city.start(config.cameras, config.host, progress=_show, discovery=config.discovery)
        gc.collect()
        gc.freeze()  # thousands of scene objects live for good: the collector need not walk them
        url = await control.start(config.host, config.control_port)
        cards = [card(city, camera.name) for camera in city.cameras]
        click.echo(msgspec.json.encode({"control": url, "cameras": cards}).decode())
        await stopping.wait()
    finally:
        await control.stop()
        await city.stop()


def _show(ready: int, total: int) -> None:
    if ready < total:
        click.echo(f"encoding scenes: {ready} of {total} ready", err=True)


@click.group("sim", invoke_without_command=True)
@click.option("--config", "config_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A JSON file with a list of cameras (see khue.sim.camera.SimCamera).")  # fmt: skip
@click.option("--demo", is_flag=True, help="The 16 cameras of the demo.")
@click.option("--cameras", type=click.IntRange(1, 10_000), help="That many cameras sharing 8 scenes.")
@click.option("--kbps", type=click.IntRange(50, 50_000), default=2000, show_default=True, help="With --cameras.")
@click.option("--codec", type=click.Choice(["h264", "h265"]), default="h264", show_default=True, help="With --cameras.")
@click.option("--fps", type=click.FloatRange(1, 60), default=15.0, show_default=True, help="With --cameras.")
@click.option("--packet-pace", is_flag=True, help="With --cameras: send packet by packet, not picture by picture.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address the cameras listen on.")
@click.option("--discovery", is_flag=True, help="Answer WS-Discovery probes on UDP multicast 239.255.255.250:3702.")
@click.option("--stay", is_flag=True, help="Outlive the parent process.")
@click.pass_context
def main(ctx: click.Context, config_file: Path | None, demo: bool, cameras: int | None, kbps: int, codec: Literal["h264", "h265"],
         fps: float, packet_pace: bool, host: str, discovery: bool, stay: bool) -> None:  # fmt: skip
    """Simulated cameras: prints one JSON line when they are ready, then serves until SIGTERM."""
    if ctx.invoked_subcommand is not None:
        return
    if not stay:
        die_with_parent()
    if (config_file is not None) + demo + (cameras is not None) != 1:
        raise click.UsageError("give one of --config, --demo or --cameras")
    if config_file is not None:
        try:
            config = msgspec.json.decode(config_file.read_bytes(), type=CityConfig)
        except (msgspec.MsgspecError, KhueError) as error:
            raise click.ClickException(f"{config_file}: {error}") from error
    else:
        chosen = demo_city() if demo else bench_city(cameras or 0, kbps, codec, fps, packet_pace=packet_pace)
        config = CityConfig(tuple(chosen), host=host, discovery=discovery)
    asyncio.run(serve(config))


main.add_command(fleet)
main.add_command(systems)


if __name__ == "__main__":
    main()
