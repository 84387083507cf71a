"""SQL is source: named statements in ``queries.sql`` beside the code that uses them.

-- name: camera_by_id
-- What it is for.
select ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from khue.model.errors import ConfigError

_NAME = re.compile(r"^-- name: ([a-z_]+)\s*$", re.MULTILINE)


class Queries:
    """The statements of one file: ``Queries(__file__)["camera_by_id"]``."""

    def __init__(self, module_file: str, file_name: str = "queries.sql") -> None:
        path = Path(module_file).with_name(file_name)
        self._statements = parse(path.read_text(encoding="utf-8"))
        self._path = path

    def __getitem__(self, name: str) -> str:
        return self._statements[name]


def parse(text: str) -> Mapping[str, str]:
    """Name to statement. Raises ConfigError when two have the same name."""
    parts = _NAME.split(text)
    names = parts[1::2]
    if len(names) != len(set(names)):
        raise ConfigError("two SQL statements have the same name")
    return {name: body.strip() for name, body in zip(names, parts[2::2], strict=True)}
