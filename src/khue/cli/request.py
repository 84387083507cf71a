"""``khue request``: ask another agency for its cameras, answer, and open cameras in an emergency, with a second person."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table

from khue.cli.camera import as_json
from khue.cli.reach import reach

_PAGE = 200
_PERIOD = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Until(click.ParamType[Any]):
    """An instant as RFC 3339 has it, or so long from now: 30m, 8h, 7d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The instant, with its zone."""
        match = _PERIOD.fullmatch(value)
        if match:
            return (dt.datetime.now(dt.UTC) + dt.timedelta(**{_UNITS[match[2]]: int(match[1])})).isoformat()
        try:
            at = dt.datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a period (30m, 8h, 7d) nor a time (2026-12-01T08:00+07:00)", param, ctx)
        return (at if at.tzinfo is not None else at.astimezone()).isoformat()


@click.group()
@click.option("--data", help="A folder to work on directly, when no centre runs (or KHUE_DATA).")
@click.pass_context
def request(ctx: click.Context, data: str | None) -> None:
    """Ask for cameras of others, answer those who ask, open cameras in an emergency."""
    ctx.obj = data or None


def _about(command: Any) -> Any:
    """The options that say which rights and cameras."""
    for option in (
        click.option("--right", "rights", multiple=True, required=True, help="live, playback, export, ptz, ..."),
        click.option("--camera", "cameras", multiple=True, help="One camera, by its id."),
        click.option("--unit", "units", multiple=True, help="Or all of a ward or commune, by its code."),
        click.option("--fleet", "fleets", multiple=True, help="Or all of an agency and those below it."),
        click.option("--installed-for", "purposes", multiple=True, help="Of those only cameras put up for this."),
        click.option("--case", default="", help="Case number."),
        click.option("--reason", required=True, help="What happened."),
        click.option("--post", default="", help="The post of yours it is for."),
        click.option("--json", "json_out", is_flag=True),
    ):
        command = option(command)
    return command


@request.command()
@_about
@click.option("--purpose", default="", help="What the pictures are for: situation, investigation, ...")
@click.option("--from", "valid_from", type=Until(), help="From then on; now unless said.")
@click.option("--until", "valid_to", type=Until(), help="A time, or a period from now: 30m, 8h, 7d.")
@click.option("--basis", default="", help="Number of the document it rests on.")
@click.option("--second", is_flag=True, help="Not a grant: a second person's word for one act.")
@click.pass_context
def ask(ctx: click.Context, /, json_out: bool, second: bool, **said: Any) -> None:
    """Ask for rights to cameras; cameras of several owners make a request for each."""
    body = _body(said, ("purpose", "valid_from", "valid_to", "basis"))
    if not second and not said["valid_to"]:
        raise click.UsageError("say until when: --until 8h")
    with reach(ctx) as api:
        made = api.call("POST", "/requests", {**body, "kind": "second" if second else "access"})
    as_json(made) if json_out else _show(made["items"])


@request.command("list")
@click.option("--box", type=click.Choice(["inbox", "mine", "all"]), default="inbox", show_default=True)
@click.option("--state", default="", help="open, approved, narrowed, refused, withdrawn or lapsed.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def list_requests(ctx: click.Context, box: str, state: str, json_out: bool) -> None:
    """What waits for your answer; with --box what you asked, or all you may read."""
    said = {"box": box, **({"state": state} if state else {})}
    items = _pages(ctx, "/requests", said)
    as_json({"items": items}) if json_out else _show(items)


@request.command()
@click.argument("request_id")
@click.option("--basis", default="", help="Number of the document it rests on; not needed for a second person's word.")
@click.option("--right", "rights", multiple=True, help="Only these of the rights asked for.")
@click.option("--camera", "cameras", multiple=True, help="Only these of the cameras asked for.")
@click.option("--until", "valid_to", type=Until(), help="Not for longer than that.")
@click.option("--hours", help="FROM-TO of the day, such as 08:00-17:00.")
@click.option("--weekdays", help="Numbers, 1 Monday to 7 Sunday, such as 1,2,3,4,5.")
@click.option("--note", default="")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def approve(
    ctx: click.Context, /, request_id: str, hours: str | None, weekdays: str | None, json_out: bool, **said: Any
) -> None:
    """Give what was asked for, or less: a grant derived from one of yours; or the second person's word."""
    body = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items() if value}
    if hours or weekdays:
        start, _, end = (hours or "").partition("-")
        days = [int(day) for day in weekdays.split(",") if day.strip().isdigit()] if weekdays else None
        body["hours"] = {"from": start or None, "to": end or None, "weekdays": days}
    _act(ctx, f"/requests/{quote(request_id, safe='')}/approve", body, json_out=json_out)


@request.command()
@click.argument("request_id")
@click.option("--reason", required=True)
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def refuse(ctx: click.Context, request_id: str, reason: str, json_out: bool) -> None:
    """Refuse it; who asked is told the reason."""
    _act(ctx, f"/requests/{quote(request_id, safe='')}/refuse", {"reason": reason}, json_out=json_out)


@request.command()
@click.argument("request_id")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def withdraw(ctx: click.Context, request_id: str, json_out: bool) -> None:
    """Take your own request back."""
    _act(ctx, f"/requests/{quote(request_id, safe='')}/withdraw", None, json_out=json_out)


