"""The built console: static files, and its index for every path that is not one of them."""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath

from khue.model.errors import NotFound

DIST = Path(__file__).resolve().parent.parent / "console" / "dist"
_ABSENT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>khue</title>
<body><h1>khue</h1>
<p>The centre runs. The console is not built: run <code>make console</code> in the source tree, or install a wheel.</p>
<p>The API is described at <a href="/schema/openapi.json">/schema/openapi.json</a>.</p></body></html>
"""
_HTML = "text/html; charset=utf-8"
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}  # names under assets/ carry a hash of their content
_ASK = {"Cache-Control": "no-cache"}


@get("/", include_in_schema=False)
async def console_index() -> Response[bytes]:
    return await asyncio.to_thread(_answer, "")


@get("/{path:path}", include_in_schema=False)
async def console_file(path: FromPath[str]) -> Response[bytes]:
    """A file of the console, or its index: the console's own routes are not files."""
    name = path.lstrip("/")
    if name.startswith(("api/", "schema/")):
        raise NotFound("there is no such resource; the API is described at /schema/openapi.json")
    return await asyncio.to_thread(_answer, name)


def _answer(name: str) -> Response[bytes]:
    index = DIST / "index.html"
    if not index.is_file():
        return Response(_ABSENT.encode(), media_type=_HTML, headers=_ASK)
    wanted = (DIST / name).resolve()
    if wanted.is_relative_to(DIST.resolve()) and wanted.is_file():
        kind = mimetypes.guess_type(wanted.name)[0] or "application/octet-stream"
        return Response(wanted.read_bytes(), media_type=kind, headers=_FOREVER if name.startswith("assets/") else _ASK)
    if name.startswith("assets/"):
        raise NotFound("there is no such file; the console was built anew, load the page again")
    return Response(index.read_bytes(), media_type=_HTML, headers=_ASK)
