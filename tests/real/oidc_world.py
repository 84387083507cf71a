"""A centre whose people sign in at the certified provider of tests/peers/oidc, and a browser without a window."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from centre_world import World

from khue.centre.config import OidcConfig

PEER = Path(__file__).resolve().parents[1] / "peers" / "oidc"
SECRET = "a secret of the centre & the provider: 100 %"
PEOPLE: dict[str, dict[str, object]] = {
    "lan": {"email": "lan@city.example", "email_verified": True, "name": "Nguyễn Thị Lan"},
    "minh": {"email": "minh@city.example", "email_verified": False, "name": "Trần Minh"},
    "admin": {"email": "admin", "email_verified": True, "name": "Somebody"},
    "boss": {"email": "boss@city.example", "email_verified": True, "name": "Boss", "preferred_username": "admin"},
}


class Peer:
    """The provider's process."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None or not (PEER / "node_modules" / "oidc-provider").is_dir():
            pytest.skip("the OpenID provider is not installed: `make peers` with Node 20.19 or newer does")
        self._process = subprocess.Popen(
            [node, str(PEER / "provider.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.issuer = str(self._line()["issuer"])

    def begin(self, redirect_uris: list[str], *, keys: int = 1, **client: object) -> None:
        """Know the centre, and sign with the ``keys``-th pair."""
        about = {"client_id": "khue", "client_secret": SECRET, "redirect_uris": redirect_uris, **client}
        said = {"clients": [about], "people": PEOPLE, "keys": keys}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        while "done" not in self._line():
            pass

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # beside it, the library warns that it is not in production
                return dict(json.loads(line))
        raise AssertionError("the provider ended")

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def peer() -> Iterator[Peer]:
    made = Peer()
    try:
        yield made
    finally:
        made.stop()


@contextlib.asynccontextmanager
async def oidc_world(*configs: OidcConfig) -> AsyncIterator[World]:
    """A centre with these providers."""
    with tempfile.TemporaryDirectory(prefix="khue-test-") as directory:
        Path(directory).chmod(0o755)
        secret = Path(directory) / "client.secret"
        secret.write_text(SECRET + "\n")
        made = World(Path(directory))
        given = [msgspec.structs.replace(config, client_secret_file=str(secret)) for config in configs]
        made.config = msgspec.structs.replace(made.config, oidc=tuple(given))
        await made.engines.start()
        await made.start_centre()
        try:
            yield made
        finally:
            await made.stop()


def callback(here: World, provider: str) -> str:
    return f"{here.centre.url}/api/v1/session/oidc/{provider}/callback"


async def at_provider(browser: httpx.AsyncClient, login: str, start: str) -> str:
    """What somebody does there: from ``start`` at the centre to the address the provider sends them back to."""
    answer = await browser.get(start)
    for _ in range(12):
        if answer.is_redirect:
            where = str(answer.next_request.url) if answer.next_request else ""
            if "/callback?" in where:
                return where
            answer = await browser.get(where)
            continue
        assert answer.status_code == 200, answer.text
        form = (
            {"prompt": "login", "login": login, "password": "x"}
            if 'name="login"' in answer.text
            else {"prompt": "consent"}
        )
        action = re.search(r'action="([^"]+)"', answer.text)
        assert action is not None, answer.text
        answer = await browser.post(action[1], data=form)
    raise AssertionError("the provider sent nobody back")


def told(answer: httpx.Response) -> str:
    """The word of a refusal on the sign-in page, "" when it went well."""
    assert answer.status_code == 302, answer.text
    fragment = urlsplit(answer.headers["location"]).fragment
    return parse_qs(urlsplit(fragment).query).get("sign_in_failed", [""])[0]
