"""One OpenID provider: what it says of itself, where people are sent, and what its ID tokens are worth.

OpenID Connect Core 1.0 (authorization code with PKCE, RFC 7636), Discovery 1.0, RFC 9207 for the name of who answers.
"""

from __future__ import annotations

import base64
import logging
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from khue.centre.config import OidcConfig
from khue.model.errors import ConfigError, KhueError, Unavailable

_log = logging.getLogger(__name__)
# What a provider may sign with. Nothing shared (HS256 would make its public key a secret) and not "none".
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_SKEW_S = 60  # clocks of two machines
_OLDEST_S = 600  # since a token was made; people are at the provider before that
_TIMEOUT_S = 10.0
_METADATA_S = 3600.0
_KEYS_S = 600.0
_KEYS_PAUSE_S = 10.0  # between two looks for a key that is not there
_LARGEST = 256 * 1024  # bytes of an answer


class Untrusted(KhueError):
    """What came back is not what the provider would say to us."""


class Metadata(msgspec.Struct, frozen=True):
    """The part of the discovery document that is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    code_challenge_methods_supported: tuple[str, ...] = ()
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""


class Person(msgspec.Struct, frozen=True):
    """Whom the provider speaks of. ``username`` is "" when it did not say, or did not verify it."""

    issuer: str
    subject: str
    username: str
    display_name: str


class Provider:
    """Asked over lines of its own for each question; documents and keys are kept for a while."""

    def __init__(self, config: OidcConfig) -> None:
        """Raises ConfigError when a file cannot be read."""
        self.config = config
        self._secret = _read(config.client_secret_file).strip()
        self._trust = _trust(config.ca_file)
        self._metadata: Metadata | None = None
        self._metadata_at = 0.0
        self._keys: KeySet | None = None
        self._keys_at = 0.0

    async def begin(self, redirect_uri: str, *, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser. Raises Unavailable, Untrusted."""
        metadata = await self._known()
        query = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *self.config.scopes))),
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(query)}"

    async def check_answerer(self, issuer: str | None) -> None:
        """RFC 9207: the answer names the provider it comes from, so that another one's is not taken for it.

        Raises Untrusted, Unavailable.
        """
        if issuer is None:
            if (await self._known()).authorization_response_iss_parameter_supported:
                raise Untrusted("the answer does not say which provider it comes from, and this one always does")
        elif issuer != self.config.issuer:
            raise Untrusted("the answer comes from another provider than the one that was asked")

    async def finish(self, code: str, redirect_uri: str, *, verifier: str, nonce: str) -> Person:
        """Whom the code stands for. Raises Unavailable, Untrusted."""
        metadata = await self._known()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json"}
        if not self._secret:
            form["client_id"] = self.config.client_id
        elif "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote(self.config.client_id, safe='')}:{quote(self._secret, safe='')}"  # RFC 6749, 2.3.1
            headers["Authorization"] = f"Basic {_base64(pair)}"
        else:
            form |= {"client_id": self.config.client_id, "client_secret": self._secret}
        body = await self._ask("POST", metadata.token_endpoint, form=form, headers=headers)
        try:
            tokens = msgspec.json.decode(body, type=_Tokens)
        except msgspec.MsgspecError as error:
            raise Untrusted(f"the provider's answer to the code has no ID token: {error}") from error
        claims = await self._claims(tokens, nonce)
        if self.config.claim not in claims and metadata.userinfo_endpoint and tokens.access_token:
            claims = {**await self._more(metadata.userinfo_endpoint, tokens.access_token, claims["sub"]), **claims}
        return self._person(claims)

    async def _more(self, endpoint: str, access_token: str, subject: str) -> dict[str, Any]:
        """What the provider tells of the person outside the ID token (Core 1.0, 5.3). Raises Untrusted, Unavailable."""
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        body = await self._ask("GET", endpoint, headers=headers)
        try:
            found = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise Untrusted(f"what the provider tells of the person cannot be read: {error}") from error
        if found.get("sub") != subject:
            raise Untrusted("the provider tells of another person than the one who signed in")
        return found

    # -- what an ID token is worth ---------------------------------------------------------------------------------

    async def _claims(self, tokens: _Tokens, nonce: str) -> Mapping[str, Any]:
        """Raises Untrusted unless it was signed by this provider, for us, for this sign-in, just now."""
        metadata = await self._known()
        allowed = [name for name in ALGORITHMS if name in metadata.id_token_signing_alg_values_supported]
        try:
            token = await self._decode(tokens.id_token, allowed)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": self.config.issuer},
                    "aud": {"essential": True, "value": self.config.client_id},
                    "nonce": {"essential": True, "value": nonce},
                },
                params={"nonce": nonce, "client_id": self.config.client_id, "access_token": tokens.access_token},
            )
            now = int(time.time())
            claims.validate(now=now, leeway=_SKEW_S)
            if not now - _OLDEST_S - _SKEW_S <= claims["iat"] <= now + _SKEW_S:
                raise Untrusted("the ID token was not made just now")
            if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
                raise Untrusted("the ID token names nobody")
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Untrusted(f"the ID token does not hold: {error}") from error
        return dict(claims)

    async def _decode(self, text: str, allowed: list[str]) -> jwt.Token:
        """A key that is not known yet may be new: the provider is asked for its keys again, though not all the time."""
        try:
            return jwt.decode(text, await self._key_set(_KEYS_S), algorithms=allowed)
        except InvalidKeyIdError:
            return jwt.decode(text, await self._key_set(_KEYS_PAUSE_S), algorithms=allowed)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        said = claims.get(self.config.claim)
        verified = self.config.claim != "email" or claims.get("email_verified") is True
        name = claims.get("name")
        return Person(
            self.config.issuer,
            str(claims["sub"]),
            said.strip().lower() if isinstance(said, str) and verified else "",
            name.strip()[:200] if isinstance(name, str) else "",
        )

    # -- what the provider says of itself --------------------------------------------------------------------------

    async def _known(self) -> Metadata:
        if self._metadata is not None and time.monotonic() - self._metadata_at < _METADATA_S:
            return self._metadata
        body = await self._ask("GET", self.config.issuer.rstrip("/") + "/.well-known/openid-configuration")
        try:
            found = msgspec.json.decode(body, type=Metadata)
        except msgspec.MsgspecError as error:
            raise Untrusted(f"the provider {self.config.id} does not describe itself: {error}") from error
        if found.issuer != self.config.issuer:
            raise Untrusted(f"the provider calls itself {found.issuer}; oidc.issuer of {self.config.id} says otherwise")
        used = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint)
        for endpoint in filter(None, used):
            if urlsplit(endpoint).scheme not in ("https", urlsplit(self.config.issuer).scheme):
                raise Untrusted(f"the provider {self.config.id} names an address that is not https")
        if found.code_challenge_methods_supported and "S256" not in found.code_challenge_methods_supported:
            raise Untrusted(f"the provider {self.config.id} does not take PKCE by S256")
        self._metadata, self._metadata_at = found, time.monotonic()
        return found

    async def _key_set(self, older_than_s: float) -> KeySet:
        if self._keys is not None and time.monotonic() - self._keys_at < older_than_s:
            return self._keys
        body = await self._ask("GET", (await self._known()).jwks_uri)
        try:
            keys = KeySet.import_key_set(msgspec.json.decode(body))
        except (msgspec.MsgspecError, JoseError, ValueError, TypeError, KeyError) as error:
            raise Untrusted(f"the keys of the provider {self.config.id} cannot be read: {error}") from error
        self._keys, self._keys_at = keys, time.monotonic()
        return keys

    async def _ask(
        self, method: str, url: str, *, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> bytes:
        body = b""
        try:
            async with (
                httpx.AsyncClient(verify=self._trust, timeout=_TIMEOUT_S, follow_redirects=False) as client,
                client.stream(method, url, data=form, headers=headers) as answer,
            ):
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > _LARGEST:
                        raise Untrusted(f"the provider {self.config.id} answers without end")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"the provider {self.config.id} cannot be reached: {error}") from error
        if answer.status_code == 200:
            return body
        _log.warning("the provider %s answered %d: %s", self.config.id, answer.status_code, body[:200])
        if answer.status_code >= 500:
            raise Unavailable(f"the provider {self.config.id} answered {answer.status_code}")
        raise Untrusted(f"the provider {self.config.id} answered {answer.status_code}")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _read(path: str) -> str:
    try:
        return Path(path).read_text() if path else ""
    except OSError as error:
        raise ConfigError(f"oidc.client_secret_file {path} cannot be read: {error.strerror}") from error


def _trust(ca_file: str) -> ssl.SSLContext | bool:
    try:
        return ssl.create_default_context(cafile=ca_file) if ca_file else True
    except OSError as error:  # ssl.SSLError too
        raise ConfigError(f"oidc.ca_file {ca_file} cannot be used: {error}") from error
