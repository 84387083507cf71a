"""Frigate's cameras, from its configuration (YAML or JSON). Pure; ``frigate_live`` fetches the configuration.

Frigate mostly pulls a camera once, by go2rtc, and reads that back from itself: an input ``rtsp://127.0.0.1:8554/name``
stands for the first source of the stream ``name``. What is moved is the camera's own address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from khue.camera.migrate import yaml_text
from khue.camera.migrate.brands import family_of
from khue.camera.migrate.found import (
    MAX_CAMERAS,
    CameraList,
    Found,
    LeftOut,
    MigrationError,
    host_of,
    made,
    megapixels,
    stream,
    unmasked,
    words,
)
from khue.model.address import strip_credentials

_PLACE = re.compile(r"\{(FRIGATE_[A-Za-z0-9_]{1,100})\}|\$\{([A-Za-z_][A-Za-z0-9_]{0,100})(?::[^}]*)?\}")
_OPTIONS = re.compile(r"(?:#[a-z_]+(?:=[^#]*)?)+$")  # go2rtc's, behind a source
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1", "0.0.0.0", "go2rtc", "frigate"})
_DEEPEST = 8


class _Source(NamedTuple):
    """Where a camera's pictures come from: an RTSP address, or why there is none."""

    url: str = ""
    username: str = ""
    password: str = ""
    why: str = ""


def parse_environment(text: str) -> dict[str, str]:
    """An environment file as containers read it: NAME=VALUE lines, ``#`` comments, one pair of quotes."""
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match and not line.lstrip().startswith("#"):
            value = match[2]
            quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
            found[match[1]] = value[1:-1] if quoted else value
    return found


def parse(data: bytes, *, environment: Mapping[str, str] | None = None, host: str = "") -> CameraList:
    """``config.yml``, ``config.json`` or the answer of ``/api/config``. Raises MigrationError.

    ``environment`` fills the places ``{FRIGATE_...}``; without it such a camera comes without that word. ``host`` is where
    Frigate itself is: an address there is a restream too.
    """
    config = yaml_text.load(data, "Frigate's configuration")
    cameras = config.get("cameras") if isinstance(config, dict) else None
    if not isinstance(cameras, dict):
        raise MigrationError("Frigate's configuration: it has no `cameras`; give config.yml, or Frigate's address")
    if len(cameras) > MAX_CAMERAS:
        raise MigrationError(f"Frigate's configuration: more than {MAX_CAMERAS} cameras")
    reader = _Reader(config, environment or {}, host)
    found, left_out = [], []
    for key, camera in cameras.items():
        if not isinstance(camera, dict):
            left_out.append(LeftOut(words(str(key)), "", "it has no settings"))
        else:
            found.append(reader.camera(str(key), camera))
    return made(f"Frigate {host}".rstrip(), found, left_out, reader.says())


