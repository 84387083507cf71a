"""``khue login``, ``khue camera add|probe|list|rm``, ``khue nodes list|add``: on a running centre."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from khue.camera.probe import probe as ask_camera
from khue.cli.api import Api, Login, load_login, save_login
from khue.model.address import strip_credentials
from khue.video.sps import picture_size
from khue.wire.link import ProbeReply, ProbeRequest

STATE_MARKS = {
    "recording": "[green]● recording[/]",
    "connecting": "[cyan]◌ connecting[/]",
    "stalled": "[yellow]▲ stalled[/]",
    "refused": "[red]■ refused[/]",
    "unreachable": "[red]✕ unreachable[/]",
    "disabled": "[dim]— disabled[/]",
}


def as_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _api() -> Api:
    login = load_login()
    return Api(login.url, login.token, login.ca)


@click.command()
@click.argument("url")
@click.option("--user", default="admin", show_default=True)
@click.option("--password", prompt=True, hide_input=True)
@click.option("--code", default="", help="Of your phone, or one from paper; asked for when the account has them.")
@click.option("--days", default=30, show_default=True, help="How long the saved token is valid.")
@click.option(
    "--ca", default="", help="PEM file of the authority the centre is known by; empty: those the system knows."
)
def login(url: str, user: str, password: str, code: str, days: int, ca: str) -> None:
    """Sign in at a centre and remember a token for the other commands."""
    ca = str(Path(ca).absolute()) if ca else ""
    with Api(url, ca=ca) as api:
        api.sign_in(user, password, lambda: code or click.prompt("Code"))
        made = api.call("POST", "/tokens", {"name": "khue login", "expires_days": days})
        api.call("DELETE", "/session")  # the token is what stays
    path = save_login(Login(url, made["token"], ca))
    click.echo(f"signed in; the token is kept in {path}")


@click.group()
def camera() -> None:
    """Cameras of a running centre."""


@camera.command("list")
@click.argument("text", default="")
@click.option("--state", default="", help="recording, stalled, refused, unreachable, ...")
@click.option("--json", "json_out", is_flag=True)
def list_cameras(text: str, state: str, json_out: bool) -> None:
    """Cameras and how they are; TEXT searches names."""
    items: list[dict[str, Any]] = []
    with _api() as api:
        after: str | None = ""
        while after is not None:
            asked: dict[str, str | int] = {"q": text, "state": state, "limit": 200, "after": after}
            page = api.call("GET", "/cameras", **{name: value for name, value in asked.items() if value})
            items += page["items"]
            after = page["next"]
    if json_out:
        as_json(items)
        return
    table = Table("Camera", "Node", "State", "Since", "Why")
    table.add_column("Id", no_wrap=True)
    for item in items:
        mark = STATE_MARKS.get(item["state"], item["state"])
        table.add_row(
            item["name"], item["node"] or "-", mark, (item["since"] or "")[:19], item["detail"] or "", item["id"]
        )
    Console().print(table)


@camera.command()
@click.argument("name")
@click.argument("url")
@click.option("--sub-url", help="The small stream, for walls.")
@click.option("--user", help="User name at the camera (or in the URL).")
@click.option("--password", help="Password at the camera (or in the URL).")
@click.option("--site", help="The network it is in.")
@click.option("--transport", type=click.Choice(["auto", "tcp", "udp"]))
@click.option("--json", "json_out", is_flag=True)
def add(name: str, url: str, user: str | None, json_out: bool, **more: str | None) -> None:
    """Bring a camera under the roof."""
    body = {"name": name, "url": url, "username": user, **more}
    with _api() as api:
        made = api.call("POST", "/cameras", {key: value for key, value in body.items() if value})
    as_json(made) if json_out else click.echo(f"{made['name']} is {made['id']}")


@camera.command("rm")
@click.argument("camera_id")
def remove(camera_id: str) -> None:
    """Take a camera out; what was recorded stays until its retention ends."""
    with _api() as api:
        api.call("DELETE", f"/cameras/{camera_id}")
    click.echo("removed")


@camera.command("probe")
@click.argument("url")
@click.option("--user", default="")
@click.option("--password", default="")
@click.option("--node", default="", help="Ask from this node of a running centre; else from here.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def probe_camera(ctx: click.Context, url: str, user: str, password: str, node: str, json_out: bool) -> None:
    """What a camera is, or why it cannot be reached. Needs no centre. Never guesses a password."""
    bare, in_url_user, in_url_password = strip_credentials(url)
    request = ProbeRequest(url=bare, username=user or in_url_user, password=password or in_url_password)
    if node:
        asked = {"url": bare, "username": request.username, "password": request.password, "node": node}
        with _api() as api:
            reply = msgspec.convert(api.call("POST", "/cameras/probe", asked), ProbeReply)
    else:
        reply = asyncio.run(ask_camera(request, sps_size=picture_size))
    if json_out:
        as_json(full_reply(reply))
    else:
        show_probe(reply)
    ctx.exit(0 if reply.reachable and not reply.error else 1)


_RESOLVED = {"onvif": "ONVIF", "template": "the family's template", "given": "the address given"}


def full_reply(reply: ProbeReply) -> dict[str, Any]:
    """Every field, also those at their default, so that a reader need not guess."""
    named = {field: getattr(reply, field) for field in reply.__struct_fields__}
    named["streams"] = [{field: getattr(s, field) for field in s.__struct_fields__} for s in reply.streams]
    return named


def show_probe(reply: ProbeReply) -> None:
    """For a person."""
    console = Console()
    if reply.error:
        console.print(f"[red]✕[/] {reply.error}")
        if reply.remedy:
            console.print(f"  {reply.remedy}")
    if not reply.reachable or (reply.error and not reply.streams):
        return
    console.print(f"{reply.manufacturer or 'unknown make'} {reply.model} {reply.firmware}".strip())
    if reply.clock_offset_s is not None:
        console.print(f"its clock is {reply.clock_offset_s:+.1f} s off")
    named = [f"serial {reply.serial}"] if reply.serial else []
    named += [f"MAC {reply.mac}"] if reply.mac else []
    if reply.snapshot_width:
        named.append(f"snapshot {reply.snapshot_width}x{reply.snapshot_height}, {reply.snapshot_bytes / 1000:.0f} kB")
    if named:
        console.print(", ".join(named), markup=False)
    if reply.resolved_by:
        console.print(f"streams found by {_RESOLVED[reply.resolved_by]}")
    for stream in reply.streams:
        size = f"{stream.width}x{stream.height}" if stream.width else "size unknown"
        limit = f" (set to {stream.kbps_limit})" if stream.kbps_limit else ""
        rate = f"{stream.frame_rate:.1f}/s {stream.kbps} kb/s{limit}"
        console.print(
            f"  {stream.codec} {size} {rate} {stream.audio or 'no audio'} over {stream.transport}  {stream.url}"
        )


@click.group()
def nodes() -> None:
    """Nodes of a running centre."""


@nodes.command("list")
@click.option("--json", "json_out", is_flag=True)
def list_nodes(json_out: bool) -> None:
    """Nodes, whether they are alive, and what they carry."""
    with _api() as api:
        items = api.call("GET", "/nodes")["items"]
    if json_out:
        as_json(items)
        return
    table = Table("Node", "Sites", "Alive", "Cameras", "Disk", "Alert")
    for item in items:
        total = item["disk_total"] or 1
        used = f"{100 * item['disk_used'] / total:.0f} %"
        alive = "[green]●[/]" if item["alive"] else "[red]✕[/]"
        table.add_row(item["id"], ", ".join(item["sites"]), alive, str(item["cameras"]), used, item["alert"] or "")
    Console().print(table)


@nodes.command("add")
@click.argument("node_id")
@click.option("--site", "sites", multiple=True, help="A network it may serve; without any, those it says itself.")
@click.option(
    "--again", is_flag=True, help="Give an enrolled node a new key; the one it has ends when the token is used."
)
@click.option("--json", "json_out", is_flag=True)
def add_node(node_id: str, sites: tuple[str, ...], again: bool, json_out: bool) -> None:
    """Make a token a node enrols with: once, within the hour. On its machine: khue node --enrol TOKEN --data FOLDER"""
    with _api() as api:
        made = api.call("POST", "/nodes/enrolments", {"id": node_id, "sites": list(sites), "again": again})
    as_json(made) if json_out else click.echo(made["token"])


@nodes.command("rm")
@click.argument("node_id")
def remove_node(node_id: str) -> None:
    """End a node's key now; its cameras go to others, what it recorded stays on its disk."""
    with _api() as api:
        api.call("DELETE", f"/nodes/{node_id}")
    click.echo("removed")
