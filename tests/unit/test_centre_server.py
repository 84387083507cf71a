"""Listening, and the console's files."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from khue.centre import console
from khue.centre.problems import HANDLERS
from khue.centre.server import listen
from khue.model.errors import ConfigError


def test_the_listener_names_its_protocol_so_that_answers_leave_at_once() -> None:
    """asyncio sets TCP_NODELAY on connections of such a socket only."""
    listener = listen("127.0.0.1", 0)
    assert listener.proto == socket.IPPROTO_TCP
    with pytest.raises(ConfigError, match=r"listen\.port"):
        listener.listen()
        listen("127.0.0.1", listener.getsockname()[1])
    listener.close()


@pytest.fixture
def app() -> Litestar:
    handlers = [console.console_index, console.console_file]
    return Litestar(handlers, exception_handlers=HANDLERS, openapi_config=None)


async def test_without_a_build_the_page_says_how_to_make_one(
    app: Litestar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "DIST", tmp_path)
    async with AsyncTestClient(app) as client:
        page = await client.get("/anything")
        assert (page.status_code, "not built" in page.text) == (200, True)


async def test_files_are_served_and_rooms_get_the_index(
    app: Litestar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html>index")
    (dist / "assets" / "app-1a2b.js").write_text("let a")
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(console, "DIST", dist)
    async with AsyncTestClient(app) as client:
        for path in ("/", "/wall", "/cameras/7", "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt"):
            page = await client.get(path)
            assert page.text == "<!doctype html>index", path
            assert page.headers["cache-control"] == "no-cache"
        script = await client.get("/assets/app-1a2b.js")
        assert (script.text, "javascript" in script.headers["content-type"]) == ("let a", True)
        assert "immutable" in script.headers["cache-control"]
        assert (await client.get("/assets/old-ffff.js")).status_code == 404
        assert (await client.get("/api/v1/none")).json()["error"]["code"] == "not_found"
