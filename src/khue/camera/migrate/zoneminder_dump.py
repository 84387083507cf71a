"""Rows out of a dump that mysqldump or mariadb-dump wrote of ZoneMinder's database. Pure.

Understood is what those programs write: ``CREATE TABLE`` for the order of columns, ``INSERT INTO`` (also REPLACE, IGNORE, with
column names, many rows each, over many lines), strings in single quotes with backslash escapes or doubled quotes, numbers,
NULL, 0x and b'' and _binary literals, comments. Other statements are stepped over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from khue.camera.migrate.found import MigrationError
from khue.camera.migrate.zoneminder import TABLES, Row

MAX_BYTES = 512 * 1024 * 1024  # with its events; the monitors of it are few
_MAX_ROWS = 20_000
_MAX_COLUMNS = 400
_MAX_TEXT = 70_000
_NAME = r"(?:`[^`\n]{1,64}`|\w{1,64})"
_START = re.compile(
    rf"^[ \t]*(?:(CREATE)[ ]+TABLE[ ]+(?:IF[ ]+NOT[ ]+EXISTS[ ]+)?|(?:INSERT|REPLACE)[ ]+(?:IGNORE[ ]+|DELAYED[ ]+)*(?:INTO[ ]+)?)"
    rf"(?:{_NAME}\.)?(?:`({'|'.join(TABLES)})`|({'|'.join(TABLES)})\b)\s*",
    re.IGNORECASE | re.MULTILINE,
)
_COLUMN = re.compile(r"^\s*`([^`\n]{1,64})`\s+[a-z]", re.IGNORECASE | re.MULTILINE)
_LIST = re.compile(rf"\(\s*({_NAME}(?:\s*,\s*{_NAME}){{0,{_MAX_COLUMNS}}})\s*\)\s*")
_VALUES = re.compile(r"VALUES?\s*", re.IGNORECASE)
_GAP = re.compile(r"\s*")
_BARE = re.compile(r"[^\s,()';]{1,200}")
_PIECE = re.compile(r"[^'\\]+")
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}


def parse(data: bytes) -> dict[str, list[Row]]:
    """Table -> rows, of the tables that are read. Raises MigrationError, which never tells what stands in a row."""
    if len(data) > MAX_BYTES:
        raise MigrationError(f"the dump has more than {MAX_BYTES >> 20} MB; dump the table Monitors alone")
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    columns: dict[str, Sequence[str]] = {}
    tables: dict[str, list[Row]] = {}
    at = 0
    while (start := _START.search(text, at)) is not None:
        table = next(name for name in TABLES if name.lower() == (start[2] or start[3]).lower())
        if start[1]:
            columns[table], at = _columns(text, start.end())
            continue
        named, at = _named(text, start.end())
        order = named or columns.get(table)
        if order is None:
            raise _broken(text, at, f"the columns of {table} are not named; dump the table with its structure")
        rows = tables.setdefault(table, [])
        for values, after in _rows(text, at):
            at = after
            if len(values) != len(order):
                raise _broken(text, at, f"a row of {table} has {len(values)} values for {len(order)} columns")
            if len(rows) >= _MAX_ROWS:
                raise _broken(text, at, f"more than {_MAX_ROWS} rows of {table}")
            rows.append(dict(zip(order, values, strict=True)))
    if "Monitors" not in tables and "Monitors" not in columns:
        raise MigrationError("the dump has no table Monitors; make it with: mysqldump zm Monitors Manufacturers Models")
    return tables


def _columns(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """Up to the line that closes the table."""
    end = text.find("\n)", at)
    end = len(text) if end < 0 else end
    return tuple(found[1] for found in _COLUMN.finditer(text, at, min(end, at + 100_000)))[:_MAX_COLUMNS], end


def _named(text: str, at: int) -> tuple[tuple[str, ...], int]:
    listed = _LIST.match(text, at)
    names = tuple(name.strip().strip("`") for name in listed[1].split(",")) if listed else ()
    values = _VALUES.match(text, listed.end() if listed else at)
    if values is None:
        raise _broken(text, at, "VALUES is missing")
    return names, values.end()


def _rows(text: str, at: int) -> Iterator[tuple[list[str | None], int]]:
    """Each row's values and where it ends, up to the semicolon."""
    while True:
        at = _skip(text, at)
        if text[at : at + 1] != "(":
            raise _broken(text, at, "a row was expected")
        values: list[str | None] = []
        while True:
            value, at = _value(text, _skip(text, at + 1))
            values.append(value)
            at = _skip(text, at)
            mark = text[at : at + 1]
            if mark not in (",", ")") or len(values) > _MAX_COLUMNS:
                raise _broken(text, at, "a value was expected to end")
            if mark == ")":
                break
        at = _skip(text, at + 1)
        yield values, at
        if text[at : at + 1] != ",":
            return
        at += 1


def _value(text: str, at: int) -> tuple[str | None, int]:
    if text.startswith("_binary ", at):
        at = _skip(text, at + 8)
    if text[at : at + 1] == "'":
        return _string(text, at + 1)
    bare = _BARE.match(text, at)
    if bare is None:
        raise _broken(text, at, "a value was expected")
    if bare[0] in ("b", "B", "x", "X", "N", "_utf8mb4", "_utf8") and text[bare.end() : bare.end() + 1] == "'":
        value, end = _string(text, bare.end() + 1)
        return _literal(bare[0].lower(), value), end
    if bare[0].upper() == "NULL":
        return None, bare.end()
    return (_literal("x", bare[0][2:]) if bare[0].startswith("0x") else bare[0]), bare.end()


def _string(text: str, at: int) -> tuple[str, int]:
    pieces: list[str] = []
    size = 0
    while True:
        if plain := _PIECE.match(text, at, at + _MAX_TEXT + 1):
            pieces.append(plain[0])
            at = plain.end()
            size += len(plain[0])
        if size > _MAX_TEXT:
            raise _broken(text, at, "a string is too long")
        mark, after = text[at : at + 1], text[at + 1 : at + 2]
        if mark == "\\" and after:
            pieces.append(_ESCAPES.get(after, after))
            at += 2
        elif mark == "'" and after == "'":
            pieces.append("'")
            at += 2
        elif mark == "'":
            return "".join(pieces), at + 1
        else:
            raise _broken(text, at, "a string does not end")
        size += 1


def _literal(kind: str, value: str) -> str:
    try:
        if kind == "b":
            return str(int(value or "0", 2))
        return bytes.fromhex(value).decode("utf-8", "replace") if kind == "x" else value
    except ValueError:
        return ""


def _skip(text: str, at: int) -> int:
    found = _GAP.match(text, at)
    return found.end() if found else at


def _broken(text: str, at: int, why: str) -> MigrationError:
    line = text.count("\n", 0, at) + 1
    return MigrationError(f"the dump, line {line}: {why}; make it again with mysqldump")
