"""Onboarding as routes use it."""

from __future__ import annotations

import asyncio

from khue.centre.fleet.service import Fleet
from khue.centre.link import NodeLink
from khue.centre.onboarding.asking import Targets
from khue.centre.onboarding.discoveries import Discoveries
from khue.centre.onboarding.probing import Probing
from khue.centre.onboarding.rotation import Rotations
from khue.centre.ports import Database
from khue.centre.secrets import Vault


class Onboarding:
    """Looking for cameras, asking them, taking them in, and their passwords."""

    def __init__(self, database: Database, link: NodeLink, fleet: Fleet, vault: Vault) -> None:
        targets = Targets(database, fleet.cameras)
        self.discoveries = Discoveries(database, link)
        self.probing = Probing(database, link, fleet, targets)
        self.rotations = Rotations(database, link, fleet, fleet.cameras, targets, vault)

    async def run(self) -> None:
        """What others left under way is taken up. Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.discoveries.run(), name="discoveries")
            group.create_task(self.rotations.run(), name="rotations")
