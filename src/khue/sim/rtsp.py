"""One RTSP connection to a simulated camera (RFC 2326): raw non-blocking sockets, so that sending media costs one call."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

from khue.model.errors import CameraProtocolError, CameraUnreachable
from khue.sim import sdp
from khue.sim.carrier import Outbox, UdpPair
from khue.sim.request import Request, take_interleaved, take_request, target, track_of, transport_asked
from khue.sim.session import Session

if TYPE_CHECKING:
    from khue.sim.server import CameraServer

_REASONS = {
    200: "OK", 302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 404: "Stream Not Found",
    453: "Not Enough Bandwidth", 454: "Session Not Found", 455: "Method Not Valid In This State",
    461: "Unsupported Transport", 501: "Not Implemented",
}  # fmt: skip
_METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER")
_Headers = Mapping[str, str | list[str]]


def reset(sock: socket.socket) -> None:
    """Close with a TCP RST instead of a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Connection:
    """Reads requests and interleaved RTCP, answers, and carries the media of its sessions."""

    def __init__(self, sock: socket.socket, server: CameraServer, local_port: int) -> None:
        self._server, self._sock, self._port = server, sock, local_port
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._sessions: dict[str, Session] = {}
        self._handshaking = isinstance(sock, ssl.SSLSocket)
        self._open = True
        self._outbox = Outbox(sock, self._broken)
        self._peer = sock.getpeername()[0]
        self._loop.add_reader(sock, self._readable)

    # -- the socket ---------------------------------------------------------------------------------------------------

    def _broken(self, slow: bool) -> None:
        self._server.note_drop(slow=slow)
        self.close(rudely=slow)

    def close(self, *, rudely: bool = False) -> None:
        """End everything that hangs on this connection; ``rudely`` with a TCP RST."""
        if not self._open:
            return
        self._open = False
        self._outbox.close()
        self._loop.remove_reader(self._sock)
        for session in list(self._sessions.values()):
            self._end(session)
        self._server.forget(self)
        if rudely:
            reset(self._sock)
        else:
            self._sock.close()

    def deaf(self) -> None:
        """Read nothing more: the camera is out of reach, and the peer cannot know."""
        self._loop.remove_reader(self._sock)

    def _readable(self) -> None:
        try:
            if self._handshaking and isinstance(self._sock, ssl.SSLSocket):
                self._sock.do_handshake()
                self._handshaking = False
            while self._open:
                data = self._sock.recv(65536)
                if not data:
                    self.close()
                    return
                self._buffer += data
                self._consume()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except (OSError, CameraProtocolError):
            self.close()

    def _consume(self) -> None:
        while self._buffer and self._open:
            if self._buffer[0] == 0x24:
                if take_interleaved(self._buffer) is None:
                    return
                if "rtcp-keeps-alive" in self._server.oddities:
                    self._touch()
                continue
            request = take_request(self._buffer)
            if request is None:
                return
            self._answer(request)

    def _touch(self) -> None:
        for session in self._sessions.values():
            session.touch()

    # -- requests -----------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> None:
        if request.method not in _METHODS:
            self._reply(request, 501)
            return
        if (request.method != "OPTIONS" or "options-auth" in self._server.oddities) and not self._let_in(request):
            return
        if (session := self._sessions.get(request.header("session").partition(";")[0])) is not None:
            session.touch()
        getattr(self, f"_on_{request.method.lower()}")(request)

    def _let_in(self, request: Request) -> bool:
        doorman = self._server.doorman
        good, stale = doorman.check(request.method, request.header("authorization"))
        if good and "wrong-password" not in self._server.troubles:
            return True
        self._reply(request, 401, {"WWW-Authenticate": doorman.challenges(stale=stale) or ['Basic realm="camera"']})
        return False

    def _reply(self, request: Request, status: int, headers: _Headers | None = None, body: bytes = b"") -> None:
        fields: dict[str, str | list[str]] = {"CSeq": request.header("cseq") or "0", **(headers or {})}
        if body:
            fields["Content-Length"] = str(len(body))
        lines = [f"RTSP/1.0 {status} {_REASONS[status]}"]
        for name, value in fields.items():
            shown = name.lower() if "odd-case" in self._server.oddities else name
            lines += [f"{shown}: {one}" for one in ([value] if isinstance(value, str) else value)]
        self._outbox.push("\r\n".join([*lines, "", ""]).encode() + body)

    def _on_options(self, request: Request) -> None:
        methods = [m for m in _METHODS if m != "GET_PARAMETER" or "no-get-parameter" not in self._server.oddities]
        self._reply(request, 200, {"Public": ", ".join(methods)})

    def _on_describe(self, request: Request) -> None:
        server = self._server
        found = server.find_stream(target(request.url))
        if found is None:
            self._reply(request, 404)
            return
        url = server.url(found, port=self._port)
        if "redirect" in server.troubles and self._port == server.port:
            goal = server.troubles.text("redirect", "to") or server.url(found, port=server.second_port())
            self._reply(request, 302, {"Location": goal})
            return
        airing = server.airing(found)
        body = sdp.describe(
            airing.broadcast.video.scene,
            airing.broadcast.feeds,
            server.camera.audio,
            url,
            server.oddities,
            with_sets=server.camera.parameter_sets != "in-band",
        )
        headers = {"Content-Type": "application/sdp", "Cache-Control": "must-revalidate"}
        if "no-content-base" not in server.oddities:
            headers["Content-Base"] = f"{url}/"
        self._reply(request, 200, headers, body)

    def _on_setup(self, request: Request) -> None:
        server, path = self._server, target(request.url)
        found, track = server.find_stream(path), track_of(path)
        if found is None:
            self._reply(request, 404)
            return
        airing = server.airing(found)
        if track is None and ("no-media-control" in server.oddities or len(airing.broadcast.feeds) == 1):
            track = 0
        if track is None or not 0 <= track < len(airing.broadcast.feeds):
            self._reply(request, 404)
            return
        asked = transport_asked(request.header("transport"), server.camera.transports)
        session = self._sessions.get(request.header("session").partition(";")[0])
        if asked is None or (session is not None and (session.outbox is not None) != asked.tcp):
            self._reply(request, 461)
        elif session is None and server.full:
            self._reply(request, 453)
        else:
            session = session or self._new_session(found, tcp=asked.tcp)
            self._set_up(request, session, track, asked.ports)

    def _new_session(self, stream: str, *, tcp: bool) -> Session:
        outbox = self._outbox if tcp else None
        session = Session(secrets.token_hex(4).upper(), self._server.airing(stream), outbox, self._expire)
        self._sessions[session.ident] = session
        self._server.admit(session)
        session.watch(self._server.camera.session_timeout_s)
        return session

    def _set_up(self, request: Request, session: Session, track: int, ports: tuple[int, int]) -> None:
        ssrc = f"ssrc={session.airing.broadcast.feeds[track].ssrc:08X}"
        if session.outbox is not None:
            session.use_channel(track, ports[0])
            transport = f"RTP/AVP/TCP;unicast;interleaved={ports[0]}-{ports[1]};{ssrc}"
        else:
            heard = session.touch if "rtcp-keeps-alive" in self._server.oddities else _unheard
            try:
                pair = UdpPair(self._server.host, self._peer, ports, heard)
            except CameraUnreachable:
                self._reply(request, 461)
                return
            session.use_pair(track, pair)
            mine = pair.ports
            transport = f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]};server_port={mine[0]}-{mine[1]};{ssrc}"
        self._reply(request, 200, {"Transport": transport, "Session": self._session_header(session)})

    def _session_header(self, session: Session) -> str:
        if "no-session-timeout" in self._server.oddities:
            return session.ident
        return f"{session.ident};timeout={max(1, round(self._server.camera.session_timeout_s))}"

    def _session_of(self, request: Request) -> Session | None:
        session = self._sessions.get(request.header("session").partition(";")[0])
        if session is None:
            self._reply(request, 454)
        return session

    def _on_play(self, request: Request) -> None:
        if (session := self._session_of(request)) is None:
            return
        starts = session.play()
        headers = {"Session": self._session_header(session), "Range": "npt=0.000-"}
        if "no-rtp-info" not in self._server.oddities:
            base = self._server.url(session.airing.stream, port=self._port)
            infos = [f"url={base}/trackID={i + 1};seq={starts[i][0]};rtptime={starts[i][1]}" for i in session.tracks]
            headers["RTP-Info"] = ",".join(infos)
        self._reply(request, 200, headers)

    def _on_pause(self, request: Request) -> None:
        if (session := self._session_of(request)) is not None:
            session.pause()
            self._reply(request, 200, {"Session": self._session_header(session)})

    def _on_teardown(self, request: Request) -> None:
        if (session := self._session_of(request)) is not None:
            self._end(session)
            self._reply(request, 200)

    def _on_get_parameter(self, request: Request) -> None:
        if "no-get-parameter" in self._server.oddities:
            self._reply(request, 501)
        elif request.header("session"):
            self._on_set_parameter(request)
        else:
            self._reply(request, 200)

    def _on_set_parameter(self, request: Request) -> None:
        if (session := self._session_of(request)) is not None:
            self._reply(request, 200, {"Session": self._session_header(session)})

    # -- sessions -----------------------------------------------------------------------------------------------------

    def _expire(self, session: Session) -> None:
        """Nothing was heard for too long. Over TCP the connection goes with the session, as with most cameras."""
        self._server.note_expiry()
        if session.outbox is not None:
            self.close()
        else:
            self._end(session)

    def _end(self, session: Session) -> None:
        session.close()
        self._sessions.pop(session.ident, None)
        self._server.dismiss(session)


def _unheard() -> None:
    """Receiver reports do not count as signs of life for most cameras."""
