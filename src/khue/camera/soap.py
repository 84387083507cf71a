"""The one place where the ONVIF library is touched: calls go in, its errors come out as ours.

The library (onvif-zeep-async over zeep) knows the WSDL; this module bounds it: answers have a largest size, are never
decompressed, redirected or allowed a document type, every call has a time limit, and HTTP digest is answered as well
as WS-Security. Importing it costs about 0.6 s and 44 MB, so nothing imports it before a camera is asked over ONVIF.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib.resources
import logging
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import zeep.exceptions
from lxml import etree  # type: ignore[import-untyped]

from khue.camera.auth import Authenticator
from khue.camera.control import PasswordRefused
from khue.model.address import redact
from khue.model.coverage import GapCause
from khue.model.errors import CameraError, CameraProtocolError, CameraRefused, CameraUnreachable

# The library configures the root logger when it is imported, which is the program's business and not a library's.
_root_handlers, _root_level = logging.root.handlers[:], logging.root.level
from onvif import SERVICES, ONVIFService  # noqa: E402
from onvif.exceptions import ONVIFError  # noqa: E402
from onvif.util import is_auth_error  # noqa: E402

logging.root.handlers[:] = _root_handlers
logging.root.setLevel(_root_level)

MAX_ANSWER = 1024 * 1024
_MALFORMED = (
    zeep.exceptions.Error,
    ONVIFError,
    etree.LxmlError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)


class _Answer(NamedTuple):
    """What zeep reads of an HTTP response."""

    status_code: int
    content: bytes
    headers: dict[str, str]
    encoding: str = "utf-8"


class _BoundedTransport:
    """What zeep needs of a transport, over the library's aiohttp session."""

    cache = None

    def __init__(self, session: aiohttp.ClientSession, auth: Authenticator, where: str, verify: bool) -> None:
        self.session = session
        self._auth = auth
        self._where = where
        self._verify = verify

    async def post_xml(self, address: str, envelope: etree._Element, headers: dict[str, str]) -> _Answer:
        body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        challenged = False
        while True:
            status, content, challenge = await self._post(address, body, headers)
            if status != 401:
                return self._checked(status, content)
            if challenged or not self._auth.available or self._auth.challenge(challenge) is None:
                raise PasswordRefused(
                    f"{self._where}: ONVIF answered 401: user name or password refused; check them, and that the "
                    "camera has a user with ONVIF rights (many keep ONVIF users apart)"
                )
            challenged = True

    async def aclose(self) -> None:
        """The session belongs to the service, which closes it."""

    def load(self, url: str) -> bytes:
        raise CameraProtocolError(f"{self._where}: its answer refers to a document elsewhere; nothing is fetched")

    async def _post(self, address: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, tuple[str, ...]]:
        sent = {**headers, "Accept-Encoding": "identity", "User-Agent": "khue"}
        sent.setdefault("Content-Type", "application/soap+xml; charset=utf-8")
        if authorization := self._auth.header("POST", _path(address)):
            sent["Authorization"] = authorization
        options: dict[str, Any] = {"ssl": True} if self._verify else {}
        async with self.session.post(
            address, data=body, headers=sent, allow_redirects=False, auto_decompress=False, **options
        ) as response:
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > MAX_ANSWER:
                    raise CameraProtocolError(f"{self._where}: an ONVIF answer of more than {MAX_ANSWER} bytes")
            return response.status, bytes(content), tuple(response.headers.getall("WWW-Authenticate", ()))

    def _checked(self, status: int, content: bytes) -> _Answer:
        if status == 403:
            raise CameraRefused(f"{self._where}: ONVIF answered 403: this user has no right to it")
        if status not in (200, 400, 500):  # SOAP faults come with 400 and 500
            raise CameraProtocolError(f"{self._where}: HTTP {status} where ONVIF was expected; check the port")
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise CameraProtocolError(f"{self._where}: an ONVIF answer with a document type, which may hide a bomb")
        return _Answer(status, content, {"Content-Type": "application/soap+xml"})


class Service:
    """One ONVIF service of one camera; ``name`` is ``devicemgmt``, ``media`` or ``ptz``."""

    def __init__(self, name: str, where: str, timeout_s: float, inner: ONVIFService) -> None:
        self._name = name
        self._where = where
        self._timeout_s = timeout_s
        self._inner = inner

    @classmethod
    async def open(
        cls,
        name: str,
        url: str,
        username: str,
        password: str,
        *,
        where: str,
        timeout_s: float,
        clock_offset: dt.timedelta = dt.timedelta(),
        tls_verify: bool = False,
    ) -> Service:
        """Ready to call. ``clock_offset`` is the camera's clock minus ours; WS-Security timestamps carry it."""
        definition = SERVICES[name]
        wsdl = importlib.resources.files("onvif.wsdl").joinpath(definition["wsdl"])
        inner = ONVIFService(
            url,
            username or None,
            password,
            str(wsdl),
            no_cache=True,
            dt_diff=clock_offset,
            binding_name=f"{{{definition['ns']}}}{definition['binding']}",
        )
        auth = Authenticator(username, password)
        inner.transport = _BoundedTransport(inner.transport.session, auth, where, tls_verify)
        try:
            await inner.setup()
        except BaseException:
            await inner.close()
            raise
        return cls(name, where, timeout_s, inner)

    async def close(self) -> None:
        await self._inner.close()

    async def call(self, operation: str, parameters: dict[str, Any] | None = None, *, anonymous: bool = False) -> Any:
        """The answer as zeep gives it. CameraUnreachable, CameraRefused or CameraProtocolError."""
        without_user = anonymous or not self._inner.user
        function = getattr(self._inner, f"authless_{operation}" if without_user else operation)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await function(parameters)
        except CameraError:
            raise
        except TimeoutError:
            raise CameraUnreachable(
                f"{self._where}: no answer to ONVIF {operation} within {self._timeout_s:g} s", cause=GapCause.CAMERA
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise CameraUnreachable(
                f"{self._where}: ONVIF {operation} failed: {_words(error)}; check the address and the ONVIF port"
            ) from None
        except zeep.exceptions.Fault as fault:
            raise self._refused(operation, fault) from None
        except _MALFORMED as error:
            raise CameraProtocolError(
                f"{self._where}: the answer to ONVIF {operation} cannot be read ({type(error).__name__})"
            ) from None

    def _refused(self, operation: str, fault: zeep.exceptions.Fault) -> CameraRefused:
        if is_auth_error(fault):
            return PasswordRefused(
                f"{self._where}: ONVIF {operation}: user name or password refused; check them, and that the camera "
                "has a user with ONVIF rights (many keep ONVIF users apart)"
            )
        return CameraRefused(f"{self._where}: ONVIF {operation} refused: {_words(fault)}")


def _path(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(("", "", parts.path, parts.query, ""))


def _words(error: Exception) -> str:
    text = redact(str(error) or type(error).__name__)
    return "".join(c if c.isprintable() else " " for c in text)[:200]
