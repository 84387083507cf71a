"""kill -9 of everything in turn, under load: nothing acknowledged is lost, and what was not recorded has a row."""

from __future__ import annotations

import time
from pathlib import Path

from product import Product, camera, running, until

from khue.model.camera import StreamName
from khue.model.coverage import GapCause
from khue.video.index import Index


def _gaps(product: Product, node: str, name: str) -> list[GapCause]:
    index = Index(product.folder / node / "index.sqlite")
    try:
        stream = index.find_stream(product.ids[name], StreamName.MAIN)
        return [gap.cause for gap in index.coverage(stream, 0, 2**62)[1]] if stream else []
    finally:
        index.close()


def _until_current(product: Product) -> None:
    """The centre answers, and what it knows of every camera is of the last few seconds."""
    since = time.time()

    def current() -> bool:
        if not product.recording():
            return False
        marks = [item["streams"][0]["recorded_until"] for item in product.cameras().values()]
        return all(mark and mark > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since)) for mark in marks)

    until(current)


def test_engines_and_centre_die_and_recording_does_not_notice(tmp_path: Path) -> None:
    with running(tmp_path, *(camera(f"cam-{number}") for number in range(4))) as product:
        for program in ("nats-server", "postgres"):
            product.engine(program).kill()
            time.sleep(1.0)
            _until_current(product)
        port = int(product.told["url"].rpartition(":")[2])
        product.kill("centre")
        time.sleep(3.0)
        product.start_centre(port)
        _until_current(product)
        assert len(product.cameras()) == 4
        report = product.finish()
        assert report["frames_lost"] == 0, report
        assert report["frames_recorded"] > 300
        assert report["differences"] == 0
        for node in ("node-a", "node-b"):
            for name in product.ids:
                assert set(_gaps(product, node, name)) <= {GapCause.NODE}, "only the start is a gap"


def test_a_dead_nodes_cameras_move_and_its_last_second_is_accounted_for(tmp_path: Path) -> None:
    with running(tmp_path, *(camera(f"cam-{number}") for number in range(4))) as product:
        placed = {name: item["node"] for name, item in product.cameras().items()}
        assert set(placed.values()) == {"node-a", "node-b"}
        product.kill("node-a")
        until(lambda: {item["node"] for item in product.cameras().values()} == {"node-b"} and product.recording())
        product.start_node("node-a")
        until(lambda: all(node["alive"] for node in product.api.call("GET", "/nodes")["items"]))
        time.sleep(2.0)
        moved = next(name for name, node in placed.items() if node == "node-a")
        report = product.finish()
        assert report["frames_lost_without_gap"] == 0, report
        assert report["differences"] == 0
        assert GapCause.NODE in _gaps(product, "node-a", moved)
