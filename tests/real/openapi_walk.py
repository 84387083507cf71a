"""Every operation the centre's OpenAPI describes, with parameters and bodies made from their schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

METHODS = ("get", "post", "put", "patch", "delete")
INSTANT = "2026-01-01T00:00:00Z"
_DEEPEST = 6


class Parameter(msgspec.Struct, frozen=True):
    name: str
    where: str  # path, query, header, cookie
    required: bool
    schema: dict[str, Any]


class Operation(msgspec.Struct, frozen=True):
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    body: dict[str, Any] | None

    def named(self, where: str) -> tuple[Parameter, ...]:
        return tuple(one for one in self.parameters if one.where == where)

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if (described := methods.get(method)) is None:
                continue
            parameters = tuple(
                Parameter(one["name"], one["in"], one.get("required", False), one.get("schema", {}))
                for one in described.get("parameters", [])
            )
            content = described.get("requestBody", {}).get("content", {})
            yield Operation(method, path, parameters, content.get("application/json", {}).get("schema"))


def value(schema: Mapping[str, Any], document: Mapping[str, Any], text: str, depth: int = 0) -> Any:
    """Something of this schema in which every free text is ``text``, and every list has one item."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return value(document["components"]["schemas"][name], document, text, depth + 1)
    if "enum" in schema:
        return next((one for one in schema["enum"] if one is not None), None)
    if "const" in schema:
        return schema["const"]
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            fit = [one for one in schema[several] if one.get("type") != "null"]
            return value(fit[0], document, text, depth + 1) if fit else None
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    if kind == "object" or "properties" in schema:
        return _object(schema, document, text, depth)
    if kind == "array":
        return [] if depth > _DEEPEST else [value(schema.get("items", {}), document, text, depth + 1)]
    if kind == "integer":
        return max(1, int(schema.get("minimum", 1)))
    return {"number": 1.5, "boolean": True}.get(str(kind), _text(schema, text))


def _object(schema: Mapping[str, Any], document: Mapping[str, Any], text: str, depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        return {}
    made = {name: value(one, document, text, depth + 1) for name, one in schema.get("properties", {}).items()}
    more = schema.get("additionalProperties")
    return {text: value(more, document, text, depth + 1)} if not made and isinstance(more, dict) else made


def _text(schema: Mapping[str, Any], text: str) -> str:
    return {"date-time": INSTANT, "date": INSTANT[:10]}.get(schema.get("format", ""), text)
