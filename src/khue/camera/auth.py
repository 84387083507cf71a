"""Basic and Digest authentication (RFC 7617, RFC 2617, RFC 7616) for RTSP and HTTP.

Of several challenges the strongest is answered, once: a second attempt with a wrong password brings the account closer
to the lock that many cameras put on it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from typing import NamedTuple

_ITEM = re.compile(r'([A-Za-z][\w.-]*)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*)))?')
_HASHES = {"SHA-256": "sha256", "MD5": "md5"}


class Challenge(NamedTuple):
    """One WWW-Authenticate challenge; parameter names in lower case."""

    scheme: str
    parameters: dict[str, str]

    @property
    def algorithm(self) -> str:
        """As in RFC 7616, upper case; MD5 when the camera names none."""
        return self.parameters.get("algorithm", "MD5").upper() or "MD5"

    @property
    def strength(self) -> int:
        """0 is unusable; the highest is answered."""
        if self.scheme == "basic":
            return 1
        if self.scheme != "digest" or "nonce" not in self.parameters:
            return 0
        return {"MD5": 2, "SHA-256": 3}.get(self.algorithm.removesuffix("-SESS"), 0)

    @property
    def stale(self) -> bool:
        """The password was right, the nonce too old."""
        return self.parameters.get("stale", "").lower() == "true"

    def __str__(self) -> str:
        return f"digest {self.algorithm}" if self.scheme == "digest" else self.scheme


def parse_challenges(values: Sequence[str]) -> tuple[Challenge, ...]:
    """Challenges of all WWW-Authenticate headers, whether one per header or several in one."""
    found: list[Challenge] = []
    for value in values:
        for item in _ITEM.finditer(value):
            name, quoted, plain = item.group(1).lower(), item.group(2), item.group(3)
            if quoted is None and plain is None:
                found.append(Challenge(name, {}))
            elif found:
                text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.strip('"')
                found[-1].parameters.setdefault(name, text)
    return tuple(found)


class Authenticator:
    """Answers challenges for one user on one connection. Its representation shows neither name nor password."""

    def __init__(
        self, username: str, password: str, *, cnonce: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        self._username = username
        self._password = password
        self._cnonce = cnonce
        self._challenge: Challenge | None = None
        self._count = 0

    def __repr__(self) -> str:
        return f"Authenticator({self.scheme or 'no challenge yet'})"

    @property
    def available(self) -> bool:
        """There is something to answer with."""
        return bool(self._username or self._password)

    @property
    def scheme(self) -> str:
        """What is answered, for messages: ``digest SHA-256``, ``basic`` or empty."""
        return str(self._challenge) if self._challenge else ""

    def challenge(self, values: Sequence[str]) -> Challenge | None:
        """Take in the WWW-Authenticate headers of a 401. None when none of them can be answered."""
        best = max(parse_challenges(values), key=lambda c: c.strength, default=None)
        if best is None or not best.strength:
            return None
        self._challenge = best
        self._count = 0
        return best

    def header(self, method: str, url: str) -> str | None:
        """The Authorization value for a request without body; None before the first challenge."""
        if self._challenge is None or not self.available:
            return None
        if self._challenge.scheme == "basic":
            return "Basic " + base64.b64encode(f"{self._username}:{self._password}".encode()).decode()
        self._count += 1
        return self._digest(self._challenge, method, url)

    def _digest(self, challenge: Challenge, method: str, url: str) -> str:
        given = challenge.parameters
        realm, nonce = given.get("realm", ""), given["nonce"]
        qop = _choose_qop(given.get("qop", ""))
        cnonce, count = self._cnonce(), f"{self._count:08x}"

        def digest(text: str) -> str:
            name = _HASHES[challenge.algorithm.removesuffix("-SESS")]
            return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

        secret = digest(f"{self._username}:{realm}:{self._password}")
        if challenge.algorithm.endswith("-SESS"):
            secret = digest(f"{secret}:{nonce}:{cnonce}")
        what = digest(f"{method}:{url}" + (f":{digest('')}" if qop == "auth-int" else ""))
        middle = f"{nonce}:{count}:{cnonce}:{qop}" if qop else nonce
        fields = [
            ("username", self._username),
            ("realm", realm),
            ("nonce", nonce),
            ("uri", url),
            ("response", digest(f"{secret}:{middle}:{what}")),
        ]
        fields += [("opaque", given["opaque"])] if "opaque" in given else []
        text = ", ".join(f'{name}="{_escape(value)}"' for name, value in fields)
        if "algorithm" in given:
            text += f", algorithm={challenge.parameters['algorithm']}"
        if qop or challenge.algorithm.endswith("-SESS"):
            text += f', cnonce="{cnonce}"'
        if qop:
            text += f", qop={qop}, nc={count}"
        return f"Digest {text}"


def _choose_qop(offered: str) -> str:
    names = {name.strip().lower() for name in offered.split(",")}
    return next((name for name in ("auth", "auth-int") if name in names), "")


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
