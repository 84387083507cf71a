"""``khue regulation show|versions|diff|test|load|activate|withdraw``: the regulation as files, and as it holds on a centre."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from khue.cli.camera import as_json
from khue.cli.reach import reach
from khue.model.errors import ConfigError
from khue.model.regulation.comparing import Difference, compare
from khue.model.regulation.deciding import Result, run_cases
from khue.model.regulation.reading import PACKAGED, packaged_files, read, read_folder
from khue.model.regulation.terms import RIGHTS, Need, Regulation

_MARKS = {Need.PURPOSE: "purpose", Need.REASON: "reason", Need.CASE: "case", Need.SECOND: "second person"}


@click.group()
@click.option("--data", help="A folder to work on directly, when no centre runs (or KHUE_DATA).")
@click.pass_context
def regulation(ctx: click.Context, data: str | None) -> None:
    """The operating regulation: who may do what, for what, on which clause.

    VERSION is the id of one a centre has loaded, a folder of files, or "packaged": the one that comes with the software.
    """
    ctx.obj = data or None


@regulation.command()
@click.argument("version", default="")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write its files into this folder.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def show(ctx: click.Context, version: str, out: Path | None, json_out: bool) -> None:
    """What a version says; without VERSION the one in force on the centre."""
    files = _files(ctx, version)
    made = read(files, stored=True)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_text(text, encoding="utf-8")
    if json_out:
        as_json(_plain(made))
        return
    table = Table(
        "Post", "May", "For", "By itself", "Needs", "Clause", title=f"{made.title.vi} - {made.id} ({made.document})"
    )
    for rule in made.rules.values():
        purposes = "any" if len(rule.purposes) == len(made.purposes) else ", ".join(rule.purposes)
        needs = ", ".join(_MARKS[need] for need in Need if need in rule.needs)
        table.add_row(rule.kind, rule.right, purposes, rule.default_purpose or "-", needs or "-", rule.clause)
    Console().print(table)


@regulation.command()
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def versions(ctx: click.Context, json_out: bool) -> None:
    """Versions the centre has loaded, and which of them holds."""
    with reach(ctx) as api:
        items = api.call("GET", "/regulation/versions")["items"]
    if json_out:
        as_json({"items": items})
        return
    table = Table("Version", "State", "From", "Document", "Loaded by", "Activated by")
    for item in items:
        table.add_row(
            *(item["id"], item["state"].replace("_", " "), item["valid_from"] or "-", item["document"]),
            *(item["loaded_by"], item["activated_by"] or "-"),
        )
    Console().print(table)


@regulation.command()
@click.argument("before")
@click.argument("after")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def diff(ctx: click.Context, before: str, after: str, json_out: bool) -> None:
    """What changes from BEFORE to AFTER, and for whom.

    Between two versions of a centre it also says how many posts and people each change touches.
    """
    if _is_local(before) or _is_local(after):
        old, new = (read(_files(ctx, side), stored=True) for side in (before, after))
        found = compare(old, new)
    else:
        with reach(ctx) as api:
            found = msgspec.convert(api.call("GET", "/regulation/diff", **{"from": before, "to": after}), Difference)
    if json_out:
        as_json(found)
        return
    _print(found)


@regulation.command("test")
@click.argument("where", default="packaged")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def run_tests(ctx: click.Context, where: str, json_out: bool) -> None:
    """Run the example cases written in the files; exit 1 when one fails.

    WHERE is a folder, or a file of cases to try on the packaged version: no centre is needed for those. The id of a
    version a centre has loaded is tested there, by the centre's database too.
    """
    results = _results(ctx, where)
    failed = [result for result in results if not result.ok]
    if json_out:
        as_json({"passed": len(results) - len(failed), "failed": len(failed), "cases": results})
    else:
        for result in failed:
            click.echo(
                f"FAILED {result.name} / {result.name_en}: expected {result.expected}, got {result.got}", err=True
            )
        click.echo(f"{len(results) - len(failed)} of {len(results)} cases passed")
    ctx.exit(1 if failed else 0)


@regulation.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.pass_context
def load(ctx: click.Context, folder: Path) -> None:
    """Check the files of FOLDER and load them into the centre; they are not in force by that."""
    files = read_folder(folder)
    made = read(files)
    with reach(ctx) as api:
        api.call("POST", "/regulation/versions", {"files": files})
    click.echo(
        f"version {made.id} is loaded; look with `khue regulation diff`, then `khue regulation activate {made.id}`"
    )


@regulation.command()
@click.argument("version")
@click.option(
    "--from", "start", default="", help="From when: 2027-01-01 (midnight in the city) or a time with zone; now."
)
@click.option("--reason", required=True, help="Why, for the audit.")
@click.pass_context
def activate(ctx: click.Context, version: str, start: str, reason: str) -> None:
    """Put VERSION in force, for everybody at once. Activating an older one goes back to it."""
    files = None
    if _is_local(version):
        files = _files(ctx, version)
        version = read(files).id
    with reach(ctx) as api:
        known = {item["id"]: item for item in api.call("GET", "/regulation/versions")["items"]}
        if files is not None and version not in known:
            known[version] = api.call("POST", "/regulation/versions", {"files": files})
        body: dict[str, Any] = {"reason": reason}
        if start:
            body["valid_from"] = _instant(start, known.get(version, {}).get("timezone", "Asia/Ho_Chi_Minh"))
        done = api.call("POST", f"/regulation/versions/{version}/activate", body)
    click.echo(f"version {done['version']} holds from {done['valid_from']}")


@regulation.command()
@click.argument("version")
@click.option("--reason", required=True, help="Why, for the audit.")
@click.pass_context
def withdraw(ctx: click.Context, version: str, reason: str) -> None:
    """Take back a VERSION that was to hold from a later day."""
    with reach(ctx) as api:
        api.call("POST", f"/regulation/versions/{version}/withdraw", {"reason": reason})
    click.echo(f"version {version} will not be put in force")


def _is_local(version: str) -> bool:
    return version == "packaged" or Path(version).exists()


def _files(ctx: click.Context, version: str) -> dict[str, str]:
    """Of a folder, of the packaged version, or of one the centre has ("" the one in force)."""
    if version == "packaged":
        return packaged_files()
    if version and Path(version).is_dir():
        return read_folder(Path(version))
    with reach(ctx) as api:
        wanted = version or api.call("GET", "/regulation/now")["version"]
        return dict(api.call("GET", f"/regulation/versions/{wanted}")["files"])


def _results(ctx: click.Context, where: str) -> list[Result]:
    path = Path(where)
    if path.is_file() and path.with_name("regulation.toml").exists():
        path = path.parent
    if path.is_dir():
        return list(run_cases(read(read_folder(path))))
    if path.is_file():
        return list(run_cases(read({**packaged_files(), "cases.toml": path.read_text(encoding="utf-8")})))
    if where in ("packaged", PACKAGED):
        return list(run_cases(read(packaged_files())))
    with reach(ctx) as api:
        return msgspec.convert(api.call("POST", f"/regulation/versions/{where}/test", {})["cases"], list[Result])


def _instant(text: str, timezone: str) -> str:
    """A day is its midnight in the city. Raises ConfigError."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--from {text}: write a day such as 2027-01-01, or 2027-01-01T06:00+07:00") from error
    return (at if at.tzinfo is not None else at.replace(tzinfo=zoneinfo.ZoneInfo(timezone))).isoformat()


