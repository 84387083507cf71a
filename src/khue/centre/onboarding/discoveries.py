"""Discoveries: a node is sent to look for cameras, and what it finds is kept. Design: design/08."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from khue.centre.access.rules import Account
from khue.centre.access.scope import as_reader
from khue.centre.errors import Invalid
from khue.centre.ids import new_id
from khue.centre.link import NodeLink
from khue.centre.ports import Database, Row
from khue.centre.sql import Queries
from khue.model.errors import ConfigError, Conflict, KhueError, LinkError, NotFound
from khue.model.ranges import inside, parse_ranges
from khue.wire.onboarding import SCAN_LEASE_S, FoundDevice, ScanReply, ScanRequest, ScanState

_log = logging.getLogger(__name__)
_SQL = Queries(__file__)
_LOOK_S = 5.0  # for discoveries another replica left
_ASK_S = 0.5
_LEASE_S = 15.0
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_GONE = "the node was started anew before it was done; what it had found is kept; look again for the rest"


class Discoveries:
    """Orders go into a table; every replica follows those nobody follows."""

    def __init__(self, database: Database, link: NodeLink) -> None:
        self._database = database
        self._link = link
        self._worker = new_id()
        self._wanted = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(
        self, by: Account, node: str, ranges: Sequence[str] | None, *, multicast: bool, ports: Sequence[int] = ()
    ) -> str:
        """The new discovery's id. Raises NotFound, Invalid (not declared), Conflict (that node is looking already)."""
        row = await self._database.fetchrow(_SQL["node_ranges"], node)
        if row is None:
            raise NotFound(f"there is no node {node}")
        asked = _allowed(node, row["ranges"], ranges)
        if not all(0 < port < 65536 for port in ports) or len(ports) > 32:
            raise Invalid("up to 32 ports, each 1 to 65535")
        if asked == [] and not multicast:
            raise Invalid("nothing to look in; give a range, or ask by multicast")
        if not row["alive"]:
            raise LinkError(f"node {node} is not heard of; start it, then look for cameras")
        discovery = new_id()
        arguments = (discovery, node, asked, multicast, list(ports), by.username)
        if await self._database.fetchval(_SQL["add_discovery"], *arguments) is None:
            raise Conflict(f"node {node} is looking for cameras already; wait until it is done, or cancel that")
        self._wanted.set()
        return discovery

    async def cancel(self, discovery: str) -> None:
        """It ends within seconds; what was found is kept. Raises NotFound."""
        if await self._database.fetchval(_SQL["cancel_discovery"], discovery) is None:
            raise NotFound("there is no such discovery under way")

    async def get(self, discovery: str) -> Row:
        row = await self._database.fetchrow(_SQL["discovery_by_id"], discovery)
        if row is None:
            raise NotFound("there is no such discovery")
        return row

    async def find(self, limit: int) -> list[Row]:
        """Newest first."""
        return list(await self._database.fetch(_SQL["list_discoveries"], limit))

    async def found(
        self, reader: Account, discovery: Row, after: int, limit: int
    ) -> tuple[list[Row], dict[str, tuple[str, str]]]:
        """(devices in the order they were found, key to the camera it is in the registry, as ``reader`` sees it, and how)."""
        rows = list(await self._database.fetch(_SQL["discovered"], discovery["id"], after, limit))
        columns = (
            [row["key"] for row in rows],
            [row["mac"] or "" for row in rows],
            [row["serial"] for row in rows],
            [row["address"] if row["key"] == row["address"] else urlsplit(row["key"]).netloc for row in rows],
        )
        async with as_reader(self._database, reader) as session:
            fits = await session.fetch(_SQL["match_discovered"], discovery["node"], *columns)
        return rows, {row["key"]: (row["camera"], row["how"]) for row in fits}

    # -- following them --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled; those under way are taken up by another replica, or by the next start."""
        try:
            while True:
                try:
                    await self._take()
                except KhueError as error:
                    _log.info("discoveries wait: %s", error)
                try:
                    async with asyncio.timeout(_LOOK_S):
                        await self._wanted.wait()
                except TimeoutError:
                    pass
                self._wanted.clear()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self) -> None:
        while (row := await self._database.fetchrow(_SQL["claim_discovery"], self._worker, _LEASE_S)) is not None:
            task = asyncio.create_task(self._follow(row), name=f"discovery {row['id']}")
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a discovery is taken up again", exc_info=error)

    async def _follow(self, row: Row) -> None:
        discovery, received, cancelling = row["id"], row["received"], row["cancelling"]
        started, silent_since = row["started_there"], time.monotonic()
        while True:
            request = ScanRequest(
                id=discovery,
                start=not started and not cancelling,
                cancel=cancelling,
                received=received,
                ranges=None if row["ranges"] is None else tuple(row["ranges"]),
                multicast=row["multicast"],
                ports=tuple(row["ports"]),
            )
            try:
                reply = await self._link.scan(row["node"], request)
            except LinkError as error:
                if time.monotonic() - silent_since > SCAN_LEASE_S:
                    await self._finish(discovery, ScanState.FAILED, str(error))
                    return
                cancelling = await self._database.fetchval(_SQL["hold_discovery"], discovery, self._worker, _LEASE_S)
                if cancelling is None:
                    return  # another replica follows it now
                await asyncio.sleep(_ASK_S)
                continue
            silent_since = time.monotonic()
            if reply.state is ScanState.UNKNOWN:
                state = ScanState.CANCELLED if cancelling and not started else ScanState.FAILED
                await self._finish(discovery, state, reply.error or (_GONE if started else ""))
                return
            started = True
            kept = await self._keep(discovery, received, reply)
            if kept is None:
                return  # as above
            received, cancelling = kept
            if reply.state is not ScanState.RUNNING and not reply.found:
                await self._finish(discovery, reply.state, reply.error)
                return
            await asyncio.sleep(0 if reply.found else _ASK_S)

    async def _keep(self, discovery: str, received: int, reply: ScanReply) -> tuple[int, bool] | None:
        """(received so far, whether it is to end); None when another replica follows it."""
        async with self._database.transaction() as session:
            row = await session.fetchrow(
                _SQL["advance_discovery"],
                *(discovery, self._worker, reply.total, reply.asked, reply.outside, len(reply.found), _LEASE_S),
            )
            if row is None:
                return None
            rows = [_row(discovery, received + number, found) for number, found in enumerate(reply.found, 1)]
            await session.executemany(_SQL["add_discovered"], rows)
        return int(row["received"]), bool(row["cancelling"])

    async def _finish(self, discovery: str, state: ScanState, error: str) -> None:
        await self._database.execute(_SQL["finish_discovery"], discovery, self._worker, str(state), error)


