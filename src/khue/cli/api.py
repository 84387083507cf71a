"""A small client of the centre's HTTP interface, for commands."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from khue.model.errors import ConfigError, KhueError

_PIECE = 1024 * 1024
_USUAL = 30.0  # seconds without a byte
_MINUTES = 3600.0
_CODE_DIGITS = 6  # of a phone; those on paper are longer
_LONG = 300.0  # seconds without a byte while files travel


class Login(msgspec.Struct, frozen=True):
    """Where the centre is, what lets us in, and the file of the authority it is known by ("": the system's)."""

    url: str
    token: str
    ca: str = ""


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
    """KHUE_URL, KHUE_TOKEN and KHUE_CA, else what was saved. Raises ConfigError with the remedy."""
    url, token = os.environ.get("KHUE_URL"), os.environ.get("KHUE_TOKEN")
    if url and token:
        return Login(url, token, os.environ.get("KHUE_CA", ""))
    try:
        return msgspec.json.decode(login_file().read_bytes(), type=Login)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError("no centre is known here: run `khue login URL`, or set KHUE_URL and KHUE_TOKEN") from error


class Api:
    """One centre. Every call raises KhueError with the centre's words."""

    def __init__(self, url: str, token: str = "", ca: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {"X-Khue": "1"}
        self.url = url.rstrip("/")
        self.token = token
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=_USUAL, verify=trust(ca))

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, method: str, path: str, body: object = None, **params: str | int | float) -> Any:
        """JSON in, JSON out; None for an empty answer."""
        return self._ask(method, path, body, params, _USUAL)

    def wait_for(self, method: str, path: str) -> Any:
        """As ``call``, for what takes the centre minutes."""
        return self._ask(method, path, None, {}, _MINUTES)

    def _ask(self, method: str, path: str, body: object, params: dict[str, str | int | float], patience: float) -> Any:
        with self._in_our_words():
            answer = self._client.request(method, f"/api/v1{path}", json=body, params=params, timeout=patience)
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

    def sign_in(self, username: str, password: str, ask_code: Callable[[], str] | None = None) -> Any:
        """``ask_code`` gives the code of a phone, or one from paper, when the account has them."""
        answer = self.call("POST", "/session", {"username": username, "password": password})
        if "ticket" not in answer:
            return answer
        if "totp" not in answer["second"] or ask_code is None:
            raise KhueError(
                "this account signs in with a second factor: sign in at the console, make an API token there, and set "
                "KHUE_URL and KHUE_TOKEN"
            )
        code = ask_code().strip()
        kind = "totp" if len("".join(code.split())) == _CODE_DIGITS else "recovery"
        return self.call("POST", "/session/second", {"ticket": answer["ticket"], kind: code})


def trust(ca: str) -> ssl.SSLContext | bool:
    """What a client believes: one authority, or "" those the system knows. Raises ConfigError."""
    try:
        return ssl.create_default_context(cafile=ca) if ca else True
    except OSError as error:  # ssl.SSLError too
        raise ConfigError(f"the authority's file {ca} cannot be used: {error}") from error


def _words(answer: httpx.Response) -> str:
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return f"the centre answered {answer.status_code}"
    said = [str(error.get("message"))]
    if clause := error.get("clause"):
        said.append(f"regulation {clause['version']}, clause {clause['id']}: {clause['en']}")
    if remedy := error.get("remedy"):
        said.append(remedy)
    return "; ".join(said)
