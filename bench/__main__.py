"""``python -m bench``: one command, one table, against peers."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from rich.console import Console

from bench import table
from bench.engines import ENGINES, MISSING
from bench.measure import measure_all
from bench.source import City, Codec, Source


@contextlib.contextmanager
def scratch(folder: Path | None) -> Iterator[Path]:
    """A folder for recordings that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="khue-bench-", dir=folder) as path:
        yield Path(path)


def chosen(engines: str) -> list[str]:
    """The engines asked for that this machine has; says which it has not."""
    names = [name.strip() for name in engines.split(",") if name.strip()]
    unknown = [name for name in names if name not in ENGINES]
    if unknown or not names:
        raise click.BadParameter(
            f"unknown: {', '.join(unknown)}; there are {', '.join(ENGINES)}", param_hint="--engines"
        )
    here = []
    for name in names:
        if reason := MISSING[name]():
            click.echo(f"{name} is skipped: {reason}", err=True)
        else:
            here.append(name)
    return here


engines_option = click.option(
    "--engines", default=",".join(ENGINES), show_default=True, help="Which, and in which order."
)
folder_option = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where to record; default: the system's.",
)


@click.group()
def main() -> None:
    """Benchmarks against peers and floors."""


@main.command()
@click.option("--cameras", type=click.IntRange(1, 5000), default=200, show_default=True)
@click.option("--mbps", type=click.FloatRange(0.05, 50), default=2.0, show_default=True)
@click.option("--seconds", type=click.FloatRange(1, 3600), default=15.0, show_default=True, help="The steady window.")
@click.option("--codec", type=click.Choice(["h264", "h265"]), default="h264", show_default=True)
@click.option("--json", "as_json", is_flag=True)
@engines_option
@folder_option
def recording(
    cameras: int, mbps: float, seconds: float, codec: Codec, as_json: bool, engines: str, folder: Path | None
) -> None:
    """Engines one after the other, recording the same cameras."""
    names = chosen(engines)
    with scratch(folder) as place, Source(City(cameras, round(mbps * 1000), codec)) as source:
        results = measure_all(names, source, cameras, seconds, place)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(results), indent=2))
    else:
        title = f"{cameras} cameras, {mbps:g} Mb/s {codec.upper()}, {seconds:g} s"
        Console(width=None if sys.stdout.isatty() else 160).print(table.terminal(title, results))


if __name__ == "__main__":
    main()
