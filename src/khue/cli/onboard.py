"""``khue probe``, ``khue discover`` and ``khue camera rotate-password``: bring cameras under the roof."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from khue.camera.probe import probe as ask_camera
from khue.cli.api import Api
from khue.cli.camera import as_json, full_reply, show_probe
from khue.cli.reach import reach
from khue.model.address import strip_credentials
from khue.model.errors import ConfigError, KhueError
from khue.video.sps import picture_size
from khue.wire.link import ProbeReply, ProbeRequest

_ASK_S = 0.5
_PAGE = 1000


@click.command("probe")
@click.argument("url", default="")
@click.option("--camera", default="", help="A camera of the registry, by its id, with the password that is kept.")
@click.option("--user", default="", help="User name at the camera (or in URL).")
@click.option(
    "--password", default="", envvar="KHUE_CAMERA_PASSWORD", help="Its password (or in URL). None is guessed."
)
@click.option("--family", default="", help="Whose template to try when ONVIF does not say: hik, dahua, unv, ...")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def probe_command(
    ctx: click.Context, url: str, camera: str, user: str, password: str, family: str, json_out: bool
) -> None:
    """What a camera is, or why it cannot be reached: rtsp://..., http://... or a host.

    URL is asked from here and needs no centre; --camera is asked by the node that reaches it.
    """
    if bool(url) == bool(camera):
        raise click.UsageError("give a URL, or --camera with the id of a registered camera")
    differences: list[dict[str, str]] = []
    if camera:
        with reach(ctx) as api:
            told = api.call("POST", f"/registry/cameras/{camera}/probe", {"username": user, "password": password})
        reply, differences = msgspec.convert(told, ProbeReply), told["differences"]
    else:
        bare, url_user, url_password = strip_credentials(url)
        request = ProbeRequest(
            url=bare, username=user or url_user, password=password or url_password, timeout_s=20.0, family=family
        )
        reply = asyncio.run(ask_camera(request, sps_size=picture_size))
        told = full_reply(reply)
    if json_out:
        as_json(told)
    else:
        show_probe(reply)
        for one in differences:
            click.echo(f"  the registry says {one['field']} {one['registry'] or '-'}, the camera {one['device']}")
    ctx.exit(0 if reply.reachable and not reply.error else 1)


@click.command()
@click.option("--node", required=True, help="The node that looks.")
@click.option("--range", "ranges", multiple=True, help="Only there, e.g. 10.20.30.0/24; else all it has declared.")
@click.option("--multicast", is_flag=True, help="Also ask by WS-Discovery on the node's own networks.")
@click.option("--multicast-only", is_flag=True, help="Ask by WS-Discovery and scan nothing.")
@click.option("--port", "ports", multiple=True, type=int, help="Only these ports; else those of the catalogue.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def discover(
    ctx: click.Context,
    node: str,
    ranges: tuple[str, ...],
    multicast: bool,
    multicast_only: bool,
    ports: tuple[int, ...],
    json_out: bool,
) -> None:
    """Look for cameras from a node, only in ranges its administrator has declared (scan_ranges)."""
    body: dict[str, Any] = {"node": node, "multicast": multicast or multicast_only, "ports": list(ports)}
    if ranges or multicast_only:
        body["ranges"] = [] if multicast_only else list(ranges)
    with reach(ctx) as api:
        started = api.call("POST", "/discoveries", body)["id"]
        try:
            told = _follow(api, started)
        except KeyboardInterrupt:
            api.call("POST", f"/discoveries/{started}/cancel")
            raise
        told["found"] = _all_found(api, started)
    if json_out:
        as_json(told)
    else:
        _show(told)
    if told["state"] != "done":
        raise KhueError(f"the discovery was {told['state']}: {told['error'] or 'nothing more is known'}")


def _follow(api: Api, discovery: str) -> dict[str, Any]:
    """Until it is over, with a bar on standard error where somebody looks."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("looking", total=None)
        while True:
            told: dict[str, Any] = api.call("GET", f"/discoveries/{discovery}", limit=1)
            bar.update(
                task,
                total=told["total"] or None,
                completed=told["asked"],
                description=f"looking, {told['devices']} found",
            )
            if told["state"] != "running":
                return told
            time.sleep(_ASK_S)


def _all_found(api: Api, discovery: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = api.call("GET", f"/discoveries/{discovery}", after=after, limit=_PAGE)
        found += page["found"]
        after = page["next"]
    return found


def _show(told: dict[str, Any]) -> None:
    table = Table("Address", "Ports", "ONVIF", "Type", "Model", "Serial", "MAC", "In the registry")
    for one in told["found"]:
        known = f"{one['camera']} (by {one['matched_by']})" if one["camera"] else "-"
        table.add_row(
            *(one["address"], " ".join(map(str, one["ports"])), "yes" if one["onvif"] else "-", one["vendor"] or "?"),
            *(one["model"], one["serial"], one["mac"] or "", known),
        )
    console = Console()
    console.print(table)
    console.print(f"{told['asked']} addresses asked, {len(told['found'])} devices found")
    if told["outside"]:
        console.print(f"{told['outside']} answers came from outside the declared ranges and were dropped")


@click.command("rotate-password")
@click.argument("camera_id")
@click.option(
    "--password",
    prompt=True,
    prompt_required=False,
    hide_input=True,
    confirmation_prompt=True,
    help="Another than a random one; without a value it is asked for.",
)
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def rotate_password(ctx: click.Context, camera_id: str, password: str | None, json_out: bool) -> None:
    """Give a camera a new password, on the device, proved by signing in; else the old one stays."""
    if password is not None and not password:
        raise ConfigError("an empty password is none; leave the option out for a random one")
    with reach(ctx) as api:
        told = api.call("POST", f"/registry/cameras/{camera_id}/rotate-password", {"password": password or ""})
    if json_out:
        as_json(told)
    elif told["changed"]:
        click.echo("changed on the camera, proved by signing in, and kept sealed")
    else:
        click.echo({"pending": "not settled yet"}.get(told["state"], "the old password stays") + f": {told['detail']}")
    ctx.exit(0 if told["changed"] else 1)
