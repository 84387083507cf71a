"""``khue grant give|revoke|who|what|list``: who may do what with which cameras, on a running centre."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table

from khue.cli.camera import as_json
from khue.cli.reach import reach

_PAGE = 200


@click.group()
@click.option("--data", help="A folder to work on directly, when no centre runs (or KHUE_DATA).")
@click.pass_context
def grant(ctx: click.Context, data: str | None) -> None:
    """Who may do what with which cameras."""
    ctx.obj = data or None


@grant.command()
@click.option("--post", help="Id of the post that is granted it.")
@click.option("--agency", help="Or of an agency: everybody with a post in it or below it.")
@click.option("--right", "rights", multiple=True, required=True, help="see, live, playback, export, ptz, manage, ...")
@click.option("--unit", "units", multiple=True, help="Code of a ward or commune.")
@click.option("--fleet", "fleets", multiple=True, help="An agency whose cameras they are, with those below it.")
@click.option(
    "--purpose", "camera_purposes", multiple=True, help="What the cameras are for: security, traffic_safety, ..."
)
@click.option("--group", "groups", multiple=True, help="A named group of cameras.")
@click.option("--camera", "cameras", multiple=True, help="One camera.")
@click.option("--defence", is_flag=True, help="Cameras of defence too.")
@click.option("--for", "purposes", multiple=True, help="A purpose it may be used for; any unless said.")
@click.option("--hours", help="FROM-TO of the day, such as 22:00-06:00.")
@click.option("--weekdays", help="Numbers, 1 Monday to 7 Sunday, such as 1,2,3,4,5.")
@click.option("--from", "valid_from", help="RFC 3339; now unless said.")
@click.option("--to", "valid_to", help="RFC 3339; until revoked unless said.")
@click.option("--passes", default=0, show_default=True, help="How many times it may be handed on.")
@click.option("--parent", help="The grant it is derived from; the centre finds one unless said.")
@click.option("--basis", required=True, help="Number of the document it rests on.")
@click.option("--note", default="")
@click.option("--try", "dry_run", is_flag=True, help="Say what would change; give nothing.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def give(ctx: click.Context, /, json_out: bool, dry_run: bool, **said: Any) -> None:
    """Give a grant, within what you hold. Conditions on cameras hold all at once; without any it is about every camera."""
    body = _body(said)
    with reach(ctx) as api:
        if dry_run:
            effect = api.call("POST", "/grants/what-if", {"give": body})
            as_json(effect) if json_out else _show_effect(effect)
            return
        made = api.call("POST", "/grants", body)
    if json_out:
        as_json(made)
    else:
        click.echo(f"{made['id']}: {', '.join(made['rights'])} for {made['holder']}, {_about(made['target'])}")


@grant.command()
@click.argument("grant_id")
@click.option("--reason", required=True)
@click.option("--try", "dry_run", is_flag=True, help="Say what would change; revoke nothing.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def revoke(ctx: click.Context, grant_id: str, reason: str, dry_run: bool, json_out: bool) -> None:
    """Revoke GRANT_ID and everything derived from it; what is open by it ends at once."""
    with reach(ctx) as api:
        if dry_run:
            effect = api.call("POST", "/grants/what-if", {"revoke": grant_id})
            as_json(effect) if json_out else _show_effect(effect)
            return
        done = api.call("POST", f"/grants/{quote(grant_id, safe='')}/revoke", {"reason": reason})
    if json_out:
        as_json(done)
    else:
        click.echo(f"revoked; {done['taken_along']} derived from it ended with it")


@grant.command()
@click.argument("camera")
@click.option("--right", default="", help="Only who may do this.")
@click.option("--at", default="", help="At this instant (RFC 3339); now unless said.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def who(ctx: click.Context, camera: str, right: str, at: str, json_out: bool) -> None:
    """Who can see CAMERA (its id), or do more with it, and by which grant."""
    asked = {name: value for name, value in (("right", right), ("at", at)) if value}
    with reach(ctx) as api:
        found = api.call("GET", "/grants/who", camera=camera, **asked)
    if json_out:
        as_json(found)
        return
    table = Table("Person", "Post", "Agency", "Rights", "Grant", "Until", title=found["name"])
    for item in found["items"]:
        table.add_row(
            *(item["display_name"], item["title"], item["agency_name"] or "-", ", ".join(item["rights"])),
            *(item["grant"], _day(item["valid_to"])),
        )
    Console().print(table)


@grant.command()
@click.argument("post")
@click.option("--account", is_flag=True, help="POST is the id of an account: all it holds.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def what(ctx: click.Context, post: str, account: bool, json_out: bool) -> None:
    """What POST (its id) may do: how many cameras by right, for which purposes, by which clause."""
    with reach(ctx) as api:
        found = api.call("GET", "/grants/what", **{"account" if account else "post": post})
    if json_out:
        as_json(found)
        return
    table = Table("Right", "Cameras", "Has to state", "Clause", title=post)
    for held in found["rights"]:
        clause = held["clause"]
        table.add_row(held["right"], str(held["cameras"]), ", ".join(held["needs"]), clause["id"] if clause else "")
    Console().print(table)
    _show(found["grants"])


@grant.command(name="list")
@click.option("--post", default="")
@click.option("--agency", default="")
@click.option("--account", default="", help="What this account (its id) holds or held.")
@click.option("--camera", default="", help="Those about this camera.")
@click.option(
    "--state", type=click.Choice(["in_force", "ended", "revoked", "all"]), default="in_force", show_default=True
)
@click.option("--unused-days", type=int, help="Not used for so many days.")
@click.option("--limit", default=_PAGE, show_default=True)
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def list_grants(ctx: click.Context, /, limit: int, json_out: bool, **asked: Any) -> None:
    """Grants, the newest first."""
    given = {name: value for name, value in asked.items() if value not in ("", None)}
    items: list[dict[str, Any]] = []
    with reach(ctx) as api:
        after: str | None = ""
        while after is not None and len(items) < limit:
            paging: dict[str, str | int] = {
                "limit": min(_PAGE, limit - len(items)),
                **({"after": after} if after else {}),
            }
            page = api.call("GET", "/grants", **given, **paging)
            items += page["items"]
            after = page["next"]
    if json_out:
        as_json({"items": items})
    else:
        _show(items)


def _body(said: dict[str, Any]) -> dict[str, Any]:
    names = {
        "units": "units",
        "fleets": "fleets",
        "camera_purposes": "purposes",
        "groups": "groups",
        "cameras": "cameras",
    }
    target = {name: list(said[option]) for option, name in names.items() if said[option]}
    body: dict[str, Any] = {"rights": list(said["rights"]), "target": target | {"defence": said["defence"]}}
    body |= {name: said[name] for name in ("post", "agency", "valid_from", "valid_to", "parent") if said[name]}
    body |= {name: said[name] for name in ("passes", "basis", "note")}
    if said["purposes"]:
        body["purposes"] = list(said["purposes"])
    hours: dict[str, Any] = {}
    if said["hours"]:
        start, dash, end = said["hours"].partition("-")
        if not dash:
            raise click.BadParameter("write FROM-TO, such as 22:00-06:00", param_hint="--hours")
        hours |= {"from": start, "to": end}
    if said["weekdays"]:
        if not all(day.strip().isdigit() for day in said["weekdays"].split(",")):
            raise click.BadParameter("write numbers with commas, such as 1,2,3", param_hint="--weekdays")
        hours["weekdays"] = [int(day) for day in said["weekdays"].split(",")]
    return body | ({"hours": hours} if hours else {})


def _show(items: list[dict[str, Any]]) -> None:
    table = Table("Grant", "For", "Rights", "Cameras", "Until", "Basis", "Used")
    for item in items:
        ended = f"revoked {_day(item['revoked']['at'])}" if item["revoked"] else _day(item["valid_to"])
        table.add_row(
            *(item["id"], item["holder"], ", ".join(item["rights"]), _about(item["target"]), ended, item["basis"]),
            str(item["uses"]),
        )
    Console().print(table)


def _show_effect(effect: dict[str, Any]) -> None:
    if effect["refused"]:
        click.echo(f"refused: {effect['refused']}")
    for name in ("gained", "lost"):
        change = effect[name]
        click.echo(f"{name}: {change['people']} people, {change['cameras']} cameras")
        for one in change["sample"]:
            click.echo(f"  {one['display_name']}: {one['cameras']}")


def _about(target: dict[str, Any]) -> str:
    parts = [
        f"{name} {', '.join(values[:3])}{' ...' if len(values) > 3 else ''}"
        for name, values in target.items()
        if isinstance(values, list)
    ]
    return ("; ".join(parts) or "every camera") + (" and defence" if target["defence"] else "")


def _day(instant: str | None) -> str:
    return "-" if instant is None else instant[:16].replace("T", " ")