def _allowed(node: str, declared: Sequence[str], asked: Sequence[str] | None) -> list[str] | None:
    """None for all. The node holds to its ranges by itself; here a person is told at once."""
    try:
        own = parse_ranges(declared, public=True)
        wanted = None if asked is None else parse_ranges(asked, public=True)
    except ConfigError as error:
        raise Invalid(str(error)) from None
    if not own:
        raise Invalid(
            f"node {node} may not look for cameras: its administrator has declared no scan_ranges; add them to its "
            "configuration and start it again"
        )
    if wanted is None:
        return None
    beyond = [str(network) for network in wanted if not inside(network, own)]
    if beyond:
        raise Invalid(
            f"{', '.join(beyond)} lies outside what the administrator of node {node} has declared "
            f"({', '.join(map(str, own))}); ask for less, or have it declared there in scan_ranges"
        )
    return [str(network) for network in wanted]


def _row(discovery: str, number: int, found: FoundDevice) -> tuple[object, ...]:
    """What a device says of itself is anybody's text: it must not break the batch it comes in."""
    texts = (found.vendor, found.family, found.model, found.name, found.serial)
    return (
        *(discovery, _text(found.key), number, _text(found.address), list(found.ports), found.onvif),
        [_text(url) for url in found.services[:16]],
        *map(_text, texts),
        found.mac if _MAC.fullmatch(found.mac) else None,
        *(found.clock_offset_s, _text(found.error)),
    )


def _text(value: str) -> str:
    return value.replace("\0", "")[:500]
