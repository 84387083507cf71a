"""What the house rules look at: the project's own files, whether committed yet or not, and nothing that a build or a run left."""

from __future__ import annotations

import ast
import fnmatch
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "khue"
FOLDERS = (".ci", "bench", "design", "guide", "src", "tests")
TEXT = {
    ".cfg", ".css", ".csv", ".html", ".js", ".json", ".md", ".npmrc", ".py", ".sql", ".svelte", ".svg", ".toml", ".ts",
    ".txt", ".yaml", ".yml",
}  # fmt: skip
CODE = {".py", ".ts", ".svelte", ".css", ".sql"}


@functools.cache
def _ignored() -> tuple[str, ...]:
    lines = (ROOT / ".gitignore").read_text().split()
    return tuple(line.strip("/") for line in lines if not line.startswith("#"))


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        relative = path.relative_to(ROOT).as_posix()
        if any(fnmatch.fnmatch(path.name, name) or relative == name for name in _ignored()):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


@functools.cache
def project_files() -> tuple[Path, ...]:
    """Every file of the project: those at the top, and those of the known folders."""
    top = [path for path in sorted(ROOT.iterdir()) if path.is_file() and path.name != ".git"]
    return (*top, *(file for folder in FOLDERS for file in _walk(ROOT / folder)))


def texts() -> Iterator[tuple[Path, str]]:
    """Files a person reads, with their text."""
    for path in project_files():
        if path.suffix in TEXT or not path.suffix or path.name.startswith("."):
            yield path, path.read_text()


def code_files(*folders: str) -> list[Path]:
    """Source files of these top-level folders."""
    return [p for p in project_files() if p.suffix in CODE and p.relative_to(ROOT).parts[0] in folders]


def python_files(folder: Path = SOURCE) -> list[Path]:
    return [path for path in project_files() if path.suffix == ".py" and path.is_relative_to(folder)]


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def shown(path: Path) -> str:
    """The path as a person would name it."""
    return path.relative_to(ROOT).as_posix()


def rule(broken: list[str], text: str) -> None:
    """Fails with every place that breaks a rule, and with the rule and its reason."""
    assert not broken, f"{text}\n  " + "\n  ".join(sorted(broken))
