"""One task owns one stream: connect, keep alive, notice the end, say why, wait, again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import Callable

from khue.camera.session import PlayingSession, open_session
from khue.model.backoff import Backoff
from khue.model.camera import CameraState, StreamName
from khue.model.coverage import GapCause
from khue.model.errors import (
    CameraError,
    CameraProtocolError,
    CameraRefused,
    CameraStalled,
    CameraUnreachable,
    KhueError,
)
from khue.model.media import Codec
from khue.model.time import Clock
from khue.node.pump import Pump
from khue.node.receiver import Receiver
from khue.video.arena import Arena
from khue.video.log import LoggedStream, LogWriter
from khue.video.nal import nal_type
from khue.video.sps import picture_size
from khue.wire.link import CameraSpec, StreamCounters, StreamSpec, StreamStatus

LOOK_EVERY_S = 4.0  # between looks at a stream that plays: its size, its clock, its keep-alive
STEADY_S = 10.0  # a session that lived this long makes the next failure the first again
RETRY_S = (0.5, 30.0)  # first and longest wait before another try
REFUSED_RETRY_S = (10.0, 300.0)  # a wrong password is not tried often: cameras lock accounts
ADMITTED_S = 1.0  # for which a connect counts as under way: whoever takes longer waits, and costs nothing while it does
HANDSHAKE_S = 30.0

_log = logging.getLogger(__name__)


class Shared:
    """What the tasks of one worker have in common."""

    def __init__(
        self, pump: Pump, arena: Arena, log: LogWriter, clock: Clock, connects: int, chance: random.Random
    ) -> None:
        self.pump = pump
        self.arena = arena
        self.log = log
        self.clock = clock
        self.admission = asyncio.Semaphore(connects)  # handshakes under way at once
        self.chance = chance


class StreamTask:
    """The state of one stream of one camera, and the only writer of it."""

    def __init__(
        self, shared: Shared, camera: CameraSpec, spec: StreamSpec, on_status: Callable[[StreamStatus], None]
    ) -> None:
        self.camera = camera
        self.spec = spec
        self.receiver: Receiver | None = None
        self.on_playing: Callable[[Receiver], None] = lambda receiver: None
        self._shared = shared
        self._on_status = on_status
        self._logged: LoggedStream | None = None
        self._status = StreamStatus(
            camera=camera.id, stream=spec.name, state=CameraState.CONNECTING, since=shared.clock.now()
        )
        self._ended_counters = StreamCounters(camera=camera.id, stream=spec.name)
        self._task: asyncio.Task[None] | None = None
        self._steady = False
        self._sets: tuple[bytes, ...] = ()
        self._size = (0, 0)

    @property
    def name(self) -> StreamName:
        return self.spec.name

    @property
    def status(self) -> StreamStatus:
        return self._status

    def start(self) -> None:
        now = self._shared.clock.now()
        if self.spec.record:
            self._logged = self._shared.log.stream(self.camera.id, self.spec.name, self.camera.retention_class)
            enabled = (
                (GapCause.NODE, "connecting") if self.camera.enabled else (GapCause.POLICY, "recording is switched off")
            )
            self._shared.log.happened(self._logged, "begin", now, *enabled, since=self.camera.since)
        if not self.camera.enabled:
            self._say(CameraState.DISABLED, None, "recording is switched off")
            return
        self._say(CameraState.CONNECTING, None, "")
        self._task = asyncio.create_task(self.run(), name=f"{self.camera.id}/{self.spec.name}")

    async def stop(self, *, expected: bool) -> None:
        """End it. ``expected``: the camera goes on elsewhere or later, so what follows is no concern of this ledger."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._logged and expected:
            self._shared.log.happened(self._logged, "end", self._shared.clock.now(), GapCause.POLICY, "")

    async def run(self) -> None:
        """Supervise: the only loop that may not end."""
        waits = Backoff(*RETRY_S, self._shared.chance)
        refused_waits = Backoff(*REFUSED_RETRY_S, self._shared.chance, least=0.5)
        while True:
            try:
                await self.run_once()
            except CameraError as error:
                self._failed(error)
            except KhueError as error:
                self._failed(CameraProtocolError(str(error), cause=GapCause.NODE))
            except OSError as error:
                reason = error.strerror or type(error).__name__
                self._failed(CameraUnreachable(f"this node cannot open a connection ({reason})", cause=GapCause.NODE))
            except Exception as error:  # noqa: BLE001 - a fault of our own must not end the recording of this camera for good
                _log.exception("%s/%s failed", self.camera.id, self.spec.name)
                words = f"the recorder failed on this camera ({type(error).__name__}); report it with the node's log"
                self._failed(CameraProtocolError(words, cause=GapCause.NODE))
            if self._steady:
                waits.reset()
                refused_waits.reset()
            refused = self._status.state is CameraState.REFUSED
            await asyncio.sleep(refused_waits.next() if refused else waits.next())

    async def run_once(self) -> None:
        """One session from connect to its end, which is always an exception."""
        shared = self._shared
        self._steady = False
        session = await self._connect()
        ended: asyncio.Future[CameraError] = asyncio.get_running_loop().create_future()

        def end(error: CameraError) -> None:
            if not ended.done():
                ended.set_result(error)

        receiver: Receiver | None = None
        began = shared.clock.monotonic()
        try:
            receiver = Receiver(session, self._logged, shared.arena, shared.log, shared.clock.now())
            shared.pump.add(receiver, end)
            self.receiver = receiver
            self.on_playing(receiver)
            await self._keep(session, receiver, ended)
        finally:
            self.receiver = None
            if receiver:
                shared.pump.remove(receiver)
                self._ended_counters = self._counters(receiver)
                self._steady = receiver.playing and shared.clock.monotonic() - began > STEADY_S
            with contextlib.suppress(OSError):
                session.sock.send(session.teardown())
            session.close()

    async def _connect(self) -> PlayingSession:
        """A playing session, once it is this stream's turn to ask for one."""
        admission = self._shared.admission
        await admission.acquire()
        with contextlib.ExitStack() as admitted:
            admitted.callback(admission.release)
            waiting = asyncio.get_running_loop().call_later(ADMITTED_S, admitted.close)
            admitted.callback(waiting.cancel)
            try:
                async with asyncio.timeout(HANDSHAKE_S):
                    return await open_session(
                        self.spec.url,
                        self.camera.username,
                        self.camera.password,
                        transport=self.spec.transport,
                        tls_verify=self.camera.tls_verify,
                    )
            except TimeoutError:
                raise CameraUnreachable(
                    f"the camera answers, but did not get to play within {HANDSHAKE_S:.0f} s; restart it",
                    cause=GapCause.CAMERA,
                ) from None

    async def _keep(self, session: PlayingSession, receiver: Receiver, ended: asyncio.Future[CameraError]) -> None:
        clock = self._shared.clock
        next_alive = clock.monotonic() + session.keepalive_every_s
        told = (-1, -1)
        pause = 0.1
        while True:
            await asyncio.wait([ended], timeout=pause)
            if ended.done():
                raise ended.result()
            if receiver.playing:
                told = self._playing(receiver, told)
                pause = min(LOOK_EVERY_S, max(0.1, next_alive - clock.monotonic()))
            if clock.monotonic() >= next_alive or session.keepalive_due:
                pause = 1.0  # the answer may ask for another at once
                next_alive = clock.monotonic() + session.keepalive_every_s
                try:
                    session.sock.send(session.keepalive())
                except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    continue  # the camera does not read just now; the next one will do
                except OSError as error:
                    raise CameraUnreachable(
                        f"the camera broke the connection ({error.strerror})", cause=GapCause.CAMERA
                    ) from error

    def _playing(self, receiver: Receiver, told: tuple[int, int]) -> tuple[int, int]:
        """Report recording, and again when the picture's size or the camera's clock turns out different."""
        if receiver.parameter_sets != self._sets:
            self._sets = receiver.parameter_sets
            self._size = _picture_size(receiver.video, self._sets)
        size = self._size
        offset = receiver.clock_offset_ms
        known = self._status.clock_offset_ms
        moved = offset is not None and (known is None or abs(offset - known) > 1000)
        if size == told and not moved and self._status.state is CameraState.RECORDING:
            return told
        self._say(CameraState.RECORDING, None, "", receiver.video, size, offset)
        return size

    def _failed(self, error: CameraError) -> None:
        if isinstance(error, CameraStalled):
            state = CameraState.STALLED
        elif isinstance(error, CameraRefused):
            state = CameraState.REFUSED
        else:
            state = CameraState.UNREACHABLE
        if self._logged:
            self._shared.log.happened(self._logged, "fail", self._shared.clock.now(), error.cause, str(error))
        self._say(state, error.cause, str(error))

    def _say(
        self,
        state: CameraState,
        cause: GapCause | None,
        detail: str,
        codec: Codec | None = None,
        size: tuple[int, int] = (0, 0),
        offset: int | None = None,
    ) -> None:
        old = self._status
        same = old.state is state and old.detail == detail
        self._status = StreamStatus(
            camera=self.camera.id,
            stream=self.spec.name,
            state=state,
            since=old.since if old.state is state else self._shared.clock.now(),
            detail=detail,
            cause=cause,
            codec=codec or old.codec,
            width=size[0] or old.width,
            height=size[1] or old.height,
            clock_offset_ms=offset if offset is not None else old.clock_offset_ms,
        )
        if same and self._status == old and state is not CameraState.CONNECTING:
            return
        self._shared.log.status(self._status)
        self._on_status(self._status)

    def counters(self) -> StreamCounters:
        """Totals since the task began."""
        return self._counters(self.receiver) if self.receiver else self._ended_counters

    def _counters(self, receiver: Receiver) -> StreamCounters:
        before = self._ended_counters
        return StreamCounters(
            camera=self.camera.id,
            stream=self.spec.name,
            recorded_until=receiver.recorded_until or before.recorded_until,
            frames=before.frames + receiver.frames,
            bytes=before.bytes + receiver.bytes,
            packets_lost=before.packets_lost + receiver.lost,
        )


def _picture_size(codec: Codec, parameter_sets: tuple[bytes, ...]) -> tuple[int, int]:
    """Width and height from the sequence parameter set, (0, 0) while there is none that can be read."""
    for unit in parameter_sets:
        if codec.is_video and nal_type(codec, unit) == (33 if codec is Codec.H265 else 7):
            return picture_size(codec, unit) or (0, 0)
    return 0, 0
