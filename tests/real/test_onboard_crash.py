"""kill -9 while a camera has its new password and nobody knows yet: neither password is lost, and the truth is found."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from product import Product, camera, running, until

from khue.model.errors import KhueError

OLD = "Khue-2026"


def _card(product: Product) -> dict[str, Any]:
    return dict(httpx.get(f"{product.city.control}/cameras").json()[0])


def _rotate(product: Product, record: str) -> None:
    with contextlib.suppress(KhueError):  # who asks is killed, or does not hear
        product.api.call("POST", f"/registry/cameras/{record}/rotate-password", {})


@pytest.mark.timeout(180)
@pytest.mark.parametrize("victim", ["centre", "node"])
def test_killed_between_the_change_and_its_proof(tmp_path: Path, victim: str) -> None:
    with running(tmp_path, camera("slow", onvif=True, set_user="slow")) as product:
        record = product.ids["slow"]
        known = product.api.call("GET", f"/registry/cameras/{record}")
        body = {"fields": {"host": urlsplit(_card(product)["onvif"]).netloc}, "reason": "its ONVIF port"}
        product.api.call("PATCH", f"/registry/cameras/{record}", {**body, "revision": known["revision"]})
        node = product.cameras()["slow"]["node"]
        asking = threading.Thread(target=_rotate, args=(product, record))
        asking.start()
        until(lambda: _card(product)["password"] != OLD)
        new = _card(product)["password"]
        port = int(product.told["url"].rpartition(":")[2])
        product.kill("centre" if victim == "centre" else node)
        asking.join(40)
        if victim == "centre":
            product.start_centre(port)
        until(lambda: [one["state"] for one in _rotations(product, record)] == ["done"], 90)
        told = product.api.call("POST", f"/registry/cameras/{record}/probe", {})
        assert told["seen"] and not told["error"], "the password that is kept now is the one the camera takes"
        assert _card(product)["password"] == new != OLD
        time.sleep(0.5)
        until(product.recording)
        logs = "".join(path.read_text() for path in (tmp_path / "logs").iterdir())
        assert new not in logs and OLD not in logs


def _rotations(product: Product, record: str) -> list[dict[str, Any]]:
    try:
        items: list[dict[str, Any]] = product.api.call("GET", f"/registry/cameras/{record}/rotate-password")["items"]
    except KhueError:  # the centre is on its way back
        return []
    return items
