"""Fetch a camera's snapshot: one HTTP request, bounded, with the password only when the camera asks for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from khue.camera.auth import Authenticator
from khue.camera.control import PasswordRefused
from khue.model.errors import CameraError, CameraProtocolError, CameraRefused, CameraUnreachable

if TYPE_CHECKING:
    from aiohttp import StreamReader

MAX_PICTURE = 16 * 1024 * 1024


async def fetch_picture(url: str, username: str, password: str, *, timeout_s: float = 5.0) -> bytes:
    """The body, whatever it is. CameraUnreachable, CameraRefused or CameraProtocolError."""
    import aiohttp  # comes with ONVIF, and costs as little or much

    auth = Authenticator(username, password)
    parts = urlsplit(url)
    where = parts.netloc
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    try:
        async with asyncio.timeout(timeout_s), aiohttp.ClientSession(auto_decompress=False) as session:
            for attempt in (1, 2):
                authorization = auth.header("GET", path)
                headers = {"Authorization": authorization} if authorization else {}
                async with session.get(url, headers=headers, allow_redirects=False, ssl=False) as response:
                    if response.status == 200:
                        return await _body(response.content, where)
                    offered = response.headers.getall("WWW-Authenticate", ())
                    if response.status != 401:
                        raise CameraRefused(f"{where}: HTTP {response.status} instead of a picture")
                    if attempt == 2 or not auth.available or auth.challenge(offered) is None:
                        raise PasswordRefused(f"{where}: the password is refused for the picture")
    except CameraError:
        raise
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise CameraUnreachable(f"{where}: the picture cannot be fetched ({type(error).__name__})") from None
    raise AssertionError("two attempts end in a picture or an error")


async def _body(content: StreamReader, where: str) -> bytes:
    data = bytearray()
    async for chunk in content.iter_any():
        data += chunk
        if len(data) > MAX_PICTURE:
            raise CameraProtocolError(f"{where}: a picture of more than {MAX_PICTURE} bytes")
    return bytes(data)
