"""``khue sim fleet``: a whole city's cameras as its agencies have them, with the truth beside."""

from __future__ import annotations

import time
from pathlib import Path

import click
import msgspec

from khue.sim.fleet.cameras import CITY
from khue.sim.fleet.generate import write_fleet


@click.command("fleet")
@click.option("--cameras", type=click.IntRange(50, 100_000), default=CITY, show_default=True, help="In the whole city.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same city, byte by byte.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="A new or empty folder.")
@click.option("--json", "json_out", is_flag=True, help="Say what was made as one JSON object.")
def fleet(cameras: int, seed: int, out: Path, json_out: bool) -> None:
    """A simulated city's cameras as the spreadsheets of forty agencies, with the truth beside every row."""
    began = time.monotonic()
    report = msgspec.to_builtins(write_fleet(cameras, seed, out))
    report["seconds"] = round(time.monotonic() - began, 1)
    if json_out:
        click.echo(msgspec.json.encode(report).decode())
        return
    click.echo(f"{report['cameras']} cameras of {report['agencies']} agencies in {report['files']} files in {out}")
    click.echo(f"installed {report['installed']}, said to work {report['said_to_work']}, working {report['working']}")
    click.echo(
        f"{report['rows']} rows: {report['created']} new, {report['duplicate']} twice, {report['refused']} wrong"
    )
    click.echo(f"next: khue fleet import {out} --dry-run, then khue fleet score {out / 'truth.jsonl'}")
