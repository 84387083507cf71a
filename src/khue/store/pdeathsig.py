"""Run as a program: become another user, arrange to be signalled when the parent dies, turn into a command.

    python -I -S pdeathsig.py SIGNAL UID GID PARENT COMMAND [ARGUMENT...]

A program of its own rather than a ``preexec_fn``: nothing runs between fork and exec in a process that has threads. UID -1
keeps the user. PR_SET_PDEATHSIG (prctl(2)) is cleared by a change of user, so it is set after it; it fires when the
*thread* that started us ends, so engines are started from the supervisor's main thread.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _main(death_signal: int, uid: int, gid: int, parent: int, command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the promise was made
        os.kill(os.getpid(), signal.SIGKILL)
    os.execv(command[0], command)


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
