"""One simulated camera on the network: its RTSP listeners, its sessions and its troubles."""

from __future__ import annotations

import asyncio
import socket
import ssl

import msgspec

from khue.sim.auth import Doorman
from khue.sim.camera import SimCamera
from khue.sim.faults import Argument, Troubles
from khue.sim.rtsp import Connection, reset
from khue.sim.session import Airing, Session

_BACKLOG = 1024


def listening_socket(host: str, port: int = 0, *, listen: bool = True) -> socket.socket:
    """A non-blocking TCP socket on that port; bound without ``listen`` it refuses connections and keeps the port ours."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    sock.bind((host, port))
    if listen:
        sock.listen(_BACKLOG)
    return sock


class Totals:
    """Counts of one camera since the start; they only grow."""

    def __init__(self) -> None:
        self.connections = self.sessions = self.drops_slow = self.drops_broken = self.expiries = 0


class CameraServer:
    """Listens, accepts, and applies faults. ``airings`` come from the city, by stream name."""

    def __init__(self, camera: SimCamera, host: str, airings: dict[str, Airing], troubles: Troubles,
                 tls: ssl.SSLContext | None) -> None:  # fmt: skip
        self.camera, self.host, self.troubles = camera, host, troubles
        self.oddities = camera.oddities
        self.totals = Totals()
        self._airings, self._tls = airings, tls if camera.tls else None
        self._realm = {
            "hik": "IP Camera(C1234)",
            "dahua": "Login to 5A03F9D1",
            "axis": f"AXIS_{camera.hardware_address.replace(':', '').upper()}",
        }.get(camera.family, "streaming server")
        self.doorman = Doorman(
            "none" if camera.family == "xm" else camera.auth,
            self._realm, camera.username, camera.password, qop="digest-qop" in self.oddities,
        )  # fmt: skip
        self._loop = asyncio.get_running_loop()
        self._paths = sorted(((camera.path(s), s) for s in airings), key=lambda item: -len(item[0]))
        self._connections: set[Connection] = set()
        self._sessions: dict[Session, None] = {}
        self._fillers: list[socket.socket] = []
        self._flapper: asyncio.TimerHandle | None = None
        self._second: socket.socket | None = None
        self._main = listening_socket(host, camera.rtsp_port)
        self.port: int = self._main.getsockname()[1]
        self._accept_on(self._main)

    # -- who is asked for ---------------------------------------------------------------------------------------------

    def url(self, stream: str, *, port: int = 0, told: bool = False) -> str:
        """Without credentials, except the xm family's, whose path holds them (``told``: those on the camera's paper)."""
        scheme = "rtsps" if self._tls else "rtsp"
        camera = self.camera
        if told and camera.told_password is not None and camera.entry.rtsp_main and "{pw}" in camera.entry.rtsp_main:
            camera = msgspec.structs.replace(camera, password=camera.told_password)
        return f"{scheme}://{self.host}:{port or self.port}{camera.path(stream)}"

    def find_stream(self, path: str) -> str | None:
        """The stream a request's path (or a control path below it) names."""
        for own, stream in self._paths:
            rest = path[len(own) :]
            if path.startswith(own) and (rest == "" or rest[0] in "/?&" or own.endswith("?")):
                return stream
        return None

    def airing(self, stream: str) -> Airing:
        return self._airings[stream]

    def second_port(self) -> int:
        """Another port of this camera, where a redirect leads; opened when first needed."""
        if self._second is None:
            self._second = listening_socket(self.host)
            self._accept_on(self._second)
        port: int = self._second.getsockname()[1]
        return port

    # -- connections and sessions -------------------------------------------------------------------------------------

    def _accept_on(self, listener: socket.socket) -> None:
        self._loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return  # nobody else waits, or one who waited has gone
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                if self._tls is not None:
                    sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                connection = Connection(sock, self, listener.getsockname()[1])
            except OSError:
                sock.close()
                continue
            self.totals.connections += 1
            self._connections.add(connection)

    def forget(self, connection: Connection) -> None:
        self._connections.discard(connection)

    @property
    def full(self) -> bool:
        """No session is left to give."""
        return 0 < self.camera.max_sessions <= len(self._sessions)

    @property
    def sessions(self) -> list[Session]:
        return list(self._sessions)

    def admit(self, session: Session) -> None:
        self._sessions[session] = None
        self.totals.sessions += 1

    def dismiss(self, session: Session) -> None:
        self._sessions.pop(session, None)

    def note_drop(self, *, slow: bool) -> None:
        if slow:
            self.totals.drops_slow += 1
        else:
            self.totals.drops_broken += 1

    def note_expiry(self) -> None:
        self.totals.expiries += 1

    # -- faults -------------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Every connection gets a TCP RST."""
        for connection in list(self._connections):
            connection.close(rudely=True)

    def trouble(self, name: str, arguments: dict[str, Argument]) -> None:
        """Put a fault in force (picture faults are prepared by the city)."""
        if name == "reset":
            self.cut()
        elif name == "stale-nonce":
            self.doorman.renew()
        elif name == "timestamp-jump":
            for session in self.sessions:
                session.shift_time(float(arguments["seconds"]))
        else:
            self.troubles.set(name, arguments)
            if name == "dead":
                self._go_dead()
            elif name == "unroutable":
                self._go_unroutable()
            elif name == "flapping":
                self._flap()

    def _go_dead(self) -> None:
        self.cut()
        self._reopen(listen=False)

    def _go_unroutable(self) -> None:
        """Nothing is accepted and the backlog is full: the kernel then drops further connection attempts."""
        self._loop.remove_reader(self._main)
        self._main.listen(0)
        for _ in range(2):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex((self.host, self.port))
            self._fillers.append(filler)
        for connection in self._connections:
            connection.deaf()

    def _flap(self) -> None:
        self.cut()
        self._flapper = self._loop.call_later(self.troubles.number("flapping", "every_s"), self._flap)

    def _reopen(self, *, listen: bool) -> None:
        """The main port closed and bound anew, so that nobody else gets it meanwhile."""
        self._loop.remove_reader(self._main)
        self._main.close()
        self._main = listening_socket(self.host, self.port, listen=listen)
        if listen:
            self._accept_on(self._main)

    def clear(self) -> None:
        """All well again. Sessions that fell silent unnoticed are gone, as after a power cut."""
        was = self.troubles.names
        self.troubles.clear()
        if self._flapper is not None:
            self._flapper.cancel()
            self._flapper = None
        for filler in self._fillers:
            reset(filler)
        self._fillers = []
        if "unroutable" in was:
            self.cut()
        if "dead" in was or "unroutable" in was:
            self._reopen(listen=True)

    def close(self) -> None:
        if self._flapper is not None:
            self._flapper.cancel()
        for connection in list(self._connections):
            connection.close()
        for sock in (self._main, self._second, *self._fillers):
            if sock is not None:
                self._loop.remove_reader(sock)
                sock.close()
