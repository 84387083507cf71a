"""The whole product over TLS with an authority of its own: a node that enrolled itself, and a browser that trusts it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from console_world import ARGUMENTS, CHROMIUM, until
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Error, sync_playwright
from websockets.sync.client import connect

from khue.cli.api import Api
from khue.cli.demo import Processes
from khue.cli.demo_tls import DemoTls
from khue.sim.__main__ import CityConfig
from khue.sim.camera import SimCamera, SimStream

_SUB = SimStream(width=320, height=180, fps=10.0, kbps=200, loop_s=4.0)
_CAMERA = SimCamera(name="lake", label="Hồ Hoàn Kiếm", family="hik", main=_SUB, sub=_SUB, scene=1)


class Running:
    """A centre and a node over TLS, with one camera that records."""

    def __init__(self, tls: DemoTls, told: dict[str, Any], api: Api, processes: Processes) -> None:
        self.tls = tls
        self.told = told
        self.api = api
        self.processes = processes
        self.trust = ssl.create_default_context(cafile=str(tls.certificate_file))
        self.camera = ""

    @property
    def port(self) -> int:
        return int(self.told["url"].rsplit(":", 1)[1])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("tls")
    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    (folder / "logs").mkdir()
    (folder / "city.json").write_bytes(msgspec.json.encode(CityConfig((_CAMERA,))))
    tls = DemoTls(folder / "certificates")
    processes = Processes(folder / "logs")
    with contextlib.ExitStack() as stack:
        stack.callback(processes.stop)
        processes.start("city", "khue.sim", "--config", str(folder / "city.json"))
        processes.start(
            "centre", "khue.run", "centre", *tls.centre_options(), "--data", str(folder / "centre"), "--port", "0",
            "--json", "--die-with-parent",
        )  # fmt: skip
        told = processes.first_line("centre")
        api = stack.enter_context(Api(told["url"], ca=str(tls.certificate_file)))
        api.sign_in("admin", told["admin_password"])
        token = api.call("POST", "/nodes/enrolments", {"id": "ward", "sites": ["test"]})["token"]
        processes.start(
            "node", "khue.run", "node", "--data", str(folder / "node"), "--workers", "1", "--die-with-parent",
            *tls.node_options(), environment={"KHUE_NODE_ENROL": token},
        )  # fmt: skip
        card = processes.first_line("city")["cameras"][0]
        made = Running(tls, told, api, processes)
        body = {"name": card["label"], "url": card["main"], "sub_url": card["sub"], "site": "test"}
        body |= {"username": card["username"], "password": card["password"]}
        made.camera = api.call("POST", "/cameras", body)["id"]
        until(lambda: api.call("GET", f"/cameras/{made.camera}")["state"] == "recording", 60)
        yield made


def test_a_node_enrols_and_records_over_tls(running: Running) -> None:
    (node,) = running.api.call("GET", "/nodes")["items"]
    assert node["id"] == "ward" and node["alive"] and node["sites"] == ["test"]
    assert running.told["nats"].startswith("tls://")


def test_no_port_speaks_in_the_clear(running: Running) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{running.port}/api/v1/health", trust_env=False)
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(running.told["url"], trust_env=False)
    nats = int(running.told["nats"].rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", nats), 5) as line:
        line.settimeout(10)
        said = line.recv(4096)
        assert json.loads(said.removeprefix(b"INFO "))["tls_required"]
        line.sendall(b'CONNECT {"verbose":true}\r\nPING\r\n')
        rest = b""
        with contextlib.suppress(OSError):
            while piece := line.recv(4096):
                rest += piece
        assert b"PONG" not in rest and b"+OK" not in rest


def test_what_is_sent_in_the_browser_stays_on_tls(running: Running) -> None:
    with httpx.Client(base_url=running.told["url"], verify=running.trust, trust_env=False) as client:
        credentials = {"username": "admin", "password": running.told["admin_password"]}
        reply = client.post("/api/v1/session", json=credentials)
        assert reply.status_code == 200
        assert "Secure" in reply.headers["set-cookie"]
        assert reply.headers["strict-transport-security"]


def test_the_node_s_own_server_speaks_tls_too(running: Running) -> None:
    lan = running.api.call("GET", f"/cameras/{running.camera}/lan", stream="sub")
    assert lan["url"].startswith("https://localhost:")
    assert httpx.get(f"{lan['url']}/health", verify=running.trust, trust_env=False).json() == {"ok": True}
    with pytest.raises(httpx.TransportError):
        httpx.get(lan["url"].replace("https", "http") + "/health", trust_env=False)
    path = f"/live/{running.camera}/sub?token={lan['token']}"
    with connect(lan["url"].replace("https", "wss") + path, ssl=running.trust, max_size=None) as live:
        assert json.loads(live.recv(20))["type"] == "start"
        assert isinstance(live.recv(20), bytes)


def _fingerprint(certificate: Path) -> str:
    """SHA-256 of the authority's public key, as Chromium takes it: trusted for this one, and every other error stays."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


@pytest.mark.browser
def test_a_browser_that_trusts_the_authority_shows_moving_pictures(running: Running) -> None:
    trusted = f"--ignore-certificate-errors-spki-list={_fingerprint(running.tls.certificate_file)}"
    url = running.told["url"]
    with sync_playwright() as playwright:
        with (
            playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS)) as stranger,
            pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"),
        ):
            stranger.new_page().goto(url)
        with playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, trusted]) as browser:
            page = browser.new_page(locale="en-GB")
            page.goto(f"{url}/#/wall?t={running.camera}")
            page.fill("input[name=username]", "admin")
            page.fill("input[name=password]", running.told["admin_password"])
            page.click("form button")
            page.wait_for_selector("video")
            assert page.evaluate("window.isSecureContext")

            def at() -> float:
                return float(
                    page.evaluate("Math.max(...[...document.querySelectorAll('video')].map(v => v.currentTime))")
                )

            began = until(at)
            until(lambda: at() > began + 1)
            assert all(cookie["secure"] for cookie in page.context.cookies())
