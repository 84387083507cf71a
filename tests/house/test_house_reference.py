"""guide/ref says what the program says, and whatever the documents tell people to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from house import ROOT, project_files, rule, shown
from khue.cli.reference import PAGES
from khue.run import khue

_BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:make|khue|\.venv/bin/khue) [^`]+)`")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_reference_page_is_what_the_source_makes(name: str) -> None:
    page = ROOT / "guide" / "ref" / name
    assert page.read_text() == PAGES[name](), (
        f"{shown(page)} is out of date; run `.venv/bin/python -m khue.cli.reference`:"
        " a reference written by hand is wrong after the next change"
    )


def _documents() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md" and path.name != "CHANGELOG.md"]


def _typed(text: str) -> list[str]:
    """Command lines a document shows, in blocks and in sentences, continued lines joined."""
    lines = [line for block in _BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    return [line.strip().removeprefix("$ ") for line in [*lines, *_INLINE.findall(text)]]


def _wrong(line: str, targets: set[str]) -> str:
    """What is wrong with a command line, "" when nothing is or when it is no command of ours."""
    line = re.sub(r"^([A-Z_]+=\S+ )+", "", line)
    if not line.startswith(("make ", "khue ", ".venv/bin/khue ")):
        return ""
    words = shlex.split(line, comments=True)
    if words[:1] == ["make"]:
        unknown = [word for word in words[1:] if "=" not in word and word not in targets]
        return f"the Makefile has no target {unknown[0]}" if unknown else ""
    return _wrong_words(words[1:])


def _wrong_words(words: list[str]) -> str:
    command: click.Command = khue
    for word in words:
        name = word.split("=")[0]
        if word.startswith("-"):
            options = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
            if name not in options:
                return f"{command.name} has no option {name}"
        elif isinstance(command, click.Group):
            for one in name.split("|"):  # `khue camera add|list` names several
                if one not in command.commands and one != "...":
                    return f"{command.name} has no command {one}"
            command = command.commands.get(name.split("|")[-1], command)
    return ""


def test_commands_in_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    broken = [
        f"{shown(path)}: {line}: {wrong}"
        for path in _documents()
        for line in _typed(path.read_text())
        if (wrong := _wrong(line, targets))
    ]
    rule(broken, "What a document tells people to type must work: a stranger types it first and judges us by it.")


def test_the_readme_says_how_to_run_and_test() -> None:
    text = (ROOT / "README.md").read_text()
    rule(
        [f"README.md: {words}" for words in ("make demo", "make test", "make lint", "make bench") if words not in text],
        "The README names the four commands: people, and programs that try a clone, look for them there.",
    )
