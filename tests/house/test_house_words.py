"""Names and texts that have no place in the project."""

from __future__ import annotations

import ast
import re

from house import ROOT, code_files, project_files, python_files, rule, shown, texts, tree

_DUMPS = re.compile(r"^(utils?|helpers?|common|misc|managers?)$", re.IGNORECASE)
_VAGUE_CLASS = re.compile(r"\bclass\s+\w*(?:Manager|Helpers?|Utils?)\b")
# Written in two halves, so that this file does not break its own rules.
_POSTPONED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b")
_HOSTS = re.compile(r"\b(?:pypi\." + r"org|pythonhosted\." + r"org|registry\.npm" + r"js\.org|deb\.deb" + r"ian\.org)")
_MACHINE = re.compile(r"(?<![\w.:/-])/(?:wo" + r"rk|ro" + r"ot|home/\w+)(?:/|\b)")


def test_no_dumping_grounds() -> None:
    broken = []
    for path in project_files():
        names = path.relative_to(ROOT).with_suffix("").parts
        if any(_DUMPS.match(word) for name in names for word in re.split(r"[_.-]", name)):
            broken.append(shown(path))
    rule(broken, "No utils, helpers, common, misc or manager: such a place takes in everything and says nothing.")


def test_classes_say_what_they_are() -> None:
    broken = [
        f"{shown(path)}: {found.group()}"
        for path in code_files("src", "tests", "bench")
        for found in _VAGUE_CLASS.finditer(path.read_text())
    ]
    rule(broken, "A class named Manager, Helper or Util hides what it does; name it after its one job.")


def _lines(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{shown(path)}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_nothing_is_postponed_in_the_source() -> None:
    rule(_lines(_POSTPONED), "What is left to do stands in an issue or in the README's list, where somebody sees it.")


def test_no_registry_hosts() -> None:
    rule(_lines(_HOSTS), "Where packages come from is the machine's business: a mirror must work without an edit here.")


def test_no_paths_of_one_machine() -> None:
    rule(_lines(_MACHINE), "A path of one person's machine works nowhere else; take it from configuration.")


def test_the_product_does_not_print() -> None:
    broken = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    rule(broken, "The product speaks through logging, or click.echo in a command: standard output is somebody's input.")


def test_time_outs_keep_cancellations() -> None:
    broken = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "wait_for" and ast.unparse(node.value) == "asyncio"
    ]
    rule(broken, "asyncio.wait_for may swallow a cancellation on Python 3.11, and stopping hangs: use asyncio.timeout.")


def test_no_test_is_switched_off() -> None:
    """``skipif`` stays: peers such as ffmpeg may be missing on a machine, and the run then says so."""
    broken = [
        f"{shown(path)}:{node.lineno} {node.attr}"
        for path in python_files(ROOT / "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in ("skip", "xfail")
        and ast.unparse(node).startswith("pytest.mark.")
    ]
    rule(broken, "A test that is switched off proves nothing and looks green; mend it or delete it.")
