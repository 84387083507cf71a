"""A small client of the centre's HTTP interface, for commands."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from khue.model.errors import ConfigError, KhueError

_PIECE = 1024 * 1024
_LONG = 300.0  # seconds without a byte while files travel


class Login(msgspec.Struct, frozen=True):
    """Where the centre is and what lets us in."""

    url: str
    token: str


def login_file() -> Path:
    """Where `khue login` and `khue demo` leave the way in; only its owner can read it."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "khue" / "login.json"


def save_login(login: Login) -> Path:
    path = login_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(login))
    return path


def load_login() -> Login:
    """KHUE_URL and KHUE_TOKEN, else what was saved. Raises ConfigError with the remedy."""
    url, token = os.environ.get("KHUE_URL"), os.environ.get("KHUE_TOKEN")
    if url and token:
        return Login(url, token)
    try:
        return msgspec.json.decode(login_file().read_bytes(), type=Login)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError("no centre is known here: run `khue login URL`, or set KHUE_URL and KHUE_TOKEN") from error


class Api:
    """One centre. Every call raises KhueError with the centre's words."""

    def __init__(self, url: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {"X-Khue": "1"}
        self.url = url.rstrip("/")
        self.token = token
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=30.0)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, method: str, path: str, body: object = None, **params: str | int | float) -> Any:
        """JSON in, JSON out; None for an empty answer."""
        with self._in_our_words():
            answer = self._client.request(method, f"/api/v1{path}", json=body, params=params)
        if answer.is_success:
            return answer.json() if answer.content else None
        raise KhueError(_words(answer))

    def upload(self, path: str, file: Path) -> Any:
        """PUT a file as the body, as it is read from the disk; the answer is JSON."""
        with file.open("rb") as body, self._in_our_words():
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
            pieces = iter(lambda: body.read(_PIECE), b"")
            answer = self._client.put(f"/api/v1{path}", content=pieces, headers=headers, timeout=_LONG)
        if answer.is_success:
            return answer.json()
        raise KhueError(_words(answer))

    def download(self, path: str, to: Path, **params: str | int | float) -> int:
        """GET into a file, which appears when it is whole; returns its bytes."""
        part = to.with_name(f"{to.name}.part")
        with self._in_our_words(), self._client.stream("GET", f"/api/v1{path}", params=params, timeout=_LONG) as answer:
            if not answer.is_success:
                answer.read()
                raise KhueError(_words(answer))
            with part.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
        return part.replace(to).stat().st_size

    @contextlib.contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise KhueError(f"the centre at {self.url} cannot be reached ({error}); is it running?") from error

    def sign_in(self, username: str, password: str) -> Any:
        return self.call("POST", "/session", {"username": username, "password": password})


def _words(answer: httpx.Response) -> str:
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return f"the centre answered {answer.status_code}"
    remedy = error.get("remedy") or ""
    return f"{error.get('message')}{'; ' if remedy else ''}{remedy}"
