"""Design pages and guides: complete, short, linked."""

from __future__ import annotations

import re
from urllib.parse import unquote

from house import ROOT, project_files, rule, shown

DESIGN = ROOT / "design"
OVERVIEW = DESIGN / "00-overview.md"
LONGEST_PAGE = 150
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)|!\[[^\]]*\]\(([^)\s]+)\)")
_PARTS = ("Status", "Objective", "Non-goals", "Invariants", "Steps", "Alternatives")


def test_every_design_page_is_linked_from_the_overview() -> None:
    linked = _LINK.findall(OVERVIEW.read_text())
    names = {target for pair in linked for target in pair}
    rule(
        [shown(page) for page in sorted(DESIGN.glob("*.md")) if page != OVERVIEW and page.name not in names],
        "design/00-overview.md links every design page: what is not linked there is not found.",
    )


def test_a_design_page_answers_the_same_questions() -> None:
    broken = []
    for page in sorted(DESIGN.glob("*.md")):
        text = page.read_text()
        missing = [part for part in _PARTS if page != OVERVIEW and not re.search(rf"^(?:## |\*\*|){part}", text, re.M)]
        broken += [f"{shown(page)}: no {part}" for part in missing]
    rule(
        broken, f"A design page has {', '.join(_PARTS)}: a reader compares pages, and a missing part hides a decision."
    )


def test_design_pages_are_short() -> None:
    broken = [
        f"{shown(page)}: {lines} lines"
        for page in sorted(DESIGN.glob("*.md"))
        if (lines := len(page.read_text().splitlines())) > LONGEST_PAGE
    ]
    rule(broken, f"A design page has at most {LONGEST_PAGE} lines: it is read before the code, in one sitting.")


def test_links_lead_somewhere() -> None:
    broken = []
    for path in project_files():
        if path.suffix != ".md":
            continue
        for pair in _LINK.findall(path.read_text()):
            target = unquote(next(filter(None, pair)))
            if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                broken.append(f"{shown(path)} -> {target}")
    rule(broken, "A link in a document leads to a file of the project: a dead one costs each reader a search.")


def test_code_names_existing_design_pages() -> None:
    """``design/01`` or ``design/01-recording-log.md`` in a comment."""
    pages = {page.name for page in DESIGN.glob("*.md")}
    numbers = {name[:2] for name in pages}
    broken = []
    for path in project_files():
        if path.suffix not in (".py", ".ts", ".svelte", ".sql"):
            continue
        for found in re.finditer(r"design/(\d\d)(-[a-z0-9-]+\.md)?", path.read_text()):
            number, rest = found.groups()
            if (f"{number}{rest}" not in pages) if rest else (number not in numbers):
                broken.append(f"{shown(path)}: {found.group()}")
    rule(broken, "A comment that sends the reader to a design page names one that exists.")
