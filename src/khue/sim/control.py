"""The simulator's own control over HTTP: put faults in force, end them, ask what was sent.

- ``GET /cameras``                      what `CameraCard` says, one per camera
- ``POST /fault``  {camera, fault, ...} the fault is in force when this answers
- ``POST /clear``  {camera}
- ``GET /sent?camera=&stream=``         every PLAY session with each picture sent (`SentSession`)
- ``GET /stats``                        totals
"""

from __future__ import annotations

from typing import Any

import msgspec

from khue.model.errors import KhueError, NotFound
from khue.sim.city import SimCity
from khue.sim.http import HttpReply, HttpRequest, HttpServer


class CameraCard(msgspec.Struct, frozen=True):
    """What somebody who installs the camera is told. Streams the camera does not have are empty."""

    name: str
    label: str
    brand: str
    family: str
    main: str
    sub: str
    onvif: str
    username: str
    password: str
    codec: str
    trouble: str


def card(city: SimCity, name: str) -> CameraCard:
    """The card of one camera; URLs carry no credentials, except where the family's path holds them."""
    camera = city.camera(name)
    return CameraCard(
        name=name,
        label=camera.label or name,
        brand=camera.entry.brand,
        family=camera.family,
        main=city.url(name, "main"),
        sub=city.url(name, "sub") if camera.sub else "",
        onvif=city.onvif_url(name),
        username=camera.username,
        password=city.password(name) if camera.told_password is None else camera.told_password,
        codec=camera.main.codec,
        trouble=camera.trouble,
    )


def _json(value: object, status: int = 200) -> HttpReply:
    return HttpReply(status, msgspec.json.encode(value))


class Control:
    """Serves the control interface for a started city."""

    def __init__(self, city: SimCity) -> None:
        self._city = city
        self._server = HttpServer(self._answer)

    async def start(self, host: str, port: int = 0) -> str:
        """The URL it listens on."""
        await self._server.start(host, port)
        return f"http://{host}:{self._server.port}"

    async def stop(self) -> None:
        await self._server.stop()

    async def _answer(self, request: HttpRequest) -> HttpReply:
        try:
            return await self._route(request)
        except NotFound as error:
            return _json({"error": str(error)}, 404)
        except (KhueError, msgspec.MsgspecError, TypeError, ValueError) as error:
            return _json({"error": str(error)}, 400)

    async def _route(self, request: HttpRequest) -> HttpReply:
        city = self._city
        match request.method, request.path:
            case "GET", "/cameras":
                return _json([card(city, camera.name) for camera in city.cameras])
            case "GET", "/stats":
                return _json(city.stats())
            case "GET", "/sent":
                sessions = city.sent(request.query.get("camera", ""), request.query.get("stream", "main"))
                return _json({"sessions": sessions})
            case "POST", "/fault":
                asked = msgspec.json.decode(request.body, type=dict[str, Any])
                await city.fault(str(asked.pop("camera", "")), str(asked.pop("fault", "")), **asked)
                return _json({})
            case "POST", "/clear":
                asked = msgspec.json.decode(request.body, type=dict[str, Any])
                await city.clear(str(asked.get("camera", "")))
                return _json({})
        return _json({"error": "no such thing; see GET /cameras, /stats, /sent and POST /fault, /clear"}, 404)
