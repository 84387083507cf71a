"""RTSP 1.0 messages (RFC 2326 §6, §7): bytes in, values out, no I/O.

Cameras end lines with LF alone, fold and repeat headers, write names in any case and leave out reason phrases; all
that is accepted. Sizes are bounded, so a hostile camera costs a bounded amount of memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from khue.model.errors import CameraProtocolError

MAX_HEADER = 16 * 1024
MAX_BODY = 256 * 1024
MAX_HEADERS = 100
USER_AGENT = "khue"
DEFAULT_SESSION_TIMEOUT_S = 60.0  # RFC 2326 §12.37

_STATUS_LINE = re.compile(r"RTSP/\d\.\d\s+(\d{3})(?:\s+(.*))?$", re.IGNORECASE)
_REQUEST_LINE = re.compile(r"([A-Z_]{4,16})\s+(\S+)\s+RTSP/\d\.\d\s*$")
_SESSION_TIMEOUT = re.compile(r";\s*timeout\s*=\s*\"?(\d{1,6})", re.IGNORECASE)


class Headers:
    """Header fields in the order they came; names compare without case."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple((name.lower(), value) for name, value in fields)

    def get(self, name: str, default: str = "") -> str:
        """The first value of this name."""
        return next((value for key, value in self._fields if key == name.lower()), default)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of this name."""
        return tuple(value for key, value in self._fields if key == name.lower())

    def __contains__(self, name: str) -> bool:
        return any(key == name.lower() for key, _ in self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class Message(NamedTuple):
    """A response (``status`` > 0) or, rarely, a request the camera makes of us (``method`` set)."""

    status: int
    reason: str
    method: str
    headers: Headers
    body: bytes

    @property
    def cseq(self) -> int | None:
        """The number of the request this answers; None when missing or not a number."""
        text = self.headers.get("CSeq").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def build_request(method: str, url: str, cseq: int, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A request without body. Line breaks in a value would forge headers, so they are refused (ValueError)."""
    lines = [f"{method} {url} RTSP/1.0", f"CSeq: {cseq}", f"User-Agent: {USER_AGENT}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if any("\r" in line or "\n" in line for line in lines) or " " in url:
        raise ValueError("a line break or space where RTSP allows none")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def parse_message(data: bytes | bytearray, offset: int = 0) -> tuple[Message, int] | None:
    """The message that starts at ``offset`` and the offset after it; None while it is incomplete.

    CameraProtocolError when it is no RTSP message or larger than the bounds above.
    """
    lines, body_start = _header_lines(data, offset)
    if body_start < 0:
        return None
    status, reason, method = _parse_start_line(lines[0], offset)
    headers = Headers(_fields(lines[1:]))
    length = _content_length(headers, offset)
    if len(data) - body_start < length:
        return None
    end = body_start + length
    return Message(status, reason, method, headers, bytes(data[body_start:end])), end


def parse_session(value: str) -> tuple[str, float]:
    """(session id, seconds until the camera forgets it) of a Session header (RFC 2326 §12.37)."""
    found = _SESSION_TIMEOUT.search(value)
    timeout = float(found.group(1)) if found else 0.0
    return value.partition(";")[0].strip(), timeout if timeout > 0 else DEFAULT_SESSION_TIMEOUT_S


def _header_lines(data: bytes | bytearray, offset: int) -> tuple[list[str], int]:
    """Lines up to the empty one, and where the body starts (-1: incomplete). Leading empty lines are skipped."""
    lines: list[str] = []
    position = offset
    limit = offset + MAX_HEADER
    while (end := data.find(b"\n", position, limit)) >= 0:
        line = data[position:end].rstrip(b"\r")
        position = end + 1
        if line:
            lines.append(line.decode("utf-8", "replace").replace("\r", " "))
            if len(lines) > MAX_HEADERS:
                raise CameraProtocolError(f"more than {MAX_HEADERS} header lines at byte {offset}")
        elif lines:
            return lines, position
    if len(data) >= limit:
        raise CameraProtocolError(f"headers longer than {MAX_HEADER} bytes at byte {offset}")
    return lines, -1


def _parse_start_line(line: str, offset: int) -> tuple[int, str, str]:
    if found := _STATUS_LINE.match(line):
        return int(found.group(1)), (found.group(2) or "").strip(), ""
    if found := _REQUEST_LINE.match(line):
        return 0, "", found.group(1)
    if line.upper().startswith("HTTP/"):
        raise CameraProtocolError(
            "it answered HTTP, not RTSP: this is a web port; use the camera's RTSP port, mostly 554"
        )
    raise CameraProtocolError(f"no RTSP message at byte {offset}: it starts with {line[:24]!r}")


def _fields(lines: Sequence[str]) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for line in lines:
        if line[0] in " \t" and fields:  # folded: belongs to the field before
            name, value = fields[-1]
            fields[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon and name.strip():
            fields.append((name.strip(), value.strip()))
    return fields


def _content_length(headers: Headers, offset: int) -> int:
    values = {value.strip() for value in headers.all("Content-Length")}
    if not values:
        return 0
    text = values.pop()
    if values or not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise CameraProtocolError(f"Content-Length is not one number, in the message at byte {offset}")
    if int(text) > MAX_BODY:
        raise CameraProtocolError(f"a body of {text} bytes announced at byte {offset}; at most {MAX_BODY} are taken")
    return int(text)
