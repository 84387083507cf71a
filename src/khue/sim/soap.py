"""SOAP 1.2 messages of a camera, and WS-Security UsernameToken with PasswordDigest (OASIS WSS 1.0; ONVIF Core §5.9). Pure."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import NamedTuple
from xml.sax.saxutils import escape

from khue.model.errors import CameraProtocolError, KhueError

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_CLOCK_TOLERANCE_S = 300.0
NAMESPACES = {
    "s": ENVELOPE,
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "d": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
    "dn": "http://www.onvif.org/ver10/network/wsdl",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "trc": "http://www.onvif.org/ver10/recording/wsdl",
    "tse": "http://www.onvif.org/ver10/search/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "ter": "http://www.onvif.org/ver10/error",
}


class Call(NamedTuple):
    """The first element of the body is the operation, by its local name."""

    operation: str
    element: ET.Element
    envelope: ET.Element

    def text(self, path: str) -> str:
        """The text at a path of local names below the operation, or empty."""
        found = self.element.find("/".join(f"{{*}}{step}" for step in path.split("/")))
        return (found.text or "").strip() if found is not None else ""

    def number(self, path: str, attribute: str) -> float | None:
        """An attribute as a number, None when it is missing."""
        found = self.element.find("/".join(f"{{*}}{step}" for step in path.split("/")))
        value = found.get(attribute) if found is not None else None
        return float(value) if value else None


class Fault(KhueError):
    """A SOAP fault to answer with: subcode (``ter:`` names of ONVIF Core §5.8.2) and a reason."""

    def __init__(self, subcode: str, reason: str, *, sender: bool = True) -> None:
        super().__init__(reason)
        self.subcode, self.reason, self.sender = subcode, reason, sender


def parse(body: bytes) -> Call:
    """A SOAP request. Raises CameraProtocolError for anything else; document types are refused unread."""
    if b"<!DOCTYPE" in body:
        raise CameraProtocolError("a document type in a SOAP message")
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise CameraProtocolError(f"not XML: {error}") from error
    found = root.find("{*}Body")
    if found is None or len(found) == 0:
        raise CameraProtocolError("a SOAP message without a body")
    return Call(found[0].tag.rpartition("}")[2], found[0], root)


def envelope(body: str, header: str = "") -> bytes:
    """Body and header are XML with the prefixes of NAMESPACES."""
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {names}>{head}<s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


def fault(problem: Fault) -> bytes:
    """SOAP 1.2 §5.4."""
    code = "s:Sender" if problem.sender else "s:Receiver"
    return envelope(
        f"<s:Fault><s:Code><s:Value>{code}</s:Value><s:Subcode><s:Value>{problem.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{escape(problem.reason)}</s:Text></s:Reason></s:Fault>'
    )


def password_digest(nonce: bytes, created: str, password: str) -> str:
    return base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()


def is_signed(call: Call) -> bool:
    """Whether it carries a user name and password at all."""
    return call.envelope.find(f".//{{{_WSSE}}}UsernameToken") is not None


def authorise(call: Call, password_of: Callable[[str], str | None], now: dt.datetime) -> None:
    """Let the caller in or raise the fault ``ter:NotAuthorized``. ``now`` is the camera's own clock, right or wrong."""
    refused = Fault("ter:NotAuthorized", "Sender not Authorized")
    token = call.envelope.find(f".//{{{_WSSE}}}UsernameToken")
    if token is None:
        raise refused
    fields = {name: token.findtext(f"{{{_WSSE}}}{name}", "").strip() for name in ("Username", "Password", "Nonce")}
    created = token.findtext(f"{{{_WSU}}}Created", "").strip()
    try:
        nonce = base64.b64decode(fields["Nonce"], validate=True)
        moment = dt.datetime.fromisoformat(created)
    except (binascii.Error, ValueError):
        raise refused from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    password = password_of(fields["Username"])
    wanted = password_digest(nonce, created, password or "")
    right = hmac.compare_digest(fields["Password"].encode(), wanted.encode())
    if password is None or not right or abs((moment - now).total_seconds()) > _CLOCK_TOLERANCE_S:
        raise refused
