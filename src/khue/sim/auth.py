"""A camera's door: RTSP Basic (RFC 7617) and Digest (RFC 2617, and RFC 7616 for SHA-256), server side."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

from khue.sim.camera import Auth
from khue.sim.users import Users

_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]*))')
_HASH = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Doorman:
    """Checks the Authorization header of one camera. Nonces are the camera's, not a connection's, and live until told."""

    def __init__(self, auth: Auth, realm: str, username: str, password: str, *, qop: bool) -> None:
        self._auth, self._realm, self._qop = auth, realm, qop
        self.users = Users(username, password)
        self._nonce = secrets.token_hex(16)

    def renew(self) -> None:
        """The nonce in use becomes stale."""
        self._nonce = secrets.token_hex(16)

    @property
    def open(self) -> bool:
        return self._auth == "none"

    def challenges(self, *, stale: bool = False) -> list[str]:
        """WWW-Authenticate values, the preferred one first."""
        made = []
        for algorithm, word in (("SHA-256", "sha256"), ("MD5", "md5")):
            if word in self._auth:
                named = f', algorithm="{algorithm}"' if algorithm != "MD5" else ""
                extra = (', qop="auth"' if self._qop else "") + (', stale="TRUE"' if stale else "")
                made.append(f'Digest realm="{self._realm}", nonce="{self._nonce}"{named}{extra}')
        if "basic" in self._auth:
            made.append(f'Basic realm="{self._realm}"')
        return made

    def check(self, method: str, header: str) -> tuple[bool, bool]:
        """(let in, would have been but for a stale nonce)."""
        if self.open:
            return True, False
        good, stale = self._check(method, header)
        if header:
            self.users.note(right=good or stale)
        return good, stale

    def _check(self, method: str, header: str) -> tuple[bool, bool]:
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "basic" and "basic" in self._auth:
            return self._basic_right(rest.strip()), False
        if scheme.lower() != "digest" or "digest" not in self._auth:
            return False, False
        fields = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(rest)}
        if not self._digest_right(method, fields):
            return False, False
        fresh = _same(fields.get("nonce", ""), self._nonce)
        return fresh, not fresh

    def _basic_right(self, given: str) -> bool:
        try:
            name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except ValueError:
            return False
        known = self.users.password(name)
        return known is not None and _same(password, known)

    def _digest_right(self, method: str, fields: dict[str, str]) -> bool:
        algorithm = fields.get("algorithm", "MD5").upper()
        if algorithm not in _HASH or algorithm.replace("-", "").lower() not in self._auth:
            return False
        name, password = fields.get("username", ""), self.users.password(fields.get("username", ""))
        if password is None or fields.get("realm") != self._realm:
            return False

        def digest(text: str) -> str:
            return _HASH[algorithm](text.encode()).hexdigest()

        secret = digest(f"{name}:{self._realm}:{password}")
        asked = digest(f"{method}:{fields.get('uri', '')}")
        middle = fields.get("nonce", "")
        if fields.get("qop"):
            middle += f":{fields.get('nc', '')}:{fields.get('cnonce', '')}:{fields['qop']}"
        return _same(fields.get("response", ""), digest(f"{secret}:{middle}:{asked}"))


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
