"""GLOSSARY.md is true: every word has its place in the code, and every Vietnamese word stands in the console."""

from __future__ import annotations

import enum
import pkgutil
import re
import unicodedata
from typing import NamedTuple

from house import ROOT, SOURCE, rule
from khue.centre.access.rules import Role
from khue.model.camera import CameraState, StreamName
from khue.model.coverage import GapCause

_ROW = re.compile(r"^\| \*\*(.+?)\*\* \| (.+?) \|(.*?)\| `([^`]+)` \|$")


class Word(NamedTuple):
    english: str
    means: str
    vietnamese: str
    code: str


def _words() -> list[Word]:
    rows = [_ROW.match(line) for line in (ROOT / "GLOSSARY.md").read_text().splitlines()]
    return [Word(*(cell.strip() for cell in row.groups())) for row in rows if row]


def test_every_row_is_read_by_these_tests() -> None:
    lines = [line for line in (ROOT / "GLOSSARY.md").read_text().splitlines() if line.startswith("| ")]
    broken = [line for line in lines if not _ROW.match(line) and not line.startswith("| Word ")]
    rule(broken, "A row is `| **word** | meaning | Vietnamese | `code` |`, or nothing holds it to the code.")


def test_words_have_their_place_in_the_code() -> None:
    broken = []
    for word in _words():
        try:
            pkgutil.resolve_name(word.code)
        except (ImportError, AttributeError) as error:
            broken.append(f"{word.english}: {word.code} ({error})")
    rule(broken, "A glossary word names where the code uses it: a word nobody uses misleads whoever learns it.")


def test_vietnamese_words_are_the_console_s() -> None:
    words = "".join(path.read_text() for path in sorted((SOURCE / "console" / "src" / "i18n").glob("vi*.ts")))
    console = unicodedata.normalize("NFC", words).casefold()
    broken = [
        f"{word.english}: {word.vietnamese}"
        for word in _words()
        if unicodedata.normalize("NFC", word.vietnamese).casefold() not in console
    ]
    rule(broken, "The Vietnamese word is the one people read on the screen (src/khue/console/src/i18n/vi*.ts).")


def test_words_of_the_product_are_in_the_glossary() -> None:
    kinds: tuple[type[enum.StrEnum], ...] = (CameraState, GapCause, StreamName, Role)
    text = "\n".join(f"{word.english} {word.means}" for word in _words())
    broken = [f"{kind.__name__}.{value}" for kind in kinds for value in kind if not re.search(rf"\b{value}\b", text)]
    rule(broken, "Every state, cause, stream and role people see is explained in GLOSSARY.md.")


def test_words_stand_in_order_and_once() -> None:
    words = [word.english.casefold() for word in _words()]
    assert words == sorted(set(words)), (
        "GLOSSARY.md is in alphabetical order, each word once: that is how it is searched"
    )
