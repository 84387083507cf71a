"""A small city, a centre, a node and a browser: what the console's tests look at."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
from playwright.sync_api import Browser, Page, sync_playwright

from khue.cli.api import Api
from khue.cli.demo import Processes
from khue.cli.demo_report import City
from khue.sim.__main__ import CityConfig
from khue.sim.camera import SimCamera, SimStream

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
# A number returns only after a minute, so that a wrong second cannot pass for the right one.
_SUB = SimStream(width=640, height=360, fps=10.0, kbps=300, loop_s=60.0)
_MAIN = SimStream(width=960, height=540, fps=10.0, kbps=700, loop_s=4.0)
H265 = SimStream(codec="h265", width=960, height=540, fps=10.0, kbps=500, loop_s=4.0)

CAMERAS = (
    SimCamera(name="lake", label="Hồ Hoàn Kiếm", family="axis", main=_MAIN, sub=_SUB, audio="aac", scene=1),
    SimCamera(name="station", label="Ga Hà Nội", family="hik", main=H265, sub=_SUB, scene=1),
    SimCamera(name="dead", label="Hầm Kim Liên", family="milesight", main=_MAIN, sub=_SUB, faults=(("dead", {}),)),
)

# The number burned into a picture (khue.sim.barcode), read from what the video element shows.
READ_NUMBER = """video => {
  const canvas = document.createElement('canvas');
  const [w, h] = [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  if (!w) return null;
  const pen = canvas.getContext('2d');
  pen.drawImage(video, 0, 0);
  const mean = i => {
    const [x, y] = [Math.round(w * (1.25 + i) / 40), Math.round(h * 16.75 / 18)];
    const [dx, dy] = [Math.max(1, Math.floor(w / 80)), Math.max(1, Math.floor(h / 36))];
    const data = pen.getImageData(x, y, dx, dy).data;
    let sum = 0;
    for (let at = 1; at < data.length; at += 4) sum += data[at];
    return sum / (data.length / 4);
  };
  const cells = Array.from({ length: 20 }, (_, i) => mean(i));
  const [white, black] = [(cells[0] + cells[19]) / 2, (cells[1] + cells[18]) / 2];
  if (white - black < 48) return null;
  const word = cells.slice(2, 18).reduce((sum, cell) => sum * 2 + (cell > (white + black) / 2), 0);
  const number = word >> 4;
  return (word & 15) === ((number ^ (number >> 4) ^ (number >> 8) ^ 0b1010) & 15) ? number : null;
}"""


class World:
    """What is running, and ways to look at it."""

    def __init__(self, browser: Browser, url: str, password: str, api: Api, city: City) -> None:
        self.browser = browser
        self.url = url
        self.password = password
        self.api = api
        self.city = city
        self.ids: dict[str, str] = {}

    def register(self, name: str) -> None:
        card = next(card for card in self.city.cards if card["name"] == name)
        body = {"name": card["label"], "url": card["main"], "sub_url": card["sub"], "site": "test"}
        made = self.api.call("POST", "/cameras", {**body, "username": card["username"], "password": card["password"]})
        self.ids[name] = made["id"]

    def state(self, name: str) -> str:
        return str(self.api.call("GET", f"/cameras/{self.ids[name]}")["state"])

    def fault(self, name: str, fault: str) -> None:
        httpx.post(f"{self.city.control}/fault", json={"camera": name, "fault": fault}).raise_for_status()

    def clear(self, name: str) -> None:
        httpx.post(f"{self.city.control}/clear", json={"camera": name}).raise_for_status()

    @contextlib.contextmanager
    def page(
        self, wall: str = "", *, signed_in: bool = True, language: str = "en-GB", **context: Any
    ) -> Iterator[Page]:
        """A page of its own profile. ``wall``: names of cameras, by tile, with commas; the layout fits them."""
        tiles = ",".join(self.ids[name] for name in wall.split(",") if name)
        with self.browser.new_context(locale=language, **context) as profile:
            page = profile.new_page()
            failures: list[str] = []
            page.on("pageerror", lambda error: failures.append(str(error)))
            page.goto(f"{self.url}/#/wall" + (f"?t={tiles}" if tiles else ""))
            if signed_in:
                page.fill("input[name=username]", "admin")
                page.fill("input[name=password]", self.password)
                page.click("form button")
                page.wait_for_selector("nav")
            yield page
            assert failures == []


def until(what: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true value ``what`` gives; fails with the last one."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s; last: {value!r}"
        time.sleep(0.05)
    return value


@contextlib.contextmanager
def running(folder: Path) -> Iterator[World]:
    """Everything up and the healthy cameras recording; all of it gone afterwards."""
    (folder / "logs").mkdir()
    config = folder / "city.json"
    config.write_bytes(msgspec.json.encode(CityConfig(CAMERAS)))
    processes = Processes(folder / "logs")
    with contextlib.ExitStack() as stack:
        stack.callback(processes.stop)
        processes.start("city", "khue.sim", "--config", str(config))
        processes.start(
            "centre", "khue.run", "centre", "--data", str(folder / "centre"), "--port", "0", "--json",
            "--die-with-parent",
        )  # fmt: skip
        told = processes.first_line("centre")
        api = stack.enter_context(Api(told["url"]))
        api.sign_in("admin", told["admin_password"])
        token = api.call("POST", "/nodes", {"id": "node-a", "sites": ["test"]})["token"]
        processes.start(
            "node-a", "khue.run", "node", "--id", "node-a", "--data", str(folder / "node-a"), "--nats", told["nats"],
            "--site", "test", "--workers", "1", "--die-with-parent", environment={"KHUE_NODE_TOKEN": token},
        )  # fmt: skip
        sim = processes.first_line("city")
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        stack.callback(browser.close)
        world = World(browser, told["url"], told["admin_password"], api, City(sim["control"], sim["cameras"]))
        for camera in CAMERAS:
            world.register(camera.name)
        until(lambda: world.state("lake") == world.state("station") == "recording", 60)
        yield world
