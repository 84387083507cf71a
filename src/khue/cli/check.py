"""``khue check``: index, log and disk of a node say the same, or what differs."""

from __future__ import annotations

from pathlib import Path

import click

from khue.cli.camera import as_json
from khue.model.errors import ConfigError
from khue.video.check import Report
from khue.video.check import check as check_log
from khue.video.index import Index

DATA = Path("khue-data")


def node_folders(below: Path) -> list[Path]:
    """Folders that hold a node's index: the folder itself or any below it."""
    found = sorted({path.parent for path in below.glob("**/index.sqlite")})
    if not found:
        raise ConfigError(f"no node has recorded below {below.resolve()}; name its data folder with --data")
    return found


def check_folder(folder: Path) -> Report:
    index = Index(folder / "index.sqlite")
    try:
        return check_log(folder, index)
    finally:
        index.close()


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="KHUE_DATA",
    default=DATA,
    show_default=True,
    help="A node's data folder, or one above several.",
)
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def check(ctx: click.Context, data: Path, json_out: bool) -> None:
    """Prove that what is recorded is whole and unaltered. May run beside a recording node."""
    reports = {str(folder): check_folder(folder) for folder in node_folders(data)}
    differences = sum(report.differences for report in reports.values())
    blocks = sum(report.blocks for report in reports.values())
    if json_out:
        as_json({"nodes": reports, "blocks": blocks, "differences": differences})
    else:
        for folder, report in reports.items():
            for difference in report.details:
                click.echo(f"{folder}: {difference.kind}: {difference.where}: {difference.what}")
            megabytes = report.bytes / 1e6
            click.echo(
                f"{folder}: {report.files} files, {report.blocks} blocks, {megabytes:.0f} MB, {report.streams} streams"
            )
        click.echo(f"differences: {differences}")
    ctx.exit(1 if differences else 0)
