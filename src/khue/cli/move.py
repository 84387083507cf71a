"""From another system's list to the registry: shown, written to a file, or planned and applied as an import."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from khue.camera.migrate.found import CameraList, row
from khue.cli.api import Api
from khue.cli.camera import as_json
from khue.cli.imports import import_rows, progress_bar, summary, work
from khue.cli.reach import reach
from khue.model.errors import ConfigError, KhueError

FILE = "cameras.csv"
_FIRST_ROW = 2  # the heading is row 1
_HEADINGS = (
    *("name", "vendor", "family", "model", "kind", "megapixels", "serial", "mac", "host", "lat", "lon", "address"),
    *("unit", "owner", "purpose", "site", "declared_working", "enabled", "rtsp_main", "rtsp_sub", "note"),
)


class _Plan(msgspec.Struct):
    """What the person said about all cameras of the system, and what is to be done with the list."""

    facts: dict[str, str]
    dry_run: bool
    yes: bool
    json_out: bool
    out: Path | None
    with_secrets: bool


def move(ctx: click.Context, found: CameraList, more: dict[str, Any]) -> None:
    """Show, write or import the list. Passwords go into the upload, and into a file only with --with-secrets."""
    facts = {"owner": more["agency"], "unit": more["unit"], "purpose": more["purpose"], "site": more["site"]}
    facts = {field: text for field, text in {**facts, "address": more["address"]}.items() if text}
    plan = _Plan(facts, more["dry_run"], more["yes"], more["json_out"], more["out"], more["with_secrets"])
    if plan.with_secrets and plan.out is None:
        raise ConfigError("--with-secrets goes with --out FILE; an import takes the passwords by itself")
    if plan.out is not None:
        _write(plan.out, sheet(found, facts, with_secrets=plan.with_secrets))
    told: dict[str, Any] = {}
    outcomes: dict[int, dict[str, Any]] = {}
    if found.cameras and (plan.out is None or plan.yes):
        with reach(ctx) as api:
            told, outcomes = _import(api, found, plan)
    _show(found, plan, told, outcomes)
    ctx.exit(1 if told.get("lost") else 0)


def sheet(found: CameraList, facts: dict[str, str], *, with_secrets: bool) -> bytes:
    """The list as CSV in canonical headings. ``facts`` hold where the system says nothing itself."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _HEADINGS)
    writer.writeheader()
    writer.writerows({**facts, **row(found.system, camera, with_secrets=with_secrets)} for camera in found.cameras)
    return text.getvalue().encode("utf-8-sig")


def _write(file: Path, data: bytes) -> None:
    """Readable by its owner alone: addresses of cameras, and perhaps passwords, are in it."""
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(data)
    part.replace(file)


def _import(api: Api, found: CameraList, plan: _Plan) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """(what became of the import, row -> what becomes of it). What is not applied is forgotten, passwords and all."""
    quiet = plan.json_out or not sys.stderr.isatty()
    body = {"name": f"migrate {found.system}"[:200], "agency": plan.facts.get("owner", "")}
    import_id = str(api.call("POST", "/imports", body)["id"])
    applied = False
    try:
        with progress_bar(quiet) as say:
            _upload(api, f"/imports/{import_id}/files/{FILE}", sheet(found, plan.facts, with_secrets=True))
            state = work(api, import_id, "plan", say)
            outcomes = {item["row"]: item for item in import_rows(api, import_id)}
            if plan.yes and not plan.dry_run:
                state = work(api, import_id, "apply", say)
                applied = True
    finally:
        if not applied:
            with contextlib.suppress(KhueError):  # what went wrong before is what has to be said
                api.call("DELETE", f"/imports/{import_id}")
    return {**summary(import_id, state, 0.0, []), "applied": applied}, outcomes


def _upload(api: Api, path: str, data: bytes) -> None:
    """From memory: the passwords in it touch no disk of this machine."""
    descriptor = os.memfd_create("khue-migrate", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        api.upload(path, Path(f"/proc/self/fd/{descriptor}"))


def _show(found: CameraList, plan: _Plan, told: dict[str, Any], outcomes: dict[int, dict[str, Any]]) -> None:
    items = []
    for number, camera in enumerate(found.cameras, _FIRST_ROW):
        outcome = outcomes.get(number, {})
        cells = {**plan.facts, **row("", camera, with_secrets=False)}
        items.append(
            {
                "where": camera.where,
                **{name: cells.get(name, "") for name in _HEADINGS if name != "note"},
                "has_password": bool(camera.password),
                "says": list(camera.says),
                "outcome": outcome.get("outcome", ""),
                "problems": [problem["en"] for problem in outcome.get("problems", ())],
            }
        )
    left_out = msgspec.to_builtins(found.left_out)
    if plan.json_out:
        body = {"system": found.system, "says": list(found.says), "cameras": items, "left_out": left_out}
        as_json({**body, "import": told or None})
        return
    _print(found, items, told)
    if plan.out is not None:
        click.echo(f"{plan.out}: {len(items)} cameras{', with their passwords' if plan.with_secrets else ''}")


def _print(found: CameraList, items: list[dict[str, Any]], told: dict[str, Any]) -> None:
    table = Table(title=f"{len(items)} of {found.system}")
    for name in ("Where", "Camera", "Type", "Address", "Streams", "Password", "Import"):
        table.add_column(name, no_wrap=name in ("Where", "Address"))
    for item in items:
        streams = " + ".join(name for name, url in (("main", item["rtsp_main"]), ("sub", item["rtsp_sub"])) if url)
        why = "; ".join([*item["problems"], *item["says"]])
        outcome = f"{item['outcome']}: {why}" if item["outcome"] and why else item["outcome"] or why
        brand = item["vendor"] or item["family"]
        cells = (
            item["where"],
            item["name"],
            brand,
            item["host"],
            streams or "none",
            "yes" if item["has_password"] else "no",
        )
        table.add_row(*(str(cell) or "-" for cell in cells), outcome or "-")
    Console(highlight=False, markup=False).print(table)
    for left in found.left_out:
        click.echo(f"left out: {left.where} {left.name}: {left.why}".replace("  ", " "))
    for sentence in found.says:
        click.echo(f"note: {sentence}")
    if not told:
        return
    counts = ", ".join(f"{told[name]:,} {name}" for name in ("created", "changed", "unchanged", "duplicate", "refused"))
    if told["applied"]:
        click.echo(f"import {told['id']}: {counts}; khue fleet undo {told['id']} takes it back")
    else:
        click.echo(f"would be: {counts}; nothing was changed, --yes imports them")