@request.command()
@_about
@click.option("--purpose", default="emergency", show_default=True, help="What kind of emergency.")
@click.pass_context
def emergency(ctx: click.Context, /, json_out: bool, **said: Any) -> None:
    """Declare an emergency: it opens nothing until a second person confirms it."""
    with reach(ctx) as api:
        made = api.call("POST", "/emergencies", _body(said, ("purpose",)))
    as_json(made) if json_out else _show_emergencies([made])


@request.command()
@click.option("--state", default="", help="waiting, in_force, ended, lapsed or reviewed.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def emergencies(ctx: click.Context, state: str, json_out: bool) -> None:
    """Emergencies you may know of: yours, those waiting for you, those of cameras you decide about or audit."""
    items = _pages(ctx, "/emergencies", {"state": state} if state else {})
    as_json({"items": items}) if json_out else _show_emergencies(items)


@request.command()
@click.argument("emergency_id")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def confirm(ctx: click.Context, emergency_id: str, json_out: bool) -> None:
    """Confirm an emergency as the second person."""
    _act(ctx, f"/emergencies/{quote(emergency_id, safe='')}/confirm", None, json_out=json_out)


@request.command()
@click.argument("emergency_id")
@click.option("--reason", default="")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def end(ctx: click.Context, emergency_id: str, reason: str, json_out: bool) -> None:
    """End an emergency before its time."""
    _act(ctx, f"/emergencies/{quote(emergency_id, safe='')}/end", {"reason": reason}, json_out=json_out)


@request.command()
@click.argument("emergency_id")
@click.argument("verdict", type=click.Choice(["justified", "unjustified"]))
@click.option("--text", required=True, help="What was found.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def review(ctx: click.Context, emergency_id: str, verdict: str, text: str, json_out: bool) -> None:
    """Say, as an auditor, whether an emergency was justified."""
    body = {"verdict": verdict, "text": text}
    _act(ctx, f"/emergencies/{quote(emergency_id, safe='')}/review", body, json_out=json_out)


@request.command()
@click.option("--read", is_flag=True, help="Mark them as read.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def notices(ctx: click.Context, read: bool, json_out: bool) -> None:
    """What you were told, newest first."""
    with reach(ctx) as api:
        told = api.call("GET", "/notices")
        if read:
            api.call("POST", "/notices/read", {})
    if json_out:
        as_json(told)
        return
    for one in told["items"]:
        click.echo(f"{'  ' if one['read'] else '* '}{_time(one['at'])}  {one['text']['vi']}")
        click.echo(f"{'':20}{one['text']['en']}")


def _body(said: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """As the API has it; what was not said is left out."""
    target = {name: list(said[name]) for name in ("units", "fleets", "purposes") if said[name]}
    body = {name: said[name] for name in ("case", "reason", "post", *names) if said[name]}
    body |= {"rights": list(said["rights"])}
    if said["cameras"]:
        body["cameras"] = list(said["cameras"])
    return body | ({"target": target} if target else {})


def _act(ctx: click.Context, path: str, body: Any, *, json_out: bool) -> None:
    with reach(ctx) as api:
        told = api.call("POST", path, body)
    if json_out:
        as_json(told)
    elif "confirm_by" in told:
        _show_emergencies([told])
    else:
        _show([told])


def _pages(ctx: click.Context, path: str, said: dict[str, str]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    after = ""
    with reach(ctx) as api:
        while True:
            page = api.call("GET", path, limit=_PAGE, **said, **({"after": after} if after else {}))
            items += page["items"]
            if page["next"] is None:
                return items
            after = page["next"]


def _show(items: list[dict[str, Any]]) -> None:
    table = Table("Id", "State", "Who", "Asks for", "Cameras", "Purpose", "Owner", "Due", "Answer")
    for one in items:
        who = one["display_name"] + (f" ({one['agency_name']})" if one["agency_name"] else "")
        wants = ("second word: " if one["kind"] == "second" else "") + ", ".join(one["rights"])
        purpose = one["purpose"] + (f" {one['case']}" if one["case"] else "")
        due = _time(one["due"]) + (" overdue" if one["overdue"] else "")
        answer = one["decision"] + (f" (grant {one['grant']})" if one["grant"] else "")
        table.add_row(one["id"], one["state"], who, wants, _where(one), purpose, one["owner_name"] or "-", due, answer)
    Console().print(table)


def _show_emergencies(items: list[dict[str, Any]]) -> None:
    table = Table("Id", "State", "Who", "Opens", "Cameras", "Reason", "Second person", "Until", "Review")
    for one in items:
        state = one["state"] + (" (confirm: khue request confirm)" if one["may_confirm"] else "")
        until = _time(one["until"] or one["confirm_by"])
        found = one["verdict"] or ("overdue" if one["overdue"] else _time(one["review_due"]))
        second = one["confirmed_by_name"] or "-"
        rights = ", ".join(one["rights"])
        table.add_row(one["id"], state, one["display_name"], rights, _where(one), one["reason"], second, until, found)
    Console().print(table)


def _where(one: dict[str, Any]) -> str:
    if one["cameras"] is not None:
        return ", ".join(camera["name"] for camera in one["cameras"])
    return "; ".join(
        f"{name} {', '.join(values)}" for name, values in one["target"].items() if isinstance(values, list)
    )


def _time(instant: str | None) -> str:
    if instant is None:
        return "-"
    return dt.datetime.fromisoformat(instant).astimezone().strftime("%Y-%m-%d %H:%M")
