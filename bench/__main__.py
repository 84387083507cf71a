"""``python -m bench``: one command, one table, against peers."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import click
import msgspec
from rich.console import Console

import khue
from bench import access, audit, fleet, fleet_import, live, scale, table
from bench.engines import ENGINES, MISSING
from bench.matrix import FULL, QUICK, Plan, page, run
from bench.measure import measure_all, say
from bench.process import machine_facts
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

out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(__file__).parent,
    show_default="bench/",
    help="Where to write the tables.",
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


@main.command()
@click.option("--quick", is_flag=True, help="100 and 400 cameras at 2 Mb/s H.264 only, peers at 100.")
@engines_option
@folder_option
@out_option
def matrix(quick: bool, engines: str, folder: Path | None, out: Path) -> None:
    """50 to 400 cameras, 2 and 4 Mb/s, H.264 and H.265: recording.md and recording.json."""
    write_matrix(QUICK if quick else FULL, chosen(engines), folder, out)


def write_matrix(plan: Plan, names: list[str], folder: Path | None, out: Path) -> None:
    with scratch(folder) as place:
        measured = run(plan, names, place)
    keep(out / "recording.md", page(measured, facts()))
    keep_json(
        out / "recording.json",
        [{**setting._asdict(), "engines": results} for setting, results in measured.items()],
    )


@main.command()
@click.option("--cameras", type=click.IntRange(1, 5000), default=400, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@folder_option
def connect(cameras: int, as_json: bool, folder: Path | None) -> None:
    """Cameras that all connect at once: seconds until they record."""
    with scratch(folder) as place:
        say_result(scale.connect(cameras, place), as_json)


@main.command()
@click.option("--cameras", type=click.IntRange(1, 5000), default=1000, show_default=True)
@click.option("--seconds", type=click.FloatRange(1, 3600), default=15.0, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@folder_option
def thousand(cameras: int, seconds: float, as_json: bool, folder: Path | None) -> None:
    """A thousand cameras in one worker process."""
    with scratch(folder) as place:
        say_result(scale.thousand(cameras, seconds, place), as_json)


@main.command(name="live")
@click.option("--json", "as_json", is_flag=True)
@folder_option
@out_option
def live_command(as_json: bool, folder: Path | None, out: Path) -> None:
    """Delays, first pictures, seeks and a full wall in Chromium: live.md and live.json."""
    if reason := live.missing():
        raise click.ClickException(reason)
    results = write_live(folder, out)
    if as_json:
        click.echo(json.dumps(results, indent=2))


def write_live(folder: Path | None, out: Path) -> dict[str, Any]:
    with scratch(folder) as place:
        results = live.measure(place / "live")
    keep(out / "live.md", live.page(results, facts()))
    keep_json(out / "live.json", results)
    return results


@main.command(name="fleet")
@click.option("--cameras", type=click.IntRange(100, 200_000), default=fleet.CITY, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@folder_option
@out_option
def fleet_command(cameras: int, as_json: bool, folder: Path | None, out: Path) -> None:
    """Searches, maps, counts and the past of a city's registry, its heartbeats, its sheets: fleet.md and fleet.json."""
    results = write_fleet(cameras, folder, out)
    if as_json:
        click.echo(json.dumps(results, indent=2))


def write_fleet(cameras: int, folder: Path | None, out: Path) -> dict[str, Any]:
    with scratch(folder) as place:
        place.chmod(0o755)  # as root, PostgreSQL runs as nobody
        results = fleet.measure(cameras, place / "fleet")
        results["sheets"] = fleet_import.measure(cameras, place)
    keep(out / "fleet.md", f"{fleet.page(results, facts())}\n{fleet_import.section(results['sheets'])}")
    keep_json(out / "fleet.json", results)
    return results


@main.command(name="audit")
@click.option("--entries", type=click.IntRange(10_000, 100_000_000), default=audit.MILLION, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@folder_option
@out_option
def audit_command(entries: int, as_json: bool, folder: Path | None, out: Path) -> None:
    """Durable entries a second, and checking a million of them: audit.md and audit.json."""
    results = write_audit(entries, folder, out)
    if as_json:
        click.echo(json.dumps(results, indent=2))


def write_audit(entries: int, folder: Path | None, out: Path) -> dict[str, Any]:
    with scratch(folder) as place:
        place.chmod(0o755)  # as root, PostgreSQL runs as nobody
        results = audit.measure(entries, place / "audit")
    keep(out / "audit.md", audit.page(results, facts()))
    keep_json(out / "audit.json", results)
    return results


@main.command(name="access")
@click.option("--cameras", type=click.IntRange(1000, 200_000), default=access.CITY, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@folder_option
@out_option
def access_command(cameras: int, as_json: bool, folder: Path | None, out: Path) -> None:
    """Permission checks, lists under row security, questions asked of grants, revocation: access.md and access.json."""
    results = write_access(cameras, folder, out)
    if as_json:
        click.echo(json.dumps(results, indent=2))


def write_access(cameras: int, folder: Path | None, out: Path) -> dict[str, Any]:
    with scratch(folder) as place:
        place.chmod(0o755)  # as root, PostgreSQL runs as nobody
        results = access.measure(cameras, place / "access")
    keep(out / "access.md", access.page(results, facts()))
    keep_json(out / "access.json", results)
    return results


@main.command(name="all")
@folder_option
@out_option
def everything(folder: Path | None, out: Path) -> None:
    """The quick matrix, a thousand cameras, connecting, the fleet, live and playback: all pages."""
    write_matrix(QUICK, chosen(",".join(ENGINES)), folder, out)
    with scratch(folder) as place:
        connected = scale.connect(400, place)
        many = scale.thousand(1000, 10.0, place)
    keep(out / "scale.md", scale.page(connected, many, facts()))
    keep_json(out / "scale.json", {"connect": connected, "thousand": many})
    write_fleet(fleet.CITY, folder, out)
    write_access(access.CITY, folder, out)
    write_audit(audit.MILLION, folder, out)
    if reason := live.missing():
        say(f"live is skipped: {reason}")
    else:
        write_live(folder, out)


def facts() -> str:
    """Where and when it was measured, for the head of a page."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="minutes")
    pairs = {"measured": now, **machine_facts(), **versions()}
    return "".join(f"- {name}: {value}\n" for name, value in pairs.items())


def versions() -> dict[str, str]:
    """What was compared."""
    told = {"khue": khue.__version__, "PyAV": av.__version__}
    for name, command in (("ffmpeg", ["ffmpeg", "-version"]), ("GStreamer", ["gst-launch-1.0", "--version"])):
        if shutil.which(command[0]):
            first = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n", 1)[0]
            told[name] = (
                first.split(" Copyright")[0].removeprefix("ffmpeg version ").removeprefix("gst-launch-1.0 version ")
            )
    return told


def keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    say(f"wrote {path}")


def keep_json(path: Path, value: object) -> None:
    keep(path, json.dumps(msgspec.to_builtins(value), indent=1) + "\n")


def say_result(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        click.echo(f"{name:26} {value}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that engines end and recordings go
    main()
