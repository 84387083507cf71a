"""The demo's fleet on a real centre: books imported over HTTP, nodes enrolled, and the quota board tells said from seen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from centre_world import until, world

from khue.cli.api import Api
from khue.cli.demo_fleet import DemoFleet
from khue.model.camera import CameraState
from khue.model.time import SystemClock
from khue.sim.fleet.fates import load
from khue.sim.fleet.traffic import Pace, SimulatedNode
from khue.sim.fleet.traffic_command import NodeCard
from khue.store.nats import NatsBus
from khue.wire.link import Join


@pytest.mark.timeout(600)  # fifty files are read by processes of their own
async def test_the_fleet_is_imported_and_seen_as_it_is(tmp_path: Path) -> None:
    async with world(lease_s=10.0) as made:
        client = await made.client()
        token = (await client.post("/api/v1/tokens", json={"name": "demo", "expires_days": 1})).json()["token"]
        lines: list[str] = []
        with Api(made.centre.url, token) as api:
            fleet = DemoFleet(api, tmp_path / "fleet", 60, lines.append)
            await asyncio.to_thread(fleet.load)
            cards = await asyncio.to_thread(fleet.enrol)
        assert fleet.report["lost"] == 0
        assert fleet.report["created"] + fleet.report["duplicate"] + fleet.report["refused"] == fleet.report["rows"]
        assert lines[-1] == fleet.line()
        assert cards.stat().st_mode & 0o077 == 0

        known = load(fleet.registry)
        nodes, buses = [], []
        for card in msgspec.json.decode(cards.read_bytes(), type=list[NodeCard]):
            bus = NatsBus(made.engines.bus_url, name=card.id, seed=card.token)
            bus.start()
            join = Join(node=card.id, sites=card.sites, capacity=card.capacity)
            nodes.append(SimulatedNode(join, bus, known.hosts, SystemClock(), Pace(beat_s=1.0, flap_s=3600)))
            buses.append(bus)
        for node in nodes:
            await node.start()
        try:
            lines_of = fleet.registry.read_bytes().splitlines()
            cameras = [camera for camera in map(msgspec.json.decode, lines_of) if camera.get("site")]
            expected = sum(camera["working"] for camera in cameras)

            async def settled() -> dict[str, Any] | None:
                board = (await client.get("/api/v1/inventory/quota", params={"by": "purpose"})).json()
                total: dict[str, Any] = board["total"]
                recording = sum(state is CameraState.RECORDING for node in nodes for state in node.states.values())
                return total if total["seen_working"] == recording and recording >= 0.8 * expected else None

            total = await until(settled, 120)
            assert 0 < total["seen_working"] <= expected < total["declared_working"]
        finally:
            for node in nodes:
                await node.stop()
            for bus in buses:
                await bus.close()
