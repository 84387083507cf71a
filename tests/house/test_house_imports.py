"""Import order is one-way: model <- wire <- {camera, video} <- node; model <- wire <- centre."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from house import SOURCE, python_files, rule, shown, tree

# Package -> what it may import of the product, with the reason. Its own modules are always allowed.
ALLOWED = {
    "model": ((), "facts and rules are plain values: they must be usable, and testable, with nothing else present"),
    "wire": (("model",), "messages are made of facts; who sends them is not their business"),
    "camera": (("model", "wire"), "talking to a camera must work without recording it (`khue camera probe`)"),
    "video": (("model", "wire"), "the log must be readable and checkable without a camera or a node"),
    "node": (("model", "wire", "camera", "video"), "a node records alone; it knows the centre only by messages"),
    "centre": (("model", "wire"), "the centre never touches video files or cameras; it asks nodes by messages"),
    "store": (("model", "wire"), "adapters implement the protocols beside their use, by shape, so nothing waits for them"),
    "sim": (("model", "wire", "camera", "video"), "the simulated city is the other end of the wire, not part of a node"),
    "cli": (("model", "wire", "camera", "video", "sim"), "commands speak with the product from outside, as anybody could"),
}  # fmt: skip

# Modules that bring packages together, and nobody imports from below.
ASSEMBLE = {
    "khue.run": (
        ("model", "node", "centre", "store", "camera", "video", "sim", "cli"),
        "the one place that sees node, centre and store together",
    ),
    "khue.cli.reference": (
        ("model", "run", "node", "centre"),
        "it prints what the commands and the two configurations are; nothing imports it",
    ),
}


def _module(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import of the product, inside functions and ``if TYPE_CHECKING`` too.

    The root package holds the version and nothing else; anybody may know it.
    """
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"khue.{alias.name}" for alias in node.names] if node.module == "khue" else [node.module]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.startswith("khue.") and name != "khue.__version__")


def _package(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    may, reason = ALLOWED[package]
    broken = [
        f"{shown(path)}:{line} imports {module}"
        for path in python_files(SOURCE / package)
        if _module(path) not in ASSEMBLE
        for line, module in _imports(path)
        if _package(module) not in (package, *may)
    ]
    rule(broken, f"khue.{package} may import {', '.join(may) or 'nothing else of the product'}: {reason}.")


@pytest.mark.parametrize("assembler", sorted(ASSEMBLE))
def test_an_assembler_stays_within_its_list(assembler: str) -> None:
    may, reason = ASSEMBLE[assembler]
    path = SOURCE.parent / Path(*assembler.split(".")).with_suffix(".py")
    broken = [
        f"{shown(path)}:{line} imports {module}"
        for line, module in _imports(path)
        if _package(module) not in (*may, _package(assembler))
    ]
    rule(broken, f"{assembler} may import {', '.join(may)}: {reason}.")


def test_nobody_imports_an_assembler() -> None:
    broken = [
        f"{shown(path)}:{line} imports {module}"
        for path in python_files()
        if _module(path) not in ASSEMBLE
        for line, module in _imports(path)
        if module in ASSEMBLE
    ]
    rule(broken, "Who assembles stands on top: a part that imported it would depend on every other part.")


def test_every_package_has_a_place_in_the_order() -> None:
    packages = {path.name for path in SOURCE.iterdir() if any(path.glob("*.py")) and path.is_dir()}
    rule(
        [f"khue.{name}" for name in packages - ALLOWED.keys()],
        "A new package says in ALLOWED what it may import, or the order stops being checked.",
    )


def test_modules_import_absolutely() -> None:
    broken = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    rule(broken, "Imports are absolute, so that a reader, and this test, see which package is meant.")
