"""The registry as routes use it."""

from __future__ import annotations

from khue.centre.fleet.service import Fleet
from khue.centre.ports import Database
from khue.centre.registry.agencies import Agencies, Filters
from khue.centre.registry.consents import Consents
from khue.centre.registry.edits import Edits
from khue.centre.registry.history import History
from khue.centre.registry.life import Lives
from khue.centre.registry.record import Records
from khue.centre.registry.security import Security
from khue.centre.secrets import Vault


class Registry:
    """One book per subject."""

    def __init__(self, database: Database, fleet: Fleet, vault: Vault) -> None:
        self.consents = Consents(database, fleet, vault)
        self.records = Records(database, fleet, self.consents)
        self.lives = Lives(database, fleet)
        self.security = Security(database, fleet)
        self.history = History(database)
        self.edits = Edits(database, fleet)
        self.agencies = Agencies(database)
        self.filters = Filters(database)
