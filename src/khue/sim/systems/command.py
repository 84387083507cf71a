"""``khue sim systems``: the systems that cameras are moved from, running, with their files beside them."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import click
import msgspec

from khue.sim.demo import demo_city
from khue.sim.process import die_with_parent
from khue.sim.systems.channels import channels_of, with_oddities
from khue.sim.systems.dahua import DahuaRecorder
from khue.sim.systems.frigate import FrigateServer, environment_file, frigate_config
from khue.sim.systems.isapi import IsapiRecorder
from khue.sim.systems.onvif_recorder import ProfileGRecorder
from khue.sim.systems.zoneminder import zoneminder_dump


@click.command("systems")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where their files go.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address they listen on.")
def systems(out: Path, host: str) -> None:
    """Recorders and programs to practise `khue migrate` on: prints one JSON line when they are ready, serves until SIGTERM."""
    die_with_parent()
    out.mkdir(parents=True, exist_ok=True)
    asyncio.run(_serve(out, host))


async def _serve(out: Path, host: str) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    channels = with_oddities(channels_of(demo_city()))
    config = frigate_config(channels, placeholder=True)
    files = {
        "config.yml": config,
        "frigate.env": environment_file(channels),
        "zm.sql": zoneminder_dump(channels, "1.38"),
    }
    for name, text in files.items():
        (out / name).write_text(text)
    running: dict[str, Any] = {
        "hikvision": IsapiRecorder(channels),
        "dahua": DahuaRecorder(channels),
        "onvif": ProfileGRecorder(channels),
        "frigate": FrigateServer(config, password="Nvr-2026"),
    }
    try:
        urls = {name: await system.start(host) for name, system in running.items()}
        who = {"user": "admin", "password": "Nvr-2026"}
        click.echo(msgspec.json.encode({**urls, **who, "files": [str(out / name) for name in files]}).decode())
        await stopping.wait()
    finally:
        for system in running.values():
            await system.stop()
