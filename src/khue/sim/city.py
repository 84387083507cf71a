"""A city of simulated cameras in one event loop: scenes are encoded once, cameras that share one share its frame clock."""

from __future__ import annotations

import asyncio
import io
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from khue.model.errors import ConfigError, KhueError, NotFound
from khue.sim import certificate, encode, faults
from khue.sim.broadcast import Broadcast, Packing, VideoLoop
from khue.sim.camera import SimCamera
from khue.sim.discovery import Announced, respond
from khue.sim.encode import SceneSpec
from khue.sim.faults import Argument, Troubles
from khue.sim.http import HttpServer
from khue.sim.ledger import SentSession
from khue.sim.onvif import OnvifDevice, scopes
from khue.sim.server import CameraServer
from khue.sim.session import Airing
from khue.sim.street import Street
from khue.sim.users import Users

Progress = Callable[[int, int], None]  # scenes ready, scenes in all
STREAMS = ("main", "sub")
_ENCODERS = 2
_STAGGER = 0.381966  # the golden ratio spreads any number of scenes evenly over the frame interval


async def prepare_scenes(specs: Iterable[SceneSpec], progress: Progress | None = None) -> None:
    """Put all scenes into the cache, encoding what is missing in processes of their own."""
    wanted = list(dict.fromkeys(specs))
    missing = [spec for spec in wanted if not encode.cache_path(spec).exists()]
    missing.sort(key=lambda spec: -spec.width * spec.height * spec.frames * (3 if spec.codec == "h265" else 1))
    ready = len(wanted) - len(missing)

    async def work() -> None:
        nonlocal ready
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "khue.sim.encode", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert worker.stdin is not None and worker.stdout is not None
        try:
            while missing:
                worker.stdin.write(msgspec.json.encode(missing.pop(0)) + b"\n")
                if not await worker.stdout.readline():
                    raise KhueError("the scene encoder ended early: run `python -m khue.sim.encode` to see why")
                ready += 1
                if progress is not None:
                    progress(ready, len(wanted))
        finally:
            worker.stdin.close()
            await worker.wait()

    if progress is not None:
        progress(ready, len(wanted))
    await asyncio.gather(*(work() for _ in range(min(_ENCODERS, len(missing)))))


class CityStats(msgspec.Struct, frozen=True):
    """``dropped_slow`` connections lagged more than the queue holds, ``dropped_broken`` were closed by the other end.

    ``late_ms`` is the worst any picture was behind its clock.
    """

    cameras: int
    playing: int
    connections: int
    sessions: int
    frames_sent: int
    dropped_slow: int
    dropped_broken: int
    expired: int
    late_ms: float
    cpu_seconds: float
    rss_bytes: int
    uptime_s: float
    troubles: dict[str, list[str]]


