"""Simulated nodes on a real centre: what it sees of the fleet is what is so, not what the books say."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from centre_world import World, until, world

from khue.model.camera import CameraState
from khue.model.time import SystemClock
from khue.sim.fleet.fates import load
from khue.sim.fleet.generate import write_fleet
from khue.sim.fleet.traffic import Pace, SimulatedNode
from khue.store.nats import NatsBus
from khue.wire.link import Join

_CAMERAS = 120


@contextlib.asynccontextmanager
async def _nodes(made: World, registry: Path, sites: tuple[str, ...]) -> AsyncIterator[list[SimulatedNode]]:
    """One for each site, enrolled over HTTP as an administrator would."""
    client = await made.client()
    fates = load(registry)
    nodes, buses = [], []
    for site in sites:
        name = f"nut-{site.removeprefix('mang-')}"
        reply = await client.post("/api/v1/nodes", json={"id": name, "sites": [site]})
        assert reply.status_code == 201, reply.text
        bus = NatsBus(made.engines.bus_url, name=name, seed=reply.json()["token"])
        bus.start()
        join = Join(node=name, sites=(site,), version="simulated", capacity=1000)
        node = SimulatedNode(join, bus, fates.hosts, SystemClock(), Pace(beat_s=0.5, flap_s=3600))
        buses.append(bus)
        nodes.append(node)
        await node.start()
    try:
        yield nodes
    finally:
        for node in nodes:
            await node.stop()
        for bus in buses:
            await bus.close()


async def test_the_centre_sees_which_cameras_really_work(tmp_path: Path) -> None:
    write_fleet(_CAMERAS, 3, tmp_path / "fleet")
    registry = tmp_path / "fleet" / "registry.jsonl"
    cameras: list[dict[str, Any]] = [
        camera for camera in map(msgspec.json.decode, registry.read_bytes().splitlines()) if camera.get("site")
    ]
    sites = tuple(sorted({camera["site"] for camera in cameras}))[:3]
    chosen = [camera for camera in cameras if camera["site"] in sites]
    async with world(lease_s=5.0) as made, _nodes(made, registry, sites) as nodes:
        client = await made.client()
        for camera in chosen:
            body = {"name": camera["name"], "url": camera["rtsp_main"], "site": camera["site"]}
            assert (await client.post("/api/v1/cameras", json=body)).status_code == 201

        async def seen() -> Counter[bool] | None:
            items = (await client.get("/api/v1/cameras", params={"limit": 500})).json()["items"]
            settled = [item["state"] for item in items if item["state"] not in (None, CameraState.CONNECTING)]
            return Counter(state == CameraState.RECORDING for state in settled) if len(settled) == len(chosen) else None

        expected = Counter(bool(camera["working"]) for camera in chosen)
        assert await until(seen, 40) == expected
        assert expected[True] and expected[False]
        assert sum(len(node.states) for node in nodes) == len(chosen)

        async def counted() -> bool:
            items = (await client.get("/api/v1/nodes")).json()["items"]
            return all(item["alive"] for item in items) and sum(item["cameras"] for item in items) == len(chosen)

        assert await until(counted)
