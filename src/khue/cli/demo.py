"""``khue demo``: the whole product on this machine: a simulated city, a centre, two nodes, one URL."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table

from khue.cli.api import Api, Login, save_login
from khue.cli.camera import STATE_MARKS, as_json
from khue.cli.check import DATA, check_folder
from khue.cli.demo_fleet import DemoFleet
from khue.cli.demo_report import City, DelayMeter, Load, account_all, total_gaps
from khue.cli.demo_tls import DemoTls
from khue.cli.demo_training import make_crew
from khue.model.address import strip_credentials
from khue.model.errors import ConfigError, KhueError
from khue.model.time import SystemClock

NODES = ("node-a", "node-b")
MARKER = ".khue-demo"  # only a folder that carries this file is ever cleared
START_WAIT_S = 90.0


class Processes:
    """Children that end with this process, whatever ends it."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[tuple[str, subprocess.Popen[str], TextIO]] = []

    def start(self, name: str, *command: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
        log = (self._logs / f"{name}.log").open("a")
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # Ctrl-C is for the demo; it stops the others in order
        )
        self._running.append((name, process, log))
        return process

    def first_line(self, name: str) -> dict[str, Any]:
        """The JSON line a process prints when it is ready. Raises ConfigError with the end of its log."""
        process = next(p for n, p, _ in self._running if n == name)
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            process.wait()
            tail = (self._logs / f"{name}.log").read_text()[-2000:]
            raise ConfigError(f"the {name} did not start:\n{tail}")
        parsed: dict[str, Any] = msgspec.json.decode(line)
        return parsed

    def pid(self, name: str) -> int:
        return next(process.pid for known, process, _ in self._running if known == name)

    def is_running(self, name: str) -> bool:
        return any(known == name and process.poll() is None for known, process, _ in self._running)

    def kill(self, name: str) -> None:
        """SIGKILL: what a power cut or the kernel would do."""
        entry = next(entry for entry in self._running if entry[0] == name)
        entry[1].kill()
        self._reap(entry)

    def check(self) -> None:
        for name, process, _ in self._running:
            if process.poll() is not None:
                tail = (self._logs / f"{name}.log").read_text()[-2000:]
                raise KhueError(f"the {name} ended by itself:\n{tail}")

    def stop(self, *names: str) -> None:
        """SIGTERM, wait, SIGKILL; the last started first."""
        chosen = [entry for entry in reversed(self._running) if not names or entry[0] in names]
        for _, process, _ in chosen:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for entry in chosen:
            try:
                entry[1].wait(20)
            except subprocess.TimeoutExpired:
                entry[1].kill()
            self._reap(entry)

    def _reap(self, entry: tuple[str, subprocess.Popen[str], TextIO]) -> None:
        _, process, log = entry
        process.wait()
        if process.stdout:
            process.stdout.close()
        log.close()
        self._running.remove(entry)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Demo:
    """One run of the demo."""

    def __init__(
        self, data: Path, port: int, extra: tuple[str, ...], say: Console, *, tls: bool = False, training: bool = False
    ) -> None:
        if training and extra:
            raise ConfigError("exercises are for the simulated city alone: leave out --camera, or --training")
        self.folder = data / "demo"
        self.tls = DemoTls(data / "demo-tls") if tls else None
        self._port = port if _is_free(port) else 0
        self._extra = extra
        self._training = training
        self._say = say
        self._prepare()
        self.processes = Processes(self.folder / "logs")
        self.api: Api | None = None
        self.url = self.password = ""
        self.city = City("", [])
        self.ids: dict[str, str] = {}  # simulated camera -> id in the registry
        self.nats = ""
        self.fleet: DemoFleet | None = None
        self._shown: list[str] = []  # ids of the cameras the table is about, when there are more

    def _prepare(self) -> None:
        if self.folder.exists() and not (self.folder / MARKER).exists():
            raise ConfigError(f"{self.folder} was not made by the demo; choose another folder with --data")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / MARKER).open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"a demo is running in {self.folder}; end it, or choose another folder with --data"
            ) from None
        for old in self.folder.iterdir():
            if old.name != MARKER:
                shutil.rmtree(old)
        (self.folder / "logs").mkdir()

    def start(self) -> None:
        """Everything up, every camera registered."""
        self._say.print("starting the simulated city (its pictures are encoded once and then kept) ...")
        self.processes.start("city", "khue.sim", "--demo")
        self.processes.start(
            "centre", "khue.run", "centre", "--data", str(self.folder / "centre"), "--port", str(self._port),
            "--json", "--die-with-parent", *(("--training",) if self._training else ()),
            *(self.tls.centre_options() if self.tls else ()),
        )  # fmt: skip
        told = self.processes.first_line("centre")
        self.url, self.password, self.nats = told["url"], told["admin_password"], told["nats"]
        with Api(self.url, ca=self.ca) as visitor:
            visitor.sign_in("admin", self.password)
            token = visitor.call("POST", "/tokens", {"name": "khue demo", "expires_days": 7})["token"]
        self.api = Api(self.url, token, self.ca)
        save_login(Login(self.url, token, self.ca))
        for name in NODES:
            self._start_node(self.api, name)
        sim = self.processes.first_line("city")
        self._wait_nodes()
        self.city = City(sim["control"], sim["cameras"])
        for card in self.city.cards:
            self.ids[card["name"]] = self._register(self.api, card)
        for number, url in enumerate(self._extra, 1):
            bare, user, password = strip_credentials(url)
            body = {"name": f"Camera {number}", "url": bare, "username": user, "password": password, "site": "demo"}
            self.api.call("POST", "/cameras", {name: value for name, value in body.items() if value})

    @property
    def ca(self) -> str:
        """File of the authority clients have to trust; "" without TLS."""
        return str(self.tls.certificate_file) if self.tls else ""

    def _wait_nodes(self) -> None:
        """Both nodes first, then the cameras: placement spreads them over the nodes it knows and moves none without need."""
        deadline = time.monotonic() + START_WAIT_S
        while not (nodes := self.nodes()) or not all(node["alive"] for node in nodes):
            self.processes.check()
            if time.monotonic() > deadline:
                raise KhueError("the nodes did not join the centre in time")
            time.sleep(0.1)

    def _start_node(self, api: Api, name: str) -> None:
        token = api.call("POST", "/nodes/enrolments", {"id": name, "sites": ["demo"]})["token"]
        self.processes.start(
            name, "khue.run", "node", "--data", str(self.folder / name), "--site", "demo", "--workers", "1",
            "--die-with-parent", *(self.tls.node_options() if self.tls else ()),
            environment={"KHUE_NODE_ENROL": token},
        )  # fmt: skip

    def _register(self, api: Api, card: dict[str, Any]) -> str:
        body = {
            "name": card["label"],
            "url": card["main"],
            "sub_url": card["sub"],
            "username": card["username"],
            "password": card["password"],
            "vendor": card["brand"],
            "site": "demo",
        }
        made: dict[str, Any] = api.call("POST", "/cameras", {name: value for name, value in body.items() if value})
        return str(made["id"])

    def load_fleet(self, cameras: int) -> None:
        """A city's books beside the live cameras, and nodes that report on it."""
        assert self.api is not None
        self._shown = [item["id"] for item in self.cameras()]
        fleet = DemoFleet(self.api, self.folder / "fleet", cameras, lambda text: self._say.print(text))
        fleet.load()
        cards = fleet.enrol()
        self.processes.start(
            "fleet", "khue.run", "sim", "nodes", "--registry", str(fleet.registry), "--nodes", str(cards),
            "--nats", self.nats, *(("--nats-ca", self.ca) if self.tls else ()),
        )  # fmt: skip
        self.fleet = fleet

    def cameras(self) -> list[dict[str, Any]]:
        assert self.api is not None
        if self._shown:
            return [self.api.call("GET", f"/cameras/{camera}") for camera in self._shown]
        items: list[dict[str, Any]] = self.api.call("GET", "/cameras", limit=100)["items"]
        return items

    def nodes(self) -> list[dict[str, Any]]:
        """Those that record the live cameras."""
        return [node for node in self.all_nodes() if node["id"] in NODES]

    def all_nodes(self) -> list[dict[str, Any]]:
        assert self.api is not None
        items: list[dict[str, Any]] = self.api.call("GET", "/nodes")["items"]
        return items

    def wait_recording(self) -> None:
        """Until every camera that has no trouble records. Raises KhueError with what is in the way."""
        healthy = {self.ids[card["name"]] for card in self.city.cards if not card["trouble"]}
        deadline = time.monotonic() + START_WAIT_S
        while True:
            self.processes.check()
            waiting = [c for c in self.cameras() if c["id"] in healthy and c["state"] != "recording"]
            if not waiting:
                return
            if time.monotonic() > deadline:
                words = "; ".join(f"{c['name']}: {c['state']} {c['detail'] or ''}" for c in waiting)
                raise KhueError(f"these cameras do not record: {words}")
            time.sleep(0.3)

    def stop(self) -> None:
        self.processes.stop(*NODES)
        self.processes.stop()
        if self.api:
            self.api.__exit__()