class SimCity:
    """Start it, ask it for URLs, break it, ask what it sent. All in one event loop; one camera's fault touches no other."""

    def __init__(self) -> None:
        self.host = ""
        self._servers: dict[str, CameraServer] = {}
        self._airings: dict[tuple[str, str], Airing] = {}
        self._broadcasts: dict[tuple[SceneSpec, Packing], Broadcast] = {}
        self._onvif: dict[str, HttpServer] = {}
        self._devices: dict[str, OnvifDevice] = {}
        self._responders: list[asyncio.DatagramTransport] = []
        self._looks: dict[
            str, object
        ] = {}  # the picture fault last asked for: a later order overtakes one in the making
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = 0.0

    async def start(
        self,
        cameras: Sequence[SimCamera],
        host: str = "127.0.0.1",
        progress: Progress | None = None,
        *,
        discovery: bool = False,
    ) -> None:
        """Encode what is not cached, open every camera's port. Raises ConfigError for cameras of the same name."""
        if len({camera.name for camera in cameras}) != len(cameras):
            raise ConfigError("two simulated cameras have the same name")
        _raise_file_limit()
        self.host, self._started = host, time.monotonic()
        streams = [(camera, stream) for camera in cameras for stream in STREAMS if camera.stream(stream)]
        await prepare_scenes((camera.scene_spec(stream) for camera, stream in streams), progress)
        tls = certificate.server_context(host) if any(camera.tls for camera in cameras) else None
        for camera in cameras:
            troubles = Troubles()
            airings = {s: Airing(s, self._broadcast(camera, s), troubles, camera) for s in STREAMS if camera.stream(s)}
            self._airings.update({(camera.name, stream): airing for stream, airing in airings.items()})
            server = self._servers[camera.name] = CameraServer(camera, camera.host or host, airings, troubles, tls)
            if camera.onvif:
                await self._open_onvif(server)
        for multicast in (False, True) if discovery else (False,):
            self._responders.append(await respond(self._announced, host, multicast=multicast))
        await asyncio.gather(*(self.fault(c.name, name, **arguments) for c in cameras for name, arguments in c.faults))

    def _broadcast(self, camera: SimCamera, stream: str) -> Broadcast:
        spec = camera.scene_spec(stream)
        packing = Packing(
            audio=camera.audio,
            metadata="metadata-track" in camera.oddities,
            in_band_sets=camera.parameter_sets != "sdp",
            aggregate_sets="aggregate-sets" in camera.oddities,
            packet_pace=camera.packet_pace,
        )
        key = (spec, packing)
        if key not in self._broadcasts:
            stagger = len(self._broadcasts) * _STAGGER % 1
            self._broadcasts[key] = Broadcast(VideoLoop(encode.load_scene(spec), packing), packing, stagger)
        return self._broadcasts[key]

    async def _open_onvif(self, server: CameraServer) -> None:
        name = server.camera.name
        device = OnvifDevice(server, lambda stream: self._snapshot(server.camera, stream))
        http = self._onvif[name] = HttpServer(device.answer)
        self._devices[name] = device
        await http.start(server.host, server.camera.onvif_port)
        device.base = f"http://{server.host}:{http.port}"

    def _announced(self) -> list[Announced]:
        """The cameras that can hear a probe."""
        heard = (self._servers[name] for name in self._onvif)
        return [
            Announced(server.camera.endpoint, scopes(server.camera), self.onvif_url(server.camera.name))
            for server in heard
            if "dead" not in server.troubles and "unroutable" not in server.troubles
        ]

    def _snapshot(self, camera: SimCamera, stream: str) -> bytes:
        """JPEG of what the stream shows now."""
        look = self._servers[camera.name].troubles.look
        spec = camera.scene_spec(stream, look or "street")
        picture = Street(spec.drawing).picture(self._airings[camera.name, stream].broadcast.index_now)
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=85)
        return jpeg.getvalue()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for responder in self._responders:
            responder.close()
        for http in self._onvif.values():
            await http.stop()
        for server in self._servers.values():
            server.close()
        for broadcast in self._broadcasts.values():
            broadcast.stop()
        self._servers, self._airings, self._broadcasts, self._onvif, self._responders = {}, {}, {}, {}, []
        self._devices = {}

    # -- asking -------------------------------------------------------------------------------------------------------

    @property
    def cameras(self) -> list[SimCamera]:
        return [server.camera for server in self._servers.values()]

    def camera(self, name: str) -> SimCamera:
        return self._server(name).camera

    def onvif_url(self, name: str) -> str:
        """The address of the camera's ONVIF device service; empty when it has none."""
        server, http = self._server(name), self._onvif.get(name)
        return f"http://{server.host}:{http.port}/onvif/device_service" if http is not None else ""

    @property
    def discovery_port(self) -> int:
        """The UDP port that answers WS-Discovery probes sent to it directly."""
        port: int = self._responders[0].get_extra_info("sockname")[1]
        return port

    def sign_ins(self, name: str) -> tuple[int, int]:
        """(tried with any password, refused) at one camera since the start: over RTSP, HTTP and ONVIF."""
        counted = {id(users): users for users in self._users(name)}.values()
        return sum(users.attempts for users in counted), sum(users.refused for users in counted)

    def password(self, name: str, username: str = "") -> str:
        """What the camera takes now, whatever its paper says; empty when it has no such user."""
        return self._server(name).doorman.users.password(username or self.camera(name).username) or ""

    def _users(self, name: str) -> list[Users]:
        device = self._devices.get(name)
        return [self._server(name).doorman.users, *([device.users] if device is not None else [])]

    def stats(self) -> CityStats:
        """Totals since the start."""
        servers = self._servers.values()
        ledgers = [ledger for airing in self._airings.values() for ledger in airing.ledgers]
        return CityStats(
            cameras=len(servers),
            playing=sum(session.playing for server in servers for session in server.sessions),
            connections=sum(server.totals.connections for server in servers),
            sessions=sum(server.totals.sessions for server in servers),
            frames_sent=sum(ledger.total for ledger in ledgers),
            dropped_slow=sum(server.totals.drops_slow for server in servers),
            dropped_broken=sum(server.totals.drops_broken for server in servers),
            expired=sum(server.totals.expiries for server in servers),
            late_ms=max((broadcast.worst_late_s for broadcast in self._broadcasts.values()), default=0.0) * 1000,
            cpu_seconds=time.process_time(),
            rss_bytes=resident_bytes(),
            uptime_s=time.monotonic() - self._started,
            troubles={name: server.troubles.names for name, server in self._servers.items() if server.troubles.names},
        )

    def _server(self, name: str) -> CameraServer:
        try:
            return self._servers[name]
        except KeyError:
            raise NotFound(f"no simulated camera is called {name!r}") from None

    def _airing(self, name: str, stream: str) -> Airing:
        try:
            return self._airings[name, stream]
        except KeyError:
            raise NotFound(f"no simulated camera {name!r} with a stream {stream!r}") from None

    def url(self, name: str, stream: str = "main") -> str:
        """Without credentials, except families that put them in the path."""
        self._airing(name, stream)
        return self._server(name).url(stream, told=True)

    def sent(self, name: str, stream: str = "main") -> list[SentSession]:
        """Every PLAY session so far (the last 500), with each picture sent."""
        airing = self._airing(name, stream)
        broadcast = airing.broadcast
        return [ledger.report(broadcast.length, broadcast.fps, broadcast.keyframes) for ledger in airing.ledgers]

    # -- breaking -----------------------------------------------------------------------------------------------------

    def fault(self, name: str, fault: str, **arguments: Argument) -> asyncio.Future[None]:
        """Put a fault in force at one camera (see `khue.sim.faults.FAULTS`). Await the result to know it is.

        Picture faults may have to be encoded first and show at the next keyframe. Raises ConfigError, NotFound at once.
        """
        server = self._server(name)
        kind, full = faults.checked(fault, arguments)
        if kind in faults.LOOKS:
            self._looks[name] = order = object()
            task = asyncio.get_running_loop().create_task(self._change_look(server, kind, full, order))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return task
        server.trouble(kind, full)
        return _done()

    async def _change_look(
        self, server: CameraServer, look: str, arguments: dict[str, Argument], order: object
    ) -> None:
        camera = server.camera
        streams = [stream for stream in STREAMS if camera.stream(stream)]
        specs = {stream: camera.scene_spec(stream, look) for stream in streams}
        await prepare_scenes(specs.values())
        if self._looks.get(camera.name) is not order:
            return
        for stream, spec in specs.items():
            airing = self._airings[camera.name, stream]
            packing = msgspec.structs.replace(airing.broadcast.packing, in_band_sets=True)
            airing.look = VideoLoop(encode.load_scene(spec), packing)
        server.trouble(look, arguments)

    def clear(self, name: str) -> asyncio.Future[None]:
        """End every fault of a camera."""
        server = self._server(name)
        self._looks.pop(name, None)
        for stream in STREAMS:
            if (airing := self._airings.get((name, stream))) is not None:
                airing.look = None
        server.clear()
        return _done()

    def troubles(self, name: str) -> list[str]:
        """The faults in force at a camera."""
        return self._server(name).troubles.names


def _done() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


def _raise_file_limit() -> None:
    """A city needs many sockets: the soft limit goes up to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def resident_bytes() -> int:
    """Memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
