"""The inventory, assembled: what its routes need, in one value."""

from __future__ import annotations

from khue.centre.config import InventoryConfig
from khue.centre.inventory.export import Export
from khue.centre.inventory.map import FleetMap
from khue.centre.inventory.quota import Quota
from khue.centre.inventory.search import Search
from khue.centre.inventory.seen import set_rule
from khue.centre.ports import Database


class Inventory:
    """Lists, map, counts and exports. ``start`` makes the configured rule of what counts as seen the one in force."""

    def __init__(self, database: Database, config: InventoryConfig) -> None:
        self._database = database
        self._config = config
        self.search = Search(database)
        self.map = FleetMap(database)
        self.quota = Quota(database)
        self.export = Export(database)

    async def start(self) -> None:
        """Raises Unavailable."""
        config = self._config
        await set_rule(self._database, recorded_hours=config.seen_hours, probe_days=config.probe_days)