def _table(demo: Demo, since: float) -> Table:
    table = Table(title=f"khue at {demo.url}   admin / {demo.password}   {time.monotonic() - since:.0f} s", expand=True)
    for heading in ("Camera", "Make", "Node", "State", "Picture", "Why"):
        table.add_column(heading, overflow="fold" if heading == "Why" else "ellipsis", no_wrap=heading != "Why")
    for item in demo.cameras():
        main = item["streams"][0]
        picture = f"{main['codec']} {main['width']}x{main['height']}" if main["width"] else ""
        mark = STATE_MARKS.get(item["state"], item["state"] or "")
        table.add_row(item["name"], item["vendor"] or "", item["node"] or "-", mark, picture, item["detail"] or "")
    for node in demo.nodes():
        alive = "[green]● alive[/]" if node["alive"] else "[red]✕ not heard of[/]"
        table.add_row(f"[bold]{node['id']}[/]", "node", "", alive, f"{node['cameras']} cameras", node["alert"] or "")
    if demo.fleet is not None:
        simulated = [node for node in demo.all_nodes() if node["id"] not in NODES]
        alive = f"{sum(node['alive'] for node in simulated)} of {len(simulated)} alive"
        table.add_row(
            "[bold]simulated nodes[/]", "", "", alive, f"{sum(node['cameras'] for node in simulated)} cameras", ""
        )
        table.caption = demo.fleet.line()
    return table


