"""Live and playback in a real browser, on the whole product: delays, first pictures, seeks, a full wall, and CPU per viewer.

- **hub_to_picture_ms**: from the arrival of a picture at the node to its hand-over to the screen, as the console's players
  count it.
- **camera_to_picture_ms**: from the last byte of a picture leaving the camera to the screen: the number burned into the
  picture is read off the video element and looked up in the camera's own ledger; node, centre and console are not asked.
- **first_picture_ms**: from opening a tile to its first picture. **seek_ms**: from a jump in time to the first picture of that
  instant; every jump goes back behind what the player holds.
- **wall**: sixteen tiles in one page; pictures per second that reach the screen, of the worst tile too.
- **viewer_core_percent**: processor time of centre and node (their engines included) for one more viewer of a 2 Mb/s main
  stream, in percent of one core; viewers of different cameras (each is remuxed for its first viewer) and of the same camera.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from websockets.asyncio.client import connect

from bench import process
from bench.measure import say
from bench.product import SUB, Product, rounded, running, script, until
from bench.spread import percentile, spread
from bench.table import markdown

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
TILES = 16
WATCH_S = 10.0
FIRST_PICTURES = 16
SEEKS = 15
HISTORY_S = 70.0


def missing() -> str:
    """Why it cannot run on this machine; empty when it can."""
    return "" if CHROMIUM.exists() else "install Debian's chromium"


def measure(folder: Path) -> dict[str, Any]:
    """All of it, in one run of the product."""
    with contextlib.ExitStack() as stack:
        product = stack.enter_context(running(folder, TILES))
        began = time.monotonic()
        say(f"{TILES} cameras record; viewers without a browser ...")
        results: dict[str, Any] = {"viewer_core_percent": _viewers(product)}
        with (
            _browser() as browser,
            browser.new_context(locale="en-GB", viewport={"width": 1600, "height": 900}) as profile,
        ):
            _sign_in(profile, product)
            say("live ...")
            results |= _delays(profile, product)
            results["first_picture_ms"] = spread(_first_pictures(profile, product))
            say("sixteen tiles ...")
            results["wall"] = _wall(profile, product)
            time.sleep(max(0.0, HISTORY_S - (time.monotonic() - began)))
            say("playback ...")
            results["seek_ms"] = spread(_seeks(profile, product))
    return dict(rounded(results))


@contextlib.contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def _sign_in(profile: BrowserContext, product: Product) -> None:
    page = profile.new_page()
    page.goto(product.url)
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", product.password)
    page.click("form button")
    page.wait_for_selector("nav")
    page.close()


@contextlib.contextmanager
def _wall_page(profile: BrowserContext, product: Product, cameras: Sequence[str]) -> Iterator[Page]:
    page = profile.new_page()
    page.goto(f"{product.url}/#/wall?t={','.join(cameras)}")
    page.wait_for_selector("nav")
    try:
        yield page
    finally:
        page.close()


def _players(page: Page) -> dict[str, dict[str, Any]]:
    return {player["camera"]: player for player in page.evaluate("window.__khue ? window.__khue.players : []")}


def _playing(page: Page, cameras: Sequence[str], mode: str = "live") -> None:
    def moving() -> bool:
        players = _players(page)
        return all(
            camera in players
            and players[camera]["mode"] == mode
            and players[camera]["state"] == "playing"
            and players[camera]["frames"] > 0
            for camera in cameras
        )

    until(moving)


def _delays(profile: BrowserContext, product: Product) -> dict[str, Any]:
    camera = product.cameras[0]
    with _wall_page(profile, product, [camera]) as page:
        _playing(page, [camera])
        time.sleep(2.0)
        page.locator(f"video[data-camera='{camera}']").first.evaluate(script("live.js"))
        time.sleep(WATCH_S)
        seen: list[tuple[int, float]] = page.evaluate("window.benchSeen")
        player = _players(page)[camera]
    name = product.city.cards[0]["name"]
    walls: dict[int, list[float]] = {}
    for session in product.city.sent(name, player["stream"]):
        for number, wall in zip(session.numbers, session.wall, strict=True):
            walls.setdefault(number, []).append(wall / 1000)
    delays = [
        shown - max(before)
        for number, shown in seen
        if (before := [wall for wall in walls.get(number, ()) if wall <= shown])
    ]
    return {
        "hub_to_picture_ms": {"p50": player["delayMs"]["p50"], "p95": player["delayMs"]["p95"]},
        "camera_to_picture_ms": spread(delays),
    }


def _first_pictures(profile: BrowserContext, product: Product) -> list[float]:
    found = []
    for turn in range(FIRST_PICTURES):
        camera = product.cameras[turn % len(product.cameras)]
        with _wall_page(profile, product, [camera]) as page:
            _playing(page, [camera])
            found.append(float(_players(page)[camera]["firstPictureMs"]))
    return found


def _wall(profile: BrowserContext, product: Product) -> dict[str, Any]:
    with _wall_page(profile, product, product.cameras) as page:
        _playing(page, product.cameras)
        before, began = _players(page), time.monotonic()
        time.sleep(WATCH_S)
        after, took = _players(page), time.monotonic() - began
    rates = [(after[camera]["frames"] - before[camera]["frames"]) / took for camera in product.cameras]
    live = [camera for camera in product.cameras if after[camera]["state"] == "playing"]
    return {
        "tiles": len(product.cameras),
        "live": len(
            [camera for camera, rate in zip(product.cameras, rates, strict=True) if rate > 1 and camera in live]
        ),
        "fps_sent": SUB.fps,
        "fps_p50": percentile(rates, 0.5),
        "fps_worst": min(rates),
        "hub_to_picture_p95_ms": percentile(
            [after[camera]["delayMs"]["p95"] or 0.0 for camera in product.cameras], 0.5
        ),
    }


def _seeks(profile: BrowserContext, product: Product) -> list[float]:
    """Ten seconds back and again, from live until the recording's beginning comes near."""
    found: list[float] = []
    camera = product.cameras[1]
    with _wall_page(profile, product, [camera]) as page:
        while len(found) < SEEKS:
            page.keyboard.press("l")
            _playing(page, [camera])
            for _ in range(5):
                before = _players(page)[camera]["seekMs"]
                page.keyboard.press("j")
                found.append(_next_seek(page, camera, before))
    return found[:SEEKS]


