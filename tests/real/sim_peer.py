"""A small RTSP client of the tests' own, so that the simulated cameras are judged by other code than the product's."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import av

from khue.sim.barcode import read_frame_number
from khue.sim.camera import SimCamera, SimStream
from khue.sim.city import SimCity

SMALL = SimStream(width=320, height=180, fps=25, kbps=400, gop_s=0.2, loop_s=0.8)
SMALLER = SimStream(width=192, height=108, fps=25, kbps=200, gop_s=0.2, loop_s=0.8)


def small_camera(name: str = "cam", **changes: object) -> SimCamera:
    """A camera whose scenes encode in a blink."""
    return SimCamera(**{"name": name, "main": SMALL, "sub": None, "quirks": (), "onvif": False, **changes})


@asynccontextmanager
async def running(*cameras: SimCamera) -> AsyncIterator[SimCity]:
    city = SimCity()
    try:
        await city.start(cameras)
        yield city
    finally:
        await city.stop()


async def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Poll until it holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@dataclass
class Reply:
    status: int
    headers: dict[str, list[str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers.get(name.lower(), [""])[0]


@dataclass
class Rtp:
    channel: int
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    payload: bytes


def parse_rtp(channel: int, data: bytes) -> Rtp:
    first, second, sequence, timestamp, _ssrc = struct.unpack(">BBHII", data[:12])
    assert first == 0x80
    return Rtp(channel, second & 0x7F, bool(second >> 7), sequence, timestamp, data[12:])


@dataclass
class SenderReport:
    ntp: float  # seconds since 1970
    timestamp: int
    packets: int


@dataclass
class Peer:
    """One connection; ``packets`` grows as media comes in."""

    url: str
    username: str = "admin"
    password: str = "Khue-2026"
    packets: list[Rtp] = field(default_factory=list)
    reports: list[SenderReport] = field(default_factory=list)
    noise: int = 0
    closed: BaseException | bool = False

    async def connect(self) -> Peer:
        scheme, host, port = re.match(r"(rtsps?)://([^:/]+):(\d+)", self.url).groups()
        context = None
        if scheme == "rtsps":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.reader, self.writer = await asyncio.open_connection(host, int(port), ssl=context, limit=1 << 20)
        self.cseq, self.challenge, self.session, self.udp = 0, {}, "", []
        self.replies: asyncio.Queue[Reply] = asyncio.Queue()
        self.task = asyncio.create_task(self._read())
        return self

    async def _read(self) -> None:
        try:
            while True:
                byte = await self.reader.readexactly(1)
                if byte == b"$":
                    channel, size = struct.unpack(">BH", await self.reader.readexactly(3))
                    self.take(channel, await self.reader.readexactly(size))
                elif byte == b"R":
                    await self._take_reply(byte + await self.reader.readuntil(b"\r\n\r\n"))
                else:
                    self.noise += 1
        except (asyncio.IncompleteReadError, OSError) as error:
            self.closed = error if isinstance(error, OSError) else True

    async def _take_reply(self, head: bytes) -> None:
        lines = head.decode().split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), []).append(value.strip())
        body = await self.reader.readexactly(int(headers.get("content-length", ["0"])[0]))
        self.replies.put_nowait(Reply(int(lines[0].split()[1]), headers, body))

    def take(self, channel: int, data: bytes) -> None:
        if channel % 2 == 0:
            self.packets.append(parse_rtp(channel, data))
        elif data[1] == 200:
            _, high, low, stamp, packets, _ = struct.unpack(">IIIIII", data[4:28])
            self.reports.append(SenderReport(high - 2208988800 + low / 2**32, stamp, packets))

    async def ask(self, method: str, url: str = "", **headers: str) -> Reply:
        """One request; authenticated once a challenge is known."""
        self.cseq += 1
        url = url or self.url
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self.cseq}"]
        if self.challenge:
            lines.append(f"Authorization: {self.answer(method, url)}")
        if self.session:
            lines.append(f"Session: {self.session}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        return await asyncio.wait_for(self.replies.get(), 10)

    async def ask_in(self, method: str, url: str = "", **headers: str) -> Reply:
        """The same, answering one challenge."""
        reply = await self.ask(method, url, **headers)
        if reply.status == 401:
            self.learn(reply)
            reply = await self.ask(method, url, **headers)
        return reply

    def learn(self, reply: Reply) -> None:
        """The first challenge offered."""
        scheme, _, rest = reply["www-authenticate"].partition(" ")
        self.challenge = {"scheme": scheme, **dict(re.findall(r'(\w+)="([^"]*)"', rest))}

    def answer(self, method: str, url: str) -> str:
        told = self.challenge
        if told["scheme"] == "Basic":
            return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        name = told.get("algorithm", "MD5")
        kind = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[name]

        def digest(text: str) -> str:
            return kind(text.encode()).hexdigest()

        middle = told["nonce"] + (":00000001:abcd:auth" if "qop" in told else "")
        first = digest(f"{self.username}:{told['realm']}:{self.password}")
        response = digest(f"{first}:{middle}:{digest(f'{method}:{url}')}")
        extra = f', algorithm="{name}"' if "algorithm" in told else ""
        extra += ', qop=auth, nc=00000001, cnonce="abcd"' if "qop" in told else ""
        fields = f'username="{self.username}", realm="{told["realm"]}", nonce="{told["nonce"]}"'
        return f'Digest {fields}, uri="{url}", response="{response}"{extra}'

    async def play(self, *, udp: bool = False, tracks: int | None = None) -> Peer:
        """DESCRIBE, SETUP of every track (or the first few) by its control URL, PLAY."""
        described = await self.ask_in("DESCRIBE", Accept="application/sdp")
        assert described.status == 200, described
        self.sdp = described.body.decode()
        self.base = described["content-base"] or self.url
        for i, control in enumerate(self.controls()[:tracks]):
            transport = f"RTP/AVP/TCP;unicast;interleaved={2 * i}-{2 * i + 1}"
            if udp:
                transport = f"RTP/AVP;unicast;client_port={await self._open_udp(i)}"
            reply = await self.ask_in("SETUP", control, Transport=transport)
            assert reply.status == 200, reply
            self.session = reply["session"].partition(";")[0]
            self.transport, self.session_header = reply["transport"], reply["session"]
        reply = await self.ask_in("PLAY", self.base.rstrip("/"), Range="npt=0.000-")
        assert reply.status == 200, reply
        self.rtp_info = reply["rtp-info"]
        return self

    def controls(self) -> list[str]:
        """The control URL of each media section (RFC 2326 appendix C.1.1)."""
        urls = []
        for media in re.split(r"(?m)^m=", self.sdp)[1:]:
            found = re.search(r"(?m)^a=control:(\S+)", media)
            if found is None:
                urls.append(self.url)
            elif "://" in found[1]:
                urls.append(found[1])
            else:
                urls.append(f"{self.base.rstrip('/')}/{found[1]}")
        return urls

    async def _open_udp(self, track: int) -> str:
        ports = []
        for offset in (0, 1):
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda offset=offset: _Datagrams(self, 2 * track + offset), local_addr=("127.0.0.1", 0)
            )
            self.udp.append(transport)
            ports.append(str(transport.get_extra_info("sockname")[1]))
        return "-".join(ports)

    async def close(self) -> None:
        self.task.cancel()
        for transport in self.udp:
            transport.close()
        self.writer.transport.abort()
        await asyncio.sleep(0)

    def track(self, channel: int = 0) -> list[Rtp]:
        return [packet for packet in self.packets if packet.channel == channel]

    def pictures(self) -> int:
        return sum(packet.marker for packet in self.track())


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, peer: Peer, channel: int) -> None:
        self.peer, self.channel = peer, channel

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.peer.take(self.channel, data)


@asynccontextmanager
async def playing(url: str, **options: object) -> AsyncIterator[Peer]:
    peer = await Peer(url, **{k: v for k, v in options.items() if k in ("username", "password")}).connect()
    try:
        await peer.play(**{k: v for k, v in options.items() if k in ("udp", "tracks")})
        yield peer
    finally:
        await peer.close()


def annex_b(packets: Sequence[Rtp], codec: str) -> list[bytes]:
    """Complete access units, as byte streams, from in-order RTP packets."""
    start, units, current, fragment = b"\0\0\0\1", [], b"", b""
    for packet in packets:
        data = packet.payload
        kind = data[0] & 0x1F if codec == "h264" else data[0] >> 1 & 0x3F
        if kind == (24 if codec == "h264" else 48):
            at = 1 if codec == "h264" else 2
            while at < len(data):
                size = int.from_bytes(data[at : at + 2], "big")
                current += start + data[at + 2 : at + 2 + size]
                at += 2 + size
        elif kind == (28 if codec == "h264" else 49):
            head = 1 if codec == "h264" else 2
            flags = data[head]
            if flags & 0x80:
                inner = flags & (0x1F if codec == "h264" else 0x3F)
                whole = (
                    bytes([data[0] & 0xE0 | inner])
                    if codec == "h264"
                    else bytes([data[0] & 0x81 | inner << 1, data[1]])
                )
                fragment = start + whole
            fragment += data[head + 1 :]
            if flags & 0x40:
                current, fragment = current + fragment, b""
        else:
            current += start + data
        if packet.marker:
            units.append(current)
            current = b""
    return units


def decoded(packets: Sequence[Rtp], codec: str = "h264", extra: bytes = b"") -> list[av.VideoFrame]:
    """The pictures of in-order RTP packets."""
    decoder = av.CodecContext.create("h264" if codec == "h264" else "hevc", "r")
    frames = []
    for unit in annex_b(packets, codec):
        frames += decoder.decode(av.Packet(extra + unit))
        extra = b""
    return frames + decoder.decode(None)


def numbers(packets: Sequence[Rtp], codec: str = "h264", extra: bytes = b"") -> list[int]:
    """The frame numbers burned into the pictures received."""
    return [read_frame_number(frame.to_ndarray()[: frame.height]) for frame in decoded(packets, codec, extra)]
