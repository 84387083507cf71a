"""Exercises as their files write them. Pure but for reading the files that come with the software."""

from __future__ import annotations

import importlib.resources
import tomllib
from typing import Literal

import msgspec

from khue.model.errors import ConfigError
from khue.model.regulation.terms import RIGHTS, Text


class EntryCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of one's own in the audit. Empty and false ask for nothing; ``before_minutes``: its period begins so long before."""

    outcome: Literal["allowed", "refused"]
    action: tuple[str, ...] = ()
    purpose: tuple[str, ...] = ()
    case: bool = False
    reason: bool = False
    clause: bool = False
    camera: bool = False
    before_minutes: float | None = None


class RequestCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request one made. ``elsewhere``: for cameras of another agency."""

    kind: Literal["access", "second"]
    case: bool = False
    elsewhere: bool = False


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of these."""

    entry: EntryCheck | None = None
    request: RequestCheck | None = None
    emergency: Literal["opened", "confirmed", "ended", "reviewed"] | None = None
    answer: Literal["refusal_clause", "watcher"] | None = None


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: Text
    check: Check


class Exercise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For whoever has one of ``rights`` by a post."""

    id: str
    rights: tuple[str, ...]
    title: Text
    text: Text
    step: tuple[Step, ...]


def parse(name: str, text: str) -> Exercise:
    """One file. Raises ConfigError that names it and the key."""
    try:
        exercise = msgspec.convert(tomllib.loads(text), Exercise)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{name}: {error}") from error
    if unknown := [right for right in exercise.rights if right not in RIGHTS]:
        raise ConfigError(f"{name}: rights: there is no right {unknown[0]!r}; write one of {', '.join(RIGHTS)}")
    for number, step in enumerate(exercise.step):
        said = [part for part in msgspec.structs.astuple(step.check) if part is not None]
        if len(said) != 1:
            raise ConfigError(f"{name}: step[{number}].check: exactly one of entry, request, emergency, answer")
    if not exercise.step:
        raise ConfigError(f"{name}: step: an exercise has at least one")
    return exercise


def packaged() -> tuple[Exercise, ...]:
    """Those that come with the software, in order. Raises ConfigError."""
    folder = importlib.resources.files("khue").joinpath("data", "training")
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    return tuple(parse(entry.name, entry.read_text(encoding="utf-8")) for entry in files)
