"""Where a device answers ONVIF: the port its address names, else the ports the catalogue knows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from khue.camera.catalogue import onvif_ports
from khue.camera.stream import connect
from khue.model.errors import CameraError, CameraRefused
from khue.model.time import Clock

if TYPE_CHECKING:
    from khue.camera.onvif import OnvifCamera

_PORT_S = 1.5


def ports_of(url: str) -> tuple[int, ...]:
    """Ports to try for an address without credentials, the likeliest first."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return onvif_ports()
    try:
        port = parts.port
    except ValueError:
        port = None
    if port:
        return (port,)
    return (443,) if parts.scheme == "https" else onvif_ports()


async def find_onvif(url: str, username: str, password: str, *, timeout_s: float, clock: Clock) -> OnvifCamera | None:
    """The first open port that tells the time over ONVIF; the caller closes it. None when nothing answers."""
    parts, ports = urlsplit(url), ports_of(url)
    host = parts.hostname or ""
    are_open = await asyncio.gather(*(_is_open(host, port, min(_PORT_S, timeout_s)) for port in ports))
    candidates = [port for port, is_open in zip(ports, are_open, strict=True) if is_open]
    if not candidates:
        return None
    from khue.camera.onvif import OnvifCamera  # costly to import, see khue.camera.soap

    for port in candidates:
        camera = OnvifCamera(
            host,
            port,
            username,
            password,
            # The device service's path, where the address names one and not the camera's web page.
            path=parts.path if url.startswith("http") and "onvif" in parts.path.lower() else "",
            tls=parts.scheme == "https" or port == 443,
            timeout_s=timeout_s,
            clock=clock,
        )
        try:
            return await camera.__aenter__()
        except CameraRefused:
            return camera  # it speaks ONVIF and wants the password even for the time
        except CameraError:
            await camera.close()
    return None


async def _is_open(host: str, port: int, timeout_s: float) -> bool:
    try:
        stream = await connect(host, port, tls=False, tls_verify=False, timeout_s=timeout_s)
    except CameraError:
        return False
    stream.close()
    return True
