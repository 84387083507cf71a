"""The registry at the size of the city, asked over HTTP while nobody spares it: searches, maps, counts, the past; and what the
heartbeats of all its nodes cost PostgreSQL.

The centre runs as a process of its own with its engines; the fleet is put into its tables (`bench.fleet_rows`). Answers are
timed at the client, on one connection, one after the other, each question with other words. Two accounts ask: one that sees
everything, and one that sees 20 units; row security judges each row for both. Beside the time stands the CPU that centre and
engines took for a question, which other work on the machine does not stretch. Heartbeats are real messages over the real
bus from a connection per node, spread over ten seconds; the CPU of all PostgreSQL processes is read from /proc.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from bench.fleet_rows import Loaded, load
from bench.measure import say
from bench.process import cpu, tree
from bench.table import markdown
from khue.centre.config import CentreConfig
from khue.centre.secrets import load_vault
from khue.cli.api import Api
from khue.cli.demo import Processes
from khue.model.camera import StreamName
from khue.store.engines import Engines, EngineSettings
from khue.store.nats import NatsBus
from khue.wire import subjects
from khue.wire.link import Heartbeat, HeartbeatAck, StreamCounters

CITY = 40_210
TIMES = 40  # questions of a kind
FEW = 5  # of the dear ones
PERIOD_S = 10.0  # of heartbeats
ROUNDS = 4
TARGET_MS, TARGET_BYTES, TARGET_PERCENT = 50, 400_000, 3.0


class Question(NamedTuple):
    """One kind of question: a name, how to ask it the n-th time, and how often. ``dear``: no target."""

    name: str
    ask: Callable[[int], tuple[str, str, object]]  # method, path, body
    times: int = TIMES
    dear: bool = False


def measure(cameras: int, folder: Path) -> dict[str, Any]:
    """``answers`` by account and kind (p50 and p95 in milliseconds, bytes), ``heartbeat``."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    data = folder / "centre"
    begun = time.monotonic()
    loaded = asyncio.run(_load(data, cameras))
    say(f"{cameras} cameras are in the tables after {time.monotonic() - begun:.0f} s")
    with _centre(folder, data) as (url, nats, tokens, pid):
        answers = {}
        for who, token in tokens.items():
            with contextlib.closing(Client(url, token)) as client:
                answers[who] = {question.name: _asked(client, question, pid) for question in questions(cameras)}
        heartbeat = asyncio.run(_heartbeats(loaded, nats, pid))
    return {"cameras": cameras, "answers": answers, "heartbeat": heartbeat}


async def _load(data: Path, cameras: int) -> Loaded:
    data.mkdir()
    data.chmod(0o755)  # as root, PostgreSQL runs as nobody
    engines = Engines(EngineSettings(data_dir=data))
    await engines.start()
    try:
        return await load(
            engines.database, load_vault(CentreConfig(data_dir=str(data)).keys), engines.node_keys, cameras
        )
    finally:
        await engines.stop()


@contextlib.contextmanager
def _centre(folder: Path, data: Path) -> Iterator[tuple[str, str, dict[str, str], int]]:
    """(url, bus, token of each account, pid): a running centre that nobody else uses."""
    config = folder / "centre.toml"
    config.write_text("[fleet]\nlease_s = 30\n")  # nodes beat every ten seconds here
    (folder / "logs").mkdir()
    processes = Processes(folder / "logs")
    try:
        arguments = ("--config", str(config), "--data", str(data), "--port", "0", "--json", "--die-with-parent")
        centre = processes.start("centre", "khue.run", "centre", *arguments)
        told = processes.first_line("centre")
        yield told["url"], told["nats"], _tokens(told["url"], told["admin_password"]), centre.pid
    finally:
        processes.stop()


def _tokens(url: str, password: str) -> dict[str, str]:
    with Api(url) as admin:
        admin.sign_in("admin", password)
        units = [unit["code"] for unit in admin.call("GET", "/registry/units")["items"]][:20]
        words = {"username": "some", "password": "for measuring only", "role": "operator"}
        made = admin.call("POST", "/accounts", words)
        admin.call("PATCH", f"/accounts/{made['id']}", {"units": units})
        everything = _token(admin)
    with Api(url) as some:
        some.sign_in(words["username"], words["password"])
        return {"sees everything": everything, "sees 20 units": _token(some)}


def _token(api: Api) -> str:
    return str(api.call("POST", "/tokens", {"name": "bench", "expires_days": 1})["token"])


