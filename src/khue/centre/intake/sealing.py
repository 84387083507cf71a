"""A row's secrets, sealed for the camera they will belong to, in the forms the registry keeps them. Pure.

Rows are looked at, filtered and downloaded; what is secret never goes where rows are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from khue.centre.secrets import Vault
from khue.model.address import redact, strip_credentials

_SCHEMES = ("rtsp", "rtsps")


class Sealed(msgspec.Struct, frozen=True):
    """``kind`` is credentials, main, sub or contact; ``shown`` what people may see of it; ``before`` what it replaces."""

    kind: str
    value: bytes
    shown: str = ""
    before: bytes | None = None
    before_shown: str | None = None


class Secrets(msgspec.Struct, frozen=True):
    """As a row says them; URLs without credentials. Empty: it says nothing."""

    main: str = ""
    sub: str = ""
    username: str = ""
    password: str = ""
    contact: str = ""  # JSON


class KnownSecrets(msgspec.Struct, frozen=True):
    """What the registry has of a camera, sealed."""

    credentials: bytes | None = None
    main: bytes | None = None
    main_shown: str | None = None
    sub: bytes | None = None
    sub_shown: str | None = None
    consent: bool = False


def secrets_of(values: Mapping[str, Any], contact: str) -> Secrets:
    """Credentials in a column of their own come before those inside a URL."""
    username, password = "", ""
    urls = dict.fromkeys(("rtsp_sub", "rtsp_main"), "")
    for name in urls:
        if not values.get(name):
            continue
        urls[name], in_url_user, in_url_password = strip_credentials(str(values[name]).strip())
        if in_url_user or in_url_password:
            username, password = in_url_user, in_url_password
    return Secrets(
        main=urls["rtsp_main"],
        sub=urls["rtsp_sub"],
        username=str(values.get("username") or username),
        password=str(values.get("password") or password),
        contact=contact,
    )


def bad_url(url: str) -> bool:
    """Whether a node could not open it."""
    try:
        parts = urlsplit(url)
        return parts.scheme not in _SCHEMES or not parts.hostname or parts.port == 0 or len(url) > 2000
    except ValueError:
        return True


def shown_urls(secrets: Secrets) -> dict[str, str]:
    """Canonical fields of the URLs as people may see them."""
    urls = {"rtsp_main": secrets.main, "rtsp_sub": secrets.sub}
    return {field: _shown(url) for field, url in urls.items() if url}


def _shown(url: str) -> str:
    """Credentials are out of it already, but for a user name some families carry in the path."""
    return redact(url) if "=" in url else url


class Sealer:
    """Seals with the context of the row and column the value will be stored in; see Cameras.open_url, open_credentials."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def seal(self, camera: str, secrets: Secrets, known: KnownSecrets | None, consent: str) -> Iterator[Sealed]:
        """What is new or different. ``consent`` is the id of the consent its contact belongs to."""
        had = known or KnownSecrets()
        if secrets.username or secrets.password:
            plain = json.dumps([secrets.username, secrets.password])
            yield from self._one("credentials", f"camera/{camera}/credentials", plain, "", had.credentials, None)
        main, sub = (had.main, had.main_shown), (had.sub, had.sub_shown)
        for name, url, (before, shown) in (("main", secrets.main, main), ("sub", secrets.sub, sub)):
            if url:
                yield from self._one(name, f"camera/{camera}/{name}/url", url, _shown(url), before, shown)
        if secrets.contact and not had.consent:
            yield from self._one("contact", f"consent/{consent}/contact", secrets.contact, consent, None, None)

    def _one(
        self, kind: str, context: str, plain: str, shown: str, before: bytes | None, before_shown: str | None
    ) -> Iterator[Sealed]:
        if before is None or self._vault.open(before, context) != plain:
            yield Sealed(kind, self._vault.seal(plain, context), shown, before, before_shown)
