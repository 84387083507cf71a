"""Keep credentials out of everything a person or a log sees.

Credentials hide in two places of a camera's URL: before the host (``user:password@``) and, with some families, in the
path or query (``/user=admin&password=x&channel=1``). The first kind is taken out and sent by the protocol's own
authentication; of the second kind only the places ``{user}`` and ``{pw}`` are kept, filled in when a request is sent.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

_MASK = "***"
_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{0,15}://[^\s<>\"']+")
# Xiongmai separates with & or _ ; values end at either, so that what follows stays readable.
_PATH_USER = re.compile(r"(?i)(?<=[/?&_;])(user|username|usr|account|login)=([^&/?\s;]*?)(?=[&/?\s;]|_pass|$)")
_PATH_PASSWORD = re.compile(r"(?i)(?<=[/?&_;])(password|passwd|pass|pwd|pw)=([^&/?\s;]*?)(?=[&/?\s;]|_channel|$)")
_AUTHORIZATION = re.compile(r"(?i)\b((?:proxy-)?authorization\s*:\s*)[^\r\n]+")
_PLACES = ("{user}", "{pw}")


def strip_credentials(url: str) -> tuple[str, str, str]:
    """(URL without credentials, user name, password); empty strings when it has none.

    A password may hold ``@``, or ``/``, ``?`` and ``#``, that nobody escaped; only with both kinds in one password it
    cannot be told where it ends, and has to be escaped.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url, "", ""
    userinfo, rest = _split_userinfo(rest)
    username, _, password = userinfo.partition(":")
    username, password = unquote(username), unquote(password)
    in_path_user = _first_value(_PATH_USER, rest)
    in_path_password = _first_value(_PATH_PASSWORD, rest)
    if in_path_password:
        rest = _PATH_USER.sub(r"\1={user}", rest)
        rest = _PATH_PASSWORD.sub(r"\1={pw}", rest)
    return (
        f"{scheme}://{rest}",
        username or (unquote(in_path_user) if in_path_password else ""),
        password or unquote(in_path_password),
    )


def fill_credentials(url: str, username: str, password: str) -> str:
    """The URL to send: ``{user}`` and ``{pw}`` replaced, for families whose path carries credentials."""
    return url.replace("{user}", quote(username, safe="")).replace("{pw}", quote(password, safe=""))


def redact(text: str) -> str:
    """The same text with every credential in a URL, a path or an Authorization header masked."""
    text = _URL.sub(lambda found: _redact_userinfo(found.group()), text)
    text = _PATH_USER.sub(_mask, text)
    text = _PATH_PASSWORD.sub(_mask, text)
    return _AUTHORIZATION.sub(rf"\1{_MASK}", text)


def _split_userinfo(rest: str) -> tuple[str, str]:
    end = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
    userinfo, at, host = rest[:end].rpartition("@")
    if at:
        return userinfo, host + rest[end:]
    _, colon, port = host.rpartition(":")
    if colon and not port.isdigit() and not host.endswith("]") and "@" in rest:
        userinfo, _, rest = rest.rpartition("@")
        return userinfo, rest
    return "", rest


def _first_value(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return "" if found is None or found.group(2) in _PLACES else found.group(2)


def _redact_userinfo(url: str) -> str:
    """Masked up to the last ``@``: the password may hold one, and then too much masked is better than too little."""
    scheme, _, rest = url.partition("://")
    if not _split_userinfo(rest)[0]:
        return url
    return f"{scheme}://{_MASK}@{rest.rpartition('@')[2]}"


def _mask(found: re.Match[str]) -> str:
    return found.group() if found.group(2) in _PLACES else f"{found.group(1)}={_MASK}"
