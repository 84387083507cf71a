"""A node looks for cameras while it records: no picture is lost by that, and no camera is asked for a password."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from product import Product, camera, running, until


def _discover(product: Product, node: str, **body: Any) -> dict[str, Any]:
    started = product.api.call("POST", "/discoveries", {"node": node, **body})["id"]

    def over() -> dict[str, Any] | None:
        told: dict[str, Any] = product.api.call("GET", f"/discoveries/{started}")
        return told if told["state"] != "running" else None

    found = until(over, 60)
    assert found["state"] == "done", found
    return dict(found)


@pytest.mark.timeout(150)
def test_recording_does_not_notice(tmp_path: Path) -> None:
    settings = tmp_path / "ranges.toml"
    settings.write_text('scan_ranges = ["127.0.0.0/24"]\nscan_rate = 200.0\n')
    cameras = [camera(f"cam-{number}") for number in range(4)]
    with running(tmp_path, *cameras, more=("--config", str(settings))) as product:
        assert {tuple(node["ranges"]) for node in product.api.call("GET", "/nodes")["items"]} == {("127.0.0.0/24",)}
        ports = [urlsplit(card["main"]).port for card in product.city.cards]
        began = time.monotonic()
        told = _discover(product, "node-a", ports=ports)
        assert time.monotonic() - began >= told["total"] * len(ports) / 200.0 * 0.9
        assert [one["address"] for one in told["found"]] == ["127.0.0.1"]
        assert told["found"][0]["ports"] == sorted(ports) and told["found"][0]["family"] == "hik"
        _discover(product, "node-b", multicast=True)
        assert product.recording()
        report = product.finish()
        assert report["frames_lost"] == 0 and report["differences"] == 0, report
        assert report["frames_recorded"] > 200