class Client:
    """One connection that stays open."""

    def __init__(self, url: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=600)  # an export takes its time
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: object = None) -> tuple[float, int]:
        """(milliseconds until the last byte, bytes of the body as they came over the line)."""
        begun = time.perf_counter()
        data = None if body is None else json.dumps(body)
        headers = self._headers | ({"Content-Type": "application/json"} if data else {})
        self._connection.request(method, f"/api/v1/inventory/{path}", data, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        took = (time.perf_counter() - begun) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return took, len(content)


def _asked(client: Client, question: Question, centre: int) -> dict[str, Any]:
    client.ask(*question.ask(0))
    taken, size = [], 0
    pids = tree([centre])
    before = cpu(pids).total
    for number in range(question.times):
        took, content = client.ask(*question.ask(number))
        taken.append(took)
        size = max(size, content)
    worked = (cpu(pids).total - before) * 1000 / question.times
    taken.sort()
    result = {
        "p50_ms": round(_quantile(taken, 0.5), 1),
        "p95_ms": round(_quantile(taken, 0.95), 1),
        "cpu_ms": round(worked, 1),
        "bytes": size,
        "times": question.times,
        "target_ms": None if question.dear else TARGET_MS,
    }
    say(
        f"{question.name}: p50 {result['p50_ms']} ms, p95 {result['p95_ms']} ms, CPU {result['cpu_ms']} ms, {size} bytes"
    )
    return result


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


_MARKED = (
    "Đường Láng",
    "Giải Phóng",
    "Trần Duy Hưng",
    "Ô Chợ Dừa",
    "Đê La Thành",
    "Yên Phụ",
    "Phường Cầu Giấy",
    "Kim Mã",
)
_PLAIN = (
    "duong lang",
    "giai phong",
    "tran duy hung",
    "o cho dua",
    "de la thanh",
    "yen phu",
    "phuong cau giay",
    "kim ma",
)
_SEVERAL = (
    "hikvision lang 12",
    "axis ba dinh trieu",
    "dahua so 20 minh khai",
    "hoan kiem hn-00",
    "co quan dinh kim ma",
)
_NOTHING = ("zq", "khong co dau", "xyzzy", "99999999", "wq")
_STATES = ("recording", "unreachable", "refused", "stalled", "connecting")


def questions(cameras: int) -> list[Question]:
    """What a person does in the fleet room, and the whole of it."""
    chance = random.Random(1)
    units = ("00004", "00070", "00166", "09556", "10441", "00565", "00433", "09877")
    boxes = [_box(chance, 0.02) for _ in range(TIMES)] + [_box(chance, 0.1) for _ in range(TIMES)]

    def of(words: Sequence[str], path: str) -> Callable[[int], tuple[str, str, object]]:
        return lambda number: ("GET", path + quote(words[number % len(words)], safe=","), None)

    rows = [chance.sample(range(1, cameras + 1), min(500, cameras)) for _ in range(TIMES)]
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return [
        Question("search with marks", of(_MARKED, "cameras?q=")),
        Question("search without marks", of(_PLAIN, "cameras?q=")),
        Question("search for a letter", of("aeđgmst1", "cameras?q=")),
        Question("search without a hit", of(_NOTHING, "cameras?q=")),
        Question("search for several words", of(_SEVERAL, "cameras?q=")),
        Question("by unit", of(units, "cameras?unit=")),
        Question("by state", of(_STATES, "cameras?state=")),
        Question("by seen working", of(("yes", "no", "unknown"), "cameras?seen=")),
        Question("first page of all", of(("name", "code", "-installed_on", "unit"), "cameras?sort=")),
        Question("numbers of a search", of(_PLAIN, "index?q=")),
        Question("numbers of a letter", of("aeđgmst1", "index?q=")),
        Question("numbers by state", of(_STATES, "index?state=")),
        Question("numbers of all", of(("name",), "index?sort=")),
        Question("500 rows by number", lambda number: ("POST", "rows", {"numbers": rows[number % len(rows)]})),
        Question("map box, a ward", lambda number: ("GET", f"map?box={boxes[number % TIMES]}", None)),
        Question("map box, ten kilometres", lambda number: ("GET", f"map?box={boxes[TIMES + number % TIMES]}", None)),
        Question("map of all", of(("",), "map?q="), FEW * 2, dear=True),
        Question(
            "quota board", of(("group", "purpose", "unit", "owner", "type", "link"), "quota?by="), FEW * 2, dear=True
        ),
        Question("as of a date: search", of(_PLAIN, f"cameras?asof={then}&q="), FEW, dear=True),
        Question("as of a date: numbers of all", of(("number",), f"index?asof={then}&sort="), FEW, dear=True),
        Question("as of a date: quota board", of(("group", "unit"), f"quota?asof={then}&by="), FEW, dear=True),
        Question("export, CSV", of(("csv",), "export?format="), 1, dear=True),
        Question("export, XLSX", of(("xlsx",), "export?format="), 1, dear=True),
    ]


def _box(chance: random.Random, degrees: float) -> str:
    """Somewhere in the inner city, where cameras are densest."""
    west, south = 105.75 + chance.random() * 0.1, 20.97 + chance.random() * 0.08
    return f"{west:.4f},{south:.4f},{west + degrees:.4f},{south + degrees:.4f}"


# -- heartbeats


async def _heartbeats(loaded: Loaded, nats: str, centre: int) -> dict[str, Any]:
    """Percent of one core PostgreSQL takes while all nodes beat, and just before, while they are silent."""
    buses = {node: NatsBus(nats, name=node, seed=seed) for node, seed in loaded.seeds.items()}
    try:
        for bus in buses.values():
            bus.start()
        await asyncio.gather(*(bus.wait_connected(60.0) for bus in buses.values()))
        await _round(loaded, buses)  # the first makes the rows
        idle = await _percent(centre, asyncio.sleep(PERIOD_S))
        beating = [await _percent(centre, _round(loaded, buses)) for _ in range(ROUNDS)]
    finally:
        await asyncio.gather(*(bus.close() for bus in buses.values()))
    mean = sum(beating) / len(beating)
    result = {
        "nodes": len(buses),
        "streams": 2 * sum(map(len, loaded.cameras.values())),
        "period_s": PERIOD_S,
        "rounds": [round(value, 2) for value in beating],
        "postgres_percent": round(mean, 2),
        "silent_percent": round(idle, 2),
        "heartbeat_percent": round(mean - idle, 2),
        "target_percent": TARGET_PERCENT,
    }
    say(f"heartbeats: PostgreSQL takes {mean:.2f} % of a core, {idle:.2f} % while all are silent")
    return result


async def _round(loaded: Loaded, buses: dict[str, NatsBus]) -> None:
    """Every node once, one after the other, over the period."""
    begun = time.monotonic()
    for number, (node, bus) in enumerate(buses.items()):
        await asyncio.sleep(max(0.0, begun + PERIOD_S * number / len(buses) - time.monotonic()))
        answer = await bus.request(subjects.heartbeat(node), _beat(node, loaded.cameras[node]), 10.0)
        ack = msgspec.msgpack.decode(answer, type=HeartbeatAck)
        if ack.error:
            raise RuntimeError(ack.error)
    await asyncio.sleep(max(0.0, begun + PERIOD_S - time.monotonic()))


def _beat(node: str, cameras: Iterable[str]) -> bytes:
    now = time.time_ns() // 1000
    counters = tuple(
        StreamCounters(camera=camera, stream=stream, recorded_until=now, frames=now, bytes=now)
        for camera in cameras
        for stream in StreamName
    )
    return msgspec.msgpack.encode(Heartbeat(node=node, at=now, revision=1, counters=counters, disk_total=1))


async def _percent(centre: int, during: Any) -> float:
    postgres = [pid for pid in tree([centre]) if Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"]
    before, begun = cpu(postgres).total, time.monotonic()
    await during
    return (cpu(postgres).total - before) / (time.monotonic() - begun) * 100


# -- the page


def page(results: dict[str, Any], facts: str) -> str:
    """``bench/fleet.md``."""
    beat = results["heartbeat"]
    whole = next(iter(results["answers"].values()))["map of all"]["bytes"]
    tables = []
    for who, answers in results["answers"].items():
        rows = [
            (
                *(name, str(one["p50_ms"]), str(one["p95_ms"]), str(one["target_ms"] or "-")),
                *(str(one["cpu_ms"]), f"{one['bytes']:,}"),
            )
            for name, one in answers.items()
        ]
        tables += [
            f"## An account that {who}\n",
            markdown(("asked", "p50 ms", "p95 ms", "target p95", "CPU ms", "bytes at most"), rows),
        ]
    return "\n".join(
        (
            "# The fleet\n",
            facts,
            f"Made by `python -m bench fleet`: {results['cameras']:,} cameras. What each figure means"
            " stands in `bench/fleet.py`.\n",
            *tables,
            f"The whole fleet's map is {whole:,} bytes compressed; the target is {TARGET_BYTES:,}.\n",
            "## Heartbeats\n",
            markdown(
                ("nodes", "streams", "every", "PostgreSQL, % of a core", "of it without them", "heartbeats", "target"),
                [
                    (
                        *(str(beat["nodes"]), str(beat["streams"]), f"{beat['period_s']:g} s"),
                        *(str(beat[name]) for name in ("postgres_percent", "silent_percent", "heartbeat_percent")),
                        f"{beat['target_percent']:g}",
                    )
                ],
            ),
        )
    )