def _watch(demo: Demo, seconds: float | None, quiet: bool) -> None:
    began = time.monotonic()
    end = began + seconds if seconds is not None else float("inf")
    if quiet:
        while (left := end - time.monotonic()) > 0:
            demo.processes.check()
            time.sleep(min(1.0, left))
        return
    with Live(_table(demo, began), console=Console(), refresh_per_second=2, screen=False) as live:
        while (left := end - time.monotonic()) > 0:
            demo.processes.check()
            time.sleep(min(1.0, left))
            live.update(_table(demo, began))


def _measure(demo: Demo, seconds: float | None, quiet: bool) -> dict[str, Any]:
    """Run, then count. The nodes are stopped first, so that what they hold is on disk."""
    assert demo.api is not None
    watched = [demo.ids[card["name"]] for card in demo.city.cards if not card["trouble"] and card["codec"] == "h264"][
        :2
    ]
    meters = [DelayMeter(demo.url, demo.api.token, camera, demo.ca) for camera in watched]
    for meter in meters:
        meter.start()
    load = Load(demo.nodes())
    with contextlib.suppress(KeyboardInterrupt):
        _watch(demo, seconds, quiet)
    cost = load.until(demo.nodes(), len(demo.city.cards))
    for meter in meters:
        meter.stop()
    names = {camera: name for name, camera in demo.ids.items()}
    delays = sorted(d for meter in meters for d in meter.delays(demo.city.sent(names[meter.camera], "sub")))
    told = SystemClock().now()  # a camera goes on sending until its node has said goodbye; that much is not the node's
    demo.processes.stop(*NODES)
    sent = {name: {stream: demo.city.sent(name, stream) for stream in ("main", "sub")} for name in demo.ids}
    folders = [demo.folder / name for name in NODES]
    accounts = account_all(folders, {demo.ids[name]: streams for name, streams in sent.items()}, told)
    differences = sum(check_folder(folder).differences for folder in folders)
    return {
        "cameras": len(demo.ids) + len(demo._extra),
        **accounts,
        "gaps": total_gaps(folders),
        "live_ms": {"p50": _quantile(delays, 0.5), "p95": _quantile(delays, 0.95), "pictures": len(delays)},
        **cost,
        "differences": differences,
        **({"fleet": demo.fleet.report} if demo.fleet else {}),
    }


