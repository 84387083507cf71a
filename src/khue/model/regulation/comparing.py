"""What changes from one version to another, for whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from khue.model.regulation.terms import RIGHTS, Clause, Regulation, Rule, Text


class RuleShown(msgspec.Struct, frozen=True):
    """A rule as people compare it. ``purposes`` and ``needs`` in alphabetical order."""

    purposes: tuple[str, ...]
    default_purpose: str | None
    needs: tuple[str, ...]
    clause: str


class RuleChange(msgspec.Struct, frozen=True):
    """``before`` None: the kind had no such right; ``after`` None: it loses it. ``posts`` and ``people`` it touches, if known."""

    kind: str
    right: str
    before: RuleShown | None
    after: RuleShown | None
    clause: str
    posts: int | None = None
    people: int | None = None


class ClauseChange(msgspec.Struct, frozen=True):
    id: str
    before: Text | None
    after: Text | None


class SettingChange(msgspec.Struct, frozen=True):
    """``key`` is where it stands, such as ``retention.security.days``; None where a side has no such setting."""

    key: str
    before: Any
    after: Any


class Difference(msgspec.Struct, frozen=True):
    """From one version to another."""

    before: str
    after: str
    clauses: tuple[ClauseChange, ...]
    rules: tuple[RuleChange, ...]
    settings: tuple[SettingChange, ...]


def compare(before: Regulation, after: Regulation) -> Difference:
    """Clauses and settings by name; rules by kind, in the order of the newer version, and by right."""
    return Difference(
        before.id,
        after.id,
        tuple(_clauses(before, after)),
        tuple(_rules(before, after)),
        tuple(_settings(before, after)),
    )


def _names(after: Iterable[str], before: Iterable[str]) -> list[str]:
    """In the order of the newer version, then what it lacks."""
    return [*dict.fromkeys([*after, *before])]


def _clauses(before: Regulation, after: Regulation) -> Iterator[ClauseChange]:
    for name in _names(after.clauses, before.clauses):
        old, new = before.clauses.get(name), after.clauses.get(name)
        if old != new:
            yield ClauseChange(name, _text(old), _text(new))


def _text(clause: Clause | None) -> Text | None:
    return None if clause is None else Text(clause.vi, clause.en)


def _rules(before: Regulation, after: Regulation) -> Iterator[RuleChange]:
    kinds = _names((kind for kind, _ in after.rules), (kind for kind, _ in before.rules))
    for kind in kinds:
        for right in RIGHTS:
            old, new = before.rules.get((kind, right)), after.rules.get((kind, right))
            shown_old, shown_new = _shown(old), _shown(new)
            if shown_old != shown_new:
                clause = new.clause if new is not None else after.refusals.kind
                yield RuleChange(kind, right, shown_old, shown_new, clause)


def _shown(rule: Rule | None) -> RuleShown | None:
    if rule is None:
        return None
    return RuleShown(tuple(sorted(rule.purposes)), rule.default_purpose, tuple(sorted(rule.needs)), rule.clause)


def settings_of(regulation: Regulation) -> dict[str, Any]:
    """What is neither a rule nor a clause, as plain values, by the name of what it is about."""
    parts: dict[str, object] = {
        "purposes": tuple(regulation.purposes.values()),
        "kinds": tuple(regulation.kinds.values()),
        "refusals": regulation.refusals,
        "additions": regulation.additions,
        "ceiling_days": regulation.ceiling_days,
        "retention": regulation.retention,
        "disclosure": tuple(regulation.disclosure.values()),
        "break_glass": regulation.break_glass,
        "deadlines": tuple(regulation.deadlines.values()),
        "passwords": regulation.passwords,
    }
    return {name: msgspec.to_builtins(part) for name, part in parts.items()}


def _settings(before: Regulation, after: Regulation) -> Iterator[SettingChange]:
    old, new = dict(_flat("", _head(before))), dict(_flat("", _head(after)))
    for key in _names(new, old):
        if old.get(key) != new.get(key):
            yield SettingChange(key, old.get(key), new.get(key))


def _head(regulation: Regulation) -> dict[str, Any]:
    head = {"title": msgspec.to_builtins(regulation.title), "document": regulation.document}
    return {**head, "timezone": regulation.timezone, **settings_of(regulation)}


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Tables into dotted names. A row goes by what it is about, so that a new one in the middle moves no other."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), part)
    elif isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value):
        seen: dict[str, int] = {}
        for part in value:
            name = _row_name(part)
            seen[name] = seen.get(name, 0) + 1
            yield from _flat(f"{path}.{name}{'' if seen[name] == 1 else f'#{seen[name]}'}", part)
    else:
        yield path, value


def _row_name(row: Mapping[str, Any]) -> str:
    name = str(row.get("id") or row.get("camera_purpose") or "+".join(row.get("camera_purposes", ())))
    return f"{name}@{row['from']}" if "from" in row else name
