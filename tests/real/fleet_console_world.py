"""A centre with a whole fleet in its registry, or another world, and a browser in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import centre_world
from console_world import ARGUMENTS, CHROMIUM
from playwright.sync_api import Browser, Page, sync_playwright

from khue.centre.secrets import load_vault

sys.path.insert(0, str(Path(__file__).parents[2]))
from bench import fleet_rows


class FleetWorld:
    """``call`` runs a coroutine where the centre lives and gives its result."""

    def __init__(self, loop: asyncio.AbstractEventLoop, world: centre_world.World) -> None:
        self.loop = loop
        self.world = world
        self.browser: Browser

    def call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def fetch(self, statement: str, *arguments: object) -> list[Any]:
        """Rows straight from the database: what the console is compared with."""
        return list(self.call(self.world.engines.database.fetch(statement, *arguments)))

    @contextlib.contextmanager
    def page(self, address: str = "fleet", *, language: str = "en-GB", **context: Any) -> Iterator[Page]:
        """A signed-in page of its own profile at ``#/address``."""
        with self.browser.new_context(locale=language, **context) as profile:
            page = profile.new_page()
            failures: list[str] = []
            page.on("pageerror", lambda error: failures.append(str(error)))
            page.goto(f"{self.world.centre.url}/#/{address}")
            page.fill("input[name=username]", "admin")
            page.fill("input[name=password]", self.world.password)
            page.click("form button")
            page.wait_for_selector("nav")
            yield page
            assert failures == []


@contextlib.asynccontextmanager
async def _fleet(cameras: int) -> AsyncIterator[centre_world.World]:
    async with centre_world.world() as world:
        engines = world.engines
        await fleet_rows.load(engines.database, load_vault(world.config.keys), engines.node_keys, cameras)
        yield world


def running(cameras: int) -> contextlib.AbstractContextManager[FleetWorld]:
    """Everything up with that many cameras; all of it gone afterwards."""
    return watched(lambda: _fleet(cameras))


@contextlib.contextmanager
def watched(what: Callable[[], contextlib.AbstractAsyncContextManager[centre_world.World]]) -> Iterator[FleetWorld]:
    """A world in a thread with a loop of its own, and a browser in front of it, which waits in ours."""
    ready = threading.Event()
    made: list[FleetWorld] = []
    over = asyncio.Event()

    async def live() -> None:
        async with what() as world:
            made.append(FleetWorld(asyncio.get_running_loop(), world))
            ready.set()
            await over.wait()

    with ThreadPoolExecutor(1) as threads:
        centre = threads.submit(asyncio.run, live())
        centre.add_done_callback(lambda _: ready.set())
        ready.wait()
        if centre.done():
            centre.result()
        try:
            with sync_playwright() as playwright:
                made[0].browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
                yield made[0]
                made[0].browser.close()
        finally:
            made[0].loop.call_soon_threadsafe(over.set)
            centre.result()
