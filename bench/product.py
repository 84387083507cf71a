"""The whole product on this machine: a city of equal cameras, a centre with its engines, one node that records them all."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from khue.cli.api import Api
from khue.cli.demo import Processes
from khue.cli.demo_report import City
from khue.sim.__main__ import CityConfig
from khue.sim.camera import SimCamera, SimStream

MAIN = SimStream(
    width=1920, height=1080, fps=15.0, kbps=2000, loop_s=8.0
)  # a number in the picture returns only after the loop
SUB = SimStream(width=640, height=360, fps=10.0, kbps=350, loop_s=8.0)


class Product(NamedTuple):
    """Where it is, and what it consists of."""

    url: str
    password: str
    api: Api
    city: City
    cameras: list[str]  # ids in the registry, in the order of the city's cards
    pids: dict[str, int]  # centre and node


def until(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true value. Raises TimeoutError with the last one."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not happen in {seconds:g} s; last: {value!r}")
        time.sleep(0.05)
    return value


@contextlib.contextmanager
def running(folder: Path, count: int) -> Iterator[Product]:
    """Everything up and every camera recording; all of it gone afterwards."""
    (folder / "logs").mkdir(parents=True)
    config = folder / "city.json"
    cameras = [
        SimCamera(name=f"bench-{n:02d}", label="Bench", family="hik", main=MAIN, sub=SUB, scene=0, onvif=False)
        for n in range(count)
    ]
    config.write_bytes(msgspec.json.encode(CityConfig(tuple(cameras))))
    processes = Processes(folder / "logs")
    with contextlib.ExitStack() as stack:
        stack.callback(processes.stop)
        processes.start("city", "khue.sim", "--config", str(config))
        data = str(folder / "centre")
        centre = processes.start(
            "centre", "khue.run", "centre", "--data", data, "--port", "0", "--json", "--die-with-parent"
        )
        told = processes.first_line("centre")
        visitor = stack.enter_context(Api(told["url"]))
        visitor.sign_in("admin", told["admin_password"])
        token = visitor.call("POST", "/tokens", {"name": "bench", "expires_days": 1})["token"]
        api = stack.enter_context(Api(told["url"], token))
        secret = api.call("POST", "/nodes", {"id": "bench", "sites": ["bench"]})["token"]
        node = processes.start(
            "node", "khue.run", "node", "--id", "bench", "--data", str(folder / "node"), "--nats", told["nats"],
            "--site", "bench", "--workers", "1", "--die-with-parent", environment={"KHUE_NODE_TOKEN": secret},
        )  # fmt: skip
        sim = processes.first_line("city")
        city = City(sim["control"], sim["cameras"])
        ids = [_register(api, card) for card in city.cards]
        until(lambda: _recording(api) == count, 120)
        yield Product(told["url"], told["admin_password"], api, city, ids, {"centre": centre.pid, "node": node.pid})


def _register(api: Api, card: dict[str, Any]) -> str:
    body = {name: card[name] for name in ("name", "username", "password")}
    return str(
        api.call("POST", "/cameras", {**body, "url": card["main"], "sub_url": card["sub"], "site": "bench"})["id"]
    )


def _recording(api: Api) -> int:
    items = api.call("GET", "/cameras", limit=100)["items"]
    return sum(1 for item in items if all(stream["state"] == "recording" for stream in item["streams"]))


def script(name: str) -> str:
    """A JavaScript function that stands beside this file, for `page.evaluate`."""
    text = (Path(__file__).parent / name).read_text()
    return "\n".join(line for line in text.splitlines() if not line.startswith("//"))


def rounded(value: object) -> Any:
    """One decimal is enough for milliseconds."""
    return json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 2))
