"""The files of a version into a ``Regulation``, or all that is wrong with them, each with file, key and remedy."""

from __future__ import annotations

import hashlib
import importlib.resources
import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from khue.model.errors import ConfigError
from khue.model.regulation import checks
from khue.model.regulation.terms import (
    Addition,
    BreakGlass,
    Case,
    Clause,
    Deadline,
    DisclosureTier,
    PasswordTerms,
    PostKind,
    Refusals,
    Regulation,
    RetentionTerm,
    Rule,
    Text,
    UsePurpose,
    Written,
    WrittenRule,
)

FORMAT = 1
PACKAGED = "hanoi-2026.1"
FILES = (
    *("regulation.toml", "clauses.toml", "purposes.toml", "kinds.toml", "rights.toml", "retention.toml"),
    *("break_glass.toml", "deadlines.toml", "disclosure.toml", "passwords.toml", "cases.toml"),
)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LARGEST = 256 * 1024  # characters of one file
_WIDEST = 2000  # of one line: the parser takes the square of how deep a key is nested
_T = TypeVar("_T")


class RegulationError(ConfigError):
    """What is wrong with a version's files, all of it: "file: key: what; remedy", a line each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Head(Written, frozen=True):
    format: int
    id: str
    title: Text
    document: str
    timezone: str
    refusals: Refusals


class _Clauses(Written, frozen=True):
    clause: tuple[Clause, ...]


class _Purposes(Written, frozen=True):
    purpose: tuple[UsePurpose, ...]


class _Kinds(Written, frozen=True):
    kind: tuple[PostKind, ...]


class _Rights(Written, frozen=True):
    rule: tuple[WrittenRule, ...]
    addition: tuple[Addition, ...] = ()


class _Retention(Written, frozen=True):
    ceiling_days: float
    retention: tuple[RetentionTerm, ...]


class _Deadlines(Written, frozen=True):
    deadline: tuple[Deadline, ...]


class _Disclosure(Written, frozen=True):
    disclosure: tuple[DisclosureTier, ...]


class _Cases(Written, frozen=True):
    case: tuple[Case, ...]


_SHAPES: dict[str, Any] = {
    "regulation.toml": _Head,
    "clauses.toml": _Clauses,
    "purposes.toml": _Purposes,
    "kinds.toml": _Kinds,
    "rights.toml": _Rights,
    "retention.toml": _Retention,
    "break_glass.toml": BreakGlass,
    "deadlines.toml": _Deadlines,
    "disclosure.toml": _Disclosure,
    "passwords.toml": PasswordTerms,
    "cases.toml": _Cases,
}


def packaged_files() -> dict[str, str]:
    """The files of the version that comes with the software."""
    folder = importlib.resources.files("khue").joinpath("data", "regulation", PACKAGED)
    return {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".toml")}


def read_folder(folder: Path) -> dict[str, str]:
    """The files of a version, by name. Raises ConfigError when the folder or a file of it cannot be read."""
    try:
        return {
            path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.suffix == ".toml"
        }
    except UnicodeDecodeError as error:
        raise ConfigError(f"{folder}: a file is not UTF-8; save it as UTF-8 ({error})") from error
    except OSError as error:
        raise ConfigError(f"{folder} cannot be read: {error.strerror}; name the folder of a version") from error


def digest_of(files: Mapping[str, str]) -> str:
    """SHA-256 over the names and texts, in order of name."""
    whole = hashlib.sha256()
    for name in sorted(files):
        for part in (name, files[name]):
            data = part.encode("utf-8", "surrogatepass")
            whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()


def read(files: Mapping[str, str], *, stored: bool = False) -> Regulation:
    """Raises RegulationError with everything that is wrong.

    ``stored``: loaded before, maybe by a program with fewer rules, so only its form is looked at.
    """
    problems: list[str] = []
    for name in FILES:
        if name not in files:
            problems.append(f"{name}: is missing; a version consists of {', '.join(FILES)}")
    for name in files:
        if name not in _SHAPES:
            problems.append(f"{name[:100]}: is no file of a version; remove or rename it ({', '.join(FILES)})")
    parts = {name: _parse(name, files[name], problems) for name in FILES if name in files}
    if problems:
        raise RegulationError(tuple(problems))
    regulation = _assemble(parts, files, problems)
    problems = [] if stored else [*problems, *checks.problems_of(regulation, parts["rights.toml"].rule)]
    if problems:
        raise RegulationError(tuple(problems))
    return regulation


def _parse(name: str, text: str, problems: list[str]) -> Any:
    """The file in its shape, or None after saying why not."""
    if len(text) > _LARGEST:
        problems.append(f"{name}: has more than {_LARGEST} characters; no file of a regulation is so long")
        return None
    if (widest := max(text.split("\n"), key=len))[_WIDEST:]:
        problems.append(f"{name}: a line has more than {_WIDEST} characters, {widest[:40]!r} ...; break it")
        return None
    try:
        values = tomllib.loads(text)
        if b"\\u0000" in msgspec.json.encode(values):
            problems.append(f"{name}: a text holds the character 0, which no database keeps; leave it out")
            return None
        return msgspec.convert(values, _SHAPES[name])
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        key = where.rstrip("`").lstrip(".") or "the file"
        problems.append(f"{name}: {key}: {what}; see the packaged version for what stands there")
    except (ValueError, OverflowError) as error:  # also of numbers and dates no machine holds
        problems.append(f"{name}: is not TOML: {error}; mend that line")
    except RecursionError:
        problems.append(f"{name}: is nested too deep; a version's files are tables of plain values")
    return None


def _assemble(parts: Mapping[str, Any], files: Mapping[str, str], problems: list[str]) -> Regulation:
    head: _Head = parts["regulation.toml"]
    if head.format != FORMAT:
        problems.append(f"regulation.toml: format: is {head.format}; this program reads {FORMAT}")
    if not _ID.fullmatch(head.id):
        problems.append(
            "regulation.toml: id: 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"
        )
    try:
        zoneinfo.ZoneInfo(head.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(f"regulation.toml: timezone: {head.timezone!r} is unknown; write one like Asia/Ho_Chi_Minh")
    purposes = _by_id("purposes.toml", "purpose", parts["purposes.toml"].purpose, problems)
    return Regulation(
        id=head.id,
        title=head.title,
        document=head.document,
        timezone=head.timezone,
        refusals=head.refusals,
        clauses=_by_id("clauses.toml", "clause", parts["clauses.toml"].clause, problems),
        purposes=purposes,
        kinds=_by_id("kinds.toml", "kind", parts["kinds.toml"].kind, problems),
        rules=_rules(parts["rights.toml"].rule, tuple(purposes), problems),
        additions=parts["rights.toml"].addition,
        ceiling_days=parts["retention.toml"].ceiling_days,
        retention=parts["retention.toml"].retention,
        disclosure=_by_id(
            "disclosure.toml", "disclosure", parts["disclosure.toml"].disclosure, problems, "camera_purpose"
        ),
        break_glass=parts["break_glass.toml"],
        deadlines=_by_id("deadlines.toml", "deadline", parts["deadlines.toml"].deadline, problems),
        passwords=parts["passwords.toml"],
        cases=parts["cases.toml"].case,
        digest=digest_of(files),
    )


def _by_id(file: str, table: str, rows: tuple[_T, ...], problems: list[str], key: str = "id") -> dict[str, _T]:
    found: dict[str, _T] = {}
    for number, row in enumerate(rows):
        name = getattr(row, key)
        if name in found:
            problems.append(f"{file}: {table}[{number}].{key}: {name!r} is there twice; keep one")
        found.setdefault(name, row)
    return found


def _rules(
    written: tuple[WrittenRule, ...], all_purposes: tuple[str, ...], problems: list[str]
) -> dict[tuple[str, str], Rule]:
    """A rule for each kind and right; the first to speak of a pair holds, and a second is a problem."""
    rules: dict[tuple[str, str], Rule] = {}
    for number, row in enumerate(written):
        purposes = all_purposes if row.purposes is None else row.purposes
        for kind in row.kinds:
            for right in row.rights:
                if (kind, right) in rules:
                    problems.append(f"rights.toml: rule[{number}]: {kind} has a rule for {right} already; keep one")
                rule = Rule(kind, right, purposes, row.default_purpose, frozenset(row.needs), row.clause)
                rules.setdefault((kind, right), rule)
    return rules
