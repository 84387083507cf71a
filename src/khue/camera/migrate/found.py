"""What an existing system says about its cameras, in the words of the registry. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from khue.model.address import redact, strip_credentials
from khue.model.errors import KhueError

MAX_CAMERAS = 4096  # of one system
_LONGEST = 300
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,252})|[0-9a-f:]{2,39}(?:[0-9.]{7,15})?")
_TCVN3_U = "\u00ad"  # a soft hyphen to Unicode, and the letter ư of TCVN3
_NAME = 160  # leaves room for what makes it unlike the others
_MASKED = re.compile(r"\*+|x{6,}|•+", re.IGNORECASE)
# Names that a recorder gives by itself; forty recorders have the same.
_MADE_UP = re.compile(
    r"(?i)(ip|d|a|analog)?[\s_-]?(camera|cam|channel|kênh|kenh|ipc|ipcamera|ch|video|通道|摄像机|摄像头)[\s_-]*\d*"
)


class MigrationError(KhueError):
    """The old system's list cannot be read. Says where, and what to do about it."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One camera. Empty or None: the system does not say. URLs are without credentials.

    ``where`` is its place in the old system ("channel 3", "monitor 7"); ``says`` are sentences for whoever moves it.
    ``working`` is what the old system says of it.
    """

    where: str
    name: str = ""
    vendor: str = ""
    family: str = ""
    model: str = ""
    kind: str = ""
    megapixels: float | None = None
    serial: str = ""
    mac: str = ""
    host: str = ""
    lat: float | None = None
    lon: float | None = None
    address: str = ""
    enabled: bool = True
    working: bool | None = None
    rtsp_main: str = ""
    rtsp_sub: str = ""
    username: str = ""
    password: str = ""
    says: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Found({self.where!r}, {self.name!r})"


class LeftOut(msgspec.Struct, frozen=True):
    """What stands in the old system and is no camera to move, with the reason."""

    where: str
    name: str
    why: str


class CameraList(msgspec.Struct, frozen=True):
    """``system``: what it is; ``says``: sentences about all of it."""

    system: str
    cameras: tuple[Found, ...]
    left_out: tuple[LeftOut, ...] = ()
    says: tuple[str, ...] = ()


def made(
    system: str, cameras: Iterable[Found], left_out: Iterable[LeftOut] = (), says: Iterable[str] = ()
) -> CameraList:
    """The list with a name for every camera that nothing else in the city is likely to have. Raises MigrationError."""
    found = tuple(cameras)
    if len(found) > MAX_CAMERAS:
        raise MigrationError(f"{system}: more than {MAX_CAMERAS} cameras; no such system has that many")
    system = words(system)
    return CameraList(system, _named(system, found), tuple(left_out), tuple(says))


def _named(system: str, cameras: tuple[Found, ...]) -> tuple[Found, ...]:
    plain = [words(camera.name)[:_NAME].rstrip() for camera in cameras]
    unlike = [
        f"{name} ({system[:80]})" if _MADE_UP.fullmatch(name) else name or f"{camera.where} ({system[:80]})"
        for name, camera in zip(plain, cameras, strict=True)
    ]
    often = Counter(unlike)
    return tuple(
        msgspec.structs.replace(
            camera,
            name=f"{name} [{camera.where}]"[:200] if often[name] > 1 else name,
            says=tuple(dict.fromkeys(camera.says)),
        )
        for name, camera in zip(unlike, cameras, strict=True)
    )


def words(text: object) -> str:
    """Text for a cell: one line, composed, no control characters, nothing a spreadsheet would calculate."""
    if not isinstance(text, str):
        return ""
    text = unicodedata.normalize("NFC", text[: 4 * _LONGEST])
    plain = "".join(c if c.isprintable() or c == _TCVN3_U else " " for c in text)
    return redact(" ".join(plain.split())).lstrip("=+-@ ")[:_LONGEST].rstrip()


def text_of(data: bytes) -> str:
    """Text of a device that does not say its encoding: UTF-8, GB 2312 if it makes Chinese, else Latin letters.

    What was typed in TCVN3 or VNI stays as those letters; the import makes Vietnamese of it, column by column.
    GB 2312 and not its successors: their second bytes may be ASCII letters, and TCVN3 would pass for Chinese.
    """
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    return "\n".join(_line(line) for line in data.split(b"\n"))


def _line(data: bytes) -> str:
    for name in ("utf-8", "gb2312"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if name == "utf-8" or any("\u4e00" <= c <= "\u9fff" for c in text):
            return text
    return data.decode("latin-1")


def stream(url: object) -> tuple[str, str, str]:
    """(URL without credentials, user, password) of an RTSP address; three empty texts when it is none a node could open.

    A password that the old system shows as stars is none.
    """
    if not isinstance(url, str) or len(url) > 2000 or not url.isprintable() or " " in url.strip():
        return "", "", ""
    scheme, separator, rest = url.strip().partition("://")
    scheme = {"rtspx": "rtsps", "rtspt": "rtsp"}.get(scheme.lower(), scheme.lower())
    if not separator or scheme not in ("rtsp", "rtsps"):
        return "", "", ""
    bare, username, password = strip_credentials(f"{scheme}://{rest}")
    if not host_of(bare):
        return "", "", ""
    return bare, unmasked(username), unmasked(password)


def unmasked(secret: object) -> str:
    """Empty when stars stand for it."""
    return secret if isinstance(secret, str) and not _MASKED.fullmatch(secret) else ""


def host_of(url: str) -> str:
    """The host of a URL, in lower case; empty when there is none that could be one."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "") if parts.port != 0 else ""
    except ValueError:
        return ""
    return host if _HOST.fullmatch(host) else ""


def megapixels(width: object, height: object) -> float | None:
    """Of a picture, to a tenth; None when the size is unknown or unlikely."""
    if not isinstance(width, int) or not isinstance(height, int) or not (0 < width < 20_000 and 0 < height < 20_000):
        return None
    return round(width * height / 1e6, 1) or 0.1


def whole(text: object) -> int | None:
    """A count or a number as recorders write it; None when it is none."""
    if isinstance(text, str) and text.strip().isascii() and text.strip().isdigit() and len(text.strip()) < 10:
        return int(text)
    return text if isinstance(text, int) and not isinstance(text, bool) else None


def row(system: str, camera: Found, *, with_secrets: bool) -> dict[str, str]:
    """Canonical headings to cells, empty ones left out; the note says where the camera came from.

    User and password stand inside the addresses, escaped: in cells of their own a spreadsheet would round 0123 and
    calculate =1+1, and an import would refuse the latter.
    """
    values: Mapping[str, Any] = msgspec.structs.asdict(camera)
    cells = {field: str(values[field]) for field in _CELLS if values[field] not in (None, "")}
    if with_secrets and (camera.username or camera.password):
        who = f"{quote(camera.username, safe='')}:{quote(camera.password, safe='')}@"
        for field in ("rtsp_main", "rtsp_sub"):
            if field in cells:
                cells[field] = cells[field].replace("://", f"://{who}", 1)
    if camera.working is not None:
        cells["declared_working"] = "yes" if camera.working else "no"
    note = f"{system}: {camera.where}" if system else camera.where
    return cells | {"enabled": "yes" if camera.enabled else "no", "note": note}


_CELLS = (
    *("name", "vendor", "family", "model", "kind", "megapixels", "serial", "mac", "host", "lat", "lon", "address"),
    *("rtsp_main", "rtsp_sub"),
)