def _quantile(values: list[float], share: float) -> float | None:
    return round(values[min(len(values) - 1, int(share * len(values)))], 1) if values else None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: in order."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@click.command()
@click.option("--for", "seconds", type=click.FloatRange(min=1), help="Run that long, then report.")
@click.option("--json", "json_out", is_flag=True, help="One JSON object at the end, nothing else on standard output.")
@click.option(
    "--camera", "extra", multiple=True, metavar="URL", help="Also record this camera: rtsp://user:pass@host/path"
)
@click.option(
    "--port", default=8080, show_default=True, help="Port of the console; another one is taken when it is in use."
)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), default=DATA, show_default=True)
@click.option(
    "--fleet",
    type=click.IntRange(50, 100_000),
    help="Also import the books of a simulated city with that many cameras; 40210 is the whole of it.",
)
@click.option("--tls", is_flag=True, help="Everything over TLS, with an authority of its own.")
@click.option("--training", is_flag=True, help="With exercises, and people and agencies to do them with.")
@click.pass_context
def demo(
    ctx: click.Context,
    seconds: float | None,
    json_out: bool,
    extra: tuple[str, ...],
    port: int,
    data: Path,
    fleet: int | None,
    tls: bool,
    training: bool,
) -> None:
    """A city of 16 simulated cameras, recorded by two nodes, on one URL. Ctrl-C ends it."""
    say = Console(stderr=True, quiet=False)
    with _interruptible():
        run = Demo(data, port, extra, say, tls=tls, training=training)
        report: dict[str, Any] = {}
        try:
            run.start()
            say.print(
                f"[bold green]khue is at {run.url}[/]  sign in as [bold]admin[/], password [bold]{run.password}[/]"
            )
            if run.tls:
                say.print(run.tls.advice(), soft_wrap=True)
            run.wait_recording()
            if training and run.api is not None:
                say.print(make_crew(run.api, list(run.ids.values())).table())
            if fleet:
                run.load_fleet(fleet)
            report = _measure(run, seconds, json_out)
        except KeyboardInterrupt:
            say.print("stopped")
        finally:
            run.stop()
    if json_out:
        as_json(report)
    elif report:
        lost, missing = report["frames_lost"], report["frames_lost_without_gap"]
        say.print(
            f"{report['frames_recorded']} of {report['frames_sent']} pictures recorded, {lost} lost, {missing} unaccounted"
        )
        say.print(f"what was recorded stays in {run.folder} until the next demo; prove it: khue check")
    ctx.exit(1 if report.get("frames_lost_without_gap") or report.get("differences") else 0)
