"""``khue fleet import|undo|mappings|score``: spreadsheets into the registry of a running centre, and how well that went."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from khue.cli.api import Api
from khue.cli.camera import as_json
from khue.cli.reach import reach
from khue.cli.score import Truth, rate
from khue.model.errors import ConfigError, KhueError

_POLL_S = 0.2
_AT_ONCE = 2  # files that travel and are looked at together
_PAGE = 2000
_KINDS = (".xlsx", ".xlsm", ".csv", ".tsv", ".txt")
_COUNTS = ("read", "created", "changed", "unchanged", "duplicate", "refused", "skipped", "lost")
_BUSY = ("planning", "applying", "undoing")
Say = Callable[[str, float], None]


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option("--name", default="", help="Of the import, as the history shows it.")
@click.option("--agency", default="", help="Whose cameras they are, where the sheets do not say.")
@click.option("--mapping", default="", help="A named mapping, or a JSON file: {columns: {heading: field}, agency?}.")
@click.option("--corrected", type=click.Path(dir_okay=False, path_type=Path), help="Write the corrected sheets here.")
@click.option("--yes", is_flag=True, help="Do not ask before applying.")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def import_sheets(
    ctx: click.Context, /, paths: tuple[Path, ...], dry_run: bool, yes: bool, json_out: bool, **more: Any
) -> None:
    """Bring spreadsheets into the registry: XLSX and CSV as agencies have them, or folders of them."""
    files = _files(paths)
    quiet = json_out or not sys.stderr.isatty()
    with reach(ctx) as api, progress_bar(quiet) as say:
        started = time.monotonic()
        import_id, failed = _upload(api, files, more["name"] or paths[0].name, more["agency"], more["mapping"], say)
        found = {} if failed else work(api, import_id, "plan", say)
        if more["corrected"] and found:
            api.download(f"/imports/{import_id}/corrected.xlsx", more["corrected"])
        waited = 0.0
        if found and not dry_run:
            waited = _ask(found, yes or json_out)
            found = work(api, import_id, "apply", say)
        seconds = time.monotonic() - started - waited
    told = summary(import_id, found, seconds, failed)
    as_json(told) if json_out else _show(told)
    ctx.exit(1 if failed or told["lost"] else 0)


@click.command()
@click.argument("import_id", metavar="ID|last")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def undo(ctx: click.Context, import_id: str, json_out: bool) -> None:
    """Take an import back: its cameras leave the registry, what it changed gets back what it had."""
    with reach(ctx) as api, progress_bar(json_out or not sys.stderr.isatty()) as say:
        started = time.monotonic()
        chosen = _chosen(api, import_id, "applied")
        found = work(api, chosen, "undo", say)
        seconds = time.monotonic() - started
    told = {"id": chosen, "state": found["state"], "seconds": round(seconds, 2), "kept": found["kept"]}
    if json_out:
        as_json(told)
        return
    click.echo(f"import {chosen} is undone ({seconds:.1f} s)")
    for kept in found["kept"]:
        click.echo(f"  kept: {kept['name']} {kept['field'] or 'whole camera'}: {kept['why']}")


@click.command()
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def mappings(ctx: click.Context, json_out: bool) -> None:
    """Named mappings: what the headings of an agency's sheets mean."""
    with reach(ctx) as api:
        items = api.call("GET", "/mappings")["items"]
    if json_out:
        as_json(items)
        return
    table = Table("Name", "Agency", "Columns", "By", "Since")
    for item in items:
        read = sum(1 for field in item["columns"].values() if field)
        table.add_row(item["name"], item["agency"] or "-", str(read), item["created_by"], item["created"][:10])
    Console().print(table)


