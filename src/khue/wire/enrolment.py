"""How a node is let in the first time: a token that is used once, against a key the node made itself.

The token names the centre and its authority, so that the node knows who it speaks to before it says anything. It carries a
secret and never a key: what a node signs in with afterwards has not left its disk.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from khue.model.errors import ConfigError

PATH = "/api/v1/nodes/enrol"  # where the node posts its public key
AUTHORITY_PATH = "/api/v1/nodes/authority"  # where it gets the authority whose fingerprint the token names
_PREFIX = "khue-enrol-"  # so that a leaked token is recognised by scanners
_LONGEST = 2048


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token says. ``authority`` is the SHA-256 of the certificate (DER, hexadecimal), "" trusts the system's."""

    id: str
    node: str
    secret: str
    url: str
    authority: str = ""


class Enrol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``key`` is a public user nkey, ``proof`` its signature (base64) of ``signed``: only its holder may register it."""

    id: str
    secret: str
    key: str
    proof: str


class Enrolled(msgspec.Struct, frozen=True):
    """``nats_authority`` is PEM text, "" when the system knows it; ``sites`` are those the centre wants it to serve."""

    node: str
    nats: str
    nats_authority: str = ""
    sites: tuple[str, ...] = ()


def signed(offer: str, secret: str, key: str) -> bytes:
    """What the proof signs: it holds for this token and this key alone."""
    return f"khue enrol {offer} {secret} {key}".encode()


def pack(offer: Offer) -> str:
    """The token: one word of letters, digits, ``-`` and ``_``."""
    return _PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(offer)).rstrip(b"=").decode()


def unpack(token: str) -> Offer:
    """What a token says. Raises ConfigError when it is not one."""
    body = token.strip().removeprefix(_PREFIX)
    try:
        if not token.strip().startswith(_PREFIX) or len(token) > _LONGEST:
            raise ConfigError("this is not an enrolment token")
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Offer)
    except (binascii.Error, ValueError, msgspec.MsgspecError, ConfigError) as error:
        raise ConfigError(
            "this is not an enrolment token, or a part of it is missing; get one with `khue nodes add`"
        ) from error
