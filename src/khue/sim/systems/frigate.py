"""A Frigate: the configuration its administrator wrote, and the web interface that shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from khue.sim.http import HttpReply, HttpRequest
from khue.sim.systems.channels import SimChannel
from khue.sim.systems.web import SimWeb

_WHO = re.compile(r"://[^@/]*@")
SECRET = "FRIGATE_RTSP_PASSWORD"


def frigate_config(channels: Sequence[SimChannel], *, placeholder: bool = False) -> str:
    """``config.yml`` in the ways people write it, in turn: over go2rtc, over go2rtc's ffmpeg, straight, through an anchor.

    ``placeholder``: passwords stand in the container's environment instead (`environment_file`).
    """
    streams: dict[str, Any] = {}
    cameras: dict[str, Any] = {}
    for turn, channel in enumerate(one for one in channels if one.camera is not None):
        key = f"cam_{channel.number}"
        main, sub = (_url(channel, kind, placeholder) for kind in ("main", "sub"))
        inputs = [{"path": main, "roles": ["record"]}, {"path": sub, "roles": ["detect"]}]
        if turn % 4 == 0:
            streams |= {key: [main, f"ffmpeg:{key}#audio=opus"], f"{key}_sub": sub}
        elif turn % 4 == 1:
            streams |= {key: f"ffmpeg:{main}#video=copy#audio=aac", f"{key}_sub": [f"{sub}#backchannel=0"]}
        if key in streams:
            inputs = [
                {"path": f"rtsp://127.0.0.1:8554/{key}", "input_args": "preset-rtsp-restream", "roles": ["record"]},
                {"path": f"rtsp://127.0.0.1:8554/{key}_sub?video=copy", "roles": ["detect", "audio"]},
            ]
        elif not sub:
            inputs = [{"path": main, "roles": ["detect", "record"]}]
        cameras[key] = {"friendly_name": channel.name, "enabled": channel.online, "ffmpeg": {"inputs": inputs}}
        cameras[key]["detect"] = {"width": 640, "height": 360, "fps": 5}
    body = {"mqtt": {"enabled": False}, "go2rtc": {"streams": streams}, "cameras": cameras, "version": "0.16-0"}
    return f"# Frigate\n{yaml.safe_dump(body, allow_unicode=True, sort_keys=False)}"


def environment_file(channels: Sequence[SimChannel]) -> str:
    """What the container is started with."""
    lines = [f"{SECRET}_{one.number}='{one.camera.password}'" for one in channels if one.camera is not None]
    return "\n".join(["# frigate.env", *lines, ""])


def _url(channel: SimChannel, kind: str, placeholder: bool) -> str:
    url = channel.url(kind, credentials=True)
    if not url or not placeholder or channel.camera is None:
        return url
    return _WHO.sub(f"://{channel.camera.username}:{{{SECRET}_{channel.number}}}@", url, count=1)


class FrigateServer(SimWeb):
    """``/api/login``, ``/api/config/raw`` and ``/api/config``, which hides user names and passwords.

    Without a ``password`` anybody may ask, as on Frigate's port 5000. ``viewer``: this user may not see the file.
    """

    def __init__(self, config: str, *, username: str = "admin", password: str = "", viewer: bool = False) -> None:
        super().__init__()
        self._config, self._username, self._password, self._viewer = config, username, password, viewer
        self.logins = 0

    async def _answer(self, request: HttpRequest) -> HttpReply:
        if (request.method, request.path) == ("POST", "/api/login"):
            return self._login(request)
        if self._password and "frigate_token=signed" not in request.headers.get("cookie", ""):
            return HttpReply(401, b"Unauthorized", "text/plain")
        if request.path == "/api/config/raw":
            if self._viewer:
                return HttpReply(403, b'{"detail":"Role viewer not authorized"}')
            return HttpReply(200, json.dumps(self._config).encode(), "text/plain")
        if request.path == "/api/config":
            shown = _WHO.sub("://*:*@", json.dumps(yaml.safe_load(self._config)))
            return HttpReply(200, shown.encode())
        return HttpReply(404, b"not found", "text/plain")

    def _login(self, request: HttpRequest) -> HttpReply:
        self.logins += 1
        given = json.loads(request.body or b"{}")
        if (given.get("user"), given.get("password")) != (self._username, self._password):
            return HttpReply(401, b'{"message":"Login failed"}')
        return HttpReply(200, b"{}", headers=(("Set-Cookie", "frigate_token=signed; HttpOnly; Path=/"),))
