"""YAML from somebody else's machine, bounded: its size, depth, aliases and merged keys are counted before they cost anything."""

from __future__ import annotations

from typing import Any

import yaml

from khue.camera.migrate.found import MigrationError

MAX_BYTES = 1024 * 1024  # a Frigate with 200 cameras needs a tenth of it
_MAX_EVENTS = 200_000
_MAX_DEPTH = 40
_MAX_ALIASES = 2_000
_MAX_MERGED = 50_000
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Bounded(_Safe):  # type: ignore[misc]
    """Merge keys (``<<``) copy what they merge, so a few of them upon each other fill any memory."""

    def __init__(self, data: bytes | str) -> None:
        super().__init__(data)
        self._merged = 0

    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        self._merged += len(node.value)
        if self._merged > _MAX_MERGED:
            raise MigrationError("this YAML merges more keys than any configuration has; it may be a bomb")


def load(data: bytes | str, what: str) -> Any:
    """The document, as plain values. Raises MigrationError, which names a line and never what stands in it."""
    if len(data) > MAX_BYTES:
        raise MigrationError(f"{what}: more than {MAX_BYTES >> 20} MB; this is no camera configuration")
    try:
        _count(data)
        loader = _Bounded(data)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except MigrationError as error:
        raise MigrationError(f"{what}: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise MigrationError(f"{what}: this is no YAML{where}; check its indentation there") from None
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, AttributeError):
        raise MigrationError(f"{what}: a value in this YAML cannot be read; export the configuration again") from None


def _count(data: bytes | str) -> None:
    depth = aliases = 0
    for events, event in enumerate(yaml.parse(data, Loader=_Safe)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        if depth > _MAX_DEPTH or events > _MAX_EVENTS or aliases > _MAX_ALIASES:
            raise MigrationError("deeper, longer or with more references than any configuration; it may be a bomb")
