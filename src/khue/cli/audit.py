"""``khue audit search|who|officer|unused|refusals|checkpoint|export|verify``: the audit log, asked and checked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.console import Console
from rich.table import Table

from khue.cli.audit_file import read_checkpoint, read_log
from khue.cli.audit_file import verify as verify_file
from khue.cli.camera import as_json
from khue.cli.reach import reach
from khue.model.audit_compare import Change
from khue.model.checkpoint import Signed, parse_key
from khue.model.errors import AuditError

Command = TypeVar("Command", bound=Callable[..., object])
_PAGE = 1000
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NARROW = {
    "camera": "Its id.",
    "account": "Id or user name.",
    "post": "Id of a post.",
    "action": "camera:live, camera:playback, clip:create, log:read, ...",
    "outcome": "allowed or refused.",
    "grant": "Id of a grant.",
    "case": "Number of a case.",
    "purpose": "Stated purpose.",
    "from": "From this time on (2026-01-31T08:00:00+07:00).",
    "to": "Before this time.",
}


@click.group()
@click.option("--data", help="A folder to work on directly, when no centre runs (or KHUE_DATA).")
@click.pass_context
def audit(ctx: click.Context, data: str | None) -> None:
    """Who did what, why they might, and proof that nobody changed the log."""
    ctx.obj = data or None


def _options(*names: str) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for name in reversed(names):
            command = click.option(f"--{name}", name.replace("from", "from_"), default="", help=_NARROW[name])(command)
        return command

    return add


def _given(narrow: dict[str, str]) -> dict[str, str]:
    return {name.rstrip("_"): value for name, value in narrow.items() if value}


@audit.command()
@_options(*_NARROW)
@click.option("--limit", default=100, show_default=True, help="At most so many; 0 is all.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def search(ctx: click.Context, /, limit: int, json_out: bool, **narrow: str) -> None:
    """Entries, newest first."""
    items: list[dict[str, Any]] = []
    with reach(ctx) as api:
        before: int | None = None
        while not limit or len(items) < limit:
            asked: dict[str, str | int] = {
                **_given(narrow),
                "limit": min(_PAGE, limit - len(items)) if limit else _PAGE,
            }
            page = api.call("GET", "/audit", **asked, **({} if before is None else {"before": before}))
            items += page["items"]
            before = page["next"]
            if before is None:
                break
    if json_out:
        as_json({"items": items})
        return
    table = Table("No.", "When", "Who", "What", "Outcome", "Camera", "Purpose", "Case", "Clause", "Detail")
    for item in items:
        table.add_row(
            *(str(item["seq"]), item["at"][:19], item["username"] or "-", item["action"], item["outcome"]),
            *(item["camera_name"] or item["camera"] or "-", item["purpose"], item["case_number"], item["clause"]),
            item["detail"],
        )
    Console().print(table)


@audit.command()
@click.argument("camera")
@_options("from", "to")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def who(ctx: click.Context, /, camera: str, json_out: bool, **narrow: str) -> None:
    """Who watched CAMERA (its id)."""
    with reach(ctx) as api:
        found = api.call("GET", "/audit/watchers", camera=camera, **_given(narrow))
    _show(found, json_out, "username", "post", "allowed", "refused", "first", "last", "actions", "purposes", "cases")


@audit.command()
@click.argument("account")
@_options("from", "to")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def officer(ctx: click.Context, /, account: str, json_out: bool, **narrow: str) -> None:
    """What ACCOUNT (user name or id) did."""
    with reach(ctx) as api:
        found = api.call("GET", "/audit/officer", account=account, **_given(narrow))
    _show(found, json_out, "action", "post", "allowed", "refused", "first", "last", "cameras", "purposes", "cases")


@audit.command()
@click.option("--days", default=90.0, show_default=True, help="Not used for so long.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def unused(ctx: click.Context, days: float, json_out: bool) -> None:
    """Grants in force that nobody used."""
    with reach(ctx) as api:
        found = api.call("GET", "/audit/unused-grants", days=days)
    _show(found, json_out, "id", "title", "agency_name", "rights", "basis", "valid_from", "valid_to", "last_used")


@audit.command()
@_options("from", "to")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def refusals(ctx: click.Context, /, json_out: bool, **narrow: str) -> None:
    """What was refused, to whom, by which clause."""
    with reach(ctx) as api:
        found = api.call("GET", "/audit/refusals", **_given(narrow))
    _show(found, json_out, "username", "action", "clause", "count", "cameras", "first", "last", "detail")


def _show(found: dict[str, Any], json_out: bool, *columns: str) -> None:
    if json_out:
        as_json(found)
        return
    table = Table(*(column.replace("_", " ") for column in columns))
    for item in found["items"]:
        table.add_row(*(_word(item[column], column) for column in columns))
    Console().print(table)


def _word(value: object, column: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)[:19] if column in ("first", "last", "valid_from", "valid_to", "last_used") else str(value)


@audit.command()
@click.option("--new", is_flag=True, help="Sign one over all there is now; else the newest, at most half a minute old.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def checkpoint(ctx: click.Context, new: bool, json_out: bool) -> None:
    """The signed checkpoint: what an outsider keeps, to hold later exports against."""
    with reach(ctx) as api:
        found = api.call("POST" if new else "GET", "/audit/checkpoint")
    if json_out:
        as_json(found)
    else:
        click.echo(found["text"], nl=False)


@audit.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_options("from", "to")
@click.pass_context
def export(ctx: click.Context, /, file: Path, **narrow: str) -> None:
    """The log, as far as you may audit it, into FILE. Take the checkpoint first."""
    with reach(ctx) as api:
        size = api.download("/audit/export", file, **_given(narrow))
    click.echo(f"{file}: {size:,} bytes")


@audit.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--checkpoint", "checkpoint_file", type=_FILE, help="What FILE has to agree with, as text or JSON.")
@click.option("--key", default="", help="The log's key, or a file with it: then the signature is checked too.")
@click.option(
    "--since", type=_FILE, help="An older checkpoint: the log it was signed for must be the beginning of this one."
)
@click.option(
    "--allow-withheld", is_flag=True, help="Entries the exporter might not see count as proved by their hash."
)
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def verify(
    ctx: click.Context,
    file: Path | None,
    checkpoint_file: Path | None,
    key: str,
    since: Path | None,
    allow_withheld: bool,
    json_out: bool,
) -> None:
    """Whether FILE is the log that was signed: exit 0, or 1 and the first entry edited, removed or reordered.

    With a file nothing else is needed, no centre and no account. Without one the centre looks at its own log.
    """
    if file is None:
        _own(ctx, json_out)
        return
    if checkpoint_file is None:
        raise click.UsageError("FILE is held against a checkpoint: give --checkpoint")
    older = None if since is None else _signed(since)
    trusted = None if not key else parse_key(Path(key).read_text() if Path(key).is_file() else key)
    result = verify_file(read_log(file), _signed(checkpoint_file), trusted, older)
    if result.ok and result.withheld and not allow_withheld:
        why = f"{result.withheld} entries are withheld; their hashes fit (--allow-withheld if that is expected)"
        result = msgspec.structs.replace(result, ok=False, why=why)
    if json_out:
        as_json(result)
    elif result.ok:
        click.echo(
            f"true: entries {result.first:,} to {result.end - 1:,} are whole and in order, held against the checkpoint of "
            f"{result.size:,}" + ("" if trusted else " (its signature was not checked: give --key)")
        )
    _end(result.ok, result.first_bad, result.change, result.why)


def _own(ctx: click.Context, json_out: bool) -> None:
    with reach(ctx) as api:
        found = api.wait_for("POST", "/audit/verify")
    if json_out:
        as_json(found)
    elif found["ok"]:
        click.echo(f"true: {found['size']:,} entries and {found['checkpoints']:,} checkpoints")
    _end(found["ok"], found["first_bad"], found["change"], found["why"])


def _end(ok: bool, first_bad: int | None, change: Change | str | None, why: str) -> None:
    """On standard error, so that JSON stays alone."""
    if ok:
        return
    named = "" if first_bad is None else f"entry {first_bad} {change}: "
    click.echo(f"false: {named}{why}", err=True)
    sys.exit(1)


def _signed(path: Path) -> Signed:
    try:
        return read_checkpoint(path.read_bytes())
    except AuditError as error:
        raise AuditError(f"{path}: {error}") from error
