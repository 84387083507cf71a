"""``khue fleet search|asof|quota|history|export``: what the registry says; ``import|undo|score`` are in ``imports``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from khue.cli.camera import as_json
from khue.cli.reach import reach

_PAGE = 500
_FILTERS = ("unit", "agency", "vendor", "purpose", "link", "life", "state", "declared", "seen", "box")
_BOARD = ("needed", "proposed", "installed", "declared_working", "seen_working")


@click.group()
@click.option("--data", help="A folder to work on directly, when no centre runs (or KHUE_DATA).")
@click.pass_context
def fleet(ctx: click.Context, data: str | None) -> None:
    """The registry of all cameras, whether they are connected or not."""
    ctx.obj = data or None


def filters(command: Any) -> Any:
    """The options that narrow a fleet; the same names as in the API."""
    for name in reversed(_FILTERS):
        command = click.option(f"--{name}", default="", help=_HELP[name])(command)
    return command


_HELP = {
    "unit": "Codes of wards and communes, with commas.",
    "agency": "Owner or managing agency.",
    "vendor": "Brand, as the catalogue spells it.",
    "purpose": "security, violation, defence, traffic_safety, ...",
    "link": "private_fibre, leased or borrowed.",
    "life": "proposed, installed, operating, faulty, ...",
    "state": "recording, stalled, unreachable, ...",
    "declared": "yes, no or unknown: does its owner say that it works?",
    "seen": "yes, no or unknown: did we see that it works?",
    "box": "west,south,east,north in degrees.",
}


@fleet.command()
@click.argument("text", default="")
@filters
@click.option("--limit", default=100, show_default=True, help="At most so many; 0 is all.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def search(ctx: click.Context, /, text: str, limit: int, json_out: bool, **narrow: str) -> None:
    """Cameras by name, address, code, unit or agency, with or without Vietnamese marks."""
    _list(ctx, {"q": text, **narrow}, limit, json_out)


@fleet.command()
@click.argument("date")
@filters
@click.option("--limit", default=100, show_default=True, help="At most so many; 0 is all.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def asof(ctx: click.Context, /, date: str, limit: int, json_out: bool, **narrow: str) -> None:
    """The fleet as it was on DATE (2026-01-31): how many, and which."""
    _list(ctx, {"asof": date, **narrow}, limit, json_out)


def _list(ctx: click.Context, asked: dict[str, str], limit: int, json_out: bool) -> None:
    given = {name: value for name, value in asked.items() if value}
    items: list[dict[str, Any]] = []
    with reach(ctx) as api:
        total = api.call("GET", "/inventory/index", **given)["total"]
        after: str | None = ""
        while after is not None and (not limit or len(items) < limit):
            size = min(_PAGE, limit - len(items)) if limit else _PAGE
            paging: dict[str, str | int] = {"limit": size, **({"after": after} if after else {})}
            page = api.call("GET", "/inventory/cameras", **given, **paging)
            items += page["items"]
            after = page["next"]
    if json_out:
        as_json({"total": total, **({"asof": given["asof"]} if "asof" in given else {}), "items": items})
        return
    table = Table("No.", "Camera", "Unit", "Type", "Purpose", "Life", "Says", "Seen", title=f"{len(items)} of {total}")
    for item in items:
        table.add_row(
            *(str(item["number"]), item["name"], item["unit"] or "-", item["vendor"] or "-", item["purpose"] or "-"),
            *(item["life"], _word(item["declared_working"]), _word(item["seen_working"])),
        )
    Console().print(table)


def _word(working: bool | None) -> str:
    return "?" if working is None else "works" if working else "dead"


@fleet.command()
@click.option(
    "--by",
    type=click.Choice(["purpose", "group", "unit", "owner", "manager", "type", "link"]),
    default="group",
    show_default=True,
)
@click.option("--asof", default="", help="As it was on this date.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def quota(ctx: click.Context, by: str, asof: str, json_out: bool) -> None:
    """The quota board: needed, proposed, installed, declared working, seen working."""
    with reach(ctx) as api:
        board = api.call("GET", "/inventory/quota", by=by, **({"asof": asof} if asof else {}))
    if json_out:
        as_json(board)
        return
    table = Table(by, *(name.replace("_", " ") for name in _BOARD))
    for row in [*board["rows"], {"name": "all", **board["total"]}]:
        table.add_row(row["name"], *("-" if row[name] is None else f"{row[name]:,}" for name in _BOARD))
    Console().print(table)


@fleet.command()
@click.argument("camera")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def history(ctx: click.Context, camera: str, json_out: bool) -> None:
    """Who changed what of CAMERA (its id), from what to what, when and why."""
    with reach(ctx) as api:
        items = api.call("GET", f"/registry/cameras/{camera}/history")["items"]
    if json_out:
        as_json(items)
        return
    table = Table("When", "Who", "What", "Why")
    for item in items:
        changes = "\n".join(f"{c['field']}: {c['before']} → {c['after']}" for c in item["changes"])
        table.add_row(item["at"][:19], item["actor"], changes or item["kind"], item["reason"] or item["source"])
    Console().print(table)


@fleet.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["xlsx", "csv", "geojson", "ngsi-ld"]), help="Else from FILE's name."
)
@click.option("--text", default="", help="Words to search for.")
@filters
@click.option("--asof", default="", help="As it was on this date.")
@click.pass_context
def export(ctx: click.Context, /, file: Path, form: str | None, text: str, asof: str, **narrow: str) -> None:
    """Everything the registry knows and you may see, into FILE (.xlsx, .csv, .geojson, .jsonld)."""
    chosen = form or {".jsonld": "ngsi-ld"}.get(file.suffix.lower(), file.suffix.lower().lstrip("."))
    asked = {"q": text, "asof": asof, **narrow}
    with reach(ctx) as api:
        size = api.download(
            "/inventory/export", file, format=chosen, **{name: value for name, value in asked.items() if value}
        )
    click.echo(f"{file}: {size:,} bytes")
