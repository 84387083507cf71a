"""The whole product as processes of its own: a small city, a centre with embedded engines, two nodes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil

from khue.cli.api import Api
from khue.cli.check import check_folder
from khue.cli.demo import Processes
from khue.cli.demo_report import City, account_all
from khue.model.time import SystemClock
from khue.sim.__main__ import CityConfig
from khue.sim.camera import SimCamera, SimStream

NODES = ("node-a", "node-b")
_MAIN = SimStream(width=320, height=180, fps=10.0, kbps=200, loop_s=4.0)


def camera(name: str, **more: Any) -> SimCamera:
    """A cheap camera with one stream."""
    return SimCamera(name=name, label=name, family="hik", main=_MAIN, sub=None, scene=1, **more)


def until(what: Callable[[], Any], seconds: float = 40.0) -> Any:
    """The first true value ``what`` gives; fails with the last one."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s; last: {value!r}"
        time.sleep(0.1)
    return value


class Product:
    """Running processes, and ways to hurt them."""

    def __init__(self, folder: Path, more: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.more = more
        (folder / "logs").mkdir()
        self.processes = Processes(folder / "logs")
        self.told: dict[str, Any] = {}
        self.tokens: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.api: Api
        self.city: City

    def start(self, cameras: tuple[SimCamera, ...]) -> None:
        config = self.folder / "city.json"
        config.write_bytes(msgspec.json.encode(CityConfig(cameras)))
        self.processes.start("city", "khue.sim", "--config", str(config))
        self.start_centre(0)
        with Api(self.told["url"]) as visitor:
            visitor.sign_in("admin", self.told["admin_password"])
            token = visitor.call("POST", "/tokens", {"name": "test", "expires_days": 1})["token"]
        self.api = Api(self.told["url"], token)
        for name in NODES:
            self.tokens[name] = self.api.call("POST", "/nodes", {"id": name, "sites": ["test"]})["token"]
            self.start_node(name)
        until(lambda: all(node["alive"] for node in self.api.call("GET", "/nodes")["items"]))
        sim = self.processes.first_line("city")
        self.city = City(sim["control"], sim["cameras"])
        for card in self.city.cards:
            self.add(card["name"], card["main"], username=card["username"], password=card["password"])

    def add(self, name: str, url: str, **more: str) -> str:
        made = self.api.call("POST", "/cameras", {"name": name, "url": url, "site": "test", **more})
        self.ids[name] = made["id"]
        return str(made["id"])

    def start_centre(self, port: int) -> None:
        data = str(self.folder / "centre")
        self.processes.start(
            "centre", "khue.run", "centre", "--data", data, "--port", str(port), "--json", "--die-with-parent"
        )
        told = self.processes.first_line("centre")
        self.told = {**told, "admin_password": told["admin_password"] or self.told.get("admin_password")}

    def start_node(self, name: str) -> None:
        self.processes.start(
            name, "khue.run", "-v", "node", "--id", name, "--data", str(self.folder / name), "--nats", self.told["nats"],
            "--site", "test", "--workers", "1", "--set", "reserve_mb=0", "--die-with-parent", *self.more,
            environment={"KHUE_NODE_TOKEN": self.tokens[name]},
        )  # fmt: skip

    def kill(self, name: str) -> None:
        """-9, and take the body away."""
        self.processes.kill(name)

    def engine(self, program: str) -> psutil.Process:
        """The embedded engine's own process, found below the centre's."""
        centre = psutil.Process(self.processes.pid("centre"))
        found = [child for child in centre.children(recursive=True) if child.name().startswith(program)]
        return min(found, key=lambda process: process.create_time())

    def cameras(self) -> dict[str, dict[str, Any]]:
        return {item["name"]: item for item in self.api.call("GET", "/cameras", limit=100)["items"]}

    def recording(self) -> bool:
        with contextlib.suppress(Exception):
            return all(item["state"] == "recording" for item in self.cameras().values())
        return False

    def finish(self) -> dict[str, int]:
        """Stop the nodes, compare what was sent with what was recorded, check the logs."""
        told = SystemClock().now()
        self.processes.stop(*(name for name in NODES if self.processes.is_running(name)))
        sent = {self.ids[card["name"]]: {"main": self.city.sent(card["name"], "main")} for card in self.city.cards}
        folders = [self.folder / name for name in NODES]
        report = account_all(folders, sent, told)
        report["differences"] = sum(check_folder(folder).differences for folder in folders)
        return report


@contextlib.contextmanager
def running(folder: Path, *cameras: SimCamera, more: tuple[str, ...] = ()) -> Iterator[Product]:
    """Everything up and every camera recording; all of it gone afterwards. ``more`` is for the nodes' command lines."""
    product = Product(folder, more)
    try:
        product.start(cameras)
        until(product.recording)
        yield product
    finally:
        product.processes.stop()