def _next_seek(page: Page, camera: str, before: float | None) -> float:
    """How long the jump just made takes."""

    def done() -> float | None:
        took: float | None = _players(page).get(camera, {}).get("seekMs")
        return took if took != before else None

    return float(until(done))


# -- viewers without a browser


def _viewers(product: Product) -> dict[str, Any]:
    return asyncio.run(_measure_viewers(product))


async def _measure_viewers(product: Product) -> dict[str, Any]:
    idle = await _cost(product, 5.0)
    different = await _watched(product, product.cameras)
    same = await _watched(product, [product.cameras[0]] * len(product.cameras))
    one = await _watched(product, [product.cameras[0]])
    count = len(product.cameras)
    return {
        "different_cameras": (different - idle) * 100 / count,
        "same_camera": (same - one) * 100 / (count - 1),
    }


async def _cost(product: Product, seconds: float) -> float:
    """Cores that centre and node keep busy."""
    pids = process.tree(product.pids.values())
    before, began = process.cpu(pids), time.monotonic()
    await asyncio.sleep(seconds)
    return (process.cpu(pids) - before).total / (time.monotonic() - began)


async def _watched(product: Product, cameras: Sequence[str]) -> float:
    """What it costs while each of these is watched once."""
    watchers = [asyncio.create_task(_watch(product, camera)) for camera in cameras]
    try:
        await asyncio.sleep(3.0)
        return await _cost(product, WATCH_S)
    finally:
        for watcher in watchers:
            watcher.cancel()
        for outcome in await asyncio.gather(*watchers, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


async def _watch(product: Product, camera: str) -> None:
    url = f"{product.url.replace('http', 'ws', 1)}/api/v1/cameras/{camera}/live?stream=main"
    headers = {"Authorization": f"Bearer {product.api.token}"}
    async with connect(url, additional_headers=headers, max_size=None) as socket:
        async for _ in socket:
            pass


# -- the page


TARGETS = {"hub_to_picture_ms": 150, "first_picture_ms": 300, "seek_ms": 300}


def page(results: dict[str, Any], facts: str) -> str:
    """``bench/live.md``."""
    delays = [
        (
            name.removesuffix("_ms").replace("_", " "),
            str(results[name]["p50"]),
            str(results[name]["p95"]),
            str(TARGETS.get(name, "-")),
        )
        for name in ("hub_to_picture_ms", "camera_to_picture_ms", "first_picture_ms", "seek_ms")
    ]
    viewer, wall = results["viewer_core_percent"], results["wall"]
    return "\n".join(
        (
            "# Live and playback\n",
            facts,
            "Made by `python -m bench live`: centre, node, 16 cameras and Chromium share this machine. What each figure"
            " means stands in `bench/live.py`.\n",
            markdown(("milliseconds", "p50", "p95", "target p95"), delays),
            markdown(
                ("one page", "live", "pictures/s sent", "p50", "worst tile", "hub to picture p95, ms"),
                [
                    (
                        f"{wall['tiles']} tiles",
                        *(
                            str(wall[key])
                            for key in ("live", "fps_sent", "fps_p50", "fps_worst", "hub_to_picture_p95_ms")
                        ),
                    )
                ],
            ),
            markdown(
                ("one more viewer of 2 Mb/s", "% of a core"),
                [(name.replace("_", " "), str(value)) for name, value in viewer.items()],
            ),
        )
    )
