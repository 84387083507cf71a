"""Sizes that stay readable."""

from __future__ import annotations

import ast
import statistics

from house import code_files, python_files, rule, shown, tree

LONGEST_FILE = 600
MEDIAN_FILE = 200
P90_FUNCTION = 35
LONGEST_FUNCTION = 60


def test_no_file_is_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in code_files("src", "tests", "bench")}
    broken = [f"{shown(path)}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST_FILE]
    rule(broken, f"A file has one subject and at most {LONGEST_FILE} lines: longer ones are not read, only searched.")


def test_files_are_short() -> None:
    median = statistics.median(len(path.read_text().splitlines()) for path in code_files("src"))
    assert median <= MEDIAN_FILE, f"half of all files have at most {MEDIAN_FILE} lines, here {median}: split by subject"


def _functions() -> dict[str, int]:
    return {
        f"{shown(path)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in python_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_functions_fit_a_screen() -> None:
    lengths = sorted(_functions().values())
    p90 = lengths[int(len(lengths) * 0.9)]
    assert p90 <= P90_FUNCTION, (
        f"nine functions in ten have at most {P90_FUNCTION} lines, here {p90}: they fit a screen"
    )


def test_no_function_is_far_longer() -> None:
    broken = [f"{name}: {lines} lines" for name, lines in _functions().items() if lines > LONGEST_FUNCTION]
    rule(broken, f"No function has more than {LONGEST_FUNCTION} lines: nobody can hold more than a screen in mind.")
