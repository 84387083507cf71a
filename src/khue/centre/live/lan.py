"""Short-lived tokens for viewers beside a node, and their end when the right to them ends."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from khue.centre.access.gate import Decision
from khue.centre.access.rules import Action
from khue.centre.access.service import Caller
from khue.centre.access.watch import AccessWatch
from khue.centre.ids import new_id
from khue.centre.link import NodeLink
from khue.model.camera import StreamName
from khue.model.errors import KhueError, LinkError
from khue.model.time import Clock, to_datetime
from khue.wire.token import Grant, sign

_log = logging.getLogger(__name__)
# A viewer shows a new one before; while the node is cut off, a right that ended lasts no longer than this.
LIVES_S = 60


class LanToken(NamedTuple):
    """``id`` is in the token."""

    id: str
    token: str
    expires: dt.datetime


class LanTokens:
    def __init__(self, key: Ed25519PrivateKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    @property
    def public_key(self) -> bytes:
        """Raw, as nodes get it in their desired state."""
        return self._key.public_key().public_bytes_raw()

    def make(self, camera: str, stream: StreamName, subject: str) -> LanToken:
        """For live pictures of one stream."""
        expires = self._clock.now() + LIVES_S * 1_000_000
        made = new_id()
        token = sign(Grant(camera, stream, ("live",), expires, subject, made), self._key)
        return LanToken(made, token, to_datetime(expires))


class LanViewings:
    """Each token that was given out is watched until it expires; its node is told when the right to it ends before."""

    def __init__(self, watch: AccessWatch, link: NodeLink) -> None:
        self._watch, self._link = watch, link
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, caller: Caller, camera: str, decision: Decision, node: str, token: str) -> None:
        """``token`` is its id."""
        task = asyncio.create_task(self._follow(caller, camera, decision, node, token), name=f"at node {node}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """The tokens run out by themselves."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, caller: Caller, camera: str, decision: Decision, node: str, token: str) -> None:
        with self._watch.watching(caller, Action.LIVE, camera, decision) as watched:
            try:
                async with asyncio.timeout(LIVES_S):
                    await watched.ended()
            except TimeoutError:
                return
            except KhueError:
                try:
                    await self._link.end_viewing(node, (token,))
                except LinkError as error:
                    _log.warning("node %s ends a viewing only when its token expires: %s", node, error)