class _Reader:
    def __init__(self, config: dict[Any, Any], environment: Mapping[str, str], host: str) -> None:
        go2rtc = _part(config, "go2rtc")
        self._streams = _part(go2rtc, "streams")
        listen = str(_part(go2rtc, "rtsp").get("listen") or ":8554")
        self._port = int(listen[-5:].rpartition(":")[2]) if listen[-5:].rpartition(":")[2].isdecimal() else 8554
        self._environment = environment
        self._hosts = _LOCAL | ({host} if host else set())
        self._missing: set[str] = set()

    def says(self) -> Iterator[str]:
        if self._missing:
            names = ", ".join(sorted(self._missing))
            yield f"not given: {names}; --env-file FILE names the file that Frigate's container gets them from"

    def camera(self, key: str, camera: dict[Any, Any]) -> Found:
        by_role = self._inputs(camera)
        main, sub = by_role.get("record") or by_role.get("detect"), by_role.get("detect")
        main = main or next(iter(by_role.values()), _Source(why="it has no inputs"))
        if sub is None or sub.url == main.url:
            sub = _Source()
        onvif, detect = _part(camera, "onvif"), _part(camera, "detect")
        host = host_of(main.url) or words(unmasked(onvif.get("host")))
        size = detect if not sub.url else {}  # with a stream of its own, detection tells nothing of the main one
        name = camera.get("friendly_name") or key.replace("_", " ")
        return Found(
            where=f"camera {words(key)}",
            name=str(name),
            family=family_of(main.url),
            kind="ptz" if _part(onvif, "autotracking").get("enabled") is True else "",
            megapixels=megapixels(size.get("width"), size.get("height")),
            host="" if "{" in host else host,
            enabled=camera.get("enabled") is not False,
            rtsp_main=main.url,
            rtsp_sub=sub.url if main.url else "",
            username=main.username or sub.username,
            password=main.password or sub.password,
            says=tuple(filter(None, (main.why, sub.why, *_differ(main, sub)))),
        )

    def _inputs(self, camera: dict[Any, Any]) -> dict[str, _Source]:
        """Role -> source; the first input with a role has it."""
        found: dict[str, _Source] = {}
        inputs = _part(camera, "ffmpeg").get("inputs")
        for number, item in enumerate(inputs if isinstance(inputs, list) else []):
            if number >= 8 or not isinstance(item, dict):
                continue
            roles = item.get("roles")
            source = self._source(item.get("path"), 0)
            for role in roles if isinstance(roles, list) else [roles or "detect"]:
                found.setdefault(str(role), source)
        return found

    def _source(self, path: object, depth: int) -> _Source:
        """Follow restreams and go2rtc's forms to the camera."""
        if not isinstance(path, str) or depth > _DEEPEST:
            return _Source(why="its stream leads back to itself" if depth > _DEEPEST else "its input has no path")
        path = path.strip().removeprefix("ffmpeg:")
        plain = _OPTIONS.sub("", path)
        named = plain if plain in self._streams else self._restream(plain)
        if named is not None:
            sources = self._streams.get(named)
            listed = sources if isinstance(sources, list) else [sources]
            tried = [self._source(one, depth + 1) for one in listed[:_DEEPEST]]
            good = (source for source in tried if source.url)
            return next(good, tried[0] if tried else _Source(why=f"stream {words(named)} of go2rtc is empty"))
        return self._own(plain)

    def _restream(self, path: str) -> str | None:
        """The name of go2rtc's stream that an address of Frigate itself stands for."""
        try:
            parts = urlsplit(path)
            port = parts.port
        except ValueError:
            return None
        name = unquote(parts.path.strip("/"))
        if parts.scheme != "rtsp" or port != self._port or parts.hostname not in self._hosts:
            return None
        return name if name in self._streams else None

    def _own(self, path: str) -> _Source:
        missing: set[str] = set()

        def fill(place: re.Match[str]) -> str:
            name = place[1] or place[2]
            if name not in self._environment:
                missing.add(name)
            # It stands in a URL, so what is escaped in it means what it means there.
            return unquote(self._environment.get(name, place[0]))

        # Taken apart before it is filled: a password may hold whatever would end it.
        url, username, password = (_PLACE.sub(fill, part) for part in strip_credentials(path))
        self._missing |= missing
        if _PLACE.search(url):
            return _Source(why=f"part of its address is a secret that was not given ({', '.join(sorted(missing))})")
        url = stream(url)[0]
        if not url:
            scheme = path.partition(":")[0][:20]
            kind = words(scheme) if scheme.isalnum() else "no"
            return _Source(why=f"its pictures come over {kind} source, not RTSP; find its RTSP address by a probe")
        username = "" if _PLACE.search(username) else unmasked(username)
        password = "" if _PLACE.search(password) else unmasked(password)
        why = f"without its password: {', '.join(sorted(missing))} was not given" if missing else ""
        return _Source(url, username, password, why)


def _differ(main: _Source, sub: _Source) -> Iterator[str]:
    if sub.url and (main.username, main.password) != (sub.username, sub.password) and sub.password and main.password:
        yield "its two streams have different passwords; that of the main one is moved"


def _part(config: Mapping[Any, Any], name: str) -> dict[Any, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}
