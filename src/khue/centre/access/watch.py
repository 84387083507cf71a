"""What is open is looked at again and again: when the right to it ends, so does it, within two seconds."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

import msgspec

from khue.centre.access.gate import Decision, GrantGate
from khue.centre.access.refusals import Verdict
from khue.centre.access.rules import RIGHT_OF, Action
from khue.centre.access.scope import NO_SUCH_CAMERA
from khue.centre.access.service import Caller
from khue.centre.audit.log import AccessLog, Entry
from khue.centre.errors import Unauthenticated
from khue.centre.identity.sessions import Sessions
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries
from khue.model.errors import KhueError, LinkError, NotFound, Unavailable
from khue.wire.bus import Bus, Received, Subscription

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_SUBJECT = "khue.access"
_LOOK_S = 0.5
_AT_ONCE = 200  # decisions in one statement


class Watched:
    """One thing somebody has open: a live picture, the news, a recording on its way."""

    def __init__(self, caller: Caller, action: Action, camera: str, decision: Decision) -> None:
        self.caller, self.action, self.camera = caller, action, camera
        self.version = decision.version
        self.until = dt.datetime.min.replace(
            tzinfo=dt.UTC
        )  # looked at once more soon: it may have changed since it was allowed
        self._error: KhueError | None = None
        self._ended = asyncio.Event()
        self._moved = asyncio.Event()

    def check(self) -> None:
        """Raises Refusal, NotFound or Unauthenticated once it may not go on."""
        if self._error is not None:
            raise self._error

    async def ended(self) -> None:
        """Raises the same as soon as it may not go on; never returns otherwise."""
        await self._ended.wait()
        self.check()

    async def moved(self) -> None:
        """Returns when something changed of who may see what, whoever it is."""
        await self._moved.wait()
        self._moved.clear()

    def move(self) -> None:
        self._moved.set()

    def end(self, error: KhueError) -> None:
        self._error = error
        self._ended.set()


class _Asked(msgspec.Struct, frozen=True):
    """One question to the gate; many may have the same."""

    account: str
    right: str
    camera: str
    purpose: str
    held_to: str


class AccessWatch:
    """One loop in each replica, over everything open in it."""

    def __init__(self, database: Database, bus: Bus, gate: GrantGate, log: AccessLog, sessions: Sessions) -> None:
        self._database, self._bus, self._gate, self._log, self._sessions = database, bus, gate, log, sessions
        self._open: set[Watched] = set()
        self._epoch = -1
        self._wake = asyncio.Event()
        self._subscription: Subscription | None = None

    @contextlib.contextmanager
    def watching(self, caller: Caller, action: Action, camera: str, decision: Decision) -> Iterator[Watched]:
        """For as long as it is open."""
        watched = Watched(caller, action, camera, decision)
        self._open.add(watched)
        try:
            yield watched
        finally:
            self._open.discard(watched)

    async def guard(
        self, caller: Caller, action: Action, camera: str, decision: Decision, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        """The pieces, broken off when the right to them ends."""
        try:
            with self.watching(caller, action, camera, decision) as watched:
                async for piece in pieces:
                    watched.check()
                    yield piece
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()

    async def changed(self) -> None:
        """Something was given or revoked: every replica looks at once, and soon in any case."""
        self._wake.set()
        with contextlib.suppress(LinkError):
            await self._bus.publish(_SUBJECT, b"")

    async def run(self) -> None:
        """Until cancelled."""
        self._subscription = await self._bus.subscribe(_SUBJECT, self._told)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self._wake.wait()
                self._wake.clear()
                if not self._open:
                    continue
                try:
                    await self._look()
                except Unavailable as error:  # no reason to end what was allowed
                    _log.info("what is open is looked at again when the database is back: %s", error)
        finally:
            await self._subscription.unsubscribe()

    async def _told(self, _: Received) -> None:
        self._wake.set()

    async def _look(self) -> None:
        epoch = await self._database.fetchval(_SQL["epoch"])
        await self._signed_out()
        now = dt.datetime.now(dt.UTC)
        moved = epoch != self._epoch
        due = [watched for watched in self._open if moved or watched.until <= now]
        for start in range(0, len(due), _AT_ONCE):
            await self._decide(due[start : start + _AT_ONCE])
        if moved:
            self._epoch = epoch
            for watched in self._open:
                watched.move()

    async def _signed_out(self) -> None:
        sessions = sorted({watched.caller.session for watched in self._open} - {""})
        tokens = list({watched.caller.token for watched in self._open} - {b""})
        good: set[str] = await self._sessions.still_good(sessions) if sessions else set()
        rows = await self._database.fetch(_SQL["good_tokens"], tokens) if tokens else []
        kept = {row["token_hash"] for row in rows}
        for watched in list(self._open):
            caller = watched.caller
            if (caller.session and caller.session not in good) or (caller.token and caller.token not in kept):
                await self._end(watched, Unauthenticated("you are not signed in, or no longer"))

    async def _decide(self, due: Sequence[Watched]) -> None:
        asked: dict[_Asked, list[Watched]] = {}
        for watched in due:
            right = RIGHT_OF[watched.action]
            account = watched.caller.account
            if right is not None:
                held_to = "" if account.only_grants is None else ",".join(account.only_grants)
                question = _Asked(account.id, right, watched.camera, watched.caller.stated.purpose, held_to)
                asked.setdefault(question, []).append(watched)
        columns = map(list, zip(*map(msgspec.structs.astuple, asked), strict=True)) if asked else ([],) * 5
        rows = await self._database.fetch(_SQL["decide_all"], *columns)
        for row, several in zip(rows, asked.values(), strict=True):
            for watched in several:
                await self._judge(watched, row)

    async def _judge(self, watched: Watched, row: Row) -> None:
        right = RIGHT_OF[watched.action]
        assert right is not None
        verdict = Verdict(row["verdict"])
        stated = watched.caller.stated
        if verdict is Verdict.ALLOWED:
            if row["needs_case"] and not stated.case.strip():
                verdict = Verdict.NEEDS_CASE
            elif row["needs_reason"] and not stated.reason.strip():
                verdict = Verdict.NEEDS_REASON
            elif row["needs_second"] and row["version"] != watched.version:  # the same version had the second word
                verdict = Verdict.NEEDS_SECOND
        if verdict is Verdict.ALLOWED:
            watched.until = row["until"]
        elif verdict is Verdict.UNKNOWN:
            await self._end(watched, NotFound(NO_SUCH_CAMERA))
        else:
            await self._end(watched, await self._gate.refusal(verdict, right, watched.camera, row))

    async def _end(self, watched: Watched, error: KhueError) -> None:
        watched.end(error)
        self._open.discard(watched)
        caller = watched.caller
        entry = Entry(
            *(
                caller.account.id,
                caller.account.username,
                str(watched.action),
                caller.address,
                "refused",
                watched.camera,
            ),
            purpose=caller.stated.purpose,
            case_number=caller.stated.case,
            reason=caller.stated.reason,
            detail=f"ended: {error}"[:500],
        )
        await self._log.write(entry)
