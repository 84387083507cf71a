"""ZoneMinder's monitors from its running MySQL or MariaDB."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pymysql
import pymysql.converters
import pymysql.cursors

from khue.camera.migrate.found import CameraList, MigrationError
from khue.camera.migrate.zoneminder import TABLES, Row, parse

_TIMEOUT_S = 15
_MOST_ROWS = 20_000
_UNKNOWN_TABLE, _DENIED = 1146, frozenset({1044, 1045, 1142, 1698})


def read(dsn: str, password: str) -> CameraList:
    """``mysql://user@host:port/database``; every column as text. Raises MigrationError.

    A SELECT on three tables is all that is asked, and all that the user has to be granted.
    """
    try:
        parts = urlsplit(dsn)
        host, port = parts.hostname or "", parts.port or 3306
    except ValueError:
        host, port = "", 0
    if not host:
        raise MigrationError("this is no database address; write mysql://USER@HOST/zm")
    where = f"{host}:{port}"
    try:
        connection = pymysql.connect(
            host=host,
            port=port,
            user=unquote(parts.username or "zmuser"),
            password=password,
            database=unquote(parts.path.strip("/")) or "zm",
            charset="utf8mb4",
            conv=pymysql.converters.encoders,  # and no decoders: text, as in a dump
            cursorclass=pymysql.cursors.DictCursor,
            connect_timeout=_TIMEOUT_S,
            read_timeout=_TIMEOUT_S,
            write_timeout=_TIMEOUT_S,
        )
        with connection:
            return parse({table: _rows(connection, table) for table in TABLES}, where)
    except (pymysql.MySQLError, OSError, RuntimeError) as error:
        raise MigrationError(f"{where}: {_why(error)}") from None


def _rows(connection: pymysql.connections.Connection, table: str) -> list[Row]:
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"SELECT * FROM `{table}` LIMIT {_MOST_ROWS}")
        except pymysql.ProgrammingError as error:
            if table != TABLES[0] and _code(error) == _UNKNOWN_TABLE:
                return []  # older than makers and models
            raise
        found = cursor.fetchall()
    return [{name: value if isinstance(value, str) else None for name, value in row.items()} for row in found]


def _why(error: Exception) -> str:
    """In our words: a server's own may hold anything."""
    code = _code(error)
    if code in _DENIED:
        return "user name or password refused; it needs SELECT on Monitors, Manufacturers and Models"
    if code == _UNKNOWN_TABLE or code == 1049:
        return "there is no ZoneMinder in this database; name it: mysql://USER@HOST/DATABASE"
    return f"the database cannot be read ({type(error).__name__} {code or ''}".rstrip() + "); check address and port"


def _code(error: Exception) -> int:
    code = error.args[0] if error.args else 0
    return code if isinstance(code, int) else 0
