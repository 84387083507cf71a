"""``khue sim nodes``: simulated nodes as a process of their own."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Protocol

import click
import msgspec

from khue.model.errors import ConfigError
from khue.model.time import SystemClock
from khue.sim.fleet import fates
from khue.sim.fleet.traffic import Pace, SimulatedNode, run
from khue.sim.process import die_with_parent
from khue.wire.bus import Bus
from khue.wire.link import Join


class StartedBus(Bus, Protocol):
    def start(self) -> None:
        """Begin to connect, and never stop until close()."""
        ...


class Connect(Protocol):
    """Makes a bus; ``seed`` is the token the centre gave out for the node."""

    def __call__(self, url: str, *, name: str, seed: str, ca_file: str) -> StartedBus: ...


class NodeCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the ``--nodes`` file."""

    id: str
    token: str
    sites: tuple[str, ...]
    capacity: int = 5000


def nodes_command(connect: Connect) -> click.Command:
    """The command; the bus is a matter of whoever assembles the product."""

    @click.command("nodes")
    @click.option("--registry", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True,
                  help="registry.jsonl of `khue sim fleet`: which cameras really work.")  # fmt: skip
    @click.option("--nodes", "cards", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True,
                  help="JSON list of {id, token, sites} as the centre gave them out.")  # fmt: skip
    @click.option("--nats", required=True, help="URL of the centre's NATS.")
    @click.option(
        "--nats-ca", default="", help="PEM file of the authority that signed the certificate of a tls:// NATS."
    )
    @click.option(
        "--beat", type=click.FloatRange(min=0.1), default=3.0, show_default=True, help="Seconds between heartbeats."
    )
    def nodes(registry: Path, cards: Path, nats: str, nats_ca: str, beat: float) -> None:
        """Simulated nodes that report on the cameras of a simulated fleet, until SIGTERM."""
        die_with_parent()
        try:
            chosen = msgspec.json.decode(cards.read_bytes(), type=list[NodeCard])
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{cards} is no list of nodes: {error}") from error
        buses = [connect(nats, name=card.id, seed=card.token, ca_file=nats_ca) for card in chosen]
        asyncio.run(_serve(buses, chosen, fates.load(registry), Pace(beat_s=beat)))

    return nodes


async def _serve(buses: list[StartedBus], cards: list[NodeCard], known: fates.Fates, pace: Pace) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    nodes = []
    for card, bus in zip(cards, buses, strict=True):
        bus.start()
        join = Join(node=card.id, sites=card.sites, version="simulated", capacity=card.capacity)
        nodes.append(SimulatedNode(join, bus, known.hosts, SystemClock(), pace))
    try:
        await run(nodes, stopping)
    finally:
        for bus in buses:
            await bus.close()
