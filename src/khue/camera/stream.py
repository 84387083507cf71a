"""A non-blocking socket to a camera, plain or TLS, driven by asyncio until it is handed to the recording loop.

asyncio's own transports are not used because the recording loop calls ``recv_into`` on the bare socket.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from khue.model.coverage import GapCause
from khue.model.errors import CameraError, CameraProtocolError, CameraUnreachable

Address = tuple[int, tuple[Any, ...]]  # socket family and address, as getaddrinfo gives them
Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]

_T = TypeVar("_T")
_READ_SIZE = 65536


class Stream:
    """Bytes to and from one camera. Every wait is bounded by the caller (``asyncio.timeout``)."""

    def __init__(self, sock: socket.socket, where: str) -> None:
        self.sock = sock
        self.where = where

    async def read(self) -> bytes:
        """At least one byte; CameraUnreachable when the camera closed or the network failed."""
        try:
            data = await _when_ready(self.sock, functools.partial(self.sock.recv, _READ_SIZE), write=False)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            data = b""
        except OSError as error:
            raise broken(self.where, error) from None
        if not data:
            raise CameraUnreachable(
                f"{self.where}: the camera closed the connection before it answered; "
                "it may have too many viewers or be restarting",
                cause=GapCause.CAMERA,
            )
        return data

    async def write(self, data: bytes) -> None:
        """All of ``data``."""
        rest = memoryview(data)
        try:
            while rest:
                sent = await _when_ready(self.sock, functools.partial(self.sock.send, rest), write=True)
                rest = rest[sent:]
        except OSError as error:
            raise broken(self.where, error) from None

    def write_now(self, data: bytes) -> None:
        """What fits into the socket's buffer, without waiting; for goodbyes that nobody depends on."""
        try:
            self.sock.send(data)
        except OSError:
            return  # the connection is gone, and the goodbye with it

    def close(self) -> None:
        self.sock.close()


async def connect(
    host: str, port: int, *, tls: bool, tls_verify: bool, timeout_s: float, resolve: Resolver | None = None
) -> Stream:
    """A connection within ``timeout_s``, name look-up and TLS handshake included; else CameraUnreachable."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout_s):
            sock = await _connect_any(where, await _look_up(host, port, where, resolve))
            if not tls:
                return Stream(sock, where)
            return Stream(await _start_tls(sock, host, where, tls_verify), where)
    except TimeoutError:
        raise CameraUnreachable(
            f"{where}: no answer within {timeout_s:g} s; check that the camera has power and network, "
            "its address, and that no firewall lies between"
        ) from None


def broken(where: str, error: OSError) -> CameraError:
    """Words and cause for a network error on an open connection."""
    if isinstance(error, ssl.SSLError):
        return CameraProtocolError(f"{where}: TLS failed ({error.reason or 'broken record'})")
    reset = isinstance(error, ConnectionResetError | BrokenPipeError)
    return CameraUnreachable(
        f"{where}: the connection broke ({_reason(error)})", cause=GapCause.CAMERA if reset else GapCause.LINK
    )


async def _look_up(host: str, port: int, where: str, resolve: Resolver | None) -> Sequence[Address]:
    try:
        addresses = await (resolve or _resolve)(host, port)
    except (OSError, UnicodeError) as error:
        reason = _reason(error) if isinstance(error, OSError) else "not a host name"
        raise CameraUnreachable(f"{where}: name not found ({reason}); check its spelling and the DNS") from None
    if not addresses:
        raise CameraUnreachable(f"{where}: the name has no address")
    return addresses


async def _resolve(host: str, port: int) -> Sequence[Address]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


async def _connect_any(where: str, addresses: Sequence[Address]) -> socket.socket:
    last: OSError | None = None
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, address)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise _no_connection(where, last)


def _no_connection(where: str, error: OSError | None) -> CameraUnreachable:
    if isinstance(error, ConnectionRefusedError):
        return CameraUnreachable(
            f"{where}: connection refused: the device is on the network but nothing listens on this port; "
            "check the port and that the service is switched on",
            cause=GapCause.CAMERA,
        )
    return CameraUnreachable(
        f"{where}: cannot connect ({_reason(error)}); check the address and the network to the camera"
    )


async def _start_tls(sock: socket.socket, host: str, where: str, verify: bool) -> ssl.SSLSocket:
    context = _context(verify)
    try:
        wrapped = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    except (OSError, ValueError):
        sock.close()
        raise CameraUnreachable(f"{where}: cannot start TLS with this address") from None
    try:
        await _when_ready(wrapped, wrapped.do_handshake, write=False)
    except ssl.SSLCertVerificationError as error:
        wrapped.close()
        raise CameraUnreachable(
            f"{where}: its certificate is not trusted ({error.verify_message}); install one of the site's authority "
            "on the camera, or switch verification off for it",
            cause=GapCause.CAMERA,
        ) from None
    except OSError as error:
        wrapped.close()
        reason = getattr(error, "reason", None) or _reason(error)
        raise CameraUnreachable(
            f"{where}: TLS handshake failed ({reason}); is this the encrypted port (rtsps, mostly 322)?",
            cause=GapCause.CAMERA,
        ) from None
    except BaseException:
        wrapped.close()
        raise
    return wrapped


@functools.cache
def _context(verify: bool) -> ssl.SSLContext:
    if verify:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # cameras come with self-signed certificates; the wire is still encrypted
    return context


def _reason(error: OSError | None) -> str:
    if error is None:
        return "unknown reason"
    if isinstance(error, socket.gaierror):
        return error.strerror or "unknown name"
    code = errno.errorcode.get(error.errno or 0, "")
    return error.strerror or code or type(error).__name__


async def _when_ready(sock: socket.socket, operation: Callable[[], _T], *, write: bool) -> _T:
    """The result of a non-blocking operation, tried again whenever the socket is ready for it."""
    while True:
        try:
            return operation()
        except ssl.SSLWantReadError:
            await _ready(sock, write=False)
        except ssl.SSLWantWriteError:
            await _ready(sock, write=True)
        except (BlockingIOError, InterruptedError):
            await _ready(sock, write=write)


async def _ready(sock: socket.socket, *, write: bool) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(sock.fileno(), _resolve_once, ready)
    try:
        await ready
    finally:
        remove(sock.fileno())


def _resolve_once(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