@click.command()
@click.argument("truth", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--import", "import_id", default="last", show_default=True, metavar="ID|last")
@click.option("--json", "json_out", is_flag=True)
@click.pass_context
def score(ctx: click.Context, truth: Path, import_id: str, json_out: bool) -> None:
    """Compare an import, and the registry it left, with the TRUTH.jsonl of the simulated fleet."""
    try:
        expected = msgspec.json.decode(
            b"[" + b",".join(truth.read_bytes().split(b"\n")).strip(b",") + b"]", type=list[Truth]
        )
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{truth} is no truth of the simulated fleet: {error}") from error
    with reach(ctx) as api:
        chosen = _chosen(api, import_id, "applied", "planned", "undone")
        rows = list(import_rows(api, chosen))
        applied = api.call("GET", f"/imports/{chosen}")["state"] == "applied"
        records = _records(api) if applied else {}
    told = {"import": chosen, **rate(expected, rows, records)}
    if json_out:
        as_json(told)
        return
    for name in ("rows", "right_created", "right_duplicate", "right_refused", "wrong", "lost", "extra"):
        click.echo(f"{name:16} {told[name]:>9,}")
    click.echo(f"{'reasons right':16} {told['reasons_right']:>9,} of {told['right_refused']:,}")
    click.echo(f"{'values right':16} {told['values_right']:>9,} of {told['values_compared']:,}")
    for item in told["wrong_first"]:
        click.echo(f"  {item['file']} {item['sheet']} row {item['row']}: {item['kind']}")


def _files(paths: tuple[Path, ...]) -> list[Path]:
    found = [
        file
        for path in paths
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        if not path.is_dir() or (file.suffix.lower() in _KINDS and not file.name.startswith(("~$", ".")))
    ]
    if not found:
        raise ConfigError("there is no .xlsx or .csv there; name files, or a folder that holds some")
    names = [file.name for file in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"two files are named {twice}; rename one, so that its rows can be told apart")
    return found


def _upload(
    api: Api, files: list[Path], name: str, agency: str, mapping: str, say: Say
) -> tuple[str, list[dict[str, str]]]:
    """(import, files that cannot be read)."""
    given = Path(mapping) if mapping and Path(mapping).is_file() else None
    body = {"name": name, "agency": agency, "mapping": "" if given else mapping}
    import_id = str(api.call("POST", "/imports", body)["id"])

    def bring(file: Path) -> dict[str, str] | None:
        try:
            looked = api.upload(f"/imports/{import_id}/files/{quote(file.name, safe='')}", file)
            if given is not None:
                _map(api, import_id, file.name, looked["sheets"], given)
        except KhueError as error:
            return {"file": file.name, "error": str(error)}
        return None

    failed = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for number, problem in enumerate(pool.map(bring, files), start=1):
            say("uploading", number / len(files))
            failed += [] if problem is None else [problem]
    return import_id, failed


def _map(api: Api, import_id: str, file: str, sheets: list[dict[str, Any]], given: Path) -> None:
    """To every sheet, as far as it has the columns."""
    try:
        mapping = msgspec.json.decode(given.read_bytes(), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{given} is no mapping: {error}") from error
    for sheet in sheets:
        here = {heading["text"] for heading in sheet["headings"]}
        columns = {text: field for text, field in mapping.get("columns", {}).items() if text in here}
        if columns:
            body = {**mapping, "file": file, "sheet": sheet["sheet"], "columns": columns}
            api.call("PUT", f"/imports/{import_id}/mapping", body)


def work(api: Api, import_id: str, what: str, say: Say) -> dict[str, Any]:
    """Begin it and wait for its end. Raises KhueError with the centre's words when it failed."""
    api.call("POST", f"/imports/{import_id}/{what}")
    while True:
        found: dict[str, Any] = api.call("GET", f"/imports/{import_id}")
        say(found["state"], found["progress"])
        if found["state"] not in _BUSY:
            break
        time.sleep(_POLL_S)
    if found["error"]:
        raise KhueError(found["error"])
    return found


def _ask(found: dict[str, Any], yes: bool) -> float:
    """Seconds the person thought about it."""
    if yes or not sys.stdin.isatty():
        return 0.0
    asked = time.monotonic()
    counts = ", ".join(f"{found['counts'][name]:,} {name}" for name in _COUNTS[1:6])
    click.confirm(f"{counts}: apply?", abort=True)
    return time.monotonic() - asked


def summary(import_id: str, found: dict[str, Any], seconds: float, failed: list[dict[str, str]]) -> dict[str, Any]:
    counts = found.get("counts") or dict.fromkeys(_COUNTS, 0)
    return {
        "id": import_id,
        "state": found.get("state", "failed"),
        **{name: counts[name] for name in _COUNTS},
        "seconds": round(seconds, 2),
        "by_reason": found.get("by_reason", []),
        "failed": failed,
    }


def _show(told: dict[str, Any]) -> None:
    click.echo(f"import {told['id']}: {told['state']} in {told['seconds']:.1f} s")
    for name in _COUNTS:
        click.echo(f"  {name:10} {told[name]:>9,}")
    for reason in told["by_reason"]:
        click.echo(f"  {reason['outcome']}: {reason['count']:,} {reason['en']}")
    for failed in told["failed"]:
        click.echo(f"  {failed['error']}", err=True)
    if told["failed"]:
        click.echo("nothing was imported: correct or leave out what cannot be read", err=True)


def _chosen(api: Api, import_id: str, *states: str) -> str:
    if import_id != "last":
        return import_id
    for item in api.call("GET", "/imports", limit=100)["items"]:
        if item["state"] in states:
            return str(item["id"])
    raise ConfigError(f"there is no import that is {' or '.join(states)}")


def import_rows(api: Api, import_id: str) -> Iterator[dict[str, Any]]:
    """What becomes of each row, in the order of the sheets."""
    after: int | None = 0
    while after is not None:
        page = api.call("GET", f"/imports/{import_id}/rows", after=after, limit=_PAGE)
        yield from page["items"]
        after = page["next"]


def _records(api: Api) -> dict[str, dict[str, Any]]:
    """What the registry says of each camera now, by id: the export, as an agency would take it away."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fleet.geojson"
        api.download("/inventory/export", file, format="geojson")
        features = msgspec.json.decode(file.read_bytes(), type=_Features).features
    records = {}
    for feature in features:
        record = dict(feature.properties)
        if feature.geometry is not None:
            record["lon"], record["lat"] = feature.geometry["coordinates"][:2]
        records[feature.id] = record
    return records


class _Feature(msgspec.Struct):
    id: str
    properties: dict[str, Any]
    geometry: dict[str, Any] | None


class _Features(msgspec.Struct):
    features: list[_Feature]


@contextlib.contextmanager
def progress_bar(quiet: bool) -> Iterator[Say]:
    if quiet:
        yield lambda _state, _progress: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda state, progress: bar.update(task, description=state, completed=progress)
