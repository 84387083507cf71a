"""The reference pages, made from what they describe: ``python -m khue.cli.reference`` writes guide/ref.

A test holds the pages against this, so they are never out of date.
"""

from __future__ import annotations

import ast
import inspect
import io
import sys
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args, get_origin

import click
import msgspec

from khue.centre.config import CentreConfig
from khue.model.errors import ConfigError
from khue.node.config import NodeConfig
from khue.run import khue

_MADE = "<!-- Made by `python -m khue.cli.reference`; change the source and run it again. -->"
_WIDTH = 100
_TYPES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "tuple[str, ...]": "list of texts",
    "dict[str, str]": "table of texts",
}


class Setting(NamedTuple):
    """One key of a configuration file as the page shows it."""

    name: str
    type: str
    default: str
    says: str


def configuration_page() -> str:
    """guide/ref/configuration.md: every key of both files. Raises ConfigError for a key without a description."""
    parts = [
        "# Configuration",
        _MADE,
        "Both files are TOML and closed: an unknown key is an error that names it. Without a file the defaults hold.",
        "## Node: `khue node --config node.toml`",
        "A single value may also be given as `--set NAME=VALUE`; the token is best left to `KHUE_NODE_TOKEN`.",
        _table(settings(NodeConfig)),
        "## Centre: `khue centre --config centre.toml`",
        _table(settings(CentreConfig)),
    ]
    for name, section in _sections(CentreConfig):
        parts += [f"### `{name}`", _table(settings(section))]
    return "\n\n".join(parts) + "\n"


def command_page() -> str:
    """guide/ref/cli.md: what each command says of itself."""
    parts = [
        "# Commands",
        _MADE,
        "The program is `.venv/bin/khue`. Every command answers `--help` with what stands here.",
    ]
    names: list[str] = khue.context_settings["help_option_names"]
    context = click.Context(
        khue, info_name="khue", terminal_width=_WIDTH, max_content_width=_WIDTH, help_option_names=names
    )
    parts += _commands(khue, context)
    return "\n\n".join(parts) + "\n"


def settings(struct: type[msgspec.Struct]) -> list[Setting]:
    """The keys of a struct that are not tables. Their words are the string below a field, or the comment beside it."""
    lines = textwrap.dedent(inspect.getsource(struct))
    comments = _comments(lines)
    body = _class_body(lines)
    found = []
    for number, node in enumerate(body):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        kind = ast.unparse(node.annotation)
        if kind not in _TYPES:
            continue
        below = body[number + 1] if number + 1 < len(body) else None
        says = _string(below) or comments.get(node.lineno, "")
        if not says:
            raise ConfigError(f"{struct.__name__}.{node.target.id} has no description; write one beside it")
        found.append(Setting(node.target.id, _TYPES[kind], _default(node.value), says))
    return found


def _sections(struct: type[msgspec.Struct]) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """(heading as it stands in the file, section); of a list of sections the one each of them is."""
    for field in msgspec.structs.fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield f"[{field.name}]", field.type
        elif get_origin(field.type) is tuple and issubclass(get_args(field.type)[0], msgspec.Struct):
            yield f"[[{field.name}]]", get_args(field.type)[0]


def _class_body(lines: str) -> list[ast.stmt]:
    node = ast.parse(lines).body[0]
    return node.body if isinstance(node, ast.ClassDef) else []


def _comments(lines: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(lines).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _string(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""


def _default(node: ast.expr | None) -> str:
    """As it would stand in the file; what depends on the machine is not a value to print."""
    if node is None:
        return "**required**"
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return "by the machine"
    if isinstance(value, dict):
        return "none"
    return f"`{msgspec.json.encode(value).decode()}`"


def _table(rows: list[Setting]) -> str:
    lines = ["| Key | Type | Default | |", "|---|---|---|---|"]
    lines += [f"| `{row.name}` | {row.type} | {row.default} | {row.says.replace('|', chr(92) + '|')} |" for row in rows]
    return "\n".join(lines)


def _commands(command: click.Command, context: click.Context) -> Iterator[str]:
    """A section for the command and each below it, hidden ones left out."""
    command._help_option = None  # a command that ran on its own before keeps the option of that time
    yield f"## `{context.command_path}`"
    yield f"```text\n{command.get_help(context)}\n```"
    variables = [(p.envvar, max(p.opts, key=len)) for p in command.params if isinstance(p.envvar, str)]
    if variables:
        yield "\n".join(f"`{variable}` in the environment stands for `{option}`." for variable, option in variables)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from _commands(below, click.Context(below, info_name=name, parent=context))


PAGES = {"configuration.md": configuration_page, "cli.md": command_page}


def main(folder: Path) -> None:
    """Write both pages into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page())


if __name__ == "__main__":
    main(Path(*sys.argv[1:2]) if len(sys.argv) > 1 else Path("guide/ref"))
