"""A server program kept running: started, watched, restarted when it dies, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from khue.model.errors import Unavailable

_log = logging.getLogger(__name__)

_LAUNCHER = Path(__file__).with_name("pdeathsig.py")
_LOG_LIMIT = 10 * 1024 * 1024  # bytes; the log before is kept as .1
_LIVED = 10.0  # seconds; one that ran this long restarts at once
_MAX_PAUSE = 2.0


class Supervised:
    """One foreground child in its own process group, which dies with this process even by ``kill -9``.

    ``ready`` is asked again and again until it returns True; it raises nothing. Start from the main thread.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[], Sequence[str]],
        ready: Callable[[], Awaitable[bool]],
        log: Path,
        *,
        stop_signal: signal.Signals,
        user: pwd.struct_passwd | None = None,
        directory: Path = Path("/"),
        environment: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.restarts = 0
        self._command = command
        self._ready = ready
        self._stop_signal = stop_signal
        self._user = user
        self._directory = directory
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """Of the running child; None between its death and its restart."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self, timeout: float = 30.0) -> None:
        """Return once it is ready. Raises Unavailable, with the end of its log, when it is not in ``timeout`` s."""
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name=f"engine {self.name}")
        try:
            async with asyncio.timeout(timeout):
                await self._up.wait()
        except TimeoutError:
            await self.stop()
            raise Unavailable(
                f"{self.name} did not start in {timeout:.0f} s; its log {self.log} ends: {self._log_end()}"
            ) from None

    async def stop(self, timeout: float = 20.0) -> None:
        """Ask it to stop, wait, and kill its whole group when it does not."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self._stop_signal)
            try:
                async with asyncio.timeout(timeout):
                    await process.wait()
            except TimeoutError:
                _log.warning("%s did not stop in %.0f s and is killed", self.name, timeout)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._up.clear()

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the running child, if there is one."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pause = 0.1
        while True:
            began = loop.time()
            process = self._process = await self._spawn()
            watcher = asyncio.create_task(self._watch_ready())
            try:
                code = await process.wait()
            finally:
                watcher.cancel()
            if self._stopping:
                return
            self._up.clear()
            self.restarts += 1
            pause = 0.1 if loop.time() - began > _LIVED else min(pause * 2, _MAX_PAUSE)
            _log.warning("%s ended with %s and is restarted in %.1f s; see %s", self.name, code, pause, self.log)
            await asyncio.sleep(pause)

    async def _spawn(self) -> asyncio.subprocess.Process:
        uid, gid = (self._user.pw_uid, self._user.pw_gid) if self._user is not None else (-1, -1)
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(int(self._stop_signal))]
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *launcher,
                *(str(uid), str(gid), str(os.getpid())),
                *self._command(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._directory,
                env=self._environment,
                process_group=0,  # a Ctrl-C in the terminal must not stop the engines before us
            )

    async def _watch_ready(self) -> None:
        while not await self._ready():  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0.05)
        self._up.set()

    def _log_end(self) -> str:
        if not self.log.exists():
            return "(empty)"
        return self.log.read_text(errors="replace")[-600:].strip()
