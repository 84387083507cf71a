"""What a recorder's web interface answers: bounded, without redirects, the password only when and how it is asked for, once."""

from __future__ import annotations

from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import httpx

from khue.camera.auth import Authenticator
from khue.camera.control import PasswordRefused
from khue.camera.migrate.found import MigrationError
from khue.model.address import strip_credentials
from khue.model.errors import CameraProtocolError, CameraRefused, CameraUnreachable

_WHY = {
    **dict.fromkeys((301, 302, 307, 308), "it wants to be asked elsewhere; try https://"),
    403: "this user has no right to it",
    404: "it has no such page",
}
MAX_ANSWER = 4 * 1024 * 1024


class Refused(CameraRefused):
    """A status that is no success; ``status`` is it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Recorder:
    """``async with Recorder(url, user, password) as recorder``. Every call raises CameraError."""

    def __init__(self, url: str, username: str, password: str, *, timeout_s: float = 10.0) -> None:
        base, in_url_user, in_url_password = strip_credentials(url if "://" in url else f"http://{url}")
        try:
            parts = urlsplit(base)
            self.host, self.port = parts.hostname or "", parts.port
        except ValueError:
            self.host, self.port = "", None
        if not self.host or parts.scheme not in ("http", "https"):
            raise MigrationError("this is no address of a recorder; write http://HOST or https://HOST")
        self.username, self.password = username or in_url_user, password or in_url_password
        self._auth = Authenticator(self.username, self.password)
        self._base = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
        self.where = parts.netloc
        # Recorders sign their own certificates; what protects the password is that digest never sends it.
        self._client = httpx.AsyncClient(timeout=timeout_s, verify=False, follow_redirects=False, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(self, path: str) -> bytes:
        """The body. PasswordRefused ends it: recorders lock an account after a few wrong tries."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, question: object) -> bytes:
        """The body of the answer to a question in JSON, as some read-only calls want it."""
        return await self._ask("POST", path, question)

    async def _ask(self, method: str, path: str, question: object) -> bytes:
        challenged = False
        while True:
            authorization = self._auth.header(method, path)
            headers = {"Authorization": authorization} if authorization else {}
            status, body, offered = await self.send(method, path, headers, question)
            if status != 401:
                break
            if not self._auth.available:
                raise PasswordRefused(f"{self.where}: it asks for a user name and password; give --user")
            challenge = self._auth.challenge(offered)
            if challenge is None or (challenged and not challenge.stale):
                raise PasswordRefused(
                    f"{self.where}: user name or password refused; check them before the next try: after a few wrong "
                    "ones it locks the account"
                )
            if challenged:
                raise CameraProtocolError(f"{self.where}: it takes no sign-in, whatever it is answered")
            challenged = True
        if status == 200:
            return body
        why = _WHY.get(status, "it says no more")
        raise Refused(f"{self.where}: HTTP {status} to {path.partition('?')[0]}: {why}", status)

    async def send(
        self, method: str, path: str, headers: dict[str, str], json: object = None
    ) -> tuple[int, bytes, list[str]]:
        """(status, body, WWW-Authenticate values) of one request; nothing is answered for it."""
        headers = {"Accept-Encoding": "identity", "User-Agent": "khue", **headers}
        try:
            async with self._client.stream(method, self._base + path, headers=headers, json=json) as answer:
                body = bytearray()
                async for piece in answer.aiter_raw():
                    body += piece
                    if len(body) > MAX_ANSWER:
                        raise CameraProtocolError(f"{self.where}: an answer of more than {MAX_ANSWER >> 20} MB")
                return answer.status_code, bytes(body), answer.headers.get_list("www-authenticate")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CameraUnreachable(
                f"{self.where}: it cannot be reached ({type(error).__name__}); check the address and its web port"
            ) from None
