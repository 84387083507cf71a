"""Work done ahead, in forks of this process: two cores read the next sheets while this one judges the last.

A fork has what this process has read already, and its result comes back through memory that no other process can open,
because sheets hold passwords in clear.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from khue.model.errors import KhueError


class ForkDied(KhueError):
    """A fork ended without a result: it had no memory left, or was killed."""


class _Fork(NamedTuple):
    pid: int
    memory: int


def in_forks(tasks: Iterable[Callable[[], bytes]], at_once: int) -> Iterator[bytes]:
    """The results in the order of the tasks, of which ``at_once`` run ahead. Raises ForkDied."""
    running: deque[_Fork] = deque()
    try:
        for task in tasks:
            running.append(_fork(task))
            if len(running) > at_once:
                yield _result(running.popleft())
        while running:
            yield _result(running.popleft())
    finally:
        for fork in running:
            os.kill(fork.pid, 9)
            os.waitpid(fork.pid, 0)
            os.close(fork.memory)


def _fork(task: Callable[[], bytes]) -> _Fork:
    memory = os.memfd_create("khue-sheet", os.MFD_CLOEXEC)
    pid = os.fork()
    if pid:
        return _Fork(pid, memory)
    status = 1
    try:
        with open(memory, "wb", closefd=False) as file:
            file.write(task())
        status = 0
    finally:  # nothing of the parent's is flushed or closed a second time, whatever happened
        os._exit(status)


def _result(fork: _Fork) -> bytes:
    try:
        _, status = os.waitpid(fork.pid, 0)
        if status:
            raise ForkDied(f"status {status}")
        with open(fork.memory, "rb", closefd=False) as file:
            file.seek(0)
            return file.read()
    finally:
        os.close(fork.memory)
