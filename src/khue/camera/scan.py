"""Look for cameras in declared ranges: connections at a bounded rate, then what a device says without a password.

Nothing is ever sent to an address outside the ranges given, and no credential to anybody.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from khue.camera import signs
from khue.camera.auth import Authenticator
from khue.camera.catalogue import rtsp_ports, web_ports
from khue.camera.control import Control
from khue.camera.discovery import Found, discover
from khue.camera.networks import interfaces_within
from khue.camera.stream import Stream
from khue.model.errors import CameraError, CameraUnreachable
from khue.model.ranges import Address, Network, addresses, count, holds
from khue.model.time import Clock, to_micros
from khue.wire.onboarding import FoundDevice

MOST_WAITING = 1000  # devices found and not fetched: more than that, and looking waits
KNOCK_S = 1.5
ANSWER_S = 4.0
LISTEN_S = 3.0
_AT_ONCE = 128  # addresses; a silent one is waited for, which must not slow the others
_NEIGHBOURS = Path("/proc/net/arp")


class Pace:
    """At most ``rate`` turns a second, evenly. Time lost while others worked is not made up for: they come first."""

    def __init__(self, rate: float) -> None:
        self._step = 1.0 / rate
        self._next = 0.0
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        clock = asyncio.get_running_loop().time
        async with self._queue:
            await asyncio.sleep(self._next - clock())
            self._next = clock() + self._step


class Scan:
    """One look. ``run`` it as a task; ``take`` what was found; the counters may be read at any time.

    ``networks`` must lie in ``declared``: who calls has seen to it. ``ports`` none are the catalogue's, of which those
    beyond the most frequent are only tried where something answered.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        declared: Sequence[Network],
        clock: Clock,
        *,
        ports: Sequence[int] = (),
        multicast: bool = False,
        rate: float = 50.0,
        ask: tuple[str, int] | None = None,
    ) -> None:
        self.total = count(networks)
        self.asked = 0
        self.outside = 0
        self.connects = 0
        self._networks, self._declared, self._clock = networks, declared, clock
        self._first = tuple(ports) or (rtsp_ports()[0], web_ports()[0])
        self._rest = () if ports else tuple(port for port in (*rtsp_ports(), *web_ports()) if port not in self._first)
        self._multicast, self._ask = multicast, ask
        self._pace = Pace(rate)
        self._heard: dict[str, list[Found]] = {}
        self._found: list[FoundDevice] = []
        self._fetched = 0
        self._room = asyncio.Event()
        self._room.set()

    async def run(self) -> None:
        """Until everything was asked. Raises nothing a camera could cause."""
        if self._multicast:
            await self._listen()
        waiting = asyncio.Semaphore(_AT_ONCE)

        async def look(address: Address) -> None:
            try:
                await self._examine(str(address))
            finally:
                self.asked += 1
                waiting.release()

        async with asyncio.TaskGroup() as group:
            for address in addresses(self._networks):
                await waiting.acquire()
                await self._room.wait()
                group.create_task(look(address))
        for heard in list(self._heard):  # within declared ranges, yet not in those that were asked for
            await self._examine(heard, ports=())

    def take(self, received: int, most: int) -> tuple[tuple[FoundDevice, ...], bool]:
        """Those after the first ``received``, and whether there are more. The first ones are forgotten."""
        done = min(max(received - self._fetched, 0), len(self._found))
        del self._found[:done]
        self._fetched += done
        if len(self._found) < MOST_WAITING:
            self._room.set()
        return tuple(self._found[:most]), len(self._found) > most

    def _add(self, device: FoundDevice) -> None:
        self._found.append(device)
        if len(self._found) >= MOST_WAITING:
            self._room.clear()

    # -- WS-Discovery

    async def _listen(self) -> None:
        """Ask on the networks that are declared; an answer from elsewhere is dropped and counted."""
        asked = [discover(timeout_s=LISTEN_S, to=self._ask)] if self._ask else [
            discover(timeout_s=LISTEN_S, interface=own) for own in interfaces_within(self._declared)
        ]  # fmt: skip
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(answer, CameraError):
                continue  # this network cannot be asked; the others may
            if isinstance(answer, BaseException):
                raise answer
            for one in answer:
                self._hear(one)

    def _hear(self, one: Found) -> None:
        if not holds(self._declared, one.address):
            self.outside += 1
            return
        # What a device says about itself leads nowhere but to itself.
        own = tuple(url for url in one.services if urlsplit(url).hostname == one.address)
        known = self._heard.setdefault(one.address, [])
        if all(one.endpoint != other.endpoint for other in known):
            known.append(msgspec.structs.replace(one, services=own))

    # -- one address

    async def _examine(self, address: str, ports: Sequence[int] | None = None) -> None:
        heard = self._heard.pop(address, [])
        services = {port: url for one in heard for url in one.services if (port := _port(url))}
        seen = _Seen(address)
        first = self._first if ports is None else ports
        answers = [await self._try(seen, port) for port in dict.fromkeys((*first, *services))]
        if ports is None and any(answers):  # somebody is there: a refusal is an answer too
            for port in self._rest:
                if port not in services:
                    await self._try(seen, port)
        if len(heard) > 1:  # several devices behind one address
            for one in heard:
                self._add(_one_of(one, seen))
        elif heard or seen.is_camera:
            self._add(seen.device(heard[0] if heard else None))

    async def _try(self, seen: _Seen, port: int) -> bool:
        """Whether anything answered at that port, if only with a refusal."""
        sock = await self._knock(seen.address, port)
        if isinstance(sock, bool):
            return sock
        stream = Stream(sock, f"{seen.address}:{port}")
        try:
            if port in web_ports() or not await self._rtsp(stream, seen, port):
                if port not in web_ports():  # it did not speak RTSP, and the connection is spent
                    stream.close()
                    again = await self._knock(seen.address, port)
                    if isinstance(again, bool):
                        return True
                    stream = Stream(again, stream.where)
                await self._web(stream, seen, port)
        finally:
            stream.close()
        return True

    async def _knock(self, address: str, port: int) -> socket.socket | bool:
        """The connection; else whether it was refused."""
        await self._pace.turn()
        self.connects += 1
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(KNOCK_S):
                await asyncio.get_running_loop().sock_connect(sock, (address, port))
        except ConnectionRefusedError:
            sock.close()
            return True
        except (OSError, TimeoutError):
            sock.close()
            return False
        except BaseException:
            sock.close()
            raise
        return sock

    async def _rtsp(self, stream: Stream, seen: _Seen, port: int) -> bool:
        authority = f"[{seen.address}]" if ":" in seen.address else seen.address
        url = f"rtsp://{authority}:{port}/"
        control = Control(stream, Authenticator("", ""), ANSWER_S)
        try:
            reply = await control.ask("OPTIONS", url)
            seen.rtsp.append(port)
            seen.hint(reply.headers.get("Server"), reply.headers.all("WWW-Authenticate"))
            reply = await control.ask("DESCRIBE", url, [("Accept", "application/sdp")])
            seen.hint(reply.headers.get("Server"), reply.headers.all("WWW-Authenticate"))
        except CameraError as error:
            seen.error = str(error) if port in seen.rtsp else ""
        return port in seen.rtsp

    async def _web(self, stream: Stream, seen: _Seen, port: int) -> None:
        asked = self._clock.now()
        try:
            answer = await self._call(stream, seen, "GetSystemDateAndTime")
            seen.web.append(port)
            seen.hint(answer.server, ())
            seen.banners += answer.realms
            envelope = signs.parse_soap(answer.body)
        except CameraError:
            return  # a web page, not a camera's ONVIF
        seen.onvif.append(port)
        if (told := signs.device_time(envelope)) is not None:
            seen.clock_offset_s = (to_micros(told) - (asked + self._clock.now()) // 2) / 1e6
        seen.information = await self._information(seen, port)

    async def _information(self, seen: _Seen, port: int) -> signs.Device:
        """Who it is, and its hardware address, of a device that tells anybody."""
        device = signs.Device()
        for operation in ("GetDeviceInformation", "GetNetworkInterfaces"):
            sock = await self._knock(seen.address, port)
            if isinstance(sock, bool):
                break
            stream = Stream(sock, f"{seen.address}:{port}")
            try:
                answer = await self._call(stream, seen, operation)
                if answer.status != 200:
                    break
                envelope = signs.parse_soap(answer.body)
            except CameraError:
                break
            finally:
                stream.close()
            if operation == "GetDeviceInformation":
                device = signs.device_information(envelope)
            else:
                seen.mac = signs.hardware_address(envelope)
        return device

    async def _call(self, stream: Stream, seen: _Seen, operation: str) -> signs.HttpAnswer:
        data = b""
        try:
            async with asyncio.timeout(ANSWER_S):
                await stream.write(signs.build_call(stream.where, operation))
                while not signs.http_complete(data):
                    data += await stream.read()
        except TimeoutError:
            raise CameraUnreachable(f"{stream.where}: no answer to {operation} within {ANSWER_S:g} s") from None
        except CameraError:
            if not data:
                raise  # else it closed to say that this is all
        return signs.parse_http(data)


class _Seen:
    """What one address gave away so far."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.rtsp: list[int] = []
        self.web: list[int] = []
        self.onvif: list[int] = []
        self.banners: list[str] = []
        self.information = signs.Device()
        self.clock_offset_s: float | None = None
        self.mac = ""
        self.error = ""

    def hint(self, server: str, challenges: Iterable[str]) -> None:
        self.banners += [text for text in (server[:200], *signs.realms(list(challenges))) if text]

    @property
    def is_camera(self) -> bool:
        """It speaks RTSP or ONVIF, or its web page is a camera maker's."""
        return bool(self.rtsp or self.onvif or (self.web and signs.identify("", self.banners)))

    def device(self, heard: Found | None) -> FoundDevice:
        information = self.information
        kind = signs.identify(information.manufacturer or (heard.hardware if heard else ""), self.banners)
        realm = next((found for banner in self.banners if (found := signs.mac_of_realm(banner))), "")
        host = f"[{self.address}]" if ":" in self.address else self.address
        services = tuple(f"http://{host}:{port}/onvif/device_service" for port in self.onvif)
        return FoundDevice(
            key=self.address,
            address=self.address,
            ports=tuple(sorted({*self.rtsp, *self.web})),
            onvif=bool(self.onvif or heard),
            services=heard.services if heard and heard.services else services,
            vendor=kind.brand if kind else information.manufacturer,
            family=kind.family if kind else "",
            model=information.model or (heard.hardware if heard else ""),
            name=heard.name if heard else "",
            serial=information.serial,
            mac=self.mac or realm or _neighbour(self.address),
            clock_offset_s=self.clock_offset_s,
            error=self.error,
        )


def _one_of(heard: Found, seen: _Seen) -> FoundDevice:
    """One of several devices that share an address: only what it said itself is its own."""
    kind = signs.identify(heard.hardware, [])
    ports = tuple(sorted({port for url in heard.services if (port := _port(url))}))
    return FoundDevice(
        key=heard.services[0] if heard.services else heard.endpoint,
        address=seen.address,
        ports=ports,
        onvif=True,
        services=heard.services,
        vendor=kind.brand if kind else "",
        family=kind.family if kind else "",
        model=heard.hardware,
        name=heard.name,
    )


def _neighbour(address: str) -> str:
    """Of a device on our own network the kernel knows the hardware address already."""
    try:
        return signs.parse_neighbours(_NEIGHBOURS.read_text()).get(address, "")
    except (OSError, ValueError):
        return ""


def _port(url: str) -> int:
    try:
        parts = urlsplit(url)
        return parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return 0
