"""Addresses of devices: MAC in any punctuation, IP with or without a port, RTSP links with credentials inside."""

from __future__ import annotations

import ipaddress
import re

from khue.model.address import strip_credentials

_HEX = re.compile(r"[0-9a-f]{12}")
_NOT_HEX = re.compile(r"[^0-9a-zA-Z]+")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+", re.IGNORECASE)
_IPV4 = re.compile(r"[0-9]{1,4}(?:\s*[.,]\s*[0-9]{1,4}){3}")
_STREAM = re.compile(r"(?:rtsps?|rtmps?|https?|srt)://\S+", re.IGNORECASE)


def read_mac(text: str) -> str | None:
    """``aa:bb:cc:dd:ee:ff``; "" for one that no device has (all zeros, all ones); None when it is none."""
    groups = _NOT_HEX.split(text.lower().removeprefix("mac").strip(" :="))
    if len(groups) == 6:
        groups = [group.zfill(2) for group in groups]  # a4:14:37:1:2:3
    digits = "".join(groups)
    if _HEX.fullmatch(digits) is None:
        return None
    if digits in ("0" * 12, "f" * 12):
        return ""
    return ":".join(digits[index : index + 2] for index in range(0, 12, 2))


def read_host(text: str) -> tuple[str, bool] | None:
    """(IP address or host name, whether a port or a scheme was left out); None when it is neither."""
    plain = text.strip().rstrip("/.")
    left_out = False
    if "://" in plain:
        plain = strip_credentials(plain)[0].partition("://")[2].partition("/")[0]
        left_out = True
    if found := _IPV4.match(plain):
        tail = plain[found.end() :].strip()
        if tail and not re.fullmatch(r"(?::\s*[0-9]{1,5}|/[0-9]{1,2}|\s*\(.*\))(?:/.*)?", tail):
            return None
        return _ipv4(found.group(), left_out or bool(tail))
    host, colon, port = plain.rpartition(":")
    if colon and port.isdecimal() and ":" not in host:
        plain, left_out = host, True
    if _HOST.fullmatch(plain) and not plain.replace(".", "").isdecimal():
        return plain.lower(), left_out
    try:
        return ipaddress.IPv6Address(plain.strip("[]")).compressed, left_out
    except ValueError:
        return None


def _ipv4(text: str, left_out: bool) -> tuple[str, bool] | None:
    numbers = [int(part) for part in re.split(r"\s*[.,]\s*", text)]
    if any(value > 255 for value in numbers) or numbers[0] == 0:
        return None
    return ".".join(map(str, numbers)), left_out


def read_stream(text: str) -> tuple[str, str, str] | None:
    """(address without credentials, user, password) of a stream's link; None when the text is none."""
    found = _STREAM.fullmatch(text.strip())
    return strip_credentials(found.group()) if found else None