def _plain(made: Regulation) -> dict[str, Any]:
    plain: dict[str, Any] = {
        name: getattr(made, name)
        for name in made.__struct_fields__
        if name not in ("rules", "clauses", "purposes", "kinds")
    }
    plain["rules"] = [{**msgspec.structs.asdict(rule), "needs": sorted(rule.needs)} for rule in made.rules.values()]
    plain |= {name: list(getattr(made, name).values()) for name in ("clauses", "purposes", "kinds")}
    return {**plain, "rights": [{"id": name, "vi": text.vi, "en": text.en} for name, text in RIGHTS.items()]}


def _print(found: Difference) -> None:
    console = Console()
    if not (found.rules or found.clauses or found.settings):
        console.print(f"{found.before} and {found.after} say the same")
        return
    if found.rules:
        table = Table("Post", "May", "Before", "After", "Clause", "Posts", "People", title="Who may do what")
        for rule in found.rules:
            counts = ("-" if count is None else str(count) for count in (rule.posts, rule.people))
            table.add_row(rule.kind, rule.right, _rule(rule.before), _rule(rule.after), rule.clause, *counts)
        console.print(table)
    if found.settings:
        table = Table("Setting", "Before", "After", title="Settings")
        for setting in found.settings:
            table.add_row(setting.key, _value(setting.before), _value(setting.after))
        console.print(table)
    if found.clauses:
        table = Table("Clause", "Before", "After", title="Clauses")
        for clause in found.clauses:
            table.add_row(clause.id, *("-" if text is None else text.vi for text in (clause.before, clause.after)))
        console.print(table)


def _rule(rule: Any) -> str:
    if rule is None:
        return "may not"
    by_itself = f", by itself {rule.default_purpose}" if rule.default_purpose else ""
    return f"for {', '.join(rule.purposes)}{by_itself}; needs {', '.join(rule.needs) or 'nothing'}"


def _value(value: Any) -> str:
    return "-" if value is None else ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
