"""The centre, assembled over engines it was given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence

from argon2 import PasswordHasher

from khue.centre.access.gate import GrantGate
from khue.centre.access.service import Access
from khue.centre.access.watch import AccessWatch
from khue.centre.app import Services, build_app
from khue.centre.audit.log import AccessLog
from khue.centre.audit.service import Audit
from khue.centre.config import CentreConfig, FleetConfig
from khue.centre.events.board import Board
from khue.centre.events.consumer import Consumer
from khue.centre.fleet.cameras import Cameras
from khue.centre.fleet.enrolment import Enrolment
from khue.centre.fleet.nodes import Nodes
from khue.centre.fleet.placement import Placement
from khue.centre.fleet.retention import Retention
from khue.centre.fleet.service import Fleet
from khue.centre.grants.book import GrantBook
from khue.centre.health import Engines
from khue.centre.identity.accounts import Accounts
from khue.centre.identity.passwords import Passwords
from khue.centre.identity.service import Identity, make_identity
from khue.centre.intake.service import Imports
from khue.centre.inventory.service import Inventory
from khue.centre.link import NodeLink
from khue.centre.live.hub import Hub
from khue.centre.live.lan import LanTokens, LanViewings
from khue.centre.onboarding.service import Onboarding
from khue.centre.organisation.service import Organisation
from khue.centre.playback.clips import Clips
from khue.centre.playback.pruning import Pruning
from khue.centre.playback.service import Playback
from khue.centre.ports import Database, EventSource, NodeKeys, Objects
from khue.centre.registry.service import Registry
from khue.centre.regulation.service import Regulations
from khue.centre.regulation.upkeep import Upkeep
from khue.centre.requests.asking import Asking
from khue.centre.secrets import load_token_key, load_vault
from khue.centre.server import Server
from khue.centre.training.service import Training
from khue.model.time import SystemClock
from khue.wire.bus import Bus

_log = logging.getLogger(__name__)


class Centre:
    """One replica. ``url`` is where it listens; ``admin_password`` is not empty on the first run, and only then.

    The engines are running when ``start`` is called and are stopped by whoever started them, after ``stop``.
    """

    admin_password = ""

    def __init__(
        self,
        config: CentreConfig,
        *,
        database: Database,
        bus: Bus,
        events: EventSource,
        objects: Objects,
        node_keys: NodeKeys,
        hasher: PasswordHasher | None = None,
    ) -> None:
        clock = SystemClock()
        lan_tokens = LanTokens(load_token_key(config.keys), clock)
        link = NodeLink(bus)
        log = AccessLog(database)
        self._board = Board(database, bus)
        vault = load_vault(config.keys)
        cameras = Cameras(database, vault)
        self._nodes, self._placement = self._record_on(
            config.fleet, database, bus, link, cameras, node_keys, lan_tokens.public_key
        )
        playback = Playback(database, link, clock)
        self._clips = Clips(database, link, playback, objects)
        self._pruning = Pruning(database, objects, config.objects.clip_days)
        self._consumer = Consumer(database, events, self._board)
        self._hub = Hub(link, cameras, self._board)
        identity = make_identity(config, database, log, vault, clock, Passwords(hasher))
        self._accounts = identity.accounts
        self._fleet = Fleet(database, link, self._board, cameras, self._nodes, Retention(database), self._place)
        self._onboarding = Onboarding(database, link, self._fleet, vault)
        self._imports = Imports(database, objects, vault, config.keys, self._fleet)
        self._inventory = Inventory(database, config.inventory)
        access = self._ask_before(config, database, bus, log, identity)
        self._lan_viewings = LanViewings(self._watch, link)
        services = Services(
            engines=Engines(database, bus, lambda: self._audit.checkpoints.trouble),
            identity=identity,
            access=access,
            watch=self._watch,
            organisation=Organisation(database),
            book=GrantBook(database, self._watch),
            audit=self._audit,
            board=self._board,
            fleet=self._fleet,
            enrolment=Enrolment(config, database, self._nodes, node_keys, log),
            registry=Registry(database, self._fleet, vault),
            inventory=self._inventory,
            regulations=self._regulations,
            training=Training(database, self._regulations, config.training.enabled),
            imports=self._imports,
            onboarding=self._onboarding,
            asking=self._asking,
            hub=self._hub,
            lan_tokens=lan_tokens,
            lan_viewings=self._lan_viewings,
            playback=playback,
            clips=self._clips,
        )
        self._server = Server(build_app(services), config.listen)
        self._tasks: list[asyncio.Task[None]] = []

    def _ask_before(
        self, config: CentreConfig, database: Database, bus: Bus, log: AccessLog, identity: Identity
    ) -> Access:
        """The gate everything goes through, what it rests on, and who looks that what it allowed still holds."""
        gate = GrantGate(database)
        access = Access(gate, log)
        self._watch = AccessWatch(database, bus, gate, log, identity.sessions)
        self._regulations = Regulations(database)
        self._upkeep = Upkeep(database, self._regulations, self._nodes.tell)
        self._audit = Audit(database, config)
        self._asking = Asking(database, access, log, self._board)
        return access

    def _record_on(
        self,
        config: FleetConfig,
        database: Database,
        bus: Bus,
        link: NodeLink,
        cameras: Cameras,
        node_keys: NodeKeys,
        token_key: bytes,
    ) -> tuple[Nodes, Placement]:
        """The nodes, and who decides which camera goes to which."""
        nodes = Nodes(
            database,
            link,
            cameras,
            node_keys,
            token_key=token_key,
            lease_s=config.lease_s,
            on_change=self._place,
        )
        placement = Placement(
            database,
            bus,
            self._board,
            nodes.tell,
            lease_s=config.lease_s,
            every_s=config.place_every_s,
        )
        return nodes, placement

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def fleet(self) -> Fleet:
        """For whoever runs in the same process, such as the demo."""
        return self._fleet

    @property
    def accounts(self) -> Accounts:
        return self._accounts

    async def start(self) -> None:
        """Serving on return. Raises ConfigError, Unavailable."""
        self.admin_password = await self._accounts.ensure_administrator()
        await self._regulations.ensure()
        await self._inventory.start()
        await self._board.start()
        await self._nodes.start()
        await self._server.start()
        loops: Sequence[tuple[str, Coroutine[None, None, None]]] = (
            ("placement", self._placement.run()),
            ("watch", self._watch.run()),
            ("events", self._consumer.run()),
            ("clips", self._clips.run()),
            ("imports", self._imports.run()),
            ("pruning", self._pruning.run()),
            ("onboarding", self._onboarding.run()),
            ("deadlines", self._asking.run()),
            ("audit", self._audit.run()),
            ("regulation", self._upkeep.run()),
        )
        self._tasks = [asyncio.create_task(loop, name=name) for name, loop in loops]
        for task in self._tasks:
            task.add_done_callback(_complain)

    async def stop(self) -> None:
        """End viewers, requests and loops; clips under way are taken up again at the next start."""
        await self._nodes.stop()
        await self._hub.stop()
        await self._server.stop()
        await self._lan_viewings.stop()
        await self._board.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def enrol(self, node: str, sites: Sequence[str] = ()) -> str:
        """Register a node; returns the token it connects with, once."""
        return await self._nodes.enrol(node, sites)

    async def _place(self) -> None:
        await self._placement.wanted()


def _complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("the loop %s ended", task.get_name(), exc_info=error)
